// A PCI function without a model behind it, for what a vfio-user server does at its edges: a BAR that the client may
// map, one that cannot be written, one of the longest transfer, and calls that fail in each of the ways there are.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "hal/vfio_user/backend.h"
#include "tests/support/require.h"

namespace vfio_user_input {

class OddDevice final : public hal::vfio_user::Backend {
 public:
  static constexpr std::uint32_t kShared = 0, kReadOnly = 1, kLong = 2;  // BARs
  OddDevice() {
    REQUIRE(ftruncate(file_.get(), 12288) == 0);
    shared_.size = 8192;
    shared_.fd = file_.get();
    shared_.offset = 4096;
    shared_.areas = {{0, 4096}, {4096, 4096}};
    read_only_.size = 4096;
    read_only_.writable = false;
    long_.size = hal::vfio_user::kMaxDataTransfer;
    config_.size = 256;
  }
  void client_came(hal::vfio_user::ClientMemory&) override {}
  void client_left() override {}
  const hal::vfio_user::Region& region(std::uint32_t index) const override {
    switch (index) {
      case kShared:
        return shared_;
      case kReadOnly:
        return read_only_;
      case kLong:
        return long_;
      case hal::vfio_user::kRegionConfig:
        return config_;
      default:
        return none_;
    }
  }
  base::Result<void> region_read(std::uint32_t index, std::uint64_t offset, std::span<std::byte> to) override {
    REQUIRE(offset <= region(index).size && to.size() <= region(index).size - offset);
    std::fill(to.begin(), to.end(), std::byte{0});
    return {};
  }
  base::Result<void> region_write(std::uint32_t index, std::uint64_t offset, std::span<const std::byte> from) override {
    REQUIRE(region(index).writable && offset <= region(index).size && from.size() <= region(index).size - offset);
    return {};
  }
  hal::vfio_user::IrqKind irq(std::uint32_t) const override { return {4, hal::vfio_user::kIrqEventfd}; }
  base::Result<void> disable_irqs(std::uint32_t) override { return {}; }
  base::Result<void> set_eventfds(std::uint32_t, std::uint32_t start, std::vector<base::Fd> fds) override {
    REQUIRE(start < 4 && fds.size() <= 4 - start);
    return {};
  }
  base::Result<void> act_on_irq(std::uint32_t, std::uint32_t vector, hal::vfio_user::IrqAction) override {
    REQUIRE(vector < 4);
    return {};
  }
  // The page says how it ends.
  base::Result<void> dma_map(std::uint64_t address, std::uint64_t, std::uint32_t, base::Fd, std::uint64_t) override {
    const std::uint64_t page = address >> 12 & 15;
    if (page > static_cast<std::uint64_t>(base::Errc::kDenied)) return {};
    return base::fail(static_cast<base::Errc>(page), "told to fail");
  }
  void dma_unmap(std::uint64_t, std::uint64_t) override {}
  void reset() override {}

 private:
  base::Fd file_{memfd_create("bar", MFD_CLOEXEC)};
  hal::vfio_user::Region shared_, read_only_, long_, config_, none_;
};

}  // namespace vfio_user_input
