// TCP to the server, UDP from it.
#include "ctl/isns/sockets.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <utility>

#include "ctl/net/sockets.h"
#include "hal/port/address_text.h"

namespace ctl::isns {
namespace {

constexpr std::size_t kRead = 16384, kDatagram = 8192;

}  // namespace

base::Result<std::unique_ptr<Sockets>> Sockets::open(hal::Reactor& reactor, const std::string& server) {
  const net::SocketAddress parsed = TRY(soft::tcp::parse_address(server));
  std::unique_ptr<Sockets> made(new Sockets(reactor));
  made->server_ = parsed.text();
  TRY(made->open_datagrams());
  return made;
}

Sockets::~Sockets() {
  close();
  if (datagrams_) reactor_.unwatch(datagrams_.get(), datagram_handler_);
}

// Anywhere, on a port of the kernel's choice: the server learns it with each portal.
base::Result<void> Sockets::open_datagrams() {
  net::SocketAddress place;
  datagrams_ = TRY(net::bind(server_.starts_with('[') ? "[::]:0" : "0.0.0.0:0", SOCK_DGRAM, place));
  datagram_port_ = net::port_of(place);
  return reactor_.watch(datagrams_.get(), EPOLLIN, datagram_handler_);
}

void Sockets::connect() {
  close();
  const auto begun = start_connect();
  if (!begun) fail_later(begun.error().text);
}

base::Result<void> Sockets::start_connect() {
  stream_ = TRY(net::connect(server_, SOCK_STREAM));
  connecting_ = true;
  return reactor_.watch(stream_.get(), EPOLLOUT, stream_handler_);
}

void Sockets::close() {
  tell_failure_.disarm();
  output_.clear();
  connecting_ = false;
  if (!stream_) return;
  reactor_.unwatch(stream_.get(), stream_handler_);
  stream_ = base::Fd();
}

void Sockets::fail_later(std::string why) {
  failure_ = std::move(why);
  tell_failure_.arm(reactor_.timers(), reactor_.now());
}

void Sockets::lost(const std::string& why) {
  close();
  events_->closed(why);
}

void Sockets::send(std::span<const std::byte> message) {
  output_.insert(output_.end(), message.begin(), message.end());
  flush();
}

void Sockets::flush() {
  while (!output_.empty()) {
    const ssize_t sent = ::send(stream_.get(), output_.data(), output_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno != EAGAIN) return fail_later(std::string("connection lost: ") + std::strerror(errno));
    if (sent < 0) break;
    output_.erase(output_.begin(), output_.begin() + sent);
  }
  const std::uint32_t wanted = EPOLLIN | (output_.empty() ? 0u : std::uint32_t{EPOLLOUT});
  if (!reactor_.rewatch(stream_.get(), wanted, stream_handler_)) fail_later("connection lost");
}

void Sockets::stream_ready(std::uint32_t) {
  if (connecting_) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(stream_.get(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) error = errno;
    if (error != 0) return lost(std::string("cannot be reached: ") + std::strerror(error));
    connecting_ = false;
    flush();
    return events_->connected();
  }
  if (!output_.empty()) flush();
  std::array<std::byte, kRead> bytes;
  const ssize_t size = recv(stream_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size > 0) return events_->received(std::span(bytes).first(static_cast<std::size_t>(size)));
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  lost(size == 0 ? "closed the connection" : std::string("connection lost: ") + std::strerror(errno));
}

void Sockets::datagram_ready(std::uint32_t) {
  std::array<std::byte, kDatagram> bytes;
  for (int i = 0; i < 16; ++i) {  // the rest in the next round
    net::SocketAddress peer;
    peer.length = sizeof peer.storage;
    const ssize_t size = recvfrom(datagrams_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT, peer.get(), &peer.length);
    if (size < 0) return;
    if (hal::host_of(peer.text()) != hal::host_of(server_)) continue;  // only the server may ask
    const std::vector<std::byte> answer = events_->asked(std::span(bytes).first(static_cast<std::size_t>(size)));
    if (answer.empty()) continue;
    // Lost if the kernel does not take it: then it asks again.
    static_cast<void>(sendto(datagrams_.get(), answer.data(), answer.size(), MSG_DONTWAIT, peer.get(), peer.length));
  }
}

std::string Sockets::local_address() const {
  const auto place = net::local_address(stream_.get());
  return place ? place->text() : "";
}

}  // namespace ctl::isns
