// Makes and removes the media under test.
#include "tests/contract/backstore/stores.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>

#include "scsi_core/backstores/io_threads.h"
#include "scsi_core/backstores/uring.h"

namespace scsi::test {
namespace {

template <Uring::Mode kMode>
base::Result<std::unique_ptr<IoQueue>> ring(hal::Reactor& reactor) {
  return Uring::create(reactor, kMode);
}

}  // namespace

std::vector<StoreKind> all_stores() {
  using Kind = BackstoreConfig::Kind;
  return {
      {.name = "Ram512", .kind = Kind::kRam},
      {.name = "Ram4096", .kind = Kind::kRam, .block_size = 4096},
      {.name = "RamSetAside", .kind = Kind::kRam, .thin = false},
      {.name = "Null", .kind = Kind::kNull, .keeps_data = false},
      {.name = "File512", .kind = Kind::kFile},
      {.name = "File4096", .kind = Kind::kFile, .block_size = 4096},
      {.name = "FileSetAside", .kind = Kind::kFile, .thin = false},
      {.name = "FileCached", .kind = Kind::kFile, .direct = false},
      {.name = "FileByThreads", .kind = Kind::kFile, .make_queue = &IoThreads::create},
      {.name = "FileOlderRing", .kind = Kind::kFile, .make_queue = &ring<Uring::Mode::kCooperative>},
      {.name = "FileOldRing", .kind = Kind::kFile, .make_queue = &ring<Uring::Mode::kPlain>},
      {.name = "BlockDevice", .kind = Kind::kFile, .loop_device = true},
  };
}

Medium::Medium(const StoreKind& kind, std::uint64_t size) : kind_(kind), size_(size) {
  if (kind.kind != BackstoreConfig::Kind::kFile) return;
  static std::atomic<int> number{0};
  file_ = testing::TempDir() + "outboard-store-" + std::to_string(getpid()) + "-" + std::to_string(++number);
  path_ = file_;
  if (!kind.loop_device) return;
  loop_ = LoopDevice::create(file_, size);
  possible_ = loop_.has_value();
  if (possible_) path_ = loop_->path();
}

Medium::~Medium() {
  loop_.reset();
  if (!file_.empty()) unlink(file_.c_str());
}

std::unique_ptr<Backstore> Medium::open() {
  FileOptions options;
  options.path = path_;
  options.size = size_;
  options.block_size = kind_.block_size;
  options.thin = kind_.thin;
  options.direct = kind_.direct;
  options.make_queue = kind_.make_queue;
  auto made =
      kind_.kind == BackstoreConfig::Kind::kFile
          ? FileStore::create(options)
          : make_backstore(
                {.kind = kind_.kind, .path = "", .size = size_, .block_size = kind_.block_size, .thin = kind_.thin});
  if (!made.has_value()) {
    ADD_FAILURE() << made.error().text;
    std::abort();
  }
  return std::move(*made);
}

}  // namespace scsi::test
