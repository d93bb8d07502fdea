#include "agent/api/responses.h"

#include <charconv>

#include "core/decode.h"

namespace flowmyna {
namespace {

// How soon a writer should ask again when the outbox is full: delivery frees space within seconds
// once it gets through.
constexpr int kFullRetrySeconds = 30;

std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

}  // namespace

HttpResponse json(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

HttpResponse problem(int status, std::string_view text) {
  return json(status, detail_body(text));
}

HttpResponse failed(const Error& error) {
  if (error.kind == Error::Kind::kTooLarge) return problem(413, error.message);
  if (error.kind != Error::Kind::kFull) return problem(503, error.message);
  HttpResponse response = problem(507, error.message);
  response.retry_after_seconds = kFullRetrySeconds;
  return response;
}

HttpResponse not_now(const Error& error) {
  if (error.kind == Error::Kind::kInvalid) return problem(409, error.message);
  HttpResponse response = failed(error);
  if (error.kind == Error::Kind::kBusy) response.retry_after_seconds = 1;
  return response;
}

std::string segment_of(std::string_view path, std::size_t index) {
  path.remove_prefix(1);
  for (; index > 0; --index) path.remove_prefix(path.find('/') + 1);
  return std::string(path.substr(0, path.find('/')));
}

std::optional<std::uint64_t> number_in(std::string_view path, std::size_t index) {
  const auto number = to_number(segment_of(path, index));
  return number == 0U ? std::nullopt : number;
}

Result<std::uint64_t> number_parameter(const std::string& name, std::string_view value,
                                       std::uint64_t min, std::uint64_t max) {
  const auto number = to_number(value);
  if (number && *number >= min && *number <= max) return *number;
  return fail(Error::Kind::kInvalid, name + " must be a number from " + std::to_string(min) +
                                         " to " + std::to_string(max));
}

}  // namespace flowmyna
