#pragma once

#include <cassert>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

/// The C++20 client of flowmyna-agent for applications on the same machine.
///
///     flowmyna::Client agent;
///     agent.upsert("Customer", "CUST-456", {{"tier", "gold"}, {"visits", 3}});
///     agent.record_event("Order Created", {{"Order", "ORD-789"}, {"Customer", "CUST-456"}});
///
/// A call that succeeds means that the agent has the operation on disk and will deliver it, however
/// long the network is away. Nothing here throws, except std::bad_alloc.
namespace flowmyna::client {

enum class ErrorKind {
  kInvalid,         ///< found wrong before anything was sent: repeating it changes nothing
  kRefused,         ///< the agent says no (4xx): `detail` names the field; repeating it is useless
  kOutboxFull,      ///< disk or quota full (507): nothing accepted, try after `retry_after`
  kBusy,            ///< too many connections of this user (429): nothing accepted, try later
  kStopping,        ///< the agent is stopping or cannot write (503): nothing accepted, try later
  kUnreachable,     ///< no agent, or no answer in time: an event was not accepted, an upsert may be
  kUnknownOutcome,  ///< sent, but the answer was lost: the agent may or may not have accepted it
  kUnexpectedAnswer,  ///< the other side does not answer as a flowmyna-agent does
};

struct Error {
  ErrorKind kind = ErrorKind::kInvalid;
  std::string message;                  ///< for the operator: what happened and what can be done
  int http_status = 0;                  ///< 0 when there was no answer
  std::string detail;                   ///< JSON text of the agent's `detail`, empty when none
  std::chrono::seconds retry_after{0};  ///< the agent's Retry-After, 0 when it gave none
};

/// A value or the reason why there is none. Reading the side that is not there is a bug of the
/// caller (asserted). Dropping a result unread is a compiler warning.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& operator*() & { return *get(); }
  const T& operator*() const& { return *get(); }
  T&& operator*() && { return std::move(*get()); }
  T* operator->() { return get(); }
  const T* operator->() const { return get(); }

  const Error& error() const {
    assert(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  T* get() {
    assert(ok());
    return std::get_if<0>(&state_);
  }
  const T* get() const {
    assert(ok());
    return std::get_if<0>(&state_);
  }
  std::variant<T, Error> state_;
};

template <class T>
concept JsonInteger = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                      !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                      !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

/// One property value, held as the JSON text that will be sent, so that digits stay as they are.
///
/// What has no JSON form (NaN, an infinity, a string that is not UTF-8, `raw` text that is not
/// JSON) makes a value with a `problem`; the call that would send it fails with kInvalid and sends
/// nothing.
class Value {
 public:
  Value() : Value(nullptr) {}
  Value(std::nullptr_t);  ///< `null`: removes the property at the API
  template <std::same_as<bool> T>
  Value(T value) : text_(value ? "true" : "false") {}
  template <JsonInteger T>
  Value(T value) : text_(std::to_string(value)) {}
  Value(float value);   ///< the shortest text that reads back as the same float
  Value(double value);  ///< the shortest text that reads back as the same double
  Value(const char* utf8);
  Value(const std::string& utf8) : Value(std::string_view(utf8)) {}
  Value(std::string_view utf8);  ///< a JSON string; the text is escaped as needed

  /// Any JSON value (RFC 8259) as text, sent byte for byte: `Value::raw("5420.00")`. As at the
  /// agent, it may nest 100 levels, and an escaped surrogate needs its other half.
  static Value raw(std::string json);

  const std::string& json() const { return text_; }
  /// Why this value cannot be sent, nullptr when it can. Static storage.
  const char* problem() const { return problem_; }

 private:
  struct Invalid {
    const char* problem;
  };
  explicit Value(Invalid invalid) : problem_(invalid.problem) {}

  std::string text_;
  const char* problem_ = nullptr;
};

struct Property {
  std::string name;
  Value value;
};

/// Sent in this order; of two with one name the later one wins.
using Properties = std::vector<Property>;

/// An object to create or to merge properties into. `type` 1-100 characters, `id` 1-500.
struct Upsert {
  std::string type;
  std::string id;
  Properties properties{};
};

/// An object that an event names. Properties, if any, are merged into the object.
struct EventObject {
  std::string type;
  std::string id;
  Properties properties{};
  std::string qualifier{};  ///< the object's role in the event, 1-100 characters; empty: none
};

struct EventDetails {
  std::string timestamp{};  ///< ISO 8601; empty: the time at which the agent accepts the event
  Properties properties{};
};

/// `event` 1-200 characters, at least one object.
struct Event {
  std::string event;
  std::vector<EventObject> objects;
  EventDetails details{};
};

/// One operation that the agent has on disk, or that the API has (see Options::wait).
struct Accepted {
  std::uint64_t receipt = 0;    ///< for GET /agent/v1/receipts/N
  std::string id;               ///< UUID of the object or event: the API's own once delivered,
                                ///< until then one that the agent made
  bool queued = true;           ///< false: delivered already
  std::optional<bool> created;  ///< of a delivered upsert: the object is new
};

struct ItemError {
  std::size_t index = 0;  ///< place in the batch, from 0
  std::string reason;
};

/// Items of a batch are judged one by one: the invalid ones are in `errors`, all others accepted.
struct AcceptedBatch {
  std::vector<std::uint64_t> receipts;  ///< of the accepted items, in their order
  bool queued = true;                   ///< false: the API has them, but for those in `errors`
  std::vector<ItemError> errors;
};

/// GET /agent/v1/receipts/N: what became of an accepted operation.
struct Fate {
  std::uint64_t receipt = 0;
  /// pending, delivered, dead, dropped, or unknown where nobody can know
  std::string state;
  std::string reason{};           ///< dead: what the API said; unknown: why; empty otherwise
  std::uint64_t dead_letter = 0;  ///< that holds it; 0: none does
  int status = 0;                 ///< dead: HTTP status of the refusal; 0 when there was none
};

/// GET /agent/v1/status. Counters count operations since the outbox was made.
struct Status {
  std::string version;
  double uptime_seconds = 0;
  struct Outbox {
    std::uint64_t pending = 0;  ///< accepted, not yet delivered, dead, dropped or lost
    std::optional<double> oldest_age_seconds;
    std::uint64_t size_bytes = 0;
    std::uint64_t quota_bytes = 0;
    std::uint64_t dead_letters = 0;
    std::string state{};         ///< ok, full, failed
    std::string last_error{};    ///< why it is not ok; empty while it is
    std::uint64_t lost = 0;      ///< unreadable when the outbox's file was damaged
    bool lost_is_exact = true;   ///< otherwise as far as could be told
    std::string damaged_file{};  ///< kept for repair; empty when none is there
    /// How often a backup or a copy of the outbox was put back, or it was found on another machine.
    std::uint64_t epoch = 0;
    /// Events up to this receipt may have been delivered before that; 0: there are none.
    std::uint64_t doubtful_through = 0;
  } outbox;
  struct Delivery {
    /// Operations that keep failing while others succeed. They go on being tried, slowly.
    struct Stuck {
      std::uint64_t operations = 0;
      std::uint64_t oldest_receipt = 0;  ///< what follows is of that one; 0: there is none
      double oldest_for_seconds = 0;
      std::uint64_t attempts = 0;
      int status = 0;            ///< HTTP status of the last answer, 0 when there was none
      std::string last_error{};  ///< what that said
    };
    /// How the object or the event endpoint does, where that differs from the whole.
    struct Endpoint {
      std::string state{};  ///< as below
      std::optional<double> next_attempt_in_seconds;
      std::string last_error{};  ///< empty when there was none
    };
    /// idle, delivering, backing_off, no_key, unauthorized, refused, paused, misconfigured
    std::string state;
    std::optional<double> next_attempt_in_seconds;
    std::string last_success;  ///< ISO 8601, empty when there was none
    std::string last_error;    ///< empty when there was none
    std::uint64_t accepted = 0;
    std::uint64_t delivered = 0;
    std::uint64_t coalesced = 0;
    std::uint64_t requests = 0;
    std::uint64_t duplicates_possible = 0;
    std::uint64_t dropped = 0;  ///< operations that a person gave up
    Stuck stuck{};
    Endpoint object{};
    Endpoint event{};
  } delivery;
};

/// For tools: any route of the agent.
struct Request {
  std::string method;  ///< "GET", "POST", …
  std::string path;    ///< with the query, percent-encoded by the caller
  std::string body{};
  std::string content_type = "application/json";
  /// Whether doing it twice is the same as once; a GET always is. Only then is the request sent
  /// again when its answer was lost.
  bool repeatable = false;
  /// Longer than 0: `Prefer: wait`, and the call may take this much longer than the timeout.
  std::chrono::seconds wait{0};
};

struct Response {
  int status = 0;
  std::string body;
  std::chrono::seconds retry_after{0};
};

/// What an answer other than 200 means; nothing for 200.
std::optional<Error> error_of(const Response& response);

/// Where an agent of this user listens unless its configuration says otherwise, by the same rule as
/// the agent itself: $FLOWMYNA_SOCKET when set. Else, for root, /run/flowmyna-agent/agent.sock; for
/// anybody else flowmyna-agent/agent.sock in $XDG_RUNTIME_DIR, or without that in $XDG_STATE_HOME
/// (~/.local/state). If there is only the system's socket, the one for root, that.
std::string default_socket_path();

struct Options {
  std::string socket_path = default_socket_path();  ///< at most 107 bytes, a limit of the kernel
  /// For one call, connecting and trying again included. The agent answers after a disk sync, in
  /// milliseconds; this is for a disk in trouble.
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
  /// Longer than 0: each write waits up to this long (an hour at most) for its delivery, in
  /// addition to the timeout. What the API refuses is then kRefused in the API's own words, and in
  /// the dead letters; what is not delivered in time is queued, as without a wait.
  std::chrono::seconds wait{0};
};

}  // namespace flowmyna::client

namespace flowmyna {

/// A connection to the agent, kept alive between calls and made anew when it is gone.
///
/// A request that cannot have been processed (the connection was closed while idle, or before the
/// agent had read it all) is sent once more over a new connection. A request whose answer was lost
/// is sent once more only if doing it twice is the same as once: an upsert is, an event is not (it
/// would be recorded twice) and gives kUnknownOutcome instead.
///
/// Any thread may call at any time: calls on one Client wait for each other. Threads that write
/// much do better with a Client each, since the agent commits concurrent writers together.
/// Not to be used in the child after fork().
class Client {
 public:
  /// Connects with the first call.
  explicit Client(client::Options options = {});
  /// Connects at once; kUnreachable when there is no agent.
  static client::Result<Client> connect(client::Options options = {});
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  /// Creates the object or merges the properties into it (idempotent).
  client::Result<client::Accepted> upsert(std::string_view type, std::string_view id,
                                          const client::Properties& properties = {});
  client::Result<client::Accepted> record_event(std::string_view event,
                                                const std::vector<client::EventObject>& objects,
                                                const client::EventDetails& details = {});

  /// Up to 10,000 items, committed together. A value without JSON form refuses the whole batch.
  client::Result<client::AcceptedBatch> upsert_batch(const std::vector<client::Upsert>& upserts);
  client::Result<client::AcceptedBatch> record_event_batch(
      const std::vector<client::Event>& events);

  client::Result<client::Status> status();
  /// kRefused, with status 404, when no operation has this receipt.
  client::Result<client::Fate> fate_of(std::uint64_t receipt);

  /// Any complete answer is a Response, whatever its status; see client::error_of.
  client::Result<client::Response> request(const client::Request& request);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace flowmyna
