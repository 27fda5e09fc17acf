// Opening sockets.
#include "ctl/net/sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>

#include "hal/port/address_text.h"

namespace ctl::net {
namespace {

base::Result<base::Fd> open(int family, int type) {
  base::Fd fd(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return base::fail_errno("socket");
  return fd;
}

}  // namespace

base::Result<base::Fd> connect(const std::string& address, int type) {
  SocketAddress place = TRY(soft::tcp::parse_address(address));
  base::Fd fd = TRY(open(place.get()->sa_family, type));
  if (::connect(fd.get(), place.get(), place.length) != 0 && errno != EINPROGRESS) {
    return base::fail_errno("connect to " + address);
  }
  return fd;
}

base::Result<base::Fd> bind(const std::string& address, int type, SocketAddress& place) {
  place = TRY(soft::tcp::parse_address(address));
  base::Fd fd = TRY(open(place.get()->sa_family, type));
  const int on = 1;
  if (type == SOCK_STREAM) setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (place.get()->sa_family == AF_INET6) setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd.get(), place.get(), place.length) != 0) return base::fail_errno("bind to " + address);
  place = TRY(local_address(fd.get()));
  return fd;
}

base::Result<SocketAddress> local_address(int fd) {
  SocketAddress place;
  place.length = sizeof place.storage;
  if (getsockname(fd, place.get(), &place.length) != 0) return base::fail_errno("getsockname");
  return place;
}

std::uint16_t port_of(const SocketAddress& address) {
  return static_cast<std::uint16_t>(std::strtoul(std::string(hal::port_of(address.text())).c_str(), nullptr, 10));
}

}  // namespace ctl::net
