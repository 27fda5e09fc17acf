// A PCI function that a vfio-user server has: each call of PciDevice becomes one request.
#pragma once

#include <sys/mman.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hal/pci_function.h"
#include "hal/vfio_user/requester.h"

namespace hal::vfio_user {

// Accesses to one region, one request each.
class RegionTrap final : public MmioTrap {
 public:
  RegionTrap(Requester& requester, std::uint32_t region) : requester_(requester), region_(region) {}
  std::uint64_t read(std::uint32_t offset, unsigned width) override;
  void write(std::uint32_t offset, unsigned width, std::uint64_t value) override;

 private:
  Requester& requester_;
  std::uint32_t region_;
};

struct MappedRegion {
  std::span<std::byte> memory;
  MappedRegion() = default;
  MappedRegion(const MappedRegion&) = delete;
  MappedRegion& operator=(const MappedRegion&) = delete;
  ~MappedRegion() {
    if (!memory.empty()) munmap(memory.data(), memory.size());
  }
};

class ServedFunction final : public PciFunction {
 public:
  ServedFunction(base::Fd socket, const std::string& name);
  ~ServedFunction() override { release(); }
  base::Result<void> start();
  base::Result<Mmio> map_bar(Bar bar) override;
  void unmask_intx() override;
  base::Result<void> reset() override;
  bool gone() const override { return requester_.gone(); }

 private:
  std::uint32_t read_config(std::uint16_t offset, unsigned width) override;
  void write_config(std::uint16_t offset, unsigned width, std::uint32_t value) override;
  base::Result<void> vectors_on(InterruptKind kind, std::span<const int> eventfds) override;
  base::Result<void> vectors_off(InterruptKind kind) override;
  base::Result<void> memory_added(const RegisteredMemory& memory) override;
  void memory_removed(const RegisteredMemory& memory) override;
  base::Result<void> read_identity();
  base::Result<void> read_regions();
  base::Result<void> map_whole(std::uint32_t index, const base::Fd& fd);
  base::Result<void> read_irqs();

  mutable Requester requester_;
  std::uint64_t max_fds_ = 1;
  std::array<RegionInfo, kRegions> regions_{};
  std::array<MappedRegion, 6> mapped_;
  std::vector<RegionTrap> traps_;
};

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace hal::vfio_user
