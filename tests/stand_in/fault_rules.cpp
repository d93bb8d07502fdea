#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "stand_in/dialect.h"
#include "stand_in/faults.h"
#include "stand_in/fields.h"

namespace flowmyna::stand_in {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<FaultKind, std::string_view>, 17> kNames = {{
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
    {FaultKind::kDialect, "dialect"},
}};

constexpr unsigned kStatusFirst = 200;
constexpr unsigned kStatusLast = 599;

std::optional<FaultKind> kind_of(const std::string& name) {
  for (const auto& [kind, known] : kNames) {
    if (known == name) return kind;
  }
  return std::nullopt;
}

/// A closed socket sees no requests, and one that is down reads none.
bool sees_bodies(FaultKind kind) {
  return kind != FaultKind::kRefused && kind != FaultKind::kDown;
}

bool spoils_what_was_applied(FaultKind kind) {
  constexpr std::array kKinds = {
      FaultKind::kHang,    FaultKind::kStatus,   FaultKind::kHtml200,    FaultKind::kTruncated,
      FaultKind::kGarbage, FaultKind::kEmpty200, FaultKind::kWrongShape, FaultKind::kLostAnswer};
  return std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end();
}

void read_match(FieldReader& reader, Match& match) {
  const auto fields = reader.take("match");
  if (!fields) return;
  if (!fields->is_object()) return reader.wrong("match", "an object such as {\"id\":\"ORD-1\"}");
  FieldReader inner(*fields);
  match.type = inner.text("type");
  match.id = inner.text("id");
  match.event = inner.text("event");
  match.property = inner.text("property");
  match.value = inner.text("value");
  match.items_over = inner.number("items_over");
  match.bytes_over = inner.number("bytes_over");
  if (const std::string problem = inner.problem(); !problem.empty()) {
    reader.fail("in \"match\": " + problem);
  }
}

void read_processed(FieldReader& reader, FaultRule& rule) {
  if (rule.kind == FaultKind::kLostAnswer) rule.processed = Processed::kAll;
  const auto value = reader.take("processed");
  if (!value) return;
  if (value->is_boolean()) {
    rule.processed = value->get<bool>() ? Processed::kAll : Processed::kNothing;
  } else if (*value == "half") {
    rule.processed = Processed::kHalf;
  } else {
    reader.wrong("processed", "true, false or \"half\"");
  }
}

void read_headers(FieldReader& reader, StatusAnswer& answer) {
  const auto headers = reader.take("headers");
  if (!headers) return;
  if (!headers->is_object()) return reader.wrong("headers", "an object of strings");
  for (const auto& [name, value] : headers->items()) {
    if (!value.is_string()) return reader.wrong("headers", "an object of strings");
    if (name == "Content-Type") {
      answer.content_type = value.get<std::string>();
    } else {
      answer.headers.emplace_back(name, value.get<std::string>());
    }
  }
}

std::string as_page(const std::string& text) {
  return "<!DOCTYPE html>\n<html><head><title>" + text + "</title></head>\n<body><h1>" + text +
         "</h1></body></html>\n";
}

/// The API's words, unless the rule has its own: "detail" (null: none), a "page", or any "body".
void read_body(FieldReader& reader, StatusAnswer& answer) {
  const std::string words = "Status " + std::to_string(answer.status);
  answer.content_type = "application/json";
  answer.body = json{{"detail", words}}.dump();
  if (const auto detail = reader.take("detail")) {
    answer.body = (detail->is_null() ? json{{"error", words}} : json{{"detail", *detail}}).dump();
  }
  if (const auto page = reader.take("page")) {
    if (!page->is_string() && *page != true) reader.wrong("page", "true or its text");
    answer.body = as_page(page->is_string() ? page->get<std::string>() : words);
    answer.content_type = "text/html; charset=utf-8";
  }
  if (const auto body = reader.take("body")) {
    answer.body = body->is_string() ? body->get<std::string>() : body->dump();
  }
  const bool bodiless = answer.status == 204 || answer.status == 304;
  if (bodiless) answer.body.clear();
}

void read_status(FieldReader& reader, StatusAnswer& answer) {
  answer.status = static_cast<unsigned>(reader.number("status").value_or(0));
  if (answer.status < kStatusFirst || answer.status > kStatusLast) {
    reader.wrong("status", "a number from 200 to 599");
  }
  read_body(reader, answer);
  read_headers(reader, answer);
  answer.reset_in_s = reader.integer("reset_in_s");
  answer.retry_after_date_s = reader.integer("retry_after_date_s");
  if (const auto seconds = reader.integer("retry_after_s")) {
    answer.headers.emplace_back("Retry-After", std::to_string(*seconds));
  }
}

void read_slow(FieldReader& reader, FaultRule& rule) {
  const auto milliseconds = [&reader](const char* name) {
    return std::chrono::milliseconds(reader.number(name).value_or(0));
  };
  rule.delay = milliseconds("delay_ms");
  rule.delay_per_item = milliseconds("per_item_ms");
  rule.delay_per_kib = milliseconds("per_kib_ms");
  if (rule.delay.count() + rule.delay_per_item.count() + rule.delay_per_kib.count() == 0) {
    reader.fail("\"delay_ms\", \"per_item_ms\" or \"per_kib_ms\" is missing");
  }
  rule.apply_late = reader.choice("apply", {"before", "after"}).value_or(0) == 1;
  const bool waits_for_body = rule.match.about_anything() || rule.delay_per_item.count() > 0 ||
                              rule.delay_per_kib.count() > 0;
  if (rule.apply_late && waits_for_body) {
    reader.fail("\"apply\":\"after\" goes with \"delay_ms\" alone");
  }
}

void read_reject(FieldReader& reader, FaultRule& rule) {
  constexpr std::array kModes = {RejectMode::kBatch422, RejectMode::kBatch400,
                                 RejectMode::kPartial};
  rule.mode = kModes[reader.choice("mode", {"batch_422", "batch_400", "partial"}).value_or(0)];
  // The API's own words for a batch that is refused have the index in a place of its own.
  const auto errors = reader.choice("errors", {"indexed", "plain"});
  if (errors == 0 && rule.mode != RejectMode::kBatch422)
    rule.error_text = "index {index}: {reason}";
  if (errors == 1) rule.error_text = "{reason}";
  if (auto text = reader.text("error_text")) rule.error_text = std::move(text);
  rule.reason = reader.text("reason").value_or(rule.reason);
  rule.count_each = reader.number("count_each");
}

void read_dialect(FieldReader& reader, FaultRule& rule) {
  const auto document = reader.take("dialect");
  if (!document) return reader.fail("\"dialect\" is missing");
  rule.dialect = document->dump();
  if (const auto dialect = parse_dialect(rule.dialect); !dialect) {
    reader.fail("in \"dialect\": " + dialect.error().message);
  }
}

void read_specific(FieldReader& reader, FaultRule& rule) {
  if (sees_bodies(rule.kind)) read_match(reader, rule.match);
  if (spoils_what_was_applied(rule.kind)) read_processed(reader, rule);
  if (rule.kind == FaultKind::kSlow) read_slow(reader, rule);
  if (rule.kind == FaultKind::kStatus) read_status(reader, rule.answer);
  if (rule.kind == FaultKind::kRejectItems) read_reject(reader, rule);
  if (rule.kind == FaultKind::kDialect) read_dialect(reader, rule);
  if (rule.kind != FaultKind::kMaxBody) return;
  const auto bytes = reader.number("bytes");
  if (!bytes) reader.fail("\"bytes\" is missing");
  rule.bytes = bytes.value_or(0);
}

/// What every rule may carry; a closed socket sees no requests, so it cannot choose among them.
void read_common(FieldReader& reader, FaultRule& rule) {
  if (const auto duration = reader.number("for_ms")) {
    rule.duration = std::chrono::milliseconds(*duration);
  }
  if (rule.kind == FaultKind::kRefused) return;
  rule.paths = reader.texts("path");
  for (const std::string& path : rule.paths) {
    if (path.starts_with('/')) continue;
    reader.wrong("path", "an endpoint such as \"/object/batch\", or a list of them");
  }
  rule.count = reader.number("count");
  rule.skip = reader.number("skip").value_or(0);
  rule.probability = reader.probability("probability").value_or(1.0);
  rule.seed = reader.number("seed").value_or(0);
}

/// What to say of a fault that there is not.
std::string unknown_fault(const std::optional<std::string>& name) {
  std::vector<std::string> names;
  std::string listed;
  for (const auto& [kind, known] : kNames) {
    names.emplace_back(known);
    listed += (listed.empty() ? "" : ", ") + names.back();
  }
  const std::string choices = "\"fault\" must be one of " + listed;
  return name ? choices + "; the nearest is \"" + nearest(*name, names) + "\"" : choices;
}

Result<FaultRule> parse_rule(const json& fields) {
  if (!fields.is_object()) return fail(Error::Kind::kInvalid, "must be an object");
  FieldReader reader(fields);
  FaultRule rule;
  const auto name = reader.text("fault");
  const auto kind = name ? kind_of(*name) : std::nullopt;
  if (!kind) {
    return fail(Error::Kind::kInvalid, unknown_fault(name));
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

}  // namespace flowmyna::stand_in
