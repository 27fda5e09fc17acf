// Socket addresses as text and back; numeric only, so that nothing waits for a name server.
#pragma once

#include <sys/socket.h>

#include <string>

#include "base/result.h"

namespace soft::tcp {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  std::string text() const;  // "127.0.0.1:3260", "[::1]:3260"
};

// "10.0.0.1:3260", "[::1]:3260", "0.0.0.0:0".
base::Result<SocketAddress> parse_address(const std::string& text);

}  // namespace soft::tcp
