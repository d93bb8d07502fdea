#pragma once

#include <curl/curl.h>

#include <string>
#include <string_view>

namespace flowmyna {

/// What surrounds libcurl and must not decide where requests go, whom they trust and who can read
/// them: the configuration does, and nothing else. libcurl and what it stands on would also listen
/// to the following; `option` is set on every transfer (shut_out_ambience), `unset` removed from
/// the process (shut_out_environment), since there is no option.
///
/// | what | does | here |
/// | --- | --- | --- |
/// | http_proxy, https_proxy, all_proxy, in capitals too | a proxy, which is sent the key over http
/// | option; with `api.proxy = "environment"` it acts | | no_proxy, NO_PROXY | goes past the
/// configured proxy | the same | | SSLKEYLOGFILE | writes the secrets of TLS to a file | unset | |
/// SSL_CERT_FILE, SSL_CERT_DIR | other authorities, in builds without a bundle of their own | unset
/// | | HOSTALIASES, LOCALDOMAIN | other hosts for a name (glibc's resolver) | unset | | the
/// compiled-in CApath | trusted beside api.ca_file | option | | ~/.netrc | a user and a password in
/// place of the key | option (off by default too) |
///
/// Left as they are: RES_OPTIONS and /etc/resolv.conf, since how long to ask which name server is
/// the machine's business; OPENSSL_CONF and /etc/ssl/openssl.cnf, since which ciphers are good
/// enough is as well; CURL_HOME, ~/.curlrc and CURL_CA_BUNDLE, which only the tool reads;
/// CURL_SSL_BACKEND, which chooses among what was built in; NTLMUSER, KRB5_CONFIG and their like,
/// for no such method is on; CURL_DEBUG and CURL_ENTROPY, which debug builds read. Whoever sets
/// LD_PRELOAD has won anyway. (As in libcurl 7.88.1: getenv in lib/, and what links to it.)

/// The value of `api.proxy` with which libcurl reads its variables.
inline constexpr std::string_view kProxyOfEnvironment = "environment";

/// Once a process, before libcurl is initialised, which opens the file of SSLKEYLOGFILE then, and
/// while no other thread may use the environment.
void shut_out_environment();

/// `proxy` as in HttpTransportOptions; `ca_file` empty: the system's authorities.
void shut_out_ambience(CURL* easy, const std::string& proxy, const std::string& ca_file);

}  // namespace flowmyna
