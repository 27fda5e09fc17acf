// The driver on its model, one thing at a time.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "hal/port/fc_ct.h"
#include "hal/port/fc_els.h"
#include "tests/model/qla/world.h"
#include "tests/support/log_guard.h"

namespace model_test {
namespace {

using emu::fc::EndReason;
using hal::fc::FcpRsp;

FcpRsp response_of(const emu::fc::Station::Io& io) {
  FcpRsp rsp;
  if (io.response.size() >= sizeof rsp) std::memcpy(static_cast<void*>(&rsp), io.response.data(), sizeof rsp);
  return rsp;
}

struct PortTest : testing::Test {
  World world;
  void begin() {
    world.start();
    world.log_in();
  }
};

TEST_F(PortTest, ComesUpInTheFabric) {
  world.start();
  EXPECT_EQ(world.user->link.topology, hal::fc::Topology::kFabric);
  EXPECT_EQ(world.user->link.gigabits, 8u);
  EXPECT_EQ(world.user->link.fabric_name.raw, 0x1000006900000001u);
  EXPECT_EQ(world.port->info().port_name.raw, 0x2100002400000011u);
  EXPECT_EQ(world.port->info().state, "online");
  world.port->log_in(hal::fc::kNameServer);
  EXPECT_TRUE(world.until([&] { return world.user->good_login_answers == 1; }));
}

TEST_F(PortTest, AsksTheNameServerAndHearsOfChanges) {
  world.start();
  world.port->log_in(hal::fc::kNameServer);
  ASSERT_TRUE(world.until([&] { return world.user->good_login_answers == 1; }));
  const auto ask = [&](std::uint16_t command, std::initializer_list<std::uint32_t> words) {
    std::vector<base::be32> request = {0x01000000u, 0xfc020000u, std::uint32_t{command} << 16, 0u};
    for (const std::uint32_t word : words) request.emplace_back(word);
    const auto bytes = std::as_bytes(std::span(request));
    const int before = world.user->ct_answers;
    ASSERT_TRUE(world.port->send_ct(9, hal::fc::kNameServer, bytes, std::chrono::seconds(5)).has_value());
    ASSERT_TRUE(world.until([&] { return world.user->ct_answers == before + 1; }));
    EXPECT_EQ(world.user->ct_status, hal::fc::CtStatus::kDone);
  };
  ask(0x217, {world.target().raw, 0x00000100, 0, 0, 0, 0, 0, 0, 0});  // RFT_ID, FCP
  ASSERT_GE(world.user->ct_reply.size(), 12u);
  EXPECT_EQ(world.user->ct_reply[8], std::byte{0x80});  // accept
  EXPECT_EQ(world.user->ct_reply[9], std::byte{0x02});
  ask(0x172, {0x00000008});  // GPN_FT: we are in it
  ASSERT_EQ(world.user->ct_reply.size(), 32u);
  world.port->register_state_changes();
  world.run(1000);
  world.host.port.bounce(std::chrono::milliseconds(100));
  EXPECT_TRUE(world.until([&] { return world.user->pages.size() >= 4; }));
}

// RSCN by the ELS pass-through entry; the model judges the entry, the switch the payload.
TEST_F(PortTest, TellsTheFabricThatItHasChanged) {
  begin();
  const std::uint32_t tag = world.host.request_tag();
  world.host.port.send_els({.tag = tag, .vp = 0, .to = hal::fc::kFabricController, .limit = {}},
                           emu::fc::bytes_of(hal::fc::Scr{}));
  ASSERT_TRUE(world.until([&] { return world.host.answered(tag); }));
  world.host.rscn.clear();
  world.port->report_state_change();
  ASSERT_TRUE(world.until([&] { return world.user->reports.size() == 1 && world.host.rscn.size() == 4; }));
  EXPECT_TRUE(world.user->reports[0].has_value());
  EXPECT_EQ(world.host.rscn[0], std::byte{0x08});  // changed port attribute, of one port
  EXPECT_EQ(world.host.rscn[2], static_cast<std::byte>(world.target().raw >> 8));
  world.expect_io();  // the login is what it was
  EXPECT_EQ(world.pci.faults(), 0u);
}

TEST_F(PortTest, AnRscnOnALinkThatIsLostIsAnswered) {
  begin();
  world.model.bounce_link();
  world.port->report_state_change();
  ASSERT_TRUE(world.until([&] { return world.user->reports.size() == 1; }));
  EXPECT_FALSE(world.user->reports[0].has_value());
  ExpectLog expect("firmware crash");
  world.model.crash_firmware();
  world.port->report_state_change();
  ASSERT_TRUE(world.until([&] { return world.user->reports.size() == 2; }));
  EXPECT_FALSE(world.user->reports[1].has_value());
}

TEST_F(PortTest, ReadsAndWrites) {
  begin();
  for (int i = 0; i < 50; ++i) world.expect_io();
  EXPECT_EQ(world.counter(qla::Count::kWrongHandle) + world.counter(qla::Count::kRepeatedAnswer), 0u);
}

TEST_F(PortTest, ManyCommandsAtOnce) {
  begin();
  std::vector<emu::fc::Station::Io*> ios;
  for (std::uint32_t i = 0; i < 100; ++i) ios.push_back(&world.io(i % 2 == 0, i * 10000, 10000));
  EXPECT_TRUE(
      world.until([&] { return std::all_of(ios.begin(), ios.end(), [](const auto* io) { return io->ended; }); }));
  for (const auto* io : ios) {
    EXPECT_EQ(io->reason, EndReason::kDone);
    EXPECT_EQ(std::memcmp(io->data.data(), world.user->memory().data() + io->at, io->data.size()), 0);
  }
  EXPECT_LT(world.counter(qla::Count::kDoorbells), 2 * ios.size());
}

TEST_F(PortTest, Underrun) {
  begin();
  auto& io = world.io(false, RamTarget::kBytes - 1000, 4096);
  EXPECT_TRUE(world.until([&] { return io.ended != 0; }));
  EXPECT_EQ(io.reason, EndReason::kDone);
  EXPECT_EQ(io.data_in, 1000u);
  EXPECT_EQ(response_of(io).residual, 3096u);
  EXPECT_EQ(response_of(io).flags & FcpRsp::kResidualUnder, FcpRsp::kResidualUnder);
}

TEST_F(PortTest, SenseDataShortAndLong) {
  begin();
  for (const auto& [opcode, size] : {std::pair<std::uint8_t, std::size_t>{0xee, 18}, {0xef, 100}}) {
    auto& io = world.special(opcode);
    EXPECT_TRUE(world.until([&] { return io.ended != 0; }));
    EXPECT_EQ(response_of(io).status, 2);
    ASSERT_EQ(io.response.size(), sizeof(FcpRsp) + size);
    for (std::size_t i = 0; i < size; ++i) EXPECT_EQ(io.response[sizeof(FcpRsp) + i], static_cast<std::byte>(0x70 + i));
  }
}

TEST_F(PortTest, TaskManagementEndsTheOthers) {
  begin();
  world.user->stalled = true;
  for (std::uint32_t i = 0; i < 10; ++i) world.io(false, i * 4096, 4096);
  ASSERT_TRUE(world.until([&] { return world.user->used() == 10; }));
  auto& reset = world.special(0, hal::fc::FcpCmnd::kLogicalUnitReset);
  ASSERT_TRUE(world.until([&] { return world.user->used() == 11; }));
  world.user->stalled = false;
  EXPECT_TRUE(world.until([&] { return reset.ended != 0 && world.user->idle(); }));
  EXPECT_EQ(response_of(reset).response_length, 8u);
  world.expect_io();
}

TEST_F(PortTest, RefusedLogin) {
  world.start();
  world.user->accepts = false;
  world.host.port.log_in({.tag = 77, .vp = 0, .to = world.target(), .limit = {}}, emu::fc::LoginRequest::kPlogiPrli);
  ASSERT_TRUE(world.until([&] { return world.host.answered(77); }));
  EXPECT_EQ(world.host.answers.at(77).status, emu::fc::RequestStatus::kRejected);
  EXPECT_TRUE(world.user->logins.empty());
  world.user->accepts = true;
  world.log_in();
  world.expect_io();
}

TEST_F(PortTest, LogoutAndNewLogin) {
  begin();
  world.user->stalled = true;
  world.io(false, 0, 4096);
  ASSERT_TRUE(world.until([&] { return world.user->used() == 1; }));
  world.host.port.log_in({.tag = 78, .vp = 0, .to = world.target(), .limit = {}}, emu::fc::LoginRequest::kLogo);
  ASSERT_TRUE(world.until([&] { return world.host.answered(78); }));
  EXPECT_TRUE(world.until([&] { return world.user->idle() && world.user->logins.empty(); }));
  world.user->stalled = false;
  world.log_in();
  world.expect_io();
}

TEST_F(PortTest, SecondLoginReplacesTheFirst) {
  begin();
  world.host.port.log_in({.tag = 79, .vp = 0, .to = world.target(), .limit = {}}, emu::fc::LoginRequest::kPlogiPrli);
  ASSERT_TRUE(world.until([&] { return world.host.answered(79); }));
  ASSERT_TRUE(world.until([&] { return world.logged_in(); }));
  EXPECT_EQ(world.user->logins.size(), 1u);
  world.expect_io();
}

TEST_F(PortTest, LoginEndedByTheTarget) {
  begin();
  world.port->end_login(world.user->logins.at(0));
  EXPECT_TRUE(world.until([&] { return world.user->logins.empty(); }));
  EXPECT_TRUE(world.until([&] { return world.host.port.find_login(0, world.target()) == nullptr; }));
  world.log_in();
  world.expect_io();
}

// ABTS after every number of steps that a command may have taken.
TEST_F(PortTest, AbortAtEveryPoint) {
  world.tick = std::chrono::microseconds(20);
  begin();
  int accepted = 0;
  for (int steps = 0; steps < 120; ++steps) {
    world.user->slow = steps % 3 == 0;
    auto& io = world.io(steps % 2 == 0, 4096, 20000);
    world.run(steps);
    if (io.ended == 0) world.host.port.abort(io.id, io.tag);
    ASSERT_TRUE(world.until([&] { return io.ended != 0 && world.user->idle(); })) << steps << world.port->dump("rings");
    EXPECT_EQ(io.ended, 1);
    if (io.reason == EndReason::kAborted) {
      ASSERT_TRUE(world.until([&] { return io.aborts_done == 1; }));
      accepted += io.abort == emu::fc::AbortResult::kAccepted ? 1 : 0;
    }
  }
  EXPECT_GT(accepted, 20);
  EXPECT_EQ(world.counter(qla::Count::kRecoveries), 0u);
  world.user->slow = false;
  world.expect_io();
}

TEST_F(PortTest, LinkBounceUnderLoad) {
  begin();
  for (std::uint32_t i = 0; i < 20; ++i) world.io(i % 2 == 0, i * 10000, 10000);
  world.run(20);
  world.model.bounce_link();
  ASSERT_TRUE(world.until([&] { return world.user->link_ups == 2; })) << world.port->dump("events");
  ASSERT_TRUE(world.until([&] { return world.user->idle(); })) << world.port->dump("rings");
  world.log_in();
  world.expect_io();
  EXPECT_EQ(world.user->failures, 0);
}

TEST_F(PortTest, CableOutForLongEndsLogins) {
  begin();
  world.target_link.cut(true);
  ASSERT_TRUE(world.until([&] { return !world.user->link_is_up; }));
  EXPECT_EQ(world.user->logins.size(), 1u);
  world.tick = std::chrono::milliseconds(5);
  EXPECT_TRUE(world.until([&] { return world.user->logins.empty(); }));
  world.target_link.cut(false);
  ASSERT_TRUE(world.until([&] { return world.user->link_is_up; }));
  world.log_in();
  world.expect_io();
}

TEST_F(PortTest, FirmwareCrashUnderLoad) {
  begin();
  for (std::uint32_t i = 0; i < 20; ++i) world.io(i % 2 == 0, i * 10000, 10000);
  world.run(20);
  ExpectLog expect("firmware crash");
  world.model.crash_firmware();
  ASSERT_TRUE(world.until([&] { return world.user->link_ups == 2; })) << world.port->dump("events");
  EXPECT_EQ(world.user->failures, 1);
  EXPECT_TRUE(world.user->idle());
  world.log_in();
  world.expect_io();
}

TEST_F(PortTest, LostCompletionComesWithTheAbort) {
  begin();
  world.model.lose_completions(1);
  auto& io = world.io(true, 0, 4096);
  world.run(100);
  EXPECT_EQ(io.ended, 0);
  EXPECT_EQ(world.user->used(), 1u);
  world.host.port.abort(io.id, io.tag);
  EXPECT_TRUE(world.until([&] { return io.ended != 0 && world.user->idle(); }));
  world.expect_io();
  EXPECT_EQ(world.counter(qla::Count::kRecoveries), 0u);
}

// Interrupts are on while the reactor sleeps: nothing waits for the next timer.
TEST_F(PortTest, SleepsUntilSomethingComes) {
  begin();
  world.sleeps = true;
  for (int i = 0; i < 50; ++i) {
    world.run(100);  // to sleep
    const base::Time begun = world.clock.now();
    auto& io = world.io(i % 2 == 0, 4096, 8192);
    ASSERT_TRUE(world.until([&] { return io.ended != 0; }));
    EXPECT_EQ(io.reason, EndReason::kDone);
    EXPECT_LT(world.clock.now() - begun, std::chrono::milliseconds(20));
  }
  EXPECT_GE(world.interrupts, 50);
  EXPECT_GE(world.counter(qla::Count::kInterrupts), 50u);
}

TEST_F(PortTest, SleepsThroughLinkLossAndCrash) {
  world.sleeps = true;
  begin();
  world.model.bounce_link();
  ASSERT_TRUE(world.until([&] { return world.user->link_ups == 2; }));
  world.log_in();
  world.expect_io();
  world.run(1000);
  ExpectLog expect("firmware crash");
  const base::Time begun = world.clock.now();
  world.model.crash_firmware();
  ASSERT_TRUE(world.until([&] { return world.user->failures == 1; }));
  EXPECT_LT(world.clock.now() - begun, std::chrono::milliseconds(20));
  ASSERT_TRUE(world.until([&] { return world.user->link_ups == 3; }));
  world.log_in();
  world.expect_io();
}

// FCP_CONF is asked for with CHECK CONDITION only, and the exchange lives until it is there.
TEST(Confirm, CheckConditionIsConfirmed) {
  qla::Options options = World::small();
  options.confirmed_completion = true;
  World world(1, options);
  world.start();
  world.log_in();
  const auto* const login = world.host.port.find_login(0, world.target());
  EXPECT_NE(login->service_parameters & hal::fc::FcpService::kConfirmedCompletion, 0u);
  for (const std::uint8_t opcode : std::initializer_list<std::uint8_t>{0xee, 0xef}) {
    auto& io = world.special(opcode);
    ASSERT_TRUE(world.until([&] { return io.ended != 0 && world.user->idle(); }));
    EXPECT_EQ(response_of(io).status, 2);
    EXPECT_NE(response_of(io).flags & FcpRsp::kConfirmationRequested, 0);
  }
  auto& good = world.io(true, 0, 4096);
  ASSERT_TRUE(world.until([&] { return good.ended != 0 && world.user->idle(); }));
  EXPECT_EQ(response_of(good).flags & FcpRsp::kConfirmationRequested, 0);
  EXPECT_EQ(world.counter(qla::Count::kFailedTransfers) + world.counter(qla::Count::kRecoveries), 0u);
  EXPECT_EQ(world.pci.faults(), 0u);
}

TEST(Roles, WithoutBeingAskedTheTargetOnly) {
  World world;
  world.start();
  world.log_in();
  const auto roles = hal::fc::FcpService::kTarget | hal::fc::FcpService::kInitiator;
  EXPECT_EQ(world.host.port.find_login(0, world.target())->service_parameters & roles, hal::fc::FcpService::kTarget);
}

TEST(Roles, DualRoleOffersBothAndServes) {
  qla::Options options = World::small();
  options.initiator = true;
  World world(1, options);
  world.start();
  world.log_in();
  const auto roles = hal::fc::FcpService::kTarget | hal::fc::FcpService::kInitiator;
  EXPECT_EQ(world.host.port.find_login(0, world.target())->service_parameters & roles, roles);
  for (int i = 0; i < 10; ++i) world.expect_io();
  world.model.bounce_link();
  ASSERT_TRUE(world.until([&] { return world.user->link_ups == 2; }));
  world.log_in();
  world.expect_io();
  EXPECT_EQ(world.pci.faults(), 0u);
}

struct DumpTest : testing::Test {
  std::string folder = testing::TempDir() + "outboard-dump-" + std::to_string(getpid());
  ~DumpTest() override { std::filesystem::remove_all(folder); }
  qla::Options options() {
    std::filesystem::create_directory(folder);
    qla::Options options = World::small();
    options.dump_folder = folder;
    return options;
  }
  std::string file(unsigned number) {
    std::ifstream in(folder + "/qla0-" + std::to_string(number) + ".dump");
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

TEST_F(DumpTest, FirmwareCrashLeavesAFile) {
  World world(1, options());
  world.start();
  ExpectLog expect("firmware crash");
  const int crashes = 1 + static_cast<int>(qla::Dump::kFiles);
  for (int i = 1; i <= crashes; ++i) {
    world.model.crash_firmware();
    ASSERT_TRUE(world.until([&] { return world.user->link_ups == 1 + i; })) << world.port->dump("events");
  }
  world.port->stop([] {});
  world.user.reset();
  world.port.reset();  // what is being written is finished
  for (unsigned i = 0; i < qla::Dump::kFiles; ++i) {
    const std::string text = file(i);
    ASSERT_FALSE(text.empty()) << i;
    EXPECT_NE(text.find("qla0 ISP2532 failed: firmware crash 1234 5678 9abc\nregisters:\n"), std::string::npos);
    EXPECT_NE(text.find("host status"), std::string::npos);
    EXPECT_NE(text.find("events:\n"), std::string::npos);
    EXPECT_NE(text.find("\n00100000 "), std::string::npos) << "the firmware's memory";
  }
  EXPECT_TRUE(file(qla::Dump::kFiles).empty());
}

TEST_F(DumpTest, AFileThatCannotBeWrittenIsSaid) {
  qla::Options elsewhere = options();
  elsewhere.dump_folder += "/not-there";
  World world(1, elsewhere);
  world.start();
  ExpectLog crash("firmware crash"), lost("cannot be written");
  world.model.crash_firmware();
  ASSERT_TRUE(world.until([&] { return world.user->link_ups == 2; }));
  world.user.reset();
  world.port.reset();
}

// The initiator has its answer and will not abort: only a reset tells what became of the exchange.
TEST_F(PortTest, LostCompletionOfAResponseResetsTheAdapter) {
  begin();
  ExpectLog expect("no answer to a transfer");
  world.model.lose_completions(1);
  auto& io = world.special(0xee);
  EXPECT_TRUE(world.until([&] { return io.ended != 0; }));
  ASSERT_TRUE(world.until([&] { return world.user->link_ups == 2; }));
  EXPECT_TRUE(world.user->idle());
  world.log_in();
  world.expect_io();
}

TEST_F(PortTest, LostMailboxAnswerResetsTheAdapter) {
  begin();
  ExpectLog expect("no answer to mailbox command");
  world.model.lose_mailbox_answers(1);
  world.tick = std::chrono::milliseconds(2);
  ASSERT_TRUE(world.until([&] { return world.user->link_ups == 2; }));
  EXPECT_EQ(world.user->failures, 1);
}

TEST_F(PortTest, RemovalUnderLoad) {
  begin();
  for (std::uint32_t i = 0; i < 20; ++i) world.io(i % 2 == 0, i * 10000, 10000);
  world.run(20);
  ExpectLog expect("the adapter is gone");
  world.pci.remove();
  EXPECT_TRUE(world.until([&] { return world.user->idle() && world.user->failures == 1; }));
  EXPECT_EQ(world.user->told.back(), "lost: the adapter is gone");
  EXPECT_TRUE(world.user->logins.empty());
  EXPECT_TRUE(world.stop());
}

TEST_F(PortTest, StopsUnderLoadAndStartsAgain) {
  begin();
  for (std::uint32_t i = 0; i < 20; ++i) world.io(i % 2 == 0, i * 10000, 10000);
  world.run(20);
  EXPECT_TRUE(world.stop());
  EXPECT_TRUE(world.user->idle());
  EXPECT_TRUE(world.user->logins.empty());
  world.user->link_is_up = false;
  world.start();
  world.log_in();
  world.expect_io();
}

}  // namespace
}  // namespace model_test
