#include "flowmyna/client.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>

#include "client/answer_reader.h"
#include "client/body.h"
#include "client/http_exchange.h"
#include "client/unix_stream.h"
#include "core/places.h"

namespace flowmyna {

using client::Error;
using client::ErrorKind;
using client::Request;
using client::Response;
using client::Result;

namespace {

bool exists(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0;
}

/// Header injection is a bug of the caller, but one that must not reach the wire.
bool has_control(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return true;
  }
  return false;
}

Error invalid(std::string message) {
  return {ErrorKind::kInvalid, std::move(message), 0, {}, {}};
}

Error unreachable(std::string message) {
  return {ErrorKind::kUnreachable, std::move(message), 0, {}, {}};
}

Error unknown_outcome(const std::string& why) {
  return {ErrorKind::kUnknownOutcome,
          why +
              ", after the request was sent: it may or may not have been accepted, and was not "
              "sent again; look at `flowmynactl pending` before you repeat it",
          0,
          {},
          {}};
}

}  // namespace

std::string client::default_socket_path() {
  const auto get = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  std::string own = default_socket_place(::geteuid() == 0, get);
  const bool is_given = !get("FLOWMYNA_SOCKET").empty();
  if (own.empty() || (!is_given && !exists(own) && exists(kSystemSocket))) return kSystemSocket;
  return own;
}

class Client::Impl {
 public:
  explicit Impl(client::Options options) : options_(std::move(options)) {}

  std::optional<Error> connect() {
    const std::lock_guard lock(mutex_);
    return connect_until(deadline());
  }

  Result<Response> request(const Request& request) {
    if (has_control(request.method) || has_control(request.path) ||
        has_control(request.content_type)) {
      return invalid("method, path and content type must not contain control characters");
    }
    const std::lock_guard lock(mutex_);
    const auto until = deadline() + request.wait;
    auto answer = attempt(request, until);
    if (answer) return keep(*std::move(answer));
    if (!may_try_again(answer.error(), request)) return failure(answer.error(), request);
    answer = attempt(request, until);
    if (answer) return keep(*std::move(answer));
    return failure(answer.error(), request);
  }

  /// A write, which waits for delivery if the caller wants that.
  Result<Response> write(std::string path, std::string body, bool repeatable) {
    return call(
        {"POST", std::move(path), std::move(body), "application/json", repeatable, options_.wait});
  }

  /// Sends and turns every answer but 200 into an error.
  Result<Response> call(const Request& what) {
    auto response = request(what);
    if (!response) return response;
    if (auto error = client::error_of(*response)) return *std::move(error);
    return response;
  }

 private:
  client::Deadline deadline() const { return std::chrono::steady_clock::now() + options_.timeout; }

  std::optional<Error> connect_until(client::Deadline until) {
    if (stream_.is_open() && !stream_.is_stale()) return std::nullopt;
    std::string problem = stream_.connect(options_.socket_path, until);
    if (problem.empty()) return std::nullopt;
    return unreachable(std::move(problem));
  }

  tl::expected<client::Exchanged, client::LostExchange> attempt(const Request& request,
                                                                client::Deadline until) {
    if (auto error = connect_until(until)) {
      // Waiting for an agent that is not there is the caller's business: no second attempt.
      return tl::make_unexpected(client::LostExchange{false, true, std::move(error->message)});
    }
    auto answer = client::exchange(stream_, request, until);
    if (!answer) {
      stream_.close();
      answer.error().why.insert(0, options_.socket_path + ": ");
    }
    return answer;
  }

  static bool is_repeatable(const Request& request) {
    return request.repeatable || request.method == "GET";
  }

  static bool may_try_again(const client::LostExchange& lost, const Request& request) {
    return !lost.is_final && (!lost.maybe_processed || is_repeatable(request));
  }

  static Error failure(const client::LostExchange& lost, const Request& request) {
    const bool unknown = lost.maybe_processed && !is_repeatable(request);
    return unknown ? unknown_outcome(lost.why) : unreachable(lost.why);
  }

  Response keep(client::Exchanged exchanged) {
    if (!exchanged.keep_alive) stream_.close();
    return std::move(exchanged.response);
  }

  const client::Options options_;
  std::mutex mutex_;
  client::UnixStream stream_;  // guarded by mutex_
};

Client::Client(client::Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<Client> Client::connect(client::Options options) {
  Client made(std::move(options));
  if (auto error = made.impl_->connect()) return *std::move(error);
  return made;
}

Result<client::Accepted> Client::upsert(std::string_view type, std::string_view id,
                                        const client::Properties& properties) {
  auto body = client::upsert_body(type, id, properties);
  if (!body) return body.error();
  const auto answer = impl_->write("/api/public/v1/object/upsert", *std::move(body), true);
  if (!answer) return answer.error();
  return client::read_accepted(*answer);
}

Result<client::Accepted> Client::record_event(std::string_view event,
                                              const std::vector<client::EventObject>& objects,
                                              const client::EventDetails& details) {
  auto body = client::event_body(event, objects, details);
  if (!body) return body.error();
  const auto answer = impl_->write("/api/public/v1/event", *std::move(body), false);
  if (!answer) return answer.error();
  return client::read_accepted(*answer);
}

Result<client::AcceptedBatch> Client::upsert_batch(const std::vector<client::Upsert>& upserts) {
  auto body = client::upsert_batch_body(upserts);
  if (!body) return body.error();
  const auto answer = impl_->write("/api/public/v1/object/batch", *std::move(body), true);
  if (!answer) return answer.error();
  return client::read_accepted_batch(*answer);
}

Result<client::AcceptedBatch> Client::record_event_batch(const std::vector<client::Event>& events) {
  auto body = client::event_batch_body(events);
  if (!body) return body.error();
  const auto answer = impl_->write("/api/public/v1/event/batch", *std::move(body), false);
  if (!answer) return answer.error();
  return client::read_accepted_batch(*answer);
}

Result<client::Status> Client::status() {
  const auto answer = impl_->call({"GET", "/agent/v1/status"});
  if (!answer) return answer.error();
  return client::read_status(*answer);
}

Result<client::Fate> Client::fate_of(std::uint64_t receipt) {
  const auto answer = impl_->call({"GET", "/agent/v1/receipts/" + std::to_string(receipt)});
  if (!answer) return answer.error();
  return client::read_fate(*answer);
}

Result<Response> Client::request(const Request& request) {
  return impl_->request(request);
}

}  // namespace flowmyna
