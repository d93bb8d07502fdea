#pragma once

#include <random>
#include <string>

#include "tests/unit/core/operation_list.h"

namespace flowmyna::test {

/// Ten thousand operations on a thousand orders, a tenth of them events: what an ordinary day
/// leaves behind.
inline OperationList thousand_orders() {
  std::mt19937_64 random(1);
  OperationList backlog;
  for (int i = 0; i < 10'000; ++i) {
    const std::string order = "Order/" + std::to_string(random() % 1000);
    if (random() % 10 == 0) {
      backlog.event({{order}});
    } else {
      backlog.upsert(order, {{"step", std::to_string(i)}});
    }
  }
  return backlog;
}

}  // namespace flowmyna::test
