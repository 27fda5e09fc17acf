// The TCP datamover over socket pairs instead of a network: everything of drivers/soft/tcp but listening.
#pragma once

#include <memory>
#include <string>

#include "drivers/soft/tcp/poller.h"
#include "hal/port/datamover.h"

class PairDatamover final : public hal::Datamover {
 public:
  explicit PairDatamover(hal::Reactor& reactor) : poller_(reactor) {}
  const char* name() const override { return "pair"; }
  // One listener at a time.
  base::Result<std::unique_ptr<hal::DatamoverListener>> listen(hal::Reactor& reactor, const std::string& address,
                                                               hal::DatamoverAcceptor& acceptor) override;
  // The initiator's end of a new connection; the caller closes it. Not without a listener.
  int connect(const std::string& peer);

 private:
  struct Listener;
  struct Pending;
  soft::tcp::TcpPoller poller_;
  Listener* listener_ = nullptr;
};
