// Opening files and devices: what is accepted, made, refused, and that no two units share one.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/contract/backstore/bench.h"
#include "tests/contract/backstore/stores.h"

namespace scsi::test {
namespace {

class Folder {
 public:
  Folder() : path_(testing::TempDir() + "outboard-medium-XXXXXX") { EXPECT_NE(mkdtemp(path_.data()), nullptr); }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

BackstoreConfig config(const std::string& path, std::uint64_t size) {
  BackstoreConfig made;
  made.kind = BackstoreConfig::Kind::kFile;
  made.path = path;
  made.size = size;
  return made;
}

std::uint64_t file_size(const std::string& path) {
  struct stat about {};
  EXPECT_EQ(stat(path.c_str(), &about), 0);
  return static_cast<std::uint64_t>(about.st_size);
}

TEST(FileMedium, AFileIsMadeWhenASizeIsGiven) {
  const Folder folder;
  const std::string path = folder.file("disk");
  EXPECT_EQ(make_backstore(config(path, 0)).error().code, base::Errc::kNotFound);
  ASSERT_TRUE(make_backstore(config(path, 1 << 20)).has_value());
  struct stat about {};
  ASSERT_EQ(stat(path.c_str(), &about), 0);
  EXPECT_EQ(about.st_size, 1 << 20);
  EXPECT_EQ(about.st_mode & 0777, 0600u);
  EXPECT_EQ(make_backstore(config(path, 0)).value()->geometry().blocks, (1u << 20) / 512);
}

TEST(FileMedium, OpeningNeverCutsAFileButMayLetItGrow) {
  const Folder folder;
  const std::string path = folder.file("disk");
  ASSERT_TRUE(make_backstore(config(path, 1 << 20)).has_value());
  EXPECT_EQ(make_backstore(config(path, 1 << 19)).value()->geometry().blocks, (1u << 19) / 512);
  EXPECT_EQ(file_size(path), 1u << 20);
  EXPECT_EQ(make_backstore(config(path, 1 << 21)).value()->geometry().blocks, (1u << 21) / 512);
  EXPECT_EQ(file_size(path), 1u << 21);
}

TEST(FileMedium, ASizeThatIsNoWholeBlockIsRoundedDownOrRefused) {
  const Folder folder;
  const std::string path = folder.file("disk");
  ASSERT_TRUE(make_backstore(config(path, 1 << 20)).has_value());
  ASSERT_EQ(truncate(path.c_str(), (1 << 20) + 100), 0);
  EXPECT_EQ(make_backstore(config(path, 0)).value()->geometry().blocks, (1u << 20) / 512);
  EXPECT_FALSE(make_backstore(config(path, 1000)).has_value());
  ASSERT_EQ(truncate(path.c_str(), 100), 0);
  EXPECT_FALSE(make_backstore(config(path, 0)).has_value());
}

TEST(FileMedium, WhatIsNeitherFileNorBlockDeviceIsRefused) {
  const Folder folder;
  EXPECT_EQ(make_backstore(config(folder.file(""), 1 << 20)).error().code, base::Errc::kInvalid);
  EXPECT_EQ(make_backstore(config("/dev/null", 1 << 20)).error().code, base::Errc::kInvalid);
  EXPECT_FALSE(make_backstore(config(folder.file("no/such/folder"), 1 << 20)).has_value());
  BackstoreConfig odd = config(folder.file("disk"), 1 << 20);
  odd.block_size = 520;
  EXPECT_EQ(make_backstore(odd).error().code, base::Errc::kInvalid);
}

TEST(FileMedium, TwoUnitsCannotShareAFile) {
  const Folder folder;
  const std::string path = folder.file("disk"), other = folder.file("link");
  auto first = make_backstore(config(path, 1 << 20)).value();
  ASSERT_EQ(symlink(path.c_str(), other.c_str()), 0);
  const auto second = make_backstore(config(other, 0));
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, base::Errc::kBusy);
  EXPECT_NE(second.error().text.find("used by another"), std::string::npos);
}

TEST(FileMedium, WaitsForAProcessThatIsJustEnding) {
  const Folder folder;
  const std::string path = folder.file("disk");
  auto first = make_backstore(config(path, 1 << 20)).value();
  std::thread ending([&] {
    usleep(200'000);
    first.reset();
  });
  EXPECT_TRUE(make_backstore(config(path, 0)).has_value());
  ending.join();
}

TEST(FileMedium, TwoUnitsCannotShareABlockDevice) {
  Medium medium({.name = "loop", .kind = BackstoreConfig::Kind::kFile, .loop_device = true}, 1 << 20);
  if (!medium.possible()) GTEST_SKIP() << "no permission to make loop devices";
  const auto first = medium.open();
  EXPECT_EQ(make_backstore(config(medium.path(), 0)).error().code, base::Errc::kBusy);
}

TEST(FileMedium, ABlockDeviceIsNotLargerThanItIs) {
  Medium medium({.name = "loop", .kind = BackstoreConfig::Kind::kFile, .loop_device = true}, 1 << 20);
  if (!medium.possible()) GTEST_SKIP() << "no permission to make loop devices";
  EXPECT_EQ(make_backstore(config(medium.path(), 2 << 20)).error().code, base::Errc::kInvalid);
  const auto store = make_backstore(config(medium.path(), 0)).value();
  EXPECT_EQ(store->geometry().blocks, (1u << 20) / 512);
  EXPECT_FALSE(store->resize((2 << 20) / 512).has_value());
  EXPECT_TRUE(store->resize((1 << 19) / 512).has_value());
  EXPECT_TRUE(store->resize((1 << 20) / 512).has_value());
  EXPECT_NE(store->describe().find("device /dev/loop"), std::string::npos);
}

TEST(FileMedium, AThickFileTellsHowFarItIs) {
  const Folder folder;
  BackstoreConfig thick = config(folder.file("disk"), std::uint64_t{3} << 20);
  thick.thin = false;
  Filling filling;
  ASSERT_TRUE(make_backstore(thick, nullptr, &filling).has_value());
  EXPECT_EQ(filling.of, thick.size);
  EXPECT_EQ(filling.done, thick.size);
  Filling none;
  ASSERT_TRUE(make_backstore(config(folder.file("thin"), 1 << 20), nullptr, &none).has_value());
  EXPECT_EQ(none.of, 0u);
}

// The medium is not filled up to find out; what there was stays as it was.
TEST(FileMedium, AThickFileForWhichThereIsNoRoomLeavesNothingBehind) {
  const Folder folder;
  BackstoreConfig thick = config(folder.file("disk"), std::uint64_t{1} << 50);
  ASSERT_TRUE(make_backstore(config(thick.path, 1 << 20)).has_value());
  thick.thin = false;
  Filling filling;
  const auto made = make_backstore(thick, nullptr, &filling);
  ASSERT_FALSE(made.has_value());
  EXPECT_EQ(made.error().code, base::Errc::kNoSpace);
  EXPECT_EQ(filling.done, 0u);
  EXPECT_EQ(file_size(thick.path), 1u << 20);
}

}  // namespace
}  // namespace scsi::test
