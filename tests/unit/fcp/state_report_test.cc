// RSCN of our own when what an initiator sees has changed: when it goes out, when it does not, and how often.
#include "tests/support/log_guard.h"
#include "tests/unit/fcp/fc_target.h"

namespace fcp_test {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct FcpStateReport : testing::Test {
  FcTarget target{{.light = false}};
  // LUN `lun` to `initiator` only, beside LUN 0 to everybody.
  void map_to(hal::fc::Wwn initiator, std::uint32_t lun) {
    scsi::ViewTable table;
    table.host_groups = {{"one", {to_string(initiator)}}};
    table.views = {{.lu = "disk", .host_group = "", .target_group = "", .lun = 0},
                   {.lu = "disk", .host_group = "one", .target_group = "", .lun = lun}};
    EXPECT_TRUE(target.wait([&](scsi::Done done) { target.loop.core().set_views(table, std::move(done)); }));
  }
  void light(hal::fc::Topology topology = hal::fc::Topology::kFabric) {
    target.port.light(true, topology);
    target.settle();
  }
  std::int64_t events(const char* name) {
    const auto all = target.events();
    return std::count(all.begin(), all.end(), name);
  }
};

TEST_F(FcpStateReport, ALunMoreOrLessIsToldToTheFabric) {
  light();
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  map_to(kHostA, 3);
  target.loop.advance(milliseconds(499));
  EXPECT_EQ(target.port.state_reports, 0u);
  target.loop.advance(milliseconds(1));
  EXPECT_EQ(target.port.state_reports, 1u);
  EXPECT_EQ(target.counters().state_reports, 1u);
  EXPECT_EQ(events("state change reported"), 1);
  EXPECT_TRUE(target.run(host, read10(0, 1)).check(6, 0x3f, 0x0e));  // as well
  EXPECT_TRUE(target.loop.map({{"disk", 0}}));
  target.loop.advance(seconds(1));
  EXPECT_EQ(target.port.state_reports, 2u);
  target.loop.advance(seconds(10));
  EXPECT_EQ(target.port.state_reports, 2u);
}

TEST_F(FcpStateReport, ManyChangesAreOne) {
  light();
  target.log_in();
  for (std::uint32_t lun = 1; lun <= 20; ++lun) {
    map_to(kHostA, lun);
    target.loop.advance(milliseconds(20));
  }
  target.loop.advance(seconds(5));
  EXPECT_EQ(target.port.state_reports, 1u);
  for (std::uint32_t lun = 21; lun <= 40; ++lun) {
    map_to(kHostA, lun);
    target.loop.advance(milliseconds(100));
  }
  target.loop.advance(seconds(5));
  EXPECT_LE(target.port.state_reports, 1u + 2000 / 500 + 1);
  EXPECT_GE(target.port.state_reports, 4u);
}

TEST_F(FcpStateReport, NothingIsToldOfWhatNobodySees) {
  light();
  target.log_in(kHostA);
  map_to(kHostB, 3);  // who is not logged in
  target.loop.advance(seconds(5));
  EXPECT_EQ(target.port.state_reports, 0u);
}

TEST_F(FcpStateReport, NothingIsToldWithoutAFabric) {
  for (const auto topology : {hal::fc::Topology::kPointToPoint, hal::fc::Topology::kPrivateLoop}) {
    light(topology);
    target.log_in();
    map_to(kHostA, topology == hal::fc::Topology::kPointToPoint ? 3 : 4);
    target.loop.advance(seconds(5));
    EXPECT_EQ(target.port.state_reports, 0u);
    target.port.light(false);
    target.settle();
  }
  light();  // what was before is nobody's affair here
  target.loop.advance(seconds(5));
  EXPECT_EQ(target.port.state_reports, 0u);
}

TEST_F(FcpStateReport, WaitsForTheLinkAndTheNameServer) {
  light();
  target.log_in();
  map_to(kHostA, 3);
  target.port.light(false);
  target.settle();
  target.loop.advance(seconds(5));
  EXPECT_EQ(target.port.state_reports, 0u);
  target.port.name_server_silent = true;
  light();
  map_to(kHostA, 4);
  target.loop.advance(seconds(5));
  EXPECT_EQ(target.port.state_reports, 0u);
  target.port.name_server_silent = false;
  ExpectLog expect("registration with the name server failed");
  target.loop.advance(seconds(26));  // the registration's own limit, and its pause
  target.loop.advance(seconds(2));
  EXPECT_EQ(target.status().registration, "registered");
  target.loop.advance(seconds(1));
  EXPECT_EQ(target.port.state_reports, 1u);
}

TEST_F(FcpStateReport, OneIsOutAtATime) {
  light();
  target.log_in();
  target.port.holds_state_reports = true;
  map_to(kHostA, 3);
  target.loop.advance(seconds(1));
  map_to(kHostA, 4);
  target.loop.advance(seconds(5));
  EXPECT_EQ(target.port.state_reports, 1u);
  target.port.answer_state_report();
  target.settle();
  target.loop.advance(milliseconds(500));
  EXPECT_EQ(target.port.state_reports, 2u);
  target.port.answer_state_report();
  target.settle();
}

TEST_F(FcpStateReport, AFabricThatRefusesIsNotAskedAgain) {
  light();
  target.log_in();
  target.port.refuses_state_reports = true;
  map_to(kHostA, 3);
  target.loop.advance(seconds(60));
  EXPECT_EQ(target.port.state_reports, 1u);
  EXPECT_EQ(target.counters().state_reports_failed, 1u);
  EXPECT_EQ(events("state change not reported"), 1);
  EXPECT_EQ(target.counters().state_reports, 0u);
}

TEST_F(FcpStateReport, NothingIsToldByAPortThatIsNotTo) {
  target.config.ports[0].report_changes = false;
  EXPECT_TRUE(target.apply());
  light();
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  map_to(kHostA, 3);
  target.loop.advance(seconds(5));
  EXPECT_EQ(target.port.state_reports, 0u);
  EXPECT_TRUE(target.run(host, read10(0, 1)).check(6, 0x3f, 0x0e));
  target.config.ports[0].report_changes = true;  // from now on, without a new start
  EXPECT_TRUE(target.apply());
  EXPECT_TRUE(host.open());
  map_to(kHostA, 4);
  target.loop.advance(seconds(5));
  EXPECT_EQ(target.port.state_reports, 1u);
}

TEST_F(FcpStateReport, APortThatGoesOfflineForgets) {
  light();
  target.log_in();
  map_to(kHostA, 3);
  target.config.ports[0].online = false;
  EXPECT_TRUE(target.apply());
  target.config.ports[0].online = true;
  EXPECT_TRUE(target.apply());
  light();
  target.loop.advance(seconds(5));
  EXPECT_EQ(target.port.state_reports, 0u);
}

}  // namespace
}  // namespace fcp_test
