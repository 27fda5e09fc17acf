// A model offered over vfio-user: to a QEMU guest, or to a driver in another process. Lives on one reactor.
//
// A client that goes leaves the function as after power-on; the next one may come.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "emu/host/file_mappings.h"
#include "emu/host/function.h"
#include "hal/vfio_user/server.h"

namespace emu {

//   ServedHost host(reactor, clock, "hba0");  QlaModel model(host, ...);  host.attach(model);
//   TRY(host.listen("/run/hba0.sock"));  reactor.add(host);
class ServedHost final : public Function, private RemoteMemory, private hal::vfio_user::Backend {
 public:
  ServedHost(hal::Reactor& reactor, const base::Clock& clock, std::string name);
  ~ServedHost() override;
  base::Result<void> listen(const std::string& path);
  void serve(base::Fd connected);  // one client, over a socket pair
  bool connected() const { return server_ != nullptr && server_->connected(); }
  void pull_out();  // surprise removal, as the client sees it; it may connect again

 private:
  base::Result<void> read(hal::Iova from, std::span<std::byte> to) override;
  base::Result<void> write(hal::Iova to, std::span<const std::byte> from) override;

  void client_came(hal::vfio_user::ClientMemory& memory) override;
  void client_left() override;
  const hal::vfio_user::Region& region(std::uint32_t index) const override { return regions_[index]; }
  base::Result<void> region_read(std::uint32_t index, std::uint64_t offset, std::span<std::byte> to) override;
  base::Result<void> region_write(std::uint32_t index, std::uint64_t offset, std::span<const std::byte> from) override;
  hal::vfio_user::IrqKind irq(std::uint32_t index) const override;
  base::Result<void> disable_irqs(std::uint32_t index) override;
  base::Result<void> set_eventfds(std::uint32_t index, std::uint32_t start, std::vector<base::Fd> fds) override;
  base::Result<void> act_on_irq(std::uint32_t index, std::uint32_t vector, hal::vfio_user::IrqAction action) override;
  base::Result<void> dma_map(std::uint64_t address, std::uint64_t size, std::uint32_t access, base::Fd fd,
                             std::uint64_t offset) override;
  void dma_unmap(std::uint64_t address, std::uint64_t size) override;
  void reset() override;
  void describe_regions();

  hal::Reactor& reactor_;
  FileMappings files_;
  hal::vfio_user::ClientMemory* client_memory_ = nullptr;
  std::array<hal::vfio_user::Region, hal::vfio_user::kRegions> regions_;
  bool model_may_be_gone_ = false;  // in the destructor: either may go first
  std::unique_ptr<hal::vfio_user::Server> server_;
};

}  // namespace emu
