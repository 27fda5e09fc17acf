// Memory that adapters can reach: regions (memfd, huge pages where there are any) and per-reactor pools of buffers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/fd.h"
#include "base/intrusive_list.h"
#include "base/result.h"

namespace hal {

// An address as a device sees it; never a pointer. For ports without a device it is the virtual address.
struct Iova {
  std::uint64_t raw = 0;
};

// A borrowed part of DMA memory.
struct DmaSpan {
  std::span<std::byte> bytes;
  Iova iova;
  DmaSpan subspan(std::size_t offset, std::size_t size) const {
    return {bytes.subspan(offset, size), Iova{iova.raw + offset}};
  }
};

// Shared zeroed memory with a descriptor, so that a device model in another process can map it. Sparse: pages exist
// once touched. Known to the DmaRegistry while it lives, and so to every device. Move-only; unmapped by its destructor.
class MemoryRegion {
 public:
  enum class Pages : std::uint8_t { kPlain, kHugeIfAny };
  // `align`: a power of two of at least the page size.
  static base::Result<MemoryRegion> create(const char* name, std::size_t size, Pages pages, std::size_t align = 4096);
  // What another process has made (its fd()), as large as it is now; plain pages.
  static base::Result<MemoryRegion> adopt(base::Fd memory);
  MemoryRegion(MemoryRegion&& other) noexcept;
  MemoryRegion& operator=(MemoryRegion&& other) noexcept;
  ~MemoryRegion();
  std::span<std::byte> bytes() const { return bytes_; }
  int fd() const { return fd_; }
  bool huge() const { return huge_; }
  // Gives the pages of [offset, offset+size) back to the system, or keeps them where a device has pinned them; they
  // read as zero afterwards.
  base::Result<void> punch_hole(std::size_t offset, std::size_t size);
  // A second mapping of the same memory, `size` bytes from its start (more than now: it grows, plain pages only). This
  // one stays as it is.
  base::Result<MemoryRegion> remap(std::size_t size) const;

 private:
  MemoryRegion() = default;
  base::Result<void> announce(std::span<std::byte> mapped);
  std::span<std::byte> bytes_;
  int fd_ = -1;
  bool huge_ = false;
};

// Buffers of one reactor in four sizes, carved from regions as they are first needed, never given back to the system.
// take() fails when the limit is reached; who wants to wait queues a Waiter and is called when memory came back.
class DmaPool {
 public:
  static constexpr std::array<std::size_t, 4> kSizes = {4096, 16384, 65536, 262144};
  static constexpr std::size_t kLargest = kSizes.back();

  class Waiter : public base::ListHook<Waiter> {
   public:
    virtual ~Waiter() = default;
    virtual void dma_available() = 0;  // try again; called from give(), at most once per queueing
  };

  explicit DmaPool(std::size_t limit) : limit_(limit) {}
  ~DmaPool();
  DmaPool(const DmaPool&) = delete;
  DmaPool& operator=(const DmaPool&) = delete;
  // A buffer of the smallest size that holds `size` (at most kLargest), or a larger one when those have run out; 4 KiB
  // aligned; its bytes are not zeroed. An empty span when there is none. `bytes.size()` is the whole buffer's size.
  DmaSpan take(std::size_t size);
  // `buffer.bytes.data()` must be what take() returned; the size may have been cut by the holder.
  void give(std::byte* buffer);
  void wait(Waiter& waiter) { waiters_.push_back(waiter); }
  std::size_t in_use() const { return in_use_; }  // buffers out
  std::size_t mapped() const { return mapped_; }  // bytes

 private:
  static constexpr std::size_t kSlab = std::size_t{2} << 20;
  struct FreeBuffer {
    FreeBuffer* next;
  };
  // At the start of each slab, which is aligned to its size: give() finds it by masking the address.
  struct SlabHeader {
    DmaPool* owner;
    std::size_t size_class;
  };
  FreeBuffer* carve(std::size_t size_class);
  bool grow(std::size_t size_class);

  std::size_t limit_;
  std::size_t mapped_ = 0;
  std::size_t in_use_ = 0;
  std::array<FreeBuffer*, 4> free_{};
  // Of each size's newest slab, the part that was never handed out: its pages do not exist yet.
  std::array<std::span<std::byte>, 4> fresh_{};
  std::vector<MemoryRegion> slabs_;
  base::IntrusiveList<Waiter> waiters_;
};

}  // namespace hal
