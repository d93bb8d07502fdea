#pragma once

#include <simdjson.h>

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "core/json_walk.h"
#include "core/problems.h"
#include "core/properties_encoder.h"

namespace flowmyna {

/// A string field of the API and its limits (its page on the endpoints), in characters.
struct TextField {
  std::string_view name;
  std::size_t characters_max = 0;
  bool nullable = false;  ///< `null` means absent
};

/// Reads the fields that items are made of. What does not fit the schema goes to `problems()`; an
/// error code is only given for what is not JSON. A field that is read again replaces what was read
/// before, as the later one of two members with one name does.
///
/// Strings are given as the insides of JSON strings in canonical escaping. They and properties live
/// until the next `start`, or as long as the document.
class FieldReader {
 public:
  /// Nothing when the field is absent.
  using Text = std::optional<std::string_view>;

  using PropertiesRange = PropertiesEncoder::Range;

  /// Forgets the item before.
  void start();

  simdjson::error_code text(simdjson::ondemand::value& value, const TextField& field, Text& out);
  simdjson::error_code timestamp(simdjson::ondemand::value& value, Text& out);
  simdjson::error_code properties(simdjson::ondemand::value& value, PropertiesRange& out);
  /// Validates a value that is not used otherwise.
  simdjson::error_code skip(simdjson::ondemand::value& value);

  /// Adds a problem when a required field is absent.
  void require(const Text& text, std::string_view field);

  /// The properties in a range; valid until the next field is read.
  PropertiesView resolve(const PropertiesRange& range) const { return properties_[range]; }

  Problems& problems() { return problems_; }
  const Problems& problems() const { return problems_; }

 private:
  std::string_view canonical(const JsonText& text) {
    return text.is_plain ? text.characters : escape_anew(text.characters);
  }
  std::string_view escape_anew(std::string_view characters);

  Problems problems_;
  PropertiesEncoder properties_;  // of the item and what it names
  std::deque<std::string> kept_;  // strings of the item that had to be escaped anew
};

}  // namespace flowmyna
