#include "agent/watch/surroundings.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

namespace flowmyna {
namespace {

// Changes that no descriptor reports (a key file on a network file system) are found this late.
constexpr std::chrono::seconds kLookInterval{60};
// How late a missing socket is found where it cannot be watched: its clients are waiting.
constexpr std::chrono::seconds kBlindLookInterval{2};

/// Gives the watch, or logs why it is missing.
template <class Sense>
std::optional<Sense> accept(Result<Sense> sense) {
  if (sense) return *std::move(sense);
  spdlog::warn("{}", sense.error().message);
  return std::nullopt;
}

}  // namespace

Surroundings::Surroundings(WatchLoop& loop, Reactions reactions)
    : loop_(loop),
      reactions_(std::move(reactions)),
      network_(accept(NetworkWatch::open())),
      clock_(accept(ClockWatch::open())),
      key_(accept(FileWatch::open(
          "the key file",
          "after changing the key send SIGHUP (systemctl reload flowmyna-agent)"))) {
  if (network_) loop.watch(network_->fd(), [this] { on_network(); });
  if (clock_) loop.watch(clock_->fd(), [this] { on_clock_set(); });
  if (key_) {
    loop.watch(key_->fd(), [this] {
      if (key_->drain()) read_key();
    });
  }
  loop.look_every(kLookInterval, [this] { look_around(); });
}

void Surroundings::watch_key_file(const std::filesystem::path& file, const std::string& problem) {
  if (!key_) return;
  key_->set_file(file);
  key_error_ = problem;
  if (!file.empty()) read_key();  // it may have changed since it was read
}

void Surroundings::watch_sockets(const std::vector<std::filesystem::path>& places) {
  sockets_.reserve(places.size());  // the loop refers to them
  for (const auto& place : places) {
    auto watch =
        accept(FileWatch::open("the socket " + place.string(), "it is looked for now and then"));
    if (!watch) {
      loop_.look_every(kBlindLookInterval, [this] { look_around(); });
      continue;
    }
    watch->set_file(place);
    FileWatch& added = sockets_.emplace_back(*std::move(watch));
    loop_.watch(added.fd(), [this, &added] {
      if (added.drain()) reactions_.sockets_disturbed();
    });
  }
  reactions_.sockets_disturbed();  // before it was watched
}

void Surroundings::on_network() {
  const NetworkNews news = network_->drain();
  if (news.came) {
    spdlog::debug("the network changed");
    reactions_.network_changed();
  } else if (news.went) {
    reactions_.network_lost();
  }
}

/// By a person, by a time server, or by the kernel when the machine resumes.
void Surroundings::on_clock_set() {
  clock_->drain();
  notice_sleep();
}

void Surroundings::look_around() {
  if (clock_) notice_sleep();
  if (key_ && key_->look()) read_key();
  reactions_.sockets_disturbed();
}

/// The API and everything between may have forgotten the connections.
void Surroundings::notice_sleep() {
  const auto slept = clock_->slept();
  if (slept == slept.zero()) return;
  spdlog::info("the machine slept for {} s", slept.count() / 1000);
  reactions_.network_changed();
}

void Surroundings::read_key() {
  std::vector<std::string> warnings;
  const auto key = load_key_file(key_->file(), warnings);
  if (key) {
    key_error_.clear();
    reactions_.key_found(*key);
    return;
  }
  // A key that is being replaced may fail to be read several times, in one way.
  if (std::exchange(key_error_, key.error().message) != key_error_) {
    reactions_.key_unusable(key_error_);
  }
}

}  // namespace flowmyna
