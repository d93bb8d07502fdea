#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/http/server_core.h"

namespace flowmyna {

/// What the server answers by itself. `detail` and the body are literals, so that refusing costs no
/// memory.
struct HttpRefusal {
  unsigned status;
  std::string_view body;  ///< {"detail": "…"}
  int retry_after_s = 0;
  bool close = false;  ///< close the connection after the answer
};

/// The headers that the server reads, found in one pass over all of them. The views live as long as
/// the request.
struct RequestHeaders {
  std::optional<std::string_view> content_length;
  std::optional<std::string_view> transfer_encoding;
  std::string_view content_type;
  std::string prefer;  ///< all of them, since it may be given in parts (RFC 7240, section 2)
  std::string_view host;
  std::string_view authorization;
  std::string_view api_key;
  bool expects_continue = false;
  bool has_origin = false;
  bool conflicting_framing = false;  ///< two different lengths, or a length and an encoding

  static RequestHeaders read(MHD_Connection* connection);
};

/// One client's connection: who it is, and the request that it is in the middle of.
///
/// Created, used and destroyed on the server's thread; only the list links and `channel` are seen
/// by stop(), under Core::mutex. A request goes through begin (request line), admit (headers), take
/// (body, perhaps in many pieces), hand_over (complete), answer and complete.
class HttpConnection {
 public:
  HttpConnection(std::shared_ptr<HttpServer::Core> core, MHD_Connection* connection);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  /// `target` is the request target as written, null when there was none.
  void begin(const char* target);
  /// libmicrohttpd's access handler: called after the headers, for each piece of the body, at the
  /// end, and then in every turn until the answer is there, or only once it is if suspended.
  MHD_Result progress(const char* method, const char* data, std::size_t* size_bytes);
  void complete();

  /// The request that the handler has; for stop(), under Core::mutex.
  std::shared_ptr<RequestChannel> channel;
  HttpConnection* previous = nullptr;
  HttpConnection* next = nullptr;

 private:
  enum class Stage { kHeaders, kBody, kHandedOver };
  enum class Admission { kWelcome, kForbidden, kTooMany };

  Admission identify();
  MHD_Result admit(const char* method);
  const HttpRefusal* check(const RequestHeaders& headers);
  const HttpRefusal* check_tcp(const RequestHeaders& headers) const;
  MHD_Result take(std::string_view piece);
  MHD_Result hand_over();
  MHD_Result look_for_answer();
  MHD_Result answer(const HttpResponse& response);
  MHD_Result refuse(const HttpRefusal& refusal);
  bool reserve_memory(std::size_t body_bytes);
  void grow_body(std::size_t size_bytes);
  void free_body();
  void drop_body();

  std::shared_ptr<HttpServer::Core> core_;
  MHD_Connection* connection_;
  std::optional<uid_t> uid_;  ///< known on the Unix socket
  Admission admission_;

  Stage stage_ = Stage::kHeaders;
  std::uint64_t handed_over_turn_ = 0;
  std::shared_ptr<RequestChannel> spare_channel_;  ///< of an earlier request, renewed
  HttpRequest request_;
  const HttpRefusal* refusal_ = nullptr;  ///< set: the body is read and thrown away
  std::size_t discarded_bytes_ = 0;
  std::size_t expected_bytes_ = 0;  ///< of a body, at most
  std::size_t reserved_bytes_ = 0;  ///< of Core::large_bodies_bytes
};

}  // namespace flowmyna
