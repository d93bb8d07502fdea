#include "agent/ctl/arguments.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

#include "client/json_check.h"

namespace flowmyna::ctl {

using client::EventObject;
using client::Properties;
using client::Property;
using client::Value;

const char* const kPropertyHelp =
    "Properties:\n"
    "  name=value    JSON when the value is JSON (5420.00 and null keep their form, [1,2],\n"
    "                {\"a\":1}, true), else a string: tier=gold\n"
    "  name:=value   must be JSON: zip:='\"01234\"' is a string, whatever it looks like\n"
    "  name=null     removes the property";

Parsed<Property> parse_property(std::string_view argument) {
  const auto equals = argument.find('=');
  if (equals == std::string_view::npos) {
    return tl::make_unexpected("'" + std::string(argument) +
                               "' is not a property: write name=value");
  }
  const bool must_be_json = equals > 0 && argument[equals - 1] == ':';
  const auto name = argument.substr(0, must_be_json ? equals - 1 : equals);
  const auto text = argument.substr(equals + 1);
  if (client::is_json(text)) return Property{std::string(name), Value::raw(std::string(text))};
  if (!must_be_json) return Property{std::string(name), Value(text)};
  return tl::make_unexpected("the value of '" + std::string(name) + "' is not JSON: " +
                             std::string(text) + " (a string needs quotes: '\"text\"')");
}

Parsed<Properties> parse_properties(const std::vector<std::string>& arguments) {
  Properties properties;
  for (const auto& argument : arguments) {
    auto property = parse_property(argument);
    if (!property) return tl::make_unexpected(property.error());
    properties.push_back(*std::move(property));
  }
  return properties;
}

Parsed<EventObject> parse_object(std::string_view argument) {
  const auto colon = argument.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == argument.size()) {
    return tl::make_unexpected("'" + std::string(argument) + "' is not an object: write TYPE:ID");
  }
  return EventObject{std::string(argument.substr(0, colon)),
                     std::string(argument.substr(colon + 1))};
}

Parsed<void> apply_qualifier(std::string_view argument, std::vector<EventObject>& objects) {
  const auto equals = argument.rfind('=');
  if (equals == std::string_view::npos) {
    return tl::make_unexpected("'" + std::string(argument) +
                               "' is not a qualifier: write TYPE:ID=QUALIFIER");
  }
  const auto name = argument.substr(0, equals);
  const auto named = std::ranges::find_if(
      objects, [name](const EventObject& object) { return object.type + ":" + object.id == name; });
  if (named == objects.end()) {
    return tl::make_unexpected("the qualifier names '" + std::string(name) +
                               "', which is not among the event's objects");
  }
  named->qualifier = argument.substr(equals + 1);
  return {};
}

std::string objection_to_receipt(const std::string& argument) {
  std::uint64_t receipt = 0;
  const char* end = argument.data() + argument.size();
  const auto [stop, error] = std::from_chars(argument.data(), end, receipt);
  if (error == std::errc() && stop == end && receipt > 0) return {};
  return "'" + argument +
         "' is not a receipt: a receipt is a number from 1 on; `flowmynactl pending` lists them";
}

std::string url_encode(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789ABCDEF";
  static constexpr std::string_view kUnreserved =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
  return out;
}

}  // namespace flowmyna::ctl
