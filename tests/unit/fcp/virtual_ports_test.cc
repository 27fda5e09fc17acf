// Two target ports on one adapter, the physical and a virtual one: each with views, a login policy and identifiers of
// its own, over one core.
#include "scsi_core/backstores/backstores.h"
#include "tests/unit/fcp/fc_target.h"

namespace fcp_test {
namespace {

constexpr hal::fc::Wwn kTenant{0x5001438000000011};

struct Designators {  // of VPD page 83h, those of the target port (SPC-5 7.7.6)
  std::uint16_t relative_port = 0, port_group = 0;
  std::vector<std::uint8_t> naa;
};

std::uint16_t u16(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[at]) << 8 |
                                    std::to_integer<unsigned>(bytes[at + 1]));
}

Designators parse_designators(std::span<const std::byte> page) {
  Designators out;
  for (std::size_t at = 4; at + 4 <= 4u + u16(page, 2);) {
    const unsigned kind = std::to_integer<unsigned>(page[at + 1]) & 0x3f;
    const std::size_t length = std::to_integer<std::size_t>(page[at + 3]);
    const auto body = page.subspan(at + 4, length);
    if (kind == 0x14) out.relative_port = u16(body, 2);
    if (kind == 0x15) out.port_group = u16(body, 2);
    if (kind == 0x13) {
      for (const std::byte byte : body) out.naa.push_back(std::to_integer<std::uint8_t>(byte));
    }
    at += 4 + length;
  }
  return out;
}

struct FcpVirtualPorts : testing::Test {
  FcTarget target;
  FakeFcPort tenant{{&target.loop.reactor(0)}, kTenant};

  // LUN 0 is "disk" at fc0 and "other" at fc0-tenant; there is nothing else.
  void SetUp() override {
    scsi::BackstoreConfig store;
    store.kind = scsi::BackstoreConfig::Kind::kRam;
    store.size = std::size_t{1} << 20;
    scsi::LuConfig disk;
    disk.name = "other";
    disk.serial = "2";
    auto ram = scsi::make_backstore(store);
    ASSERT_TRUE(target.wait(
        [&](scsi::Done done) { target.loop.core().add_disk(disk, std::move(ram.value()), std::move(done)); }));
    scsi::ViewTable table;
    table.views = {{.lu = "disk", .host_group = "", .target_group = "fc0", .lun = 0},
                   {.lu = "other", .host_group = "", .target_group = "fc0-tenant", .lun = 0}};
    ASSERT_TRUE(target.wait([&](scsi::Done done) { target.loop.core().set_views(table, std::move(done)); }));
    target.config.ports.push_back({.name = "fc0-tenant", .relative_id = 8, .port_group = 2});
    ASSERT_TRUE(target.apply());
    ASSERT_TRUE(target.fabric->attach("fc0-tenant", tenant));
    target.settle();
    tenant.light(true);
    target.settle();
    ASSERT_TRUE(target.wait(
        [&](scsi::Done done) { target.loop.core().set_target_ports(target.fabric->target_ports(), std::move(done)); }));
  }
  void TearDown() override {
    EXPECT_TRUE(target.wait([&](scsi::Done done) { target.fabric->detach("fc0-tenant", std::move(done)); }));
  }
  FcInitiator& log_in(FakeFcPort& port, hal::fc::Wwn name, std::uint32_t id) {
    FcInitiator& host = port.initiator(name, {id});
    host.log_in();
    target.settle();
    if (host.open()) target.clear_attentions(host);
    return host;
  }
  Designators designators(FcInitiator& host) {
    const auto& reply = target.run(host, {.cdb = {0x12, 1, 0x83, 0, 255, 0}, .in = 255});
    EXPECT_TRUE(reply.good());
    return parse_designators(reply.data);
  }
};

TEST_F(FcpVirtualPorts, OneHostSeesAnotherDiskAtEach) {
  FcInitiator& physical = log_in(target.port, kHostA, 0x010200);
  FcInitiator& virtual_one = log_in(tenant, kHostA, 0x010200);
  ASSERT_TRUE(physical.open() && virtual_one.open());
  EXPECT_EQ(target.sessions().size(), 2u);
  EXPECT_TRUE(target.run(physical, write10(7, 1, 0xaa)).good());
  EXPECT_TRUE(target.run(virtual_one, write10(7, 1, 0xbb)).good());
  EXPECT_EQ(target.run(physical, read10(7, 1)).data, filled(kBlock, 0xaa));
  EXPECT_EQ(target.run(virtual_one, read10(7, 1)).data, filled(kBlock, 0xbb));
}

TEST_F(FcpVirtualPorts, AViewOfOnePortIsNoneOfTheOther) {
  FcInitiator& physical = log_in(target.port, kHostA, 0x010200);
  FcInitiator& virtual_one = log_in(tenant, kHostA, 0x010200);
  scsi::ViewTable table;
  table.views = {{.lu = "disk", .host_group = "", .target_group = "fc0", .lun = 0},
                 {.lu = "other", .host_group = "", .target_group = "fc0-tenant", .lun = 0},
                 {.lu = "disk", .host_group = "", .target_group = "fc0-tenant", .lun = 3}};
  ASSERT_TRUE(target.wait([&](scsi::Done done) { target.loop.core().set_views(table, std::move(done)); }));
  target.loop.advance(std::chrono::seconds(1));
  EXPECT_EQ(target.port.state_reports, 0u);
  EXPECT_EQ(tenant.state_reports, 1u);
  EXPECT_TRUE(target.run(physical, read10(0, 1)).good());
  EXPECT_TRUE(target.run(virtual_one, read10(0, 1)).check(6, 0x3f, 0x0e));
  FcRequest read = read10(0, 1);
  read.lun = 3;
  EXPECT_TRUE(target.run(physical, read).check(5, 0x25, 0x00));
}

// SPC-5 7.7.6.7, 7.7.6.8: the identifiers of the port that the command came by.
TEST_F(FcpVirtualPorts, EachSaysInVpd83WhoItIs) {
  FcInitiator& physical = log_in(target.port, kHostA, 0x010200);
  FcInitiator& virtual_one = log_in(tenant, kHostA, 0x010200);
  const Designators one = designators(physical), other = designators(virtual_one);
  EXPECT_EQ(one.relative_port, 7);
  EXPECT_EQ(other.relative_port, 8);
  EXPECT_EQ(one.port_group, 1);
  EXPECT_EQ(other.port_group, 2);
  EXPECT_EQ(one.naa, (std::vector<std::uint8_t>{0x50, 0x01, 0x43, 0x80, 0, 0, 0, 0x01}));
  EXPECT_EQ(other.naa, (std::vector<std::uint8_t>{0x50, 0x01, 0x43, 0x80, 0, 0, 0, 0x11}));
}

// What ALL_TG_PT of a registration is about: the core knows both ports, whoever is logged in.
TEST_F(FcpVirtualPorts, BothAreKnownToTheCore) {
  const auto ports = target.fabric->target_ports();
  ASSERT_EQ(ports.size(), 2u);
  EXPECT_EQ(ports[0].target_name, "fc0");
  EXPECT_EQ(ports[1].target_name, "fc0-tenant");
  EXPECT_EQ(ports[0].relative_id, 7);
  EXPECT_EQ(ports[1].relative_id, 8);
  EXPECT_EQ(ports[0].port_group, 1);
  EXPECT_EQ(ports[1].port_group, 2);
  EXPECT_EQ(ports[0].port_name.back(), '\x01');
  EXPECT_EQ(ports[1].port_name.back(), '\x11');
}

// SPC-5 7.7.14, VPD page 88h: each is a target of its own, with one port.
TEST_F(FcpVirtualPorts, EachIsATargetWithOnePort) {
  const auto ports_seen_by = [&](FcInitiator& host) {
    const auto& reply = target.run(host, {.cdb = {0x12, 1, 0x88, 0, 255, 0}, .in = 255});
    EXPECT_TRUE(reply.good());
    std::vector<std::uint16_t> seen;
    const std::span<const std::byte> page = reply.data;
    for (std::size_t at = 4; at + 12 <= 4u + u16(page, 2);) {
      seen.push_back(u16(page, at + 2));
      const std::size_t initiator = u16(page, at + 6);
      at += 12 + initiator + u16(page, at + 10 + initiator);
    }
    return seen;
  };
  FcInitiator& physical = log_in(target.port, kHostA, 0x010200);
  FcInitiator& virtual_one = log_in(tenant, kHostB, 0x010300);
  EXPECT_EQ(ports_seen_by(physical), std::vector<std::uint16_t>{7});
  EXPECT_EQ(ports_seen_by(virtual_one), std::vector<std::uint16_t>{8});
}

TEST_F(FcpVirtualPorts, EachLetsInWhomItWants) {
  FcInitiator& a = log_in(target.port, kHostA, 0x010200);
  FcInitiator& b = log_in(tenant, kHostB, 0x010300);
  target.config.ports[1].initiators = {to_string(kHostB)};
  EXPECT_TRUE(target.apply());
  EXPECT_TRUE(a.open() && b.open());
  EXPECT_EQ(log_in(tenant, kHostA, 0x010200).last(), FcInitiator::Service::kRejected);
  target.config.ports[1].initiators = {to_string(kHostA)};
  EXPECT_TRUE(target.apply());
  EXPECT_TRUE(a.open());
  EXPECT_FALSE(b.open());
  EXPECT_TRUE(log_in(tenant, kHostA, 0x010200).open());
  target.config.ports[0].online = false;  // the other stays, as far as the fabric is concerned
  EXPECT_TRUE(target.apply());
  EXPECT_FALSE(a.open());
  EXPECT_EQ(target.sessions().size(), 1u);
}

}  // namespace
}  // namespace fcp_test
