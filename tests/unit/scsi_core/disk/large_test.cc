// A disk of 2^41 blocks (1 PiB): addresses and counts beyond 32 bits, in every place that tells or takes them.
#include "scsi_core/backstores/backstores.h"
#include "tests/unit/scsi_core/disk/bench.h"

namespace scsi {
namespace {

constexpr std::uint64_t kBlocks = std::uint64_t{1} << 41;

class DiskLarge : public testing::Test {
 protected:
  DiskLarge() {
    BackstoreConfig store;
    store.kind = BackstoreConfig::Kind::kNull;
    store.size = kBlocks * 512;
    LuConfig config;
    config.name = "large";
    EXPECT_TRUE(
        target_.wait([&](Done done) { target_.core().add_disk(config, *make_backstore(store), done); }).has_value());
    EXPECT_TRUE(target_.map({{"large", 0}}).has_value());
    host_ = &target_.login("iqn.2026-01.test:host");
    target_.clear_attentions(*host_);
  }
  Reply in(const Cdb& cdb, std::size_t length) { return target_.run(*host_, {.cdb = cdb, .in = length}); }
  LoopTarget target_{test_support::LoopOptions{}};
  LoopNexus* host_;
};

TEST_F(DiskLarge, ShortFieldsSayThatThereIsMore) {
  EXPECT_EQ(number(in(cdb_10(0x25, 0, 0, 0), 8).data, 0, 8), 0xffffffff'00000200u);
  EXPECT_EQ(number(in(cdb_16(0x9e, 0x10, 0, 32), 32).data, 0, 8), kBlocks - 1);
  EXPECT_EQ(number(in({0x1a, 0, 0x08, 0, 255, 0}, 255).data, 4, 4), 0xffffffffu);
  EXPECT_EQ(number(in({0x5a, 0x10, 0x08, 0, 0, 0, 0, 0, 255, 0}, 255).data, 8, 8), kBlocks);
}

TEST_F(DiskLarge, AddressesAreChecked) {
  EXPECT_TRUE(in(cdb_16(0x88, 0, kBlocks - 1, 1), 512).good());
  const Reply reply = in(cdb_16(0x88, 0, kBlocks - 1, 2), 1024);
  expect_check(reply, kLogicalBlockAddressOutOfRange);
  EXPECT_FALSE(sense_of(reply).has_information) << "fixed format holds 32 bits of INFORMATION";
  EXPECT_TRUE(in(cdb_10(0x28, 0, 0xffffffff, 1), 512).good());
  EXPECT_TRUE(in(cdb_16(0x88, 0, std::uint64_t{1} << 40, 8), 4096).good());
}

TEST_F(DiskLarge, LbaStatusRunsAreCutToTheirField) {
  const Bytes data = in(cdb_16(0x9e, 0x12, 5, 24), 24).data;
  EXPECT_EQ(number(data, 8, 8), 5u);
  EXPECT_EQ(number(data, 16, 4), 0xffffffffu);
}

}  // namespace
}  // namespace scsi
