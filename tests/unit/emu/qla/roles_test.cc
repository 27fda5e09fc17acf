// Two hosts on one cable: link, logins, commands of both roles.
#include "tests/support/log_guard.h"
#include "tests/unit/emu/qla/logged_in.h"

namespace emu::qla {
namespace {

using Flags = wire::CtioFlags;

TEST(QlaLink, ComesUpAfterInitialisationWithItsEvents) {
  Pair pair;
  EXPECT_FALSE(pair.a.saw(regs::AsyncEvent::kLinkUp));
  pair.run();
  for (MiniHost* host : {&pair.a, &pair.b}) {
    EXPECT_TRUE(host->saw(regs::AsyncEvent::kPointToPoint));
    ASSERT_TRUE(host->saw(regs::AsyncEvent::kLinkUp));
    EXPECT_EQ((*host->find(regs::AsyncEvent::kLinkUp))[1], 4);
    const auto* all = host->find(regs::AsyncEvent::kPortDatabaseChanged);
    ASSERT_NE(all, nullptr);
    EXPECT_EQ((*all)[1], 0xFFFF);
    EXPECT_EQ((*all)[2], 6);
    const auto report = host->response<wire::ReportId>(wire::EntryType::kReportId);
    ASSERT_TRUE(report.has_value());
    EXPECT_EQ(wire::ReportId::Topology::get(report->flags), 2);
    EXPECT_EQ(host->mailbox(regs::MailboxCommand::kGetFirmwareState)[1], 3);
    EXPECT_EQ(host->mailbox(regs::MailboxCommand::kGetAdapterId)[6], 2);
  }
}

TEST(QlaLink, IdentityBeforeTheLinkIsNotReadyYet) {
  base::ManualClock clock;
  fc::Link link{fc::LinkOptions{}};
  MiniHost host(clock, link.end(0), 0x2100001122334401);
  host.bring_up(MiniHost::Role::kInitiator);
  const auto values = host.mailbox(regs::MailboxCommand::kGetAdapterId);
  EXPECT_EQ(values[0], 0x4005);
  EXPECT_EQ(values[1], 7);
}

TEST(QlaLink, InitialisingItAgainBouncesItAndEndsLogins) {
  LoggedIn world;
  world.a.async_events.clear();
  EXPECT_EQ(world.a.mailbox(regs::MailboxCommand::kLinkInitialize, {{1, 0x10}})[0], 0x4000);
  world.run(std::chrono::seconds(2));
  EXPECT_TRUE(world.a.saw(regs::AsyncEvent::kLinkDown));
  EXPECT_TRUE(world.a.saw(regs::AsyncEvent::kLinkUp));
  EXPECT_TRUE(world.b.saw(regs::AsyncEvent::kLinkDown));
  world.a.post(world.command(1, 0, false));
  world.run();
  const auto status = world.a.response<wire::Status>(wire::EntryType::kStatus);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->completion, 0x29);
}

TEST(QlaLogin, DatabaseAndListsShowThePort) {
  LoggedIn world;
  auto values = world.a.mailbox(regs::MailboxCommand::kGetPortDatabase, world.a.address(MiniHost::kData, {{1, 5}}));
  EXPECT_EQ(values[0], 0x4000);
  const auto database = world.a.get<wire::PortDatabase>(MiniHost::kData);
  EXPECT_EQ(database.current_state, 6);
  EXPECT_EQ(database.port_id, world.target_id);
  EXPECT_EQ(std::uint64_t{std::bit_cast<base::be64>(database.port_name)}, 0x2100001122334402u);
  EXPECT_NE(database.prli_word3 & 0x10, 0);
  values = world.a.mailbox(regs::MailboxCommand::kGetNameList, world.a.address(MiniHost::kData, {{1, 12}, {8, 4000}}));
  EXPECT_EQ(values[1], 40);
  const auto listed = world.a.get<wire::NameListEntry>(MiniHost::kData);
  EXPECT_EQ(listed.port_name, 0x2100001122334402u) << "the least significant byte first";
  EXPECT_EQ(listed.port_id, world.target_id);
  EXPECT_EQ(listed.nport, 5);
  values = world.a.mailbox(regs::MailboxCommand::kGetPortName, {{1, 5}});
  EXPECT_EQ(values[2], 0x2100);
  EXPECT_EQ(values[7], 0x4402);
}

TEST(QlaLogin, ConditionalLoginOfALoggedInPortIsDoneAtOnce) {
  LoggedIn world;
  auto login = MiniHost::make<wire::LogIo>(wire::EntryType::kLogIo, 1);
  login.nport = 5;
  login.port_id = world.target_id;
  login.flags = wire::LogIo::Conditional::of(true);
  world.a.post(login);
  world.run();
  EXPECT_EQ(world.a.response<wire::LogIo>(wire::EntryType::kLogIo)->completion, 0);
  EXPECT_FALSE(world.b.atio<wire::ImmediateNotify>(wire::EntryType::kImmediateNotify).has_value());
  login.nport = 6;
  world.a.post(login);
  world.run();
  const auto used = world.a.response<wire::LogIo>(wire::EntryType::kLogIo);
  EXPECT_EQ(used->completion, 0x31);
  EXPECT_EQ(used->io[0], 0x1Au);
  EXPECT_EQ(used->io[1], 5u);
  login.nport = 5;
  login.port_id = 0x123456;
  world.a.post(login);
  world.run();
  const auto other = world.a.response<wire::LogIo>(wire::EntryType::kLogIo);
  EXPECT_EQ(other->io[0], 0x1Bu);
  EXPECT_EQ(other->io[1], world.target_id);
}

TEST(QlaLogin, LogoutIsToldToTheTargetsHostAndImplicitOneIsNot) {
  LoggedIn world;
  auto logout = MiniHost::make<wire::LogIo>(wire::EntryType::kLogIo, 1);
  logout.nport = 5;
  logout.port_id = world.target_id;
  logout.flags = 0x0018;
  world.a.post(logout);
  world.run();
  EXPECT_EQ(world.a.response<wire::LogIo>(wire::EntryType::kLogIo)->completion, 0);
  EXPECT_FALSE(world.b.atio<wire::ImmediateNotify>(wire::EntryType::kImmediateNotify).has_value());
  auto login = logout;
  login.flags = wire::LogIo::Conditional::of(true);
  world.a.post(login);  // the handle is still its
  world.run();
  world.acknowledge(0x03);
  world.acknowledge(0x20);
  EXPECT_EQ(world.a.response<wire::LogIo>(wire::EntryType::kLogIo)->completion, 0);
  logout.flags = 0x0048;  // with a frame
  world.a.post(logout);
  world.run();
  world.acknowledge(0x05);
  EXPECT_EQ(world.a.response<wire::LogIo>(wire::EntryType::kLogIo)->completion, 0);
}

TEST(QlaLogin, RejectedByTheTargetsHost) {
  Pair pair;
  pair.run();
  auto login = MiniHost::make<wire::LogIo>(wire::EntryType::kLogIo, 1);
  login.port_id = LoggedIn::id_of(pair.b);
  pair.a.post(login);
  pair.run();
  const auto notice = pair.b.atio<wire::ImmediateNotify>(wire::EntryType::kImmediateNotify);
  ASSERT_TRUE(notice.has_value());
  EXPECT_EQ(std::uint64_t{std::bit_cast<base::be64>(notice->port_name)}, 0x2100001122334401u);
  auto ack = std::bit_cast<wire::NotifyAck>(*notice);
  ack.head = MiniHost::make<wire::NotifyAck>(wire::EntryType::kNotifyAck, 1).head;
  ack.flags = wire::NotifyAck::Reject::of(true);
  ack.srr_reason = 0x05;
  ack.srr_explanation = 0x29;
  pair.b.post(ack);
  pair.run();
  const auto done = pair.a.response<wire::LogIo>(wire::EntryType::kLogIo);
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->completion, 0x31);
  EXPECT_EQ(done->io[0], 0x18u);
  EXPECT_EQ(done->io[1], 0x052900u) << "reason and explanation as the host said";
}

TEST(QlaCommand, ReadWithStatusOnTheData) {
  LoggedIn world;
  world.a.post(world.command(0xABC, 8192, false));
  world.run();
  const auto atio = world.b.atio<wire::Atio7>(wire::EntryType::kAtio7);
  ASSERT_TRUE(atio.has_value());
  EXPECT_EQ(wire::Atio7::Length::get(atio->attribute_length), 0x38);
  EXPECT_EQ(atio->cdb[0], 0x28);
  EXPECT_EQ(atio->data_length, 8192u);
  EXPECT_EQ(atio->flags, 2);
  for (std::uint32_t i = 0; i < 8192; ++i) world.b.bytes()[MiniHost::kData + i] = static_cast<std::byte>(i * 7);
  auto ctio = world.ctio(*atio, 0x8002);
  ctio.transfer_length = 8192;
  ctio.segment_count = 1;
  ctio.segment = {world.b.at(MiniHost::kData), 8192};
  world.b.post(ctio);
  world.run();
  const auto done = world.b.response<wire::Ctio7Done>(wire::EntryType::kCtio7);
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->status, 1);
  EXPECT_EQ(done->head.handle, 0x1234u);
  const auto status = world.a.response<wire::Status>(wire::EntryType::kStatus);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->head.handle, 0xABCu);
  EXPECT_EQ(status->completion, 0);
  EXPECT_EQ(status->scsi_status, 0);
  EXPECT_EQ(std::memcmp(world.a.bytes().data() + MiniHost::kData, world.b.bytes().data() + MiniHost::kData, 8192), 0);
  EXPECT_EQ(world.a.host.faults() + world.b.host.faults(), 0u);
}

TEST(QlaCommand, WriteIntoManySegmentsThenStatus) {
  LoggedIn world;
  world.a.post(world.command(2, 7000, true));
  world.run();
  const auto atio = world.b.atio<wire::Atio7>(wire::EntryType::kAtio7);
  ASSERT_TRUE(atio.has_value());
  for (std::uint32_t i = 0; i < 7000; ++i) world.a.bytes()[MiniHost::kData + i] = static_cast<std::byte>(i * 3);
  auto ctio = world.ctio(*atio, 0x0001);
  ctio.transfer_length = 7000;
  ctio.segment_count = 7;
  ctio.head.count = 3;
  ctio.segment = {world.b.at(MiniHost::kData), 1000};
  std::vector<wire::Entry> entries{std::bit_cast<wire::Entry>(ctio)};
  for (unsigned part = 0; part < 2; ++part) {
    wire::Continuation64 more{};
    more.type = static_cast<std::uint8_t>(wire::EntryType::kContinuation64);
    more.count = 1;
    for (unsigned i = 0; i < 5; ++i)
      more.segments[i] = {world.b.at(MiniHost::kData + 0x4000 * (1 + part * 5 + i)), 1000};
    entries.push_back(std::bit_cast<wire::Entry>(more));
  }
  world.b.post(entries);
  world.run();
  EXPECT_EQ(world.b.response<wire::Ctio7Done>(wire::EntryType::kCtio7)->status, 1);
  EXPECT_FALSE(world.a.response<wire::Status>(wire::EntryType::kStatus).has_value());
  for (std::uint32_t i = 0; i < 7; ++i)
    EXPECT_EQ(std::memcmp(world.b.bytes().data() + MiniHost::kData + 0x4000 * i,
                          world.a.bytes().data() + MiniHost::kData + 1000 * i, 1000),
              0)
        << i;
  // CHECK CONDITION with sense, in mode 1.
  auto status = std::bit_cast<wire::Ctio7Mode1>(world.ctio(*atio, 0x8040));
  status.scsi_status = 0x0202;
  status.sense_length = 18;
  status.data[3] = 0x70;  // first byte of the first dword, swapped
  world.b.post(status);
  world.run();
  EXPECT_EQ(world.b.response<wire::Ctio7Done>(wire::EntryType::kCtio7)->status, 1);
  const auto got = world.a.response<wire::Status>(wire::EntryType::kStatus);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->scsi_status, 0x0202);
  EXPECT_EQ(got->sense_length, 18u);
  EXPECT_EQ(got->data[3], 0x70);
  EXPECT_EQ(world.a.host.faults() + world.b.host.faults(), 0u);
}

TEST(QlaCommand, ResidualAndLongSenseFromAHostBuiltResponse) {
  LoggedIn world;
  world.a.post(world.command(3, 4096, false));
  world.run();
  const auto atio = world.b.atio<wire::Atio7>(wire::EntryType::kAtio7);
  ASSERT_TRUE(atio.has_value());
  struct {
    hal::fc::FcpRsp rsp;
    std::array<std::uint8_t, 96> sense;
  } response{};
  response.rsp.status = 2;
  response.rsp.flags = 0x02 | 0x08;
  response.rsp.residual = 4096;
  response.rsp.sense_length = 96;
  for (std::uint8_t i = 0; i < 96; ++i) response.sense[i] = i;
  world.b.put(MiniHost::kData, response);
  auto ctio = world.ctio(*atio, 0x8080);
  ctio.transfer_length = sizeof response;
  ctio.segment_count = 1;
  ctio.segment = {world.b.at(MiniHost::kData), sizeof response};
  world.b.post(ctio);
  world.run();
  const auto got = world.a.response<wire::Status>(wire::EntryType::kStatus);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->completion, 0x15);
  EXPECT_EQ(got->residual, 4096u);
  EXPECT_EQ(got->response_residual, 4096u);
  EXPECT_EQ(got->scsi_status, 0x0A02);
  EXPECT_EQ(got->sense_length, 96u);
  EXPECT_EQ(got->data[3], 0);
  EXPECT_EQ(got->data[0], 3);
  const auto more = world.a.response<wire::StatusContinuation>(wire::EntryType::kStatusContinuation);
  ASSERT_TRUE(more.has_value());
  EXPECT_EQ(more->data[3], 28);
  EXPECT_TRUE(world.a.response<wire::StatusContinuation>(wire::EntryType::kStatusContinuation).has_value());
}

TEST(QlaCommand, RefusedWriteLacksNoData) {
  for (const bool write : {false, true}) {
    LoggedIn world;
    world.a.post(world.command(3, 4096, write));
    world.run();
    const auto atio = world.b.atio<wire::Atio7>(wire::EntryType::kAtio7);
    ASSERT_TRUE(atio.has_value());
    auto refusal = std::bit_cast<wire::Ctio7Mode1>(world.ctio(*atio, 0x8040));
    refusal.scsi_status = 0x0002;
    world.b.post(refusal);
    world.run();
    const auto got = world.a.response<wire::Status>(wire::EntryType::kStatus);
    ASSERT_TRUE(got.has_value());
    EXPECT_EQ(got->completion, write ? 0x00 : 0x15);
    EXPECT_EQ(got->residual, write ? 0u : 4096u);
    EXPECT_EQ(got->scsi_status, 0x0002);
  }
}

TEST(QlaCommand, TaskManagementComesAsAtioAndIsAnsweredByCode) {
  LoggedIn world;
  auto reset = MiniHost::make<wire::TaskManagement>(wire::EntryType::kTaskManagement, 9);
  reset.nport = 5;
  reset.port_id = world.target_id;
  reset.flags = wire::TaskManagement::LunReset::of(true);
  reset.lun = {0, 0, 3, 0};  // LUN 3, swapped
  world.a.post(reset);
  world.run();
  const auto atio = world.b.atio<wire::Atio7>(wire::EntryType::kAtio7);
  ASSERT_TRUE(atio.has_value());
  EXPECT_EQ(atio->task_management, 0x10);
  EXPECT_EQ(atio->lun[1], 3);
  auto answer = std::bit_cast<wire::Ctio7Mode1>(world.ctio(*atio, 0x8040));
  answer.scsi_status = 0x0100;
  answer.response_length = 8;
  answer.data[0] = 4;  // rejected
  world.b.post(answer);
  world.run();
  const auto got = world.a.response<wire::Status>(wire::EntryType::kStatus);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->head.handle, 9u);
  EXPECT_EQ(got->response_length, 8u);
  EXPECT_EQ(got->data[0], 4);
}

}  // namespace
}  // namespace emu::qla
