// Listening and accepting without a network.
#include "tests/support/pair_datamover.h"

#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "tests/support/require.h"

struct PairDatamover::Listener final : hal::DatamoverListener {
  Listener(PairDatamover& owner, std::string where, hal::DatamoverAcceptor& to)
      : datamover(owner), place(std::move(where)), acceptor(to) {}
  ~Listener() override { datamover.listener_ = nullptr; }
  std::string address() const override { return place; }
  PairDatamover& datamover;
  const std::string place;
  hal::DatamoverAcceptor& acceptor;
};

struct PairDatamover::Pending final : hal::PendingConnection {
  Pending(PairDatamover& owner, int socket, std::string to, std::string from)
      : datamover(owner), fd(socket), local(std::move(to)), peer(std::move(from)) {}
  ~Pending() override {
    if (fd >= 0) close(fd);
  }
  std::string peer_address() const override { return peer; }
  std::string local_address() const override { return local; }
  base::Result<std::unique_ptr<hal::DatamoverConnection>> start(hal::Reactor&) override {
    auto made = std::make_unique<soft::tcp::TcpConnection>(datamover.poller_, std::exchange(fd, -1), local, peer);
    TRY(made->open());
    return std::unique_ptr<hal::DatamoverConnection>(std::move(made));
  }
  PairDatamover& datamover;
  int fd;
  const std::string local, peer;
};

base::Result<std::unique_ptr<hal::DatamoverListener>> PairDatamover::listen(hal::Reactor&, const std::string& address,
                                                                            hal::DatamoverAcceptor& acceptor) {
  REQUIRE(listener_ == nullptr);
  auto made = std::make_unique<Listener>(*this, address, acceptor);
  listener_ = made.get();
  return std::unique_ptr<hal::DatamoverListener>(std::move(made));
}

int PairDatamover::connect(const std::string& peer) {
  int pair[2];
  REQUIRE(listener_ != nullptr);
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
  listener_->acceptor.connection_accepted(std::make_unique<Pending>(*this, pair[0], listener_->place, peer));
  return pair[1];
}
