#include "core/patch.h"

#include <algorithm>

namespace flowmyna {

void Patch::set(std::string_view name, std::string_view value) {
  if (properties_.size() <= kLinearLimit) {
    if (marks_.add(name)) {
      const auto it = std::ranges::find(properties_, name, &Property::name);
      if (it != properties_.end()) {
        it->value = value;
        return;
      }
    }
    add(name, value);
    if (properties_.size() > kLinearLimit) {
      for (std::size_t i = 0; i < properties_.size(); ++i) index_.emplace(properties_[i].name, i);
    }
    return;
  }
  const auto [it, is_new] = index_.try_emplace(name, properties_.size());
  if (is_new) {
    add(name, value);
  } else {
    properties_[it->second].value = value;
  }
}

void Patch::add(std::string_view name, std::string_view value) {
  Property& property = properties_.emplace_back();
  property.name = name;
  property.value = value;
}

void Patch::clear() {
  properties_.clear();
  marks_.clear();
  // Not clear(), which takes time for as many buckets as the largest patch has ever had; assigning
  // an empty list does so too.
  if (!index_.empty()) index_ = decltype(index_)();
}

bool PropertiesView::valid(std::string_view encoded) {
  ByteReader reader(encoded);
  while (!reader.empty()) {
    if (!reader.string() || !reader.string()) return false;
  }
  return true;
}

void PropertiesView::encode(std::span<const Property> properties, std::string& out) {
  for (const auto& property : properties) {
    put_string(out, property.name);
    put_string(out, property.value);
  }
}

PropertiesView::Iterator& PropertiesView::Iterator::operator++() {
  const auto name = reader_.string();
  const auto value = name ? reader_.string() : std::nullopt;
  if (value) {
    current_ = {*name, *value};
  } else {
    done_ = true;
  }
  return *this;
}

void compose(Patch& patch, PropertiesView later) {
  for (const Property& property : later) patch.set(property.name, property.value);
}

}  // namespace flowmyna
