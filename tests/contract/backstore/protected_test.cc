// Media with protection information: the second medium is there, of the right size, and takes eight bytes anywhere.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/contract/backstore/bench.h"
#include "tests/contract/backstore/stores.h"

namespace scsi::test {
namespace {

// The second medium alone, as the bench drives it.
class Information final : public Backstore {
 public:
  explicit Information(std::unique_ptr<Backstore> whole) : whole_(std::move(whole)), part_(*whole_->protection()) {}
  StoreGeometry geometry() const override { return part_.geometry(); }
  bool volatile_cache() const override { return part_.volatile_cache(); }
  base::Result<std::unique_ptr<StoreChannel>> open_channel(hal::Reactor& reactor) override {
    return part_.open_channel(reactor);
  }
  base::Result<void> resize(std::uint64_t blocks) override { return whole_->resize(blocks); }
  base::Result<StoreExtent> extent_at(std::uint64_t offset) override { return part_.extent_at(offset); }
  std::string describe() const override { return part_.describe(); }

 private:
  const std::unique_ptr<Backstore> whole_;
  Backstore& part_;
};

class Folder {
 public:
  Folder() : path_(testing::TempDir() + "outboard-protected-XXXXXX") { EXPECT_NE(mkdtemp(path_.data()), nullptr); }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

constexpr std::uint64_t kBlocks = 5000;

BackstoreConfig config(BackstoreConfig::Kind kind, const Folder& folder) {
  BackstoreConfig made;
  made.kind = kind;
  if (kind == BackstoreConfig::Kind::kFile) made.path = folder.file("disk");
  made.size = kBlocks * 512;
  made.protection = true;
  return made;
}

TEST(ProtectedMedium, FileHasAnotherBesideItOrWhereItIsNamed) {
  const Folder folder;
  BackstoreConfig made = config(BackstoreConfig::Kind::kFile, folder);
  EXPECT_EQ(make_backstore(made).value()->protection()->geometry().blocks, kBlocks);
  EXPECT_EQ(std::filesystem::file_size(folder.file("disk.protection")), kBlocks * 8);
  made.path = folder.file("other");
  made.protection_path = folder.file("elsewhere");
  ASSERT_TRUE(make_backstore(made).has_value());
  EXPECT_EQ(std::filesystem::file_size(folder.file("elsewhere")), kBlocks * 8);
  made.protection = false;
  EXPECT_EQ(make_backstore(made).value()->protection(), nullptr);
}

TEST(ProtectedMedium, InformationIsReadAndWrittenBlockByBlock) {
  for (const auto kind : {BackstoreConfig::Kind::kRam, BackstoreConfig::Kind::kFile}) {
    const Folder folder;
    Bench bench(std::make_unique<Information>(make_backstore(config(kind, folder)).value()));
    EXPECT_EQ(bench.size(), kBlocks * 8);
    EXPECT_EQ(bench.read(0, kBlocks * 8), Bytes(kBlocks * 8)) << "never written: not checked";
    const Bytes some = pattern(8 * 700, 1);
    EXPECT_EQ(bench.write(8 * 77, some), StoreStatus::kGood);
    EXPECT_EQ(bench.write(8 * 100, pattern(8, 2), true), StoreStatus::kGood);
    EXPECT_EQ(bench.simple(StoreOp::kUnmap, 8 * 300, 8 * 3), StoreStatus::kGood);
    EXPECT_EQ(bench.simple(StoreOp::kWriteZeroes, 8 * 400, 8), StoreStatus::kGood);
    EXPECT_EQ(bench.flush(), StoreStatus::kGood);
    Bytes expected(kBlocks * 8);
    std::copy(some.begin(), some.end(), expected.begin() + 8 * 77);
    const Bytes one = pattern(8, 2);
    std::copy(one.begin(), one.end(), expected.begin() + 8 * 100);
    std::fill_n(expected.begin() + 8 * 300, 8 * 3, std::byte{0});
    std::fill_n(expected.begin() + 8 * 400, 8, std::byte{0});
    EXPECT_EQ(bench.read(0, kBlocks * 8), expected);
  }
}

TEST(ProtectedMedium, ResizeTakesBothAndLeavesNothingBehind) {
  for (const auto kind : {BackstoreConfig::Kind::kRam, BackstoreConfig::Kind::kFile}) {
    const Folder folder;
    Bench bench(std::make_unique<Information>(make_backstore(config(kind, folder)).value()));
    EXPECT_EQ(bench.write(0, pattern(kBlocks * 8, 3)), StoreStatus::kGood);
    ASSERT_TRUE(bench.store().resize(101).has_value());
    EXPECT_EQ(bench.size(), 808u);
    ASSERT_TRUE(bench.store().resize(300).has_value());
    EXPECT_EQ(bench.read(808, 199 * 8), Bytes(199 * 8));
    const Bytes kept = pattern(kBlocks * 8, 3);
    EXPECT_EQ(bench.read(0, 808), Bytes(kept.begin(), kept.begin() + 808));
  }
}

}  // namespace
}  // namespace scsi::test
