#include "stand_in/simulator.h"

#include <unistd.h>

#include <charconv>
#include <optional>

#include "stand_in/admin.h"
#include "stand_in/api.h"
#include "stand_in/gate.h"
#include "stand_in/replies.h"

namespace flowmyna::stand_in {
namespace {

std::optional<std::uint16_t> as_port(const std::string& text) {
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, port);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return port;
}

Result<void> check(const SimulatorOptions& options) {
  for (const std::string& key : options.keys) {
    if (is_well_formed_key(key)) continue;
    return fail(Error::Kind::kInvalid,
                "the key \"" + key + "\" must be fm_live_ and 32 letters, digits, - or _");
  }
  if (options.admin.empty()) {
    return fail(Error::Kind::kInvalid, "the admin address must be a port or a socket path");
  }
  return {};
}

/// What the command line says by switches of their own.
Dialect of_switches(const SimulatorOptions& options) {
  Dialect dialect;
  dialect.answer_delay = options.latency;
  dialect.limits.rate = options.rate_limit;
  dialect.limits.rate_window = options.rate_window;
  return dialect;
}

}  // namespace

/// Wires the rooms together: both listeners, what answers on them, and what they share.
class Simulator::Impl {
 public:
  explicit Impl(SimulatorOptions given)
      : options(std::move(given)),
        world(options.keep_history),
        dialects(of_switches(options)),
        log(options.log_limit),
        api(options, world, faults, dialects, log),
        admin(api, world, faults, dialects, log),
        gate(api_callbacks(), faults) {}

  ~Impl() {
    admin_server.reset();
    if (!admin_path.empty()) ::unlink(admin_path.c_str());
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  Result<void> open() {
    if (auto taken = take_documents(); !taken) return taken;
    if (auto opened = gate.open(options.address, options.port); !opened) return opened;
    gate.sync(false);  // the faults of the command line may close it
    return open_admin();
  }

  const SimulatorOptions options;
  World world;
  FaultTable faults;
  DialectBook dialects;
  RequestLog log;
  Api api;
  Admin admin;
  Gate gate;
  std::unique_ptr<HttpServer> admin_server;
  std::uint16_t admin_port = 0;
  std::string admin_path;

 private:
  /// The API's own listener also serves /sim/. It cannot be closed by its own thread, so what a
  /// change of the faults asks for is done once the answer is out.
  HttpCallbacks api_callbacks() {
    return {
        [this](Exchange& exchange) { return Admin::owns(exchange.path) || api.admit(exchange); },
        [this](Exchange& exchange) {
          if (!Admin::owns(exchange.path)) return api.respond(exchange);
          admin.respond(exchange, [&exchange](bool cut_hanging) {
            exchange.sync_when_answered = true;
            exchange.cut_when_answered = cut_hanging;
          });
        },
        [this](Exchange& exchange) {
          if (!Admin::owns(exchange.path)) return api.finished(exchange);
          if (exchange.sync_when_answered) gate.request_sync(exchange.cut_when_answered);
        }};
  }

  /// The admin's listener answers when the change is in force.
  HttpCallbacks admin_callbacks() {
    return {[](Exchange&) { return true; },
            [this](Exchange& exchange) {
              admin.respond(exchange, [this](bool cut_hanging) { gate.sync(cut_hanging); });
            },
            [](Exchange&) {}};
  }

  Result<void> take_documents() {
    if (!options.dialect.empty()) {
      if (auto taken = dialects.start_with(options.dialect); !taken) {
        return fail(Error::Kind::kInvalid, "the dialect: " + taken.error().message);
      }
    }
    if (options.faults.empty()) return {};
    auto rules = parse_fault_rules(options.faults);
    if (!rules) return fail(Error::Kind::kInvalid, "the faults: " + rules.error().message);
    faults.add(std::move(*rules));
    return {};
  }

  Result<void> open_admin() {
    const auto port = as_port(options.admin);
    auto bound = port ? bind_tcp(kLoopback, *port) : bind_unix(options.admin);
    if (!bound) return tl::make_unexpected(bound.error());
    if (port) {
      admin_port = port_of(*bound);
    } else {
      admin_path = options.admin;
    }
    if (auto listening = start_listening(*bound); !listening) return listening;
    auto server = HttpServer::start(std::move(*bound), admin_callbacks());
    if (!server) return tl::make_unexpected(server.error());
    admin_server = std::move(*server);
    return {};
  }
};

Simulator::Simulator(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Simulator::~Simulator() = default;

Result<std::unique_ptr<Simulator>> Simulator::start(SimulatorOptions options) {
  if (auto checked = check(options); !checked) return tl::make_unexpected(checked.error());
  auto impl = std::make_unique<Impl>(std::move(options));
  if (auto opened = impl->open(); !opened) return tl::make_unexpected(opened.error());
  return std::unique_ptr<Simulator>(new Simulator(std::move(impl)));
}

std::uint16_t Simulator::port() const {
  return impl_->gate.port();
}

std::string Simulator::base_url() const {
  return "http://" + impl_->options.address + ":" + std::to_string(port()) + std::string(kApiPath);
}

std::string Simulator::admin_address() const {
  if (!impl_->admin_path.empty()) return "unix:" + impl_->admin_path;
  return "http://127.0.0.1:" + std::to_string(impl_->admin_port);
}

std::uint16_t Simulator::admin_port() const {
  return impl_->admin_port;
}

Result<void> Simulator::add_faults(const std::string& json) {
  auto rules = parse_fault_rules(json);
  if (!rules) return tl::make_unexpected(rules.error());
  impl_->faults.add(std::move(*rules));
  impl_->gate.sync(false);
  return {};
}

void Simulator::clear_faults() {
  impl_->faults.clear();
  impl_->gate.sync(true);
}

Result<void> Simulator::set_dialect(const std::string& json) {
  return impl_->dialects.replace(json);
}

void Simulator::reset() {
  impl_->admin.reset();
  impl_->gate.sync(true);
}

std::string Simulator::state(const std::string& type, const std::string& id) const {
  return impl_->world.dump({type, id});
}

std::string Simulator::counts() const {
  return impl_->admin.counts();
}

std::string Simulator::requests(std::uint64_t since) const {
  return impl_->log.show(since);
}

}  // namespace flowmyna::stand_in
