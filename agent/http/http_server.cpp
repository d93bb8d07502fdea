#include "agent/http/http_server.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <exception>
#include <string_view>
#include <system_error>
#include <thread>

#include "agent/http/acceptor.h"
#include "agent/http/http_connection.h"
#include "agent/http/server_core.h"

namespace flowmyna {
namespace {

/// After the drain time-out the remaining clients are answered 503; this is how long those answers
/// have to reach the kernel's buffers, which they do at once unless a client does not read.
constexpr std::chrono::milliseconds kLastAnswersTimeout{250};
/// How often libmicrohttpd is run at a time: a body of 128 KiB, before others have their turn.
constexpr int kRunsMax = 32;
constexpr std::string_view kCannotAccept = "Error accepting connection";

HttpConnection* connection_of(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
  return static_cast<HttpConnection*>(info->socket_context);
}

void on_connection(void* core, MHD_Connection* connection, void** context,
                   MHD_ConnectionNotificationCode event) {
  if (event == MHD_CONNECTION_NOTIFY_STARTED) {
    *context =
        new HttpConnection(*static_cast<std::shared_ptr<HttpServer::Core>*>(core), connection);
  } else {
    delete static_cast<HttpConnection*>(*context);
    *context = nullptr;
  }
}

void* on_request_line(void*, const char* target, MHD_Connection* connection) {
  HttpConnection* const found = connection_of(connection);
  found->begin(target);
  return found;
}

MHD_Result on_request(void*, MHD_Connection*, const char*, const char* method, const char*,
                      const char* data, std::size_t* size_bytes, void** request) {
  try {
    return static_cast<HttpConnection*>(*request)->progress(method, data, size_bytes);
  } catch (const std::exception&) {
    // Out of memory, in all likelihood. No exception may pass through the library's C frames; this
    // client is cut off and the others are served.
    return MHD_NO;
  }
}

void on_completed(void*, MHD_Connection*, void** request, MHD_RequestTerminationCode) {
  if (*request != nullptr) static_cast<HttpConnection*>(*request)->complete();
}

/// Most of the library's messages are about clients, and not logged. Only the first one about
/// running out of descriptors is looked for.
void on_message(void* core, const char* format, va_list) {
  if (std::strncmp(format, kCannotAccept.data(), kCannotAccept.size()) != 0) return;
  static_cast<HttpServer::Core*>(core)->has_failed_to_accept = true;
}

/// The path is handed on as written; decoding it is up to who knows what it means.
std::size_t keep_escapes(void*, MHD_Connection*, char* text) {
  return std::strlen(text);
}

void fill_in_defaults(HttpServerOptions& options) {
  if (options.max_large_bodies_bytes == 0) {
    options.max_large_bodies_bytes = 4 * options.max_body_bytes;
  }
  options.max_large_bodies_bytes = std::max(options.max_large_bodies_bytes, options.max_body_bytes);
  if (options.max_connections_per_user == 0) {
    options.max_connections_per_user = std::max(1U, options.max_connections * 3 / 4);
  }
}

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::open(EventLoop& loop, ListeningSocket socket,
                                                     HttpServerOptions options,
                                                     HttpHandler handler) {
  if (socket.kind() == ListeningSocket::Kind::kTcp && options.bearer_key.empty()) {
    return fail(Error::Kind::kInvalid,
                "listen.tcp needs an API key that its clients must present: set api.key_file or "
                "FLOWMYNA_API_KEY, or leave listen.tcp empty");
  }
  fill_in_defaults(options);
  Secret key = std::exchange(options.bearer_key, Secret{});
  auto core = std::make_shared<Core>(loop, socket.kind(), std::move(options), std::move(handler));
  core->bearer_key = std::move(key);
  std::unique_ptr<HttpServer> server(new HttpServer(std::move(socket), std::move(core)));
  if (auto started = server->start(); !started) return tl::make_unexpected(started.error());
  return server;
}

HttpServer::HttpServer(ListeningSocket socket, std::shared_ptr<Core> core)
    : core_(std::move(core)), acceptor_(std::make_unique<Acceptor>(std::move(socket), core_)) {}

HttpServer::~HttpServer() {
  stop();
}

Result<void> HttpServer::start() {
  // A duplicate, since libmicrohttpd closes the descriptor when it fails to start.
  const int fd = fcntl(socket().fd(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) {
    return fail(Error::Kind::kIo,
                "cannot serve " + name() + ": " + std::generic_category().message(errno));
  }
  const HttpServerOptions& options = core_->options;
  core_->daemon =
      MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, nullptr,
                       nullptr, &on_request, nullptr,                                        //
                       MHD_OPTION_EXTERNAL_LOGGER, &on_message, core_.get(),                 //
                       MHD_OPTION_LISTEN_SOCKET, fd,                                         //
                       MHD_OPTION_NOTIFY_CONNECTION, &on_connection, &core_,                 //
                       MHD_OPTION_URI_LOG_CALLBACK, &on_request_line, nullptr,               //
                       MHD_OPTION_NOTIFY_COMPLETED, &on_completed, nullptr,                  //
                       MHD_OPTION_UNESCAPE_CALLBACK, &keep_escapes, nullptr,                 //
                       MHD_OPTION_CONNECTION_LIMIT, options.max_connections,                 //
                       MHD_OPTION_CONNECTION_MEMORY_LIMIT, options.connection_memory_bytes,  //
                       MHD_OPTION_CONNECTION_TIMEOUT, options.idle_timeout_s,                //
                       MHD_OPTION_STRICT_FOR_CLIENT, 1,                                      //
                       MHD_OPTION_END);
  if (core_->daemon == nullptr) {
    stopped_ = true;
    return fail(Error::Kind::kIo, "cannot serve " + name() + ": " +
                                      std::generic_category().message(errno) +
                                      "; check the limit on open files");
  }
  epoll_fd_ = MHD_get_daemon_info(core_->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  core_->loop.attach(*acceptor_);
  core_->loop.attach(*this);
  return {};
}

std::optional<std::chrono::milliseconds> HttpServer::due_in() {
  if (core_->has_resumed.load()) return std::chrono::milliseconds{0};
  MHD_UNSIGNED_LONG_LONG ms = 0;
  if (MHD_get_timeout(core_->daemon, &ms) != MHD_YES) return std::nullopt;
  return std::chrono::milliseconds(ms);
}

void HttpServer::serve() {
  core_->has_resumed.store(false);
  for (int run = 0; run < kRunsMax; ++run) {
    core_->goes_on = false;
    MHD_run(core_->daemon);
    if (!core_->goes_on || due_in() != std::chrono::milliseconds{0}) break;
  }
  if (core_->has_failed_to_accept) acceptor_->take_over();
}

void HttpServer::stop() {
  if (std::exchange(stopped_, true)) return;
  core_->loop.between([&] { acceptor_->stop(); });
  {
    std::unique_lock lock(core_->mutex);
    core_->stopping = true;
    const auto all_answered = [this] { return core_->in_flight == 0; };
    if (!core_->answered.wait_for(lock, core_->options.drain_timeout, all_answered)) {
      for (auto* client = core_->first_connection; client != nullptr; client = client->next) {
        // Dropped unanswered, a Responder answers 503.
        if (client->channel != nullptr) Responder abandoned(client->channel);
      }
      core_->answered.wait_for(lock, kLastAnswersTimeout, all_answered);
    }
  }
  // From here on every request is answered and nobody can suspend another one; see
  // RequestChannel for why its answerers have to be outside before the daemon goes.
  while (core_->senders.load() != 0) std::this_thread::yield();
  core_->loop.detach(*acceptor_);
  core_->loop.detach(*this);
  MHD_stop_daemon(core_->daemon);
  core_->handler = nullptr;
  acceptor_->close();
}

void HttpServer::listen_on(ListeningSocket socket) {
  core_->loop.between([&] { acceptor_->replace(std::move(socket)); });
  core_->loop.wake();
}

const ListeningSocket& HttpServer::socket() const {
  return acceptor_->socket();
}

void HttpServer::set_bearer_key(Secret key) {
  const std::lock_guard lock(core_->mutex);
  core_->bearer_key = std::move(key);
}

HttpCounts HttpServer::counts() const {
  HttpCounts counts;
  counts.connections_open = core_->connections_open.load(std::memory_order_relaxed);
  counts.requests = core_->requests.load(std::memory_order_relaxed);
  counts.refused = core_->refused.load(std::memory_order_relaxed);
  return counts;
}

}  // namespace flowmyna
