#include "delivery/courier.h"

#include <curl/curl.h>

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "delivery/connections.h"
#include "delivery/transfer.h"

namespace flowmyna {
namespace {

using Monotonic = Transfer::Monotonic;

struct MultiDeleter {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};

}  // namespace

class Courier::State {
 public:
  explicit State(CourierOptions options) : options_(std::move(options)), multi_(curl_multi_init()) {
    curl_multi_setopt(multi_.get(), CURLMOPT_MAXCONNECTS,
                      static_cast<long>(options_.connections_max));
  }

  ~State() {
    for (const auto& [easy, transfer] : transfers_) curl_multi_remove_handle(multi_.get(), easy);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void send(const OutgoingRequest& request, Done done) {
    std::string key = options_.api_key();
    if (key.empty()) {
      refused_.push_back(std::move(done));
      return;
    }
    auto transfer = std::make_unique<Transfer>(options_, request, std::move(key), std::move(done),
                                               ++transfers_made_, connections_);
    CURL* easy = transfer->easy();
    if (network_changed_at_) transfer->distrust_older_than(Monotonic::now() - *network_changed_at_);
    curl_multi_add_handle(multi_.get(), easy);
    transfers_.emplace(easy, std::move(transfer));
  }

  void network_changed() {
    network_changed_at_ = Monotonic::now();
    looks_for_dead_ = true;
  }

  void poll(std::chrono::milliseconds timeout) {
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    const bool done = finish_done();
    const bool ended = end_dead();
    if (done || ended || answer_without_key()) return;
    curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(timeout.count()), nullptr);
    curl_multi_perform(multi_.get(), &running);
    finish_done();
  }

  void wake() { curl_multi_wakeup(multi_.get()); }

 private:
  /// Without a key there is no need to ask: the API documents 401 for it.
  bool answer_without_key() {
    std::vector<Done> refused;
    refused.swap(refused_);
    for (const Done& done : refused) {
      Answer answer;
      answer.status = 401;
      answer.body =
          R"({"detail":"no API key is configured; set api.key_file or FLOWMYNA_API_KEY"})";
      answer.sends = 0;
      done(answer);
    }
    return !refused.empty();
  }

  /// After the network changed, and what had come in before was read. Connections are closed
  /// first, so that no byte follows what is then said to be lost.
  bool end_dead() {
    if (!std::exchange(looks_for_dead_, false) || transfers_.empty()) return false;
    const LocalAddresses addresses = LocalAddresses::of_machine();
    std::vector<std::unique_ptr<Transfer>> dead;
    for (auto& [easy, transfer] : transfers_) {
      if (transfer->is_dead(addresses)) dead.push_back(std::move(transfer));
    }
    std::erase_if(transfers_, [](const auto& entry) { return entry.second == nullptr; });
    for (const auto& transfer : dead) {
      curl_multi_remove_handle(multi_.get(), transfer->easy());
      transfer->end();
    }
    return !dead.empty();
  }

  bool finish_done() {
    std::vector<std::pair<std::unique_ptr<Transfer>, CURLcode>> done;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      CURL* easy = message->easy_handle;
      const auto node = transfers_.extract(easy);
      done.emplace_back(std::move(const_cast<std::unique_ptr<Transfer>&>(node.mapped())), code);
    }
    for (auto& [transfer, code] : done) {
      transfer->finish(code);
      curl_multi_remove_handle(multi_.get(), transfer->easy());
    }
    return !done.empty();
  }

  CourierOptions options_;
  Connections connections_;
  std::unique_ptr<CURLM, MultiDeleter> multi_;  // closes into connections_
  std::map<CURL*, std::unique_ptr<Transfer>> transfers_;
  std::uint64_t transfers_made_ = 0;
  std::vector<Done> refused_;  // requests that lack a key
  std::optional<Monotonic::time_point> network_changed_at_;
  bool looks_for_dead_ = false;  // the network changed since the last look
};

Courier::Courier(CourierOptions options) {
  // Once a process, and before any other thread uses it; C++ guarantees the order.
  static const CURLcode kInitialised = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)kInitialised;
  state_ = std::make_unique<State>(std::move(options));
}

Courier::~Courier() = default;

void Courier::send(const OutgoingRequest& request, Done done) {
  state_->send(request, std::move(done));
}
void Courier::network_changed() {
  state_->network_changed();
}
void Courier::poll(std::chrono::milliseconds timeout) {
  state_->poll(timeout);
}
void Courier::wake() {
  state_->wake();
}

}  // namespace flowmyna
