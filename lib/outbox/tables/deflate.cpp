#include "outbox/tables/deflate.h"

#include <libdeflate.h>

#include <memory>
#include <new>

namespace flowmyna {
namespace {

constexpr int kLevel = 6;  // of 12: libdeflate's own choice

struct Free {
  void operator()(libdeflate_compressor* one) const { libdeflate_free_compressor(one); }
  void operator()(libdeflate_decompressor* one) const { libdeflate_free_decompressor(one); }
};

}  // namespace

std::string deflate(std::string_view bytes) {
  const std::unique_ptr<libdeflate_compressor, Free> compressor(
      libdeflate_alloc_compressor(kLevel));
  if (!compressor) throw std::bad_alloc();
  std::string out(libdeflate_deflate_compress_bound(compressor.get(), bytes.size()), '\0');
  out.resize(libdeflate_deflate_compress(compressor.get(), bytes.data(), bytes.size(), out.data(),
                                         out.size()));
  return out;
}

std::optional<std::string> inflate(std::string_view deflated, std::size_t bytes_max) {
  const std::unique_ptr<libdeflate_decompressor, Free> decompressor(
      libdeflate_alloc_decompressor());
  if (!decompressor) throw std::bad_alloc();
  std::string out(bytes_max, '\0');
  std::size_t size = 0;
  const auto result = libdeflate_deflate_decompress(decompressor.get(), deflated.data(),
                                                    deflated.size(), out.data(), out.size(), &size);
  if (result != LIBDEFLATE_SUCCESS) return std::nullopt;
  out.resize(size);
  return out;
}

}  // namespace flowmyna
