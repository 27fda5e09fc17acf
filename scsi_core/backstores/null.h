// Null disk: reads zeros, discards writes, keeps nothing. For measuring everything but the medium.
#pragma once

#include <atomic>
#include <memory>

#include "scsi_core/backstore.h"

namespace scsi {

class NullStore final : public Backstore {
 public:
  static base::Result<std::unique_ptr<Backstore>> create(std::uint64_t size, std::uint32_t block_size, bool thin);
  StoreGeometry geometry() const override;
  bool lends() const override { return true; }
  bool volatile_cache() const override { return false; }
  base::Result<std::unique_ptr<StoreChannel>> open_channel(hal::Reactor& reactor) override;
  base::Result<void> resize(std::uint64_t blocks) override;
  base::Result<StoreExtent> extent_at(std::uint64_t offset) override;
  std::string describe() const override { return "null"; }
  base::Result<void> hand_over(MediumState&) override { return {}; }
  std::uint64_t size() const { return size_.load(std::memory_order_acquire); }

 private:
  NullStore(std::uint64_t size, std::uint32_t block_size, bool thin)
      : block_size_(block_size), thin_(thin), size_(size) {}
  const std::uint32_t block_size_;
  const bool thin_;
  std::atomic<std::uint64_t> size_;
};

}  // namespace scsi
