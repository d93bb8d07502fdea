#include "bench/message.h"

#include <cassert>
#include <ctime>
#include <string_view>

#include "core/decode.h"
#include "outbox/tables/row.h"

namespace flowmyna::bench {
namespace {

// The digits of '#' are the object's number, those of '%' the message's.
constexpr std::string_view kTemplate =
    R"({"type":"Order","id":"ORD-############","properties":{"status":"in_transit",)"
    R"("carrier":"North Rail","reference":"REF-%%%%%%%%%%%%","total":5420.00,"currency":"EUR",)"
    R"("items":12,"priority":null,"express":true,"note":"dock"}})";
static_assert(kTemplate.size() == kMessageBytes);

void put_digits(std::string& out, std::size_t begin, std::size_t end, std::uint64_t number) {
  while (end > begin) {
    out[--end] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
}

/// Where the digits of one kind stand in the template.
constexpr std::size_t first_of(char mark) {
  return kTemplate.find(mark);
}
constexpr std::size_t end_of(char mark) {
  return kTemplate.rfind(mark) + 1;
}

}  // namespace

void Messages::append(std::string& out, std::uint64_t number) const {
  const std::size_t begin = out.size();
  out.append(kTemplate);
  const std::uint64_t object = objects_ == kAllDistinct ? number : number % objects_;
  put_digits(out, begin + first_of('#'), begin + end_of('#'), object);
  put_digits(out, begin + first_of('%'), begin + end_of('%'), number);
}

std::string stored_row(std::uint64_t number) {
  std::string body;
  body.reserve(kMessageBytes + Decoder::kPadding);
  Messages().append(body, number);
  const auto operations = Decoder().single(Kind::kUpsert, body, {});
  assert(operations);
  std::string row;
  append_operation_row(row, number, {std::time(nullptr), (*operations)[0]});
  return row;
}

}  // namespace flowmyna::bench
