#include "dialect.h"

#include <algorithm>
#include <array>

namespace flowmyna::simulation {
namespace {

constexpr std::string_view kMark = "\xEF\xBB\xBF";

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

std::string list(const std::vector<std::string>& parts) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : ",") + part;
  return "[" + out + "]";
}

std::string list_name(Kind kind) {
  return kind == Kind::kEvent ? "event_ids" : "objects";
}

std::string counts(bool success, std::size_t processed, std::size_t failed) {
  return R"("success":)" + std::string(success ? "true" : "false") + R"(,"processed":)" +
         std::to_string(processed) + R"(,"failed":)" + std::to_string(failed);
}

/// The member with nothing in it, or no member.
std::string nothing(Dialect::Nothing how, const std::string& name) {
  if (how == Dialect::Nothing::kAbsent) return "";
  return "," + quoted(name) + (how == Dialect::Nothing::kNull ? ":null" : ":[]");
}

std::string error(const Dialect& dialect, const AnsweredItem& item, std::size_t position) {
  switch (dialect.positions) {
    case Dialect::Positions::kNames:
      return quoted(item.names + ": " + item.fault);
    case Dialect::Positions::kNone:
      return quoted(item.fault);
    default:
      return quoted("index " + std::to_string(position) + ": " + item.fault);
  }
}

std::vector<std::string> succeeded(const std::vector<AnsweredItem>& items) {
  std::vector<std::string> entries;
  for (const AnsweredItem& item : items) {
    if (item.fault.empty()) entries.push_back(item.entry);
  }
  return entries;
}

std::string framed(const Dialect& dialect, std::string members) {
  if (dialect.has_more) members += R"(,"request_id":"r-1","warnings":[],"took":{"ms":1.5e0})";
  std::string out = "{" + members + "}";
  if (dialect.has_blanks) out = "\r\n  " + out + " \n";
  return dialect.has_mark ? std::string(kMark) + out : out;
}

}  // namespace

Dialect draw_dialect(Chance& chance) {
  using Nothing = Dialect::Nothing;
  using Positions = Dialect::Positions;
  Dialect out;
  out.has_list = !chance.one_in(0.3);
  out.without_list = chance.one_of({Nothing::kNull, Nothing::kAbsent});
  out.without_errors = chance.one_of({Nothing::kEmpty, Nothing::kNull, Nothing::kAbsent});
  out.positions = chance.one_of(
      {Positions::kFromZero, Positions::kFromOne, Positions::kNames, Positions::kNone});
  out.has_mark = chance.one_in(0.2);
  out.has_blanks = chance.one_in(0.2);
  out.has_more = chance.one_in(0.2);
  return out;
}

std::string render(const Dialect& dialect) {
  constexpr std::array<std::string_view, 3> kNothing{"empty", "null", "absent"};
  constexpr std::array<std::string_view, 5> kPositions{"from 0", "from 1", "by name", "nowhere",
                                                       "turning"};
  std::string out = "lists ";
  out += dialect.has_list ? "given" : kNothing[static_cast<std::size_t>(dialect.without_list)];
  out += ", no errors ";
  out += kNothing[static_cast<std::size_t>(dialect.without_errors)];
  out += ", positions ";
  out += kPositions[static_cast<std::size_t>(dialect.positions)];
  if (dialect.has_mark) out += ", a mark";
  if (dialect.has_blanks) out += ", blanks";
  if (dialect.has_more) out += ", more fields";
  return out;
}

std::string batch_answer(const Dialect& dialect, Kind kind, const std::vector<AnsweredItem>& items,
                         std::size_t position, Chance& chance) {
  std::vector<std::string> entries = succeeded(items);
  std::ranges::shuffle(entries, chance.engine());
  std::vector<std::string> errors;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!items[i].fault.empty()) errors.push_back(error(dialect, items[i], i + position));
  }
  std::string members = counts(errors.empty(), entries.size(), errors.size());
  members += dialect.has_list ? "," + quoted(list_name(kind)) + ":" + list(entries)
                              : nothing(dialect.without_list, list_name(kind));
  members +=
      errors.empty() ? nothing(dialect.without_errors, "errors") : R"(,"errors":)" + list(errors);
  return framed(dialect, members);
}

std::string contradiction(Kind kind, const std::vector<AnsweredItem>& items, Chance& chance) {
  std::vector<std::string> entries;
  for (const AnsweredItem& item : items) entries.push_back(item.entry);
  const std::size_t all = items.size();
  const std::string whole = "," + quoted(list_name(kind)) + ":" + list(entries);
  entries.pop_back();
  const std::string cut = "," + quoted(list_name(kind)) + ":" + list(entries);
  const std::vector<std::string> said{
      counts(false, all, 0) + whole,
      counts(true, all + 1, 0) + whole,
      counts(true, all - 1, 0) + whole,
      counts(true, all, 0) + cut,
      counts(true, all, 0) + whole + R"(,"errors":["index 0: it failed"])",
      R"("success":true)" + whole,
  };
  return "{" + chance.one_of(std::span(said)) + "}";
}

}  // namespace flowmyna::simulation
