#include "agent/api/pending_scan.h"

#include <algorithm>

#include "agent/api/query.h"
#include "agent/api/reports.h"
#include "agent/api/responses.h"
#include "core/json_text.h"

namespace flowmyna {
namespace {

// One read's share of the outbox's thread: about a millisecond.
constexpr std::size_t kReadOperations = 1000;
constexpr std::size_t kReadBytes = 1U << 20;

// What one question may cost in all.
constexpr std::size_t kScanMax = 1'000'000;

std::string canonical(std::string_view text) {
  std::string out;
  append_escaped(out, text);
  return out;
}

}  // namespace

Result<PendingQuery> PendingQuery::parse(std::string_view query) {
  auto parameters = parse_query(query);
  if (!parameters) return tl::make_unexpected(parameters.error());
  PendingQuery out;
  for (const auto& [name, value] : *parameters) {
    if (name == "type") {
      out.type = canonical(value);
    } else if (name == "id") {
      out.id = canonical(value);
    } else if (name == "limit") {
      const auto limit = number_parameter(name, value, 1, kLimitMax);
      if (!limit) return tl::make_unexpected(limit.error());
      out.limit = *limit;
    } else if (name == "stuck") {
      if (value != "true" && value != "false") {
        return fail(Error::Kind::kInvalid, "stuck must be true or false");
      }
      out.stuck = value == "true";
    } else {
      return fail(Error::Kind::kInvalid,
                  "unknown parameter '" + name + "': this route takes type, id, stuck and limit");
    }
  }
  if (!out.id.empty() && out.type.empty()) {
    return fail(Error::Kind::kInvalid, "id needs type: an object is named by both");
  }
  return out;
}

bool PendingQuery::matches(const Operation& operation) const {
  const auto is_asked_for = [this](const ObjectKey& key) {
    return key.type == type && (id.empty() || key.id == id);
  };
  if (type.empty()) return true;
  if (operation.kind == Kind::kUpsert) return is_asked_for(operation.object);
  return std::ranges::any_of(operation.objects, is_asked_for, &EventObject::key);
}

void PendingScan::start(Outbox& outbox, PendingQuery query, Done done) {
  std::make_shared<PendingScan>(outbox, std::move(query), std::move(done))->next();
}

PendingScan::PendingScan(Outbox& outbox, PendingQuery query, Done done)
    : outbox_(outbox), query_(std::move(query)), done_(std::move(done)), body_(R"({"pending":[)") {}

void PendingScan::next() {
  ReadLimits limits;
  limits.after = after_;
  limits.operations_max = kReadOperations;
  limits.bytes_max = kReadBytes;
  outbox_.read(std::move(limits),
               [self = shared_from_this()](const Result<Window>& window) { self->take(window); });
}

void PendingScan::take(const Result<Window>& window) {
  if (!window) {
    done_(tl::make_unexpected(window.error()));
    return;
  }
  for (const Window::Row& row : window->rows()) {
    const auto operation = Operation::parse(window->stored(row));
    if (!operation || !query_.matches(*operation)) continue;
    if (found_ == query_.limit) {
      finish(true);
      return;
    }
    if (found_++ > 0) body_ += ',';
    body_ += pending_entry(row, *operation);
  }
  scanned_ += window->size();
  if (!window->more || scanned_ >= kScanMax) {
    finish(window->more);
    return;
  }
  after_ = window->rows().back().receipt;
  next();
}

void PendingScan::finish(bool more) {
  done_(body_ + R"(],"more":)" + (more ? "true}" : "false}"));
}

}  // namespace flowmyna
