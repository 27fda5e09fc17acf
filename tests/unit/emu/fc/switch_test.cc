// Stations on a switch: addresses, name server, RSCN, zoning, virtual ports, and what a busy port does to others.
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "emu/fc/switch/switch.h"
#include "tests/unit/emu/fc/station.h"

namespace emu::fc {
namespace {

using hal::fc::CtHeader;
using hal::fc::Els;
using hal::fc::NameServer;
using hal::fc::NsEntry;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr PortId kNames{0xfffffc}, kController{0xfffffd}, kManagement{0xfffffa};

// Any number of stations on one switch; the first is a host, the others disks.
struct SwitchTest : testing::Test {
  Station& add(Station::Role role) {
    const auto number = static_cast<std::uint64_t>(stations.size());
    links.push_back(std::make_unique<Link>(LinkOptions{"link" + std::to_string(number), 16, number + 1}));
    links.back()->poll(now);
    fabric.add_port(links.back()->end(1));
    stations.push_back(std::make_unique<Station>(links.back()->end(0), kHostName + number, role));
    return *stations.back();
  }
  void step() {
    now += milliseconds(1);
    for (int i = 0; i < 8; ++i) {
      for (auto& link : links) link->poll(now);
      for (auto& station : stations) station->port.poll(now);
      fabric.poll(now);
    }
  }
  void run(base::Duration time) {
    for (const base::Time end = now + time; now < end;) step();
  }
  template <class Condition>
  bool run_until(Condition&& condition, base::Duration limit = seconds(5)) {
    const base::Time end = now + limit;
    while (!condition()) {
      if (now >= end) return false;
      step();
    }
    return true;
  }
  bool up(Station& station) {
    station.port.start();
    return run_until([&] { return station.port.link() != nullptr; });
  }
  RequestStatus ask(Station& station, PortId to, LoginRequest what) {
    const std::uint32_t tag = station.request_tag() + 1000;
    station.port.log_in({tag, 0, to, {}}, what);
    EXPECT_TRUE(run_until([&] { return station.answered(tag); }, seconds(30)));
    return station.answers[tag].status;
  }
  std::vector<std::byte> ct(Station& station, PortId to, std::span<const std::byte> request) {
    const std::uint32_t tag = station.request_tag() + 1000;
    station.port.send_ct({tag, 0, to, {}}, request);
    EXPECT_TRUE(run_until([&] { return station.answered(tag); }));
    return station.answers[tag].payload;
  }
  template <class T>
  static std::vector<std::byte> request(std::uint16_t command, const T& body, std::uint16_t size = 0) {
    CtHeader header;
    header.command = command;
    header.size = size;
    std::vector<std::byte> out(bytes_of(header).begin(), bytes_of(header).end());
    out.insert(out.end(), bytes_of(body).begin(), bytes_of(body).end());
    return out;
  }
  static std::uint16_t code(const std::vector<std::byte>& answer) { return take<CtHeader>(answer)->command; }
  // The registrations that a driver makes.
  void register_port(Station& station, std::uint8_t features) {
    ASSERT_EQ(ask(station, kNames, LoginRequest::kPlogi), RequestStatus::kAccepted);
    hal::fc::NsFc4Types types;
    types.port_id = station.info.id.raw;
    types.types[0] = 0x100;
    ASSERT_EQ(code(ct(station, kNames, request(NameServer::kRftId, types))), CtHeader::kAccept);
    hal::fc::NsFc4Features feature;
    feature.port_id = station.info.id.raw;
    feature.features = features;
    feature.type = 8;
    ASSERT_EQ(code(ct(station, kNames, request(NameServer::kRffId, feature))), CtHeader::kAccept);
  }
  void scr(Station& station) {
    const std::uint32_t tag = station.request_tag() + 1000;
    station.port.send_els({tag, 0, kController, {}}, bytes_of(hal::fc::Scr{}));
    ASSERT_TRUE(run_until([&] { return station.answered(tag); }));
    ASSERT_EQ(station.answers[tag].status, RequestStatus::kAccepted);
  }
  // An RSCN of the station; of itself, with "changed port attribute", unless `what` says otherwise.
  RequestStatus report(Station& station, hal::fc::PortRscn what) {
    if (what.page.port_id == 0 && what.page.qualifier_format == 0) {
      what.page.qualifier_format = 0x08;
      what.page.port_id = station.info.id.raw;
    }
    const std::uint32_t tag = station.request_tag() + 1000;
    station.port.send_els({tag, 0, kController, {}}, bytes_of(what));
    EXPECT_TRUE(run_until([&] { return station.answered(tag); }));
    return station.answers[tag].status;
  }
  std::vector<std::uint32_t> list(Station& station) {  // GPN_FT
    hal::fc::NsScope scope;
    scope.type = 8;
    const auto answer = ct(station, kNames, request(NameServer::kGpnFt, scope));
    std::vector<std::uint32_t> ids;
    for (std::size_t at = 16; code(answer) == CtHeader::kAccept && at + sizeof(NsEntry) <= answer.size(); at += 16) {
      const auto entry = *take<NsEntry>(std::span(answer).subspan(at));
      ids.push_back(entry.port_id);
      EXPECT_EQ((entry.control & NsEntry::kLast) != 0, at + sizeof(NsEntry) == answer.size());
    }
    return ids;
  }

  base::Time now{seconds(1)};
  Switch fabric{SwitchOptions{}};
  std::vector<std::unique_ptr<Link>> links;
  std::vector<std::unique_ptr<Station>> stations;
};

TEST_F(SwitchTest, FlogiGivesAddressesByPort) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  ASSERT_TRUE(up(host));
  ASSERT_TRUE(up(disk));
  EXPECT_EQ(host.info.topology, Topology::kFabric);
  EXPECT_EQ(host.info.id.raw, 0x010000u);
  EXPECT_EQ(disk.info.id.raw, 0x010100u);
  EXPECT_TRUE(host.info.npiv);
  EXPECT_EQ(host.info.peer.node_name, SwitchOptions{}.name);
  EXPECT_NE(host.info.peer.port_name, disk.info.peer.port_name);
}

TEST_F(SwitchTest, ReadAndWriteThroughTheSwitch) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  ASSERT_TRUE(up(host));
  ASSERT_TRUE(up(disk));
  ASSERT_EQ(ask(host, disk.info.id, LoginRequest::kPlogiPrli), RequestStatus::kAccepted);
  Station::Io& write = host.start(disk.info.id, true, 4096, 65536);
  ASSERT_TRUE(run_until([&] { return write.ended != 0; }));
  Station::Io& read = host.start(disk.info.id, false, 4096, 65536);
  ASSERT_TRUE(run_until([&] { return read.ended != 0; }));
  EXPECT_EQ(read.data, write.data);
}

TEST_F(SwitchTest, NameServerTellsWhatWasRegistered) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  ASSERT_TRUE(up(host));
  ASSERT_TRUE(up(disk));
  register_port(host, NameServer::kFeatureInitiator);
  EXPECT_EQ(list(host), (std::vector<std::uint32_t>{0x010000}));
  register_port(disk, NameServer::kFeatureTarget);
  EXPECT_EQ(list(host), (std::vector<std::uint32_t>{0x010000, 0x010100}));

  hal::fc::NsPortId which;
  which.port_id = disk.info.id.raw;
  const auto name = ct(host, kNames, request(NameServer::kGpnId, which));
  ASSERT_EQ(code(name), CtHeader::kAccept);
  EXPECT_EQ(take<base::be64>(std::span(name).subspan(16)).value(), kDiskName);
  const auto node = ct(host, kNames, request(NameServer::kGnnId, which));
  EXPECT_EQ(take<base::be64>(std::span(node).subspan(16)).value(), kDiskName ^ 0x0100000000000000);
  const auto features = ct(host, kNames, request(NameServer::kGffId, which));
  ASSERT_EQ(features.size(), 16u + 128);
  EXPECT_EQ(features[16 + 7], std::byte{NameServer::kFeatureTarget});
  const auto types = ct(host, kNames, request(NameServer::kGftId, which));
  ASSERT_EQ(types.size(), 16u + 32);
  EXPECT_EQ(types[16 + 2], std::byte{1});
  const auto all = ct(host, kNames, request(NameServer::kGaNxt, hal::fc::NsPortId{0, 0x010000}));
  ASSERT_EQ(all.size(), 16u + 620);
  EXPECT_EQ(take<hal::fc::NsAll>(std::span(all).subspan(16))->port_id, 0x010100u);
  hal::fc::NsName by_name{kDiskName};
  const auto id = ct(host, kNames, request(NameServer::kGidPn, by_name));
  EXPECT_EQ(take<hal::fc::NsPortId>(std::span(id).subspan(16))->port_id, 0x010100u);
  which.port_id = 0x010700;
  const auto unknown = ct(host, kNames, request(NameServer::kGpnId, which));
  EXPECT_EQ(code(unknown), CtHeader::kReject);
  EXPECT_EQ(take<CtHeader>(unknown)->explanation, CtHeader::kPortIdNotRegistered);
}

TEST_F(SwitchTest, SymbolicNamesAreKept) {
  Station& host = add(Station::Role::kInitiator);
  ASSERT_TRUE(up(host));
  register_port(host, NameServer::kFeatureInitiator);
  hal::fc::NsSymbolicNodeName symbolic;
  symbolic.node_name = host.port.settings().node_name.raw;
  symbolic.length = 5;
  auto body = request(NameServer::kRsnnNn, symbolic);
  for (const char c : {'h', 'e', 'l', 'l', 'o'}) body.push_back(static_cast<std::byte>(c));
  EXPECT_EQ(code(ct(host, kNames, body)), CtHeader::kAccept);
  EXPECT_EQ(fabric.name_server().find(0x010000)->symbolic_node, "hello");
}

TEST_F(SwitchTest, LongAnswersAreCutToWhatWasAskedFor) {
  Station& host = add(Station::Role::kInitiator);
  for (int i = 0; i < 3; ++i) add(Station::Role::kTarget);
  for (auto& station : stations) {
    ASSERT_TRUE(up(*station));
    register_port(*station, NameServer::kFeatureTarget);
  }
  hal::fc::NsScope scope;
  scope.type = 8;
  const auto answer = ct(host, kNames, request(NameServer::kGpnFt, scope, 8));  // words: two entries
  EXPECT_EQ(answer.size(), 16u + 32);
  EXPECT_EQ(take<CtHeader>(answer)->size, 8u);  // words that are missing
}

TEST_F(SwitchTest, OthersMayNotRegisterForAPort) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  ASSERT_TRUE(up(host));
  ASSERT_TRUE(up(disk));
  ASSERT_EQ(ask(host, kNames, LoginRequest::kPlogi), RequestStatus::kAccepted);
  hal::fc::NsFc4Types types;
  types.port_id = disk.info.id.raw;
  const auto answer = ct(host, kNames, request(NameServer::kRftId, types));
  EXPECT_EQ(code(answer), CtHeader::kReject);
  EXPECT_EQ(take<CtHeader>(answer)->explanation, CtHeader::kAccessDenied);
}

TEST_F(SwitchTest, ManagementServerKnowsSpeedsAndNothingElse) {
  Station& host = add(Station::Role::kInitiator);
  ASSERT_TRUE(up(host));
  ASSERT_EQ(ask(host, kManagement, LoginRequest::kPlogi), RequestStatus::kAccepted);
  auto speeds = request(hal::fc::FabricConfiguration::kGpsc, hal::fc::NsName{host.info.peer.port_name.raw});
  speeds[4] = std::byte{CtHeader::kManagementService};
  speeds[5] = std::byte{CtHeader::kFabricConfigurationServer};
  const auto answer = ct(host, kManagement, speeds);
  ASSERT_EQ(code(answer), CtHeader::kAccept);
  EXPECT_EQ(take<hal::fc::PortSpeeds>(std::span(answer).subspan(16))->operating, hal::fc::FabricConfiguration::k8G);
  speeds[5] = std::byte{CtHeader::kDeviceManagement};
  const auto fdmi = ct(host, kManagement, speeds);
  EXPECT_EQ(code(fdmi), CtHeader::kReject);
  EXPECT_EQ(take<CtHeader>(fdmi)->reason, CtHeader::kCommandNotSupported);
}

TEST_F(SwitchTest, CtWithoutLoginIsRefused) {
  Station& host = add(Station::Role::kInitiator);
  ASSERT_TRUE(up(host));
  host.port.send_ct({77, 0, kNames, {}}, request(NameServer::kGpnFt, hal::fc::NsScope{}));
  run(milliseconds(2));
  EXPECT_EQ(host.answers[77].status, RequestStatus::kNotLoggedIn);
}

TEST_F(SwitchTest, RscnTellsOfComingAndGoing) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  ASSERT_TRUE(up(host));
  register_port(host, NameServer::kFeatureInitiator);
  scr(host);
  EXPECT_TRUE(host.rscn.empty());
  ASSERT_TRUE(up(disk));
  register_port(disk, NameServer::kFeatureTarget);
  ASSERT_TRUE(run_until([&] { return host.rscn.size() >= 4; }));
  EXPECT_EQ(take<hal::fc::RscnPage>(host.rscn)->port_id, 0x010100u);
  run(milliseconds(20));
  host.rscn.clear();
  disk.port.stop();
  ASSERT_TRUE(run_until([&] { return host.rscn.size() == 4; }));
  EXPECT_EQ(take<hal::fc::RscnPage>(host.rscn)->port_id, 0x010100u);
  EXPECT_EQ(list(host), (std::vector<std::uint32_t>{0x010000}));
}

TEST_F(SwitchTest, LostRscnComesAgain) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  ASSERT_TRUE(up(host));
  register_port(host, NameServer::kFeatureInitiator);
  scr(host);
  ASSERT_TRUE(up(disk));
  run(milliseconds(20));
  host.rscn.clear();
  int lost = 0;
  links[0]->set_judge([&](unsigned from, const FrameHeader& header, std::span<const std::byte> payload) {
    const bool rscn = header.r_ctl == hal::fc::RCtl::kElsRequest && command_of(payload) == Els::kRscn;
    return from == 1 && rscn && lost++ == 0 ? Fate::kDrop : Fate::kPass;
  });
  disk.port.stop();
  run(seconds(1));
  EXPECT_TRUE(host.rscn.empty());
  EXPECT_TRUE(run_until([&] { return host.rscn.size() == 4; }));
}

// FC-LS-3, RSCN of an Nx_Port: the fabric controller passes it on, as it is, to those who registered and see the port.
TEST_F(SwitchTest, AnRscnOfAPortReachesWhoSeesIt) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  Station& other = add(Station::Role::kInitiator);
  Station& deaf = add(Station::Role::kInitiator);  // has not registered
  for (Station* station : {&host, &disk, &other, &deaf}) ASSERT_TRUE(up(*station));
  for (Station* station : {&host, &disk, &other}) scr(*station);
  fabric.set_zones({{"a", {Wwn{kHostName}, Wwn{kDiskName}, Wwn{kHostName + 3}}}, {"b", {Wwn{kHostName + 2}}}});
  run(milliseconds(20));
  for (const auto& station : stations) station->rscn.clear();
  ASSERT_EQ(report(disk, {}), RequestStatus::kAccepted);
  ASSERT_TRUE(run_until([&] { return host.rscn.size() == 4; }));
  run(milliseconds(20));
  const auto page = *take<hal::fc::RscnPage>(host.rscn);
  EXPECT_EQ(page.port_id, disk.info.id.raw);
  EXPECT_EQ(page.qualifier_format, 0x08);
  EXPECT_TRUE(disk.rscn.empty() && other.rscn.empty() && deaf.rscn.empty());
  EXPECT_EQ(fabric.ports()[1].rscns_received, 1u);
  EXPECT_EQ(fabric.ports()[0].rscns_sent, 2u);  // the first: of the zones
}

TEST_F(SwitchTest, AnRscnThatMakesNoSenseIsRefused) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  for (Station* station : {&host, &disk}) ASSERT_TRUE(up(*station));
  scr(host);
  host.rscn.clear();
  using Page = hal::fc::RscnPage;
  EXPECT_EQ(report(disk, {.page = {.port_id = host.info.id.raw}}), RequestStatus::kRejected);
  EXPECT_EQ(
      report(disk, {.page = {.qualifier_format = Page::AddressFormat::of(Page::kFabric), .port_id = disk.info.id.raw}}),
      RequestStatus::kRejected);
  EXPECT_EQ(report(disk, {.head = {.page_length = 8, .payload_length = 8}, .page = {}}), RequestStatus::kRejected);
  EXPECT_EQ(report(disk, {.head = {.payload_length = 12}, .page = {}}), RequestStatus::kRejected);
  EXPECT_EQ(report(disk, {.head = {.payload_length = 4}, .page = {}}), RequestStatus::kRejected);
  run(milliseconds(20));
  EXPECT_TRUE(host.rscn.empty());
  EXPECT_EQ(fabric.ports()[1].rscns_refused, 5u);
  EXPECT_EQ(fabric.ports()[1].rscns_received, 0u);
}

TEST_F(SwitchTest, ZonesHideAndStopFrames) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  Station& other = add(Station::Role::kTarget);
  for (Station* station : {&host, &disk, &other}) {
    ASSERT_TRUE(up(*station));
    register_port(*station, NameServer::kFeatureTarget);
  }
  scr(host);
  fabric.set_zones({{"a", {Wwn{kHostName}, Wwn{kDiskName}}}, {"b", {Wwn{kDiskName + 1}}}});
  ASSERT_TRUE(run_until([&] { return host.rscn.size() == 4; }));
  EXPECT_EQ(host.rscn[0], std::byte{hal::fc::RscnPage::kFabric});
  EXPECT_EQ(list(host), (std::vector<std::uint32_t>{0x010000, 0x010100}));
  EXPECT_EQ(list(other), (std::vector<std::uint32_t>{0x010200}));
  EXPECT_EQ(ask(host, disk.info.id, LoginRequest::kPlogi), RequestStatus::kAccepted);
  EXPECT_EQ(ask(host, other.info.id, LoginRequest::kPlogi), RequestStatus::kTimeout);
}

TEST_F(SwitchTest, VirtualPortsHaveAddressesLoginsAndExchangesOfTheirOwn) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  ASSERT_TRUE(up(host));
  disk.port.add_virtual_port(3, Wwn{0x2103002400000002}, Wwn{0x2003002400000002});
  ASSERT_TRUE(up(disk));
  ASSERT_TRUE(run_until([&] { return disk.virtual_ports.count(3) != 0; }));
  EXPECT_EQ(disk.virtual_ports[3], 0x010101u);
  ASSERT_EQ(ask(host, PortId{0x010101}, LoginRequest::kPlogiPrli), RequestStatus::kAccepted);
  EXPECT_EQ(disk.port.find_login(0, host.info.id), nullptr);
  ASSERT_NE(disk.port.find_login(3, host.info.id), nullptr);
  EXPECT_EQ(host.port.find_login(0, PortId{0x010101})->port.port_name.raw, 0x2103002400000002u);
  disk.serves = false;
  Station::Io& io = host.start(PortId{0x010101}, false, 0, 512);
  ASSERT_TRUE(run_until([&] { return disk.served.size() == 1; }));
  EXPECT_EQ(disk.served.begin()->second.received.vp, 3);
  disk.serve(ExchangeId{disk.served.begin()->first});
  ASSERT_TRUE(run_until([&] { return io.ended != 0; }));
  disk.port.remove_virtual_port(3);
  ASSERT_TRUE(run_until([&] { return fabric.name_server().find(0x010101) == nullptr; }));
}

TEST_F(SwitchTest, WhatAVirtualPortAskedForEndsWithIt) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  ASSERT_TRUE(up(host) && up(disk));
  disk.port.add_virtual_port(3, Wwn{0x2103002400000002}, Wwn{0x2003002400000002});
  ASSERT_TRUE(run_until([&] { return disk.virtual_ports.count(3) != 0; }));
  fabric.set_zones({{"a", {Wwn{kHostName}}}, {"b", {Wwn{kDiskName}}}});  // nobody answers
  const std::uint32_t tag = disk.request_tag() + 1000;
  disk.port.log_in({tag, 3, host.info.id, {}}, LoginRequest::kPlogiPrli);
  run(seconds(1));
  EXPECT_FALSE(disk.answered(tag));
  disk.port.remove_virtual_port(3);
  ASSERT_TRUE(run_until([&] { return disk.answered(tag); }, seconds(1)));
  EXPECT_EQ(disk.answers[tag].status, RequestStatus::kLinkDown);
}

TEST_F(SwitchTest, SecondPortWithTheSameNameIsRefused) {
  Station& host = add(Station::Role::kInitiator);
  ASSERT_TRUE(up(host));
  host.port.add_virtual_port(1, Wwn{kHostName}, Wwn{1});
  ASSERT_TRUE(run_until([&] { return host.virtual_ports.count(1) != 0; }));
  EXPECT_EQ(host.virtual_ports[1], 0u);
}

TEST_F(SwitchTest, PortThatTakesNothingStopsOthersOnlySoLong) {
  Station& host = add(Station::Role::kInitiator);
  Station& disk = add(Station::Role::kTarget);
  Station& other = add(Station::Role::kTarget);
  for (Station* station : {&host, &disk, &other}) ASSERT_TRUE(up(*station));
  ASSERT_EQ(ask(host, disk.info.id, LoginRequest::kPlogiPrli), RequestStatus::kAccepted);
  ASSERT_EQ(ask(host, other.info.id, LoginRequest::kPlogiPrli), RequestStatus::kAccepted);
  for (int i = 0; i < 60; ++i) host.start(disk.info.id, false, 0, 512);
  const auto step_without_disk = [&] {
    now += milliseconds(1);
    for (auto& link : links) link->poll(now);
    host.port.poll(now);
    other.port.poll(now);
    fabric.poll(now);
  };
  for (int i = 0; i < 50; ++i) step_without_disk();
  Station::Io& io = host.start(other.info.id, false, 0, 512);
  for (int i = 0; i < 100; ++i) step_without_disk();
  EXPECT_EQ(io.ended, 0);
  for (int i = 0; i < 60'000 && io.ended == 0; ++i) step_without_disk();
  EXPECT_EQ(io.ended, 1);
}

TEST_F(SwitchTest, DisabledPortLosesLightAndLogin) {
  Station& host = add(Station::Role::kInitiator);
  ASSERT_TRUE(up(host));
  fabric.enable_port(0, false);
  ASSERT_TRUE(run_until([&] { return host.downs == 1; }));
  EXPECT_TRUE(fabric.ports()[0].nodes.empty());
  fabric.enable_port(0, true);
  ASSERT_TRUE(run_until([&] { return host.ups == 2; }));
  EXPECT_EQ(fabric.ports()[0].nodes.size(), 1u);
}

}  // namespace
}  // namespace emu::fc
