// What the fabric is told of a port, and what it tells.
#include "hal/port/fc_ct.h"
#include "tests/support/log_guard.h"
#include "tests/unit/fcp/fc_target.h"

namespace fcp_test {
namespace {

using hal::fc::NameServer;

std::vector<std::uint16_t> commands_of(const FakeFcPort& port) {
  std::vector<std::uint16_t> commands;
  for (const auto& request : port.ct_requests) {
    hal::fc::CtHeader header;
    std::memcpy(&header, request.data(), sizeof header);
    EXPECT_EQ(header.service, hal::fc::CtHeader::kDirectoryService);
    EXPECT_EQ(request.size() % 4, 0u);
    commands.push_back(header.command);
  }
  return commands;
}

TEST(FcpRegistration, TellsTheNameServerWhoWeAre) {
  FcTarget target;
  EXPECT_EQ(target.port.name_server_logins, 1u);
  const std::vector<std::uint16_t> expected = {NameServer::kRftId, NameServer::kRffId, NameServer::kRnnId,
                                               NameServer::kRsnnNn, NameServer::kRspnId};
  EXPECT_EQ(commands_of(target.port), expected);
  EXPECT_EQ(target.port.state_change_registrations, 1u);
  EXPECT_EQ(target.status().registration, "registered");
  hal::fc::NsFc4Features features;
  std::memcpy(&features, target.port.ct_requests[1].data() + sizeof(hal::fc::CtHeader), sizeof features);
  EXPECT_EQ(features.port_id, 0x010100u);
  EXPECT_EQ(features.features, NameServer::kFeatureTarget);
  EXPECT_EQ(features.type, 8);
  hal::fc::NsFc4Types types;
  std::memcpy(&types, target.port.ct_requests[0].data() + sizeof(hal::fc::CtHeader), sizeof types);
  EXPECT_EQ(types.types[0], 0x100u);
  const std::string_view port_symbol(reinterpret_cast<const char*>(target.port.ct_requests[4].data()) + 21, 12);
  EXPECT_EQ(port_symbol, "Outboard fc0");
}

TEST(FcpRegistration, WhatInitiatorsDoNotLookForMayBeRefused) {
  FcTarget target({.light = false});
  target.port.ct_rejects = {{NameServer::kRsnnNn, hal::fc::CtHeader::kUnableToPerform},
                            {NameServer::kRspnId, hal::fc::CtHeader::kCommandNotSupported}};
  target.port.light(true);
  target.settle();
  EXPECT_EQ(target.status().registration, "registered");
}

TEST(FcpRegistration, IsTriedAgainWithGrowingPausesAndThenGivenUp) {
  FcTarget target({.light = false});
  target.port.ct_rejects = {{NameServer::kRffId, hal::fc::CtHeader::kUnableToPerform}};
  ExpectLog expect("registration with the name server failed");
  target.port.light(true);
  target.settle();
  EXPECT_EQ(target.port.name_server_logins, 1u);
  for (int i = 0; i < 400; ++i) target.loop.advance(std::chrono::seconds(1));
  EXPECT_EQ(target.port.name_server_logins, 10u);
  EXPECT_EQ(target.counters().registrations_failed, 10u);
  EXPECT_TRUE(target.status().registration.starts_with("failed: RFF_ID")) << target.status().registration;
  target.port.ct_rejects.clear();
  target.port.light(false);
  target.port.light(true);
  target.settle();
  EXPECT_EQ(target.status().registration, "registered");
}

TEST(FcpRegistration, SilenceAndLostLoginsAreTriedAgain) {
  FcTarget target({.light = false});
  ExpectLog expect("registration with the name server failed");
  target.port.name_server_silent = true;
  target.port.light(true);
  target.settle();
  target.loop.advance(std::chrono::seconds(31));
  target.port.name_server_silent = false;
  target.port.ct_status = hal::fc::CtStatus::kNotLoggedIn;
  target.loop.advance(std::chrono::seconds(2));
  EXPECT_TRUE(target.status().registration.find("not logged in") != std::string::npos);
  target.port.ct_status = hal::fc::CtStatus::kDone;
  target.loop.advance(std::chrono::seconds(4));
  EXPECT_EQ(target.status().registration, "registered");
}

TEST(FcpRegistration, NothingToRegisterWithoutAFabric) {
  FcTarget target({.light = false});
  target.port.light(true, hal::fc::Topology::kPointToPoint);
  target.settle();
  EXPECT_EQ(target.port.name_server_logins, 0u);
  EXPECT_EQ(target.status().registration, "not in a fabric");
  EXPECT_TRUE(target.log_in().open());
}

TEST(FcpRegistration, StateChangesAreCounted) {
  FcTarget target;
  target.port.receive_rscn({std::byte{0}, std::byte{1}, std::byte{2}, std::byte{3}, std::byte{0}, std::byte{1},
                            std::byte{2}, std::byte{4}, std::byte{9}});
  target.settle();
  EXPECT_EQ(target.counters().state_changes, 2u);
  const auto events = target.events();
  EXPECT_EQ(std::count(events.begin(), events.end(), "state changed"), 2);
}

}  // namespace
}  // namespace fcp_test
