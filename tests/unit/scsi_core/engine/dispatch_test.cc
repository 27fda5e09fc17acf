// Unit tests of dispatch: LUNs, opcodes, usage bits, and the order of the checks.
#include <gtest/gtest.h>

#include <cstring>

#include "scsi_core/sense_codes.h"
#include "tests/unit/scsi_core/engine/test_unit.h"

namespace scsi::engine_test {
namespace {

TEST(Dispatch, ReadReturnsWhatTheMediumHoldsWithGood) {
  Bench bench;
  LoopNexus& host = bench.login("host");
  const Reply reply = bench.target.run(host, {.cdb = read_10(7, 2), .in = 1024});
  ASSERT_TRUE(reply.good());
  ASSERT_EQ(reply.data.size(), 1024u);
  EXPECT_EQ(std::memcmp(reply.data.data(), bench.medium_a.bytes.data() + 7 * 512, 1024), 0);
  EXPECT_EQ(reply.residual, Response::Residual::kNone);
}

TEST(Dispatch, WriteReachesTheMediumOfItsLun) {
  Bench bench;
  LoopNexus& host = bench.login("host");
  std::vector<std::byte> data(512, std::byte{0x5a});
  ASSERT_TRUE(bench.target.run(host, {.cdb = write_10(3, 1), .lun = 1, .out = data}).good());
  EXPECT_EQ(std::memcmp(data.data(), bench.medium_b.bytes.data() + 3 * 512, 512), 0);
  EXPECT_NE(std::memcmp(data.data(), bench.medium_a.bytes.data() + 3 * 512, 512), 0);
}

TEST(Dispatch, NewNexusIsToldOfPowerOnOnce) {
  Bench bench;
  LoopNexus& host = bench.target.login("iqn.2026-01.test:host");
  EXPECT_TRUE(bench.target.run(host, {.cdb = test_unit_ready()}).check(kPowerOnOccurred));
  EXPECT_TRUE(bench.target.run(host, {.cdb = test_unit_ready()}).good());
  EXPECT_TRUE(bench.target.run(host, {.cdb = test_unit_ready(), .lun = 1}).check(kPowerOnOccurred));
}

}  // namespace
}  // namespace scsi::engine_test
