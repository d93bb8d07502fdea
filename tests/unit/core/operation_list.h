#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/decode.h"
#include "core/operation.h"
#include "core/patch.h"

namespace flowmyna::test {

/// Name and raw JSON value, in the order of writing. Both are taken as they are: in canonical
/// escaping, and valid.
using Properties = std::vector<std::pair<std::string, std::string>>;

/// An object that an event names, as "type/id".
struct Named {
  std::string object;
  Properties properties = {};
};

inline std::string encoded(const Properties& properties) {
  Patch patch;
  for (const auto& [name, value] : properties) patch.set(name, value);
  std::string out;
  PropertiesView::encode(patch.properties(), out);
  return out;
}

/// "type/id"
inline ObjectKey key_of(std::string_view object) {
  const auto slash = object.find('/');
  return {object.substr(0, slash), object.substr(slash + 1)};
}
inline std::string name_of(const ObjectKey& key) {
  return std::string(key.type) + "/" + std::string(key.id);
}

/// Accepted operations, oldest first, written the way in which a test wants to be read:
///
///     OperationList backlog;
///     backlog.upsert("Order/1", {{"a", "1"}}).event({{"Order/1"}, {"Customer/2", {{"b", "2"}}}});
class OperationList {
 public:
  OperationList& upsert(std::string_view object, const Properties& properties = {}) {
    const std::string bytes = encoded(properties);
    Operation operation;
    operation.object = key_of(object);
    operation.properties = PropertiesView(bytes);
    encoded_.add(operation);
    return *this;
  }
  OperationList& event(const std::vector<Named>& objects, std::string_view name = "E",
                       std::optional<BootStamp> boot = {}) {
    std::vector<std::string> bytes;
    bytes.reserve(objects.size());
    Operation operation;
    operation.kind = Kind::kEvent;
    operation.name = name;
    operation.timestamp = "2026-01-02T03:04:05.678Z";
    operation.is_stamped_here = boot.has_value();
    operation.boot = boot;
    for (const Named& named : objects) {
      bytes.push_back(encoded(named.properties));
      operation.objects.push_back({key_of(named.object), {}, PropertiesView(bytes.back())});
    }
    encoded_.add(operation);
    return *this;
  }

  const EncodedOperations& encoded_operations() const { return encoded_; }
  /// They point into this backlog, as it is now.
  std::vector<Operation> operations() const {
    std::vector<Operation> out;
    for (std::size_t i = 0; i < encoded_.size(); ++i) out.push_back(*Operation::parse(encoded_[i]));
    return out;
  }

 private:
  EncodedOperations encoded_;
};

}  // namespace flowmyna::test
