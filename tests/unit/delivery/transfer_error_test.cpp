// How a transfer that failed reads. The first half knows libcurl's codes and details by heart; the
// second has libcurl fail for real, so that a new version of it cannot go unnoticed.

#include "delivery/transfer_error.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <functional>
#include <string>
#include <thread>

#include "delivery/http_transport.h"

namespace flowmyna {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TransferFailure failure(CURLcode code, const std::string& detail = "d") {
  TransferFailure out;
  out.code = code;
  out.detail = detail;
  out.url = "https://api.flowmyna.com/api/public/v1/object/batch";
  out.connect_timeout = seconds(10);
  out.request_timeout = seconds(60);
  return out;
}

std::string refused_with(int os_error, const std::string& proxy = "") {
  TransferFailure out = failure(CURLE_COULDNT_CONNECT);
  out.os_error = os_error;
  out.proxy = proxy;
  return describe(out);
}

std::string timed_out(bool connected, bool sent, const std::string& detail = "d") {
  TransferFailure out = failure(CURLE_OPERATION_TIMEDOUT, detail);
  out.connected = connected;
  out.sent = sent;
  return describe(out);
}

TEST(TransferError, SaysWhatDoesNotWorkAndWithWhom) {
  EXPECT_EQ(describe(failure(CURLE_COULDNT_RESOLVE_HOST)), "cannot resolve api.flowmyna.com (d)");
  EXPECT_EQ(refused_with(ECONNREFUSED), "connection refused by api.flowmyna.com:443 (d)");
  EXPECT_EQ(refused_with(ENETUNREACH), "no network leads to api.flowmyna.com:443 (d)");
  EXPECT_EQ(refused_with(EHOSTUNREACH), "no route to api.flowmyna.com:443 (d)");
  EXPECT_EQ(refused_with(ETIMEDOUT),
            "no connection to api.flowmyna.com:443: it does not react (d)");
  EXPECT_EQ(refused_with(0), "cannot connect to api.flowmyna.com:443 (d)");
  EXPECT_EQ(refused_with(EMFILE),
            "cannot reach api.flowmyna.com:443, since there are too many open files: raise the "
            "limit (LimitNOFILE= in the systemd unit) (d)");
  EXPECT_EQ(describe(failure(CURLE_SSL_CONNECT_ERROR)),
            "no TLS connection to api.flowmyna.com:443: its handshake failed (d)");
  EXPECT_EQ(describe(failure(CURLE_GOT_NOTHING)),
            "api.flowmyna.com:443 closed the connection without an answer (d)");
  EXPECT_EQ(describe(failure(CURLE_PARTIAL_FILE)),
            "api.flowmyna.com:443 closed the connection in the middle of its answer (d)");
  EXPECT_EQ(describe(failure(CURLE_RECV_ERROR)),
            "the connection to api.flowmyna.com:443 broke before an answer came (d)");
  EXPECT_EQ(describe(failure(CURLE_SEND_ERROR)),
            "the connection to api.flowmyna.com:443 broke before an answer came (d)");
  EXPECT_EQ(describe(failure(CURLE_WEIRD_SERVER_REPLY)),
            "what answers at api.flowmyna.com:443 does not speak HTTP (d)");
  EXPECT_EQ(describe(failure(CURLE_BAD_CONTENT_ENCODING)),
            "the answer from api.flowmyna.com:443 cannot be unpacked (d)");
  EXPECT_EQ(describe(failure(CURLE_OUT_OF_MEMORY, "")),
            "no answer from api.flowmyna.com:443 (Out of memory)");
}

TEST(TransferError, ATimeoutSaysHowLongAndForWhat) {
  EXPECT_EQ(timed_out(false, false, "Resolving timed out after 10001 milliseconds"),
            "timed out after 10 s resolving api.flowmyna.com "
            "(Resolving timed out after 10001 milliseconds)");
  EXPECT_EQ(timed_out(false, false), "timed out after 10 s connecting to api.flowmyna.com:443 (d)");
  EXPECT_EQ(timed_out(true, false),
            "timed out after 10 s in the TLS handshake with api.flowmyna.com:443 (d)");
  EXPECT_EQ(timed_out(true, true),
            "timed out after 60 s waiting for an answer from api.flowmyna.com:443 (d)");
}

TEST(TransferError, ACertificateSaysWhatIsWrongWithItAndWhatToLookAt) {
  const auto certificate = [](const std::string& detail) {
    const std::string text = describe(failure(CURLE_PEER_FAILED_VERIFICATION, detail));
    return text.substr(0, text.size() - detail.size() - 3);
  };
  const std::string start = "the certificate of api.flowmyna.com:443 ";
  EXPECT_EQ(certificate("SSL: no alternative certificate subject name matches target host name"),
            start + "is for another name: a captive portal or proxy, or check api.url");
  EXPECT_EQ(certificate("SSL certificate problem: certificate has expired"),
            start + "has expired, or this machine's clock is off");
  EXPECT_EQ(certificate("SSL certificate problem: certificate is not yet valid"),
            start + "is not valid yet: check this machine's clock");
  for (const char* detail :
       {"SSL certificate problem: self-signed certificate",
        "SSL certificate problem: self-signed certificate in certificate chain",
        "SSL certificate problem: unable to get local issuer certificate"}) {
    EXPECT_EQ(certificate(detail),
              start + "is of an authority unknown to this machine; api.ca_file can name it");
  }
  EXPECT_EQ(certificate("SSL certificate problem: certificate revoked"), start + "is not accepted");
}

TEST(TransferError, NamesTheFileOfAuthoritiesThatIsOfNoUse) {
  TransferFailure unread = failure(CURLE_SSL_CACERT_BADFILE);
  EXPECT_EQ(describe(unread),
            "cannot read this machine's certificates of authorities: install ca-certificates, or "
            "set api.ca_file (d)");
  unread.ca_file = "/etc/ca.pem";
  EXPECT_EQ(describe(unread),
            "cannot read certificates of authorities from api.ca_file /etc/ca.pem (d)");
  EXPECT_TRUE(is_misconfigured(unread));
}

TEST(TransferError, NamesAProxyWithoutItsPassword) {
  EXPECT_EQ(refused_with(ECONNREFUSED, "http://user:secret@proxy.local:3128"),
            "connection refused by the proxy proxy.local:3128 (d)");
  TransferFailure unresolved = failure(CURLE_COULDNT_RESOLVE_PROXY);
  unresolved.proxy = "user:secret@proxy.local:3128";
  EXPECT_EQ(describe(unresolved), "cannot resolve the proxy proxy.local:3128 (d)");
  EXPECT_FALSE(is_misconfigured(unresolved));
  EXPECT_EQ(describe(failure(CURLE_RECV_ERROR, "CONNECT tunnel failed, response 403")),
            "the proxy does not connect to api.flowmyna.com:443 "
            "(CONNECT tunnel failed, response 403)");
  EXPECT_EQ(describe(failure(CURLE_RECV_ERROR, "CONNECT tunnel failed, response 407")),
            "the proxy wants credentials: check api.proxy (CONNECT tunnel failed, response 407)");
}

TEST(TransferError, SaysThatTheEnvironmentMayHaveNamedTheProxy) {
  EXPECT_EQ(refused_with(ECONNREFUSED, "environment"),
            "connection refused by api.flowmyna.com:443, or the environment's proxy for it, (d)");
}

/// A loopback port of this test's. It refuses connections until somebody listens on it.
class Port {
 public:
  Port() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    EXPECT_EQ(bind(fd_, address(), size), 0);
    EXPECT_EQ(getsockname(fd_, address(), &size), 0);
  }
  ~Port() { close(fd_); }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  int fd() const { return fd_; }
  sockaddr* address() { return reinterpret_cast<sockaddr*>(&address_); }
  std::string host_and_port() const {
    return "127.0.0.1:" + std::to_string(ntohs(address_.sin_port));
  }

 private:
  int fd_;
  sockaddr_in address_{};
};

/// It accepts nothing, and its backlog is full, so the kernel ignores who wants to connect.
class FullListener {
 public:
  FullListener() {
    EXPECT_EQ(listen(port_.fd(), 0), 0);
    for (int& client : clients_) {
      client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      connect(client, port_.address(), sizeof(sockaddr_in));
    }
  }
  ~FullListener() {
    for (const int client : clients_) close(client);
  }
  FullListener(const FullListener&) = delete;
  FullListener& operator=(const FullListener&) = delete;
  std::string host_and_port() const { return port_.host_and_port(); }

 private:
  Port port_;
  std::array<int, 4> clients_{};
};

/// A server that treats one connection.
class Listener {
 public:
  explicit Listener(std::function<void(int)> serve) {
    EXPECT_EQ(listen(port_.fd(), 1), 0);
    thread_ = std::thread([this, serve = std::move(serve)] {
      const int client = accept(port_.fd(), nullptr, nullptr);
      serve(client);
      close(client);
    });
  }
  ~Listener() { thread_.join(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  std::string host_and_port() const { return port_.host_and_port(); }

 private:
  Port port_;
  std::thread thread_;
};

void read_request(int client) {
  std::string request;
  char byte = 0;
  while (!request.ends_with("\r\n\r\n") && read(client, &byte, 1) == 1) request += byte;
}

/// The words of a health request to `url`.
std::string words_from(const std::string& url, milliseconds timeout = seconds(100)) {
  HttpTransportOptions options;
  options.base_url = url;
  options.api_key = [] { return std::string("fm_live_secret"); };
  options.connect_timeout = options.request_timeout = timeout;
  HttpTransport transport(options);
  OutgoingRequest request;
  request.is_get = true;
  request.path = "/health";
  std::string words;
  bool done = false;
  transport.send(request, [&](const Answer& answer) {
    words = answer.error;
    done = true;
  });
  while (!done) transport.poll(milliseconds(100));
  EXPECT_EQ(words.find("secret"), std::string::npos) << words;
  return words;
}

void expect_start(const std::string& words, const std::string& start) {
  EXPECT_EQ(words.substr(0, start.size()), start) << words;
}

TEST(TransferErrorOfLibcurl, NobodyListens) {
  const Port port;
  expect_start(words_from("http://" + port.host_and_port()),
               "connection refused by " + port.host_and_port() + " (");
}

TEST(TransferErrorOfLibcurl, ANameThatDoesNotExist) {
  // Reserved for names that never resolve (RFC 6761).
  expect_start(words_from("http://api.invalid"), "cannot resolve api.invalid (");
}

TEST(TransferErrorOfLibcurl, TheConnectionEndsBeforeAnAnswer) {
  const Listener listener(&read_request);
  expect_start(words_from("http://" + listener.host_and_port()),
               listener.host_and_port() + " closed the connection without an ");
}

TEST(TransferErrorOfLibcurl, TheConnectionEndsInTheMiddleOfTheAnswer) {
  const Listener listener([](int client) {
    read_request(client);
    const std::string part = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"status\":";
    EXPECT_EQ(write(client, part.data(), part.size()), static_cast<ssize_t>(part.size()));
  });
  expect_start(words_from("http://" + listener.host_and_port()),
               listener.host_and_port() + " closed the connection in the middle of ");
}

TEST(TransferErrorOfLibcurl, TheConnectionIsReset) {
  const Listener listener([](int client) {
    read_request(client);
    const linger at_once{1, 0};
    setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  });
  expect_start(words_from("http://" + listener.host_and_port()),
               "the connection to " + listener.host_and_port() + " broke before");
}

TEST(TransferErrorOfLibcurl, NoAnswerComes) {
  const Listener listener([](int client) {
    read_request(client);
    char byte = 0;
    while (read(client, &byte, 1) > 0) {
    }
  });
  expect_start(
      words_from("http://" + listener.host_and_port(), milliseconds(1500)),
      "timed out after 1.5 s waiting for an answer from " + listener.host_and_port() + " (");
}

TEST(TransferErrorOfLibcurl, TheConnectionIsNotAnswered) {
  const FullListener listener;
  expect_start(words_from("http://" + listener.host_and_port(), milliseconds(1500)),
               "timed out after 1.5 s connecting to " + listener.host_and_port() + " (");
}

TEST(TransferErrorOfLibcurl, TheTlsHandshakeIsNotAnswered) {
  const Listener listener([](int client) {
    char byte = 0;
    while (read(client, &byte, 1) > 0) {
    }
  });
  expect_start(
      words_from("https://" + listener.host_and_port(), milliseconds(1500)),
      "timed out after 1.5 s in the TLS handshake with " + listener.host_and_port() + " (");
}

TEST(TransferErrorOfLibcurl, WhatListensDoesNotSpeakTls) {
  const Listener listener([](int client) {
    const std::string text = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    EXPECT_EQ(write(client, text.data(), text.size()), static_cast<ssize_t>(text.size()));
    char byte = 0;
    while (read(client, &byte, 1) > 0) {
    }
  });
  expect_start(words_from("https://" + listener.host_and_port()),
               "no TLS connection to " + listener.host_and_port() + ": ");
}

}  // namespace
}  // namespace flowmyna
