#include "core/properties_encoder.h"

#include <algorithm>
#include <utility>

#include "core/bytes.h"

namespace flowmyna {
namespace {

// Beyond these a name is looked up in a patch: most objects have few properties.
constexpr std::size_t kDirectMax = 16;

}  // namespace

void PropertiesEncoder::clear() {
  size_ = 0;
}

void PropertiesEncoder::begin_object() {
  begin_ = size_;
  count_ = 0;
  marks_.clear();
  end_gathering();
}

void PropertiesEncoder::set(std::string_view name, std::string_view value) {
  if (!is_gathered_) {
    const bool may_be_there = marks_.add(name);
    if (count_ < kDirectMax && !(may_be_there && has(name))) {
      ++count_;
      append(name, value);
      return;
    }
    gather();
  }
  patch_.set(name, value);
}

PropertiesEncoder::Range PropertiesEncoder::end_object() {
  if (is_gathered_) {
    for (const Property& property : patch_.properties()) append(property.name, property.value);
    end_gathering();
  }
  return {begin_, size_};
}

PropertiesView PropertiesEncoder::operator[](const Range& range) const {
  return PropertiesView({bytes_.data() + range.begin, range.end - range.begin});
}

void PropertiesEncoder::append(std::string_view name, std::string_view value) {
  const std::size_t needed = size_ + string_size_max(name) + string_size_max(value);
  if (needed > bytes_.size()) bytes_.resize(std::max(needed, 2 * bytes_.size()));
  char* const end = write_string(write_string(bytes_.data() + size_, name), value);
  size_ = static_cast<std::size_t>(end - bytes_.data());
}

bool PropertiesEncoder::has(std::string_view name) const {
  return std::ranges::any_of((*this)[{begin_, size_}],
                             [name](const Property& property) { return property.name == name; });
}

void PropertiesEncoder::gather() {
  gathered_ = (*this)[{begin_, size_}].encoded();
  size_ = begin_;
  compose(patch_, PropertiesView(gathered_));
  is_gathered_ = true;
}

void PropertiesEncoder::end_gathering() {
  if (!std::exchange(is_gathered_, false)) return;
  patch_.clear();
}

}  // namespace flowmyna
