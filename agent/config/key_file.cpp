#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "agent/config/config.h"
#include "agent/config/read_only_file.h"

namespace flowmyna {
namespace {

/// A key is 40 bytes; a much larger file was named by mistake.
constexpr std::size_t kKeyFileMaxBytes = 4096;

std::string why_unread(const std::filesystem::path& path, int error) {
  if (error == ENOENT || error == ENOTDIR) {
    return "the key file " + path.string() +
           " does not exist yet: create it, or correct api.key_file";
  }
  if (error == EACCES || error == EPERM) {
    return "the key file " + path.string() + " cannot be read: allow uid " +
           std::to_string(geteuid()) + " to read it";
  }
  return "cannot read the key file " + path.string() + ": " +
         std::generic_category().message(error) + "; correct api.key_file";
}

}  // namespace

Result<Secret> read_key_file(const std::filesystem::path& path,
                             std::vector<std::string>& warnings) {
  // Not a stream: its buffer would keep a copy of the key.
  const ReadOnlyFile file(path);
  std::string text(kKeyFileMaxBytes + 1, '\0');
  const ssize_t size = file.read(text.data(), text.size());
  if (size < 0) return fail(Error::Kind::kInvalid, why_unread(path, static_cast<int>(-size)));
  text.resize(static_cast<std::size_t>(size));
  if (text.size() > kKeyFileMaxBytes) {
    explicit_bzero(text.data(), text.size());
    return fail(Error::Kind::kInvalid, "the key file " + path.string() + " is larger than " +
                                           std::to_string(kKeyFileMaxBytes) +
                                           " bytes: api.key_file must name a file with nothing "
                                           "but the key");
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0)
    text.pop_back();
  if (file.can_be_read_by_others()) {
    warnings.push_back("the key file " + path.string() + " can be read by other users: chmod 600 " +
                       path.string());
  }
  return Secret(std::move(text));
}

Result<Secret> load_key_file(const std::filesystem::path& path,
                             std::vector<std::string>& warnings) {
  return read_key_file(path, warnings).and_then([&](Secret key) -> Result<Secret> {
    auto checked = check_key_shape(key, "api.key_file (" + path.string() + ")");
    if (!checked) return tl::make_unexpected(checked.error());
    return key;
  });
}

Result<void> check_key_shape(const Secret& key, const std::string& source) {
  constexpr std::string_view kPrefix = "fm_live_";
  constexpr std::size_t kKeyBytes = 40;  // the vendor's page on authentication
  constexpr const char* kShape =
      "; a key is 40 characters: \"fm_live_\" and 32 letters, digits, '-' or '_'";
  const std::string_view text = key.reveal();
  const auto wrong = [&](const std::string& what) {
    return fail(Error::Kind::kInvalid, "the API key from " + source + " " + what + kShape);
  };
  if (text.empty()) return wrong("is empty");
  if (!text.starts_with(kPrefix)) return wrong("does not begin with \"fm_live_\"");
  if (text.size() != kKeyBytes) return wrong("has " + std::to_string(text.size()) + " characters");
  const bool url_safe = std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_';
  });
  if (!url_safe) return wrong("contains a character that no key has");
  return {};
}

}  // namespace flowmyna
