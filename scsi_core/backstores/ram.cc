// RAM disk: the medium. The channel is in ram_channel.cc.
#include "scsi_core/backstores/ram.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/log.h"
#include "scsi_core/backstores/ram_channel.h"
#include "scsi_core/backstores/zero_area.h"
#include "scsi_core/medium_state.h"

#ifdef __SANITIZE_THREAD__
extern "C" void AnnotateBenignRaceSized(const char* file, int line, const volatile void* at, std::size_t size,
                                        const char* why);
#endif

namespace scsi {
namespace {

constexpr base::Logger kLog("backstore");
constexpr std::uint64_t kMaxSize = std::uint64_t{64} << 40;  // the address space holds 128 TiB
// Bits for what the disk may grow to: address space only, until a page of it is used.
constexpr std::uint64_t kMinMapBytes = (std::uint64_t{1} << 40) / kPageSize / 8;
constexpr std::uint64_t kGrowth = 64;
constexpr std::uint64_t kTrimPages = 2048;                                    // that exist, per turn
constexpr std::uint64_t kTrimScan = std::uint64_t{4096} * PageMap::kPerWord;  // looked at, per turn

struct Budget {
  std::atomic<std::uint64_t> limit{static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                                   static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) / kPageSize / 4 * 3};
  std::atomic<std::uint64_t> used{0};
};
Budget budget;  // in pages

bool take_pages(std::atomic<std::uint64_t>& used, std::uint64_t limit, std::uint64_t pages) {
  if (used.fetch_add(pages, std::memory_order_relaxed) + pages <= limit) return true;
  used.fetch_sub(pages, std::memory_order_relaxed);
  return false;
}

// A lock per map word, 64 of them; held for a few instructions, or for a page fault or two.
class WordLock {
 public:
  WordLock(std::atomic<std::uint64_t>& locks, std::uint64_t word)
      : locks_(locks), mask_(std::uint64_t{1} << (word % 64)) {
    while ((locks_.fetch_or(mask_, std::memory_order_acquire) & mask_) != 0) {
      while ((locks_.load(std::memory_order_relaxed) & mask_) != 0) __builtin_ia32_pause();
    }
  }
  ~WordLock() { locks_.fetch_and(~mask_, std::memory_order_release); }
  WordLock(const WordLock&) = delete;
  WordLock& operator=(const WordLock&) = delete;

 private:
  std::atomic<std::uint64_t>& locks_;
  const std::uint64_t mask_;
};

std::uint64_t map_bytes_for(std::uint64_t size) {
  const std::uint64_t pages = (size + kPageSize - 1) / kPageSize;
  return std::max(kMinMapBytes, (pages * kGrowth / 8 + kPageSize - 1) / kPageSize * kPageSize);
}

// Commands that touch the same blocks at the same time are the initiators' affair, and an order that they keep goes
// through sockets, where the thread sanitizer does not see it.
void declare_medium([[maybe_unused]] std::byte* data, [[maybe_unused]] std::size_t size) {
#ifdef __SANITIZE_THREAD__
  AnnotateBenignRaceSized(__FILE__, __LINE__, data, size, "blocks of a medium");
#endif
}

}  // namespace

void set_ram_limit(std::uint64_t bytes) { budget.limit.store(bytes / kPageSize, std::memory_order_relaxed); }
std::uint64_t ram_in_use() { return budget.used.load(std::memory_order_relaxed) * kPageSize; }

base::Result<std::unique_ptr<Backstore>> RamStore::create(const RamOptions& options) {
  if (!is_block_size(options.block_size)) {
    return base::fail(base::Errc::kInvalid, "block size of a RAM disk must be 512 or 4096");
  }
  if (options.size == 0 || options.size % options.block_size != 0 || options.size > kMaxSize) {
    return base::fail(base::Errc::kInvalid, "size of a RAM disk must be whole blocks, at most 64 TiB");
  }
  std::unique_ptr<RamStore> made(new RamStore(options, map_bytes_for(options.size)));
  if (!options.thin && !made->charge(RamStore::pages_of(options.size))) {
    return base::fail(base::Errc::kNoMemory, "not enough memory for a RAM disk that is not thin");
  }
  return std::unique_ptr<Backstore>(std::move(made));
}

base::Result<void> RamStore::hand_over(MediumState& out) {
  const std::lock_guard lock(mutex_);
  out.size = size();
  out.map_bytes = map_bytes_;
  out.pages = pages_.load(std::memory_order_relaxed);
  if (!exists()) return {};
  out.descriptor = base::Fd(fcntl(region_->fd(), F_DUPFD_CLOEXEC, 0));
  if (!out.descriptor) return base::fail_errno("hand a RAM disk over");
  return {};
}

base::Result<std::unique_ptr<Backstore>> RamStore::adopt(const RamOptions& options, MediumState& state) {
  const auto wrong = [](const char* what) {
    return base::fail(base::Errc::kInvalid, std::string("the RAM disk that was handed over: ") + what);
  };
  if (!is_block_size(options.block_size) || state.size == 0 || state.size % options.block_size != 0 ||
      state.size > kMaxSize) {
    return wrong("its size");
  }
  if (state.map_bytes < kMinMapBytes || state.map_bytes % kPageSize != 0 || state.map_bytes > kMaxSize) {
    return wrong("its page map");
  }
  if (pages_of(state.size) > state.map_bytes * 8) return wrong("its page map is too small");
  RamOptions same = options;
  same.size = state.size;
  std::unique_ptr<RamStore> made(new RamStore(same, state.map_bytes));
  TRY(made->take_over(state));
  return std::unique_ptr<Backstore>(std::move(made));
}

// The memory comes once, with the first state that has it: it may not have existed before.
base::Result<void> RamStore::take_over(MediumState& state) {
  const std::lock_guard lock(mutex_);
  if (state.size != size() || state.map_bytes != map_bytes_) {
    return base::fail(base::Errc::kInvalid, "the RAM disk that was handed over has changed its size");
  }
  if (!exists() && state.descriptor) {
    auto memory = TRY(hal::MemoryRegion::adopt(std::move(state.descriptor)));
    if (memory.bytes().size() < map_bytes_ + pages_of(size()) * kPageSize) {
      return base::fail(base::Errc::kInvalid, "the RAM disk that was handed over: its memory is too small");
    }
    region_.emplace(std::move(memory));
    publish(*region_);
  }
  // They exist, whatever the limit is now.
  const std::uint64_t before = pages_.exchange(state.pages, std::memory_order_relaxed);
  budget.used.fetch_add(state.pages - before, std::memory_order_relaxed);
  return {};
}

RamStore::RamStore(const RamOptions& options, std::uint64_t map_bytes)
    : block_size_(options.block_size),
      thin_(options.thin),
      page_limit_(options.memory_limit == 0 ? ~std::uint64_t{0} : options.memory_limit / kPageSize),
      map_bytes_(map_bytes),
      size_(options.size) {}

RamStore::~RamStore() { budget.used.fetch_sub(pages_.load(std::memory_order_relaxed), std::memory_order_relaxed); }

StoreGeometry RamStore::geometry() const {
  StoreGeometry geometry;
  geometry.block_size = block_size_;
  geometry.blocks = size() / block_size_;
  geometry.physical_exponent = block_size_ == 512 ? 3 : 0;
  geometry.unmap_granularity = static_cast<std::uint32_t>(kPageSize / block_size_);
  geometry.thin = thin_;
  return geometry;
}

base::Result<std::unique_ptr<StoreChannel>> RamStore::open_channel(hal::Reactor& reactor) {
  return std::unique_ptr<StoreChannel>(new RamChannel(*this, reactor));
}

std::uint64_t RamStore::lend_for_read(std::uint64_t offset, std::uint64_t length, std::span<hal::DmaSpan> out,
                                      std::uint32_t& segments) {
  segments = 0;
  if (!inside(offset, length) || out.empty()) return 0;
  if (!exists()) return lend_zeros(length, out, segments);
  const PageMap pages = map();
  const std::uint64_t end = offset + length;
  const std::uint64_t last_page = pages_of(end);
  std::uint64_t at = offset;
  while (at < end && segments < out.size()) {
    const std::uint64_t page = at >> kPageShift;
    const bool there = pages.test(page);
    const std::uint64_t part = std::min(end, pages.run_end(page, last_page, there) << kPageShift) - at;
    if (there) {
      out[segments++] = span(at, part);
      at += part;
    } else {
      const std::uint64_t lent = lend_zeros(part, out, segments);
      if (lent == 0) break;
      at += lent;
    }
  }
  return at - offset;
}

std::uint64_t RamStore::lend_for_write(std::uint64_t offset, std::uint64_t length, std::span<hal::DmaSpan> out,
                                       std::uint32_t& segments, StoreStatus& status) {
  segments = 0;
  status = StoreStatus::kGood;
  if (!inside(offset, length) || out.empty()) return 0;
  if (!exists() && !materialise()) {
    status = StoreStatus::kNoSpace;
    return 0;
  }
  const std::uint64_t covered = make_pages(offset, offset + length) - offset;
  if (covered == 0) {
    status = StoreStatus::kNoSpace;
    return 0;
  }
  out[0] = span(offset, covered);
  segments = 1;
  return covered;
}

// Makes the pages of [offset, end) exist as far as memory goes; returns where that is.
std::uint64_t RamStore::make_pages(std::uint64_t offset, std::uint64_t end) {
  PageMap pages = map();
  const std::uint64_t last = pages_of(end);
  for (std::uint64_t page = offset >> kPageShift; page < last;) {
    const std::uint64_t next = std::min(last, (page | (PageMap::kPerWord - 1)) + 1);
    if (pages.missing(page, next) != 0) {
      const std::uint64_t word = page / PageMap::kPerWord;
      const WordLock lock(making_, word);
      const std::uint64_t missing = pages.missing(page, next);
      if (thin_ && missing != 0 && !charge(static_cast<std::uint64_t>(std::popcount(missing)))) {
        return std::max(offset, page << kPageShift);
      }
      zero_edges(word, missing, offset, end);
      pages.set(word, missing);
    }
    page = next;
  }
  return end;
}

// What a write to [offset, end) leaves of the new pages `missing` of a map word: at most a part of the first and last.
void RamStore::zero_edges(std::uint64_t word, std::uint64_t missing, std::uint64_t offset, std::uint64_t end) {
  const auto is_new = [&](std::uint64_t page) {
    return page / PageMap::kPerWord == word && ((missing >> (page % PageMap::kPerWord)) & 1) != 0;
  };
  const std::uint64_t head = offset % kPageSize, tail = end % kPageSize;
  if (head != 0 && is_new(offset >> kPageShift)) std::memset(data() + offset - head, 0, head);
  if (tail != 0 && is_new(end >> kPageShift)) std::memset(data() + end, 0, kPageSize - tail);
}

bool RamStore::charge(std::uint64_t pages) {
  if (!take_pages(pages_, page_limit_, pages)) return false;
  if (take_pages(budget.used, budget.limit.load(std::memory_order_relaxed), pages)) return true;
  pages_.fetch_sub(pages, std::memory_order_relaxed);
  return false;
}

void RamStore::refund(std::uint64_t pages) {
  pages_.fetch_sub(pages, std::memory_order_relaxed);
  budget.used.fetch_sub(pages, std::memory_order_relaxed);
}

// The first write to the disk: the only one that takes a lock.
bool RamStore::materialise() {
  const std::lock_guard lock(mutex_);
  if (exists()) return true;
  const std::uint64_t bytes = map_bytes_ + pages_of(size()) * kPageSize;
  auto made = hal::MemoryRegion::create("outboard-ram", bytes, hal::MemoryRegion::Pages::kPlain);
  if (!made.has_value()) {
    if (!std::exchange(told_, true)) kLog.error("no memory region for a RAM disk: {}", made.error().text);
    return false;
  }
  region_.emplace(std::move(*made));
  publish(*region_);
  return true;
}

void RamStore::publish(const hal::MemoryRegion& mapping) {
  std::byte* const base = mapping.bytes().data();
  mapped_ = mapping.bytes().size();
  declare_medium(base + map_bytes_, mapped_ - map_bytes_);
  data_.store(base + map_bytes_, std::memory_order_release);
  words_.store(reinterpret_cast<PageMap::Word*>(base), std::memory_order_release);
}

void RamStore::drop_pages(std::uint64_t first, std::uint64_t end) {
  // First the bits, then the memory: whoever sets a bit in between writes into pages that exist.
  const std::uint64_t cleared = map().clear(first, end);
  punch(first, end);
  if (thin_ && cleared != 0) refund(cleared);
}

void RamStore::punch(std::uint64_t first, std::uint64_t end) {
  if (first >= end) return;
  const auto punched = region_->punch_hole(map_bytes_ + first * kPageSize, (end - first) * kPageSize);
  if (!punched.has_value()) {  // the memory cannot be freed, but it must read as zeros
    kLog.error("RAM disk: {}", punched.error().text);
    std::memset(data() + first * kPageSize, 0, (end - first) * kPageSize);
  }
}

std::uint64_t RamStore::trim(std::uint64_t offset, std::uint64_t length) {
  if (!exists()) return length;
  const std::uint64_t end = offset + length;
  const std::uint64_t page = offset >> kPageShift;
  if (const std::uint64_t next = clear_until(page, std::min(pages_of(end), page + kTrimScan)); next > page) {
    return std::min(end, next << kPageShift) - offset;
  }
  // `page` exists. Part of a page is zeroed, whole pages go.
  if (offset % kPageSize != 0 || end - offset < kPageSize) {
    const std::uint64_t part = std::min(end, (page + 1) << kPageShift) - offset;
    std::memset(data() + offset, 0, part);
    return part;
  }
  const std::uint64_t stop = map().run_end(page, std::min(end >> kPageShift, page + kTrimPages), true);
  drop_pages(page, stop);
  return (stop - page) << kPageShift;
}

// The first page from `page` on that exists, or `end`. Parts of the map that have no memory are skipped, not read:
// reading would give them memory.
std::uint64_t RamStore::clear_until(std::uint64_t page, std::uint64_t end) const {
  constexpr std::uint64_t kPagesPerMapPage = kPageSize * 8;
  while (page < end) {
    const off_t found = lseek(region_->fd(), static_cast<off_t>(page / 8), SEEK_DATA);
    if (found < 0) return end;
    page = std::max(page, static_cast<std::uint64_t>(found) * 8);
    if (page >= end) return end;
    const std::uint64_t stop = std::min(end, (page | (kPagesPerMapPage - 1)) + 1);
    const std::uint64_t next = map().run_end(page, stop, false);
    if (next < stop) return next;
    page = stop;
  }
  return end;
}

base::Result<StoreExtent> RamStore::extent_at(std::uint64_t offset) {
  const std::uint64_t end = size();
  if (offset >= end) return base::fail(base::Errc::kInvalid, "offset beyond the end of the RAM disk");
  if (!thin_) return StoreExtent{offset, end - offset, true};
  if (!exists()) return StoreExtent{offset, end - offset, false};
  const std::uint64_t page = offset >> kPageShift;
  const bool mapped = map().test(page);
  const std::uint64_t stop = mapped ? map().run_end(page, pages_of(end), true) : clear_until(page, pages_of(end));
  return StoreExtent{offset, std::min(end, stop << kPageShift) - offset, mapped};
}

base::Result<void> RamStore::resize(std::uint64_t blocks) {
  const std::lock_guard lock(mutex_);
  if (blocks == 0 || blocks > kMaxSize / block_size_) {
    return base::fail(base::Errc::kInvalid, "size of a RAM disk must be 1 block to 64 TiB");
  }
  const std::uint64_t before = size(), after = blocks * block_size_;
  const std::uint64_t old_pages = pages_of(before), new_pages = pages_of(after);
  if (new_pages > map_bytes_ * 8) {
    return base::fail(base::Errc::kUnsupported, "a RAM disk grows to 64 times its first size or 1 TiB at most");
  }
  if (exists() && mapped_ < map_bytes_ + new_pages * kPageSize) {
    larger_.push_back(TRY(region_->remap(map_bytes_ + new_pages * kPageSize)));
    publish(larger_.back());
  }
  if (!thin_ && new_pages > old_pages && !charge(new_pages - old_pages)) {
    return base::fail(base::Errc::kNoMemory, "not enough memory to grow a RAM disk that is not thin");
  }
  if (after < before) size_.store(after, std::memory_order_release);
  if (exists()) forget(std::min(before, after), std::max(before, after));
  if (!thin_ && new_pages < old_pages) refund(old_pages - new_pages);
  size_.store(after, std::memory_order_release);
  return {};
}

// What was cut off, and what a late writer may have left behind an earlier cut, reads as zeros when it comes back.
void RamStore::forget(std::uint64_t from, std::uint64_t to) {
  if (const std::uint64_t part = from % kPageSize; part != 0 && map().test(from >> kPageShift)) {
    std::memset(data() + from, 0, kPageSize - part);
  }
  const std::uint64_t first = pages_of(from), end = pages_of(to);
  for (std::uint64_t at = first; (at = clear_until(at, end)) < end;) {
    const std::uint64_t stop = map().run_end(at, end, true);
    drop_pages(at, stop);
    at = stop;
  }
  punch(first, end);
}

}  // namespace scsi
