#include "troubles.h"

#include <algorithm>
#include <array>

namespace flowmyna::simulation {
namespace {

bool touches(const ModelOperation& operation, const std::string& objects) {
  return std::ranges::any_of(operation.targets, [&](const ModelOperation::Target& target) {
    return target.object().starts_with(objects);
  });
}

bool concerns(const Trouble& trouble, const ModelOperation& operation) {
  return (!trouble.kind || *trouble.kind == operation.kind) &&
         (trouble.objects.empty() || touches(operation, trouble.objects));
}

bool concerns(const Trouble& trouble, const Copy& copy) {
  if (copy.is_get) return false;
  if (trouble.kind && (*trouble.kind == Kind::kEvent) != copy.is_event()) return false;
  if (trouble.objects.empty()) return true;
  return std::ranges::any_of(ModelApi::operations_in(copy), [&](const ModelOperation& operation) {
    return touches(operation, trouble.objects);
  });
}

}  // namespace

const Trouble* Troubles::met_by(const Copy& copy, BootTime now) const {
  const auto it = std::ranges::find_if(all_, [&](const Trouble& trouble) {
    return trouble.begin <= now && now < trouble.end && concerns(trouble, copy);
  });
  return it == all_.end() ? nullptr : &*it;
}

bool Troubles::are_endless() const {
  return std::ranges::any_of(all_, &Trouble::is_endless);
}

bool Troubles::are_endless_for(const ModelOperation& operation) const {
  return std::ranges::any_of(all_, [&](const Trouble& trouble) {
    return trouble.is_endless() && concerns(trouble, operation);
  });
}

std::string render(const Trouble& trouble) {
  constexpr std::array<std::string_view, 8> kNames{"server errors", "forbidden", "a page",
                                                   "not found",     "silence",   "half done",
                                                   "refuses all",   "fails all"};
  std::string out(kNames[static_cast<std::size_t>(trouble.effect)]);
  if (trouble.kind) out += *trouble.kind == Kind::kEvent ? " for events" : " for upserts";
  if (!trouble.objects.empty()) out += " of " + trouble.objects;
  out += " from " + std::to_string(trouble.begin.count() / 1000) + " s ";
  return out +
         (trouble.is_endless() ? "on" : "to " + std::to_string(trouble.end.count() / 1000) + " s");
}

}  // namespace flowmyna::simulation
