// The way to an iSNS server by the kernel's sockets; numeric addresses only, so that nothing waits for a name server.
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "ctl/isns/client.h"

namespace ctl::isns {

class Sockets final : public Link {
 public:
  static base::Result<std::unique_ptr<Sockets>> open(hal::Reactor& reactor, const std::string& server);
  ~Sockets() override;
  void set_events(Events& events) override { events_ = &events; }
  void connect() override;
  void send(std::span<const std::byte> message) override;
  void close() override;
  std::string local_address() const override;
  std::uint16_t datagram_port() const override { return datagram_port_; }

 private:
  struct Handler final : hal::FdHandler {
    Handler(Sockets& owner, void (Sockets::*call)(std::uint32_t)) : sockets(owner), ready(call) {}
    void fd_ready(std::uint32_t events) override { (sockets.*ready)(events); }
    Sockets& sockets;
    void (Sockets::*ready)(std::uint32_t);
  };
  explicit Sockets(hal::Reactor& reactor) : reactor_(reactor) {}
  base::Result<void> start_connect();
  base::Result<void> open_datagrams();
  void stream_ready(std::uint32_t events);
  void datagram_ready(std::uint32_t events);
  void flush();
  void fail_later(std::string why);
  void lost(const std::string& why);

  hal::Reactor& reactor_;
  std::string server_;
  Events* events_ = nullptr;
  base::Fd stream_, datagrams_;
  bool connecting_ = false;
  std::vector<std::byte> output_;
  std::uint16_t datagram_port_ = 0;
  std::string failure_;  // to be told from the poll loop
  hal::Timer tell_failure_{[](void* self) {
                             auto& sockets = *static_cast<Sockets*>(self);
                             sockets.lost(std::exchange(sockets.failure_, ""));
                           },
                           this};
  Handler stream_handler_{*this, &Sockets::stream_ready}, datagram_handler_{*this, &Sockets::datagram_ready};
};

}  // namespace ctl::isns
