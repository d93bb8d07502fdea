#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/bytes.h"

namespace flowmyna {

/// One top-level property as it travels: `name` is the inside of a JSON string in canonical
/// escaping (core/json_text.h), so equal names have equal bytes; `value` is the JSON text exactly
/// as the application wrote it (`5420.00` stays `5420.00`).
struct Property {
  std::string_view name;
  std::string_view value;
  bool operator==(const Property&) const = default;
};

/// A filter that recognises most names that are new to an object without a search, at little cost.
class NameMarks {
 public:
  /// Whether it may have been added before.
  bool add(std::string_view name) {
    const std::uint64_t mark = of(name);
    const bool may_be_there = (marks_ & mark) != 0;
    marks_ |= mark;
    return may_be_there;
  }
  void clear() { marks_ = 0; }

 private:
  /// One of 64 bits, chosen by what usually differs between the names of one object.
  static std::uint64_t of(std::string_view name) {
    if (name.empty()) return 1;
    const auto first = static_cast<unsigned char>(name.front());
    const auto last = static_cast<unsigned char>(name.back());
    return std::uint64_t{1} << ((name.size() * 7 + first * 3U + last) % 64);
  }

  std::uint64_t marks_ = 0;
};

/// A patch: a map from property name to raw value, `null` kept (it removes the property at the
/// API). Two patches compose name by name, the later one winning; nested objects are replaced, not
/// merged, as the vendor documents. Holds views only: what it was given must outlive it.
///
/// Names keep the place of their first appearance, so composing the same operations always gives
/// the same bytes: a sealed request is rebuilt after a crash byte for byte.
class Patch {
 public:
  void set(std::string_view name, std::string_view value);
  std::span<const Property> properties() const { return properties_; }
  bool empty() const { return properties_.empty(); }
  void clear();

 private:
  // Most objects have few properties; a map only pays for itself beyond that.
  static constexpr std::size_t kLinearLimit = 16;

  /// In place: a copy of a property that was just put together costs more than the property.
  void add(std::string_view name, std::string_view value);

  std::vector<Property> properties_;
  NameMarks marks_;
  std::unordered_map<std::string_view, std::size_t> index_;  // filled beyond kLinearLimit
};

/// Properties in their stored form: (length name length value)*. The bytes must have been checked
/// by `valid`, or come from `encode`.
class PropertiesView {
 public:
  PropertiesView() = default;
  explicit PropertiesView(std::string_view encoded) : encoded_(encoded) {}

  static bool valid(std::string_view encoded);
  static void encode(std::span<const Property> properties, std::string& out);

  class Iterator {
   public:
    using value_type = Property;
    using difference_type = std::ptrdiff_t;
    explicit Iterator(std::string_view rest) : reader_(rest) { ++*this; }
    Iterator() : reader_({}), done_(true) {}
    const Property& operator*() const { return current_; }
    Iterator& operator++();
    Iterator operator++(int) {
      auto old = *this;
      ++*this;
      return old;
    }
    bool operator==(std::default_sentinel_t) const { return done_; }

   private:
    ByteReader reader_;
    Property current_;
    bool done_ = false;
  };
  Iterator begin() const { return Iterator(encoded_); }
  std::default_sentinel_t end() const { return {}; }
  bool empty() const { return encoded_.empty(); }
  std::string_view encoded() const { return encoded_; }

 private:
  std::string_view encoded_;
};

/// Sets every property of `later` on top of `patch`.
void compose(Patch& patch, PropertiesView later);

/// What append_json_object() puts around one property at most, besides the braces.
inline constexpr std::size_t kJsonPropertyFrame = std::string_view(R"("":,)").size();

/// Appends `{"name":value,…}` of any range of properties.
template <class Properties>
void append_json_object(std::string& out, const Properties& properties) {
  out.push_back('{');
  bool first = true;
  for (const Property& property : properties) {
    if (!first) out.push_back(',');
    first = false;
    out.push_back('"');
    out.append(property.name);
    out.append("\":");
    out.append(property.value);
  }
  out.push_back('}');
}

}  // namespace flowmyna
