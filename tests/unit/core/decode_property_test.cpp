#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <string>

#include "core/decode.h"
#include "core/json_error.h"
#include "tests/fuzz/codec_invariants.h"
#include "tests/fuzz/json_oracle.h"
#include "tests/unit/core/outcome.h"

namespace flowmyna::test {
namespace {

std::string space() {
  return *rc::gen::weightedElement<std::string>({{8, ""}, {1, " "}, {1, "\r\n\t"}});
}

std::string scalar() {
  return *rc::gen::element<std::string>(
      "null", "true", "false", "0", "-0", "5420.00", "1e400", "-1.5E-07", "12345678901234567890123",
      R"("")", R"("a")", R"("\u0000")", R"("\ud83d\ude00 \"\\\/")", R"("ä😀")", R"("}],{[")");
}

std::string name() {
  return *rc::gen::element<std::string>(R"("")", R"("a")", R"("b")", R"("type")", R"("\u0061")",
                                        R"("c\n")", R"("😀")");
}

/// A random document in a random layout.
std::string document(int depth) {
  const int shape = depth > 0 ? *rc::gen::inRange(0, 4) : 0;
  if (shape < 2) return space() + scalar() + space();
  const bool object = shape == 2;
  std::string out = space() + (object ? "{" : "[") + space();
  const int count = *rc::gen::inRange(0, 4);
  for (int i = 0; i < count; ++i) {
    if (i > 0) out += ",";
    if (object) out += space() + name() + space() + ":";
    out += document(depth - 1);
  }
  return out + (object ? "}" : "]") + space();
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return text.substr(first, text.find_last_not_of(" \t\r\n") + 1 - first);
}

std::string upsert_with(const std::string& value) {
  return R"({"type":"T","id":"1","properties":{"p":)" + value + "}}";
}

RC_GTEST_PROP(DecodeProperty, EveryValueArrivesAsWritten, ()) {
  const std::string value = document(5);
  RC_ASSERT(is_json(value));
  RC_ASSERT(outcome(Kind::kUpsert, upsert_with(value)) == upsert_with(trimmed(value)));
}

RC_GTEST_PROP(DecodeProperty, ValidDocumentsKeepThePromisesOfTheCodec, ()) {
  RC_ASSERT(broken_promise(document(5)) == "");
  RC_ASSERT(broken_promise(upsert_with(document(3))) == "");
  RC_ASSERT(broken_promise(R"({"objects":[)" + document(2) + "," + upsert_with("1") + "]}") == "");
}

RC_GTEST_PROP(DecodeProperty, OneByteChangedAnywhereIsJudgedAsAnIndependentReaderDoes, ()) {
  const std::string body = upsert_with(document(3));
  const char byte = *rc::gen::oneOf(rc::gen::arbitrary<char>(),
                                    rc::gen::element('{', '}', '[', ']', ',', ':', '"', '\\', '0'));
  for (std::size_t at = 0; at < body.size(); ++at) {
    std::string mutated = body;
    mutated[at] = byte;
    const std::string out = outcome(Kind::kUpsert, mutated);
    RC_ASSERT(out.starts_with("400") == !is_json(mutated));
    RC_ASSERT(find_json_error(mutated).has_value() == !is_json(mutated));
  }
}

RC_GTEST_PROP(DecodeProperty, OneByteRemovedAnywhereIsJudgedAsAnIndependentReaderDoes, ()) {
  const std::string body = upsert_with(document(3));
  for (std::size_t at = 0; at < body.size(); ++at) {
    std::string mutated = body;
    mutated.erase(at, 1);
    RC_ASSERT(outcome(Kind::kUpsert, mutated).starts_with("400") == !is_json(mutated));
    RC_ASSERT(outcome(Kind::kUpsert, body.substr(0, at)).starts_with("400"));
  }
}

}  // namespace
}  // namespace flowmyna::test
