// A vfio-user server: offers one PCI device on a Unix socket, to one client at a time (QEMU's vfio-user-pci, or
// client.h). Lives on one reactor.
#pragma once

#include <memory>
#include <string>

#include "base/fd.h"
#include "hal/reactor.h"
#include "hal/vfio_user/connection.h"

namespace hal::vfio_user {

class Server final : private FdHandler, private Connection::Owner {
 public:
  // A stale socket file is replaced, one that answers is not. The directory is the caller's to protect.
  static base::Result<std::unique_ptr<Server>> listen(Reactor& reactor, const std::string& path, Backend& backend);
  // For one connection that is there already: a socket pair.
  Server(Reactor& reactor, Backend& backend, base::Fd connected);
  ~Server() override;

  bool connected() const { return connection_ != nullptr; }
  void disconnect(std::string why);  // the client sees a device that was taken out

 private:
  Server(Reactor& reactor, Backend& backend, base::Fd listening, std::string path);
  void fd_ready(std::uint32_t events) override;
  void connection_ended() override;
  void start(base::Fd client);

  Reactor& reactor_;
  Backend& backend_;
  base::Fd listening_;
  std::string path_;
  std::unique_ptr<Connection> connection_;
  struct Ended : Deferred {
    explicit Ended(Server& s);
    Server& server;
  } ended_;
};

}  // namespace hal::vfio_user
