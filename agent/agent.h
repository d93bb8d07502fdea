#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/desk.h"
#include "agent/door.h"
#include "agent/socket_keeper.h"
#include "agent/system_clock.h"
#include "delivery/delivery_thread.h"
#include "outbox/vault.h"

namespace flowmyna {

/// The key that delivery uses, or why there is none; exchangeable while it runs. Any thread.
class KeyHolder {
 public:
  KeyHolder(Secret key, std::string problem) : key_(std::move(key)), problem_(std::move(problem)) {}
  /// Whether it is another one than before.
  bool set(const Secret& key) {
    const std::lock_guard lock(mutex_);
    problem_.clear();
    if (key_.reveal() == key.reveal()) return false;
    key_ = key;
    return true;
  }
  /// What should hold a key is of no use. Whether there is none from before, that stays.
  bool lack(const std::string& problem) {
    const std::lock_guard lock(mutex_);
    if (!key_.empty()) return false;
    problem_ = problem;
    return true;
  }
  /// Empty when there is a key, or none was promised.
  std::string problem() const {
    const std::lock_guard lock(mutex_);
    return problem_;
  }
  std::string reveal() const {
    const std::lock_guard lock(mutex_);
    return std::string(key_.reveal());
  }

 private:
  mutable std::mutex mutex_;
  Secret key_;           // under mutex_
  std::string problem_;  // under mutex_
};

/// The whole agent, wired: this type and its one file are the graph of the rooms.
///
///     door ── desk ── vault ── (storage)
///                       │ wakes, seals, settles
///                    foreman ── planner, judge ── courier
///
/// Threads: `vault`, which serves the doors and the desks as well, and `delivery`. They meet in the
/// vault's queue and in DeliveryThread::post, nowhere else.
class Agent final : private DeliveryControl {
 public:
  /// Opens the outbox, starts delivery, opens the doors. Every error is one line that says what to
  /// do.
  static Result<std::unique_ptr<Agent>> start(const Config& config);
  /// Stops accepting, answers what is under way and who waits for delivery, gives delivery a moment
  /// to settle what is in flight, and closes the outbox. Takes at most about 4 s.
  ~Agent() override;

  /// Takes over what may change while running, the key, and tries to deliver at once. Other changes
  /// need a restart.
  void reload(const Config& config);
  /// Delivers with this key from now on; where the API refused the one before, at once.
  void use_key(const Secret& key);
  /// What should hold a key is of no use: the one in use stays, if there is one.
  void lack_key(const std::string& why);
  /// There is a route, an address or a link that was not there, or the machine slept.
  void network_changed();
  /// A route, an address or a link went away, and nothing came.
  void network_lost();

  /// The names of the sockets it listens on.
  std::vector<std::string> listening() const;
  /// The places in the file system at which clients look for it.
  std::vector<std::filesystem::path> socket_places() const;
  /// Something may have happened at one of them. The thread that destroys the agent.
  void look_after_sockets();

 private:
  Agent(const Config& config, std::unique_ptr<Storage> storage);
  Result<void> open_doors(const ListenConfig& config, const Secret& key);
  Result<void> open_door(ListeningSocket socket, const ListenConfig& config, const Secret& key);

  DeliveryStatus status() const override { return foreman_.status(); }
  void flush() override;
  void pause() override;
  void resume() override;
  void returned(Receipt lowest) override;
  void refresh_health() override;
  void await(Wait wait) override;
  void begin_export(Outbox::Done<ExportView> done) override;
  void continue_export(std::string id, Outbox::Done<ExportView> done) override;
  void give_up_exported(std::string id, std::vector<Receipt> receipts,
                        Outbox::Done<std::uint64_t> done) override;
  void stuck(std::size_t items_max, Outbox::Done<std::vector<StuckItem>> done) override;
  void drop_pending(Receipt receipt, Outbox::Done<void> done) override;
  bool holds_unknown() const override { return foreman_.holds_unknown(); }

  // In the order of construction: what stands below uses what stands above.
  SystemClock clock_;
  KeyHolder key_;
  DeliveryThread delivery_;
  Vault vault_;
  Foreman foreman_;
  std::vector<std::unique_ptr<Desk>> desks_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::vector<SocketKeeper> keepers_;
};

}  // namespace flowmyna
