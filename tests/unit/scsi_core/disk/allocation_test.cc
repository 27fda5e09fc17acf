// ALLOCATION LENGTH over every command that returns parameter data: never a byte more, never another first byte.
#include <string>

#include "tests/unit/scsi_core/disk/bench.h"

namespace scsi {
namespace {

// A CDB with ALLOCATION LENGTH at [at, at + width).
struct Asking {
  const char* name;
  Cdb cdb;
  std::size_t at, width;
};

Cdb with_length(const Asking& asking, std::uint64_t length) {
  Cdb cdb = asking.cdb;
  for (std::size_t i = 0; i < asking.width; ++i) {
    cdb[asking.at + i] = static_cast<std::uint8_t>(length >> (8 * (asking.width - 1 - i)));
  }
  return cdb;
}

std::vector<Asking> every_command() {
  std::vector<Asking> all = {
      {"REQUEST SENSE", {0x03, 0, 0, 0, 0, 0}, 4, 1},
      {"REQUEST SENSE descriptor", {0x03, 1, 0, 0, 0, 0}, 4, 1},
      {"INQUIRY", {0x12, 0, 0, 0, 0, 0}, 3, 2},
      {"MODE SENSE(6)", {0x1a, 0, 0x3f, 0xff, 0, 0}, 4, 1},
      {"MODE SENSE(10)", {0x5a, 0x10, 0x3f, 0xff, 0, 0, 0, 0, 0, 0}, 7, 2},
      {"READ DEFECT DATA(10)", {0x37, 0, 0x18, 0, 0, 0, 0, 0, 0, 0}, 7, 2},
      {"READ DEFECT DATA(12)", {0xb7, 0x18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 6, 4},
      {"READ CAPACITY(16)", cdb_16(0x9e, 0x10, 0, 0), 10, 4},
      {"GET LBA STATUS", cdb_16(0x9e, 0x12, 0, 0), 10, 4},
      {"REPORT LUNS", {0xa0, 0, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 6, 4},
      {"RSOC all", {0xa3, 0x0c, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 6, 4},
      {"RSOC one", {0xa3, 0x0c, 0x81, 0x12, 0, 0, 0, 0, 0, 0, 0, 0}, 6, 4},
      {"RSTMF", {0xa3, 0x0d, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 6, 4},
  };
  for (const int page : {0x00, 0x80, 0x83, 0x86, 0x87, 0x88, 0xb0, 0xb1, 0xb2}) {
    all.push_back({"VPD", {0x12, 1, static_cast<std::uint8_t>(page), 0, 0, 0}, 3, 2});
  }
  return all;
}

TEST(DiskAllocationLength, CutsButNeverChangesTheData) {
  Bench bench;
  for (const Asking& asking : every_command()) {
    const std::uint64_t most = (std::uint64_t{1} << (8 * asking.width)) - 1;
    const Bytes full = bench.in(with_length(asking, std::min<std::uint64_t>(most, 8192)), 8192).data;
    ASSERT_FALSE(full.empty()) << asking.name;
    // GET LBA STATUS tells as many descriptors as there is room for, so the length field may grow.
    const bool length_varies = asking.cdb[0] == 0x9e && asking.cdb[1] == 0x12;
    for (std::uint64_t length = 0; length <= full.size() + 64 && length <= most; ++length) {
      const Reply reply = bench.in(with_length(asking, length), 8192);
      ASSERT_TRUE(reply.good()) << asking.name << " " << length;
      ASSERT_EQ(reply.data.size(), std::min<std::uint64_t>(length, full.size())) << asking.name;
      if (!length_varies) {
        ASSERT_TRUE(std::equal(reply.data.begin(), reply.data.end(), full.begin())) << asking.name << " " << length;
      }
      EXPECT_EQ(reply.residual, Response::Residual::kUnderflow) << "truncation is no overflow";
    }
    for (const std::uint64_t length : {std::uint64_t{1} << 31, std::uint64_t{0xffffffff}, std::uint64_t{0xffff}}) {
      if (length > most) continue;
      const Reply reply = bench.in(with_length(asking, length), 8192);
      ASSERT_TRUE(reply.good()) << asking.name;
      EXPECT_EQ(reply.data, full) << asking.name << " " << length;
    }
  }
}

TEST(DiskAllocationLength, ExpectedLengthCutsToo) {
  Bench bench;
  for (const Asking& asking : every_command()) {
    const std::uint64_t most = (std::uint64_t{1} << (8 * asking.width)) - 1;
    const Cdb cdb = with_length(asking, std::min<std::uint64_t>(most, 8192));
    const Bytes full = bench.in(cdb, 8192).data;
    const Reply reply = bench.in(cdb, 3);
    EXPECT_TRUE(reply.good());
    EXPECT_EQ(reply.data, Bytes(full.begin(), full.begin() + 3)) << asking.name;
    EXPECT_EQ(reply.residual, Response::Residual::kOverflow);
    EXPECT_EQ(reply.residual_count, full.size() - 3);
  }
}

}  // namespace
}  // namespace scsi
