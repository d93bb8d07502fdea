#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace flowmyna {

/// One request as it came in. The server owns it; it is valid until the handler returns.
struct HttpRequest {
  std::string method;         ///< as written, e.g. "POST"
  std::string path;           ///< without the query, as written (not percent-decoded)
  std::string query;          ///< what stands after '?', raw; empty when there is none
  std::string content_type;   ///< header value as written, empty when absent
  std::optional<uid_t> user;  ///< who asks, on the Unix socket
  std::string prefer;         ///< header values as written, joined by ", "; empty when absent
  /// The body. `body.capacity() >= body.size() + kBodyPadding`, so that a SIMD parser may read
  /// past the end without a copy.
  std::string body;
};

inline constexpr std::size_t kBodyPadding = 64;

struct HttpResponse {
  int status = 200;
  std::string body;
  const char* content_type = "application/json";  ///< a literal
  int retry_after_seconds = 0;                    ///< header Retry-After when positive
  std::string allow;                              ///< header Allow when not empty (405)
  std::string preference_applied;  ///< header Preference-Applied when not empty (RFC 7240)
};

/// The way back to one waiting client. Move-only; `send` may be called once, from any thread, at
/// any time until the server is gone. A Responder that is destroyed without `send` answers 503.
class Responder {
 public:
  /// Where the answer goes.
  class Channel {
   public:
    virtual ~Channel() = default;
    /// Any thread. Only the first call counts; later ones, and calls after the server stopped, do
    /// nothing.
    virtual void send(HttpResponse response) = 0;
    /// The handler's thread.
    virtual std::string take_body() { return {}; }
  };
  explicit Responder(std::shared_ptr<Channel> channel);
  ~Responder();
  Responder(Responder&&) noexcept;
  Responder& operator=(Responder&&) noexcept;
  Responder(const Responder&) = delete;
  Responder& operator=(const Responder&) = delete;

  /// An empty body for the answer that reuses the memory of an earlier one. On the server's thread,
  /// once.
  std::string take_body();

  void send(HttpResponse response);

 private:
  std::shared_ptr<Channel> channel_;
};

/// Called on the server's thread for each complete request; must not block. It may answer at once
/// or keep the Responder and answer later from another thread.
using HttpHandler = std::function<void(const HttpRequest&, Responder)>;

}  // namespace flowmyna
