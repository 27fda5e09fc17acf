// Listening, accepting, and the poller of each reactor.
#include "drivers/soft/tcp/tcp.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "base/log.h"
#include "drivers/soft/tcp/address.h"
#include "drivers/soft/tcp/pending.h"
#include "drivers/soft/tcp/poller.h"

namespace soft::tcp {
namespace {

constexpr base::Logger kLog("tcp");
constexpr base::Duration kAcceptPause = std::chrono::milliseconds(100);

class Tcp final : public hal::Datamover, public TcpPollers {
 public:
  const char* name() const override { return "tcp"; }
  base::Result<std::unique_ptr<hal::DatamoverListener>> listen(hal::Reactor& reactor, const std::string& address,
                                                               hal::DatamoverAcceptor& acceptor) override;
  bool capture(hal::Reactor& reactor, hal::CaptureRing* ring) override {
    poller(reactor).set_capture(ring);
    return true;
  }
  void adopt_listener(std::string address, base::Fd socket) override {
    adopted_.emplace_back(std::move(address), std::move(socket));
  }
  std::unique_ptr<hal::PendingConnection> adopt_connection(base::Fd socket, std::string local,
                                                           std::string peer) override {
    return std::make_unique<TcpPending>(*this, socket.release(), std::move(local), std::move(peer));
  }
  // On `reactor`'s thread. A poller lives until the end of the Datamover, which outlives its reactors' connections.
  TcpPoller& poller(hal::Reactor& reactor) override {
    const std::lock_guard lock(mutex_);
    auto& slot = pollers_[&reactor];
    if (slot == nullptr) slot = std::make_unique<TcpPoller>(reactor, *this);
    return *slot;
  }

 private:
  base::Result<base::Fd> open(const std::string& address);

  std::vector<std::pair<std::string, base::Fd>> adopted_;  // listeners
  std::mutex mutex_;                                       // taken once per connection
  std::map<hal::Reactor*, std::unique_ptr<TcpPoller>> pollers_;
};

class Listener final : public hal::DatamoverListener, public hal::FdHandler {
 public:
  Listener(Tcp& tcp, hal::Reactor& reactor, base::Fd fd, std::string address, hal::DatamoverAcceptor& acceptor)
      : tcp_(tcp), reactor_(reactor), fd_(std::move(fd)), address_(std::move(address)), acceptor_(acceptor) {}
  ~Listener() override { reactor_.unwatch(fd_.get(), *this); }
  std::string address() const override { return address_; }
  int descriptor() const override { return fd_.get(); }
  void pause(bool paused) override {
    paused_ = paused;
    again_.disarm();
    watch(paused ? 0u : static_cast<std::uint32_t>(EPOLLIN));
  }
  void fd_ready(std::uint32_t) override {
    for (int i = 0; i < 64; ++i) {
      SocketAddress peer;
      peer.length = sizeof peer.storage;
      const int fd = accept4(fd_.get(), peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) rest();
        return;
      }
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      SocketAddress local;
      local.length = sizeof local.storage;
      if (getsockname(fd, local.get(), &local.length) != 0) local = {};
      acceptor_.connection_accepted(std::make_unique<TcpPending>(tcp_, fd, local.text(), peer.text()));
    }
  }

 private:
  // Out of descriptors or memory: connections wait in the kernel for a while; those that exist go on.
  void rest() {
    kLog.warn("{}: no connection can be accepted now: {}", address_, std::strerror(errno));
    watch(0);
    again_.arm(reactor_.timers(), reactor_.now() + kAcceptPause);
  }
  static void accept_again(void* context) {
    auto& self = *static_cast<Listener*>(context);
    if (!self.paused_) self.watch(EPOLLIN);
  }
  void watch(std::uint32_t events) {
    if (!reactor_.rewatch(fd_.get(), events, *this).has_value()) kLog.error("{}: stopped accepting", address_);
  }

  Tcp& tcp_;
  hal::Reactor& reactor_;
  base::Fd fd_;
  std::string address_;
  hal::DatamoverAcceptor& acceptor_;
  bool paused_ = false;
  hal::Timer again_{&Listener::accept_again, this};
};

base::Result<base::Fd> Tcp::open(const std::string& address) {
  const auto mine =
      std::find_if(adopted_.begin(), adopted_.end(), [&](const auto& each) { return each.first == address; });
  if (mine != adopted_.end()) {
    base::Fd socket = std::move(mine->second);
    adopted_.erase(mine);
    return socket;
  }
  SocketAddress place = TRY(parse_address(address));
  base::Fd fd(socket(place.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return base::fail_errno("socket");
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (place.get()->sa_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (bind(fd.get(), place.get(), place.length) != 0 || ::listen(fd.get(), 1024) != 0) {
    return base::fail_errno("listen on " + address);
  }
  return fd;
}

base::Result<std::unique_ptr<hal::DatamoverListener>> Tcp::listen(hal::Reactor& reactor, const std::string& address,
                                                                  hal::DatamoverAcceptor& acceptor) {
  base::Fd fd = TRY(open(address));
  SocketAddress place;
  place.length = sizeof place.storage;
  if (getsockname(fd.get(), place.get(), &place.length) != 0) return base::fail_errno("getsockname");
  const int raw = fd.get();
  auto listener = std::make_unique<Listener>(*this, reactor, std::move(fd), place.text(), acceptor);
  TRY(reactor.watch(raw, EPOLLIN, *listener));
  return listener;
}

}  // namespace

std::unique_ptr<hal::Datamover> make_datamover() { return std::make_unique<Tcp>(); }

base::Result<SocketAddress> parse_address(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return base::fail(base::Errc::kInvalid, "no port in address " + text);
  std::string host = text.substr(0, colon);
  const std::string port_text = text.substr(colon + 1);
  if (port_text.empty() || port_text.size() > 5 || port_text.find_first_not_of("0123456789") != std::string::npos) {
    return base::fail(base::Errc::kInvalid, "bad port in address " + text);
  }
  const unsigned long port = std::stoul(port_text);
  if (port > 65535) return base::fail(base::Errc::kInvalid, "bad port in address " + text);
  SocketAddress address;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    auto& in6 = reinterpret_cast<sockaddr_in6&>(address.storage);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(static_cast<std::uint16_t>(port));
    address.length = sizeof in6;
    if (inet_pton(AF_INET6, host.c_str(), &in6.sin6_addr) == 1) return address;
  } else {
    auto& in = reinterpret_cast<sockaddr_in&>(address.storage);
    in.sin_family = AF_INET;
    in.sin_port = htons(static_cast<std::uint16_t>(port));
    address.length = sizeof in;
    if (inet_pton(AF_INET, host.c_str(), &in.sin_addr) == 1) return address;
  }
  return base::fail(base::Errc::kInvalid, "not a numeric address: " + text + " (write [..] around IPv6)");
}

std::string SocketAddress::text() const {
  char host[INET6_ADDRSTRLEN] = "?";
  if (storage.ss_family == AF_INET6) {
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(storage);
    inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof host);
    return fmt::format("[{}]:{}", host, ntohs(in6.sin6_port));
  }
  const auto& in = reinterpret_cast<const sockaddr_in&>(storage);
  inet_ntop(AF_INET, &in.sin_addr, host, sizeof host);
  return fmt::format("{}:{}", host, ntohs(in.sin_port));
}

}  // namespace soft::tcp
