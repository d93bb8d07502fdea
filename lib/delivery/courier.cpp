#include "delivery/courier.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "delivery/connections.h"
#include "delivery/transfer_error.h"

namespace flowmyna {
namespace {

// Servers close idle connections after a minute or so; using one just then loses a request.
constexpr long kConnectionIdleSeconds = 30;

// How long answers of a name server are used: libcurl's default.
constexpr std::chrono::seconds kNamesFresh{60};

// A name server that has not answered for so long when the network changes was the old network's.
// (Not at once: on a network that flaps no name would ever be found.)
constexpr std::chrono::seconds kResolvePatience{1};

// libcurl measures the age of connections on the same clock.
using Monotonic = std::chrono::steady_clock;

constexpr const char* kMaskedKey = "[the API key]";

void wipe(char* text) {
  explicit_bzero(text, std::strlen(text));
}

/// A request's headers. The key among them is wiped when they go; libcurl's own send buffer, which
/// it frees with the transfer, and that of the TLS library cannot be reached.
struct HeaderList {
  curl_slist* list = nullptr;
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() {
    for (curl_slist* line = list; line != nullptr; line = line->next) wipe(line->data);
    curl_slist_free_all(list);
  }
  void add(const std::string& line) { list = curl_slist_append(list, line.c_str()); }
};

struct EasyDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct MultiDeleter {
  void operator()(CURLM* handle) const { curl_multi_cleanup(handle); }
};

std::string header_value(CURL* easy, const char* name) {
  curl_header* header = nullptr;
  if (curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header) != CURLHE_OK) return {};
  return header->value;
}

}  // namespace

/// One request on its way.
class Courier::Transfer {
 public:
  Transfer(const CourierOptions& options, const OutgoingRequest& request, std::string key,
           Done done, std::uint64_t number, Connections& connections)
      : easy_(curl_easy_init()),
        done_(std::move(done)),
        url_(options.base_url + request.path),
        proxy_(options.proxy),
        connect_timeout_(options.connect_timeout),
        request_timeout_(options.request_timeout),
        answer_max_(options.answer_bytes_max),
        number_(number),
        connections_(connections),
        key_(std::move(key)) {
    may_be_repeated_ = request.may_be_repeated || request.is_get;
    set(CURLOPT_URL, url_.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.request_timeout.count()));
    // A name server that does not answer is left to a thread of its own; else libcurl would wait
    // for it, and all of delivery with it, when the transfer is given up.
    set(CURLOPT_QUICK_EXIT, 1L);
    set(CURLOPT_MAXAGE_CONN, kConnectionIdleSeconds);
    set_connection_care();
    set(CURLOPT_USERAGENT, "flowmyna-agent/" FLOWMYNA_VERSION);
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
    if (!options.proxy.empty()) set(CURLOPT_PROXY, options.proxy.c_str());
    set_headers(request);
    if (!request.is_get) {
      set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
      set(CURLOPT_POSTFIELDS, request.body->data());
    }
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, this);
    set(CURLOPT_PREREQFUNCTION, &Transfer::on_start);
    set(CURLOPT_PREREQDATA, this);
    set(CURLOPT_ERRORBUFFER, error_.data());
  }

  ~Transfer() { explicit_bzero(key_.data(), key_.size()); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CURL* easy() const { return easy_.get(); }

  /// Keeps it from using what the network of `age` ago left behind. A connection is too old for
  /// libcurl once its age in whole seconds exceeds a limit in whole seconds, of which 0 means
  /// none; so this takes all connections that are older than the change, and of the others at most
  /// those of its first second.
  void distrust_older_than(Monotonic::duration age) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(age);
    if (seconds.count() < 2) {
      set(CURLOPT_FRESH_CONNECT, 1L);
    } else {
      set(CURLOPT_MAXLIFETIME_CONN, static_cast<long>(seconds.count() - 1));
    }
    set(CURLOPT_DNS_CACHE_TIMEOUT, static_cast<long>(std::min(seconds, kNamesFresh).count()));
  }

  /// Whether no answer can come any more, after the network changed.
  bool is_dead(const LocalAddresses& addresses) const {
    if (socket_ >= 0) return connections_.is_dead(socket_, addresses);
    const auto dead = connections_.are_dead(number_, addresses);
    return dead.value_or(Monotonic::now() - begin_ > kResolvePatience);
  }

  /// Instead of libcurl: the network that carried it is gone.
  void end() {
    is_ended_ = true;
    finish(CURLE_ABORTED_BY_CALLBACK);
  }

  void finish(CURLcode code) {
    Answer answer;
    answer.sends = sends_;
    if (code == CURLE_OK) {
      long status = 0;
      curl_easy_getinfo(easy(), CURLINFO_RESPONSE_CODE, &status);
      answer.status = static_cast<int>(status);
      answer.body = std::move(body_);
      answer.content_type = header_value(easy(), "Content-Type");
      answer.retry_after = header_value(easy(), "Retry-After");
      answer.rate_limit_reset = header_value(easy(), "X-RateLimit-Reset");
    } else {
      long bytes_sent = 0;
      curl_easy_getinfo(easy(), CURLINFO_REQUEST_SIZE, &bytes_sent);
      const bool left = bytes_sent > 0;
      answer.delivery = left ? Answer::Delivery::kLost : Answer::Delivery::kNotSent;
      answer.error = why(code, left);
    }
    mask_key(answer.body);
    mask_key(answer.content_type);
    mask_key(answer.error);
    done_(std::move(answer));
  }

 private:
  template <class T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }

  /// See Connections; the keepalive is set by libcurl, before on_socket.
  void set_connection_care() {
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_TCP_KEEPIDLE, static_cast<long>(Connections::kKeepaliveIdleSeconds));
    set(CURLOPT_TCP_KEEPINTVL, static_cast<long>(Connections::kKeepaliveEverySeconds));
    set(CURLOPT_SOCKOPTFUNCTION, &Transfer::on_socket);
    set(CURLOPT_SOCKOPTDATA, this);
    set(CURLOPT_CLOSESOCKETFUNCTION, &Transfer::on_close);
    set(CURLOPT_CLOSESOCKETDATA, &connections_);  // outlives the transfer, as the connection does
  }

  void set_headers(const OutgoingRequest& request) {
    std::string authorization = "Authorization: Bearer " + key_;
    headers_.add(authorization);
    wipe(authorization.data());
    headers_.add("Accept: application/json");
    headers_.add("Expect:");
    if (!request.is_get) headers_.add("Content-Type: application/json");
    if (!request.idempotency_key.empty()) {
      headers_.add("Idempotency-Key: " + request.idempotency_key);
    }
    set(CURLOPT_HTTPHEADER, headers_.list);
  }

  /// An answer, or a portal's, may quote the key that it was sent.
  void mask_key(std::string& text) const {
    for (std::size_t at = text.find(key_); at != text.npos; at = text.find(key_, at)) {
      text.replace(at, key_.size(), kMaskedKey);
    }
  }

  std::string why(CURLcode code, bool left) const {
    if (is_ended_) return "the network changed, and the connection died with the old one";
    if (overflowed_) return "the answer is too large to be the API's";
    if (broke_) return "the connection broke before an answer came";
    TransferFailure failure{code, error_.data(), url_, proxy_, 0, false, left, {}, {}};
    long local_port = 0;  // there is none before TCP is connected
    curl_easy_getinfo(easy(), CURLINFO_OS_ERRNO, &failure.os_error);
    curl_easy_getinfo(easy(), CURLINFO_LOCAL_PORT, &local_port);
    failure.connected = local_port > 0;
    failure.connect_timeout = connect_timeout_;
    failure.request_timeout = request_timeout_;
    return describe(failure);
  }

  static std::size_t on_body(char* bytes, std::size_t, std::size_t size, void* self) {
    auto& transfer = *static_cast<Transfer*>(self);
    if (transfer.body_.size() + size > transfer.answer_max_) {
      transfer.overflowed_ = true;
      return 0;
    }
    transfer.body_.append(bytes, size);
    return size;
  }

  static int on_socket(void* self, curl_socket_t socket, curlsocktype) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.connections_.opened(socket, transfer.number_);
    return CURL_SOCKOPT_OK;
  }

  static int on_close(void* connections, curl_socket_t socket) {
    static_cast<Connections*>(connections)->close(socket);
    return 0;
  }

  static int on_start(void* self, char*, char* local_ip, int, int local_port) {
    auto& transfer = *static_cast<Transfer*>(self);
    transfer.socket_ = transfer.connections_.started(local_ip, local_port);
    if (transfer.sends_ > 0 && !transfer.may_be_repeated_) {
      transfer.broke_ = true;
      return CURL_PREREQFUNC_ABORT;
    }
    ++transfer.sends_;
    return CURL_PREREQFUNC_OK;
  }

  std::unique_ptr<CURL, EasyDeleter> easy_;
  HeaderList headers_;
  Done done_;
  std::string url_;  // this and the next three for the words of a failure
  std::string proxy_;
  std::chrono::milliseconds connect_timeout_;
  std::chrono::milliseconds request_timeout_;
  std::size_t answer_max_;
  std::uint64_t number_;
  Connections& connections_;
  std::string key_;
  Monotonic::time_point begin_ = Monotonic::now();
  int socket_ = -1;  // of the connection that carries it; -1 while there is none
  bool may_be_repeated_ = true;
  bool overflowed_ = false;
  bool is_ended_ = false;
  bool broke_ = false;  // libcurl wanted to repeat what must not be
  std::uint32_t sends_ = 0;
  std::string body_;
  std::array<char, CURL_ERROR_SIZE> error_{};
};

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
