// Two hosts on one cable: aborts, what a strict model complains of, faults on request.
#include "tests/support/log_guard.h"
#include "tests/unit/emu/qla/logged_in.h"

namespace emu::qla {
namespace {

using Flags = wire::CtioFlags;

TEST(QlaAbort, GoesByAbtsToTheTargetsHostAndBack) {
  LoggedIn world;
  world.a.post(world.command(0x51, 4096, true));
  world.run();
  const auto atio = world.b.atio<wire::Atio7>(wire::EntryType::kAtio7);
  ASSERT_TRUE(atio.has_value());
  auto abort = MiniHost::make<wire::Abort>(wire::EntryType::kAbort, 0x52);
  abort.nport = 5;
  abort.handle_to_abort = 0x51;
  abort.port_id = world.target_id;
  world.a.post(abort);
  world.run();
  const auto notice = world.b.response<wire::AbtsReceived>(wire::EntryType::kAbtsReceived);
  ASSERT_TRUE(notice.has_value());
  EXPECT_EQ(notice->exchange_to_abort, atio->exchange);
  auto response = MiniHost::make<wire::AbtsResponse>(wire::EntryType::kAbtsResponse, 0x53);
  response.exchange = notice->exchange;
  response.exchange_to_abort = notice->exchange_to_abort;
  response.header = notice->header;
  response.header.d_id = std::uint32_t{notice->header.s_id};
  response.header.s_id = std::uint32_t{notice->header.d_id};
  response.header.r_ctl = 0x84;
  wire::BaAcc accept{};
  accept.ox_id = std::uint16_t{notice->header.ox_id};
  accept.rx_id = std::uint16_t{notice->header.rx_id};
  accept.high_seq_cnt = 0xFFFF;
  std::memcpy(response.payload.data(), &accept, sizeof accept);
  world.b.post(response);
  world.run();
  auto done = world.b.response<wire::AbtsResponse>(wire::EntryType::kAbtsResponse);
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->completion, 0x31) << "the exchange was not ended before";
  EXPECT_EQ(std::bit_cast<wire::AbtsError>(done->payload).subcode1, 0x1Eu);
  auto end = world.ctio(*atio, 0x4040);
  world.b.post(end);
  world.b.post(response);
  world.run();
  EXPECT_EQ(world.b.response<wire::Ctio7Done>(wire::EntryType::kCtio7)->status, 1);
  EXPECT_EQ(world.b.response<wire::AbtsResponse>(wire::EntryType::kAbtsResponse)->completion, 0);
  const auto status = world.a.response<wire::Status>(wire::EntryType::kStatus);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->completion, 0x05);
  const auto aborted = world.a.response<wire::Abort>(wire::EntryType::kAbort);
  ASSERT_TRUE(aborted.has_value());
  EXPECT_EQ(aborted->nport, 0);
  EXPECT_EQ(world.a.host.faults() + world.b.host.faults(), 0u);
}

TEST(QlaAbort, OfACommandThatIsNotThere) {
  LoggedIn world;
  auto abort = MiniHost::make<wire::Abort>(wire::EntryType::kAbort, 0x52);
  abort.handle_to_abort = 0x7777;
  world.a.post(abort);
  world.run();
  EXPECT_EQ(world.a.response<wire::Abort>(wire::EntryType::kAbort)->nport, 0x31);
}

TEST(QlaStrict, WrongCtiosAreFaults) {
  LoggedIn world;
  world.a.post(world.command(1, 4096, false));
  world.run();
  const auto atio = world.b.atio<wire::Atio7>(wire::EntryType::kAtio7);
  ASSERT_TRUE(atio.has_value());
  auto wrong = world.ctio(*atio, 0x8040);
  wrong.ox_id = static_cast<std::uint16_t>(wrong.ox_id + 1);
  {
    ExpectLog expect("wrong OX_ID");
    world.b.post(wrong);
    world.run();
    EXPECT_EQ(world.b.response<wire::Ctio7Done>(wire::EntryType::kCtio7)->status, 8);
  }
  wrong = world.ctio(*atio, 0x8040);
  wrong.initiator = 0x010101;
  {
    ExpectLog expect("wrong initiator id");
    world.b.post(wrong);
    world.run();
    EXPECT_EQ(world.b.response<wire::Ctio7Done>(wire::EntryType::kCtio7)->status, 8);
  }
  auto right = world.ctio(*atio, 0x8040);
  world.b.post(right);
  world.run();
  EXPECT_EQ(world.b.response<wire::Ctio7Done>(wire::EntryType::kCtio7)->status, 1);
  ExpectLog expect("after its response");
  world.b.post(right);
  world.run();
  EXPECT_EQ(world.b.response<wire::Ctio7Done>(wire::EntryType::kCtio7)->status, 8);
}

TEST(QlaStrict, DoorbellBeyondTheRingAndUnknownEntries) {
  Pair pair;
  pair.run();
  {
    ExpectLog expect("beyond the ring");
    regs::RequestIn doorbell;
    doorbell.raw = MiniHost::kRing;
    pair.a.bar.write(doorbell);
  }
  ExpectLog expect("request of type ee");
  pair.a.post(MiniHost::make<wire::Marker>(static_cast<wire::EntryType>(0xEE), 4));
  pair.run();
  EXPECT_EQ(pair.a.response<wire::Marker>(static_cast<wire::EntryType>(0xEE))->head.status, wire::kEntryBadType);
}

TEST(QlaFaults, CompletionsThatAreLostComeWithTheAbort) {
  LoggedIn world;
  world.a.post(world.command(1, 4096, true));
  world.run();
  const auto atio = world.b.atio<wire::Atio7>(wire::EntryType::kAtio7);
  ASSERT_TRUE(atio.has_value());
  world.b.model.lose_completions(1);
  auto ctio = world.ctio(*atio, 0x0001);
  ctio.transfer_length = 4096;
  ctio.segment_count = 1;
  ctio.segment = {world.b.at(MiniHost::kData), 4096};
  world.b.post(ctio);
  world.run();
  EXPECT_FALSE(world.b.response<wire::Ctio7Done>(wire::EntryType::kCtio7).has_value());
  auto abort = MiniHost::make<wire::Abort>(wire::EntryType::kAbort, 2);
  abort.handle_to_abort = 1;
  world.a.post(abort);
  world.run();
  const auto done = world.b.response<wire::Ctio7Done>(wire::EntryType::kCtio7);
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->status, 2);
  EXPECT_TRUE(world.b.response<wire::AbtsReceived>(wire::EntryType::kAbtsReceived).has_value());
}

TEST(QlaMailbox, EntriesCarryMailboxCommandsAndCommandsCarryEntries) {
  LoggedIn world;
  auto entry = MiniHost::make<wire::MailboxEntry>(wire::EntryType::kMailbox, 0x11);
  entry.mailbox[0] = 0x64;
  entry.mailbox[1] = 5;
  for (const auto& [index, value] : world.a.address(MiniHost::kData)) entry.mailbox[index] = value;
  world.a.post(entry);
  world.run();
  const auto done = world.a.response<wire::MailboxEntry>(wire::EntryType::kMailbox);
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->mailbox[0], 0x4000);
  EXPECT_EQ(world.a.get<wire::PortDatabase>(MiniHost::kData).current_state, 6);
  auto logout = MiniHost::make<wire::LogIo>(wire::EntryType::kLogIo, 0x12);
  logout.nport = 5;
  logout.port_id = world.target_id;
  logout.flags = 0x0098;
  world.a.put(MiniHost::kData, logout);
  EXPECT_EQ(world.a.mailbox(regs::MailboxCommand::kExecuteIocb, world.a.address(MiniHost::kData))[0], 0x4000);
  EXPECT_EQ(world.a.get<wire::LogIo>(MiniHost::kData).completion, 0);
  EXPECT_EQ(world.a.mailbox(regs::MailboxCommand::kGetPortDatabase, world.a.address(MiniHost::kData, {{1, 5}}))[0],
            0x4006);
}

}  // namespace
}  // namespace emu::qla
