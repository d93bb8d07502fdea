#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace flowmyna::test {

/// What the fake agent does with the next request. It serves one connection at a time and accepts
/// the next when that is closed by either side; after the last step it reads, records and closes.
struct Step {
  enum class Kind {
    kAnswer,          ///< reads the request, answers, keeps the connection
    kAnswerAndClose,  ///< the same, then closes without having announced it
    kReadAndClose,    ///< reads the request, closes without an answer: the answer is lost
    kCloseUnread,     ///< waits until a request arrives and closes without reading it
    kAnswerUnread,    ///< answers a request without reading it, and closes
    kStaySilent,      ///< reads the request and waits for the client to go away
  };
  Kind kind;
  std::string answer;  ///< bytes on the wire
};

/// A 200 answer, or another with the given fields (each ends in CRLF).
std::string http(const std::string& body, const std::string& status = "200 OK",
                 const std::string& fields = "");

/// A scripted server on a real Unix socket in a directory of its own.
class FakeAgent {
 public:
  explicit FakeAgent(std::vector<Step> script);
  ~FakeAgent();
  FakeAgent(const FakeAgent&) = delete;
  FakeAgent& operator=(const FakeAgent&) = delete;

  const std::string& socket_path() const { return path_; }

  /// The requests read so far, whole, as they came over the wire. Everything that a call has sent
  /// is here once that call has returned and `stop` was called.
  std::vector<std::string> requests();
  std::vector<std::string> bodies();
  int connections() const { return connections_; }

  /// Serves what still waits, then ends. To be called when no client is connected any more.
  void stop();

 private:
  void run();
  void serve(int fd);
  bool perform(int fd, const Step& step);
  Step next_step();

  std::string directory_;
  std::string path_;
  int listener_ = -1;
  int stop_event_ = -1;
  std::vector<Step> script_;
  std::size_t next_ = 0;  // the thread's own
  std::mutex mutex_;
  std::vector<std::string> requests_;  // guarded by mutex_
  std::atomic<int> connections_ = 0;
  std::thread thread_;
};

}  // namespace flowmyna::test
