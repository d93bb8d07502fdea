#include <zlib.h>

#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

#include "stand_in/speech.h"

namespace flowmyna::stand_in {
namespace {

constexpr std::string_view kJsonType = "application/json";
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Whether the header names the coding, other than with a weight of 0 (RFC 9110, 12.5.3).
bool accepts(std::string_view accept_encoding, std::string_view coding) {
  while (!accept_encoding.empty()) {
    const std::size_t comma = accept_encoding.find(',');
    std::string_view entry = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(comma == std::string_view::npos ? entry.size() : comma + 1);
    while (entry.starts_with(' ')) entry.remove_prefix(1);
    if (!entry.starts_with(coding)) continue;
    entry.remove_prefix(coding.size());
    if (entry.empty() || entry.front() == ' ' || entry.front() == ';') {
      return !entry.ends_with("q=0") && !entry.ends_with("q=0.0");
    }
  }
  return false;
}

/// HTTP's gzip (RFC 1952), or its deflate, which is zlib's format (RFC 1950).
std::string compress(const std::string& text, bool gzip) {
  constexpr int kWindow = 15;
  constexpr int kGzipHeader = 16;
  constexpr int kMemory = 8;
  z_stream stream{};
  deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip ? kWindow + kGzipHeader : kWindow,
               kMemory, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

void encode(TextForm::Encoding encoding, std::string_view accept_encoding, Reply& reply) {
  using Encoding = TextForm::Encoding;
  if (encoding == Encoding::kNone || reply.body.empty()) return;
  const bool gzip = encoding == Encoding::kGzip || encoding == Encoding::kGzipAlways;
  const bool always = encoding == Encoding::kGzipAlways || encoding == Encoding::kDeflateAlways;
  const std::string coding = gzip ? "gzip" : "deflate";
  if (!always && !accepts(accept_encoding, coding)) return;
  reply.body = compress(reply.body, gzip);
  reply.headers.emplace_back("Content-Encoding", coding);
}

void write_json(const TextForm& form, Reply& reply) {
  constexpr int kIndent = 2;
  if (form.content_type) reply.content_type = *form.content_type;
  if (reply.body.empty()) return;
  if (form.pretty) {
    const auto json = nlohmann::ordered_json::parse(reply.body, nullptr, false);
    if (!json.is_discarded()) reply.body = json.dump(kIndent);
  }
  reply.body = form.leading + reply.body + form.trailing;
  if (form.bom) reply.body.insert(0, kByteOrderMark);
}

}  // namespace

void write_down(const Dialect& dialect, std::string_view accept_encoding, Reply& reply) {
  if (reply.content_type == kJsonType) write_json(dialect.text, reply);
  encode(dialect.text.encoding, accept_encoding, reply);
  reply.has_date = dialect.has_date;
  reply.date = dialect.date;
  reply.date_skew = dialect.date_skew;
  reply.close = dialect.close_each;
  reply.idle_timeout_s = dialect.idle_timeout_s;
}

std::string format_http_date(std::chrono::system_clock::time_point time) {
  const std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t length =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), length};
}

}  // namespace flowmyna::stand_in
