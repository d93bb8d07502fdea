#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/judge.h"

namespace flowmyna {

/// What went wrong with items of a request, by their places in it, counted from 0.
using ItemErrors = std::map<std::size_t, std::string>;

/// Which item each of `errors` is about, by the objects and events that its text names; nothing
/// unless each identifies exactly one item, and each another one.
///
/// A wrong match would lose an event, so a text has to be unmistakable. It names an object by
/// `Type/id`, or by its type and its id as separate words, the id in quotes or made of both letters
/// and digits: a bare number may be a position, a bare word may be prose. It names an event by the
/// event's name in quotes. It identifies an item when it names something that only this item has,
/// and nothing that this item lacks. What also stands elsewhere in the request, as the name or the
/// value of a property, identifies nothing.
std::optional<ItemErrors> errors_by_name(const JudgedRequest& request,
                                         const std::vector<std::string>& errors);

}  // namespace flowmyna
