// Sockets that never block and end with the process; numeric addresses only, so that nothing waits for a name server.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "drivers/soft/tcp/address.h"

namespace ctl::net {

using soft::tcp::SocketAddress;

// `type`: SOCK_STREAM or SOCK_DGRAM. Of a stream the connection is only begun: it can be written to once it is there.
base::Result<base::Fd> connect(const std::string& address, int type);
// At an address of its own kind (IPv6 without IPv4); `place`: as the kernel gave it, with the port if that was 0.
base::Result<base::Fd> bind(const std::string& address, int type, SocketAddress& place);
base::Result<SocketAddress> local_address(int fd);
std::uint16_t port_of(const SocketAddress& address);

}  // namespace ctl::net
