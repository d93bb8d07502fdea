#include "stand_in/http_server.h"

#include <microhttpd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "stand_in/parking_lot.h"
#include "stand_in/speech.h"

namespace flowmyna::stand_in {
namespace {

/// Read buffer of one connection; a batch of 100 ordinary items fits.
constexpr std::size_t kConnectionMemoryBytes = 64U << 10;
constexpr unsigned kConnectionsMax = 4096;
/// Larger bodies are not kept but answered with 413; far above 100 items of any sense.
constexpr std::size_t kBodyBytesMax = 64U << 20;
/// Room behind a body that the JSON parser wants, so that it need not move the body.
constexpr std::size_t kBodyPaddingBytes = 64;

/// An exchange and how far it has come.
struct Transit {
  enum class Phase { kHead, kDelayed, kDecided };
  Exchange exchange;
  Phase phase = Phase::kHead;
  bool too_large = false;
};

std::string header(MHD_Connection* connection, const char* name) {
  const char* value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
  return value == nullptr ? std::string() : std::string(value);
}

MHD_Result collect_argument(void* query, MHD_ValueKind, const char* name, const char* value) {
  (*static_cast<std::map<std::string, std::string>*>(query))[name] = value == nullptr ? "" : value;
  return MHD_YES;
}

void read_head(MHD_Connection* connection, const char* url, const char* method, Exchange& out) {
  out.method = method;
  out.path = url;
  out.authorization = header(connection, "Authorization");
  out.api_key = header(connection, "X-FlowMyna-Api-Key");
  out.idempotency_key = header(connection, "Idempotency-Key");
  out.content_type = header(connection, "Content-Type");
  out.accept_encoding = header(connection, "Accept-Encoding");
  MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, collect_argument, &out.query);
  std::size_t length = 0;
  for (const char c : header(connection, "Content-Length")) {
    if (c < '0' || c > '9' || length > kBodyBytesMax) break;
    length = length * 10 + static_cast<std::size_t>(c - '0');
  }
  if (length > 0 && length <= kBodyBytesMax) out.body.reserve(length + kBodyPaddingBytes);
}

void append_body(Transit& transit, const char* data, std::size_t size) {
  std::string& body = transit.exchange.body;
  transit.too_large = transit.too_large || body.size() + size > kBodyBytesMax;
  if (!transit.too_large) body.append(data, size);
}

/// Gives the first half of an answer, then breaks off.
struct HalfAnswer {
  std::string text;

  static ssize_t read(void* self, std::uint64_t position, char* buffer, std::size_t size) {
    const std::string& text = static_cast<HalfAnswer*>(self)->text;
    const std::size_t half = text.size() / 2;
    if (position >= half) return MHD_CONTENT_READER_END_WITH_ERROR;
    const std::size_t count = std::min(size, half - static_cast<std::size_t>(position));
    std::memcpy(buffer, text.data() + position, count);
    return static_cast<ssize_t>(count);
  }
  static void destroy(void* self) { delete static_cast<HalfAnswer*>(self); }
};

MHD_Response* make_response(Reply& reply) {
  if (reply.ending == Ending::kTruncated) {
    const std::size_t size = reply.body.size();
    auto half = std::make_unique<HalfAnswer>(HalfAnswer{std::move(reply.body)});
    return MHD_create_response_from_callback(size, kConnectionMemoryBytes, &HalfAnswer::read,
                                             half.release(), &HalfAnswer::destroy);
  }
  // The exchange, and the text in it, outlives the sending.
  return MHD_create_response_from_buffer(reply.body.size(), reply.body.data(),
                                         MHD_RESPMEM_PERSISTENT);
}

void add_headers(MHD_Response* response, const Reply& reply) {
  const auto add = [response](const char* name, const std::string& value) {
    MHD_add_response_header(response, name, value.c_str());
  };
  if (!reply.content_type.empty()) add(MHD_HTTP_HEADER_CONTENT_TYPE, reply.content_type);
  for (const auto& [name, value] : reply.headers) add(name.c_str(), value);
  if (reply.has_date) {
    const auto now = std::chrono::system_clock::now() + reply.date_skew;
    add(MHD_HTTP_HEADER_DATE, reply.date.empty() ? format_http_date(now) : reply.date);
  }
  if (reply.close) add(MHD_HTTP_HEADER_CONNECTION, "close");
}

/// 0: a connection may be idle for good.
void set_idle_timeout(MHD_Connection* connection, std::uint64_t seconds) {
  MHD_set_connection_option(connection, MHD_CONNECTION_OPTION_TIMEOUT,
                            static_cast<unsigned>(seconds));
}

MHD_Result send(MHD_Connection* connection, Reply& reply) {
  if (reply.ending == Ending::kCut || reply.ending == Ending::kHanging) return MHD_NO;
  MHD_Response* response = make_response(reply);
  if (response == nullptr) return MHD_NO;
  add_headers(response, reply);
  if (reply.idle_timeout_s) set_idle_timeout(connection, *reply.idle_timeout_s);
  const MHD_Result queued = MHD_queue_response(connection, reply.status, response);
  MHD_destroy_response(response);
  return queued;
}

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(HttpCallbacks callbacks) : callbacks_(std::move(callbacks)) {}

  ~Impl() {
    lot_.close();
    if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  bool start(int listening) {
    daemon_ =
        // The date is the reply's concern.
        MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_TURBO |
                             MHD_USE_SUPPRESS_DATE_NO_CLOCK,
                         0, nullptr, nullptr, &Impl::on_access, this, MHD_OPTION_LISTEN_SOCKET,
                         listening, MHD_OPTION_CONNECTION_LIMIT, kConnectionsMax,
                         MHD_OPTION_CONNECTION_MEMORY_LIMIT, kConnectionMemoryBytes,
                         MHD_OPTION_NOTIFY_COMPLETED, &Impl::on_completed, this, MHD_OPTION_END);
    return daemon_ != nullptr;
  }

  void cut_hanging() { lot_.release_hanging(); }

 private:
  static MHD_Result on_access(void* self, MHD_Connection* connection, const char* url,
                              const char* method, const char*, const char* data,
                              std::size_t* data_size, void** state) {
    auto& impl = *static_cast<Impl*>(self);
    if (*state == nullptr) {
      auto transit = std::make_unique<Transit>();
      set_idle_timeout(connection, 0);
      read_head(connection, url, method, transit->exchange);
      const bool admitted = impl.callbacks_.admit(transit->exchange);
      *state = transit.release();  // on_completed() takes it back, also when it is not admitted
      return admitted ? MHD_YES : MHD_NO;
    }
    auto& transit = *static_cast<Transit*>(*state);
    if (*data_size > 0) {
      append_body(transit, data, *data_size);
      *data_size = 0;
      return MHD_YES;
    }
    return impl.advance(connection, transit);
  }

  static void on_completed(void* self, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
    const std::unique_ptr<Transit> transit(static_cast<Transit*>(*state));
    *state = nullptr;
    if (transit) static_cast<Impl*>(self)->callbacks_.finished(transit->exchange);
  }

  /// Called with the whole body there, and again after each stay in the parking lot.
  MHD_Result advance(MHD_Connection* connection, Transit& transit) {
    if (lot_.closed()) return MHD_NO;
    if (transit.phase == Transit::Phase::kDecided) {
      return send(connection, transit.exchange.reply);
    }
    const auto wait = transit.exchange.delay_before;
    if (transit.phase == Transit::Phase::kHead && wait.count() > 0) {
      transit.phase = Transit::Phase::kDelayed;
      return lot_.park(connection, wait, [this, &transit] { return decide(transit); }) ? MHD_YES
                                                                                       : MHD_NO;
    }
    const ParkingLot::Stay stay = decide(transit);
    if (stay.next == ParkingLot::Next::kHang) return lot_.hang(connection) ? MHD_YES : MHD_NO;
    if (stay.again.count() > 0) return lot_.park(connection, stay.again, {}) ? MHD_YES : MHD_NO;
    return send(connection, transit.exchange.reply);
  }

  ParkingLot::Stay decide(Transit& transit) {
    Exchange& exchange = transit.exchange;
    if (transit.too_large) {
      exchange.reply.status = MHD_HTTP_CONTENT_TOO_LARGE;
      exchange.reply.body = R"({"detail":"Request Entity Too Large"})";
    } else {
      callbacks_.respond(exchange);
    }
    transit.phase = Transit::Phase::kDecided;
    const bool hangs = exchange.reply.ending == Ending::kHanging;
    return {hangs ? ParkingLot::Next::kHang : ParkingLot::Next::kResume, exchange.reply.delay};
  }

  HttpCallbacks callbacks_;
  ParkingLot lot_;
  MHD_Daemon* daemon_ = nullptr;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpServer::~HttpServer() = default;

Result<std::unique_ptr<HttpServer>> HttpServer::start(Descriptor listening,
                                                      HttpCallbacks callbacks) {
  auto impl = std::make_unique<Impl>(std::move(callbacks));
  if (!impl->start(listening.get())) {
    return fail(Error::Kind::kIo, "cannot start the HTTP server; is the limit of open files low?");
  }
  listening.release();  // now the daemon's, which closes it
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

void HttpServer::cut_hanging() {
  impl_->cut_hanging();
}

}  // namespace flowmyna::stand_in
