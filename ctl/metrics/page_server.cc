// Clients of a page: read the request, wait for the page, write it, see them go.
#include "ctl/metrics/page_server.h"

#include <fmt/format.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <string_view>

#include "ctl/log.h"
#include "ctl/net/sockets.h"

namespace ctl {
namespace {

constexpr base::Duration kPause = std::chrono::seconds(1);

std::string response(std::string_view status, std::string_view type, std::string_view body, bool with_body) {
  return fmt::format("HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}", status,
                     type, body.size(), with_body ? body : std::string_view());
}

std::string refusal(std::string_view status, std::string_view more = {}) {
  return fmt::format("HTTP/1.1 {}\r\n{}Content-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}\n",
                     status, more, status.size() + 1, status);
}

}  // namespace

class PageServer::Client final : public hal::FdHandler {
 public:
  Client(PageServer& server, std::uint64_t id, base::Fd socket) : server_(server), id_(id), fd_(std::move(socket)) {}
  ~Client() override { server_.reactor_.unwatch(fd_.get(), *this); }
  base::Result<void> start() {
    timer_.arm(server_.reactor_.timers(), server_.reactor_.now() + server_.options_.limit);
    return server_.reactor_.watch(fd_.get(), EPOLLIN, *this);
  }
  bool waits() const { return state_ == State::kWaiting; }
  void answer(const std::string& page) { say(response("200 OK", server_.options_.content_type, page, !head_)); }

 private:
  // kLeaving: everything is written; it has to close first, or what is on its way would be reset.
  enum class State : std::uint8_t { kReading, kWaiting, kWriting, kLeaving };
  void fd_ready(std::uint32_t events) override;
  bool read_some();
  void take_request();
  void say(std::string text);
  bool write_some();
  bool watch(std::uint32_t events) { return server_.reactor_.rewatch(fd_.get(), events, *this).has_value(); }
  void drop() { server_.clients_.erase(id_); }  // destroys this
  static void too_late(void* context) { static_cast<Client*>(context)->drop(); }

  PageServer& server_;
  std::uint64_t id_;
  base::Fd fd_;
  State state_ = State::kReading;
  bool head_ = false;
  std::string input_, output_;
  std::size_t sent_ = 0;
  hal::Timer timer_{&Client::too_late, this};
};

void PageServer::Client::fd_ready(std::uint32_t events) {
  if ((events & EPOLLERR) != 0) return drop();
  if ((events & (EPOLLIN | EPOLLHUP)) != 0 && !read_some()) return drop();
  if (state_ == State::kReading) take_request();
  if (state_ == State::kWriting && !write_some()) return drop();
}

// False when the client is gone. What it sends after its request is of no interest.
bool PageServer::Client::read_some() {
  std::array<char, 4096> chunk;
  const ssize_t n = read(fd_.get(), chunk.data(), chunk.size());
  if (n < 0) return errno == EAGAIN || errno == EINTR;
  if (state_ == State::kReading) input_.append(chunk.data(), static_cast<std::size_t>(n));
  return n > 0;
}

void PageServer::Client::take_request() {
  if (input_.find("\r\n\r\n") == std::string::npos) {
    if (input_.size() > server_.options_.max_request) say(refusal("431 Request Header Fields Too Large"));
    return;
  }
  const std::string_view line = std::string_view(input_).substr(0, input_.find("\r\n"));
  const std::size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || !line.substr(last + 1).starts_with("HTTP/1.")) {
    return say(refusal("400 Bad Request"));
  }
  const std::string_view method = line.substr(0, first), target = line.substr(first + 1, last - first - 1);
  head_ = method == "HEAD";
  if (!head_ && method != "GET") return say(refusal("405 Method Not Allowed", "Allow: GET, HEAD\r\n"));
  if (target.substr(0, target.find('?')) != server_.options_.path) return say(refusal("404 Not Found"));
  state_ = State::kWaiting;
  server_.wanted_();
}

// Written from the loop: this may be called from inside take_request().
void PageServer::Client::say(std::string text) {
  output_ = std::move(text);
  state_ = State::kWriting;
  if (!watch(EPOLLIN | EPOLLOUT)) kLog.error("metrics: epoll refuses a client");  // the timer ends it
}

// False when the client is gone.
bool PageServer::Client::write_some() {
  while (sent_ < output_.size()) {
    const ssize_t n = send(fd_.get(), output_.data() + sent_, output_.size() - sent_, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
    sent_ += static_cast<std::size_t>(n);
  }
  state_ = State::kLeaving;
  return shutdown(fd_.get(), SHUT_WR) == 0 && watch(EPOLLIN);
}

base::Result<std::unique_ptr<PageServer>> PageServer::listen(hal::Reactor& reactor, const std::string& address,
                                                             PageServerOptions options, std::function<void()> wanted) {
  net::SocketAddress place;
  base::Fd socket = TRY(net::bind(address, SOCK_STREAM, place));
  if (::listen(socket.get(), 16) != 0) return base::fail_errno("listen on " + address);
  std::unique_ptr<PageServer> server(
      new PageServer(reactor, std::move(socket), place.text(), std::move(options), std::move(wanted)));
  TRY(reactor.watch(server->socket_.get(), EPOLLIN, *server));
  return server;
}

PageServer::PageServer(hal::Reactor& reactor, base::Fd socket, std::string address, PageServerOptions options,
                       std::function<void()> wanted)
    : reactor_(reactor),
      socket_(std::move(socket)),
      address_(std::move(address)),
      options_(std::move(options)),
      wanted_(std::move(wanted)) {}

PageServer::~PageServer() {
  clients_.clear();
  reactor_.unwatch(socket_.get(), *this);
}

void PageServer::answer(const std::string& page) {
  for (const auto& [id, client] : clients_) {
    if (client->waits()) client->answer(page);
  }
}

void PageServer::fd_ready(std::uint32_t) {
  base::Fd socket(accept4(socket_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket) return accept_one(std::move(socket));
  if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED) return;
  kLog.warn("metrics: {}; trying again in a second", strerror(errno));
  if (reactor_.rewatch(socket_.get(), 0, *this)) pause_.arm(reactor_.timers(), reactor_.now() + kPause);
}

void PageServer::listen_again(void* context) {
  auto* const self = static_cast<PageServer*>(context);
  if (!self->reactor_.rewatch(self->socket_.get(), EPOLLIN, *self)) kLog.error("metrics: epoll refuses the socket");
}

void PageServer::accept_one(base::Fd socket) {
  if (clients_.size() >= options_.max_clients) {
    const std::string text = refusal("503 Service Unavailable", "Retry-After: 1\r\n");
    if (send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) return;
    return;
  }
  const std::uint64_t id = next_client_++;
  auto client = std::make_unique<Client>(*this, id, std::move(socket));
  if (const auto started = client->start(); !started) return kLog.error("metrics: {}", started.error().text);
  clients_.emplace(id, std::move(client));
}

}  // namespace ctl
