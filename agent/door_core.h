#pragma once

#include <microhttpd.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "agent/door.h"

namespace flowmyna {

/// One request that was handed out and its answer: the meeting place of the door's thread and the
/// thread that answers.
///
/// libmicrohttpd asks for care here: resuming a connection that is not suspended is undefined, and
/// resuming reads the daemon after the door's thread may already have gone on with the connection.
/// Hence two rules.
/// 1. `phase_` decides who resumes. The door's thread suspends first and then moves kRunning to
///    kSuspended; the answerer moves whatever it finds to kAnswered and resumes only if it found
///    kSuspended. If the answer came between, the door's thread notices and resumes by itself.
///    Exactly one resume follows each suspend. Most requests are answered before it comes to that.
/// 2. An answerer counts itself into Core::senders before it claims the request and out after it
///    resumed; stop() waits for zero before the daemon is freed. Rejected: holding a lock over
///    the resume, which would make the answering thread wait for the door's.
class Responder::Channel {
 public:
  Channel(std::shared_ptr<Door::Core> core, MHD_Connection* connection)
      : core_(std::move(core)), connection_(connection) {}

  /// Any thread. Only the first call counts; later ones, and calls after the door stopped, do
  /// nothing.
  void send(HttpResponse response);

  /// Door's thread.
  bool is_answered() const { return phase_.load() == Phase::kAnswered; }
  /// Door's thread, when the answer is not there: libmicrohttpd is to ask again once it is.
  void suspend();
  /// Door's thread, once answered: stays unchanged until the request is completed.
  const HttpResponse& response() const { return response_; }
  /// Door's thread, once completed, when nobody else has it: for the connection's next request.
  void renew();
  /// Door's thread.
  std::string take_body() { return std::move(body_); }

 private:
  enum class Phase { kRunning, kSuspended, kAnswered };

  std::shared_ptr<Door::Core> core_;
  MHD_Connection* connection_;  ///< valid until the resume
  std::atomic<bool> claimed_{false};
  std::atomic<Phase> phase_{Phase::kRunning};
  HttpResponse response_;  ///< written by the claimer, read after kAnswered
  std::string body_;       ///< room for the next one
};

class DoorConnection;

/// What the door's thread, the answering threads and the owner of the door share. It outlives the
/// door as long as somebody holds a Responder.
struct Door::Core {
  Core(EventLoop& event_loop, ListeningSocket::Kind socket_kind, DoorOptions door_options,
       HttpHandler door_handler)
      : loop(event_loop),
        kind(socket_kind),
        options(std::move(door_options)),
        handler(std::move(door_handler)) {}

  /// Any thread: libmicrohttpd goes on with it when the door is served next, which is soon.
  void resume(MHD_Connection* connection) {
    MHD_resume_connection(connection);
    has_resumed.store(true);
    loop.wake();
  }

  EventLoop& loop;
  const ListeningSocket::Kind kind;
  const DoorOptions options;  ///< the bearer key excepted: see bearer_key
  HttpHandler handler;        ///< emptied by stop(): it may own what owns a Responder
  MHD_Daemon* daemon = nullptr;

  // Door's thread only.
  /// A run of libmicrohttpd ended amid what the next one may go on with: it makes an answer's
  /// header in one and sends it in the next, and reads a few KiB of a body in each.
  bool goes_on = false;
  /// libmicrohttpd could not accept a client, and would do what it does then: see DoorAcceptor.
  bool has_failed_to_accept = false;
  std::unordered_map<uid_t, unsigned> connections_by_user;
  std::size_t large_bodies_bytes = 0;

  std::mutex mutex;
  std::condition_variable answered;            ///< in_flight became zero while stopping
  bool stopping = false;                       ///< guarded by mutex
  std::size_t in_flight = 0;                   ///< handed out, not completed; by mutex
  DoorConnection* first_connection = nullptr;  ///< list, guarded by mutex
  Secret bearer_key;                           ///< guarded by mutex

  std::atomic<bool> has_resumed{false};  ///< connections since the door was served
  std::atomic<int> senders{0};           ///< threads inside Channel::send
  std::atomic<std::uint64_t> connections_open{0};
  std::atomic<std::uint64_t> requests{0};
  std::atomic<std::uint64_t> refused{0};
};

}  // namespace flowmyna
