// RAM disk: sparse memory that is lent to readers and writers, so that nothing is copied. Lost when the process ends.
//
// One region (memfd), made at the first write: the page map in front, the medium behind it. Pages that were never
// written are lent as zeros from a shared area, so reading allocates nothing. Reading and rewriting take no lock;
// making a page exist takes one of 64 for as long as that lasts. Who makes a page exist by writing a part of it zeroes
// the rest: a transfer that was out while its page was unmapped may have left something there.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "scsi_core/backstore.h"
#include "scsi_core/backstores/page_map.h"

namespace scsi {

struct RamOptions {
  std::uint64_t size = 0;          // bytes
  std::uint32_t block_size = 512;  // 512 or 4096; kProtectionBytes for protection information
  bool thin = true;                // false: the memory is set aside at once, so that no write finds it used up
  std::uint64_t memory_limit = 0;  // bytes of pages that may exist at a time; 0: the process' limit only
};

// All RAM disks of the process together; past it, writes answer kNoSpace instead of exhausting the machine. At first
// three quarters of the machine's memory. Any thread.
void set_ram_limit(std::uint64_t bytes);
std::uint64_t ram_in_use();  // bytes

class RamStore final : public Backstore {
 public:
  static base::Result<std::unique_ptr<Backstore>> create(const RamOptions& options);
  // One that another process has made.
  static base::Result<std::unique_ptr<Backstore>> adopt(const RamOptions& options, MediumState& state);
  ~RamStore() override;

  StoreGeometry geometry() const override;
  bool lends() const override { return true; }
  bool volatile_cache() const override { return false; }
  base::Result<std::unique_ptr<StoreChannel>> open_channel(hal::Reactor& reactor) override;
  base::Result<void> resize(std::uint64_t blocks) override;
  base::Result<StoreExtent> extent_at(std::uint64_t offset) override;
  std::string describe() const override { return "ram"; }
  base::Result<void> hand_over(MediumState& out) override;
  base::Result<void> take_over(MediumState& state) override;

  // --- for its channels; any reactor ---
  std::uint64_t size() const { return size_.load(std::memory_order_acquire); }
  // The case that must be quick: a short range that exists. `out` is the whole of it.
  bool lend_existing(std::uint64_t offset, std::uint64_t length, hal::DmaSpan& out) const {
    PageMap::Word* const words = words_.load(std::memory_order_acquire);
    if (words == nullptr || !inside(offset, length)) return false;
    if (!PageMap(words).all_set_quick(offset >> kPageShift, pages_of(offset + length))) return false;
    out = span(offset, length);
    return true;
  }
  // The general case.
  std::uint64_t lend_for_read(std::uint64_t offset, std::uint64_t length, std::span<hal::DmaSpan> out,
                              std::uint32_t& segments);
  std::uint64_t lend_for_write(std::uint64_t offset, std::uint64_t length, std::span<hal::DmaSpan> out,
                               std::uint32_t& segments, StoreStatus& status);
  // Zeroes a part of [offset, offset+length), giving whole pages back; returns how much, so that long ranges are done
  // in turns.
  std::uint64_t trim(std::uint64_t offset, std::uint64_t length);

 private:
  RamStore(const RamOptions& options, std::uint64_t map_bytes);
  bool inside(std::uint64_t offset, std::uint64_t length) const {
    const std::uint64_t now = size();
    return offset <= now && length <= now - offset && length != 0;
  }
  PageMap map() const { return PageMap(words_.load(std::memory_order_acquire)); }
  bool exists() const { return words_.load(std::memory_order_acquire) != nullptr; }
  std::byte* data() const { return data_.load(std::memory_order_relaxed); }
  hal::DmaSpan span(std::uint64_t offset, std::uint64_t length) const {
    std::byte* const at = data() + offset;
    return {{at, length}, hal::Iova{reinterpret_cast<std::uintptr_t>(at)}};
  }
  static std::uint64_t pages_of(std::uint64_t bytes) { return (bytes + kPageSize - 1) >> kPageShift; }
  std::uint64_t make_pages(std::uint64_t offset, std::uint64_t end);
  void zero_edges(std::uint64_t word, std::uint64_t missing, std::uint64_t offset, std::uint64_t end);
  bool materialise();
  void publish(const hal::MemoryRegion& mapping);
  bool charge(std::uint64_t pages);
  void refund(std::uint64_t pages);
  void drop_pages(std::uint64_t first, std::uint64_t end);
  void punch(std::uint64_t first, std::uint64_t end);
  void forget(std::uint64_t from, std::uint64_t to);
  std::uint64_t clear_until(std::uint64_t page, std::uint64_t end) const;

  const std::uint32_t block_size_;
  const bool thin_;
  const std::uint64_t page_limit_;
  const std::uint64_t map_bytes_;  // size of the page map in front of the region
  std::atomic<std::uint64_t> size_;
  std::atomic<std::uint64_t> pages_{0};   // existing, or set aside
  std::atomic<std::uint64_t> making_{0};  // one bit per lock; the n-th is for map words n, n + 64, ...
  // Both null until the first write; when the disk grew, later mappings of the same memory. Set in this order.
  std::atomic<std::byte*> data_{nullptr};
  std::atomic<PageMap::Word*> words_{nullptr};
  std::optional<hal::MemoryRegion> region_;  // set before the two pointers, never changed afterwards
  std::mutex mutex_;                         // materialise, resize; and what follows
  std::vector<hal::MemoryRegion> larger_;  // of the same memory, since the disk grew; the older ones may still be lent
  std::uint64_t mapped_ = 0;
  bool told_ = false;
};

}  // namespace scsi
