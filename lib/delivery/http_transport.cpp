#include "delivery/http_transport.h"

#include <curl/curl.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "delivery/ambient.h"
#include "delivery/connections.h"
#include "delivery/transfer.h"

namespace flowmyna {
namespace {

using Monotonic = Transfer::Monotonic;

CURLcode initialise() {
  shut_out_environment();
  return curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct MultiDeleter {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};

}  // namespace

class HttpTransport::State {
 public:
  explicit State(HttpTransportOptions options)
      : options_(std::move(options)), multi_(curl_multi_init()) {
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
    const bool ended = end_hopeless();
    if (done || ended || answer_without_key()) return;
    curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(until_look(timeout).count()),
                    nullptr);
    curl_multi_perform(multi_.get(), &running);
    finish_done();
  }

  void wake() { curl_multi_wakeup(multi_.get()); }

 private:
  using Transfers = std::map<CURL*, std::unique_ptr<Transfer>>;

  /// Without a key there is nothing to ask the API.
  bool answer_without_key() {
    std::vector<Done> refused;
    refused.swap(refused_);
    if (refused.empty()) return false;
    Answer answer;
    answer.delivery = Answer::Delivery::kNotSent;
    answer.obstacle = Answer::Obstacle::kNoKey;
    answer.sends = 0;
    if (options_.key_problem) answer.error = options_.key_problem();
    if (answer.error.empty()) answer.error = "no API key: set api.key_file or FLOWMYNA_API_KEY";
    for (const Done& done : refused) done(answer);
    return true;
  }

  /// Until a transfer may have stood still for too long, `timeout` at the most.
  std::chrono::milliseconds until_look(std::chrono::milliseconds timeout) const {
    using std::chrono::milliseconds;
    auto next = Monotonic::time_point::max();
    for (const auto& [easy, transfer] : transfers_) next = std::min(next, transfer->next_look());
    const auto now = Monotonic::now();
    if (next >= now + timeout) return timeout;
    return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(next - now));
  }

  /// What brings no answer any more: after the network changed, or since nothing has moved for too
  /// long. What had come in before was read.
  bool end_hopeless() {
    const auto now = Monotonic::now();
    std::optional<LocalAddresses> addresses;
    if (std::exchange(looks_for_dead_, false) && !transfers_.empty()) {
      addresses = LocalAddresses::of_machine();
    }
    const auto why = [&](Transfer& transfer) {
      const bool is_dead = addresses && transfer.is_dead(*addresses);
      return is_dead ? Transfer::Ending::kNetworkGone : transfer.look(now);
    };
    std::vector<std::pair<std::unique_ptr<Transfer>, Transfer::Ending>> ended;
    for (auto& [easy, transfer] : transfers_) {
      const Transfer::Ending ending = why(*transfer);
      if (ending != Transfer::Ending::kNone) ended.emplace_back(std::move(transfer), ending);
    }
    std::erase_if(transfers_, [](const auto& entry) { return entry.second == nullptr; });
    // Connections are closed first, so that no byte follows what is then said to be lost.
    for (const auto& [transfer, ending] : ended) {
      curl_multi_remove_handle(multi_.get(), transfer->easy());
      transfer->end(ending);
    }
    return !ended.empty();
  }

  bool finish_done() {
    std::vector<std::pair<std::unique_ptr<Transfer>, CURLcode>> done;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      auto node = transfers_.extract(message->easy_handle);
      done.emplace_back(std::move(node.mapped()), code);
    }
    bool is_any_finished = false;
    for (auto& [transfer, code] : done) {
      if (start_anew(transfer)) continue;
      is_any_finished = true;
      transfer->finish(code);
      curl_multi_remove_handle(multi_.get(), transfer->easy());
    }
    return is_any_finished;
  }

  /// On a fresh connection, if nothing left since the idle one was of no use.
  bool start_anew(std::unique_ptr<Transfer>& transfer) {
    if (!transfer->wants_fresh_connection()) return false;
    CURL* easy = transfer->easy();
    curl_multi_remove_handle(multi_.get(), easy);
    transfer->use_fresh_connection();
    curl_multi_add_handle(multi_.get(), easy);
    transfers_.emplace(easy, std::move(transfer));
    return true;
  }

  HttpTransportOptions options_;
  Connections connections_;
  std::unique_ptr<CURLM, MultiDeleter> multi_;  // closes into connections_
  Transfers transfers_;
  std::uint64_t transfers_made_ = 0;
  std::vector<Done> refused_;  // requests that lack a key
  std::optional<Monotonic::time_point> network_changed_at_;
  bool looks_for_dead_ = false;  // the network changed since the last look
};

HttpTransport::HttpTransport(HttpTransportOptions options) {
  // Once a process, and before any other thread uses it; C++ guarantees the order.
  static const CURLcode kInitialised = initialise();
  (void)kInitialised;
  state_ = std::make_unique<State>(std::move(options));
}

HttpTransport::~HttpTransport() = default;

void HttpTransport::send(const OutgoingRequest& request, Done done) {
  state_->send(request, std::move(done));
}
void HttpTransport::network_changed() {
  state_->network_changed();
}
void HttpTransport::poll(std::chrono::milliseconds timeout) {
  state_->poll(timeout);
}
void HttpTransport::wake() {
  state_->wake();
}

}  // namespace flowmyna
