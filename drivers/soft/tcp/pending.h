// A socket that belongs to no reactor yet: just accepted, or given up by one reactor for another.
#pragma once

#include <memory>
#include <string>

#include "hal/port/datamover.h"

namespace soft::tcp {

class TcpPollers;

class TcpPending final : public hal::PendingConnection {
 public:
  // Owns `fd` from the call on.
  TcpPending(TcpPollers& pollers, int fd, std::string local, std::string peer)
      : pollers_(pollers), fd_(fd), local_(std::move(local)), peer_(std::move(peer)) {}
  ~TcpPending() override;
  std::string peer_address() const override { return peer_; }
  std::string local_address() const override { return local_; }
  base::Result<std::unique_ptr<hal::DatamoverConnection>> start(hal::Reactor& reactor) override;

 private:
  TcpPollers& pollers_;
  int fd_;
  std::string local_, peer_;
};

}  // namespace soft::tcp
