#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "stand_in/socket.h"

namespace flowmyna::test {

/// Where and how one connection is to be cut.
struct Cut {
  enum class Side { kRequest, kAnswer };
  enum class Ending { kFin, kReset };
  /// How the server is until release(): gone, with every connection to it, or just silent.
  enum class Meanwhile { kSilent, kGone };

  std::string path;  ///< of the request, such as "/event/batch": the next one is struck
  Side side = Side::kRequest;
  std::size_t bytes = 0;  ///< so many of that side get through
  Ending ending = Ending::kFin;
  Meanwhile meanwhile = Meanwhile::kSilent;
};

/// A TCP proxy before the API that cuts a connection at an exact byte, once, and passes everything
/// else. A request is read as a whole before its first byte is passed on, so that a cut in it takes
/// effect after the client has sent all of it; requests and answers are small enough for the
/// sockets' buffers.
///
/// One thread of its own owns all the state; the methods may be called from any other.
class CutProxy {
 public:
  struct Sizes {
    std::size_t request = 0;
    std::size_t answer = 0;
  };
  /// What was cut.
  struct Struck {
    std::size_t request_bytes = 0;  ///< of the whole request
    bool was_reused = false;        ///< the connection had carried a request before
  };

  explicit CutProxy(std::uint16_t api_port);
  ~CutProxy();
  CutProxy(const CutProxy&) = delete;
  CutProxy& operator=(const CutProxy&) = delete;

  std::uint16_t port() const { return port_; }

  void arm(Cut cut);
  /// Waits for the cut that was armed; nothing after two minutes. From then on nothing is passed
  /// on, and with kGone no connection is taken, until release().
  std::optional<Struck> wait_for_cut();
  void release();

  /// Closes the connections on which nothing is under way, as servers do.
  void close_idle();

  /// Of the last exchange with `path` that was complete.
  Sizes sizes(const std::string& path);
  /// How many requests to `path` the client has sent, those that were cut included.
  std::size_t sends(const std::string& path);

 private:
  /// A client's connection and the one to the API that belongs to it.
  struct Link {
    stand_in::Descriptor client;
    stand_in::Descriptor server;
    std::string path;        // of the request under way; empty: idle
    std::string request;     // as far as it has been read
    std::string answer;      // of the request under way, as far as it has been read
    std::size_t passed = 0;  // bytes of the answer
    std::size_t requests = 0;
    bool is_doomed = false;  // its answer is to be cut
  };
  using Links = std::list<Link>;

  /// Runs `work` on the proxy's thread, and waits for it.
  void on_thread(std::function<void()> work);
  void run();
  void take_client();
  bool read_client(Link& link);
  bool read_server(Link& link);
  bool pass_request(Link& link);
  void cut(Link& link);

  const std::uint16_t api_port_;
  std::uint16_t port_ = 0;
  stand_in::Descriptor listening_;
  stand_in::Descriptor wake_;
  Links links_;
  std::optional<Cut> armed_;
  std::promise<Struck> struck_;
  std::future<Struck> when_struck_;
  bool is_blocked_ = false;
  bool is_gone_ = false;
  bool stopping_ = false;
  std::map<std::string, Sizes> sizes_;
  std::map<std::string, std::size_t> sends_;

  std::mutex mutex_;  // of work_ alone
  std::vector<std::packaged_task<void()>> work_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace flowmyna::test
