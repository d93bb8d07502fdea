#include "stand_in/dialect.h"

#include <array>

#include "stand_in/fields.h"

namespace flowmyna::stand_in {
namespace {

using nlohmann::json;

constexpr std::array<std::pair<Contradiction, const char*>, 10> kContradictions = {{
    {Contradiction::kSuccessFalse, "success_false"},
    {Contradiction::kProcessedShort, "processed_short"},
    {Contradiction::kProcessedLong, "processed_long"},
    {Contradiction::kFailedLong, "failed_long"},
    {Contradiction::kListedForeign, "listed_foreign"},
    {Contradiction::kListedTwice, "listed_twice"},
    {Contradiction::kListedNull, "listed_null"},
    {Contradiction::kListedFewer, "listed_fewer"},
    {Contradiction::kListedMore, "listed_more"},
    {Contradiction::kErrorsWithoutFailure, "errors_without_failure"},
}};

/// The enumerations' values are numbered in the order of their names.
template <class Choice>
void read_choice(FieldReader& reader, const char* name, Choice& out,
                 std::initializer_list<const char*> names) {
  if (const auto index = reader.choice(name, names)) out = static_cast<Choice>(*index);
}

void read_contradictions(FieldReader& reader, std::vector<Contradiction>& out) {
  for (const std::string& wanted : reader.texts("contradictions")) {
    std::vector<std::string> names;
    const std::size_t before = out.size();
    for (const auto& [contradiction, name] : kContradictions) {
      if (wanted == name) out.push_back(contradiction);
      names.emplace_back(name);
    }
    if (out.size() > before) continue;
    reader.fail("there is no contradiction \"" + wanted + "\"; the nearest is \"" +
                nearest(wanted, names) + "\"");
  }
}

void read_answers(FieldReader& reader, AnswerForm& form) {
  read_choice(reader, "errors", form.errors, {"empty", "null", "absent"});
  read_choice(reader, "failure_errors", form.failure_errors,
              {"given", "null", "absent", "empty", "single", "shuffled"});
  read_choice(reader, "objects", form.objects, {"given", "null", "absent", "shuffled"});
  read_choice(reader, "event_ids", form.event_ids, {"given", "null", "absent", "shuffled"});
  if (const auto further = reader.take("further_fields")) {
    if (!further->is_object()) reader.wrong("further_fields", "an object");
    form.further_fields = further->dump();
  }
  form.absent_fields = reader.texts("absent_fields");
  form.null_fields = reader.texts("null_fields");
  read_contradictions(reader, form.contradictions);
}

void read_text_form(FieldReader& reader, TextForm& form) {
  if (const auto type = reader.take("content_type")) {
    if (!type->is_null() && !type->is_string()) {
      reader.wrong("content_type", "a string, or null for none");
    } else {
      form.content_type = type->is_null() ? "" : type->get<std::string>();
    }
  }
  read_choice(reader, "encoding", form.encoding,
              {"none", "gzip", "deflate", "gzip_always", "deflate_always"});
  form.bom = reader.boolean("bom").value_or(form.bom);
  form.pretty = reader.boolean("pretty").value_or(form.pretty);
  form.leading = reader.text("leading").value_or(form.leading);
  form.trailing = reader.text("trailing").value_or(form.trailing);
}

void read_limits(FieldReader& outer, Limits& limits) {
  const auto fields = outer.take("limits");
  if (!fields) return;
  if (!fields->is_object()) return outer.wrong("limits", R"(an object such as {"batch_items":50})");
  FieldReader reader(*fields);
  if (const auto bytes = reader.number("body_bytes")) limits.body_bytes = bytes;
  limits.batch_items = reader.number("batch_items").value_or(limits.batch_items);
  limits.rate = reader.number("rate").value_or(limits.rate);
  if (const auto window = reader.number("rate_window_ms")) {
    limits.rate_window = std::chrono::milliseconds(*window);
  }
  read_choice(reader, "rate_says", limits.rate_says,
              {"reset", "retry_after", "retry_after_date", "nothing"});
  if (const std::string problem = reader.problem(); !problem.empty()) {
    outer.fail("in \"limits\": " + problem);
  }
}

void read_clock(FieldReader& reader, Dialect& dialect) {
  if (const auto date = reader.take("date")) {
    if (!date->is_boolean() && !date->is_string()) {
      reader.wrong("date", "true, false for none, or the text to send instead");
    }
    dialect.has_date = *date != false;
    dialect.date = date->is_string() ? date->get<std::string>() : "";
  }
  if (const auto skew = reader.integer("date_skew_s")) {
    dialect.date_skew = std::chrono::seconds(*skew);
  }
}

}  // namespace

Result<Dialect> parse_dialect(const std::string& document, const Dialect& rest) {
  const json fields = json::parse(document, nullptr, false);
  if (!fields.is_object()) {
    return fail(Error::Kind::kInvalid,
                R"(a dialect is a JSON object, such as {"errors":"null","bom":true})");
  }
  FieldReader reader(fields);
  Dialect dialect = rest;
  dialect.error_text = reader.text("error_text").value_or(dialect.error_text);
  read_answers(reader, dialect.answers);
  read_text_form(reader, dialect.text);
  read_limits(reader, dialect.limits);
  if (const auto delay = reader.number("answer_delay_ms")) {
    dialect.answer_delay = std::chrono::milliseconds(*delay);
  }
  read_clock(reader, dialect);
  dialect.close_each = reader.boolean("close_each").value_or(dialect.close_each);
  if (const auto seconds = reader.number("idle_timeout_s")) dialect.idle_timeout_s = seconds;
  if (std::string problem = reader.problem(); !problem.empty()) {
    return fail(Error::Kind::kInvalid, std::move(problem));
  }
  return dialect;
}

std::string merge_documents(const std::string& document, const std::string& changes) {
  constexpr bool kMergeObjects = true;
  json merged = json::parse(document, nullptr, false);
  merged.update(json::parse(changes, nullptr, false), kMergeObjects);
  return merged.dump();
}

}  // namespace flowmyna::stand_in
