#include "agent/uuid.h"

#include <openssl/evp.h>
#include <uuid/uuid.h>

#include <array>
#include <memory>
#include <new>

namespace flowmyna {
namespace {

// The namespace of FlowMyna objects, drawn once for this purpose. Never changed.
constexpr uuid_t kObjects = {0x9b, 0x6f, 0x0e, 0x52, 0x7c, 0x1d, 0x4d, 0x0a,
                             0xa4, 0x5b, 0x31, 0xe8, 0x5f, 0x20, 0xc7, 0x96};

void append_text(std::string& out, const uuid_t uuid) {
  std::array<char, UUID_STR_LEN> text{};
  uuid_unparse_lower(uuid, text.data());
  out += text.data();
}

/// OpenSSL's SHA-1: libuuid's takes three times as long, a tenth of what a batch costs in all.
class Sha1 {
 public:
  using Digest = std::array<unsigned char, 20>;

  Sha1() : context_(EVP_MD_CTX_new()) {
    if (EVP_DigestInit_ex2(context_.get(), EVP_sha1(), nullptr) != 1) throw std::bad_alloc();
  }

  void add(const void* bytes, std::size_t size) { EVP_DigestUpdate(context_.get(), bytes, size); }
  /// Of what was added since the last one.
  Digest take() {
    Digest digest{};
    EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr);
    EVP_DigestInit_ex2(context_.get(), nullptr, nullptr);
    return digest;
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

void set_version(unsigned char* uuid, unsigned version) {
  uuid[6] = static_cast<unsigned char>(version << 4U | (uuid[6] & 0x0fU));
  uuid[8] = static_cast<unsigned char>(0x80U | (uuid[8] & 0x3fU));
}

}  // namespace

void append_object_uuid(std::string& out, const ObjectKey& key) {
  thread_local Sha1 sha1;
  sha1.add(kObjects, sizeof kObjects);
  sha1.add(key.type.data(), key.type.size());
  sha1.add("", 1);  // canonical escaping holds no such byte, so no two objects share a name
  sha1.add(key.id.data(), key.id.size());
  Sha1::Digest digest = sha1.take();
  set_version(digest.data(), 5);
  append_text(out, digest.data());
}

void append_event_uuid(std::string& out, std::int64_t unix_ms) {
  uuid_t uuid{};
  uuid_generate_random(uuid);
  for (std::size_t i = 0; i < 6; ++i) {
    uuid[i] = static_cast<unsigned char>(static_cast<std::uint64_t>(unix_ms) >> (8 * (5 - i)));
  }
  set_version(uuid, 7);
  append_text(out, uuid);
}

}  // namespace flowmyna
