#pragma once

#include <memory>
#include <string>
#include <vector>

namespace flowmyna::test {

struct HttpReply {
  int status = 0;  ///< 0: no complete answer
  std::string body;
  std::string error;
};

/// One keep-alive HTTP connection, over a Unix socket or TCP. One thread uses it.
class Http {
 public:
  /// `socket` empty: TCP. `base` such as "http://agent" or "http://127.0.0.1:8080".
  Http(std::string base, std::string socket);
  ~Http();
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;

  HttpReply get(const std::string& path);
  HttpReply post(const std::string& path, const std::string& body,
                 const std::vector<std::string>& headers = {});
  HttpReply request(const std::string& method, const std::string& path, const std::string* body,
                    const std::vector<std::string>& headers = {});

 private:
  std::string base_;
  std::string socket_;
  void* easy_;
};

}  // namespace flowmyna::test
