#include "delivery/transfer.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "delivery/ambient.h"

namespace flowmyna {
namespace {

// How long answers of a name server are used: libcurl's default. Connections may live longer.
constexpr std::chrono::seconds kNamesFresh{60};

// A name server that has not answered for so long when the network changes was the old network's.
// (Not at once: on a network that flaps no name would ever be found.)
constexpr std::chrono::seconds kResolvePatience{1};

constexpr const char* kMaskedKey = "[the API key]";

void wipe(char* text) {
  explicit_bzero(text, std::strlen(text));
}

std::string header_value(CURL* easy, const char* name) {
  curl_header* header = nullptr;
  if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return {};
  return header->value;
}

/// EMFILE or ENFILE, while that is how it is; else 0. Without a descriptor libcurl finds no
/// address, no socket or no certificates, and never says why.
int lack_of_files() {
  const int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int error = fd < 0 ? errno : 0;
  if (fd >= 0) close(fd);
  return error == EMFILE || error == ENFILE ? error : 0;
}

}  // namespace

HeaderList::~HeaderList() {
  for (curl_slist* line = list; line != nullptr; line = line->next) wipe(line->data);
  curl_slist_free_all(list);
}

Transfer::Transfer(const HttpTransportOptions& options, const OutgoingRequest& request,
                   std::string key, Transport::Done done, std::uint64_t number,
                   Connections& connections)
    : easy_(curl_easy_init()),
      done_(std::move(done)),
      url_(options.base_url + request.path),
      proxy_(options.proxy),
      connect_timeout_(options.connect_timeout),
      request_timeout_(options.request_timeout),
      ca_file_(options.ca_file),
      answer_max_(options.answer_bytes_max),
      connection_age_max_(options.connection_age_max),
      number_(number),
      connections_(connections),
      key_(std::move(key)),
      stall_(options.request_timeout) {
  may_be_repeated_ = request.may_be_repeated || request.is_get;
  set(CURLOPT_URL, url_.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set_limits(options);
  set_connection_care();
  shut_out_ambience(easy(), proxy_, ca_file_);
  set(CURLOPT_USERAGENT, "flowmyna-agent/" FLOWMYNA_VERSION);
  set(CURLOPT_ACCEPT_ENCODING, "gzip, deflate");
  set_headers(request);
  if (!request.is_get) {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
    set(CURLOPT_POSTFIELDS, request.body->data());
  }
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PREREQFUNCTION, &Transfer::on_start);
  set(CURLOPT_PREREQDATA, this);
  set(CURLOPT_ERRORBUFFER, error_.data());
}

Transfer::~Transfer() {
  explicit_bzero(key_.data(), key_.size());
}

/// libcurl's limits on a connection's age are whole seconds, which its age in whole seconds may
/// reach but not exceed: so one less. There is no limit on how long all of it takes: StallWatch.
void Transfer::set_limits(const HttpTransportOptions& options) {
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  // A name server that does not answer is left to a thread of its own; else libcurl would wait
  // for it, and all of delivery with it, when the transfer is given up.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_MAXAGE_CONN, static_cast<long>(options.idle_max.count() - 1));
  use_what_is_younger_than(options.connection_age_max);
}

/// Connections, and what name servers answered.
void Transfer::use_what_is_younger_than(std::chrono::seconds age) {
  const auto age_max = std::min(age, connection_age_max_);
  const auto beyond = std::max(age_max - std::chrono::seconds(1), std::chrono::seconds(1));
  set(CURLOPT_MAXLIFETIME_CONN, static_cast<long>(beyond.count()));  // 0 would mean no limit
  set(CURLOPT_DNS_CACHE_TIMEOUT, static_cast<long>(std::min(age_max, kNamesFresh).count()));
}

/// This takes all connections that are older than the change, and of the others at most those of
/// its first second.
void Transfer::distrust_older_than(Monotonic::duration age) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(age);
  if (seconds.count() < 2) set(CURLOPT_FRESH_CONNECT, 1L);
  use_what_is_younger_than(seconds);
}

bool Transfer::is_dead(const LocalAddresses& addresses) const {
  if (socket_ >= 0) return connections_.is_dead(socket_, addresses);
  const auto dead = connections_.are_dead(number_, addresses);
  return dead.value_or(Monotonic::now() - begin_ > kResolvePatience);
}

Transfer::Ending Transfer::look(Monotonic::time_point now) {
  if (now < stall_.next_look()) return Ending::kNone;
  switch (stall_.look(now, Connections::progress_of(socket_))) {
    case StallWatch::Finding::kStandsStill:
      return Ending::kStandsStill;
    case StallWatch::Finding::kTakesTooLong:
      return Ending::kTakesTooLong;
    case StallWatch::Finding::kMoves:
      break;
  }
  return Ending::kNone;
}

void Transfer::use_fresh_connection() {
  is_stale_ = false;
  set(CURLOPT_FRESH_CONNECT, 1L);
}

void Transfer::end(Ending why) {
  ending_ = why;
  finish(why == Ending::kNetworkGone ? CURLE_ABORTED_BY_CALLBACK : CURLE_OPERATION_TIMEDOUT);
}

void Transfer::finish(CURLcode code) {
  Answer answer;
  answer.sends = sends_;
  if (code == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &status);
    answer.status = static_cast<int>(status);
    answer.body = std::move(body_);
    answer.content_type = header_value(easy(), "Content-Type");
    answer.retry_after = header_value(easy(), "Retry-After");
    answer.rate_limit_reset = header_value(easy(), "X-RateLimit-Reset");
    answer.date = header_value(easy(), "Date");
  } else {
    describe_failure(code, answer);
  }
  mask_key(answer.body);
  mask_key(answer.content_type);
  mask_key(answer.error);
  done_(std::move(answer));
}

/// See Connections; the keepalive is set by libcurl, before on_socket.
void Transfer::set_connection_care() {
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_TCP_KEEPIDLE, static_cast<long>(Connections::kKeepaliveIdleSeconds));
  set(CURLOPT_TCP_KEEPINTVL, static_cast<long>(Connections::kKeepaliveEverySeconds));
  set(CURLOPT_SOCKOPTFUNCTION, &Transfer::on_socket);
  set(CURLOPT_SOCKOPTDATA, this);
  set(CURLOPT_CLOSESOCKETFUNCTION, &Transfer::on_close);
  set(CURLOPT_CLOSESOCKETDATA, &connections_);  // outlives the transfer, as the connection does
}

void Transfer::set_headers(const OutgoingRequest& request) {
  std::string authorization = "Authorization: Bearer " + key_;
  headers_.add(authorization);
  wipe(authorization.data());
  headers_.add("Accept: application/json");
  headers_.add("Expect:");
  if (!request.is_get) headers_.add("Content-Type: application/json");
  if (!request.idempotency_key.empty()) {
    headers_.add("Idempotency-Key: " + request.idempotency_key);
  }
  set(CURLOPT_HTTPHEADER, headers_.list);
}

/// An answer, or a portal's, may quote the key that it was sent.
void Transfer::mask_key(std::string& text) const {
  for (std::size_t at = text.find(key_); at != text.npos; at = text.find(key_, at)) {
    text.replace(at, key_.size(), kMaskedKey);
  }
}

void Transfer::describe_failure(CURLcode code, Answer& answer) const {
  const TransferFailure failure = failure_of(code);
  answer.delivery = failure.sent ? Answer::Delivery::kLost : Answer::Delivery::kNotSent;
  answer.timed_out = ending_ == Ending::kStandsStill || ending_ == Ending::kTakesTooLong;
  if (!failure.sent && is_misconfigured(failure)) {
    answer.obstacle = Answer::Obstacle::kMisconfigured;
  }
  if (ending_ == Ending::kNetworkGone) {
    answer.error = "the network changed, and the connection died with the old one";
  } else if (overflowed_) {
    answer.error = "the answer is too large to be the API's";
  } else if (broke_) {
    answer.error = "the connection broke before an answer came";
  } else {
    answer.error = describe(failure);
  }
}

TransferFailure Transfer::failure_of(CURLcode code) const {
  TransferFailure failure;
  failure.code = code;
  failure.detail = error_.data();
  failure.url = url_;
  failure.proxy = proxy_;
  failure.ca_file = ca_file_;
  failure.sent = sends_ > 0;
  long local_port = 0;  // there is none before TCP is connected
  curl_easy_getinfo(easy(), CURLINFO_OS_ERRNO, &failure.os_error);
  curl_easy_getinfo(easy(), CURLINFO_LOCAL_PORT, &local_port);
  failure.connected = local_port > 0;
  if (failure.os_error == 0 && !failure.sent) failure.os_error = lack_of_files();
  failure.connect_timeout = connect_timeout_;
  failure.request_timeout = request_timeout_;
  if (ending_ == Ending::kStandsStill) failure.detail = "nothing moves";
  if (ending_ == Ending::kTakesTooLong) {
    failure.detail = "it comes too slowly";
    failure.request_timeout *= StallWatch::kAllInAll;
  }
  return failure;
}

/// Whether there is room for that much more of an answer.
bool Transfer::takes_in(std::size_t bytes) {
  answer_bytes_ += bytes;
  overflowed_ = overflowed_ || answer_bytes_ > answer_max_;
  return !overflowed_;
}

std::size_t Transfer::on_header(char*, std::size_t, std::size_t size, void* self) {
  return static_cast<Transfer*>(self)->takes_in(size) ? size : 0;
}

std::size_t Transfer::on_body(char* bytes, std::size_t, std::size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (!transfer.takes_in(size)) return 0;
  transfer.body_.append(bytes, size);
  return size;
}

int Transfer::on_socket(void* self, curl_socket_t socket, curlsocktype) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.connections_.opened(socket, transfer.number_);
  return CURL_SOCKOPT_OK;
}

int Transfer::on_close(void* connections, curl_socket_t socket) {
  static_cast<Connections*>(connections)->close(socket);
  return 0;
}

/// The last moment before a request leaves: the connection stands, through a proxy and TLS if need
/// be, and not a byte of the request is on it yet.
int Transfer::on_start(void* self, char*, char* local_ip, int, int local_port) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto [socket, was_used] = transfer.connections_.started(local_ip, local_port);
  transfer.socket_ = socket;
  transfer.broke_ = transfer.sends_ > 0 && !transfer.may_be_repeated_;
  transfer.is_stale_ = !transfer.broke_ && was_used && Connections::has_news(socket);
  if (transfer.broke_ || transfer.is_stale_) return CURL_PREREQFUNC_ABORT;
  ++transfer.sends_;
  transfer.stall_.begin(Monotonic::now(), Connections::progress_of(socket));
  return CURL_PREREQFUNC_OK;
}

}  // namespace flowmyna
