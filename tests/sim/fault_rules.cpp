#include <array>
#include <limits>
#include <nlohmann/json.hpp>

#include "sim/faults.h"

namespace flowmyna::sim {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<FaultKind, std::string_view>, 16> kNames = {{
    {FaultKind::kRefused, "refused"},
    {FaultKind::kDown, "down"},
    {FaultKind::kHang, "hang"},
    {FaultKind::kSlow, "slow"},
    {FaultKind::kUnauthorized, "unauthorized"},
    {FaultKind::kForbidden, "forbidden"},
    {FaultKind::kNotFound, "not_found"},
    {FaultKind::kStatus, "status"},
    {FaultKind::kRejectItems, "reject_items"},
    {FaultKind::kHtml200, "html_200"},
    {FaultKind::kTruncated, "truncated"},
    {FaultKind::kGarbage, "garbage"},
    {FaultKind::kEmpty200, "empty_200"},
    {FaultKind::kWrongShape, "wrong_shape"},
    {FaultKind::kLostAnswer, "lost_answer"},
    {FaultKind::kMaxBody, "max_body"},
}};

constexpr unsigned kStatusFirst = 200;
constexpr unsigned kStatusLast = 599;

std::string all_names() {
  std::string names;
  for (const auto& [kind, name] : kNames) {
    if (!names.empty()) names += ", ";
    names += name;
  }
  return names;
}

/// Takes the fields of one rule out of its JSON; what is left over at the end was misspelt.
class RuleReader {
 public:
  explicit RuleReader(json fields) : fields_(std::move(fields)) {}

  std::optional<std::string> text(const char* name) {
    const auto value = take(name);
    if (!value) return std::nullopt;
    if (value->is_string()) return value->get<std::string>();
    wrong(name, "a string");
    return std::nullopt;
  }
  std::optional<std::uint64_t> number(const char* name) {
    const auto value = take(name);
    if (!value) return std::nullopt;
    // Kept small enough to be a duration in any unit.
    constexpr std::uint64_t kNumberMax = std::numeric_limits<std::uint32_t>::max();
    if (value->is_number_unsigned() && value->get<std::uint64_t>() <= kNumberMax) {
      return value->get<std::uint64_t>();
    }
    wrong(name, "a whole number from 0 to 4294967295");
    return std::nullopt;
  }
  std::optional<bool> boolean(const char* name) {
    const auto value = take(name);
    if (!value) return std::nullopt;
    if (value->is_boolean()) return value->get<bool>();
    wrong(name, "true or false");
    return std::nullopt;
  }
  std::optional<double> probability(const char* name) {
    const auto value = take(name);
    if (!value) return std::nullopt;
    if (value->is_number() && value->get<double>() >= 0 && value->get<double>() <= 1) {
      return value->get<double>();
    }
    wrong(name, "a number from 0 to 1");
    return std::nullopt;
  }
  std::optional<std::size_t> choice(const char* name, std::initializer_list<const char*> allowed) {
    const auto value = text(name);
    if (!value) return std::nullopt;
    std::string listed;
    for (std::size_t i = 0; i < allowed.size(); ++i) {
      if (*value == allowed.begin()[i]) return i;
      listed += (i == 0 ? "" : " or ") + std::string(allowed.begin()[i]);
    }
    wrong(name, listed);
    return std::nullopt;
  }
  std::optional<json> take(const char* name) {
    const auto at = fields_.find(name);
    if (at == fields_.end()) return std::nullopt;
    json value = std::move(*at);
    fields_.erase(at);
    return value;
  }
  void wrong(std::string_view name, std::string_view expected) {
    if (!problem_.empty()) return;
    problem_ = "\"" + std::string(name) + "\" must be " + std::string(expected);
  }
  void fail(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }

  /// Empty when every field was known and fit.
  std::string problem() {
    if (problem_.empty() && !fields_.empty()) {
      problem_ = "unknown field \"" + fields_.begin().key() + "\" for this fault";
    }
    return problem_;
  }

 private:
  json fields_;
  std::string problem_;
};

std::optional<FaultKind> kind_of(const std::string& name) {
  for (const auto& [kind, known] : kNames) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

void read_match(RuleReader& reader, FaultRule& rule) {
  const auto match = reader.take("match");
  if (!match) return;
  if (!match->is_object()) return reader.wrong("match", "an object with type, id or event");
  RuleReader inner(*match);
  rule.match_type = inner.text("type");
  rule.match_id = inner.text("id");
  rule.match_event = inner.text("event");
  if (const std::string problem = inner.problem(); !problem.empty()) {
    reader.fail("in \"match\": " + problem);
  }
}

void read_headers(RuleReader& reader, FaultRule& rule) {
  const auto headers = reader.take("headers");
  if (!headers) return;
  if (!headers->is_object()) return reader.wrong("headers", "an object of strings");
  for (const auto& [name, value] : headers->items()) {
    if (!value.is_string()) return reader.wrong("headers", "an object of strings");
    rule.headers.emplace_back(name, value.get<std::string>());
  }
}

void read_status(RuleReader& reader, FaultRule& rule) {
  rule.status = static_cast<unsigned>(reader.number("status").value_or(0));
  if (rule.status < kStatusFirst || rule.status > kStatusLast) {
    reader.wrong("status", "a number from 200 to 599");
  }
  if (const auto body = reader.take("body")) {
    rule.body = body->is_string() ? body->get<std::string>() : body->dump();
  }
  read_headers(reader, rule);
  if (const auto seconds = reader.number("reset_in_s")) {
    rule.reset_in_s = static_cast<std::int64_t>(*seconds);
  }
}

void read_slow(RuleReader& reader, FaultRule& rule) {
  const auto delay = reader.number("delay_ms");
  if (!delay) reader.fail("\"delay_ms\" is missing");
  rule.delay = std::chrono::milliseconds(delay.value_or(0));
  rule.apply_late = reader.choice("apply", {"before", "after"}).value_or(0) == 1;
}

void read_reject(RuleReader& reader, FaultRule& rule) {
  read_match(reader, rule);
  constexpr std::array kModes = {RejectMode::kBatch422, RejectMode::kBatch400,
                                 RejectMode::kPartial};
  rule.mode = kModes[reader.choice("mode", {"batch_422", "batch_400", "partial"}).value_or(0)];
  rule.errors_indexed = reader.choice("errors", {"indexed", "plain"}).value_or(0) == 0;
  rule.reason = reader.text("reason").value_or(rule.reason);
}

void read_specific(RuleReader& reader, FaultRule& rule) {
  switch (rule.kind) {
    case FaultKind::kSlow:
      return read_slow(reader, rule);
    case FaultKind::kStatus:
      rule.processed = reader.boolean("processed");
      return read_status(reader, rule);
    case FaultKind::kRejectItems:
      return read_reject(reader, rule);
    case FaultKind::kMaxBody: {
      const auto bytes = reader.number("bytes");
      if (!bytes) reader.fail("\"bytes\" is missing");
      rule.bytes = bytes.value_or(0);
      return;
    }
    case FaultKind::kHtml200:
    case FaultKind::kTruncated:
    case FaultKind::kGarbage:
    case FaultKind::kEmpty200:
    case FaultKind::kWrongShape:
    case FaultKind::kHang:
      rule.processed = reader.boolean("processed");
      return;
    case FaultKind::kLostAnswer:
      rule.processed = true;
      return;
    case FaultKind::kRefused:
    case FaultKind::kDown:
    case FaultKind::kUnauthorized:
    case FaultKind::kForbidden:
    case FaultKind::kNotFound:
      return;
  }
}

/// What every rule may carry; a closed socket sees no requests, so it cannot choose among them.
void read_common(RuleReader& reader, FaultRule& rule) {
  if (const auto duration = reader.number("for_ms")) {
    rule.duration = std::chrono::milliseconds(*duration);
  }
  if (rule.kind == FaultKind::kRefused) return;
  rule.path = reader.text("path").value_or("");
  if (!rule.path.empty() && rule.path.front() != '/') {
    reader.wrong("path", "an endpoint such as \"/object/batch\"");
  }
  rule.count = reader.number("count");
  rule.skip = reader.number("skip").value_or(0);
  rule.probability = reader.probability("probability").value_or(1.0);
  rule.seed = reader.number("seed").value_or(0);
}

Result<FaultRule> parse_rule(const json& fields) {
  if (!fields.is_object()) return fail(Error::Kind::kInvalid, "must be an object");
  RuleReader reader(fields);
  FaultRule rule;
  const auto name = reader.text("fault");
  const auto kind = name ? kind_of(*name) : std::nullopt;
  if (!kind) {
    return fail(Error::Kind::kInvalid, "\"fault\" must be one of " + all_names());
  }
  rule.kind = *kind;
  read_common(reader, rule);
  read_specific(reader, rule);
  rule.text = fields.dump();
  if (std::string problem = reader.problem(); !problem.empty()) {
    return fail(Error::Kind::kInvalid, std::move(problem));
  }
  return rule;
}

}  // namespace

std::string_view name_of(FaultKind kind) {
  return kNames[static_cast<std::size_t>(kind)].second;
}

Result<std::vector<FaultRule>> parse_fault_rules(const std::string& text) {
  const json list = json::parse(text, nullptr, false);
  if (!list.is_array()) {
    return fail(Error::Kind::kInvalid,
                R"(send a JSON list of fault rules, such as [{"fault":"down","count":3}])");
  }
  std::vector<FaultRule> rules;
  for (std::size_t i = 0; i < list.size(); ++i) {
    auto rule = parse_rule(list[i]);
    if (!rule) {
      return fail(Error::Kind::kInvalid, "rule " + std::to_string(i) + ": " + rule.error().message);
    }
    rules.push_back(std::move(*rule));
  }
  return rules;
}

std::string FaultTable::show() const {
  const auto now = Clock::now();
  const std::lock_guard lock(mutex_);
  json list = json::array();
  for (const SharedFault& fault : faults_) {
    const FaultRule& rule = fault->rule;
    const bool over =
        (fault->expires && *fault->expires <= now) || (rule.count && fault->served >= *rule.count);
    list.push_back({{"rule", json::parse(rule.text, nullptr, false)},
                    {"seen", fault->seen},
                    {"served", fault->served},
                    {"active", !over}});
  }
  return json{{"faults", std::move(list)}, {"served", served_}}.dump();
}

}  // namespace flowmyna::sim
