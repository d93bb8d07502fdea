#include "core/error_names.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "core/batch_answer.h"
#include "core/json_text.h"
#include "core/requested_items.h"

namespace flowmyna {
namespace {

// Every text is searched for every name: these bound the work, far above what errors are.
constexpr std::size_t kTextMax = 1000;
constexpr std::size_t kNamesMax = 2000;

constexpr std::string_view kQuotes = "'\"`";
constexpr std::string_view kDelimiters = " \t\r\n'\"`()[]{}<>,;=|";
constexpr std::string_view kSentenceEnds = ".:!?";

bool is_one_of(std::string_view set, char c) {
  return set.find(c) != std::string_view::npos;
}

bool begins_word(std::string_view text, std::size_t at) {
  return at == 0 || is_one_of(kDelimiters, text[at - 1]);
}

bool ends_word(std::string_view text, std::size_t at) {
  while (at < text.size() && is_one_of(kSentenceEnds, text[at])) ++at;
  return at == text.size() || is_one_of(kDelimiters, text[at]);
}

bool is_in_quotes(std::string_view text, std::size_t begin, std::size_t end) {
  return begin > 0 && end < text.size() && text[begin - 1] == text[end] &&
         is_one_of(kQuotes, text[end]);
}

/// Whether `name` stands in `text` in such a place: `is_place(begin, end)`.
template <class IsPlace>
bool stands_in(std::string_view text, std::string_view name, const IsPlace& is_place) {
  if (name.empty()) return false;
  for (auto at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    if (is_place(at, at + name.size())) return true;
  }
  return false;
}

bool has_word(std::string_view text, std::string_view word) {
  return stands_in(text, word, [&](std::size_t begin, std::size_t end) {
    return begins_word(text, begin) && ends_word(text, end);
  });
}

bool has_quoted(std::string_view text, std::string_view name) {
  return stands_in(text, name, [&](std::size_t begin, std::size_t end) {
    return is_in_quotes(text, begin, end);
  });
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  const char lower = static_cast<char>(c | 0x20);
  return (lower >= 'a' && lower <= 'z') || static_cast<unsigned char>(c) >= 0x80;
}

/// Neither a number nor a word of prose.
bool is_code(std::string_view id) {
  return std::ranges::any_of(id, is_digit) && std::ranges::any_of(id, is_letter);
}

/// `Type/id`
std::string path_of(const ObjectName& object) {
  std::string path = object.first;
  path += '/';
  path += object.second;
  return path;
}

bool has_type_and_id(std::string_view text, const ObjectName& object) {
  const auto& [type, id] = object;
  return has_word(text, type) && (has_quoted(text, id) || (is_code(id) && has_word(text, id)));
}

/// Something that a text may name.
struct Thing {
  ItemSet holders;         ///< the items that have it
  std::string_view alone;  ///< what identifies it without a type beside it
};

class NamesOfRequest {
 public:
  NamesOfRequest(const std::string& body, const std::vector<RequestedItem>& items) : body_(body) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      for (const ObjectName& object : items[i].objects) objects_[object].insert(i);
      if (!items[i].event.empty()) events_[items[i].event].insert(i);
    }
    for (auto& [name, holders] : events_) add_holders_of_longer_names(items, name, holders);
  }

  std::size_t size() const { return objects_.size() + events_.size(); }

  /// The item that `text` identifies.
  std::optional<std::size_t> item_named_in(std::string_view text) const {
    const auto things = things_named_in(text);
    for (const Thing& thing : things) {
      if (thing.holders.size() != 1 || !is_unmistakable(thing)) continue;
      const std::size_t item = *thing.holders.begin();
      const bool fits = std::ranges::all_of(
          things, [&](const Thing& other) { return other.holders.contains(item); });
      return fits ? std::optional(item) : std::nullopt;
    }
    return std::nullopt;
  }

 private:
  static void add_holders_of_longer_names(const std::vector<RequestedItem>& items,
                                          const std::string& name, ItemSet& holders) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (items[i].event.find(name) != std::string::npos) holders.insert(i);
    }
  }

  std::vector<Thing> things_named_in(std::string_view text) const {
    std::vector<Thing> things;
    for (const auto& [object, holders] : objects_) {
      if (has_word(text, path_of(object))) {
        things.push_back({holders, {}});
      } else if (has_type_and_id(text, object)) {
        things.push_back({holders, object.second});
      }
    }
    for (const auto& [name, holders] : events_) {
      if (has_quoted(text, name)) things.push_back({holders, name});
    }
    return things;
  }

  /// It stands nowhere else in the request.
  bool is_unmistakable(const Thing& thing) const {
    if (thing.alone.empty()) return true;
    const std::string written = json_string(thing.alone);
    return body_.find(written) == body_.rfind(written);
  }

  const std::string& body_;
  std::map<ObjectName, ItemSet> objects_;
  std::map<std::string, ItemSet> events_;
};

/// Whether the position that an error may name as well can be that of `item`.
bool allows(const std::string& error, std::size_t item) {
  const auto index = split_item_error(error).index;
  return !index || *index == item || *index == item + 1;
}

/// The words of a text without its position, when it is not known where positions begin to count.
std::string_view prose_of(std::string_view error) {
  const std::string_view reason = split_item_error(error).reason;
  // JSON may write a position in any way.
  const bool is_json = reason.starts_with('{') || reason.starts_with('[');
  return is_json || reason.size() > kTextMax ? std::string_view() : reason;
}

}  // namespace

std::optional<ItemErrors> errors_by_name(const JudgedRequest& request,
                                         const std::vector<std::string>& errors) {
  const auto items = requested_items(request);
  if (!items) return std::nullopt;
  const NamesOfRequest names(request.body, *items);
  if (names.size() > kNamesMax) return std::nullopt;
  ItemErrors out;
  for (const std::string& error : errors) {
    const auto item = names.item_named_in(prose_of(error));
    if (!item || !allows(error, *item) || !out.emplace(*item, error).second) return std::nullopt;
  }
  return out;
}

}  // namespace flowmyna
