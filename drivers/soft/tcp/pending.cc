// The start of a socket on a reactor.
#include "drivers/soft/tcp/pending.h"

#include <unistd.h>

#include <utility>

#include "drivers/soft/tcp/poller.h"

namespace soft::tcp {

TcpPending::~TcpPending() {
  if (fd_ >= 0) close(fd_);
}

base::Result<std::unique_ptr<hal::DatamoverConnection>> TcpPending::start(hal::Reactor& reactor) {
  auto connection = std::make_unique<TcpConnection>(pollers_.poller(reactor), std::exchange(fd_, -1), local_, peer_);
  TRY(connection->open());
  return connection;
}

}  // namespace soft::tcp
