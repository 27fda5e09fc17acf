// Bring-up, link, failures and recovery of a port, step by step on a scripted adapter.
#include <algorithm>

#include "tests/unit/qla/port_fixture.h"

namespace qla {
namespace {

struct BringupTest : PortFixture {};

TEST_F(BringupTest, EndsWithAnAddress) {
  bring_up();
  EXPECT_EQ(told, std::vector<std::string>{"link up"});
  EXPECT_EQ(link.id.raw, 0x010203u);
  EXPECT_EQ(link.gigabits, 8u);
  EXPECT_EQ(link.topology, hal::fc::Topology::kFabric);
  const auto info = port->info();
  EXPECT_EQ(hal::fc::to_string(info.port_name), "21:00:00:24:ff:01:02:03");
  EXPECT_EQ(hal::fc::to_string(info.node_name), "20:00:00:24:ff:01:02:03");
  EXPECT_EQ(info.model, "QLE2560, ISP2532");
  EXPECT_EQ(info.state, "online");
  const std::vector<std::uint16_t> wanted = {0x06, 0x0c, 0x0c, 0x0b, 0x0c, 0x0c, 0x0b, 0x07, 0x02,
                                             0x08, 0x42, 0x38, 0x60, 0x69, 0x22, 0x20, 0x5d, 0x6a};
  EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), card.commands.begin(), card.commands.end()));
}

// Every mailbox command of the reset's table may fail: the port says why, and tries again.
TEST_F(BringupTest, EachCommandMayFail) {
  const std::vector<std::uint16_t> each = {0x06, 0x0c, 0x0b, 0x07, 0x02, 0x08, 0x42, 0x38, 0x60};
  for (const std::uint16_t command : each) {
    card.answers[command] = [](const FakeCard::Mailboxes&, FakeCard::Mailboxes& out) { out[0] = 0x4005; };
    ExpectLog expect("mailbox status 4005");
    open();
    port->start(*this);
    run(100);
    ASSERT_EQ(told.size(), 1u) << command;
    EXPECT_NE(told[0].find(", recovers"), std::string::npos);
    EXPECT_EQ(port->info().state.substr(0, 20), "waiting to try again");
    EXPECT_FALSE(card.bus_master);
    card.answers.clear();
    run(3000);
    EXPECT_EQ(port->info().state, "no link");
    port.reset();
    told.clear();
  }
}

TEST_F(BringupTest, MailboxThatDoesNotAnswerIsAFailure) {
  card.silent = {0x42};
  ExpectLog expect("no answer to mailbox command 42");
  open();
  port->start(*this);
  run(120, std::chrono::milliseconds(100));
  EXPECT_GE(expect.count(), 1);
}

TEST_F(BringupTest, NoFirmwareInFlash) {
  std::fill(card.flash.begin() + regs::kFlashFirmware, card.flash.begin() + regs::kFlashFirmware + 64, 0xffffffff);
  ExpectLog expect("there is no firmware in flash");
  open();
  port->start(*this);
  run(100);
}

// Linux gives each dword its time, and so the whole may take longer than one of them.
TEST_F(BringupTest, NvramMayBeSlowAsLongAsItMoves) {
  card.flash_looks = 100;
  open();
  port->start(*this);
  run(100 * 128 + 200);
  EXPECT_EQ(port->info().state, "no link");
  EXPECT_EQ(told, std::vector<std::string>{});
}

TEST_F(BringupTest, NvramThatStopsIsAFailure) {
  card.flash_looks = ~0u;
  ExpectLog expect("NVRAM: no answer");
  open();
  port->start(*this);
  run(58, std::chrono::milliseconds(100));  // some rounds until the step
  EXPECT_EQ(told, std::vector<std::string>{"failed: NVRAM: no answer, recovers"});
}

TEST_F(BringupTest, NoNameWithoutValidNvram) {
  card.flash[regs::kFlashNvram + 4] ^= 1;
  ExpectLog invalid("NVRAM is not valid"), expect("no port name is configured");
  open();
  port->start(*this);
  run(100);
  EXPECT_EQ(std::count(card.commands.begin(), card.commands.end(), 0x60), 0);
}

TEST_F(BringupTest, LinkDownEndsLoginsAfterItsLimit) {
  bring_up();
  log_in();
  card.event(regs::InterruptCode::kAsyncEvent, {0x8012});
  run(200);
  EXPECT_EQ(told.back(), "link down");
  EXPECT_TRUE(ended.empty());
  run(301, std::chrono::milliseconds(100));
  EXPECT_EQ(ended, logins);
}

TEST_F(BringupTest, LoginsThatTheFirmwareLostEndWithTheLink) {
  bring_up();
  log_in();
  log_in(0x010500, 6);
  card.answers[0x64] = [](const FakeCard::Mailboxes& in, FakeCard::Mailboxes&) {
    const std::uint64_t buffer =
        std::uint64_t{in[6]} << 48 | std::uint64_t{in[7]} << 32 | std::uint64_t{in[2]} << 16 | in[3];
    reinterpret_cast<wire::PortDatabase*>(buffer)->current_state = in[1] == 5 ? 6 : 7;
  };
  card.event(regs::InterruptCode::kAsyncEvent, {0x8012});
  card.event(regs::InterruptCode::kAsyncEvent, {0x8011, 4});
  run(500);
  EXPECT_EQ(told.back(), "link up");
  ASSERT_EQ(logins.size(), 2u);
  EXPECT_EQ(ended, std::vector<hal::fc::LoginId>{logins[1]});
}

TEST_F(BringupTest, FirmwareCrashIsRecovered) {
  bring_up();
  log_in();
  give_atio(command(0x77));
  run(2);
  ASSERT_EQ(commands.size(), 1u);
  queue->send_data(*commands[0], all(true));
  run(2);
  ExpectLog expect("firmware crash 0001");
  card.event(regs::InterruptCode::kAsyncEvent, {0x8002, 1, 2, 3});
  run(200);
  EXPECT_EQ(data, std::vector<hal::fc::DataStatus>{hal::fc::DataStatus::kFailed});
  EXPECT_EQ(ended, logins);
  queue->drop(*commands[0]);
  run(2);
  EXPECT_EQ(exchanges_ended, 1u);
  EXPECT_EQ(card.resets, 2);
  card.event(regs::InterruptCode::kAsyncEvent, {0x8011, 4});
  run(400);
  EXPECT_EQ(told, (std::vector<std::string>{"link up", "link down", "failed: firmware crash 0001 0002 0003, recovers",
                                            "link up"}));
  EXPECT_EQ(counter(Count::kRecoveries), 1u);
}

TEST_F(BringupTest, HeartbeatFindsAFirmwareThatStopped) {
  bring_up();
  ExpectLog expect("no answer to mailbox command 00");
  card.silent = {0x00};
  run(100, std::chrono::milliseconds(100));
  card.silent.clear();
  run(400);
  EXPECT_EQ(counter(Count::kRecoveries), 1u);
  EXPECT_EQ(port->info().state, "no link");
}

TEST_F(BringupTest, RemovalIsFinal) {
  bring_up();
  log_in();
  give_atio(command(0x77));
  run(2);
  queue->receive_data(*commands.at(0), all(false));
  ExpectLog expect("the adapter is gone");
  card.gone = true;
  run(200);
  EXPECT_EQ(told.back(), "failed: the adapter is gone");
  EXPECT_EQ(data, std::vector<hal::fc::DataStatus>{hal::fc::DataStatus::kFailed});
  EXPECT_EQ(ended, logins);
  EXPECT_FALSE(card.bus_master);
  queue->drop(*commands[0]);
  run(2);
  EXPECT_EQ(exchanges_ended, 1u);
  bool stopped = false;
  port->stop([&] { stopped = true; });
  run(2000);
  EXPECT_TRUE(stopped);
}

TEST_F(BringupTest, StopsAndStartsAgain) {
  bring_up();
  log_in();
  bool stopped = false;
  port->stop([&] { stopped = true; });
  run(300);
  const auto logout = request<wire::LogIo>(wire::EntryType::kLogIo);
  EXPECT_EQ(logout.flags, 0x8 | 0x40 | 0x80);
  EXPECT_FALSE(stopped);
  give_response(logout);
  run(300);
  EXPECT_TRUE(stopped);
  EXPECT_FALSE(card.bus_master);
  EXPECT_EQ(port->info().state, "offline");
  port->start(*this);
  run(200);
  EXPECT_EQ(port->info().state, "no link");
}

// Firmware that still runs writes what it receives to our memory: only a reset ends that.
TEST_F(BringupTest, FailureWhileStoppingEndsInAReset) {
  bring_up();
  log_in();
  give_atio(command(0x81));
  run(2);
  ASSERT_EQ(commands.size(), 1u);  // its user does not let go
  const int resets = card.resets;
  bool stopped = false;
  port->stop([&] { stopped = true; });
  run(10);
  ExpectLog expect("firmware crash");
  card.event(regs::InterruptCode::kAsyncEvent, {0x8002, 1, 2, 3});
  run(600, std::chrono::milliseconds(20));
  EXPECT_TRUE(stopped);
  EXPECT_EQ(card.resets, resets + 1);
  EXPECT_FALSE(card.cut_off);
}

}  // namespace
}  // namespace qla
