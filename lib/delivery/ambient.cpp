#include "delivery/ambient.h"

#include <cstdlib>

namespace flowmyna {
namespace {

// How long a file of authorities is used before it is read again. Reading the system's takes a
// small processor a tenth of a second, at every connection; libcurl's default is a day.
constexpr long kAuthoritiesFreshSeconds = 60;

void set_proxy(CURL* easy, const std::string& proxy) {
  if (proxy == kProxyOfEnvironment) return;
  // An empty string is none, whatever the variables say; not to set it is what asks them.
  curl_easy_setopt(easy, CURLOPT_PROXY, proxy.c_str());
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "");
}

}  // namespace

void shut_out_environment() {
  for (const char* name :
       {"SSLKEYLOGFILE", "SSL_CERT_FILE", "SSL_CERT_DIR", "HOSTALIASES", "LOCALDOMAIN"}) {
    unsetenv(name);
  }
}

void shut_out_ambience(CURL* easy, const std::string& proxy, const std::string& ca_file) {
  set_proxy(easy, proxy);
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, kAuthoritiesFreshSeconds);
  if (ca_file.empty()) return;
  curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file.c_str());
  curl_easy_setopt(easy, CURLOPT_CAPATH, static_cast<const char*>(nullptr));
}

}  // namespace flowmyna
