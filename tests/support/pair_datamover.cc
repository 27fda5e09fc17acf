// Listening and accepting without a network.
#include "tests/support/pair_datamover.h"

#include <sys/socket.h>
#include "drivers/soft/tcp/pending.h"
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
  listener_->acceptor.connection_accepted(
      std::make_unique<soft::tcp::TcpPending>(*this, pair[0], listener_->place, peer));
  return pair[1];
}
