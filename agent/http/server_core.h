#pragma once

#include <microhttpd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "agent/http/http_server.h"

namespace flowmyna {

/// One request that was handed out and its answer: the meeting place of the server's thread and the
/// thread that answers.
///
/// libmicrohttpd asks for care here: resuming a connection that is not suspended is undefined, and
/// resuming reads the daemon after the server's thread may already have gone on with the
/// connection. Hence two rules.
/// 1. `phase_` decides who resumes. The server's thread suspends first and then moves kRunning to
///    kSuspended; the answerer moves whatever it finds to kAnswered and resumes only if it found
///    kSuspended. If the answer came between, the server's thread notices and resumes by itself.
///    Exactly one resume follows each suspend. Most requests are answered before it comes to that.
/// 2. An answerer counts itself into Core::senders before it claims the request and out after it
///    resumed; stop() waits for zero before the daemon is freed. Rejected: holding a lock over
///    the resume, which would make the answering thread wait for the server's.
class RequestChannel final : public Responder::Channel {
 public:
  RequestChannel(std::shared_ptr<HttpServer::Core> core, MHD_Connection* connection)
      : core_(std::move(core)), connection_(connection) {}

  void send(HttpResponse response) override;

  /// The server's thread.
  bool is_answered() const { return phase_.load() == Phase::kAnswered; }
  /// The server's thread, when the answer is not there: libmicrohttpd is to ask again once it is.
  void suspend();
  /// The server's thread, once answered: stays unchanged until the request is completed.
  const HttpResponse& response() const { return response_; }
  /// The server's thread, once completed, when nobody else has it: for the connection's next
  /// request.
  void renew();
  std::string take_body() override { return std::move(body_); }

 private:
  enum class Phase { kRunning, kSuspended, kAnswered };

  std::shared_ptr<HttpServer::Core> core_;
  MHD_Connection* connection_;  ///< valid until the resume
  std::atomic<bool> claimed_{false};
  std::atomic<Phase> phase_{Phase::kRunning};
  HttpResponse response_;  ///< written by the claimer, read after kAnswered
  std::string body_;       ///< room for the next one
};

class HttpConnection;

/// What the server's thread, the answering threads and the owner of the server share. It outlives
/// the server as long as somebody holds a Responder.
struct HttpServer::Core {
  Core(EventLoop& event_loop, ListeningSocket::Kind socket_kind, HttpServerOptions http_options,
       HttpHandler http_handler)
      : loop(event_loop),
        kind(socket_kind),
        options(std::move(http_options)),
        handler(std::move(http_handler)) {}

  /// Any thread. libmicrohttpd goes on with it the next time the server is served, which is soon.
  void resume(MHD_Connection* connection) {
    MHD_resume_connection(connection);
    has_resumed.store(true);
    loop.wake();
  }

  EventLoop& loop;
  const ListeningSocket::Kind kind;
  const HttpServerOptions options;  ///< the bearer key excepted: see bearer_key
  HttpHandler handler;              ///< emptied by stop(): it may own what owns a Responder
  MHD_Daemon* daemon = nullptr;

  // The server's thread only.
  /// libmicrohttpd has more to do right away: it makes an answer's header in one run and sends it
  /// in the next, and reads a few KiB of a body in each.
  bool goes_on = false;
  /// libmicrohttpd failed to accept a client, so the Acceptor has to take over.
  bool has_failed_to_accept = false;
  std::unordered_map<uid_t, unsigned> connections_by_user;
  std::size_t large_bodies_bytes = 0;

  std::mutex mutex;
  std::condition_variable answered;            ///< in_flight became zero while stopping
  bool stopping = false;                       ///< guarded by mutex
  std::size_t in_flight = 0;                   ///< handed out, not completed; by mutex
  HttpConnection* first_connection = nullptr;  ///< list, guarded by mutex
  Secret bearer_key;                           ///< guarded by mutex

  std::atomic<bool> has_resumed{false};  ///< a connection, since the server was last served
  std::atomic<int> senders{0};           ///< threads inside Channel::send
  std::atomic<std::uint64_t> connections_open{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> refused{0};
};

}  // namespace flowmyna
