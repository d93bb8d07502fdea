#include "tests/fuzz/corpus.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/operation.h"
#include "tests/fuzz/judge_invariants.h"

namespace flowmyna::test {
namespace {

using namespace std::string_view_literals;

constexpr std::array kPieces = {
    "{"sv,
    "}"sv,
    "["sv,
    "]"sv,
    ","sv,
    ":"sv,
    "\""sv,
    "\\"sv,
    "\n"sv,
    "\r\n"sv,
    "\0"sv,
    "\\u0000"sv,
    "\\ud83d"sv,
    "\\ude00"sv,
    "\xf0\x9f\x98\x80"sv,
    "\xc3"sv,
    "\xef\xbb\xbf"sv,
    "null"sv,
    "true"sv,
    "NaN"sv,
    "-0"sv,
    "1e400"sv,
    "00"sv,
    "5420.00"sv,
    "[[[[]]]]"sv,
    "{\"a\":1}"sv,
    "\"type\":"sv,
    "\"id\":\"x\""sv,
    "\"properties\":{}"sv,
    "\"objects\":[]"sv,
    "\"event\":\"E\""sv,
    "\"timestamp\":null"sv,
    "\"qualifier\":\"q\""sv,
    "\"success\":true"sv,
    "\"processed\":3"sv,
    "\"failed\":0"sv,
    "\"errors\":[\"index 1: no\"]"sv,
    "\"event_ids\":[\"u1\"]"sv,
    "\"detail\":\"no\""sv,
    "\f"sv,
    "\x1a"sv,
};

std::vector<std::string> make_seeds() {
  std::vector<std::string> out = {
      "",
      "{}",
      "null",
      R"({"type":"Customer","id":"CUST-456","properties":{"name":"Jane Doe","lifetime_value":5420.00}})",
      R"({"type":"T","id":"1","properties":{"a":12345678901234567890123,"b":1e400,"c":-0,"":"\u0000"}})",
      R"({"type":"T","type":1,"id":2,"id":"x","properties":{"a":{"b":[1 , {"c":null}]},"\u0061":[]}})",
      R"({"type":"a\"b","id":"\u005c","properties":{"\u0000":1,"\"":2,"\n\/":{"\u0041":3}}})",
      R"({"event":"Order Created","objects":[{"type":"Order","id":"O-1"}]})",
      R"({"event":"E","timestamp":"2023-01-15T10:30:00.5+02:00","objects":[{"type":"Order","id":"1",)"
      R"("qualifier":"buyer","properties":{"x":null}}],"properties":{"y":[true,false]}})",
      R"({"event":"E","objects":[1],"objects":[{"type":"😀","id":"\ud83d\ude00"}],"other":[{}]})",
      R"({"objects":[{"type":"A","id":"1"},{"type":"","id":"1"},7,{"type":"B","id":"2","properties":{}}]})",
      R"({"objects":3,"objects":[{"type":"A","id":"1"}]})",
      R"({"events":[{"event":"E","objects":[{"type":"A","id":"1"}]},{"event":"","objects":[]}]})",
      "{\"type\":\"A\",\"id\":\"1\"}\r\n\r\n{\"type\":\"A\",\"id\":}\n{\"type\":\"A\",\"id\":"
      "\"2\"}",
  };
  for (std::size_t i = out.size(); i-- > 0;) out.push_back("[" + out[i] + "]");
  out.insert(out.end(), answer_seeds().begin(), answer_seeds().end());
  std::string properties;
  const std::vector<Property> some = {{"a", "5420.00"}, {"", "null"}};
  PropertiesView::encode(some, properties);
  Operation upsert;
  upsert.object = {"Customer", "C-1"};
  upsert.properties = PropertiesView(properties);
  upsert.encode(out.emplace_back());
  Operation event;
  event.kind = Kind::kEvent;
  event.name = "E";
  event.timestamp = "2023-01-15";
  event.objects = {{{"A", "1"}, "q", PropertiesView(properties)}, {{"B", "2"}, "", {}}};
  event.properties = PropertiesView(properties);
  event.encode(out.emplace_back());
  return out;
}

std::size_t below(std::size_t limit, std::mt19937_64& random) {
  return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
}

void mutate_once(std::string& bytes, std::mt19937_64& random) {
  const std::size_t at = below(bytes.size() + 1, random);
  const std::size_t length = std::min(bytes.size() - at, 1 + below(8, random));
  switch (below(6, random)) {
    case 0:
      if (at < bytes.size()) bytes[at] = static_cast<char>(below(256, random));
      break;
    case 1:
      if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8, random)));
      break;
    case 2:
      bytes.erase(at, length);
      break;
    case 3:
      bytes.insert(at, bytes.substr(at, length * 4));
      break;
    case 4:
      bytes.insert(at, kPieces[below(kPieces.size(), random)]);
      break;
    default: {
      const std::string& other = seeds()[below(seeds().size(), random)];
      const std::size_t from = below(other.size() + 1, random);
      bytes.insert(at, other.substr(from, below(64, random)));
    }
  }
}

}  // namespace

const std::vector<std::string>& seeds() {
  static const std::vector<std::string> all = make_seeds();
  return all;
}

std::string mutate(std::string bytes, std::mt19937_64& random) {
  const std::size_t changes = 1 + below(4, random);
  for (std::size_t i = 0; i < changes; ++i) mutate_once(bytes, random);
  return bytes;
}

}  // namespace flowmyna::test
