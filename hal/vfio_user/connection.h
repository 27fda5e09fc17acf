// A client of a vfio-user server: takes its requests one after the other, checks them, and answers each.
#pragma once

#include <array>
#include <deque>
#include <string>
#include <vector>

#include "base/log.h"
#include "hal/reactor.h"
#include "hal/vfio_user/backend.h"
#include "hal/vfio_user/capabilities.h"
#include "hal/vfio_user/channel.h"

namespace hal::vfio_user {

// The server owns it and is told, once, when it has ended; it is then destroyed from elsewhere than its own calls.
class Connection final : private FdHandler, private ClientMemory {
 public:
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void connection_ended() = 0;
  };
  Connection(Reactor& reactor, base::Fd socket, Backend& backend, Owner& owner, std::string name);
  ~Connection() override;  // the backend has heard that the client left
  void close(std::string why);
  void look() { fd_ready(0); }  // takes what has come, the end too

 private:
  using Handler = base::Result<void> (Connection::*)(Message&);
  static const std::array<Handler, 17> kHandlers;  // by command

  void fd_ready(std::uint32_t events) override;
  base::Result<void> read(std::uint64_t address, std::span<std::byte> to) override;
  base::Result<void> write(std::uint64_t address, std::span<const std::byte> from) override;

  void drain();
  void run_put_off();
  void handle(Message& message);
  void answer(const Header& request, const base::Result<void>& done);
  void after();  // what the socket needs now
  // A request of ours, waited for; requests of the client that come meanwhile are put off.
  base::Result<void> ask(Command command, const DmaAccess& access, std::span<const std::byte> data, Message& reply);
  bool put_off(Message& message);

  base::Result<void> version(Message& message);
  base::Result<void> dma_map(Message& message);
  base::Result<void> dma_unmap(Message& message);
  base::Result<void> device_info(Message& message);
  base::Result<void> region_info(Message& message);
  base::Result<void> irq_info(Message& message);
  base::Result<void> set_irqs(Message& message);
  base::Result<void> region_read(Message& message);
  base::Result<void> region_write(Message& message);
  base::Result<void> reset(Message& message);
  base::Result<void> write_multi(Message& message);
  base::Result<void> unsupported(Message& message);

  base::Result<void> act_on_irqs(const SetIrqsRequest& request, std::span<const std::byte> booleans);
  base::Result<void> write_region(std::uint32_t region, std::uint64_t offset, std::span<const std::byte> data);
  template <class T>
  void put(const T& value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    reply_.insert(reply_.end(), bytes.begin(), bytes.end());
  }

  struct PutOff {
    Header header;
    std::vector<std::byte> payload;
    std::vector<base::Fd> fds;
  };
  Reactor& reactor_;
  Channel channel_;
  Backend& backend_;
  Owner& owner_;
  const std::string name_;
  Capabilities client_;
  bool negotiated_ = false, ended_ = false, watching_writes_ = false, client_answers_ = true;
  std::uint16_t next_id_ = 1;
  std::vector<std::byte> reply_;
  int reply_fd_ = -1;
  std::deque<PutOff> put_off_;
  struct Later : Deferred {
    explicit Later(Connection& c);
    Connection& connection;
  } later_;
};

}  // namespace hal::vfio_user
