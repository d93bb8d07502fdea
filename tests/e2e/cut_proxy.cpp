#include "e2e/cut_proxy.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <string_view>

namespace flowmyna::test {
namespace {

constexpr auto kPatience = std::chrono::minutes(2);
constexpr std::string_view kBase = "/api/public/v1";

/// The size of the HTTP message at the beginning of `bytes`; nothing while its head is incomplete.
std::optional<std::size_t> message_size(std::string_view bytes) {
  const auto end = bytes.find("\r\n\r\n");
  if (end == bytes.npos) return std::nullopt;
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const auto at = bytes.substr(0, end).find(kLength);
  const std::size_t body =
      at == bytes.npos ? 0 : std::stoul(std::string(bytes.substr(at + kLength.size(), 12)));
  return end + 4 + body;
}

bool is_whole(const std::string& bytes) {
  const auto size = message_size(bytes);
  return size && bytes.size() >= *size;
}

/// "POST /api/public/v1/event/batch HTTP/1.1…" → "/event/batch"
std::string path_of(std::string_view request) {
  const auto begin = request.find(' ') + 1;
  std::string_view path = request.substr(begin, request.find(' ', begin) - begin);
  if (path.starts_with(kBase)) path.remove_prefix(kBase.size());
  return std::string(path);
}

/// Appends what is there; false when the connection has ended.
bool read_into(std::string& out, int fd) {
  std::array<char, 4096> bytes{};
  const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), 0);
  if (count < 0) return errno == EAGAIN;
  out.append(bytes.data(), static_cast<std::size_t>(count));
  return count > 0;
}

void write_all(int fd, std::string_view bytes) {
  const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  // Whoever has gone gets nothing; the poll says so.
  EXPECT_TRUE(count < 0 || static_cast<std::size_t>(count) == bytes.size()) << count;
}

void close_with_reset(stand_in::Descriptor& socket) {
  const linger at_once{1, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  socket = stand_in::Descriptor();
}

stand_in::Descriptor connect_to(std::uint16_t port) {
  stand_in::Descriptor fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  if (::connect(fd.get(), to, sizeof address) != 0) return {};
  return fd;
}

}  // namespace

CutProxy::CutProxy(std::uint16_t api_port)
    : api_port_(api_port),
      listening_(std::move(*stand_in::bind_loopback(0))),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  port_ = port_of(listening_);
  EXPECT_TRUE(stand_in::start_listening(listening_));
  thread_ = std::thread([this] { run(); });
}

CutProxy::~CutProxy() {
  on_thread([this] { stopping_ = true; });
  thread_.join();
}

void CutProxy::on_thread(std::function<void()> work) {
  std::packaged_task<void()> task(std::move(work));
  auto done = task.get_future();
  {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(task));
  }
  const std::uint64_t one = 1;
  EXPECT_EQ(::write(wake_.get(), &one, sizeof one), sizeof one);
  done.wait();
}

void CutProxy::arm(Cut cut) {
  on_thread([&] {
    struck_ = {};
    when_struck_ = struck_.get_future();
    armed_ = std::move(cut);
  });
}

std::optional<CutProxy::Struck> CutProxy::wait_for_cut() {
  if (when_struck_.wait_for(kPatience) != std::future_status::ready) return std::nullopt;
  return when_struck_.get();
}

void CutProxy::release() {
  on_thread([this] {
    EXPECT_TRUE(!is_gone_ || stand_in::start_listening(listening_));
    is_gone_ = false;
    is_blocked_ = false;
  });
}

void CutProxy::close_idle() {
  on_thread([this] { links_.remove_if([](const Link& link) { return link.path.empty(); }); });
}

CutProxy::Sizes CutProxy::sizes(const std::string& path) {
  Sizes out;
  on_thread([&] { out = sizes_[path]; });
  return out;
}

std::size_t CutProxy::sends(const std::string& path) {
  std::size_t out = 0;
  on_thread([&] { out = sends_[path]; });
  return out;
}

void CutProxy::run() {
  while (!stopping_) {
    std::vector<pollfd> fds = {{wake_.get(), POLLIN, 0}};
    if (!is_blocked_) fds.push_back({listening_.get(), POLLIN, 0});
    std::vector<Links::iterator> polled;
    for (auto link = links_.begin(); !is_blocked_ && link != links_.end(); ++link) {
      fds.push_back({link->client.get(), POLLIN, 0});
      fds.push_back({link->server.get(), POLLIN, 0});
      polled.push_back(link);
    }
    ::poll(fds.data(), fds.size(), -1);
    for (std::size_t i = 0; i < polled.size() && !is_blocked_; ++i) {
      Link& link = *polled[i];
      bool lives = true;
      if (fds[2 + 2 * i].revents != 0) lives = read_client(link);
      if (lives && !is_blocked_ && fds[3 + 2 * i].revents != 0) lives = read_server(link);
      if (!lives && !is_blocked_) links_.erase(polled[i]);
    }
    if (!is_blocked_ && fds[1].revents != 0) take_client();
    std::uint64_t ignored = 0;
    if (::read(wake_.get(), &ignored, sizeof ignored) < 0) continue;
    std::vector<std::packaged_task<void()>> work;
    {
      const std::lock_guard lock(mutex_);
      work.swap(work_);
    }
    for (auto& task : work) task();
  }
}

void CutProxy::take_client() {
  stand_in::Descriptor client(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (client.get() < 0) return;
  Link link;
  link.client = std::move(client);
  link.server = connect_to(api_port_);
  if (link.server.get() >= 0) links_.push_back(std::move(link));
}

bool CutProxy::read_client(Link& link) {
  if (!read_into(link.request, link.client.get())) return false;
  return !is_whole(link.request) || pass_request(link);
}

/// False: it was cut, and the link is no more.
bool CutProxy::pass_request(Link& link) {
  link.path = path_of(link.request);
  ++sends_[link.path];
  const bool strikes = armed_ && armed_->path == link.path;
  if (strikes && armed_->side == Cut::Side::kRequest) {
    write_all(link.server.get(), std::string_view(link.request).substr(0, armed_->bytes));
    cut(link);
    return false;
  }
  link.is_doomed = strikes;
  write_all(link.server.get(), link.request);
  return true;
}

bool CutProxy::read_server(Link& link) {
  if (!read_into(link.answer, link.server.get())) return false;
  std::size_t pass = link.answer.size();
  if (link.is_doomed) pass = std::min(pass, armed_->bytes);
  write_all(link.client.get(),
            std::string_view(link.answer).substr(link.passed, pass - link.passed));
  link.passed = pass;
  if (link.is_doomed && pass == armed_->bytes) {
    cut(link);
    return false;
  }
  if (!is_whole(link.answer)) return true;
  sizes_[link.path] = {link.request.size(), link.answer.size()};
  ++link.requests;
  link.path.clear();
  link.request.clear();
  link.answer.clear();
  link.passed = 0;
  return true;
}

/// Ends the link as the armed cut says, and passes nothing more until release().
void CutProxy::cut(Link& link) {
  const Cut how = *armed_;
  armed_.reset();
  is_blocked_ = true;
  const Struck what{link.request.size(), link.requests > 0};
  if (how.ending == Cut::Ending::kReset) {
    close_with_reset(link.client);
    close_with_reset(link.server);
  }
  links_.remove_if(
      [&](const Link& other) { return &other == &link || how.meanwhile == Cut::Meanwhile::kGone; });
  if (how.meanwhile == Cut::Meanwhile::kGone) {
    is_gone_ = true;
    listening_ = stand_in::Descriptor();
    listening_ = std::move(*stand_in::bind_loopback(port_));
  }
  struck_.set_value(what);
}

}  // namespace flowmyna::test
