#include "delivery/storage_retry.h"

#include <spdlog/spdlog.h>

#include <chrono>

namespace flowmyna {
namespace {

constexpr std::chrono::seconds kStorageRetry{1};

}  // namespace

void StorageRetry::refused(std::string_view what, const Error& error) {
  spdlog::error("cannot {}: {}", what, error.message);
  at_ = clock_.boot_now() + kStorageRetry;
}

}  // namespace flowmyna
