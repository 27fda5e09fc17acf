// Persistent reservations over Fibre Channel, and of one disk that is served over iSCSI too.
#include "base/cursor.h"
#include "base/endian.h"
#include "scsi_core/reservation/transport_id.h"
#include "tests/unit/fcp/fc_target.h"

namespace fcp_test {
namespace {

constexpr std::uint8_t kRegister = 0, kReserve = 1, kReadKeys = 0, kReadFullStatus = 3;
constexpr std::uint8_t kWriteExclusiveRegistrants = 5;
constexpr std::uint8_t kSpecIPt = 0x08, kAllTgPt = 0x04;

scsi::TransportId transport_id(hal::fc::Wwn name) {
  const base::be64 bytes = name.raw;
  return {0, std::string(reinterpret_cast<const char*>(&bytes), sizeof bytes)};
}

std::vector<std::byte> parameters(std::uint64_t key, std::uint64_t new_key, std::uint8_t flags = 0,
                                  const std::vector<scsi::TransportId>& ids = {}) {
  std::vector<std::byte> out(24);
  base::Writer writer(out);
  writer.put(base::be64(key));
  writer.put(base::be64(new_key));
  out[20] = std::byte{flags};
  if ((flags & kSpecIPt) == 0) return out;
  std::vector<std::byte> list;
  for (const scsi::TransportId& id : ids) {
    const std::vector<std::byte> bytes = scsi::encode_transport_id(id);
    list.insert(list.end(), bytes.begin(), bytes.end());
  }
  const base::be32 length = static_cast<std::uint32_t>(list.size());
  const auto* const raw = reinterpret_cast<const std::byte*>(&length);
  out.insert(out.end(), raw, raw + sizeof length);
  out.insert(out.end(), list.begin(), list.end());
  return out;
}

std::vector<std::uint8_t> cdb_out(std::uint8_t action, std::uint8_t type, std::size_t length) {
  return {0x5f, action, type, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(length), 0};
}
FcRequest reserve_out(std::uint8_t action, std::uint8_t type, const std::vector<std::byte>& list) {
  return {.cdb = cdb_out(action, type, list.size()), .out = list};
}
FcRequest reserve_in(std::uint8_t action) { return {.cdb = {0x5e, action, 0, 0, 0, 0, 0, 4, 0, 0}, .in = 1024}; }

std::uint32_t word_at(const std::vector<std::byte>& data, std::size_t at) {
  base::be32 word;
  std::memcpy(&word, data.data() + at, sizeof word);
  return word;
}

TEST(FcpReservation, FullStatusNamesInitiatorsByWwpn) {
  FcTarget target;
  FcInitiator& a = target.log_in(kHostA, 0x010200);
  target.clear_attentions(a);
  EXPECT_TRUE(target.run(a, reserve_out(kRegister, 0, parameters(0, 0xa))).good());
  EXPECT_TRUE(target.run(a, reserve_out(kReserve, kWriteExclusiveRegistrants, parameters(0xa, 0))).good());
  const auto& full = target.run(a, reserve_in(kReadFullStatus));
  ASSERT_TRUE(full.good());
  ASSERT_GE(full.data.size(), 8u + 24 + 24);
  EXPECT_EQ(word_at(full.data, 4), 48u);          // one descriptor with its TransportID
  EXPECT_EQ(word_at(full.data, 8 + 20), 24u);     // the TransportID is 24 bytes
  EXPECT_EQ(std::uint8_t(full.data[8 + 19]), 7);  // relative target port identifier
  const std::vector<std::byte> id = scsi::encode_transport_id(transport_id(kHostA));
  EXPECT_EQ(std::uint8_t(id[0]), 0);  // protocol FCP
  EXPECT_EQ(word_at(id, 8), 0x21000024u);
  EXPECT_EQ(word_at(id, 12), 0xff000001u);
  EXPECT_TRUE(std::equal(id.begin(), id.end(), full.data.begin() + 8 + 24));
}

TEST(FcpReservation, SpecIPtRegistersAnotherWwpn) {
  FcTarget target;
  FcInitiator& a = target.log_in(kHostA, 0x010200);
  FcInitiator& b = target.log_in(kHostB, 0x010300);
  target.clear_attentions(a);
  target.clear_attentions(b);
  const auto list = parameters(0, 0xc, kSpecIPt, {transport_id(kHostB)});
  EXPECT_TRUE(target.run(a, reserve_out(kRegister, 0, list)).good());
  EXPECT_TRUE(target.run(a, reserve_out(kReserve, kWriteExclusiveRegistrants, parameters(0xc, 0))).good());
  EXPECT_TRUE(target.run(b, write10(0, 1, 1)).good());  // registered by the other
  EXPECT_EQ(word_at(target.run(b, reserve_in(kReadKeys)).data, 4), 16u);
  FcInitiator& c = target.log_in({0x21000024ff000003}, 0x010400);
  target.clear_attentions(c);
  EXPECT_EQ(target.run(c, write10(0, 1, 1)).status, 0x18);  // RESERVATION CONFLICT
}

TEST(FcpReservation, SurvivesALogoutAndIsByName) {
  FcTarget target;
  FcInitiator& a = target.log_in(kHostA, 0x010200);
  FcInitiator& b = target.log_in(kHostB, 0x010300);
  target.clear_attentions(a);
  target.clear_attentions(b);
  EXPECT_TRUE(target.run(a, reserve_out(kRegister, 0, parameters(0, 0xa))).good());
  EXPECT_TRUE(target.run(a, reserve_out(kReserve, 1, parameters(0xa, 0))).good());
  a.ask(hal::fc::LinkServiceKind::kLogo);
  target.settle();
  EXPECT_EQ(target.run(b, write10(0, 1, 1)).status, 0x18);
  FcInitiator& back = target.log_in(kHostA, 0x010900);  // at another address
  target.clear_attentions(back);
  EXPECT_TRUE(target.run(back, write10(0, 1, 1)).good());
}

TEST(FcpReservation, OneDiskOverTwoFabricsHasOneState) {
  FcTarget target;
  FcInitiator& fc = target.log_in(kHostA, 0x010200);
  test_support::LoopNexus& iscsi = target.loop.login("iqn.2026-01.test:host");
  target.clear_attentions(fc);
  target.loop.clear_attentions(iscsi);
  EXPECT_TRUE(target.run(fc, write10(0, 1, 0x42)).good());
  const auto read = [&] { return target.loop.run(iscsi, {.cdb = {0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0}, .in = kBlock}); };
  EXPECT_EQ(read().data, filled(kBlock, 0x42));
  // Registered and reserved over Fibre Channel: iSCSI may read, and not write.
  EXPECT_TRUE(target.run(fc, reserve_out(kRegister, 0, parameters(0, 0xf))).good());
  EXPECT_TRUE(target.run(fc, reserve_out(kReserve, kWriteExclusiveRegistrants, parameters(0xf, 0))).good());
  const auto write = [&] {
    return target.loop.run(iscsi, {.cdb = {0x2a, 0, 0, 0, 0, 0, 0, 0, 1, 0}, .out = filled(kBlock, 1)});
  };
  EXPECT_EQ(write().status, scsi::Status::kReservationConflict);
  EXPECT_TRUE(read().good());
  const auto list = parameters(0, 0xe);
  EXPECT_TRUE(target.loop.run(iscsi, {.cdb = cdb_out(kRegister, 0, list.size()), .out = list}).good());
  EXPECT_TRUE(write().good());
  // Both are in the full status, each with the TransportID of its protocol.
  const auto& full = target.run(fc, reserve_in(kReadFullStatus));
  ASSERT_TRUE(full.good());
  std::vector<int> protocols;
  for (std::size_t at = 8; at + 24 < full.data.size();) {
    protocols.push_back(std::uint8_t(full.data[at + 24]) & 0xf);
    at += 24 + word_at(full.data, at + 20);
  }
  std::sort(protocols.begin(), protocols.end());
  EXPECT_EQ(protocols, (std::vector<int>{0, 5}));
  // A reset over one fabric is told to the other.
  EXPECT_EQ(target.run(fc, {.task_management_flags = 0x10}).code, 0);
  EXPECT_TRUE(read().check({scsi::SenseKey::kUnitAttention, 0x29, 0x03}));
}

TEST(FcpReservation, AllTargetPortsRegistersAtEachOfThem) {
  FcTarget target;
  FcInitiator& a = target.log_in(kHostA, 0x010200);
  target.clear_attentions(a);
  auto ports = target.fabric->target_ports();
  ports.push_back({.protocol = 0, .relative_id = 8, .port_group = 1, .target_name = "fc1", .port_name = {}});
  EXPECT_TRUE(target.wait([&](scsi::Done done) { target.loop.core().set_target_ports(ports, std::move(done)); }));
  EXPECT_TRUE(target.run(a, reserve_out(kRegister, 0, parameters(0, 0xa, kAllTgPt))).good());
  const auto& keys = target.run(a, reserve_in(kReadKeys));
  EXPECT_EQ(word_at(keys.data, 4), 16u);  // one for each port
}

TEST(FcpIdentity, VpdNamesThePortByItsWwpn) {
  FcTarget target;
  FcInitiator& a = target.log_in(kHostA, 0x010200);
  const auto& reply = target.run(a, {.cdb = {0x12, 1, 0x83, 4, 0, 0}, .in = 1024});
  ASSERT_TRUE(reply.good());
  // NAA designator of the target port: protocol FCP, binary, PIV, association 1, type 3.
  const std::vector<std::uint8_t> wanted = {0x01, 0x93, 0, 8, 0x50, 0x01, 0x43, 0x80, 0, 0, 0, 1};
  const auto found = std::search(reply.data.begin(), reply.data.end(), wanted.begin(), wanted.end(),
                                 [](std::byte a_byte, std::uint8_t b_byte) { return std::uint8_t(a_byte) == b_byte; });
  EXPECT_NE(found, reply.data.end());
}

TEST(FcpViews, HostGroupsByWwpnAndTargetsByPortName) {
  FcTarget target;
  scsi::ViewTable table;
  table.host_groups = {{"a", {"21:00:00:24:ff:00:00:01"}}};
  table.target_groups = {{"fc", {"fc0", "iqn.2026-01.test:target"}}};
  table.views = {{"disk", "a", "fc", 3, false}, {"disk", "", "fc0", 4, true}};
  EXPECT_TRUE(target.wait([&](scsi::Done done) { target.loop.core().set_views(table, std::move(done)); }));
  FcInitiator& a = target.log_in(kHostA, 0x010200);
  FcInitiator& b = target.log_in(kHostB, 0x010300);
  const auto luns = [&](FcInitiator& host) {
    const auto& reply = target.run(host, {.cdb = {0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}, .in = 256});
    return word_at(reply.data, 0) / 8;
  };
  EXPECT_EQ(luns(a), 2u);
  EXPECT_EQ(luns(b), 1u);
}

}  // namespace
}  // namespace fcp_test
