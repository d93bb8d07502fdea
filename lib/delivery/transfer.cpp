#include "delivery/transfer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "delivery/transfer_error.h"

namespace flowmyna {
namespace {

// Servers close idle connections after a minute or so; using one just then loses a request.
constexpr long kConnectionIdleSeconds = 30;

// How long answers of a name server are used: libcurl's default.
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

}  // namespace

HeaderList::~HeaderList() {
  for (curl_slist* line = list; line != nullptr; line = line->next) wipe(line->data);
  curl_slist_free_all(list);
}

Transfer::Transfer(const CourierOptions& options, const OutgoingRequest& request, std::string key,
                   Transport::Done done, std::uint64_t number, Connections& connections)
    : easy_(curl_easy_init()),
      done_(std::move(done)),
      url_(options.base_url + request.path),
      proxy_(options.proxy),
      connect_timeout_(options.connect_timeout),
      request_timeout_(options.request_timeout),
      answer_max_(options.answer_bytes_max),
      number_(number),
      connections_(connections),
      key_(std::move(key)) {
  may_be_repeated_ = request.may_be_repeated || request.is_get;
  set(CURLOPT_URL, url_.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.request_timeout.count()));
  // A name server that does not answer is left to a thread of its own; else libcurl would wait
  // for it, and all of delivery with it, when the transfer is given up.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_MAXAGE_CONN, kConnectionIdleSeconds);
  set_connection_care();
  set(CURLOPT_USERAGENT, "flowmyna-agent/" FLOWMYNA_VERSION);
  if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  if (!options.proxy.empty()) set(CURLOPT_PROXY, options.proxy.c_str());
  set_headers(request);
  if (!request.is_get) {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
    set(CURLOPT_POSTFIELDS, request.body->data());
  }
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_PREREQFUNCTION, &Transfer::on_start);
  set(CURLOPT_PREREQDATA, this);
  set(CURLOPT_ERRORBUFFER, error_.data());
}

Transfer::~Transfer() {
  explicit_bzero(key_.data(), key_.size());
}

/// A connection is too old for
/// libcurl once its age in whole seconds exceeds a limit in whole seconds, of which 0 means
/// none; so this takes all connections that are older than the change, and of the others at most
/// those of its first second.
void Transfer::distrust_older_than(Monotonic::duration age) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(age);
  if (seconds.count() < 2) {
    set(CURLOPT_FRESH_CONNECT, 1L);
  } else {
    set(CURLOPT_MAXLIFETIME_CONN, static_cast<long>(seconds.count() - 1));
  }
  set(CURLOPT_DNS_CACHE_TIMEOUT, static_cast<long>(std::min(seconds, kNamesFresh).count()));
}

bool Transfer::is_dead(const LocalAddresses& addresses) const {
  if (socket_ >= 0) return connections_.is_dead(socket_, addresses);
  const auto dead = connections_.are_dead(number_, addresses);
  return dead.value_or(Monotonic::now() - begin_ > kResolvePatience);
}

void Transfer::end() {
  is_ended_ = true;
  finish(CURLE_ABORTED_BY_CALLBACK);
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
  } else {
    long bytes_sent = 0;
    curl_easy_getinfo(easy(), CURLINFO_REQUEST_SIZE, &bytes_sent);
    const bool left = bytes_sent > 0;
    answer.delivery = left ? Answer::Delivery::kLost : Answer::Delivery::kNotSent;
    answer.error = why(code, left);
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

std::string Transfer::why(CURLcode code, bool left) const {
  if (is_ended_) return "the network changed, and the connection died with the old one";
  if (overflowed_) return "the answer is too large to be the API's";
  if (broke_) return "the connection broke before an answer came";
  TransferFailure failure{code, error_.data(), url_, proxy_, 0, false, left, {}, {}};
  long local_port = 0;  // there is none before TCP is connected
  curl_easy_getinfo(easy(), CURLINFO_OS_ERRNO, &failure.os_error);
  curl_easy_getinfo(easy(), CURLINFO_LOCAL_PORT, &local_port);
  failure.connected = local_port > 0;
  failure.connect_timeout = connect_timeout_;
  failure.request_timeout = request_timeout_;
  return describe(failure);
}

std::size_t Transfer::on_body(char* bytes, std::size_t, std::size_t size, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (transfer.body_.size() + size > transfer.answer_max_) {
    transfer.overflowed_ = true;
    return 0;
  }
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

int Transfer::on_start(void* self, char*, char* local_ip, int, int local_port) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.socket_ = transfer.connections_.started(local_ip, local_port);
  if (transfer.sends_ > 0 && !transfer.may_be_repeated_) {
    transfer.broke_ = true;
    return CURL_PREREQFUNC_ABORT;
  }
  ++transfer.sends_;
  return CURL_PREREQFUNC_OK;
}

}  // namespace flowmyna
