#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "delivery/connections.h"
#include "delivery/courier.h"
#include "delivery/transport.h"

namespace flowmyna {

/// A request's headers. The key among them is wiped when they go; libcurl's own send buffer, which
/// it frees with the transfer, and that of the TLS library cannot be reached.
struct HeaderList {
  curl_slist* list = nullptr;
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList();
  void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
};

/// One request on its way: a libcurl easy handle set up for it, and what becomes of its answer. The
/// courier's multi handle moves it; it is used on the courier's thread alone.
class Transfer {
 public:
  /// libcurl measures the age of connections on the same clock.
  using Monotonic = std::chrono::steady_clock;

  /// `number` is told to `connections`, which outlives it.
  Transfer(const CourierOptions& options, const OutgoingRequest& request, std::string key,
           Transport::Done done, std::uint64_t number, Connections& connections);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return easy_.get(); }

  /// Keeps it from using what the network of `age` ago left behind.
  void distrust_older_than(Monotonic::duration age);

  /// Whether no answer can come any more, after the network changed.
  bool is_dead(const LocalAddresses& addresses) const;

  /// Instead of libcurl: the network that carried it is gone.
  void end();

  /// libcurl is done with it: calls `done` with the answer, or why there is none.
  void finish(CURLcode code);

 private:
  template <class T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }
  void set_connection_care();
  void set_headers(const OutgoingRequest& request);
  void mask_key(std::string& text) const;
  std::string why(CURLcode code, bool left) const;

  static std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* self);
  static int on_socket(void* self, curl_socket_t socket, curlsocktype);
  static int on_close(void* connections, curl_socket_t socket);
  static int on_start(void* self, char*, char* local_ip, int, int local_port);

  struct EasyDeleter {
    void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
  };

  std::unique_ptr<CURL, EasyDeleter> easy_;
  HeaderList headers_;
  Transport::Done done_;
  std::string url_;  // this and the next three for the words of a failure
  std::string proxy_;
  std::chrono::milliseconds connect_timeout_;
  std::chrono::milliseconds request_timeout_;
  std::size_t answer_max_;
  std::uint64_t number_;
  Connections& connections_;
  std::string key_;
  Monotonic::time_point begin_ = Monotonic::now();
  int socket_ = -1;  // of the connection that carries it; -1 while there is none
  bool may_be_repeated_ = true;
  bool overflowed_ = false;
  bool is_ended_ = false;
  bool broke_ = false;  // libcurl wanted to repeat what must not be
  std::uint32_t sends_ = 0;
  std::string body_;
  std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace flowmyna
