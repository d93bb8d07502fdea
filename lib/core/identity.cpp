#include "core/identity.h"

#include <map>

#include "core/batch_answer.h"

namespace flowmyna {
namespace {

namespace dom = simdjson::dom;

using Identities = std::vector<std::optional<Identity>>;

bool is_delivered(const Verdict& verdict, std::size_t item) {
  return verdict.items[item] == Verdict::Item::kDelivered;
}

std::map<ObjectName, Identity> identities_by_object(dom::array objects) {
  std::map<ObjectName, Identity> found;
  for (const dom::element entry : objects) {
    auto name = object_name(entry);
    std::string_view id;
    Identity identity;
    if (!name || entry["object_id"].get_string().get(id) ||
        entry["created"].get_bool().get(identity.created)) {
      continue;
    }
    identity.id = id;
    found.emplace(*std::move(name), std::move(identity));
  }
  return found;
}

void read_objects(Identities& out, const std::string& request_body, const Verdict& verdict,
                  dom::array objects) {
  const auto names = requested_objects(request_body);
  if (!names || names->size() != out.size()) return;
  const auto found = identities_by_object(objects);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto identity = found.find((*names)[i]);
    if (is_delivered(verdict, i) && identity != found.end()) out[i] = identity->second;
  }
}

void read_events(Identities& out, const Verdict& verdict, dom::array ids) {
  auto next = ids.begin();
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (!is_delivered(verdict, i) || next == ids.end()) continue;
    std::string_view id;
    if (!(*next).get_string().get(id)) out[i] = Identity{std::string(id), false};
    ++next;
  }
}

}  // namespace

Identities read_identities(Kind kind, const std::string& request_body, const Verdict& verdict,
                           const Answer& answer) {
  Identities out(verdict.items.size());
  dom::parser parser;
  dom::element root;
  if (parser.parse(answer.body).get(root)) return out;
  const auto batch = read_batch_answer(kind, root, out.size());
  if (!batch) return out;
  if (kind == Kind::kUpsert) {
    read_objects(out, request_body, verdict, batch->list);
  } else {
    read_events(out, verdict, batch->list);
  }
  return out;
}

}  // namespace flowmyna
