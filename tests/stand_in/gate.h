#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "core/result.h"
#include "stand_in/faults.h"
#include "stand_in/http_server.h"
#include "stand_in/socket.h"

namespace flowmyna::stand_in {

/// The API's listener, which a "refused" fault closes and its end opens again on the same port.
/// While it is closed the port stays bound but not listened on, so that the kernel refuses
/// connections and nobody else can take the port. Open connections are closed with the listener,
/// as when a server dies.
class Gate {
 public:
  Gate(HttpCallbacks callbacks, const FaultTable& faults)
      : callbacks_(std::move(callbacks)), faults_(faults) {}
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  /// Once. Port 0 lets the kernel choose; port() tells which.
  Result<void> open(const std::string& address, std::uint16_t port);

  std::uint16_t port() const { return port_; }
  bool is_open() const { return open_; }

  /// Opens or closes as the faults say now, and closes the connections that hang when
  /// `cut_hanging`; done on return. Not on a thread of the gate's own server.
  void sync(bool cut_hanging);

  /// The same, soon, from any thread.
  void request_sync(bool cut_hanging);

 private:
  void shut_locked();
  void try_open_locked();
  void run();
  std::optional<FaultTable::Clock::time_point> next_look() const;

  std::string address_;
  std::uint16_t port_ = 0;
  const HttpCallbacks callbacks_;
  const FaultTable& faults_;

  std::mutex server_mutex_;
  std::unique_ptr<HttpServer> server_;  ///< null while closed
  Descriptor bound_;                    ///< holds the port while closed
  std::atomic<bool> open_ = false;

  // Never held together with server_mutex_: a request to the gate may come from the very thread
  // that a closing server waits for.
  std::mutex wake_mutex_;
  std::condition_variable wake_;
  bool requested_ = false;
  bool cut_requested_ = false;
  bool changed_ = false;  ///< the next deadline may be another one
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace flowmyna::stand_in
