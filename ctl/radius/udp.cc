// Sockets of the RADIUS client.
#include "ctl/radius/udp.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>

#include "ctl/net/sockets.h"

namespace ctl::radius {

base::Result<void> Udp::open(const std::vector<std::string>& servers) {
  std::vector<std::unique_ptr<Socket>> fresh;
  fresh.reserve(servers.size());
  for (const std::string& address : servers) fresh.push_back(TRY(connect_to(fresh.size(), address)));
  sockets_ = std::move(fresh);
  return {};
}

base::Result<std::unique_ptr<Udp::Socket>> Udp::connect_to(std::size_t server, const std::string& address) {
  auto made = std::make_unique<Socket>(*this, server, TRY(net::connect(address, SOCK_DGRAM)));
  TRY(reactor_.watch(made->fd.get(), EPOLLIN, *made));
  return made;
}

void Udp::send(std::size_t server, std::span<const std::byte> packet) {
  // What the kernel does not take is lost like any datagram: it is sent again when its time is over.
  static_cast<void>(::send(sockets_[server]->fd.get(), packet.data(), packet.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
}

void Udp::Socket::fd_ready(std::uint32_t) {
  std::array<std::byte, kMaxPacket> packet;
  for (int i = 0; i < 16; ++i) {  // the rest in the next round
    const ssize_t size = recv(fd.get(), packet.data(), packet.size(), MSG_DONTWAIT);
    if (size < 0) return;  // nothing more, or an error that an ICMP message brought: that is consumed by this
    udp.received_(server, std::span(packet).first(static_cast<std::size_t>(size)));
  }
}

}  // namespace ctl::radius
