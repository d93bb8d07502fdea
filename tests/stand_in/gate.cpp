#include "stand_in/gate.h"

#include <cstdio>

namespace flowmyna::stand_in {
namespace {

/// Between attempts to bind or open the port again, should something hold it.
constexpr std::chrono::milliseconds kRetryPause{20};

}  // namespace

Result<void> Gate::open(const std::string& address, std::uint16_t port) {
  auto bound = bind_tcp(address, port);
  if (!bound) return tl::make_unexpected(bound.error());
  if (auto listening = start_listening(*bound); !listening) return listening;
  address_ = address;
  port_ = port_of(*bound);
  auto server = HttpServer::start(std::move(*bound), callbacks_);
  if (!server) return tl::make_unexpected(server.error());
  server_ = std::move(*server);
  open_ = true;
  thread_ = std::thread([this] { run(); });
  return {};
}

Gate::~Gate() {
  {
    const std::lock_guard lock(wake_mutex_);
    stopping_ = true;
    wake_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
  server_.reset();  // here, since its last callbacks may still call request_sync()
}

void Gate::sync(bool cut_hanging) {
  {
    const std::lock_guard lock(server_mutex_);
    if (server_ && cut_hanging) server_->cut_hanging();
    const bool refused = faults_.refused_until().has_value();
    if (refused && server_) shut_locked();
    if (!refused && !server_) try_open_locked();
  }
  const std::lock_guard lock(wake_mutex_);
  changed_ = true;
  wake_.notify_one();
}

void Gate::request_sync(bool cut_hanging) {
  const std::lock_guard lock(wake_mutex_);
  requested_ = true;
  cut_requested_ = cut_requested_ || cut_hanging;
  wake_.notify_one();
}

void Gate::shut_locked() {
  server_.reset();
  open_ = false;
  if (auto bound = bind_tcp(address_, port_)) bound_ = std::move(*bound);
}

void Gate::try_open_locked() {
  if (bound_.get() < 0) {
    auto bound = bind_tcp(address_, port_);
    if (!bound) return;
    bound_ = std::move(*bound);
  }
  Descriptor listening = std::move(bound_);
  if (!start_listening(listening)) return;
  auto server = HttpServer::start(std::move(listening), callbacks_);
  if (server) {
    server_ = std::move(*server);
    open_ = true;
  } else {
    std::fprintf(stderr, "flowmyna-sim: %s\n", server.error().message.c_str());
  }
}

/// When the listener has to be looked at again; nullopt: when somebody asks for it.
std::optional<FaultTable::Clock::time_point> Gate::next_look() const {
  const auto until = faults_.refused_until();
  const bool settled = open_ != until.has_value();
  if (!settled) return FaultTable::Clock::now() + kRetryPause;
  if (!until || *until == FaultTable::Clock::time_point::max()) return std::nullopt;
  return until;
}

void Gate::run() {
  std::unique_lock lock(wake_mutex_);
  while (!stopping_) {
    if (requested_) {
      const bool cut = std::exchange(cut_requested_, false);
      requested_ = false;
      lock.unlock();
      sync(cut);
      lock.lock();
      continue;
    }
    changed_ = false;
    const auto woken = [this] { return stopping_ || requested_ || changed_; };
    const auto look = next_look();
    if (!look) {
      wake_.wait(lock, woken);
    } else if (!wake_.wait_until(lock, *look, woken)) {
      requested_ = true;
    }
  }
}

}  // namespace flowmyna::stand_in
