// Logins: who is let in, how a nexus begins and ends, the link, settings that change.
#include "hal/port/fc_els.h"
#include "tests/support/log_guard.h"
#include "tests/unit/fcp/fc_target.h"

namespace fcp_test {
namespace {

using hal::fc::FcpService;
using hal::fc::LinkServiceKind;
using hal::fc::LsRjt;
using Service = FcInitiator::Service;

TEST(FcpLogin, PrliIsAnsweredWithWhatATargetDoes) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  EXPECT_TRUE(host.open());
  EXPECT_EQ(host.answer().service_parameters, FcpService::kTarget | FcpService::kReadXferRdyDisabled);
  EXPECT_EQ(target.status().info.logins, 1u);
  EXPECT_EQ(target.counters().logins, 1u);
}

TEST(FcpLogin, WhoIsNotListedIsRefused) {
  FcTarget target({.initiators = {"21:00:00:24:ff:00:00:01", "50*"}});
  EXPECT_TRUE(target.log_in(kHostA).open());
  FcInitiator& other = target.log_in(kHostB, 0x010300);
  EXPECT_EQ(other.last(), Service::kRejected);
  EXPECT_EQ(other.answer().reason, LsRjt::kUnableToPerform);
  EXPECT_TRUE(target.log_in({0x5000000000000001}, 0x010400).open());
  EXPECT_EQ(target.counters().logins_refused, 1u);
}

TEST(FcpLogin, RefusesWhatMakesNoSense) {
  FcTarget target;
  FcInitiator& nameless = target.log_in({0}, 0x010300);
  EXPECT_EQ(nameless.answer().reason, LsRjt::kLogicalError);
  EXPECT_EQ(nameless.answer().explanation, LsRjt::kInvalidPortName);
  FcInitiator& target_only = target.port.initiator(kHostB, {0x010400});
  target_only.ask(LinkServiceKind::kPrli, FcpService::kTarget);
  target.settle();
  EXPECT_EQ(target_only.last(), Service::kRejected);
  EXPECT_FALSE(target_only.login().has_value());
  FcInitiator& unknown = target.port.initiator(kHostA, {0x010500});
  for (const LinkServiceKind kind : {LinkServiceKind::kAdisc, LinkServiceKind::kPdisc}) {
    unknown.ask(kind);
    target.settle();
    EXPECT_EQ(unknown.last(), Service::kRejected);
    EXPECT_EQ(unknown.answer().explanation, LsRjt::kLoginRequired);
  }
}

TEST(FcpLogin, AdiscIsAcceptedWhileLoggedIn) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  host.ask(LinkServiceKind::kAdisc);
  target.settle();
  EXPECT_EQ(host.last(), Service::kAccepted);
  EXPECT_TRUE(host.open());
  host.ask(LinkServiceKind::kLogo);
  target.settle();
  EXPECT_EQ(host.last(), Service::kAccepted);
  EXPECT_FALSE(host.open());
  EXPECT_TRUE(target.sessions().empty());
  host.ask(LinkServiceKind::kAdisc);
  target.settle();
  EXPECT_EQ(host.last(), Service::kRejected);
}

// Dropped, or, where its transfer was answered before the end of the login was seen, ended by an error for nobody.
bool undone(const FcCommand& command) {
  return command.reply.over && (command.reply.dropped || command.reply.status != 0);
}

TEST(FcpLogin, LogoutEndsWhatIsInFlight) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  target.port.queue().hold_transfers = true;
  FcCommand& read = host.send(read10(0, 1));
  FcCommand& write = host.send(write10(4, 1, 1));
  target.settle();
  host.ask(LinkServiceKind::kPrlo);
  target.settle();
  EXPECT_TRUE(undone(read) && undone(write));
  EXPECT_TRUE(target.sessions().empty());
  EXPECT_EQ(target.counters().logins_ended, 1u);
}

// PLOGI anew while a command of the old login does not come to its end: the adapter ends that login.
FcCommand& log_in_while_busy(FcTarget& target, FcInitiator& host) {
  target.clear_attentions(host);
  target.port.queue().hold_transfers = target.port.queue().deaf_data = true;
  FcCommand& read = host.send(read10(0, 1));
  target.settle();
  host.log_in();
  target.settle();
  EXPECT_EQ(host.last(), Service::kWaiting);
  return read;
}

TEST(FcpLogin, ANewLoginWaitsUntilTheOldNexusIsQuiet) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  FcCommand& read = log_in_while_busy(target, host);
  EXPECT_EQ(target.sessions().size(), 1u);
  EXPECT_TRUE(target.sessions().at(0).ending);
  target.port.queue().deaf_data = false;
  target.settle();
  EXPECT_TRUE(read.reply.dropped);
  EXPECT_TRUE(host.open());
  target.port.queue().hold_transfers = false;
  // SAM-5 6.3.4: the new nexus has its own conditions.
  EXPECT_TRUE(target.run(host, read10(0, 1)).check(6, 0x29, 0x01));
}

// hal/port/fc_port.h: what is not answered when the port stops never is.
TEST(FcpLogin, ALoginThatWaitsIsRefusedBeforeThePortGoesOffline) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  FcCommand& read = log_in_while_busy(target, host);
  target.config.ports[0].online = false;
  bool offline = false;
  target.fabric->apply(target.config, [&](const base::Result<void>& result) { offline = result.has_value(); });
  target.settle();
  EXPECT_EQ(host.last(), Service::kRejected);
  EXPECT_FALSE(offline);
  target.port.queue().deaf_data = target.port.queue().hold_transfers = false;
  target.settle();
  EXPECT_TRUE(read.reply.dropped);
  EXPECT_TRUE(offline);
  EXPECT_TRUE(target.sessions().empty());
}

TEST(FcpLogin, WhoComesBackAtAnotherAddressReplacesHimself) {
  FcTarget target;
  FcInitiator& old = target.log_in(kHostA, 0x010200);
  FcInitiator& moved = target.log_in(kHostA, 0x010900);
  EXPECT_FALSE(old.open());
  EXPECT_EQ(old.logouts_received(), 1u);
  EXPECT_TRUE(moved.open());
  EXPECT_EQ(target.sessions().size(), 1u);
}

TEST(FcpLogin, ShortLossOfLightEndsNoNexus) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  target.port.light(false);
  target.settle();
  target.port.light(true);
  target.settle();
  EXPECT_TRUE(target.run(host, read10(0, 1)).good());
  EXPECT_EQ(target.status().registration, "registered");
  EXPECT_EQ(target.counters().registrations, 2u);
}

TEST(FcpLogin, AnAdapterThatFailsLosesAllLoginsAndTakesNewOnes) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.clear_attentions(host);
  target.port.queue().hold_transfers = true;
  FcCommand& read = host.send(read10(0, 1));
  target.settle();
  ExpectLog expect("brought up again");
  target.port.fail_adapter("firmware crash", true);
  target.settle();
  EXPECT_TRUE(undone(read));
  target.port.queue().hold_transfers = false;
  EXPECT_TRUE(target.sessions().empty());
  target.port.light(false);
  target.port.light(true);
  host.log_in();
  target.settle();
  EXPECT_TRUE(host.open());
  EXPECT_EQ(target.counters().adapter_failures, 1u);
}

TEST(FcpLogin, SeveralQueuesShareTheLogins) {
  FcTarget target({.reactors = 3});
  std::vector<FcInitiator*> hosts;
  for (std::uint32_t i = 0; i < 6; ++i) hosts.push_back(&target.log_in({0x2100000000000001ULL + i}, 0x020000 + i));
  for (FcInitiator* host : hosts) {
    ASSERT_TRUE(host->open());
    target.clear_attentions(*host);
    const auto lba = static_cast<std::uint32_t>(8 * *host->login());
    EXPECT_TRUE(target.run(*host, write10(lba, 1, 9)).good());
    EXPECT_TRUE(target.run(*host, read10(lba, 1)).good());
  }
  EXPECT_EQ(target.sessions().size(), 6u);
}

TEST(FcpSettings, AccessThatIsWithdrawnEndsTheLogin) {
  FcTarget target;
  FcInitiator& a = target.log_in(kHostA, 0x010200);
  FcInitiator& b = target.log_in(kHostB, 0x010300);
  target.config.ports[0].initiators = {to_string(kHostA)};
  EXPECT_TRUE(target.apply());
  EXPECT_TRUE(a.open());
  EXPECT_FALSE(b.open());
  EXPECT_EQ(b.logouts_received(), 1u);
  EXPECT_EQ(target.sessions().size(), 1u);
}

TEST(FcpSettings, OfflineAndOnlineAgain) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  target.config.ports[0].online = false;
  EXPECT_TRUE(target.apply());
  EXPECT_FALSE(target.port.started());
  EXPECT_FALSE(host.open());
  EXPECT_EQ(target.status().registration, "offline");
  target.config.ports[0].online = true;
  target.config.ports[0].relative_id = 9;
  EXPECT_TRUE(target.apply());
  target.port.light(true);
  host.log_in();
  target.settle();
  EXPECT_TRUE(host.open());
  EXPECT_EQ(target.fabric->target_ports().at(0).relative_id, 9);
}

TEST(FcpSettings, AreCheckedAsAWhole) {
  FcTarget target;
  const fcp::FabricConfig good = target.config;
  target.config.ports.push_back(target.config.ports[0]);
  EXPECT_EQ(target.apply().error().code, base::Errc::kExists);
  target.config = good;
  target.config.ports[0].initiators = {"iqn.2026-01.test:host"};
  EXPECT_EQ(target.apply().error().code, base::Errc::kInvalid);
  target.config = good;
  target.config.ports[0].relative_id = 0;
  EXPECT_FALSE(target.apply());
  target.config = good;
}

TEST(FcpSettings, LogoutOfOneSession) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  const std::uint64_t id = target.sessions().at(0).id;
  EXPECT_EQ(target.wait([&](scsi::Done done) { target.fabric->logout_session(id + 1, std::move(done)); }).error().code,
            base::Errc::kNotFound);
  EXPECT_TRUE(target.wait([&](scsi::Done done) { target.fabric->logout_session(id, std::move(done)); }));
  EXPECT_EQ(host.logouts_received(), 1u);
  EXPECT_TRUE(target.sessions().empty());
}

TEST(FcpSettings, DetachLetsGoOfTheAdapter) {
  FcTarget target;
  FcInitiator& host = target.log_in();
  EXPECT_TRUE(target.wait([&](scsi::Done done) { target.fabric->detach("fc0", std::move(done)); }));
  EXPECT_FALSE(host.open());
  EXPECT_FALSE(target.port.started());
  EXPECT_FALSE(target.status().attached);
  EXPECT_EQ(target.wait([&](scsi::Done done) { target.fabric->detach("fc0", std::move(done)); }).error().code,
            base::Errc::kNotFound);
  EXPECT_TRUE(target.fabric->attach("fc0", target.port));
  target.settle();
  EXPECT_TRUE(target.port.started());
}

}  // namespace
}  // namespace fcp_test
