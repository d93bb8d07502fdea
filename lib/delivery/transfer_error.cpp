#include "delivery/transfer_error.h"

#include <cerrno>
#include <memory>
#include <string_view>

#include "delivery/ambient.h"

namespace flowmyna {
namespace {

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK) return {};
  const std::unique_ptr<char, void (*)(void*)> owner(text, &curl_free);
  return text;
}

struct Peer {
  std::string host;
  std::string host_and_port;
};

/// Whom a URL names. Nothing else of it is shown: a proxy's may hold a password.
Peer peer_of(const std::string& url) {
  const std::unique_ptr<CURLU, UrlDeleter> parsed(curl_url());
  if (curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(),
                   CURLU_GUESS_SCHEME | CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) {
    return {"the API", "the API"};
  }
  Peer peer{part_of(parsed.get(), CURLUPART_HOST), {}};
  peer.host_and_port = peer.host + ":" + part_of(parsed.get(), CURLUPART_PORT);
  return peer;
}

std::string seconds(std::chrono::milliseconds time) {
  const auto ms = time.count() % 1000;
  std::string out = std::to_string(time.count() / 1000);
  if (ms != 0) out += "." + std::to_string(ms + 1000).substr(1);
  while (ms != 0 && out.back() == '0') out.pop_back();
  return out + " s";
}

bool says(const TransferFailure& failure, std::string_view words) {
  return failure.detail.find(words) != std::string::npos;
}

/// Whom the failed connection would have led to.
std::string next_peer(const TransferFailure& failure) {
  const std::string peer = peer_of(failure.url).host_and_port;
  if (failure.proxy.empty()) return peer;
  if (failure.proxy == kProxyOfEnvironment) return peer + ", or the environment's proxy for it,";
  return "the proxy " + peer_of(failure.proxy).host_and_port;
}

std::string the_proxy(const TransferFailure& failure) {
  if (failure.proxy == kProxyOfEnvironment) return "the environment's proxy";
  return "the proxy " + peer_of(failure.proxy).host_and_port;
}

std::string where_to_look(const TransferFailure& failure) {
  if (failure.proxy == kProxyOfEnvironment)
    return "check the variables that api.proxy leaves it to";
  return "check api.proxy";
}

bool is_bad_proxy(const TransferFailure& failure) {
  return says(failure, "Unsupported proxy");  // its scheme, or its syntax
}

std::string connect_words(const TransferFailure& failure) {
  if (is_bad_proxy(failure)) {
    return "libcurl knows no such proxy as is configured: " + where_to_look(failure);
  }
  const std::string peer = next_peer(failure);
  switch (failure.os_error) {
    case ECONNREFUSED:
      return "connection refused by " + peer;
    case ENETUNREACH:
      return "no network leads to " + peer;
    case EHOSTUNREACH:
      return "no route to " + peer;
    case ETIMEDOUT:
      return "no connection to " + peer + ": it does not react";
    default:
      return "cannot connect to " + peer;
  }
}

std::string timeout_words(const TransferFailure& failure, const Peer& peer) {
  if (failure.sent) {
    return "timed out after " + seconds(failure.request_timeout) + " waiting for an answer from " +
           peer.host_and_port;
  }
  const std::string after = "timed out after " + seconds(failure.connect_timeout);
  if (failure.connected) return after + " in the TLS handshake with " + peer.host_and_port;
  if (says(failure, "Resolving")) return after + " resolving " + peer.host;
  return after + " connecting to " + peer.host_and_port;
}

std::string certificate_words(const TransferFailure& failure, const Peer& peer) {
  const std::string certificate = "the certificate of " + peer.host_and_port;
  if (says(failure, "subject name") || says(failure, "subjectAltName")) {
    return certificate + " is for another name: a captive portal or proxy, or check api.url";
  }
  if (says(failure, "expired")) return certificate + " has expired, or this machine's clock is off";
  if (says(failure, "not yet valid")) {
    return certificate + " is not valid yet: check this machine's clock";
  }
  if (says(failure, "self-signed") || says(failure, "self signed") || says(failure, "issuer")) {
    return certificate + " is of an authority unknown to this machine; api.ca_file can name it";
  }
  return certificate + " is not accepted";
}

std::string authorities_words(const TransferFailure& failure) {
  if (failure.ca_file.empty()) {
    return "cannot read this machine's certificates of authorities: install ca-certificates, or "
           "set api.ca_file";
  }
  return "cannot read certificates of authorities from api.ca_file " + failure.ca_file;
}

std::string broken_words(const TransferFailure& failure, const Peer& peer) {
  if (!says(failure, "CONNECT tunnel")) {
    return "the connection to " + peer.host_and_port + " broke before an answer came";
  }
  if (says(failure, "response 407")) {
    return "the proxy wants credentials: " + where_to_look(failure);
  }
  return "the proxy does not connect to " + peer.host_and_port;
}

bool lacks_files(const TransferFailure& failure) {
  return !failure.sent && (failure.os_error == EMFILE || failure.os_error == ENFILE);
}

std::string words(const TransferFailure& failure) {
  const Peer peer = peer_of(failure.url);
  if (lacks_files(failure)) {
    return "cannot reach " + peer.host_and_port +
           ", since there are too many open files: raise the limit (LimitNOFILE= in the systemd "
           "unit)";
  }
  switch (failure.code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "cannot resolve " + peer.host;
    case CURLE_COULDNT_RESOLVE_PROXY:
      if (is_bad_proxy(failure)) return connect_words(failure);
      return "cannot resolve " + the_proxy(failure);
    case CURLE_COULDNT_CONNECT:
      return connect_words(failure);
    case CURLE_OPERATION_TIMEDOUT:
      return timeout_words(failure, peer);
    case CURLE_PEER_FAILED_VERIFICATION:
      return certificate_words(failure, peer);
    case CURLE_SSL_CACERT_BADFILE:
      return authorities_words(failure);
    case CURLE_SSL_CONNECT_ERROR:
      return "no TLS connection to " + peer.host_and_port + ": its handshake failed";
    case CURLE_GOT_NOTHING:
      return peer.host_and_port + " closed the connection without an answer";
    case CURLE_PARTIAL_FILE:
      return peer.host_and_port + " closed the connection in the middle of its answer";
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
      return "what answers at " + peer.host_and_port + " does not speak HTTP";
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
      return broken_words(failure, peer);
    case CURLE_PROXY:
      return the_proxy(failure) + " does not connect to " + peer.host_and_port;
    case CURLE_BAD_CONTENT_ENCODING:
      return "the answer from " + peer.host_and_port + " cannot be unpacked";
    default:
      return "no answer from " + peer.host_and_port;
  }
}

}  // namespace

std::string describe(const TransferFailure& failure) {
  const std::string detail =
      failure.detail.empty() ? curl_easy_strerror(failure.code) : failure.detail;
  return words(failure) + " (" + detail + ")";
}

bool is_misconfigured(const TransferFailure& failure) {
  if (lacks_files(failure)) return false;  // which need not be the same the next time
  switch (failure.code) {
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
    case CURLE_NOT_BUILT_IN:
      return true;
    default:
      return is_bad_proxy(failure);
  }
}

}  // namespace flowmyna
