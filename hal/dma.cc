// DMA memory: memfd regions and the buffer pool of a reactor.
#include "hal/dma.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "hal/dma_registry.h"

namespace hal {
namespace {

// Maps `fd` at an address that is a multiple of `align`, by mapping too much and giving the ends back.
std::byte* map_aligned(int fd, std::size_t size, std::size_t align) {
  const std::size_t reserve = size + align;
  void* const whole = mmap(nullptr, reserve, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (whole == MAP_FAILED) return nullptr;
  const auto start = reinterpret_cast<std::uintptr_t>(whole);
  const std::uintptr_t place = (start + align - 1) & ~(align - 1);
  void* const mapped =
      mmap(reinterpret_cast<void*>(place), size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
  if (place > start) munmap(whole, place - start);
  if (const std::uintptr_t end = place + size; end < start + reserve) {
    munmap(reinterpret_cast<void*>(end), start + reserve - end);
  }
  if (mapped == MAP_FAILED) {
    munmap(reinterpret_cast<void*>(place), size);
    return nullptr;
  }
  return static_cast<std::byte*>(mapped);
}

}  // namespace

base::Result<MemoryRegion> MemoryRegion::create(const char* name, std::size_t size, Pages pages, std::size_t align) {
  for (const bool huge : {pages == Pages::kHugeIfAny, false}) {
    MemoryRegion region;
    region.fd_ = memfd_create(name, MFD_CLOEXEC | (huge ? MFD_HUGETLB : 0u));
    if (region.fd_ < 0) {
      if (huge) continue;
      return base::fail_errno("memfd_create");
    }
    if (ftruncate(region.fd_, static_cast<off_t>(size)) != 0) {
      if (huge) continue;
      return base::fail_errno("size of memfd");
    }
    // Huge pages are taken now, so that a shortage shows here and not as a signal later.
    if (huge && fallocate(region.fd_, 0, 0, static_cast<off_t>(size)) != 0) continue;
    std::byte* const at = map_aligned(region.fd_, size, std::max(align, huge ? std::size_t{2} << 20 : align));
    if (at == nullptr) {
      if (huge) continue;
      return base::fail_errno("mmap of memfd");
    }
    TRY(region.announce({at, size}));
    region.huge_ = huge;
    return region;
  }
  return base::fail(base::Errc::kNoMemory, "no memory region");
}

base::Result<MemoryRegion> MemoryRegion::adopt(base::Fd memory) {
  struct stat about {};
  if (fstat(memory.get(), &about) != 0) return base::fail_errno("size of a memory region");
  const auto size = static_cast<std::size_t>(about.st_size);
  if (about.st_size <= 0 || size % 4096 != 0) {
    return base::fail(base::Errc::kInvalid, fmt::format("a memory region of {} bytes", about.st_size));
  }
  MemoryRegion region;
  region.fd_ = memory.release();
  std::byte* const at = map_aligned(region.fd_, size, 4096);
  if (at == nullptr) return base::fail_errno("map a memory region");
  TRY(region.announce({at, size}));
  return region;
}

MemoryRegion::MemoryRegion(MemoryRegion&& other) noexcept
    : bytes_(std::exchange(other.bytes_, {})), fd_(std::exchange(other.fd_, -1)), huge_(other.huge_) {}

MemoryRegion& MemoryRegion::operator=(MemoryRegion&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(fd_, other.fd_);
  std::swap(huge_, other.huge_);
  return *this;
}

MemoryRegion::~MemoryRegion() {
  if (!bytes_.empty()) {
    DmaRegistry::instance().remove({bytes_, fd_});
    munmap(bytes_.data(), bytes_.size());
  }
  if (fd_ >= 0) close(fd_);
}

// Tells the devices; a region that one of them refused is unmapped and stays empty.
base::Result<void> MemoryRegion::announce(std::span<std::byte> mapped) {
  if (auto added = DmaRegistry::instance().add({mapped, fd_}); !added.has_value()) {
    munmap(mapped.data(), mapped.size());
    return added;
  }
  bytes_ = mapped;
  return {};
}

base::Result<void> MemoryRegion::punch_hole(std::size_t offset, std::size_t size) {
  if (DmaRegistry::instance().pages_pinned()) {
    // A device would go on using the old pages, and nobody would see what it writes.
    std::memset(bytes_.subspan(offset, size).data(), 0, size);
    return {};
  }
  if (fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                static_cast<off_t>(size)) != 0) {
    return base::fail_errno("punch hole in memory region");
  }
  return {};
}

base::Result<MemoryRegion> MemoryRegion::remap(std::size_t size) const {
  MemoryRegion again;
  again.fd_ = fcntl(fd_, F_DUPFD_CLOEXEC, 0);
  if (again.fd_ < 0) return base::fail_errno("duplicate a memory region");
  if (size > bytes_.size() && ftruncate(again.fd_, static_cast<off_t>(size)) != 0) {
    return base::fail_errno("grow a memory region");
  }
  std::byte* const at = map_aligned(again.fd_, size, huge_ ? std::size_t{2} << 20 : 4096);
  if (at == nullptr) return base::fail_errno("map a memory region again");
  TRY(again.announce({at, size}));
  again.huge_ = huge_;
  return again;
}

DmaPool::~DmaPool() { CHECK(in_use_ == 0 && waiters_.empty()); }

DmaSpan DmaPool::take(std::size_t size) {
  std::size_t size_class = 0;
  while (size_class < kSizes.size() && kSizes[size_class] < size) ++size_class;
  CHECK(size_class < kSizes.size());
  FreeBuffer* buffer = free_[size_class];
  if (buffer != nullptr) [[likely]] {
    free_[size_class] = buffer->next;
  } else {
    // When all memory is taken, a larger buffer than needed is better than none.
    while ((buffer = carve(size_class)) == nullptr) {
      if (++size_class == kSizes.size()) return {};
    }
  }
  ++in_use_;
  auto* const bytes = reinterpret_cast<std::byte*>(buffer);
  return {{bytes, kSizes[size_class]}, Iova{reinterpret_cast<std::uintptr_t>(bytes)}};
}

void DmaPool::give(std::byte* buffer) {
  const auto slab = reinterpret_cast<std::uintptr_t>(buffer) & ~(kSlab - 1);
  const auto* header = reinterpret_cast<const SlabHeader*>(slab);
  CHECK(header->owner == this && in_use_ > 0);
  auto* const free_buffer = reinterpret_cast<FreeBuffer*>(buffer);
  free_buffer->next = free_[header->size_class];
  free_[header->size_class] = free_buffer;
  --in_use_;
  if (Waiter* waiter = waiters_.pop_front()) waiter->dma_available();
}

// A buffer that is free, or was never used, or is of a new slab.
DmaPool::FreeBuffer* DmaPool::carve(std::size_t size_class) {
  if (FreeBuffer* const buffer = free_[size_class]) {
    free_[size_class] = buffer->next;
    return buffer;
  }
  std::span<std::byte>& fresh = fresh_[size_class];
  if (fresh.empty() && !grow(size_class)) return nullptr;
  auto* const buffer = reinterpret_cast<FreeBuffer*>(fresh.data());
  fresh = fresh.subspan(kSizes[size_class]);
  return buffer;
}

bool DmaPool::grow(std::size_t size_class) {
  if (mapped_ + kSlab > limit_) return false;
  auto region = MemoryRegion::create("outboard-dma", kSlab, MemoryRegion::Pages::kHugeIfAny, kSlab);
  if (!region.has_value()) return false;
  std::byte* const base = region->bytes().data();
  *reinterpret_cast<SlabHeader*>(base) = SlabHeader{this, size_class};
  const std::size_t size = kSizes[size_class];
  fresh_[size_class] = region->bytes().subspan(size);  // the first holds the header
  mapped_ += kSlab;
  slabs_.push_back(std::move(*region));
  return true;
}

}  // namespace hal
