// Two hosts on one cable without a fabric, point to point and as a loop: who logs in to whom, and what each is told.
#include <algorithm>

#include "tests/support/log_guard.h"
#include "tests/unit/emu/qla/mini_host.h"

namespace emu::qla {
namespace {

using regs::MailboxCommand;
using Role = MiniHost::Role;
constexpr std::uint32_t kAnswer = MiniHost::kData + 0x100, kList = MiniHost::kData + 0x200;

// The PLOGI that the firmware gives its host, in wire order.
std::vector<std::uint8_t> plogi_of(MiniHost& host) {
  EXPECT_EQ(host.mailbox(MailboxCommand::kGetParameters, host.address(MiniHost::kData, {{1, 0x0700}, {8, 29}}))[0],
            0x4000);
  const auto words = host.get<std::array<std::uint8_t, 116>>(MiniHost::kData);
  std::vector<std::uint8_t> payload{0x03, 0, 0, 0};
  for (std::size_t i = 0; i < 112; ++i) payload.push_back(words[i ^ 3]);
  return payload;
}

// As Linux does when its port has the larger name.
void send_plogi(Pair& pair, MiniHost& from, std::uint16_t handle) {
  const auto payload = plogi_of(from);
  std::copy(payload.begin(), payload.end(), reinterpret_cast<std::uint8_t*>(from.bytes().data()) + MiniHost::kData);
  auto plogi = MiniHost::make<wire::ElsPassThrough>(wire::EntryType::kElsPassThrough, 0x31);
  plogi.nport = handle;
  plogi.opcode = 0x03;
  plogi.d_id = 2;
  plogi.s_id = {0, 1, 0};
  plogi.transmit_segments = plogi.receive_segments = 1;
  plogi.transmit_bytes = plogi.receive_bytes = 116;
  plogi.transmit = {from.at(MiniHost::kData), 116};
  plogi.receive = {from.at(kAnswer), 116};
  from.post(plogi);
  pair.run();
}

void acknowledge(Pair& pair, MiniHost& target, std::uint8_t command) {
  const auto notice = target.atio<wire::ImmediateNotify>(wire::EntryType::kImmediateNotify);
  ASSERT_TRUE(notice.has_value()) << int{command};
  EXPECT_EQ(notice->subcode, command);
  auto ack = MiniHost::make<wire::NotifyAck>(wire::EntryType::kNotifyAck, 0x99);
  ack.nport = notice->nport;
  ack.status = notice->status;
  ack.subcode = notice->subcode;
  ack.firmware_handle = notice->firmware_handle;
  ack.exchange = notice->exchange;
  target.post(ack);
  pair.run();
}

std::optional<wire::LogIo> send_prli(Pair& pair, MiniHost& from, std::uint16_t handle, std::uint32_t to) {
  auto prli = MiniHost::make<wire::LogIo>(wire::EntryType::kLogIo, 0x32);
  prli.nport = handle;
  prli.flags = wire::kLogPrli;
  prli.port_id = to;
  from.post(prli);
  pair.run();
  return from.response<wire::LogIo>(wire::EntryType::kLogIo);
}

std::vector<wire::NameListEntry> names_of(MiniHost& host) {
  const auto values = host.mailbox(MailboxCommand::kGetNameList, host.address(kList, {{1, 0x0C}, {8, 0x400}}));
  EXPECT_EQ(values[0], 0x4000);
  std::vector<wire::NameListEntry> all;
  for (std::uint32_t at = 0; at < values[1]; at += sizeof(wire::NameListEntry))
    all.push_back(host.get<wire::NameListEntry>(kList + at));
  return all;
}

TEST(QlaPointToPoint, HostsPlogiFromTheTemplateIsAccepted) {
  Pair pair(Role::kTarget, Role::kInitiator);
  pair.run();
  send_plogi(pair, pair.b, 0);
  acknowledge(pair, pair.a, 0x03);
  const auto done = pair.b.response<wire::ElsStatus>(wire::EntryType::kElsPassThrough);
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->completion, 0);
  EXPECT_EQ(pair.b.get<std::uint8_t>(kAnswer), 0x02) << "LS_ACC";
  EXPECT_FALSE(send_prli(pair, pair.b, 0, 2).has_value()) << "the target's host has not answered yet";
  acknowledge(pair, pair.a, 0x20);
  const auto logged_in = pair.b.response<wire::LogIo>(wire::EntryType::kLogIo);
  ASSERT_TRUE(logged_in.has_value());
  EXPECT_EQ(logged_in->completion, 0);
  const auto names = names_of(pair.b);
  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(names[0].current_state, 6);
  EXPECT_EQ(names[0].port_name, 0x2100001122334401u);
}

TEST(QlaPointToPoint, InitiatorWithTheSmallerNameFindsThePlogiInItsNameList) {
  Pair pair;
  pair.run();
  EXPECT_TRUE(names_of(pair.a).empty());
  send_plogi(pair, pair.b, 0);
  const auto names = names_of(pair.a);
  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(names[0].current_state, 4) << "PLOGI complete";
  EXPECT_EQ(names[0].port_id, 1u);
  EXPECT_EQ(names[0].port_name, 0x2100001122334402u);
  send_prli(pair, pair.a, names[0].nport, 1);
  acknowledge(pair, pair.b, 0x20);
  const auto logged_in = pair.a.response<wire::LogIo>(wire::EntryType::kLogIo);
  ASSERT_TRUE(logged_in.has_value());
  EXPECT_EQ(logged_in->completion, 0);
  EXPECT_NE(logged_in->io[0] & 0x10, 0u) << "a target";
  EXPECT_EQ(names_of(pair.a).at(0).current_state, 6);
}

// Linux looks once, when it hears of the loop; logins that come later it does not find.
struct LoopPair {
  LoopPair() {
    pair.a.connection = pair.b.connection = 2;
    pair.a.bring_up(Role::kInitiator);
    pair.b.bring_up(Role::kTarget);
    pair.run(std::chrono::milliseconds(500));
  }
  Pair pair;
};

TEST(QlaLoop, InitiatorHearsOfTheLoopWhenItsLoginsAreDone) {
  LoopPair world;
  Pair& pair = world.pair;
  EXPECT_TRUE(pair.b.saw(regs::AsyncEvent::kLinkUp)) << "a target waits for nobody";
  EXPECT_FALSE(pair.a.saw(regs::AsyncEvent::kLinkUp));
  EXPECT_NE(pair.a.mailbox(MailboxCommand::kGetFirmwareState)[1], 3);
  acknowledge(pair, pair.b, 0x03);
  EXPECT_FALSE(pair.a.saw(regs::AsyncEvent::kLinkUp));
  acknowledge(pair, pair.b, 0x20);
  EXPECT_TRUE(pair.a.saw(regs::AsyncEvent::kLinkUp));
  EXPECT_EQ(pair.a.mailbox(MailboxCommand::kGetFirmwareState)[1], 3);
  EXPECT_EQ(pair.a.mailbox(MailboxCommand::kGetAdapterId)[6], 0) << "private loop";
  const auto names = names_of(pair.a);
  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(names[0].current_state, 6);
  EXPECT_LT(names[0].nport, 0x7E);
}

TEST(QlaLoop, SilentPortHoldsTheNewsBackOnlySoLong) {
  LoopPair world;
  world.pair.run(std::chrono::seconds(2));
  EXPECT_TRUE(world.pair.a.saw(regs::AsyncEvent::kLinkUp));
}

}  // namespace
}  // namespace emu::qla
