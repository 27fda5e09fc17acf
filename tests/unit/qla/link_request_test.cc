// What the port asks of others by entry 53: the entry and its payload, byte by byte, and each answer that may come.
#include <bit>

#include "tests/unit/qla/port_fixture.h"

namespace qla {
namespace {

struct LinkRequestTest : PortFixture {
  void SetUp() override {
    PortFixture::SetUp();
    bring_up();
    card.requests.clear();
    told.clear();
  }
  wire::ElsPassThrough report() {
    port->report_state_change();
    run(2);
    return request<wire::ElsPassThrough>(wire::EntryType::kElsPassThrough);
  }
  static std::span<std::uint8_t> bytes_of(const wire::DataSegment& segment) {
    return {reinterpret_cast<std::uint8_t*>(std::uintptr_t{segment.address}), segment.length};
  }
  void answer(const wire::ElsPassThrough& entry, std::uint16_t completion, std::uint8_t command) {
    bytes_of(entry.receive)[0] = command;
    auto done = std::bit_cast<wire::ElsStatus>(entry);
    done.completion = completion;
    give_response(done);
    run(2);
  }
};

TEST_F(LinkRequestTest, RscnGoesToTheFabricController) {
  const auto entry = report();
  EXPECT_EQ(entry.nport, 0x7fd);
  EXPECT_EQ(entry.d_id, 0xfffffdu);
  EXPECT_EQ(entry.opcode, 0x61);
  EXPECT_EQ(entry.sof, 0x10);
  EXPECT_EQ(entry.vp, 0);
  EXPECT_EQ(entry.flags, 0);
  EXPECT_EQ(entry.transmit_segments, 1);
  EXPECT_EQ(entry.receive_segments, 1);
  EXPECT_EQ(entry.transmit_bytes, 8u);
  const std::uint32_t id = link.id.raw;
  const std::span<const std::uint8_t> payload = bytes_of(entry.transmit);
  const std::vector<std::uint8_t> expected = {0x61,
                                              4,
                                              0,
                                              8,
                                              0x08,
                                              static_cast<std::uint8_t>(id >> 16),
                                              static_cast<std::uint8_t>(id >> 8),
                                              static_cast<std::uint8_t>(id)};
  EXPECT_EQ(std::vector<std::uint8_t>(payload.begin(), payload.end()), expected);
  answer(entry, 0x15, 0x02);  // LS_ACC, shorter than the room for it
  EXPECT_EQ(told, std::vector<std::string>{"state change reported"});
}

TEST_F(LinkRequestTest, RscnThatIsRefusedOrLostIsTold) {
  auto entry = report();
  bytes_of(entry.receive)[5] = 0x0b;
  bytes_of(entry.receive)[6] = 0x2c;
  answer(entry, 0, 0x01);
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0], "state change not reported: answer 01, reason 0b, explanation 2c");
  answer(report(), 0x06, 0);  // timeout
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[1], "state change not reported: completion 06, status 00");
  entry = report();
  entry.head.status = wire::kEntryBadParameter;
  answer(entry, 0, 0x02);
  ASSERT_EQ(told.size(), 3u);
  EXPECT_EQ(told[2], "state change not reported: completion 00, status 04");
}

}  // namespace
}  // namespace qla
