#include "core/batch_answer.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "core/answer_body.h"
#include "core/json_text.h"
#include "core/planner.h"

namespace flowmyna {
namespace {

namespace dom = simdjson::dom;

using Member = std::optional<dom::element>;

struct Members {
  Member success;
  Member processed;
  Member failed;
  Member objects;
  Member event_ids;
  Member errors;

  Member* find(std::string_view name) {
    if (name == "success") return &success;
    if (name == "processed") return &processed;
    if (name == "failed") return &failed;
    if (name == "objects") return &objects;
    if (name == "event_ids") return &event_ids;
    return name == "errors" ? &errors : nullptr;
  }
};

/// Nothing when one of them stands there twice: readers differ in which of the two counts.
std::optional<Members> read_members(dom::object answer) {
  Members members;
  for (const auto [name, value] : answer) {
    Member* const member = members.find(name);
    if (member == nullptr) continue;
    if (member->has_value()) return std::nullopt;
    *member = value;
  }
  return members;
}

std::optional<std::uint64_t> integer_of(const Member& member) {
  std::uint64_t value = 0;
  if (!member || member->get_uint64().get(value)) return std::nullopt;
  return value;
}

std::optional<bool> bool_of(const Member& member) {
  bool value = false;
  if (!member || member->get_bool().get(value)) return std::nullopt;
  return value;
}

std::optional<dom::array> array_of(const Member& member) {
  dom::array value;
  if (!member || member->get_array().get(value)) return std::nullopt;
  return value;
}

std::string error_of(dom::element element) {
  return says_something(element) ? in_words(element) : "no reason given";
}

std::vector<std::string> errors_of(const Member& member) {
  if (!member || !says_something(*member)) return {};
  const auto list = array_of(member);
  if (!list) return {in_words(*member)};
  std::vector<std::string> errors;
  for (const dom::element element : *list) errors.push_back(error_of(element));
  return errors;
}

/// What an answer says that cannot be, as words to follow "it"; nothing if it fits together.
using Contradiction = std::optional<std::string>;

Contradiction find_in_counts(bool success, const BatchAnswer& answer, std::size_t items) {
  if (answer.processed > items || answer.failed != items - answer.processed) {
    return "counts " + std::to_string(answer.processed) + " done and " +
           std::to_string(answer.failed) + " failed of " + std::to_string(items);
  }
  if (answer.failed == 0 && !success) return "counts no failures, but says success: false";
  if (answer.failed == 0 && !answer.errors.empty()) return "counts no failures, but has errors";
  return std::nullopt;
}

/// The answer to a request of the other kind lists what that one did.
Contradiction find_in_lists(const BatchAnswer& answer, const std::optional<dom::array>& other) {
  if (!answer.list && other && other->begin() != other->end()) return "lists what was not sent";
  if (answer.list && answer.list->size() != answer.processed) {
    return "lists a different number of items than it counts";
  }
  return std::nullopt;
}

Contradiction find_in_event_ids(dom::array ids) {
  std::vector<std::string> seen;
  for (const dom::element id : ids) {
    seen.push_back(simdjson::minify(id));
    if (id.is_null() || seen.back() == R"("")") return "lists an event without an id";
  }
  std::ranges::sort(seen);
  if (std::ranges::adjacent_find(seen) != seen.end()) return "lists an id twice";
  return std::nullopt;
}

/// An object's type and id as an answer names it.
using NameInAnswer = std::pair<std::string_view, std::string_view>;

std::optional<NameInAnswer> name_in(dom::element entry) {
  NameInAnswer name;
  if (entry["object_type"].get_string().get(name.first) ||
      entry["external_id"].get_string().get(name.second)) {
    return std::nullopt;
  }
  return name;
}

std::uint64_t hash_of(const NameInAnswer& name) {
  const auto& [type, id] = name;
  if (!needs_escape(type) && !needs_escape(id)) return hash_object({type, id});
  std::string escaped_type;
  std::string escaped_id;
  append_escaped(escaped_type, type);
  append_escaped(escaped_id, id);
  return hash_object({escaped_type, escaped_id});
}

/// Whether it lists just what was sent, as nearly every answer does. Then there is no need to look
/// any closer, at names for which the request has to be read again.
bool lists_all(const JudgedRequest& request, dom::array objects) {
  if (request.touches.size() != request.items) return false;
  std::vector<std::uint64_t> listed;
  for (const dom::element entry : objects) {
    const auto name = name_in(entry);
    if (!name) return false;
    listed.push_back(hash_of(*name));
  }
  return std::ranges::is_permutation(listed, request.touches, {}, {}, &Touch::object);
}

/// Objects, and how often each is still to be expected in a list.
using OpenObjects = std::map<ObjectName, std::size_t>;

OpenObjects objects_of(const std::vector<RequestedItem>& items) {
  OpenObjects open;
  for (const RequestedItem& item : items) ++open[item.objects.front()];
  return open;
}

/// Takes from `open` what is listed.
Contradiction cross_out(dom::array objects, OpenObjects& open) {
  for (const dom::element entry : objects) {
    const auto name = object_name(entry);
    if (!name) return "lists an object without a name";
    const auto found = open.find(*name);
    if (found == open.end()) return "lists what was not sent";
    if (found->second == 0) return "lists an object twice";
    --found->second;
  }
  return std::nullopt;
}

/// Nothing when the request names an object more often than the list: which of them failed?
std::optional<ItemSet> still_open(const OpenObjects& open, const std::vector<RequestedItem>& items,
                                  std::size_t failed) {
  ItemSet missing;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (open.at(items[i].objects.front()) > 0) missing.insert(i);
  }
  if (missing.size() != failed) return std::nullopt;
  return missing;
}

Contradiction find_in_objects(const JudgedRequest& request, BatchAnswer& answer) {
  if (answer.failed == 0 && lists_all(request, *answer.list)) return std::nullopt;
  const auto items = requested_items(request);
  if (!items) return std::nullopt;
  OpenObjects open = objects_of(*items);
  auto found = cross_out(*answer.list, open);
  if (!found) answer.missing = still_open(open, *items, answer.failed);
  return found;
}

Contradiction find_in_list(const JudgedRequest& request, BatchAnswer& answer) {
  if (!answer.list) return std::nullopt;
  return request.kind == Kind::kUpsert ? find_in_objects(request, answer)
                                       : find_in_event_ids(*answer.list);
}

bool is_same_letter(char a, char lower) {
  return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == lower;
}

}  // namespace

tl::expected<BatchAnswer, std::string> read_batch_answer(const JudgedRequest& request,
                                                         dom::object object) {
  const auto members = read_members(object);
  const auto success = members ? bool_of(members->success) : std::nullopt;
  const auto processed = members ? integer_of(members->processed) : std::nullopt;
  const auto failed = members ? integer_of(members->failed) : std::nullopt;
  if (!success || !processed || !failed) return tl::make_unexpected("without the API's shape");

  const bool is_upsert = request.kind == Kind::kUpsert;
  BatchAnswer answer{*processed, *failed,
                     array_of(is_upsert ? members->objects : members->event_ids),
                     errors_of(members->errors), std::nullopt};
  auto wrong = find_in_counts(*success, answer, request.items);
  if (!wrong)
    wrong = find_in_lists(answer, array_of(is_upsert ? members->event_ids : members->objects));
  if (!wrong) wrong = find_in_list(request, answer);
  if (wrong) return tl::make_unexpected("that contradicts itself: it " + *wrong);
  return answer;
}

NamedError split_item_error(std::string_view error) {
  constexpr std::string_view kPrefix = "index ";
  const NamedError unnamed{std::nullopt, error};
  if (error.size() < kPrefix.size() ||
      !std::equal(kPrefix.begin(), kPrefix.end(), error.begin(),
                  [](char lower, char letter) { return is_same_letter(letter, lower); })) {
    return unnamed;
  }
  const char* const end = error.data() + error.size();
  std::size_t index = 0;
  const auto [stop, failed] = std::from_chars(error.data() + kPrefix.size(), end, index);
  if (failed != std::errc() || stop == end || *stop != ':') return unnamed;
  std::string_view reason(stop + 1, end);
  if (reason.starts_with(' ')) reason.remove_prefix(1);
  return {index, reason};
}

std::optional<ObjectName> object_name(dom::element entry) {
  const auto name = name_in(entry);
  return name ? std::optional<ObjectName>(*name) : std::nullopt;
}

}  // namespace flowmyna
