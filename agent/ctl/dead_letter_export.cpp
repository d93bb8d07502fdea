#include "agent/ctl/dead_letter_export.h"

#include <algorithm>
#include <iostream>
#include <string_view>

#include "agent/ctl/new_file.h"
#include "agent/ctl/raw_json.h"

namespace flowmyna::ctl {
namespace {

/// On one line: a line feed in JSON is white space, since a string cannot hold one unescaped.
std::string one_line(std::string json) {
  std::ranges::replace_if(
      json, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return json + '\n';
}

/// The ids of the next letters; empty at the end.
client::Result<std::vector<std::string>> next_letters(Client& client, const std::string& after) {
  const auto answer = ask(client, {"GET", "/agent/v1/dead-letters?limit=1000&after=" + after});
  if (!answer) return answer.error();
  const auto body = RawObject::parse(answer->body);
  const auto letters = body ? body->elements("dead_letters") : std::nullopt;
  if (!letters) {
    return client::Error{client::ErrorKind::kUnexpectedAnswer,
                         "the answer holds no list of dead letters",
                         answer->status,
                         {},
                         {}};
  }
  std::vector<std::string> ids;
  for (const std::string_view entry : *letters) {
    if (const auto letter = RawObject::parse(entry)) ids.push_back(letter->text("id"));
  }
  return ids;
}

}  // namespace

int export_dead_letters(const Session& session, const std::string& file, bool force) {
  NewFile out(file, force);
  if (!out.is_open()) return out.report();
  Client client = session.client();
  std::uint64_t count = 0;
  std::string after = "0";
  while (true) {
    const auto ids = next_letters(client, after);
    if (!ids) return report(ids.error());
    if (ids->empty()) break;
    for (const std::string& id : *ids) {
      const auto letter = ask(client, {"GET", "/agent/v1/dead-letters/" + id});
      if (!letter && letter.error().http_status == 404) continue;  // retried or dropped meanwhile
      if (!letter) return report(letter.error());
      if (!out.write(one_line(letter->body))) return out.report();
      ++count;
    }
    after = ids->back();
  }
  if (!out.put_into_place()) return out.report();
  std::cout << "wrote " << count << (count == 1 ? " dead letter" : " dead letters") << " to "
            << file << '\n';
  return kExitOk;
}

}  // namespace flowmyna::ctl
