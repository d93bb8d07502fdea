#pragma once

#include <curl/curl.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "delivery/connections.h"
#include "delivery/http_transport.h"
#include "delivery/stall_watch.h"
#include "delivery/transfer_error.h"
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
/// transport's multi handle moves it; it is used on the transport's thread alone.
class Transfer {
 public:
  /// libcurl measures the age of connections on the same clock.
  using Monotonic = StallWatch::Monotonic;
  /// Why the transport ends one, and not libcurl.
  enum class Ending : std::uint8_t { kNone, kNetworkGone, kStandsStill, kTakesTooLong };

  /// `number` is told to `connections`, which outlives it.
  Transfer(const HttpTransportOptions& options, const OutgoingRequest& request, std::string key,
           Transport::Done done, std::uint64_t number, Connections& connections);
  ~Transfer();
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return easy_.get(); }

  /// Keeps it from using what the network of `age` ago left behind.
  void distrust_older_than(Monotonic::duration age);

  /// Whether no answer can come any more, after the network changed.
  bool is_dead(const LocalAddresses& addresses) const;

  /// When to call `look` at the latest.
  Monotonic::time_point next_look() const { return stall_.next_look(); }
  /// Whether to end it, since nothing has moved for too long.
  Ending look(Monotonic::time_point now);

  /// Nothing left: the connection that it was to use may be closed at the other end.
  bool wants_fresh_connection() const { return is_stale_; }
  void use_fresh_connection();

  /// Instead of libcurl.
  void end(Ending why);

  /// libcurl is done with it: calls `done` with the answer, or why there is none.
  void finish(CURLcode code);

 private:
  template <class T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }
  void set_limits(const HttpTransportOptions& options);
  void use_what_is_younger_than(std::chrono::seconds age);
  void set_connection_care();
  void set_headers(const OutgoingRequest& request);
  void mask_key(std::string& text) const;
  void describe_failure(CURLcode code, Answer& answer) const;
  TransferFailure failure_of(CURLcode code) const;
  bool takes_in(std::size_t bytes);

  static std::size_t on_header(char* bytes, std::size_t, std::size_t size, void* self);
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
  std::string url_;  // this and the next four for the words of a failure
  std::string proxy_;
  std::chrono::milliseconds connect_timeout_;
  std::chrono::milliseconds request_timeout_;
  std::string ca_file_;
  std::size_t answer_max_;
  std::chrono::seconds connection_age_max_;
  std::uint64_t number_;
  Connections& connections_;
  std::string key_;
  Monotonic::time_point begin_ = Monotonic::now();
  int socket_ = -1;  // of the connection that carries it; -1 while there is none
  bool may_be_repeated_ = true;
  bool overflowed_ = false;
  Ending ending_ = Ending::kNone;
  bool is_stale_ = false;
  bool broke_ = false;  // libcurl wanted to repeat what must not be
  std::uint32_t sends_ = 0;
  StallWatch stall_;
  std::size_t answer_bytes_ = 0;
  std::string body_;
  std::array<char, CURL_ERROR_SIZE> error_{};
};

}  // namespace flowmyna
