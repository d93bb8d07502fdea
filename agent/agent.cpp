#include "agent/agent.h"

#include <spdlog/spdlog.h>

#include <filesystem>
#include <random>

#include "agent/process/machine_id.h"
#include "agent/process/memory.h"
#include "core/json_text.h"
#include "delivery/http_transport.h"
#include "outbox/file/sqlite_storage.h"

namespace flowmyna {
namespace {

// SIGTERM has to end within 5 s: the servers drain for up to 2 s, delivery for as long again.
constexpr std::chrono::milliseconds kDeliveryGrace{2000};

constexpr const char* kOutboxFile = "outbox.db";

HttpTransportOptions transport_options(const ApiConfig& api, const KeyHolder& key) {
  HttpTransportOptions options;
  options.base_url = api.url;
  options.api_key = [&key] { return key.reveal(); };
  options.key_problem = [&key] { return key.problem(); };
  options.connect_timeout = api.connect_timeout;
  options.request_timeout = api.request_timeout;
  options.ca_file = api.ca_file;
  options.proxy = api.proxy;
  options.connections_max = api.max_in_flight;
  return options;
}

PlanOptions plan_options(const DeliveryConfig& delivery) {
  PlanOptions options;
  options.items_max = delivery.batch_items;
  options.bytes_max = delivery.batch_bytes;
  for (const std::string& type : delivery.latest_types) {
    std::string canonical;
    append_escaped(canonical, type);
    options.latest_types.insert(std::move(canonical));
  }
  return options;
}

ForemanOptions foreman_options(const Config& config) {
  ForemanOptions options;
  options.plan = plan_options(config.delivery);
  options.backoff = {config.delivery.retry_initial, config.delivery.retry_max};
  options.linger = config.delivery.linger;
  options.in_flight_max = config.api.max_in_flight;
  options.requests_per_minute_max = config.api.max_requests_per_minute;
  options.dead_letter_after = config.delivery.dead_letter_after;
  options.hold_unknown = config.delivery.on_unknown == OnUnknown::kHold;
  options.seed = std::random_device()();
  return options;
}

HttpServerOptions http_options(const ListenConfig& listen, const Secret& key) {
  HttpServerOptions options;
  options.max_body_bytes = listen.max_body_bytes;
  options.max_connections = listen.max_connections;
  options.allow_users = listen.allow_users;
  options.bearer_key = key;
  return options;
}

Result<void> make_directory(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return {};
  return fail(Error::Kind::kIo, "cannot create " + path.string() + ": " + error.message() +
                                    "; set outbox.path to a directory that this user may write to");
}

}  // namespace

Result<std::unique_ptr<Agent>> Agent::start(const Config& config) {
  if (auto made = make_directory(config.outbox.path); !made) {
    return tl::make_unexpected(made.error());
  }
  StorageOptions storage_options;
  storage_options.path = config.outbox.path / kOutboxFile;
  storage_options.quota_bytes = config.outbox.max_size_bytes;
  storage_options.damaged_max = config.outbox.max_damaged;
  storage_options.sync_every_commit = config.outbox.durability == Durability::kFull;
  storage_options.machine = machine_id();
  storage_options.discards_clone = config.outbox.on_clone == OnClone::kDiscard;
  storage_options.holds_unknown = config.delivery.on_unknown == OnUnknown::kHold;
  auto storage = SqliteStorage::open(std::move(storage_options));
  if (!storage) return tl::make_unexpected(storage.error());

  std::unique_ptr<Agent> agent(new Agent(config, *std::move(storage)));
  if (auto opened = agent->open_servers(config.listen, config.api.key); !opened) {
    return tl::make_unexpected(opened.error());
  }
  agent->delivery_.start(agent->vault_);
  return agent;
}

Agent::Agent(const Config& config, std::unique_ptr<Storage> storage)
    : key_(config.api.key, config.api.key_problem),
      delivery_(foreman_options(config),
                std::make_unique<HttpTransport>(transport_options(config.api, key_)), clock_),
      vault_(
          std::move(storage), [this] { delivery_.accepted(vault_.stats().last_receipt); },
          plan_options(config.delivery), &give_back_memory,
          [this](Receipt lowest) {
            delivery_.post([lowest](DeliveryActions& delivery) { delivery.returned(lowest); });
          }) {}

Agent::~Agent() {
  // The servers wait for the answers under way; these would come too late.
  delivery_.post(&DeliveryActions::release_waits);
  for (const auto& server : servers_) server->stop();
  delivery_.stop(kDeliveryGrace);
  vault_.stop();  // its last callbacks still look for the foreman
}

Result<void> Agent::open_servers(const ListenConfig& config, const Secret& key) {
  auto activated = activated_sockets();
  if (!activated) return tl::make_unexpected(activated.error());
  bool has_unix = false;
  for (ListeningSocket& socket : *activated) {
    has_unix = has_unix || socket.kind() == ListeningSocket::Kind::kUnix;
    if (auto opened = open_server(std::move(socket), config, key); !opened) return opened;
  }
  if (!has_unix) {
    auto socket = listen_unix(config.socket, config.socket_mode, config.socket_group);
    if (!socket) return tl::make_unexpected(socket.error());
    if (auto opened = open_server(*std::move(socket), config, key); !opened) return opened;
  }
  if (!config.tcp.empty()) {
    auto socket = listen_tcp(config.tcp);
    if (!socket) return tl::make_unexpected(socket.error());
    return open_server(*std::move(socket), config, key);
  }
  return {};
}

Result<void> Agent::open_server(ListeningSocket socket, const ListenConfig& config,
                                const Secret& key) {
  routers_.push_back(std::make_unique<Router>(vault_, delivery_, clock_));
  Router& router = *routers_.back();
  auto server = HttpServer::open(vault_.loop(), std::move(socket), http_options(config, key),
                                 [&router](const HttpRequest& request, Responder responder) {
                                   router.handle(request, std::move(responder));
                                 });
  if (!server) return tl::make_unexpected(server.error());
  servers_.push_back(*std::move(server));
  keepers_.emplace_back(*servers_.back(), config);
  return {};
}

void Agent::reload(const Config& config) {
  if (config.api.key_problem.empty()) {
    use_key(config.api.key);
  } else {
    lack_key(config.api.key_problem);
  }
  delivery_.post(&DeliveryActions::end_back_off);
}

void Agent::use_key(const Secret& key) {
  if (!key_.set(key)) return;
  spdlog::info("{} API key is in use", key.empty() ? "no" : "another");
  for (const auto& server : servers_) server->set_bearer_key(key);
  delivery_.post(&DeliveryActions::key_changed);
}

void Agent::lack_key(const std::string& why) {
  if (key_.lack(why)) {
    spdlog::warn("{}; until then nothing is delivered", why);
  } else {
    spdlog::error("{}; the previous key stays in use", why);
  }
}

void Agent::network_changed() {
  delivery_.post(&DeliveryActions::network_changed);
}
void Agent::network_lost() {
  delivery_.post(&DeliveryActions::network_lost);
}

std::vector<std::string> Agent::listening() const {
  std::vector<std::string> names;
  for (const auto& server : servers_) names.push_back(server->name());
  return names;
}

std::vector<std::filesystem::path> Agent::socket_places() const {
  std::vector<std::filesystem::path> places;
  for (const SocketKeeper& keeper : keepers_) {
    if (!keeper.place().empty()) places.push_back(keeper.place());
  }
  return places;
}

void Agent::look_after_sockets() {
  for (SocketKeeper& keeper : keepers_) keeper.look();
}

}  // namespace flowmyna
