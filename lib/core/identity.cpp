#include "core/identity.h"

#include <map>

#include "core/answer_body.h"
#include "core/batch_answer.h"
#include "core/requested_items.h"

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

void read_objects(Identities& out, const JudgedRequest& request, const Verdict& verdict,
                  dom::array objects) {
  const auto items = requested_items(request);
  if (!items) return;
  const auto found = identities_by_object(objects);
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto identity = found.find((*items)[i].objects.front());
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
  const JudgedRequest request{kind, out.size(), request_body};
  const AnswerBody body(answer.body);
  if (!body.object()) return out;
  const auto batch = read_batch_answer(request, *body.object());
  if (!batch || !batch->list) return out;
  if (kind == Kind::kUpsert) {
    read_objects(out, request, verdict, *batch->list);
  } else {
    read_events(out, verdict, *batch->list);
  }
  return out;
}

}  // namespace flowmyna
