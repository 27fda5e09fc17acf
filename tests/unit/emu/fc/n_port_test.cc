// The N_Port engine, two of them on one link: bring-up, logins, FCP exchanges of both roles, what goes wrong.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/emu/fc/station.h"

namespace emu::fc {
namespace {

using hal::fc::Els;
using hal::fc::FcpRsp;
using hal::fc::RCtl;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct NPortTest : testing::Test, PairWorld {
  void ready() { ASSERT_TRUE(log_in()); }
  bool ended(const Station::Io& io) {
    return run_until([&io] { return io.ended != 0; }, seconds(100));
  }
  PortId disk_id() const { return host.info.peer.id; }
};

TEST_F(NPortTest, TwoPortsFindEachOther) {
  host.port.start();
  run(milliseconds(50));
  EXPECT_EQ(host.ups, 0);
  disk.port.start();
  ASSERT_TRUE(run_until([&] { return host.ups == 1 && disk.ups == 1; }));
  EXPECT_EQ(host.info.topology, Topology::kPointToPoint);
  EXPECT_EQ(disk.info.id.raw, 1u);  // the larger name
  EXPECT_EQ(host.info.id.raw, 2u);
  EXPECT_EQ(host.info.peer.port_name.raw, kDiskName);
  EXPECT_EQ(disk.info.peer.port_name.raw, kHostName);
  EXPECT_EQ(disk.info.peer.id.raw, 2u);
}

TEST_F(NPortTest, LoginMakesBothSidesKnowEachOther) {
  ready();
  const Login* const at_host = host.port.find_login(0, disk_id());
  const Login* const at_disk = disk.port.find_login(0, Wwn{kHostName});
  ASSERT_NE(at_host, nullptr);
  ASSERT_NE(at_disk, nullptr);
  EXPECT_EQ(at_host->state, LoginState::kPrliDone);
  EXPECT_NE(at_host->service_parameters & hal::fc::FcpService::kTarget, 0u);
  EXPECT_EQ(at_disk->state, LoginState::kPrliDone);
  EXPECT_EQ(at_disk->port.id.raw, host.info.id.raw);
  ASSERT_EQ(disk.login_events.size(), 2u);
  EXPECT_EQ(disk.login_events[0].second, LoginEvent::kPlogi);
  EXPECT_EQ(disk.login_events[1].second, LoginEvent::kPrli);
}

TEST_F(NPortTest, WriteThenReadGivesTheSame) {
  ready();
  for (const std::uint32_t length : {1u, 512u, 2047u, 4096u, 100'001u}) {
    Station::Io& write = host.start(disk_id(), true, 512, length);
    ASSERT_TRUE(ended(write));
    EXPECT_EQ(write.reason, EndReason::kDone);
    EXPECT_EQ(write.data_out, length);
    Station::Io& read = host.start(disk_id(), false, 512, length);
    ASSERT_TRUE(ended(read));
    EXPECT_EQ(read.reason, EndReason::kDone);
    EXPECT_EQ(read.data_in, length);
    EXPECT_EQ(read.data, write.data);
    ASSERT_EQ(read.response.size(), sizeof(FcpRsp));
  }
  EXPECT_TRUE(disk.served.empty());
}

TEST_F(NPortTest, ManyCommandsAtOnceAllEnd) {
  ready();
  for (std::uint32_t i = 0; i < 200; ++i) host.start(disk_id(), i % 2 != 0, i * 4096, 4096);
  ASSERT_TRUE(run_until([&] {
    return std::all_of(host.ios.begin(), host.ios.end(), [](const auto& io) { return io.second->ended == 1; });
  }));
  for (const auto& [tag, io] : host.ios) EXPECT_EQ(io->reason, EndReason::kDone);
}

TEST_F(NPortTest, ConfirmedCompletionEndsTheStepWhenFcpConfCame) {
  ready();
  disk.response_flags = FcpRsp::kConfirmationRequested;
  std::uint32_t confirmations = 0;
  link.set_judge([&](unsigned, const FrameHeader& header, std::span<const std::byte>) {
    confirmations += header.r_ctl == RCtl::kFcpConf && header.type == hal::fc::FrameType::kFcp ? 1 : 0;
    return Fate::kPass;
  });
  EXPECT_TRUE(ended(host.start(disk_id(), false, 0, 4096)));
  EXPECT_TRUE(ended(host.start(disk_id(), true, 0, 4096)));
  run(milliseconds(2));
  EXPECT_EQ(confirmations, 2u);
  EXPECT_TRUE(disk.served.empty());
}

TEST_F(NPortTest, LostConfirmationIsWaitedForOnlySoLong) {
  ready();
  disk.response_flags = FcpRsp::kConfirmationRequested;
  link.set_judge([&](unsigned, const FrameHeader& header, std::span<const std::byte>) {
    return header.r_ctl == RCtl::kFcpConf ? Fate::kDrop : Fate::kPass;
  });
  EXPECT_TRUE(ended(host.start(disk_id(), false, 0, 4096)));
  run(milliseconds(5));
  EXPECT_EQ(disk.served.size(), 1u);
  run(seconds(11));
  EXPECT_TRUE(disk.served.empty());
}

TEST_F(NPortTest, AbortedCommandEndsOnceOnBothSides) {
  ready();
  disk.serves = false;
  Station::Io& io = host.start(disk_id(), false, 0, 4096);
  run(milliseconds(5));
  ASSERT_EQ(disk.served.size(), 1u);
  EXPECT_TRUE(host.port.abort(io.id, io.tag));
  EXPECT_FALSE(host.port.abort(io.id, io.tag));
  ASSERT_TRUE(ended(io));
  run(seconds(30));
  EXPECT_EQ(io.ended, 1);
  EXPECT_EQ(io.reason, EndReason::kAborted);
  EXPECT_EQ(io.aborts_done, 1);
  EXPECT_EQ(io.abort, AbortResult::kAccepted);
  ASSERT_EQ(disk.exchanges_ended.size(), 1u);
  EXPECT_EQ(disk.exchanges_ended[0].second, EndReason::kAborted);
}

TEST_F(NPortTest, AbortOfWhatTheTargetNeverSawIsRejected) {
  ready();
  link.set_judge([](unsigned, const FrameHeader& header, std::span<const std::byte>) {
    return header.r_ctl == RCtl::kFcpCmnd ? Fate::kDrop : Fate::kPass;
  });
  Station::Io& io = host.start(disk_id(), false, 0, 4096);
  run(milliseconds(5));
  EXPECT_TRUE(host.port.abort(io.id, io.tag));
  ASSERT_TRUE(ended(io));
  EXPECT_EQ(io.abort, AbortResult::kRejected);
}

TEST_F(NPortTest, HeldAbortWaitsForTheUser) {
  disk.port.settings().hold_aborts = true;
  ready();
  disk.serves = false;
  Station::Io& io = host.start(disk_id(), true, 0, 4096);
  run(milliseconds(5));
  const ExchangeId exchange{disk.served.begin()->first};
  DataStep step;
  step.tag = 1;
  step.length = 8192;  // more than will come
  ASSERT_EQ(disk.port.receive_data(exchange, step), StepStatus::kTaken);
  link.set_judge([](unsigned, const FrameHeader& header, std::span<const std::byte>) {
    return header.r_ctl == RCtl::kFcpXferRdy ? Fate::kDrop : Fate::kPass;
  });
  run(milliseconds(5));
  host.port.abort(io.id, io.tag);
  run(milliseconds(5));
  ASSERT_EQ(disk.aborts.size(), 1u);
  EXPECT_EQ(disk.aborts[0].exchange, exchange);
  EXPECT_EQ(disk.served.at(exchange.raw).last, EndReason::kAborted);
  EXPECT_EQ(io.ended, 0);
  EXPECT_EQ(disk.port.send_response(exchange, 2, sizeof(FcpRsp)), StepStatus::kDead);
  const hal::fc::BaAcc reply{};
  disk.port.answer_abort(disk.aborts[0].id, true, bytes_of(reply), true);
  ASSERT_TRUE(ended(io));
  EXPECT_EQ(io.abort, AbortResult::kAccepted);
  EXPECT_EQ(disk.exchanges_ended.size(), 1u);
}

TEST_F(NPortTest, LostResponseIsTimedOutAndAborted) {
  ready();
  bool lost = false;
  link.set_judge([&](unsigned, const FrameHeader& header, std::span<const std::byte>) {
    return header.r_ctl == RCtl::kFcpRsp && !std::exchange(lost, true) ? Fate::kDrop : Fate::kPass;
  });
  Station::Io& io = host.start(disk_id(), false, 0, 4096, seconds(1));
  ASSERT_TRUE(ended(io));
  EXPECT_EQ(io.reason, EndReason::kTimeout);
  EXPECT_EQ(io.ended, 1);
}

TEST_F(NPortTest, LostDataFrameShowsInTheCount) {
  ready();
  bool lost = false;
  link.set_judge([&](unsigned, const FrameHeader& header, std::span<const std::byte>) {
    return header.r_ctl == RCtl::kFcpData && !std::exchange(lost, true) ? Fate::kDrop : Fate::kPass;
  });
  Station::Io& read = host.start(disk_id(), false, 0, 8192);
  ASSERT_TRUE(ended(read));
  EXPECT_EQ(read.reason, EndReason::kDone);
  EXPECT_EQ(read.data_in, 8192u - 2048);
  lost = false;
  Station::Io& write = host.start(disk_id(), true, 0, 8192);
  ASSERT_TRUE(ended(write));
  EXPECT_EQ(write.reason, EndReason::kAbortedByPeer);  // the disk misses bytes and terminates
}

TEST_F(NPortTest, LogoutEndsExchangesAndCommandsAfterItAreRefused) {
  ready();
  disk.serves = false;
  Station::Io& io = host.start(disk_id(), false, 0, 4096);
  run(milliseconds(5));
  const std::uint32_t tag = disk.request_tag();
  disk.port.log_in({tag, 0, host.info.id, {}}, LoginRequest::kLogo);
  ASSERT_TRUE(ended(io));
  EXPECT_EQ(io.reason, EndReason::kLoggedOut);
  EXPECT_EQ(disk.exchanges_ended.size(), 1u);
  EXPECT_EQ(host.login_events.back().second, LoginEvent::kLoggedOut);
  EXPECT_EQ(host.port.find_login(0, disk_id()), nullptr);
  Station::Io& next = host.start(disk_id(), false, 0, 4096);
  EXPECT_EQ(next.ended, 1);
}

TEST_F(NPortTest, ImplicitLogoutPutsNothingOnTheWire) {
  ready();
  const std::uint64_t sent = link.frames(1);
  disk.port.implicit_logout(0, host.info.id);
  run(milliseconds(50));
  EXPECT_EQ(link.frames(1), sent);
  EXPECT_EQ(disk.port.find_login(0, host.info.id), nullptr);
  // A command of a port that is not logged in is answered by LOGO.
  Station::Io& io = host.start(disk_id(), false, 0, 512);
  ASSERT_TRUE(ended(io));
  EXPECT_EQ(io.reason, EndReason::kLoggedOut);
}

TEST_F(NPortTest, HeldLoginIsAcceptedWhenTheUserSaysSo) {
  for (const std::uint8_t command : {Els::kPlogi, Els::kPrli, Els::kLogo}) {
    disk.port.settings().els[command] = Handling::kHold;
  }
  host.port.start();
  disk.port.start();
  ASSERT_TRUE(run_until([&] { return host.ups == 1 && disk.ups == 1; }));
  host.port.log_in({99, 0, disk_id(), {}}, LoginRequest::kPlogiPrli);
  ASSERT_TRUE(run_until([&] { return disk.els_commands.size() == 1; }));
  EXPECT_EQ(disk.els_commands[0], Els::kPlogi);
  EXPECT_EQ(disk.port.find_login(0, host.info.id)->state, LoginState::kPlogiPending);
  disk.port.implicit_logout(0, host.info.id);  // of an older session, as drivers do
  disk.port.answer(disk.els_ids[0], true);
  ASSERT_TRUE(run_until([&] { return disk.els_commands.size() == 2; }));
  EXPECT_EQ(disk.els_commands[1], Els::kPrli);
  EXPECT_FALSE(host.answered(99));
  disk.port.answer(disk.els_ids[1], true);
  ASSERT_TRUE(run_until([&] { return host.answered(99); }));
  EXPECT_EQ(host.answers[99].status, RequestStatus::kAccepted);
  EXPECT_EQ(disk.port.find_login(0, host.info.id)->state, LoginState::kPrliDone);
}

TEST_F(NPortTest, HeldLoginThatIsRejectedLeavesNothing) {
  disk.port.settings().els[Els::kPlogi] = Handling::kHold;
  host.port.start();
  disk.port.start();
  ASSERT_TRUE(run_until([&] { return host.ups == 1 && disk.ups == 1; }));
  host.port.log_in({99, 0, disk_id(), {}}, LoginRequest::kPlogi);
  ASSERT_TRUE(run_until([&] { return disk.els_ids.size() == 1; }));
  disk.port.answer(disk.els_ids[0], false, hal::fc::LsRjt::kUnableToPerform, 0x2a);
  ASSERT_TRUE(run_until([&] { return host.answered(99); }));
  EXPECT_EQ(host.answers[99].status, RequestStatus::kRejected);
  EXPECT_EQ(take<hal::fc::LsRjt>(host.answers[99].payload)->explanation, 0x2a);
  EXPECT_EQ(host.port.find_login(0, disk_id()), nullptr);
  EXPECT_EQ(disk.port.find_login(0, host.info.id), nullptr);
}

TEST_F(NPortTest, LongElsIsCutIntoFramesAndPutTogether) {
  ready();
  std::vector<std::byte> echo(10'001);
  for (std::size_t i = 0; i < echo.size(); ++i) echo[i] = static_cast<std::byte>(i * 3);
  echo[0] = std::byte{Els::kEcho};
  host.port.send_els({7, 0, disk_id(), {}}, echo);
  ASSERT_TRUE(run_until([&] { return host.answered(7); }));
  EXPECT_EQ(host.answers[7].status, RequestStatus::kAccepted);
  echo[0] = std::byte{Els::kLsAcc};
  EXPECT_EQ(host.answers[7].payload, echo);
}

TEST_F(NPortTest, UnansweredRequestTimesOut) {
  ready();
  link.set_judge([](unsigned from, const FrameHeader&, std::span<const std::byte>) {
    return from == 1 ? Fate::kDrop : Fate::kPass;
  });
  host.port.log_in({5, 0, disk_id(), seconds(3)}, LoginRequest::kAdisc);
  run(milliseconds(2900));
  EXPECT_FALSE(host.answered(5));
  run(milliseconds(200));
  ASSERT_TRUE(host.answered(5));
  EXPECT_EQ(host.answers[5].status, RequestStatus::kTimeout);
}

TEST_F(NPortTest, LinkBounceEndsEverythingAndComesBack) {
  ready();
  disk.serves = false;
  Station::Io& io = host.start(disk_id(), false, 0, 4096);
  run(milliseconds(5));
  host.port.bounce(milliseconds(50));
  ASSERT_TRUE(run_until([&] { return disk.downs == 1 && host.downs == 1; }));
  EXPECT_EQ(io.ended, 1);
  EXPECT_EQ(io.reason, EndReason::kLinkDown);
  EXPECT_EQ(disk.exchanges_ended.size(), 1u);
  EXPECT_TRUE(disk.port.logins().empty());
  ASSERT_TRUE(run_until([&] { return disk.ups == 2 && host.ups == 2; }));
  disk.serves = true;
  ASSERT_TRUE(log_in());
  EXPECT_TRUE(ended(host.start(disk_id(), false, 0, 4096)));
}

TEST_F(NPortTest, CommandsWaitWhileTheUserHasNoRoom) {
  ready();
  disk.has_room = false;
  for (int i = 0; i < 5; ++i) host.start(disk_id(), false, 0, 512);
  run(milliseconds(20));
  EXPECT_EQ(disk.commands_taken, 0);
  disk.has_room = true;
  for (auto& [tag, io] : host.ios) EXPECT_TRUE(ended(*io));
  EXPECT_EQ(disk.commands_taken, 5);
}

TEST_F(NPortTest, WithoutExchangeTheUserCanStillSayBusy) {
  disk.port.settings().exchanges = 2;
  ready();
  disk.serves = false;
  for (int i = 0; i < 3; ++i) host.start(disk_id(), false, 0, 512);
  Station::Io& last = *host.ios.rbegin()->second;
  ASSERT_TRUE(ended(last));
  EXPECT_EQ(take<FcpRsp>(last.response)->status, 0x28);
}

TEST_F(NPortTest, FailingDmaEndsTheStepAndTheCommand) {
  ready();
  disk.fails_fetch = true;
  Station::Io& io = host.start(disk_id(), false, 0, 4096);
  ASSERT_TRUE(ended(io));
  EXPECT_EQ(io.reason, EndReason::kAbortedByPeer);
  disk.fails_fetch = false;
  host.fails_store = true;
  Station::Io& other = host.start(disk_id(), false, 0, 4096);
  ASSERT_TRUE(ended(other));
  EXPECT_EQ(other.reason, EndReason::kUserFailed);
}

TEST_F(NPortTest, LateDownCallsFindADeadExchange) {
  ready();
  disk.serves = false;
  Station::Io& io = host.start(disk_id(), false, 0, 4096);
  run(milliseconds(5));
  const ExchangeId exchange{disk.served.begin()->first};
  EXPECT_EQ(disk.port.initiator_of(exchange), host.info.id.raw);
  EXPECT_EQ(disk.port.send_response(exchange, 2, sizeof(FcpRsp)), StepStatus::kTaken);
  ASSERT_TRUE(ended(io));
  EXPECT_EQ(disk.port.send_response(exchange, 2, sizeof(FcpRsp)), StepStatus::kDead);
  EXPECT_EQ(disk.port.initiator_of(exchange), 0u);
}

TEST_F(NPortTest, DataSequenceWithoutDataTouchesNoMemory) {
  ready();
  disk.serves = false;
  Station::Io& io = host.start(disk_id(), false, 0, 0);
  run(milliseconds(5));
  FrameHeader header;
  header.r_ctl = RCtl::kFcpData;
  header.d_id = host.info.id.raw;
  header.s_id = disk.info.id.raw;
  header.type = hal::fc::FrameType::kFcp;
  header.f_ctl = FrameHeader::ExchangeResponder::of(true) | FrameHeader::EndSequence::of(true);
  header.ox_id = disk.port.ox_id_of(ExchangeId{disk.served.begin()->first});
  ASSERT_TRUE(link.end(1).send(bytes_of(header)));
  run(milliseconds(5));
  EXPECT_EQ(io.ended, 0);
  EXPECT_EQ(disk.port.send_response(ExchangeId{disk.served.begin()->first}, 2, sizeof(FcpRsp)), StepStatus::kTaken);
  ASSERT_TRUE(ended(io));
  EXPECT_EQ(io.reason, EndReason::kDone);
  EXPECT_EQ(io.data_in, 0u);
}

TEST_F(NPortTest, ExchangeThatWasAbortedRestsForResourceAllocationTime) {
  host.port.settings().exchanges = 2;
  ready();
  disk.serves = false;
  Station::Io& io = host.start(disk_id(), false, 0, 512);
  run(milliseconds(5));
  host.port.abort(io.id, io.tag);
  ASSERT_TRUE(ended(io));
  disk.serves = true;
  EXPECT_TRUE(ended(host.start(disk_id(), false, 0, 512)));  // the other one, as often as wanted
  host.start(disk_id(), false, 0, 512);
  EXPECT_EQ(host.start(disk_id(), false, 0, 512).id, kNoExchange);
  run(seconds(11));
  std::uint32_t rrq = 0;
  for (const auto& [name, value] : disk.port.counters())
    rrq = name == "els_in" ? static_cast<std::uint32_t>(value) : rrq;
  EXPECT_EQ(rrq, 4u);  // FLOGI, PLOGI, PRLI, RRQ
  host.start(disk_id(), false, 0, 512);
  EXPECT_NE(host.start(disk_id(), false, 0, 512).id, kNoExchange);
}

TEST_F(NPortTest, StepsOfOneExchangeGoInOrder) {
  ready();
  disk.serves = false;
  for (std::size_t i = 0; i < 16384; ++i) disk.memory[i] = static_cast<std::byte>(i / 100);
  Station::Io& io = host.start(disk_id(), false, 0, 16384);
  run(milliseconds(5));
  const ExchangeId exchange{disk.served.begin()->first};
  for (std::uint32_t part = 0; part < 4; ++part) {
    DataStep step;
    step.tag = 1;
    step.offset = part * 4096;
    step.length = 4096;
    ASSERT_EQ(disk.port.send_data(exchange, step), StepStatus::kTaken);
  }
  ASSERT_EQ(disk.port.send_response(exchange, 2, sizeof(FcpRsp)), StepStatus::kTaken);
  ASSERT_TRUE(ended(io));
  EXPECT_EQ(io.data_in, 16384u);
  EXPECT_TRUE(std::equal(io.data.begin(), io.data.end(), disk.memory.begin()));
  EXPECT_EQ(disk.served.at(exchange.raw).steps_done, 5);
}

}  // namespace
}  // namespace emu::fc
