// What stands behind a vfio-user server: a PCI device that somebody hosts (emu/host/served.h).
//
// Called on the server's reactor. Indexes, offsets and sizes have been checked against what the backend said it has.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "hal/vfio_user/protocol.h"

namespace hal::vfio_user {

// Reaches memory of the client that came without a descriptor: by messages that are waited for, with a limit.
class ClientMemory {
 public:
  virtual ~ClientMemory() = default;
  virtual base::Result<void> read(std::uint64_t address, std::span<std::byte> to) = 0;
  virtual base::Result<void> write(std::uint64_t address, std::span<const std::byte> from) = 0;
};

struct Region {
  std::uint64_t size = 0;  // 0: not there
  bool writable = true;
  // Where the client may map parts of it. The descriptor is of a file that holds the region from `offset` on.
  struct Area {
    std::uint64_t offset, size;
  };
  int fd = -1;
  std::uint64_t offset = 0;
  std::vector<Area> areas;
};

struct IrqKind {
  std::uint32_t count = 0;
  std::uint32_t flags = 0;  // kIrqEventfd and so on
};

enum class IrqAction : std::uint8_t { kMask, kUnmask, kTrigger };

class Backend {
 public:
  virtual ~Backend() = default;
  virtual void client_came(ClientMemory& memory) = 0;
  virtual void client_left() = 0;  // unmap all, forget eventfds, reset

  virtual const Region& region(std::uint32_t index) const = 0;  // `index` below kRegions; stays as it is
  virtual base::Result<void> region_read(std::uint32_t index, std::uint64_t offset, std::span<std::byte> to) = 0;
  virtual base::Result<void> region_write(std::uint32_t index, std::uint64_t offset,
                                          std::span<const std::byte> from) = 0;

  virtual IrqKind irq(std::uint32_t index) const = 0;
  virtual base::Result<void> disable_irqs(std::uint32_t index) = 0;
  // Who listens to [start, start + fds.size()); an empty descriptor: nobody.
  virtual base::Result<void> set_eventfds(std::uint32_t index, std::uint32_t start, std::vector<base::Fd> fds) = 0;
  virtual base::Result<void> act_on_irq(std::uint32_t index, std::uint32_t vector, IrqAction action) = 0;

  // An empty descriptor: reachable by ClientMemory only.
  virtual base::Result<void> dma_map(std::uint64_t address, std::uint64_t size, std::uint32_t access, base::Fd fd,
                                     std::uint64_t offset) = 0;
  // Whatever lies wholly inside; nothing may be. On return the device cannot reach it any more.
  virtual void dma_unmap(std::uint64_t address, std::uint64_t size) = 0;
  virtual void reset() = 0;
};

}  // namespace hal::vfio_user
