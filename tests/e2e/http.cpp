#include "e2e/http.h"

#include <curl/curl.h>

namespace flowmyna::test {
namespace {

// Far beyond what anything takes, on any machine: only a hang reaches it.
constexpr long kTimeoutSeconds = 120;

std::size_t append(char* bytes, std::size_t, std::size_t size, void* out) {
  static_cast<std::string*>(out)->append(bytes, size);
  return size;
}

}  // namespace

Http::Http(std::string base, std::string socket)
    : base_(std::move(base)), socket_(std::move(socket)), easy_(curl_easy_init()) {}

Http::~Http() {
  curl_easy_cleanup(easy_);
}

HttpReply Http::get(const std::string& path) {
  return request("GET", path, nullptr);
}

HttpReply Http::post(const std::string& path, const std::string& body,
                     const std::vector<std::string>& headers) {
  return request("POST", path, &body, headers);
}

HttpReply Http::request(const std::string& method, const std::string& path, const std::string* body,
                        const std::vector<std::string>& headers) {
  HttpReply reply;
  curl_easy_reset(easy_);
  const std::string url = base_ + path;
  curl_easy_setopt(easy_, CURLOPT_URL, url.c_str());
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT, kTimeoutSeconds);
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, method.c_str());
  if (!socket_.empty()) curl_easy_setopt(easy_, CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
  if (body != nullptr) {
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body->data());
  }
  curl_slist* list = curl_slist_append(nullptr, "Expect:");
  for (const auto& header : headers) list = curl_slist_append(list, header.c_str());
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, list);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &append);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &reply.body);
  const CURLcode code = curl_easy_perform(easy_);
  curl_slist_free_all(list);
  if (code != CURLE_OK) {
    reply.error = curl_easy_strerror(code);
    return reply;
  }
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<int>(status);
  return reply;
}

}  // namespace flowmyna::test
