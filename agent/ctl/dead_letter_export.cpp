#include "agent/ctl/dead_letter_export.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string_view>

#include "agent/ctl/raw_json.h"

namespace flowmyna::ctl {
namespace {

/// A file in the making. Removed unless it was put into its place.
class NewFile {
 public:
  explicit NewFile(std::string path)
      : path_(std::move(path)), temporary_(path_ + ".XXXXXX"), fd_(::mkstemp(temporary_.data())) {}
  ~NewFile() {
    if (fd_ < 0) return;
    ::close(fd_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  NewFile(const NewFile&) = delete;
  NewFile& operator=(const NewFile&) = delete;

  bool is_open() const { return fd_ >= 0; }

  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }

  bool put_into_place(bool force) {
    if (::fsync(fd_) != 0 || !rename(force)) return false;
    temporary_.clear();
    return true;
  }

 private:
  bool rename(bool force) {
    const unsigned flags = force ? 0 : RENAME_NOREPLACE;
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), flags) == 0) return true;
    // A file system that cannot promise it; that there was no such file was seen at the beginning.
    return errno == EINVAL && ::rename(temporary_.c_str(), path_.c_str()) == 0;
  }

  std::string path_;
  std::string temporary_;
  int fd_;
};

int report_file(const std::string& path) {
  const std::string why = errno == EEXIST ? "it exists; --force replaces it" : std::strerror(errno);
  std::cerr << "flowmynactl: cannot write " << path << ": " << why << '\n';
  return kExitFailed;
}

/// On one line: a line feed in JSON is white space, since a string cannot hold one unescaped.
std::string one_line(std::string json) {
  std::ranges::replace_if(
      json, [](char c) { return c == '\n' || c == '\r'; }, ' ');
  return json + '\n';
}

/// The ids of the next letters; empty at the end.
client::Result<std::vector<std::string>> next_letters(Client& client, const std::string& after) {
  const auto answer = ask(client, {"GET", "/agent/v1/dead-letters?limit=1000&after=" + after});
  if (!answer) return answer.error();
  const auto body = RawObject::parse(answer->body);
  const auto letters = body ? body->elements("dead_letters") : std::nullopt;
  if (!letters) {
    return client::Error{client::ErrorKind::kUnexpectedAnswer,
                         "the answer holds no list of dead letters",
                         answer->status,
                         {},
                         {}};
  }
  std::vector<std::string> ids;
  for (const std::string_view entry : *letters) {
    if (const auto letter = RawObject::parse(entry)) ids.push_back(letter->text("id"));
  }
  return ids;
}

}  // namespace

int export_dead_letters(const Session& session, const std::string& file, bool force) {
  if (!force && ::access(file.c_str(), F_OK) == 0) {
    errno = EEXIST;
    return report_file(file);
  }
  NewFile out(file);
  if (!out.is_open()) return report_file(file);
  Client client = session.client();
  std::uint64_t count = 0;
  std::string after = "0";
  while (true) {
    const auto ids = next_letters(client, after);
    if (!ids) return report(ids.error());
    if (ids->empty()) break;
    for (const std::string& id : *ids) {
      const auto letter = ask(client, {"GET", "/agent/v1/dead-letters/" + id});
      if (!letter && letter.error().http_status == 404) continue;  // retried or dropped meanwhile
      if (!letter) return report(letter.error());
      if (!out.write(one_line(letter->body))) return report_file(file);
      ++count;
    }
    after = ids->back();
  }
  if (!out.put_into_place(force)) return report_file(file);
  std::cout << "wrote " << count << (count == 1 ? " dead letter" : " dead letters") << " to "
            << file << '\n';
  return kExitOk;
}

}  // namespace flowmyna::ctl
