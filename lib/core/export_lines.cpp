#include "core/export_lines.h"

#include <simdjson.h>

#include <algorithm>

#include "core/item_reader.h"
#include "core/json_text.h"
#include "core/json_walk.h"

namespace flowmyna {
namespace {

using simdjson::error_code;
namespace ondemand = simdjson::ondemand;

void append_unsynchronised(std::string& out, std::ptrdiff_t events) {
  if (events > 0) out += R"("unsynchronised":)" + std::to_string(events) + ',';
}

void append_operation(std::string& out, const Window::Row& row, const Operation& operation) {
  out += R"("accepted_unix_s":)" + std::to_string(row.accepted_unix_s);
  out += operation.kind == Kind::kUpsert ? R"(,"upsert":)" : R"(,"event":)";
  const std::size_t begin = out.size();
  operation.append_json(out);
  // A line feed between the parts of a value is white space; in a string it cannot be.
  std::replace_if(
      out.begin() + static_cast<std::ptrdiff_t>(begin), out.end(),
      [](char c) { return c == '\n' || c == '\r'; }, ' ');
  out += '}';
}

/// Reads the lines of one body; what is wrong is in `wrong`.
class LineReader {
 public:
  explicit LineReader(ExportedLines& out) : out_(out) {}

  bool read(std::string_view line) {
    const simdjson::padded_string_view padded(line.data(), line.size(),
                                              line.size() + Decoder::kPadding);
    ondemand::document document;
    ondemand::object object;
    Fields fields;
    error_code error = parser_.iterate(padded).get(document);
    if (!error) error = document.get_object().get(object);
    if (!error) error = read_fields(object, fields);
    if (!error && document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
      error = simdjson::TRAILING_CONTENT;
    }
    if (error) {
      wrong = wrong.empty() ? "not a line of an export" : wrong;
      return false;
    }
    return keep(std::move(fields));
  }

  std::string wrong;

 private:
  struct Fields {
    std::size_t first = 0;       ///< of the operations that were read already
    std::size_t operations = 0;  ///< on the line
    bool is_letter = false;
    bool has_time = false;
    std::int64_t accepted_unix_s = 0;
    std::string maybe_sent;
    Arrival::Letter letter;
  };

  error_code read_fields(ondemand::object object, Fields& fields) {
    fields.first = out_.operations.size();
    return each_member(object, [&](const JsonText& name, ondemand::value& value) {
      return read_field(name.characters, value, fields);
    });
  }

  error_code read_field(std::string_view name, ondemand::value& value, Fields& fields) {
    if (name == "upsert") return operation(Kind::kUpsert, value, fields);
    if (name == "event") return operation(Kind::kEvent, value, fields);
    if (name == "operations") return operations(value, fields);
    if (name == "accepted_unix_s") {
      fields.has_time = true;
      return value.get_int64().get(fields.accepted_unix_s);
    }
    if (name == "maybe_sent") return text(value, fields.maybe_sent);
    if (name == "reason") return text(value, fields.letter.reason);
    if (name == "at_unix_s") return value.get_int64().get(fields.letter.at_unix_s);
    if (name == "status") return number(value, fields.letter.status);
    if (name == "attempts") return number(value, fields.letter.attempts);
    fields.is_letter = fields.is_letter || name == "dead_letter";
    std::string_view written;
    return walk_json(value, Decoder::kMaxDepth, written);
  }

  static error_code text(ondemand::value& value, std::string& out) {
    std::string_view text;
    const auto error = value.get_string().get(text);
    out = text;
    return error;
  }

  template <class Number>
  static error_code number(ondemand::value& value, Number& out) {
    std::int64_t wide = 0;
    if (const auto error = value.get_int64().get(wide)) return error;
    if (wide < 0 || wide > std::numeric_limits<int>::max()) return simdjson::NUMBER_OUT_OF_RANGE;
    out = static_cast<Number>(wide);
    return simdjson::SUCCESS;
  }

  error_code operation(Kind kind, ondemand::value& value, Fields& fields) {
    if (const auto error = item_.read(kind, value, {})) return error;
    if (!item_.problems().empty()) {
      wrong = item_.problems().reason();
      return simdjson::INCORRECT_TYPE;
    }
    if (kind == Kind::kEvent && item_.operation().is_stamped_here) {
      wrong = "the event has no timestamp";
      return simdjson::INCORRECT_TYPE;
    }
    out_.operations.add(item_.operation());
    ++fields.operations;
    return simdjson::SUCCESS;
  }

  error_code operations(ondemand::value& value, Fields& fields) {
    ondemand::array array;
    if (const auto error = value.get_array().get(array)) return error;
    return each_element(array, [&](ondemand::value& element) -> error_code {
      ondemand::object object;
      if (const auto error = element.get_object().get(object)) return error;
      Fields inner;
      if (const auto error = read_fields(object, inner)) return error;
      if (!is_one_operation(inner) || inner.is_letter) return simdjson::INCORRECT_TYPE;
      out_.accepted_unix_s.push_back(inner.accepted_unix_s);
      ++fields.operations;
      return simdjson::SUCCESS;
    });
  }

  static bool is_one_operation(const Fields& fields) {
    return fields.operations == 1 && fields.has_time;
  }

  bool keep(Fields fields) {
    if (!fields.is_letter) {
      if (!is_one_operation(fields)) return refuse("the line holds no operation");
      out_.accepted_unix_s.push_back(fields.accepted_unix_s);
      if (!fields.maybe_sent.empty()) {
        out_.maybe_sent.push_back({fields.first, std::move(fields.maybe_sent)});
      }
    } else {
      if (fields.operations == 0) return refuse("the dead letter holds no operation");
      fields.letter.first = fields.first;
      fields.letter.count = fields.operations;
      out_.letters.push_back(std::move(fields.letter));
    }
    if (out_.accepted_unix_s.size() != out_.operations.size()) {
      return refuse("the line holds more than one kind of entry");
    }
    ++out_.lines;
    return true;
  }

  bool refuse(std::string why) {
    wrong = std::move(why);
    return false;
  }

  ExportedLines& out_;
  ondemand::parser parser_;
  ItemReader item_;
};

}  // namespace

void append_pending_line(std::string& out, const Window::Row& row, const Operation& operation,
                         std::string_view maybe_sent) {
  out += R"({"receipt":)" + std::to_string(row.receipt) + ',';
  if (!maybe_sent.empty()) out += R"("maybe_sent":)" + json_string(maybe_sent) + ',';
  append_unsynchronised(out, operation.boot ? 1 : 0);
  append_operation(out, row, operation);
  out += '\n';
}

void append_letter_line(std::string& out, const DeadLetter& letter,
                        const std::vector<Operation>& operations) {
  out += R"({"dead_letter":)" + std::to_string(letter.id);
  out += R"(,"status":)" + std::to_string(letter.status);
  out += R"(,"reason":)" + json_string(letter.reason);
  out += R"(,"attempts":)" + std::to_string(letter.attempts);
  out += R"(,"at_unix_s":)" + std::to_string(letter.at_unix_s) + ',';
  append_unsynchronised(out, std::ranges::count_if(operations, [](const Operation& operation) {
                          return operation.boot.has_value();
                        }));
  out += R"("operations":[)";
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const Window::Row& row = letter.operations.rows()[i];
    out += (i == 0 ? R"({"receipt":)" : R"(,{"receipt":)") + std::to_string(row.receipt) + ',';
    append_operation(out, row, operations[i]);
  }
  out += "]}\n";
}

Result<ExportedLines> read_export_lines(std::string_view body) {
  ExportedLines out;
  LineReader reader(out);
  while (!body.empty()) {
    const std::size_t end = body.find('\n');
    const std::string_view line = body.substr(0, end);
    body.remove_prefix(end == std::string_view::npos ? body.size() : end + 1);
    if (reader.read(line)) continue;
    return fail(Error::Kind::kInvalid,
                "line " + std::to_string(out.lines + 1) + ": " + reader.wrong);
  }
  return out;
}

}  // namespace flowmyna
