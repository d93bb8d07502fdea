#include "agent/http/http_connection.h"

#include <strings.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <string>

#include "agent/config/loopback.h"
#include "core/empty_out.h"

namespace flowmyna {
namespace {

/// The body of a refused request is read and thrown away up to this size, so that the client gets
/// to read the answer and the connection stays usable: closing a socket with unread input resets
/// it. Larger ones are cut off.
constexpr std::size_t kDiscardMaxBytes = 256UL << 10U;
/// Connections of a user over the limit that still get to read their 429; the ones beyond are cut
/// off at once, so that silent connections cannot use up max_connections.
constexpr unsigned kRefusedConnectionsPerUser = 8;
/// Memory set aside for a body whose length is not told, and kept for the next one.
constexpr std::size_t kInitialBodyBytes = 4UL << 10U;

constexpr HttpRefusal kForbiddenUser{
    403, R"({"detail":"this user may not talk to the agent; see listen.allow_users"})", 0, true};
constexpr HttpRefusal kTooManyConnections{
    429, R"({"detail":"too many connections of this user; reuse connections or close some"})", 1,
    true};
constexpr HttpRefusal kAmbiguousLength{
    400, R"({"detail":"the length of the body is ambiguous; send one Content-Length or chunks"})",
    0, true};
constexpr HttpRefusal kUnknownEncoding{
    400, R"({"detail":"the only Transfer-Encoding understood is 'chunked'"})", 0, true};
constexpr HttpRefusal kForeignHost{
    403, R"({"detail":"the Host header must name this machine: 127.0.0.1, [::1] or localhost"})", 0,
    true};
constexpr HttpRefusal kBrowser{
    403, R"({"detail":"requests from web pages (Origin) are not served"})", 0, true};
constexpr HttpRefusal kUnauthorized{
    401, R"({"detail":"missing or wrong API key; on TCP send 'Authorization: Bearer KEY'"})"};
constexpr HttpRefusal kTooLarge{413, R"({"detail":"the body is too large; send smaller batches"})",
                                0, true};
constexpr HttpRefusal kOutOfMemory{503,
                                   R"({"detail":"too many large requests at once; try again"})", 1};
constexpr HttpRefusal kStopping{503, R"({"detail":"the agent is stopping; try again"})", 1, true};

struct ResponseDeleter {
  void operator()(MHD_Response* response) const { MHD_destroy_response(response); }
};
using ResponsePtr = std::unique_ptr<MHD_Response, ResponseDeleter>;

/// libmicrohttpd keeps the pointer: `body` must stay until the request is completed.
ResponsePtr response_of(std::string_view body) {
  // The library takes void* and, with MHD_RESPMEM_PERSISTENT, only reads.
  return ResponsePtr(MHD_create_response_from_buffer(body.size(), const_cast<char*>(body.data()),
                                                     MHD_RESPMEM_PERSISTENT));
}

void add_retry_after(MHD_Response* response, int seconds) {
  if (seconds <= 0) return;
  std::array<char, 16> text{};
  std::to_chars(text.data(), text.data() + text.size() - 1, seconds);
  MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, text.data());
}

bool bearer_matches(std::string_view authorization, const Secret& key) {
  constexpr std::string_view kScheme = "Bearer ";
  if (authorization.size() < kScheme.size() ||
      strncasecmp(authorization.data(), kScheme.data(), kScheme.size()) != 0) {
    return false;
  }
  return key.equals(authorization.substr(kScheme.size()));
}

/// Nothing when it is not a plain number; libmicrohttpd has refused that already.
std::optional<std::size_t> parse_length(std::string_view text) {
  std::size_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

HttpConnection::HttpConnection(std::shared_ptr<HttpServer::Core> core, MHD_Connection* connection)
    : core_(std::move(core)), connection_(connection), admission_(identify()) {
  core_->connections_open.fetch_add(1, std::memory_order_relaxed);
  const std::lock_guard lock(core_->mutex);
  next = core_->first_connection;
  if (next != nullptr) next->previous = this;
  core_->first_connection = this;
}

HttpConnection::~HttpConnection() {
  core_->connections_open.fetch_sub(1, std::memory_order_relaxed);
  if (uid_) {
    const auto found = core_->connections_by_user.find(*uid_);
    if (--found->second == 0) core_->connections_by_user.erase(found);
  }
  const std::lock_guard lock(core_->mutex);
  (previous != nullptr ? previous->next : core_->first_connection) = next;
  if (next != nullptr) next->previous = previous;
}

HttpConnection::Admission HttpConnection::identify() {
  if (core_->kind != ListeningSocket::Kind::kUnix) return Admission::kWelcome;
  const int fd =
      MHD_get_connection_info(connection_, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  ucred peer{};
  socklen_t size_bytes = sizeof peer;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size_bytes) != 0)
    return Admission::kForbidden;
  uid_ = peer.uid;
  const unsigned count = ++core_->connections_by_user[peer.uid];
  const auto& allowed = core_->options.allow_users;
  const bool welcome =
      allowed.empty() || std::find(allowed.begin(), allowed.end(), peer.uid) != allowed.end();
  const unsigned limit = welcome ? core_->options.max_connections_per_user : 0;
  if (count > limit + kRefusedConnectionsPerUser) {
    core_->refused.fetch_add(1, std::memory_order_relaxed);
    shutdown(fd, SHUT_RDWR);
  }
  if (!welcome) return Admission::kForbidden;
  return count > limit ? Admission::kTooMany : Admission::kWelcome;
}

void HttpConnection::begin(const char* target) {
  stage_ = Stage::kHeaders;
  refusal_ = nullptr;
  discarded_bytes_ = 0;
  std::string_view text = target == nullptr ? std::string_view{} : std::string_view(target);
  if (const std::size_t scheme = text.find("://"); !text.starts_with('/') && scheme != text.npos) {
    // The absolute form, as sent to a proxy (RFC 9112, section 3.2.2).
    const std::size_t path = text.find('/', scheme + 3);
    text = path == text.npos ? "/" : text.substr(path);
  }
  const std::size_t question = text.find('?');
  request_.path = text.substr(0, question);
  request_.query = question == text.npos ? "" : text.substr(question + 1);
}

MHD_Result HttpConnection::progress(const char* method, const char* data, std::size_t* size_bytes) {
  switch (stage_) {
    case Stage::kHeaders:
      return admit(method);
    case Stage::kBody: {
      if (*size_bytes == 0) return refusal_ != nullptr ? refuse(*refusal_) : hand_over();
      const std::string_view piece(data, *size_bytes);
      *size_bytes = 0;
      return take(piece);
    }
    case Stage::kHandedOver:
      return look_for_answer();
  }
  return MHD_NO;
}

MHD_Result HttpConnection::admit(const char* method) {
  const RequestHeaders headers = RequestHeaders::read(connection_);
  stage_ = Stage::kBody;
  refusal_ = check(headers);
  const std::size_t length_bytes = parse_length(headers.content_length.value_or("0")).value_or(0);
  if (refusal_ != nullptr) {
    // Answering here, before the body, makes libmicrohttpd close the connection afterwards.
    const bool discard =
        !headers.transfer_encoding && !headers.expects_continue && length_bytes <= kDiscardMaxBytes;
    return discard ? MHD_YES : refuse(*refusal_);
  }
  request_.method = method;
  request_.user = uid_;
  request_.content_type = headers.content_type;
  request_.prefer = headers.prefer;
  expected_bytes_ = headers.transfer_encoding ? core_->options.max_body_bytes : length_bytes;
  request_.body.reserve((headers.transfer_encoding ? kInitialBodyBytes : length_bytes) +
                        kBodyPadding);
  return MHD_YES;
}

/// The reason not to serve this request, null when there is none. Reserves memory for the body.
const HttpRefusal* HttpConnection::check(const RequestHeaders& headers) {
  if (admission_ == Admission::kForbidden) return &kForbiddenUser;
  if (admission_ == Admission::kTooMany) return &kTooManyConnections;
  if (headers.conflicting_framing) return &kAmbiguousLength;
  if (headers.transfer_encoding &&
      !(headers.transfer_encoding->size() == 7 &&
        strncasecmp(headers.transfer_encoding->data(), "chunked", 7) == 0)) {
    return &kUnknownEncoding;
  }
  if (core_->kind == ListeningSocket::Kind::kTcp) {
    if (const HttpRefusal* refusal = check_tcp(headers)) return refusal;
  }
  if (!headers.content_length) return nullptr;
  const auto length_bytes = parse_length(*headers.content_length);
  if (!length_bytes || *length_bytes > core_->options.max_body_bytes) return &kTooLarge;
  return reserve_memory(*length_bytes) ? nullptr : &kOutOfMemory;
}

const HttpRefusal* HttpConnection::check_tcp(const RequestHeaders& headers) const {
  if (!is_loopback_host(split_host_and_port(headers.host).host)) return &kForeignHost;
  if (headers.has_origin) return &kBrowser;
  const std::lock_guard lock(core_->mutex);
  const bool authorized = bearer_matches(headers.authorization, core_->bearer_key) ||
                          core_->bearer_key.equals(headers.api_key);
  return authorized ? nullptr : &kUnauthorized;
}

MHD_Result HttpConnection::take(std::string_view piece) {
  if (refusal_ != nullptr) {
    discarded_bytes_ += piece.size();
    return discarded_bytes_ > kDiscardMaxBytes ? MHD_NO : MHD_YES;
  }
  // Chunked: how much it will be is only known now.
  const std::size_t size_bytes = request_.body.size() + piece.size();
  if (size_bytes > core_->options.max_body_bytes) {
    refusal_ = &kTooLarge;
  } else if (!reserve_memory(size_bytes)) {
    refusal_ = &kOutOfMemory;
  }
  if (refusal_ != nullptr) {
    drop_body();
    return MHD_YES;
  }
  grow_body(size_bytes);
  request_.body.append(piece);
  if (size_bytes < expected_bytes_) core_->goes_on = true;
  return MHD_YES;
}

/// Tops up what this request holds of the memory for large bodies. False: there is none left.
bool HttpConnection::reserve_memory(std::size_t body_bytes) {
  if (body_bytes <= kSmallBodyBytes || body_bytes <= reserved_bytes_) return true;
  const std::size_t more_bytes = body_bytes - reserved_bytes_;
  const std::size_t free_bytes = core_->options.max_large_bodies_bytes - core_->large_bodies_bytes;
  if (more_bytes > free_bytes) return false;
  core_->large_bodies_bytes += more_bytes;
  reserved_bytes_ = body_bytes;
  return true;
}

void HttpConnection::grow_body(std::size_t size_bytes) {
  const std::size_t needed_bytes = size_bytes + kBodyPadding;
  if (request_.body.capacity() >= needed_bytes) return;
  request_.body.reserve(std::max(needed_bytes, 2 * request_.body.capacity()));
}

/// Empties the body, but keeps memory for a small one.
void HttpConnection::free_body() {
  empty_out(request_.body, kInitialBodyBytes + kBodyPadding);
}

void HttpConnection::drop_body() {
  free_body();
  core_->large_bodies_bytes -= std::exchange(reserved_bytes_, 0);
}

MHD_Result HttpConnection::hand_over() {
  auto handed_over = std::exchange(spare_channel_, nullptr);
  if (handed_over == nullptr) {
    handed_over = std::make_shared<RequestChannel>(core_, connection_);
  }
  {
    const std::lock_guard lock(core_->mutex);
    if (core_->stopping) {
      refusal_ = &kStopping;
    } else {
      channel = handed_over;
      ++core_->in_flight;
    }
  }
  if (refusal_ != nullptr) return refuse(*refusal_);
  stage_ = Stage::kHandedOver;
  handed_over_turn_ = core_->loop.turn();
  core_->requests.fetch_add(1, std::memory_order_relaxed);
  core_->handler(request_, Responder(handed_over));
  free_body();
  return handed_over->is_answered() ? answer(handed_over->response()) : MHD_YES;
}

/// An answer that is not there in the next turn takes longer than a commit.
MHD_Result HttpConnection::look_for_answer() {
  if (channel->is_answered()) {
    core_->goes_on = true;
    return answer(channel->response());
  }
  if (handed_over_turn_ != core_->loop.turn()) channel->suspend();
  return MHD_YES;
}

MHD_Result HttpConnection::answer(const HttpResponse& response) {
  const ResponsePtr made = response_of(response.body);
  if (made == nullptr) return MHD_NO;
  MHD_add_response_header(made.get(), MHD_HTTP_HEADER_CONTENT_TYPE, response.content_type);
  add_retry_after(made.get(), response.retry_after_seconds);
  if (!response.allow.empty()) {
    MHD_add_response_header(made.get(), MHD_HTTP_HEADER_ALLOW, response.allow.c_str());
  }
  if (!response.preference_applied.empty()) {
    MHD_add_response_header(made.get(), "Preference-Applied", response.preference_applied.c_str());
  }
  return MHD_queue_response(connection_, static_cast<unsigned>(response.status), made.get());
}

MHD_Result HttpConnection::refuse(const HttpRefusal& refusal) {
  core_->refused.fetch_add(1, std::memory_order_relaxed);
  const ResponsePtr made = response_of(refusal.body);
  if (made == nullptr) return MHD_NO;
  MHD_add_response_header(made.get(), MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
  add_retry_after(made.get(), refusal.retry_after_s);
  if (refusal.close) MHD_add_response_header(made.get(), MHD_HTTP_HEADER_CONNECTION, "close");
  if (refusal.status == 401) {
    MHD_add_response_header(made.get(), MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
  }
  return MHD_queue_response(connection_, refusal.status, made.get());
}

void HttpConnection::complete() {
  drop_body();
  if (stage_ != Stage::kHandedOver) return;
  stage_ = Stage::kHeaders;
  // The last reference to the answer may go here, outside the lock.
  std::shared_ptr<RequestChannel> done;
  {
    const std::lock_guard lock(core_->mutex);
    done.swap(channel);
    if (--core_->in_flight == 0 && core_->stopping) core_->answered.notify_all();
  }
  // Whoever answered may still be about to let go of it; then it is not worth a wait.
  if (done.use_count() == 1) {
    done->renew();
    spare_channel_ = std::move(done);
  }
}

}  // namespace flowmyna
