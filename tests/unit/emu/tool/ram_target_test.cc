// The RAM target at the other end of an initiator's cable: logins, commands a disk driver sends, what it refuses.
#include "emu/tool/ram_target.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/unit/emu/fc/station.h"

namespace emu::tool {
namespace {

using fc::Station;
using std::chrono::milliseconds;
using Cdb = std::array<std::uint8_t, 16>;

struct RamTargetTest : testing::Test {
  RamTargetTest() {
    host.port.start();
    target.start();
    EXPECT_TRUE(run_until([this] { return host.port.link() != nullptr && target.port().link() != nullptr; }));
    host.port.log_in({1, 0, host.info.peer.id, {}}, fc::LoginRequest::kPlogiPrli);
    EXPECT_TRUE(run_until([this] { return host.answered(1); }));
  }
  template <class Condition>
  bool run_until(Condition&& condition) {
    for (int i = 0; i < 2000 && !condition(); ++i) {
      now += milliseconds(1);
      link.poll(now);
      host.port.poll(now);
      target.poll(now);
    }
    return condition();
  }
  Station::Io& start(const Cdb& cdb, std::vector<std::byte> data, bool write, std::uint8_t management = 0) {
    auto& io = *(host.ios[++tag] = std::make_unique<Station::Io>());
    io.tag = tag;
    io.data = std::move(data);
    const auto length = static_cast<std::uint32_t>(io.data.size());
    hal::fc::FcpCmnd cmnd;
    cmnd.cdb = cdb;
    cmnd.task_management_flags = management;
    cmnd.data_length = length;
    if (length > 0) cmnd.additional_length = write ? 1 : 2;
    io.id = host.port
                .start_command({.tag = tag,
                                .vp = 0,
                                .to = host.info.peer.id,
                                .cmnd = fc::bytes_of(cmnd),
                                .reads = !write && length > 0,
                                .writes = write,
                                .data_length = length,
                                .limit = {}})
                .second;
    return io;
  }
  Station::Io& run(const Cdb& cdb, std::vector<std::byte> data, bool write = false, std::uint8_t management = 0) {
    Station::Io& io = start(cdb, std::move(data), write, management);
    EXPECT_TRUE(run_until([&io] { return io.ended != 0; }));
    EXPECT_EQ(io.reason, fc::EndReason::kDone);
    return io;
  }
  static hal::fc::FcpRsp rsp_of(const Station::Io& io) { return fc::take<hal::fc::FcpRsp>(io.response).value(); }
  static std::uint16_t sense_code(const Station::Io& io) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(io.response.at(24 + 12)) << 8 |
                                      std::to_integer<unsigned>(io.response.at(24 + 13)));
  }

  base::Time now{std::chrono::hours(1)};
  fc::Link link{fc::LinkOptions{}};
  Station host{link.end(0), fc::kHostName, Station::Role::kInitiator};
  RamTarget target{link.end(1), hal::fc::Wwn{fc::kHostName - 1}, fc::Connection::kPointToPoint, 1};
  std::uint32_t tag = 1000;
};

TEST_F(RamTargetTest, WriteThenReadGivesTheSame) {
  std::vector<std::byte> pattern(0x40 * 512);
  for (std::size_t i = 0; i < pattern.size(); ++i) pattern[i] = static_cast<std::byte>(i * 13 + i / 512);
  EXPECT_EQ(rsp_of(run({0x2A, 0, 0, 0, 0x07, 0xC0, 0, 0, 0x40}, pattern, true)).status, 0);
  const Station::Io& read =
      run({0x88, 0, 0, 0, 0, 0, 0, 0, 0x07, 0xC0, 0, 0, 0, 0x40}, std::vector<std::byte>(pattern.size()));
  EXPECT_EQ(read.data, pattern);
  EXPECT_EQ(rsp_of(read).flags, 0);
}

TEST_F(RamTargetTest, ShortAnswersHaveAResidual) {
  const Station::Io& inquiry = run({0x12, 0, 0, 0, 255}, std::vector<std::byte>(255));
  EXPECT_EQ(inquiry.data_in, 36u);
  EXPECT_EQ(rsp_of(inquiry).flags, hal::fc::FcpRsp::kResidualUnder);
  EXPECT_EQ(rsp_of(inquiry).residual, 255u - 36u);
  const Station::Io& capacity = run({0x25}, std::vector<std::byte>(4));
  EXPECT_EQ(rsp_of(capacity).flags, hal::fc::FcpRsp::kResidualOver);
  EXPECT_EQ(rsp_of(capacity).residual, 4u);
  EXPECT_EQ(capacity.data[2], std::byte{0x07});
  EXPECT_EQ(capacity.data[3], std::byte{0xFF}) << "last of 2048 blocks";
}

TEST_F(RamTargetTest, RefusesWithSense) {
  const Station::Io& unknown = run({0xA3}, {});
  EXPECT_EQ(rsp_of(unknown).status, 0x02);
  EXPECT_EQ(sense_code(unknown), 0x2000);
  EXPECT_EQ(sense_code(run({0x28, 0, 0, 0, 0x08, 0, 0, 0, 1}, std::vector<std::byte>(512))), 0x2100);
  EXPECT_EQ(sense_code(run({0x12, 1, 0xB0, 0, 255}, std::vector<std::byte>(255))), 0x2400);
}

TEST_F(RamTargetTest, LogicalUnitResetEndsWhatIsUnderWay) {
  const Station::Io& other = start({0x2A, 0, 0, 0, 0, 0, 0, 0, 1}, std::vector<std::byte>(512), true);
  const Station::Io& reset = run({}, {}, false, hal::fc::FcpCmnd::kLogicalUnitReset);
  EXPECT_EQ(reset.response.size(), 32u);
  EXPECT_EQ(reset.response.at(24 + 3), std::byte{0});
  EXPECT_EQ(other.ended, 0) << "the initiator's to end";
  EXPECT_EQ(rsp_of(run({0x00}, {})).status, 0);
}

}  // namespace
}  // namespace emu::tool
