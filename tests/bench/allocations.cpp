#include "bench/allocations.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::uint64_t> count = 0;
std::atomic<std::uint64_t> bytes = 0;

}  // namespace

// A sanitizer brings operators of its own, and ThreadSanitizer's cannot be replaced: nothing is
// counted there.
#ifndef FLOWMYNA_SANITIZED

// The other forms of operator new end in this one ([new.delete.single], [new.delete.array]).
void* operator new(std::size_t size) {
  count.fetch_add(1, std::memory_order_relaxed);
  bytes.fetch_add(size, std::memory_order_relaxed);
  if (void* const memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept {
  std::free(memory);
}

void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}

#endif

namespace flowmyna::bench {

Allocations allocations_so_far() {
  return {count.load(), bytes.load()};
}

}  // namespace flowmyna::bench
