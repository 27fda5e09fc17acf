// Upgrade in place: sessions come to rest, are described, and go on in another fabric (RFC 7143 4.2.2).
#include "fabrics/iscsi/handover.h"

#include <optional>

#include "tests/unit/iscsi/bench.h"

namespace iscsi {
namespace {

using std::chrono::milliseconds;

struct Frozen {
  std::optional<base::Result<FabricState>> state;
  void freeze(IscsiBench& bench, base::Duration limit = milliseconds(500), bool force = false) {
    state.reset();
    bench.fabric->freeze(limit, force, [this](base::Result<FabricState> result) { state = std::move(result); });
    bench.settle();
  }
};

TEST(Handover, AnIdleSessionIsDescribedAtOnce) {
  IscsiBench bench;
  ASSERT_TRUE(bench.apply());
  Initiator host(bench, bench.connect());
  host.must_log_in({{"HeaderDigest", "CRC32C"}});
  bench.router->owed.units = {{.lun = 3, .attentions = {}}};
  Frozen frozen;
  frozen.freeze(bench);
  ASSERT_TRUE(frozen.state && *frozen.state);
  const FabricState& state = **frozen.state;
  ASSERT_EQ(state.sessions.size(), 1u);
  const SessionState& session = state.sessions.front();
  EXPECT_EQ(session.identity.initiator, kHost);
  EXPECT_EQ(session.exp_cmd_sn, host.cmd_sn);
  EXPECT_EQ(session.max_cmd_sn, host.max_cmd_sn);
  ASSERT_EQ(session.connections.size(), 1u);
  EXPECT_EQ(session.connections.front().stat_sn, host.stat_sn);
  EXPECT_TRUE(session.connections.front().parameters.header_digest);
  ASSERT_EQ(session.nexus.units.size(), 1u);
  EXPECT_EQ(session.nexus.units.front().lun, 3u);
  EXPECT_TRUE(host.connection().paused);
  EXPECT_FALSE(bench.datamover.accepts(0));
  bench.fabric->thaw();
  bench.settle();
  EXPECT_FALSE(host.connection().paused);
  EXPECT_TRUE(bench.datamover.accepts(0));
  host.expect(pdu::Opcode::kNopIn);  // the window is open
  host.nop(77);
  bench.settle();
  host.expect(pdu::Opcode::kNopIn);
}

// 4.2.2.1: what was promised stays promised, nothing more is; the commands in hand end first.
TEST(Handover, CommandsInHandEndFirstAndTheWindowIsShut) {
  IscsiBench bench;
  ASSERT_TRUE(bench.apply());
  Initiator host(bench, bench.connect());
  host.must_log_in();
  host.read(1, 512);
  bench.settle();
  const std::uint32_t promised = host.max_cmd_sn;
  Frozen frozen;
  frozen.freeze(bench);
  EXPECT_FALSE(frozen.state);
  EXPECT_FALSE(host.connection().paused);
  host.read(2, 512);  // was promised
  bench.settle();
  bench.router->complete(bench.router->command(1), scsi::Status::kGood);
  bench.router->complete(bench.router->command(2), scsi::Status::kGood);
  bench.advance(milliseconds(5));
  host.expect_status(1);
  host.expect_status(2);
  EXPECT_EQ(host.max_cmd_sn, promised);
  ASSERT_TRUE(frozen.state && *frozen.state);
  EXPECT_EQ((*frozen.state)->sessions.front().max_cmd_sn, promised);
}

TEST(Handover, ASessionThatIsNotAtRestInTimeIsNamedAndEverythingGoesOn) {
  IscsiBench bench;
  ASSERT_TRUE(bench.apply());
  Initiator host(bench, bench.connect());
  host.must_log_in();
  host.read(1, 512);
  Frozen frozen;
  frozen.freeze(bench);
  bench.advance(milliseconds(501));
  ASSERT_TRUE(frozen.state && !*frozen.state);
  EXPECT_NE(frozen.state->error().text.find(kHost), std::string::npos) << frozen.state->error().text;
  EXPECT_NE(frozen.state->error().text.find("1 commands in hand"), std::string::npos);
  EXPECT_TRUE(bench.datamover.accepts(0));
  host.expect(pdu::Opcode::kNopIn);  // the window is open
  bench.router->complete(bench.router->command(1), scsi::Status::kGood);
  bench.settle();
  host.expect_status(1);
  EXPECT_EQ(bench.sessions().size(), 1u);
}

// A window that had run out is opened by a NOP-In: the initiator has nothing in flight whose answer could tell.
TEST(Handover, AnInitiatorThatUsedUpItsWindowIsToldThatItIsOpenAgain) {
  IscsiBench bench;
  bench.config.targets.front().command_window = 2;
  ASSERT_TRUE(bench.apply());
  Initiator host(bench, bench.connect());
  host.must_log_in();
  Frozen frozen;
  for (const std::uint32_t tag : {1u, 2u}) host.read(tag, 512);
  frozen.freeze(bench);
  for (const std::uint32_t tag : {1u, 2u}) bench.router->complete(bench.router->command(tag), scsi::Status::kGood);
  bench.advance(milliseconds(5));
  for (const std::uint32_t tag : {1u, 2u}) host.expect_status(tag);
  EXPECT_EQ(host.max_cmd_sn + 1, host.cmd_sn);
  ASSERT_TRUE(frozen.state && *frozen.state);
  bench.fabric->thaw();
  bench.settle();
  host.expect(pdu::Opcode::kNopIn);
  EXPECT_EQ(host.max_cmd_sn + 1, host.cmd_sn + 2);
}

TEST(Handover, ForceDropsWhatIsNotAtRest) {
  IscsiBench bench;
  ASSERT_TRUE(bench.apply());
  Initiator busy(bench, bench.connect("10.0.0.8:50000"));
  busy.isid[5] = 2;
  busy.must_log_in();
  Initiator idle(bench, bench.connect());
  idle.must_log_in();
  busy.connection().bytes_under_way = true;
  Frozen frozen;
  frozen.freeze(bench, milliseconds(100), true);
  bench.advance(milliseconds(101));
  bench.advance(milliseconds(5));
  ASSERT_TRUE(frozen.state && *frozen.state);
  ASSERT_EQ((*frozen.state)->sessions.size(), 1u);
  EXPECT_EQ((*frozen.state)->sessions.front().id, 2u);
  EXPECT_TRUE(busy.connection().terminated);
  bench.fabric->thaw();
  bench.settle();
}

TEST(Handover, SessionsGoOnInAnotherFabric) {
  IscsiBench old;
  ASSERT_TRUE(old.apply());
  Initiator host(old, old.connect());
  host.must_log_in();
  host.read(1, 512);
  old.settle();
  old.router->complete(old.router->command(1), scsi::Status::kGood);
  old.settle();
  host.expect_status(1);
  old.advance(std::chrono::seconds(31));
  pdu::NopOut late;
  late.opcode = 0x40;
  late.initiator_task_tag = pdu::kReservedTag;
  late.target_transfer_tag = host.expect(pdu::Opcode::kNopIn).as<pdu::NopIn>().target_transfer_tag;
  old.advance(std::chrono::seconds(1));
  host.nop(3, {}, true);
  host.expect(pdu::Opcode::kNopIn);
  old.advance(std::chrono::seconds(10));  // the answer is not waited for any longer
  old.router->owed.units = {{.lun = 0, .attentions = {{scsi::SenseKey::kUnitAttention, 0x29, 0x03}}}};
  Frozen frozen;
  frozen.freeze(old);
  ASSERT_TRUE(frozen.state && *frozen.state);
  FabricState state = std::move(**frozen.state);

  IscsiBench bench;
  bench.fabric->adopt_listeners(old.fabric->listeners());
  EXPECT_EQ(bench.datamover.adopted, old.datamover.listening);
  ASSERT_TRUE(bench.apply());
  EXPECT_FALSE(bench.datamover.accepts(0));
  std::optional<base::Result<void>> restored;
  bench.fabric->restore(std::move(state), [&](base::Result<void> result) { restored = std::move(result); });
  bench.settle();
  ASSERT_TRUE(restored && *restored);
  ASSERT_EQ(bench.datamover.connections.size(), 1u);
  test_support::FakeConnection& connection = *bench.datamover.connections.front();
  EXPECT_TRUE(connection.enabled && connection.paused);
  ASSERT_EQ(bench.router->taken.units.size(), 1u);
  EXPECT_EQ(bench.router->taken.units.front().attentions.front().ascq, 0x03);
  ASSERT_EQ(bench.sessions().size(), 1u);
  EXPECT_EQ(bench.sessions().front().id, 1u);
  EXPECT_EQ(bench.sessions().front().tsih, host.tsih);

  bench.fabric->thaw();
  bench.settle();
  EXPECT_TRUE(!connection.paused && bench.datamover.accepts(0));
  // The same initiator, whose numbers go on.
  Initiator same(bench, connection);
  same.cmd_sn = host.cmd_sn;
  same.stat_sn = host.stat_sn;
  same.expect(pdu::Opcode::kNopIn);  // the window is open
  connection.deliver(late);
  same.expect_nothing();
  same.read(2, 512);
  bench.settle();
  bench.router->complete(bench.router->command(2), scsi::Status::kGood);
  bench.settle();
  same.expect_status(2);
  // A new login of the same initiator port reinstates it; other numbers are not given out twice.
  Initiator again(bench, bench.connect("10.0.0.9:50001"));
  again.must_log_in();
  ASSERT_EQ(bench.sessions().size(), 1u);
  EXPECT_EQ(bench.sessions().front().id, 2u);
  old.fabric->thaw();
  old.settle();
}

}  // namespace
}  // namespace iscsi
