// Unit tests of NOP, Text, Logout, SNACK and whatever else is no SCSI command.
#include <gtest/gtest.h>

#include "tests/support/log_guard.h"
#include "tests/unit/iscsi/bench.h"

namespace iscsi {
namespace {

using pdu::kReservedTag;
using pdu::Opcode;
using pdu::RejectReason;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct ControlTest : testing::Test {
  IscsiBench bench;
  Initiator host{bench, bench.connect()};
  FakeRouter& core() { return *bench.router; }
};

TEST_F(ControlTest, PingIsEchoedUpToWhatTheInitiatorTakes) {
  host.must_log_in({{"MaxRecvDataSegmentLength", "512"}});
  for (const std::size_t size : {0u, 1u, 4u, 511u, 512u, 513u, 4096u}) {
    const std::vector<std::byte> data = pattern(size);
    host.nop(33, data);
    const auto pdu = host.expect(Opcode::kNopIn);
    EXPECT_EQ(pdu.header.initiator_task_tag, 33u);
    EXPECT_EQ(pdu.as<pdu::NopIn>().target_transfer_tag, kReservedTag);
    ASSERT_EQ(pdu.data.size(), std::min<std::size_t>(size, 512));
    EXPECT_TRUE(std::equal(pdu.data.begin(), pdu.data.end(), data.begin()));
  }
}

TEST_F(ControlTest, PingOutOfOrderWaitsForTheCommandsBeforeIt) {
  host.must_log_in();
  const pdu::ScsiCommand late = host.command(1);
  host.nop(33, pattern(8));
  bench.settle();
  host.expect_nothing();
  host.connection().deliver(late);
  const auto pdu = host.expect(Opcode::kNopIn);
  EXPECT_EQ(pdu.data, pattern(8));
  EXPECT_EQ(pdu.as<pdu::NopIn>().exp_cmd_sn, 102u);
}

TEST_F(ControlTest, MemoryForRequestsOutOfOrderIsBounded) {
  host.must_log_in();
  static_cast<void>(host.command(1));
  const std::vector<std::byte> big(32768);
  host.nop(1, big);
  host.nop(2, big);
  host.expect_nothing();
  host.nop(3, big);
  host.expect_reject(RejectReason::kLongOperationReject);
}

TEST_F(ControlTest, NopOutThatWantsNoAnswerGetsNone) {
  host.must_log_in();
  host.nop(kReservedTag, {}, true);
  host.expect_nothing();
  host.nop(kReservedTag, {}, false);  // would take a number that nobody answers
  host.expect_reject(RejectReason::kInvalidPduField);
  pdu::NopOut stray;
  stray.opcode = 0x40;
  stray.initiator_task_tag = kReservedTag;
  stray.target_transfer_tag = 1234;
  host.connection().deliver(stray);
  host.expect_reject(RejectReason::kInvalidPduField);
}

TEST_F(ControlTest, SilentInitiatorIsPingedAndStaysIfItAnswers) {
  host.must_log_in();
  for (int round = 0; round < 3; ++round) {
    bench.advance(seconds(31));
    const auto ping = host.expect(Opcode::kNopIn);
    EXPECT_EQ(ping.header.initiator_task_tag, kReservedTag);
    EXPECT_NE(ping.as<pdu::NopIn>().target_transfer_tag, kReservedTag);
    pdu::NopOut answer;
    answer.opcode = 0x40;
    answer.initiator_task_tag = kReservedTag;
    answer.target_transfer_tag = ping.as<pdu::NopIn>().target_transfer_tag;
    answer.cmd_sn = host.cmd_sn;
    host.connection().deliver(answer);
    host.expect_nothing();
  }
  EXPECT_EQ(bench.sessions().size(), 1u);
}

// RFC 7143 11.18, 11.19: each ping has its answer, by its target transfer tag, whatever else comes before it.
TEST_F(ControlTest, AnswersToPingsMayComeAfterOtherRequestsButOnlyOnce) {
  host.must_log_in();
  std::vector<pdu::NopOut> answers(3);
  for (pdu::NopOut& answer : answers) {
    bench.advance(seconds(31));
    answer.opcode = 0x40;
    answer.initiator_task_tag = kReservedTag;
    answer.target_transfer_tag = host.expect(Opcode::kNopIn).as<pdu::NopIn>().target_transfer_tag;
    bench.advance(seconds(1));
    host.nop(5, {}, true);
    host.expect(Opcode::kNopIn);
    bench.advance(seconds(10));  // the time for the answer is over
    host.expect_nothing();
  }
  for (const std::size_t late : {2, 0, 1}) {
    host.connection().deliver(answers[late]);
    host.expect_nothing();
    host.connection().deliver(answers[late]);
    host.expect_reject(RejectReason::kInvalidPduField);
  }
  EXPECT_EQ(bench.sessions().size(), 1u);
}

// RFC 7143 7.8: a PDU with a wrong header digest is dropped without a word; a lost ping is no dead initiator.
TEST_F(ControlTest, PingThatIsLostIsRepeatedOnceBeforeItsTimeIsOver) {
  bench.config.targets[0].error_recovery_level = 1;
  ASSERT_TRUE(bench.apply());
  host.connection().lose(hal::CloseReason::kPeerClosed);  // came before
  Initiator one(bench, bench.connect());
  one.must_log_in({{"ErrorRecoveryLevel", "1"}});
  bench.advance(seconds(30));
  const auto lost = one.expect(Opcode::kNopIn).as<pdu::NopIn>();
  bench.advance(milliseconds(4900));
  one.expect_nothing();
  bench.advance(milliseconds(200));
  const auto ping = one.expect(Opcode::kNopIn).as<pdu::NopIn>();
  EXPECT_NE(ping.target_transfer_tag, lost.target_transfer_tag);
  bench.advance(milliseconds(4000));
  one.expect_nothing();
  pdu::NopOut answer;
  answer.opcode = 0x40;
  answer.initiator_task_tag = kReservedTag;
  answer.cmd_sn = one.cmd_sn;
  for (const std::uint32_t tag : {ping.target_transfer_tag, lost.target_transfer_tag}) {  // both came after all
    answer.target_transfer_tag = tag;
    one.connection().deliver(answer);
    one.expect_nothing();
  }
  bench.advance(seconds(29));
  one.expect_nothing();
  EXPECT_EQ(bench.sessions().size(), 1u);
}

TEST_F(ControlTest, SilentInitiatorThatDoesNotAnswerIsDropped) {
  host.must_log_in();
  bench.advance(seconds(30));
  host.expect(Opcode::kNopIn);
  bench.advance(milliseconds(9900));
  EXPECT_EQ(bench.sessions().size(), 1u);
  ExpectLog expect("NOP-In not answered");
  bench.advance(milliseconds(200));
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(ControlTest, InitiatorThatSendsAnythingIsNotPinged) {
  host.must_log_in();
  for (int i = 0; i < 20; ++i) {
    bench.advance(seconds(10));
    host.nop(5, {}, true);
    host.expect(Opcode::kNopIn);
    host.expect_nothing();
  }
}

TEST_F(ControlTest, KeepaliveCanBeTurnedOffAndOnWhileSessionsRun) {
  bench.config.limits.nop_interval = {};
  ASSERT_TRUE(bench.apply());
  host.must_log_in();
  bench.advance(seconds(3600));
  host.expect_nothing();
  bench.config.limits.nop_interval = seconds(5);
  ASSERT_TRUE(bench.apply());
  bench.settle();
  host.expect(Opcode::kNopIn);
}

// --- what is no request of the full feature phase ---

TEST_F(ControlTest, OpcodesThatATargetDoesNotServeAreRejected) {
  host.must_log_in();
  for (unsigned opcode = 0; opcode < 0x40; ++opcode) {
    if (opcode <= 6 || opcode == 0x10) continue;
    pdu::BasicHeader header;
    header.opcode = static_cast<std::uint8_t>(opcode);
    header.initiator_task_tag = 5u;
    host.connection().deliver(header);
    host.expect_reject(RejectReason::kCommandNotSupported);
  }
  EXPECT_EQ(bench.sessions().size(), 1u);
}

TEST_F(ControlTest, SnackAndLoginAreRejected) {
  host.must_log_in();
  for (std::uint8_t type = 0; type < 4; ++type) {
    pdu::SnackRequest snack;
    snack.flags = static_cast<std::uint8_t>(0x80 | type);
    host.connection().deliver(snack);
    host.expect_reject(RejectReason::kSnackReject);
  }
  host.connection().deliver(host.login_request(0x87));
  host.expect_reject(RejectReason::kProtocolError);
}

TEST_F(ControlTest, DigestErrorOfAnyRequestIsRejectedAndTheSameTagMayComeAgain) {
  host.must_log_in();
  pdu::TextRequest text;
  text.opcode = 0x44;
  text.flags = 0x80;
  text.initiator_task_tag = 9;
  text.target_transfer_tag = kReservedTag;
  const std::string body = text_of({{"X-a", "1"}});
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(body.data()), body.size());
  for (int i = 0; i < 3; ++i) {
    host.connection().deliver(text, bytes);
    EXPECT_EQ(value_in(host.expect(Opcode::kTextResponse).text(), "X-a"), "NotUnderstood");
    host.connection().deliver(text, bytes, {}, true);
    host.expect_reject(RejectReason::kDataDigestError);
  }
}

// --- text ---

TEST_F(ControlTest, TextNegotiationTakesEffectWhenItIsOver) {
  host.must_log_in();
  host.text(1, text_of({{"MaxRecvDataSegmentLength", "512"}}), false);
  const auto first = host.expect(Opcode::kTextResponse);
  EXPECT_EQ(first.header.flags, 0);
  const std::uint32_t ttt = first.as<pdu::TextResponse>().target_transfer_tag;
  EXPECT_NE(ttt, kReservedTag);
  EXPECT_EQ(host.connection().keys.send_data_segment_length, 8192u);
  host.text(1, "", true, false, ttt);
  const auto last = host.expect(Opcode::kTextResponse);
  EXPECT_EQ(last.header.flags, 0x80);
  EXPECT_EQ(last.as<pdu::TextResponse>().target_transfer_tag, kReservedTag);
  EXPECT_EQ(host.connection().keys.send_data_segment_length, 512u);
}

TEST_F(ControlTest, SecondOfferInOneNegotiationIsRejectedAndUndoesIt) {
  host.must_log_in();
  host.text(1, text_of({{"MaxRecvDataSegmentLength", "512"}}), false);
  const std::uint32_t ttt = host.expect(Opcode::kTextResponse).as<pdu::TextResponse>().target_transfer_tag;
  host.text(1, text_of({{"MaxRecvDataSegmentLength", "1024"}}), true, false, ttt);
  host.expect_reject(RejectReason::kProtocolError);
  host.text(1, "", true, false, ttt);
  host.expect_reject(RejectReason::kInvalidPduField);
  EXPECT_EQ(host.connection().keys.send_data_segment_length, 8192u);
}

TEST_F(ControlTest, TextsThatBreakTheRulesAreRejected) {
  host.must_log_in();
  host.text(1, text_of({{"MaxBurstLength", "512"}}));  // for login only
  host.expect_reject(RejectReason::kProtocolError);
  host.text(1, "no pair");
  host.expect_reject(RejectReason::kProtocolError);
  host.text(1, "", true, true);  // F and C
  host.expect_reject(RejectReason::kProtocolError);
  host.text(1, "", true, false, 77);  // continues nothing
  host.expect_reject(RejectReason::kInvalidPduField);
  host.text(kReservedTag, "");
  host.expect_reject(RejectReason::kProtocolError);
  host.text(1, text_of({{"SendTargets", "All"}}));  // not in a normal session
  host.expect_reject(RejectReason::kProtocolError);
}

TEST_F(ControlTest, EmptyTextIsAnsweredAndContinuationsAreGathered) {
  host.must_log_in();
  host.text(1, "", true);
  EXPECT_EQ(host.expect(Opcode::kTextResponse).header.flags, 0x80);
  host.text(2, "", false, true);  // C bit and nothing
  const auto more = host.expect(Opcode::kTextResponse);
  EXPECT_EQ(more.header.flags, 0);
  const std::uint32_t ttt = more.as<pdu::TextResponse>().target_transfer_tag;
  host.text(3, "", true, false, ttt);  // another tag
  host.expect_reject(RejectReason::kInvalidPduField);
  host.text(2, "X-a=", false, true, ttt);
  const std::uint32_t next = host.expect(Opcode::kTextResponse).as<pdu::TextResponse>().target_transfer_tag;
  host.text(2, std::string("1\0", 2), true, false, next);
  EXPECT_EQ(value_in(host.expect(Opcode::kTextResponse).text(), "X-a"), "NotUnderstood");
}

// RFC 7143 11.9.1: asked by event 4, an initiator sends a Text Request, an empty one even; the answer declares what the
// target's setting is by now. Segments that are under way may be as long as was declared before.
TEST_F(ControlTest, AskedToNegotiateAnInitiatorHearsTheNewSettingOfItsTarget) {
  host.must_log_in();
  host.text(1, "");
  host.expect(Opcode::kTextResponse);  // the login had no operational stage: the setting was not declared until now
  ASSERT_EQ(host.connection().keys.receive_data_segment_length, 262144u);
  bench.config.targets[0].keys.max_recv_data_segment_length = 4096;
  ASSERT_TRUE(bench.apply());
  host.expect_nothing();
  bool done = false;
  bench.fabric->ask_to_negotiate(bench.sessions()[0].id, seconds(7),
                                 [&](const base::Result<void>& result) { done = result.has_value(); });
  const auto message = host.expect(Opcode::kAsyncMessage);
  EXPECT_EQ(message.as<pdu::AsyncMessage>().async_event, 4);
  EXPECT_EQ(message.as<pdu::AsyncMessage>().parameter3, 7);
  bench.settle();
  EXPECT_TRUE(done);
  host.text(2, "");
  EXPECT_EQ(value_in(host.expect(Opcode::kTextResponse).text(), "MaxRecvDataSegmentLength"), "4096");
  EXPECT_EQ(host.connection().keys.receive_data_segment_length, 262144u);
  const auto keys = bench.sessions()[0].keys;
  EXPECT_NE(std::find(keys.begin(), keys.end(),
                      std::pair<std::string, std::string>("TargetMaxRecvDataSegmentLength", "4096")),
            keys.end());
  host.text(3, "");
  EXPECT_EQ(host.expect(Opcode::kTextResponse).text(), "") << "it is said once";
}

// RFC 7143 4.3: a discovery session is for SendTargets and logout.
TEST_F(ControlTest, DiscoverySessionIsNotAskedToNegotiate) {
  host.must_log_in({}, true);
  bool refused = false;
  bench.fabric->ask_to_negotiate(bench.sessions()[0].id, seconds(1),
                                 [&](const base::Result<void>& result) { refused = !result; });
  bench.settle();
  EXPECT_TRUE(refused);
  host.expect_nothing();
}

TEST_F(ControlTest, NobodyElseIsAskedToNegotiate) {
  host.must_log_in();
  bool refused = false;
  bench.fabric->ask_to_negotiate(77, seconds(1), [&](const base::Result<void>& result) { refused = !result; });
  bench.settle();
  EXPECT_TRUE(refused);
  host.expect_nothing();
}

TEST_F(ControlTest, EndlessTextIsBounded) {
  host.must_log_in();
  std::uint32_t ttt = kReservedTag;
  for (int i = 0; i < 8; ++i) {
    host.text(1, std::string(8192, 'a'), false, true, ttt);
    ttt = host.expect(Opcode::kTextResponse).as<pdu::TextResponse>().target_transfer_tag;
  }
  host.text(1, "a", false, true, ttt);
  host.expect_reject(RejectReason::kProtocolError);
  ttt = kReservedTag;
  for (int i = 0; i < 64; ++i) {
    host.text(1, "", false, true, ttt);
    ttt = host.expect(Opcode::kTextResponse).as<pdu::TextResponse>().target_transfer_tag;
  }
  host.text(1, "", false, true, ttt);
  host.expect_reject(RejectReason::kProtocolError);
}

// --- discovery ---

TEST_F(ControlTest, SendTargetsListsWhatTheInitiatorMayReach) {
  Target hidden, elsewhere, second;
  hidden.name = "iqn.2026-01.test:hidden";
  hidden.initiators = {"iqn.2026-01.test:somebody"};
  elsewhere.name = "iqn.2026-01.test:elsewhere";
  elsewhere.portal_groups = {7};
  second.name = "iqn.2026-01.test:second";
  second.portal_groups = {1, 2};
  bench.config.targets.insert(bench.config.targets.end(), {hidden, elsewhere, second});
  bench.config.portals = {{.address = "10.0.0.1:3260", .tag = 1},
                          {.address = "0.0.0.0:3261", .tag = 2},
                          {.address = "[::]:3262", .tag = 2}};
  ASSERT_TRUE(bench.apply());
  host.must_log_in({}, true);
  EXPECT_TRUE(core().nexuses.empty());
  host.text(1, text_of({{"SendTargets", "All"}}));
  EXPECT_EQ(host.expect(Opcode::kTextResponse).text(), text_of({{"TargetName", kTarget},
                                                                {"TargetAddress", "10.0.0.1:3260,1"},
                                                                {"TargetName", "iqn.2026-01.test:second"},
                                                                {"TargetAddress", "10.0.0.1:3260,1"},
                                                                {"TargetAddress", "10.0.0.1:3261,2"}}));
  host.text(2, text_of({{"SendTargets", "IQN.2026-01.test:SECOND"}}));
  EXPECT_EQ(value_in(host.expect(Opcode::kTextResponse).text(), "TargetName"), "iqn.2026-01.test:second");
  for (const char* const name : {"iqn.2026-01.test:hidden", "iqn.2026-01.test:unknown", "garbage"}) {
    host.text(3, text_of({{"SendTargets", name}}));
    EXPECT_EQ(host.expect(Opcode::kTextResponse).text(), "") << name;
  }
}

TEST_F(ControlTest, NormalSessionSeesItsOwnTargetOnly) {
  host.must_log_in();
  for (const char* const value : {"", kTarget}) {
    host.text(1, text_of({{"SendTargets", value}}));
    EXPECT_EQ(host.expect(Opcode::kTextResponse).text(),
              text_of({{"TargetName", kTarget}, {"TargetAddress", "10.0.0.1:3260,1"}}));
  }
  host.text(1, text_of({{"SendTargets", "iqn.2026-01.test:other"}}));
  EXPECT_EQ(host.expect(Opcode::kTextResponse).text(), "");
}

TEST_F(ControlTest, LongListsComeInPieces) {
  bench.config.targets.clear();
  std::string whole;
  for (int i = 0; i < 1000; ++i) {
    Target target;
    target.name = "iqn.2026-01.test:disk" + std::to_string(i);
    bench.config.targets.push_back(target);
    whole += text_of({{"TargetName", target.name}, {"TargetAddress", "10.0.0.1:3260,1"}});
  }
  ASSERT_TRUE(bench.apply());
  host.must_log_in({{"MaxRecvDataSegmentLength", "512"}}, true);
  host.text(1, text_of({{"SendTargets", "All"}}));
  std::string got;
  for (int pieces = 0;; ++pieces) {
    const auto pdu = host.expect(Opcode::kTextResponse);
    ASSERT_LE(pdu.data.size(), 512u);
    got += pdu.text();
    if (pdu.header.flags == 0x80) break;
    EXPECT_EQ(pdu.header.flags, 0x40);
    if (pieces == 3) {  // the list does not change under way
      bench.config.targets.resize(10);
      ASSERT_TRUE(bench.apply());
    }
    host.text(1, "", true, false, pdu.as<pdu::TextResponse>().target_transfer_tag);
  }
  EXPECT_EQ(got, whole);
}

TEST_F(ControlTest, DiscoverySessionTakesTextsAndLogoutOnly) {
  host.must_log_in({}, true);
  host.read(1, 0);
  host.expect_reject(RejectReason::kProtocolError);
  --host.cmd_sn;
  host.manage(5, 2);
  host.expect_reject(RejectReason::kProtocolError);
  host.nop(3, {}, true);
  host.expect_reject(RejectReason::kProtocolError);
  host.text(4, text_of({{"MaxBurstLength", "512"}}));
  EXPECT_EQ(value_in(host.expect(Opcode::kTextResponse).text(), "MaxBurstLength"), "Irrelevant");
  host.logout();
  EXPECT_EQ(host.expect(Opcode::kLogoutResponse).as<pdu::LogoutResponse>().response, 0);
  bench.settle();
  EXPECT_TRUE(bench.sessions().empty());
}

TEST_F(ControlTest, ForgottenDiscoverySessionEnds) {
  host.must_log_in({}, true);
  bench.advance(seconds(31));
  EXPECT_TRUE(bench.sessions().empty());
}

// --- logout ---

TEST_F(ControlTest, LogoutIsAnsweredWhenNothingOfTheSessionIsLeft) {
  host.must_log_in();
  host.read(1, 512);
  core().hold_quiet = true;
  host.logout();
  bench.settle();
  host.expect_nothing();
  EXPECT_EQ(core().lost.size(), 1u);
  host.nop(9, {}, true);  // nothing is heard any more
  core().release_quiet();
  const auto pdu = host.expect(Opcode::kLogoutResponse);
  EXPECT_EQ(pdu.as<pdu::LogoutResponse>().response, 0);
  EXPECT_EQ(pdu.header.initiator_task_tag, 0x7777u);
  bench.settle();
  EXPECT_TRUE(bench.datamover.connections[0]->destroyed);
}

TEST_F(ControlTest, LogoutReasons) {
  host.must_log_in();
  host.logout(2);
  EXPECT_EQ(host.expect(Opcode::kLogoutResponse).as<pdu::LogoutResponse>().response, 2);
  host.cid = 9;
  host.logout(1);
  EXPECT_EQ(host.expect(Opcode::kLogoutResponse).as<pdu::LogoutResponse>().response, 1);
  host.logout(3);
  host.expect_reject(RejectReason::kInvalidPduField);
  EXPECT_EQ(bench.sessions().size(), 1u);
  host.cid = 1;
  host.logout(1);
  EXPECT_EQ(host.expect(Opcode::kLogoutResponse).as<pdu::LogoutResponse>().response, 0);
}

TEST_F(ControlTest, LogoutEndsWhatThePortStillHolds) {
  host.must_log_in({{"InitialR2T", "No"}});
  host.write(1, 4096, {}, true);
  core().complete(core().command(1));
  static_cast<void>(host.command(2));
  host.read(3, 0);
  host.logout();
  host.expect(Opcode::kLogoutResponse);
  EXPECT_EQ(host.connection().tasks(), 0u);
}

}  // namespace
}  // namespace iscsi
