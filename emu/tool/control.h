// The control socket of outboard-emu: lines of commands, a line of JSON for each. One reactor, a few clients.
#pragma once

#include <list>
#include <memory>
#include <string>

#include "base/fd.h"
#include "emu/tool/commands.h"
#include "hal/reactor.h"

namespace emu::tool {

class Control final : private hal::FdHandler {
 public:
  static base::Result<std::unique_ptr<Control>> listen(hal::Reactor& reactor, const std::string& path,
                                                       Commands& commands);
  ~Control() override;

 private:
  static constexpr std::size_t kMostClients = 16, kLongestLine = 65536;
  class Client final : public hal::FdHandler {
   public:
    Client(Control& control, base::Fd socket) : control_(control), socket_(std::move(socket)) {}
    void fd_ready(std::uint32_t events) override;
    int fd() const { return socket_.get(); }

   private:
    bool read_lines();
    bool write_some();  // false: the peer is gone
    Control& control_;
    base::Fd socket_;
    std::string in_, out_;
  };
  Control(hal::Reactor& reactor, base::Fd listening, std::string path, Commands& commands);
  void fd_ready(std::uint32_t events) override;
  void drop(Client& client);

  hal::Reactor& reactor_;
  base::Fd listening_;
  const std::string path_;
  Commands& commands_;
  std::list<Client> clients_;
};

}  // namespace emu::tool
