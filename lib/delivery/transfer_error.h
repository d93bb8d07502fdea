#pragma once

#include <curl/curl.h>

#include <chrono>
#include <string>

namespace flowmyna {

/// A transfer that brought no answer, as libcurl tells of it.
struct TransferFailure {
  CURLcode code = CURLE_OK;
  std::string detail;      ///< CURLOPT_ERRORBUFFER; may be empty
  std::string url;         ///< of the request
  std::string proxy;       ///< as in HttpTransportOptions
  std::string ca_file;     ///< as in HttpTransportOptions
  long os_error = 0;       ///< CURLINFO_OS_ERRNO: of the last connect; EMFILE, ENFILE; or 0
  bool connected = false;  ///< TCP; TLS is what comes next, if there is any
  bool sent = false;       ///< part of the request may have left this machine
  std::chrono::milliseconds connect_timeout{0};
  std::chrono::milliseconds request_timeout{0};  ///< the one that was exceeded
};

/// One line in an operator's words: what does not work, with which host and port, where that can be
/// said what to look at; libcurl's own detail, which names numbers, stands in parentheses. Holds
/// neither headers nor the body, and so never the key.
std::string describe(const TransferFailure& failure);

/// Whether it will fail in the same way until a person mends the configuration, or a file that it
/// names.
bool is_misconfigured(const TransferFailure& failure);

}  // namespace flowmyna
