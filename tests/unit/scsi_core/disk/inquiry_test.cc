// INQUIRY and VPD pages byte by byte, REPORT LUNS, REQUEST SENSE, TEST UNIT READY; LUNs without a logical unit.
#include <algorithm>
#include <string>
#include <string_view>

#include "tests/unit/scsi_core/disk/bench.h"

namespace scsi {
namespace {

Cdb inquiry(std::uint16_t length, int page = -1) {
  return {0x12,
          static_cast<std::uint8_t>(page >= 0 ? 1 : 0),
          static_cast<std::uint8_t>(page >= 0 ? page : 0),
          static_cast<std::uint8_t>(length >> 8),
          static_cast<std::uint8_t>(length),
          0};
}
Cdb report_luns(std::uint8_t select, std::uint32_t length = 4096) {
  Cdb cdb(12);
  cdb[0] = 0xa0;
  cdb[2] = select;
  for (std::size_t i = 0; i < 4; ++i) cdb[6 + i] = static_cast<std::uint8_t>(length >> (24 - 8 * i));
  return cdb;
}
std::string_view text(const Bytes& data, std::size_t at, std::size_t length) {
  return {reinterpret_cast<const char*>(data.data()) + at, length};
}
Reply vpd(Bench& bench, std::uint8_t page) {
  const Reply reply = bench.in(inquiry(4096, page), 4096);
  EXPECT_TRUE(reply.good()) << int{page};
  EXPECT_EQ(number(reply.data, 1, 1), page);
  EXPECT_EQ(number(reply.data, 2, 2) + 4, reply.data.size()) << int{page};
  return reply;
}

TEST(DiskInquiry, StandardDataIsWhatTheConfigurationSays) {
  LuConfig config;
  config.vendor = "VENDOR";
  config.product = "A PRODUCT";
  config.revision = "12";
  Bench bench({}, config);
  const Bytes data = bench.in(inquiry(260), 260).data;
  ASSERT_EQ(data.size(), 96u);
  EXPECT_EQ(number(data, 0, 8), 0x000006125b000002u);
  EXPECT_EQ(text(data, 8, 28), "VENDOR  A PRODUCT       12  ");
  const std::vector<std::uint64_t> versions = {0x00a0, 0x0460, 0x04c0, 0x0960, 0, 0, 0, 0};
  for (std::size_t i = 0; i < 8; ++i) EXPECT_EQ(number(data, 58 + 2 * i, 2), versions[i]);
}

TEST(DiskInquiry, RemovableShowsInRmb) {
  LuConfig config;
  config.removable = true;
  Bench bench({}, config);
  EXPECT_EQ(number(bench.in(inquiry(36), 36).data, 1, 1), 0x80u);
}

TEST(DiskInquiry, PageCodeWithoutEvpdAndUnknownPagesAreRefused) {
  Bench bench;
  Cdb cdb = inquiry(36);
  cdb[2] = 0x83;
  expect_invalid_cdb(bench.in(cdb, 36), 2);
  for (int page = 1; page < 256; ++page) {
    const bool known = page == 0x80 || page == 0x83 || (page >= 0x86 && page <= 0x88) || (page >= 0xb0 && page <= 0xb2);
    const Reply reply = bench.in(inquiry(255, page), 255);
    if (known) {
      EXPECT_TRUE(reply.good()) << page;
    } else {
      expect_invalid_cdb(reply, 2);
    }
  }
  cdb = inquiry(36);
  cdb[1] = 0x02;  // CMDDT, obsolete
  expect_invalid_cdb(bench.in(cdb, 36), 1, 1);
}

TEST(DiskVpd, SupportedPagesAreListedAscending) {
  Bench bench;
  const Bytes data = vpd(bench, 0x00).data;
  EXPECT_EQ(Bytes(data.begin() + 4, data.end()), bytes_of({0x00, 0x80, 0x83, 0x86, 0x87, 0x88, 0xb0, 0xb1, 0xb2}));
}

TEST(DiskVpd, SerialNumberIsTheConfigured) {
  Bench bench;
  EXPECT_EQ(text(vpd(bench, 0x80).data, 4, 10), "0123456789");
}

TEST(DiskVpd, IdentificationNamesUnitPortAndDevice) {
  Bench bench;
  const Bytes data = vpd(bench, 0x83).data;
  struct Found {
    unsigned header, length;
    std::size_t at;
  };
  std::vector<Found> found;
  for (std::size_t at = 4; at < data.size(); at += 4 + number(data, at + 3, 1)) {
    found.push_back(
        {static_cast<unsigned>(number(data, at, 2)), static_cast<unsigned>(number(data, at + 3, 1)), at + 4});
  }
  ASSERT_EQ(found.size(), 7u);
  EXPECT_EQ(found[0].header, 0x0103u);  // binary, logical unit, NAA
  EXPECT_EQ(number(data, found[0].at, 8), 0x6123456789abcdefu);
  EXPECT_EQ(number(data, found[0].at + 8, 8), 0x0011223344556677u);
  EXPECT_EQ(found[1].header, 0x0201u);  // ASCII, logical unit, T10 vendor ID
  EXPECT_EQ(text(data, found[1].at, found[1].length), "OUTBOARDVIRTUAL-DISK    0123456789");
  EXPECT_EQ(found[2].header, 0x0308u);  // UTF-8, logical unit, SCSI name string
  EXPECT_EQ(text(data, found[2].at, 37), std::string_view("naa.6123456789ABCDEF0011223344556677\0", 37));
  EXPECT_EQ(found[2].length, 40u);
  EXPECT_EQ(found[3].header, 0x5194u);  // iSCSI, binary, target port, relative target port
  EXPECT_EQ(number(data, found[3].at, 4), 1u);
  EXPECT_EQ(found[4].header, 0x5195u);  // target port group
  EXPECT_EQ(number(data, found[4].at, 4), 1u);
  EXPECT_EQ(found[5].header, 0x5398u);  // UTF-8, target port, SCSI name string
  EXPECT_EQ(text(data, found[5].at, 31), "iqn.2026-01.test:target,t,0x000");
  EXPECT_EQ(found[6].header, 0x53a8u);  // target device, SCSI name string
  EXPECT_EQ(text(data, found[6].at, found[6].length), std::string_view("iqn.2026-01.test:target\0", 24));
}

TEST(DiskVpd, ScsiPortsListsThePortsOfTheTarget) {
  Bench bench({}, {}, 2);
  bench.login("iqn.2026-01.test:there", 1);
  Bytes data = vpd(bench, 0x88).data;
  ASSERT_EQ(data.size(), 4u + 12 + 4 + 36) << "one port on two reactors is one port";
  EXPECT_EQ(number(data, 4, 4), 1u);    // RELATIVE PORT IDENTIFIER
  EXPECT_EQ(number(data, 8, 4), 0u);    // no initiator port
  EXPECT_EQ(number(data, 12, 4), 40u);  // TARGET PORT DESCRIPTORS LENGTH
  EXPECT_EQ(number(data, 16, 4), 0x53980024u);
  EXPECT_EQ(text(data, 20, 31), "iqn.2026-01.test:target,t,0x000");
  EXPECT_TRUE(bench.run(inquiry(0, 0x88)).good());
}

TEST(DiskVpd, ExtendedInquiryAndModePagePolicy) {
  Bench bench;
  Bytes data = vpd(bench, 0x86).data;
  ASSERT_EQ(data.size(), 64u);
  EXPECT_EQ(number(data, 4, 1), 0u);    // SPT, GRD_CHK, APP_CHK, REF_CHK: no protection
  EXPECT_EQ(number(data, 5, 1), 7u);    // HEADSUP, ORDSUP, SIMPSUP
  EXPECT_EQ(number(data, 6, 1), 1u);    // V_SUP
  EXPECT_EQ(number(data, 13, 1), 64u);  // MAXIMUM SUPPORTED SENSE DATA LENGTH
  data = vpd(bench, 0x87).data;
  EXPECT_EQ(Bytes(data.begin() + 4, data.end()), bytes_of({0x3f, 0xff, 0, 0}));
}

TEST(DiskVpd, BlockLimitsFitTheBlockSize) {
  for (const std::uint32_t block : {512u, 4096u}) {
    FakeMedium medium;
    medium.block_size = block;
    Bench bench(std::move(medium));
    const Bytes data = vpd(bench, 0xb0).data;
    ASSERT_EQ(data.size(), 64u);
    const std::uint64_t transfer = (std::uint64_t{32} << 20) / block;
    EXPECT_EQ(number(data, 4, 1), 0u);  // WSNZ
    EXPECT_EQ(number(data, 5, 1), block == 512 ? 255u : 128u);
    EXPECT_EQ(number(data, 6, 2), 8u);
    EXPECT_EQ(number(data, 8, 4), transfer);
    EXPECT_EQ(number(data, 20, 4), 1u << 20);
    EXPECT_EQ(number(data, 24, 4), 256u);
    EXPECT_EQ(number(data, 28, 4), 1u);
    EXPECT_EQ(number(data, 32, 4), 0x80000000u);
    EXPECT_EQ(number(data, 36, 8), 4 * transfer);
    EXPECT_EQ(number(data, 44, 4), 512u);
    EXPECT_EQ(number(data, 48, 8), 0u);
    EXPECT_EQ(number(data, 56, 8), 0u);
  }
}

TEST(DiskVpd, BlockCharacteristicsAndProvisioning) {
  Bench bench;
  Bytes data = vpd(bench, 0xb1).data;
  ASSERT_EQ(data.size(), 64u);
  EXPECT_EQ(number(data, 4, 2), 1u);  // does not rotate
  EXPECT_EQ(number(data, 8, 1), 3u);  // FUAB, VBULS
  data = vpd(bench, 0xb2).data;
  EXPECT_EQ(Bytes(data.begin() + 4, data.end()), bytes_of({0, 0xe4, 2, 0}));
  FakeMedium thick;
  thick.thin = false;
  Bench full(std::move(thick));
  data = vpd(full, 0xb2).data;
  EXPECT_EQ(Bytes(data.begin() + 4, data.end()), bytes_of({0, 0, 0, 0}));
  EXPECT_EQ(number(vpd(full, 0xb0).data, 20, 16), 0u);
}

TEST(DiskReadCapacity, TellsLastBlockAndProvisioning) {
  LuConfig config;
  config.physical_block_size = 2048;
  Bench bench({}, config);
  EXPECT_EQ(number(bench.in(cdb_10(0x25, 0, 0, 0), 8).data, 0, 8), 0x00000fff'00000200u);
  const Bytes data = bench.in(cdb_16(0x9e, 0x10, 0, 32), 32).data;
  ASSERT_EQ(data.size(), 32u);
  EXPECT_EQ(number(data, 0, 8), 4095u);
  EXPECT_EQ(number(data, 8, 4), 512u);
  EXPECT_EQ(number(data, 12, 1), 0u);       // no protection
  EXPECT_EQ(number(data, 13, 1), 2u);       // four logical blocks per physical block
  EXPECT_EQ(number(data, 14, 2), 0xc000u);  // LBPME, LBPRZ
  EXPECT_EQ(number(data, 16, 8), 0u);
  expect_invalid_cdb(bench.in(cdb_10(0x25, 0, 1, 0), 8), 5, 0);
}

TEST(DiskReadCapacity, FollowsAResize) {
  Bench bench;
  EXPECT_TRUE(bench.target().wait([&](Done done) { bench.target().core().resize_lu("disk", 5000, done); }).has_value());
  expect_check(bench.in(cdb_16(0x9e, 0x10, 0, 32), 32), kCapacityDataHasChanged);
  EXPECT_EQ(number(bench.in(cdb_16(0x9e, 0x10, 0, 32), 32).data, 0, 8), 4999u);
  EXPECT_TRUE(bench.in(cdb_10(0x28, 0, 4999, 1), 512).good());
}

TEST(DiskReportLuns, ListsWhatIsAsked) {
  Bench bench;
  ASSERT_TRUE(bench.target().map({{"disk", 3}, {"disk", 0}, {"disk", 300}}).has_value());
  bench.target().clear_attentions(bench.host());
  Bytes data = bench.in(report_luns(0x00), 4096).data;
  ASSERT_EQ(data.size(), 32u);
  EXPECT_EQ(number(data, 0, 8), 24ull << 32);
  EXPECT_EQ(number(data, 8, 8), 0u);
  EXPECT_EQ(number(data, 16, 8), 0x0003'0000'0000'0000u);
  EXPECT_EQ(number(data, 24, 8), 0x412c'0000'0000'0000u);  // flat space addressing
  data = bench.in(report_luns(0x01), 4096).data;
  ASSERT_EQ(data.size(), 16u);
  EXPECT_EQ(number(data, 8, 8), 0xc101'0000'0000'0000u);
  EXPECT_EQ(bench.in(report_luns(0x02), 4096).data.size(), 40u);
  EXPECT_EQ(bench.in(report_luns(0x10), 4096).data.size(), 8u);
  EXPECT_EQ(bench.in(report_luns(0x11), 4096).data.size(), 32u);
  EXPECT_EQ(bench.in(report_luns(0x12), 4096).data.size(), 8u);
  for (int select = 0; select < 256; ++select) {
    if (select <= 2 || (select >= 0x10 && select <= 0x12)) continue;
    expect_invalid_cdb(bench.in(report_luns(static_cast<std::uint8_t>(select)), 64), 2);
  }
}

TEST(DiskReportLuns, ClearsReportedLunsDataHasChanged) {
  Bench bench;
  ASSERT_TRUE(bench.target().map({{"disk", 0}, {"disk", 1}}).has_value());
  EXPECT_TRUE(bench.in(report_luns(0), 64).good());
  EXPECT_TRUE(bench.run({0, 0, 0, 0, 0, 0}).good());
}

TEST(EmptyLun, InquiryReportLunsAndRequestSenseAnswerAnythingElseIsNotSupported) {
  Bench bench;
  const auto at = [&](const Cdb& cdb, std::size_t in) {
    return bench.target().run(bench.host(), {.cdb = cdb, .lun = 9, .in = in});
  };
  Reply reply = at(inquiry(96), 96);
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(number(reply.data, 0, 1), 0x7fu);
  EXPECT_EQ(reply.data.size(), 96u);
  reply = at(inquiry(64, 0), 64);
  EXPECT_EQ(reply.data, bytes_of({0x7f, 0, 0, 1, 0}));
  expect_invalid_cdb(at(inquiry(64, 0x80), 64), 2);
  EXPECT_EQ(at(report_luns(0), 64).data.size(), 16u);
  reply = at({0x03, 0, 0, 0, 252, 0}, 252);
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(number(reply.data, 2, 1), 0x05u);
  EXPECT_EQ(number(reply.data, 12, 2), 0x2500u);
  expect_check(at({0, 0, 0, 0, 0, 0}, 0), kLogicalUnitNotSupported);
  expect_check(at(cdb_10(0x28, 0, 0, 1), 512), kLogicalUnitNotSupported);
  expect_check(at(cdb_16(0xa3, 0x0c, 0, 0), 64), kLogicalUnitNotSupported);
}

TEST(ReportLunsWellKnownUnit, AnswersItsFourCommands) {
  Bench bench;
  const auto at = [&](const Cdb& cdb, std::size_t in) {
    return bench.target().run(bench.host(), {.cdb = cdb, .in = in, .lun_bytes = kReportLunsWellKnown.bytes});
  };
  EXPECT_EQ(number(at(inquiry(96), 96).data, 0, 1), 0x1eu);
  EXPECT_TRUE(at({0, 0, 0, 0, 0, 0}, 0).good());
  EXPECT_EQ(at(report_luns(0), 64).data.size(), 16u);
  EXPECT_EQ(number(at({0x03, 0, 0, 0, 252, 0}, 252).data, 2, 1), 0u);
  const Bytes pages = at(inquiry(64, 0), 64).data;
  EXPECT_EQ(Bytes(pages.begin() + 4, pages.end()), bytes_of({0x00, 0x83}));
  EXPECT_EQ(number(at(inquiry(255, 0x83), 255).data, 4, 2), 0x53a8u);
  expect_check(at(cdb_10(0x28, 0, 0, 1), 512), kInvalidCommandOperationCode);
}

TEST(DiskRequestSense, TellsAndClearsAUnitAttentionInTheFormatAsked) {
  Bench bench;
  for (const bool descriptor : {false, true}) {
    LoopNexus& fresh = bench.target().login("iqn.2026-01.test:fresh" + std::to_string(descriptor));
    const Cdb cdb = {0x03, static_cast<std::uint8_t>(descriptor), 0, 0, 252, 0};
    Reply reply = bench.target().run(fresh, {.cdb = cdb, .in = 252});
    EXPECT_TRUE(reply.good());
    EXPECT_EQ(reply.data.size(), descriptor ? 8u : 18u);
    EXPECT_EQ(number(reply.data, 0, 1), descriptor ? 0x72u : 0x70u);
    EXPECT_EQ(number(reply.data, descriptor ? 1 : 2, 1), 6u);
    EXPECT_EQ(number(reply.data, descriptor ? 2 : 12, 1), 0x29u);
    EXPECT_TRUE(bench.run(fresh, {0, 0, 0, 0, 0, 0}).good()) << "reported, so it is cleared";
    reply = bench.target().run(fresh, {.cdb = cdb, .in = 252});
    EXPECT_EQ(number(reply.data, descriptor ? 1 : 2, 1), 0u);
  }
}

}  // namespace
}  // namespace scsi
