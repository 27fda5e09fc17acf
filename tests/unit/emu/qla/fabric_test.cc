// Hosts on a switch and on a loop: name server requests, virtual ports, crash and recovery.
#include "emu/fc/loop_hub.h"
#include "emu/fc/switch/switch.h"
#include "hal/port/fc_ct.h"
#include "hal/port/fc_els.h"
#include "tests/support/log_guard.h"
#include "tests/unit/emu/qla/mini_host.h"

namespace emu::qla {
namespace {

struct Fabric {
  Fabric() {
    network.add_port(link_a.end(1));
    network.add_port(link_b.end(1));
    a.bring_up(MiniHost::Role::kInitiator);
    b.bring_up(MiniHost::Role::kTarget);
    run(std::chrono::seconds(1));
  }
  void run(base::Duration time = std::chrono::milliseconds(300)) {
    for (base::Duration done{}; done < time; done += std::chrono::milliseconds(10)) {
      clock.advance(std::chrono::milliseconds(10));
      for (int i = 0; i < 20; ++i) {
        link_a.poll(clock.now()), link_b.poll(clock.now());
        network.poll(clock.now());
        a.step(), b.step();
      }
    }
  }
  wire::LogIo log_in(MiniHost& host, std::uint16_t handle, std::uint32_t id, std::uint16_t flags) {
    auto login = MiniHost::make<wire::LogIo>(wire::EntryType::kLogIo, 1);
    login.nport = handle;
    login.port_id = id;
    login.flags = flags;
    host.post(login);
    run();
    return host.response<wire::LogIo>(wire::EntryType::kLogIo).value_or(wire::LogIo{});
  }
  wire::CtPassThrough ct(MiniHost& host, std::span<const std::byte> request, std::uint32_t room) {
    std::memset(host.bytes().data() + MiniHost::kData, 0, 0x3000);
    std::memcpy(host.bytes().data() + MiniHost::kData, request.data(), request.size());
    auto entry = MiniHost::make<wire::CtPassThrough>(wire::EntryType::kCtPassThrough, 3);
    entry.nport = wire::kHandleNameServer;
    entry.command_segments = 1;
    entry.response_segments = 1;
    entry.command_bytes = static_cast<std::uint32_t>(request.size());
    entry.response_bytes = room;
    entry.segments[0] = {host.at(MiniHost::kData), static_cast<std::uint32_t>(request.size())};
    entry.segments[1] = {host.at(MiniHost::kData + 0x1000), room};
    host.post(entry);
    run();
    return host.response<wire::CtPassThrough>(wire::EntryType::kCtPassThrough).value_or(wire::CtPassThrough{});
  }
  base::ManualClock clock;
  fc::Link link_a{fc::LinkOptions{}}, link_b{fc::LinkOptions{}};
  fc::Switch network{fc::SwitchOptions{}};
  MiniHost a{clock, link_a.end(0), 0x2100001122334401}, b{clock, link_b.end(0), 0x2100001122334402};
};

TEST(QlaFabric, TopologyNameAndAddress) {
  Fabric fabric;
  const auto values = fabric.a.mailbox(regs::MailboxCommand::kGetAdapterId);
  EXPECT_EQ(values[0], 0x4000);
  EXPECT_EQ(values[6], 3);
  EXPECT_EQ(values[3], 1) << "domain";
  EXPECT_EQ(values[7], 0x0400) << "the fabric has virtual ports";
  const auto name = fabric.a.mailbox(regs::MailboxCommand::kGetPortName, {{1, wire::kHandleFabricPort}});
  EXPECT_EQ(name[0], 0x4000);
  EXPECT_NE(name[2] | name[3] | name[6] | name[7], 0);
  const auto report = fabric.a.response<wire::ReportId>(wire::EntryType::kReportId);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->format, 1);
  EXPECT_EQ(wire::ReportId::Topology::get(report->flags), 3);
  EXPECT_EQ(report->port_id, std::uint32_t{values[3]} << 16 | values[2]);
}

TEST(QlaFabric, NameServerAnswersShorterThanTheBufferSayTheirLength) {
  Fabric fabric;
  struct {
    hal::fc::CtHeader header;
    std::uint8_t port_type = 0, domain = 0, area = 0, fc4_type = 8;
  } request;
  request.header.command = std::uint16_t{0x0172};  // GPN_FT
  const auto bytes = std::as_bytes(std::span(&request, 1));
  EXPECT_EQ(fabric.ct(fabric.a, bytes, 1024).completion, 0x29) << "not logged in there";
  EXPECT_EQ(fabric.log_in(fabric.a, wire::kHandleNameServer, 0xfffffc, 0x0030).completion, 0);
  const auto done = fabric.ct(fabric.a, bytes, 1024);
  EXPECT_EQ(done.completion, 0x15);
  EXPECT_GE(done.response_bytes, 16u);
  EXPECT_LT(done.response_bytes, 1024u);
  const auto answer = fabric.a.get<hal::fc::CtHeader>(MiniHost::kData + 0x1000);
  EXPECT_TRUE(answer.command == 0x8002 || answer.command == 0x8001);
}

TEST(QlaFabric, VirtualPortGetsAnAddressAndIsReported) {
  Fabric fabric;
  while (fabric.a.response<wire::ReportId>(wire::EntryType::kReportId)) {
  }
  auto add = MiniHost::make<wire::VpConfiguration>(wire::EntryType::kVpConfiguration, 5);
  add.command = 1;
  add.count = 1;
  add.index[0] = 1;
  add.port[0].port_name = std::bit_cast<wire::Bytes8>(base::be64(0x2100001122334411));
  add.port[0].node_name = std::bit_cast<wire::Bytes8>(base::be64(0x2000001122334411));
  fabric.a.put(MiniHost::kData, add);
  EXPECT_EQ(fabric.a.mailbox(regs::MailboxCommand::kExecuteIocb, fabric.a.address(MiniHost::kData))[0], 0x4000);
  EXPECT_EQ(fabric.a.get<wire::VpConfiguration>(MiniHost::kData).completion, 0);
  fabric.run();
  const auto report = fabric.a.response<wire::ReportId>(wire::EntryType::kReportId);
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->vp, 1);
  EXPECT_EQ(report->vp_status, 0);
  const auto values = fabric.a.mailbox(regs::MailboxCommand::kGetAdapterId, {{9, 1}});
  EXPECT_EQ(values[0], 0x4000);
  EXPECT_EQ(report->port_id, std::uint32_t{values[3]} << 16 | values[2]);
  const auto own = fabric.a.mailbox(regs::MailboxCommand::kGetAdapterId);
  EXPECT_NE(own[2], values[2]);
  auto remove = MiniHost::make<wire::VpControl>(wire::EntryType::kVpControl, 6);
  remove.command = 0x0B;
  remove.count = 1;
  remove.map[0] = 1;
  fabric.a.post(remove);
  fabric.run();
  EXPECT_EQ(fabric.a.response<wire::VpControl>(wire::EntryType::kVpControl)->completion, 0);
  EXPECT_EQ(fabric.a.mailbox(regs::MailboxCommand::kGetAdapterId, {{9, 1}})[0], 0x4005);
}

TEST(QlaFabric, CrashIsToldAndResetRecovers) {
  Fabric fabric;
  fabric.a.model.crash_firmware();
  fabric.run();
  ASSERT_TRUE(fabric.a.saw(regs::AsyncEvent::kSystemError));
  fabric.a.async_events.clear();
  fabric.a.bring_up(MiniHost::Role::kInitiator);
  fabric.run(std::chrono::seconds(1));
  EXPECT_TRUE(fabric.a.saw(regs::AsyncEvent::kLinkUp));
  EXPECT_EQ(fabric.a.mailbox(regs::MailboxCommand::kGetFirmwareState)[1], 3);
  EXPECT_EQ(fabric.a.host.faults(), 0u);
}

TEST(QlaFabric, StateChangesAreTold) {
  Fabric fabric;
  EXPECT_EQ(fabric.a.mailbox(regs::MailboxCommand::kRegisterStateChange, {{1, 3}})[0], 0x4000);
  fabric.run();
  fabric.a.async_events.clear();
  fabric.b.reset_chip();
  fabric.run(std::chrono::seconds(1));
  const auto* change = fabric.a.find(regs::AsyncEvent::kStateChange);
  ASSERT_NE(change, nullptr);
  EXPECT_EQ((*change)[1] & 0xFF, 1) << "domain";
  EXPECT_EQ((*change)[3] & 0xFF, 0) << "the physical port";
}

// An RSCN that the host builds, as entry 53: the other host hears of it with the event qualifier.
TEST(QlaFabric, AnRscnOfTheHostGoesToTheFabricController) {
  Fabric fabric;
  EXPECT_EQ(fabric.a.mailbox(regs::MailboxCommand::kRegisterStateChange, {{1, 3}})[0], 0x4000);
  fabric.run();
  fabric.a.async_events.clear();
  const std::uint32_t id = fabric.b.mailbox(regs::MailboxCommand::kGetAdapterId)[2] | 0x010000u;
  hal::fc::PortRscn rscn;
  rscn.page.qualifier_format = 0x08;
  rscn.page.port_id = id;
  fabric.b.put(MiniHost::kData, rscn);
  auto entry = MiniHost::make<wire::ElsPassThrough>(wire::EntryType::kElsPassThrough, 0x31);
  entry.nport = wire::kHandleFabricController;
  entry.opcode = hal::fc::Els::kRscn;
  entry.d_id = 0xfffffd;
  entry.transmit_segments = entry.receive_segments = 1;
  entry.transmit_bytes = 8;
  entry.receive_bytes = 8;
  entry.transmit = {fabric.b.at(MiniHost::kData), 8};
  entry.receive = {fabric.b.at(MiniHost::kData + 0x100), 8};
  fabric.b.post(entry);
  fabric.run();
  const auto done = fabric.b.response<wire::ElsStatus>(wire::EntryType::kElsPassThrough);
  ASSERT_TRUE(done.has_value());
  EXPECT_EQ(done->completion, 0x15) << "LS_ACC is shorter than LS_RJT";
  EXPECT_EQ(fabric.b.get<std::uint8_t>(MiniHost::kData + 0x100), hal::fc::Els::kLsAcc);
  const auto* change = fabric.a.find(regs::AsyncEvent::kStateChange);
  ASSERT_NE(change, nullptr);
  EXPECT_EQ((*change)[1], 0x0801);
  EXPECT_EQ((*change)[2], id & 0xffff);
  EXPECT_EQ(fabric.b.host.faults(), 0u);
  for (const auto& [handle, s_id] : {std::pair<std::uint16_t, std::uint8_t>{wire::kHandleFabricPort, 0}, {0x7FD, 9}}) {
    ExpectLog expect("ELS entry to fffffd");
    entry.nport = handle;
    entry.s_id = {0, 0, s_id};
    fabric.b.post(entry);
    fabric.run();
    EXPECT_EQ(expect.count(), 1);
  }
  EXPECT_EQ(fabric.b.host.faults(), 2u);
}

TEST(QlaFabric, StatisticsCountLinks) {
  Fabric fabric;
  EXPECT_EQ(
      fabric.a.mailbox(regs::MailboxCommand::kGetLinkStatistics, fabric.a.address(MiniHost::kData, {{8, 128}}))[0],
      0x4000);
  const auto values = fabric.a.get<wire::LinkStatistics>(MiniHost::kData);
  EXPECT_EQ(values.link_ups, 1u);
  EXPECT_EQ(values.link_failures, 0u);
  EXPECT_GT(values.mailbox_requests, 0u);
}

TEST(QlaLoop, HostsFindEachOtherByThemselves) {
  base::ManualClock clock;
  fc::Link link_a{fc::LinkOptions{}}, link_b{fc::LinkOptions{}};
  fc::LoopHub hub;
  hub.add(link_a.end(1));
  hub.add(link_b.end(1));
  MiniHost a{clock, link_a.end(0), 0x2100001122334401}, b{clock, link_b.end(0), 0x2100001122334402};
  for (MiniHost* host : {&a, &b}) {
    host->load();
    auto init = host->init_block(MiniHost::Role::kInitiator);
    init.options2 = 0x1020;
    init.port_name = std::bit_cast<wire::Bytes8>(base::be64(host == &a ? 0x2100001122334401 : 0x2100001122334402));
    EXPECT_EQ(host->initialize(init)[0], 0x4000);
  }
  for (int i = 0; i < 300; ++i) {
    clock.advance(std::chrono::milliseconds(10));
    for (int j = 0; j < 20; ++j) link_a.poll(clock.now()), link_b.poll(clock.now()), hub.poll(), a.step(), b.step();
  }
  ASSERT_TRUE(a.saw(regs::AsyncEvent::kLinkUp));
  EXPECT_TRUE(a.saw(regs::AsyncEvent::kLip));
  EXPECT_FALSE(a.saw(regs::AsyncEvent::kPointToPoint));
  EXPECT_EQ(a.mailbox(regs::MailboxCommand::kGetAdapterId)[6], 0);
  const auto list = a.mailbox(regs::MailboxCommand::kGetIdList, a.address(MiniHost::kData));
  EXPECT_EQ(list[0], 0x4000);
  ASSERT_EQ(list[1], 1);
  const auto entry = a.get<wire::IdListEntry>(MiniHost::kData);
  EXPECT_LT(entry.nport, 0x7E);
  a.mailbox(regs::MailboxCommand::kGetPortDatabase, a.address(MiniHost::kData, {{1, std::uint16_t{entry.nport}}}));
  EXPECT_EQ(a.get<wire::PortDatabase>(MiniHost::kData).current_state, 6);
}

}  // namespace
}  // namespace emu::qla
