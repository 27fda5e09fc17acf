// The TCP datamover over socket pairs instead of a network: everything of drivers/soft/tcp but listening.
#pragma once

#include <memory>
#include <string>

#include "drivers/soft/tcp/poller.h"
#include "hal/port/datamover.h"

class PairDatamover final : public hal::Datamover, public soft::tcp::TcpPollers {
 public:
  explicit PairDatamover(hal::Reactor& reactor) : poller_(reactor, *this) {}
  const char* name() const override { return "pair"; }
  // One listener at a time.
  base::Result<std::unique_ptr<hal::DatamoverListener>> listen(hal::Reactor& reactor, const std::string& address,
                                                               hal::DatamoverAcceptor& acceptor) override;
  soft::tcp::TcpPoller& poller(hal::Reactor&) override { return poller_; }  // there is one reactor
  // The initiator's end of a new connection; the caller closes it. Not without a listener.
  int connect(const std::string& peer);

 private:
  struct Listener;
  soft::tcp::TcpPoller poller_;
  Listener* listener_ = nullptr;
};
