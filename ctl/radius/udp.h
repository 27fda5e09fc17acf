// Datagrams to RADIUS servers by the kernel: one connected socket each, so that only the server is heard.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/fd.h"
#include "ctl/radius/client.h"

namespace ctl::radius {

class Udp final : public Transport {
 public:
  using Received = std::function<void(std::size_t server, std::span<const std::byte> packet)>;
  explicit Udp(hal::Reactor& reactor) : reactor_(reactor) {}
  void on_received(Received received) { received_ = std::move(received); }
  base::Result<void> open(const std::vector<std::string>& servers) override;
  void send(std::size_t server, std::span<const std::byte> packet) override;

 private:
  struct Socket final : hal::FdHandler {
    Socket(Udp& owner, std::size_t place, base::Fd socket) : udp(owner), server(place), fd(std::move(socket)) {}
    ~Socket() override { udp.reactor_.unwatch(fd.get(), *this); }
    void fd_ready(std::uint32_t events) override;
    Udp& udp;
    const std::size_t server;
    base::Fd fd;
  };
  base::Result<std::unique_ptr<Socket>> connect_to(std::size_t server, const std::string& address);

  hal::Reactor& reactor_;
  Received received_;
  std::vector<std::unique_ptr<Socket>> sockets_;
};

}  // namespace ctl::radius
