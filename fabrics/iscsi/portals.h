// The open portals: listening addresses with their portal groups.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "fabrics/iscsi/handover.h"
#include "fabrics/iscsi/service.h"

namespace iscsi {

class PortalHost {
 public:
  virtual ~PortalHost() = default;
  virtual void accepted(const Portal& portal, std::unique_ptr<hal::PendingConnection> connection) = 0;
};

class Portals {
 public:
  Portals(hal::Datamover& datamover, hal::Reactor& control, PortalHost& host)
      : datamover_(datamover), control_(control), host_(host) {}
  // Opens what is new, keeps what stays, closes what is gone; on error nothing has changed.
  base::Result<void> change(const std::vector<Portal>& wanted);
  void close() { open_.clear(); }
  void pause(bool paused);  // also those that are opened from now on
  std::vector<FabricListener> hand_over() const;
  std::vector<Portal> opened() const;  // with real ports, in the order of the configuration

 private:
  struct Open final : hal::DatamoverAcceptor {
    void connection_accepted(std::unique_ptr<hal::PendingConnection> connection) override {
      host->accepted(portal, std::move(connection));
    }
    PortalHost* host = nullptr;
    Portal portal;
    std::unique_ptr<hal::DatamoverListener> listener;  // after what it calls
  };
  hal::Datamover& datamover_;
  hal::Reactor& control_;
  PortalHost& host_;
  std::vector<std::unique_ptr<Open>> open_;
  bool paused_ = false;
};

}  // namespace iscsi
