#include "delivery/courier.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "delivery/transfer_error.h"

namespace flowmyna {
namespace {

// A transfer that moves less than this for that long has died on the way (a half-open peer).
constexpr long kLowSpeedBytesPerSecond = 1;
constexpr long kLowSpeedSeconds = 30;

// Servers close idle connections after a minute or so; using one just then loses a request.
constexpr long kConnectionIdleSeconds = 30;

struct HeaderList {
  curl_slist* list = nullptr;
  HeaderList() = default;
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  ~HeaderList() { curl_slist_free_all(list); }
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
  Transfer(const CourierOptions& options, const OutgoingRequest& request, Done done)
      : easy_(curl_easy_init()),
        done_(std::move(done)),
        url_(options.base_url + request.path),
        proxy_(options.proxy),
        connect_timeout_(options.connect_timeout),
        request_timeout_(options.request_timeout),
        answer_max_(options.answer_bytes_max) {
    may_be_repeated_ = request.may_be_repeated || request.is_get;
    set(CURLOPT_URL, url_.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.request_timeout.count()));
    set(CURLOPT_LOW_SPEED_LIMIT, kLowSpeedBytesPerSecond);
    set(CURLOPT_LOW_SPEED_TIME, kLowSpeedSeconds);
    set(CURLOPT_MAXAGE_CONN, kConnectionIdleSeconds);
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_USERAGENT, "flowmyna-agent/" FLOWMYNA_VERSION);
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
    if (!options.proxy.empty()) set(CURLOPT_PROXY, options.proxy.c_str());
    set_headers(options, request);
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

  CURL* easy() const { return easy_.get(); }

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
    done_(std::move(answer));
  }

 private:
  template <class T>
  void set(CURLoption option, T value) {
    curl_easy_setopt(easy_.get(), option, value);
  }

  void set_headers(const CourierOptions& options, const OutgoingRequest& request) {
    headers_.add("Authorization: Bearer " + options.api_key());
    headers_.add("Accept: application/json");
    headers_.add("Expect:");
    if (!request.is_get) headers_.add("Content-Type: application/json");
    if (!request.idempotency_key.empty()) {
      headers_.add("Idempotency-Key: " + request.idempotency_key);
    }
    set(CURLOPT_HTTPHEADER, headers_.list);
  }

  std::string why(CURLcode code, bool left) const {
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

  static int on_start(void* self, char*, char*, int, int) {
    auto& transfer = *static_cast<Transfer*>(self);
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
  bool may_be_repeated_ = true;
  bool overflowed_ = false;
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
    if (options_.api_key().empty()) {
      refused_.push_back(std::move(done));
      return;
    }
    auto transfer = std::make_unique<Transfer>(options_, request, std::move(done));
    CURL* easy = transfer->easy();
    // The connections that are there may have died with the old network.
    if (fresh_ > 0) {
      --fresh_;
      curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    }
    curl_multi_add_handle(multi_.get(), easy);
    transfers_.emplace(easy, std::move(transfer));
  }

  void forget_connections() { fresh_ = options_.connections_max; }

  void poll(std::chrono::milliseconds timeout) {
    int running = 0;
    curl_multi_perform(multi_.get(), &running);
    if (!finish_done() && !answer_without_key()) {
      curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(timeout.count()), nullptr);
      curl_multi_perform(multi_.get(), &running);
      finish_done();
    }
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
  std::unique_ptr<CURLM, MultiDeleter> multi_;
  std::map<CURL*, std::unique_ptr<Transfer>> transfers_;
  std::vector<Done> refused_;  // requests that lack a key
  std::size_t fresh_ = 0;
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
void Courier::forget_connections() {
  state_->forget_connections();
}
void Courier::poll(std::chrono::milliseconds timeout) {
  state_->poll(timeout);
}
void Courier::wake() {
  state_->wake();
}

}  // namespace flowmyna
