#include "delivery/transfer_error.h"

#include <cerrno>
#include <memory>
#include <string_view>

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

std::string connect_words(const TransferFailure& failure) {
  const bool by_proxy = !failure.proxy.empty();
  const std::string peer = (by_proxy ? "the proxy " : "") +
                           peer_of(by_proxy ? failure.proxy : failure.url).host_and_port;
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
    if (says(failure, "too slow")) {
      return "timed out waiting for an answer from " + peer.host_and_port + ": nothing moves";
    }
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

std::string words(const TransferFailure& failure) {
  const Peer peer = peer_of(failure.url);
  switch (failure.code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "cannot resolve " + peer.host;
    case CURLE_COULDNT_RESOLVE_PROXY:
      return "cannot resolve the proxy " + peer_of(failure.proxy).host;
    case CURLE_COULDNT_CONNECT:
      return connect_words(failure);
    case CURLE_OPERATION_TIMEDOUT:
      return timeout_words(failure, peer);
    case CURLE_PEER_FAILED_VERIFICATION:
      return certificate_words(failure, peer);
    case CURLE_SSL_CACERT_BADFILE:
      return "cannot read the certificates of authorities: check api.ca_file";
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
      if (says(failure, "CONNECT tunnel")) {
        return "the proxy does not connect to " + peer.host_and_port;
      }
      return "the connection to " + peer.host_and_port + " broke before an answer came";
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

}  // namespace flowmyna
