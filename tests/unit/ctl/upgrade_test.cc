// What two daemons of an upgrade say to each other: both ways through JSON, and what is refused.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/upgrade/channel.h"
#include "ctl/upgrade/state.h"

namespace ctl {
namespace {

using std::chrono::seconds;

base::Fd some_descriptor() { return base::Fd(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

scsi::NexusKey some_nexus(const char* name) { return {{5, name}, 7}; }

HandoverState some_state() {
  HandoverState state;
  scsi::UnitState unit;
  unit.name = "disk";
  unit.ejected = true;
  unit.device = {{std::byte{1}, std::byte{0xfe}}, {std::byte{2}}, {some_nexus("a")}};
  unit.reservations = {{std::byte{9}}, 12, some_nexus("b"), false};
  unit.medium.descriptor = some_descriptor();
  unit.medium.size = std::uint64_t{1} << 40;
  unit.medium.suspect = {{1, 2}, {5, 9}};
  unit.medium.information = std::make_unique<scsi::MediumState>();
  unit.medium.information->size = 77;
  state.units.push_back(std::move(unit));
  iscsi::SessionState session;
  session.id = 5;
  session.identity.initiator = "iqn.2026-01.test:host";
  session.identity.isid = {1, 2, 3, 4, 5, 0xff};
  session.parameters.max_burst = 12345;
  session.exp_cmd_sn = 0xffffffff;
  session.nexus.units = {{4, {{scsi::SenseKey::kUnitAttention, 0x2a, 0x09}}}};
  iscsi::ConnectionState connection;
  connection.socket = some_descriptor();
  connection.stat_sn = 99;
  connection.late_pings = {7, 8};
  session.connections.push_back(std::move(connection));
  state.fabric.sessions.push_back(std::move(session));
  state.fabric.listeners.push_back({"127.0.0.1:3260", some_descriptor()});
  state.fabric.next_tsih = 0xffff;
  return state;
}

TEST(HandoverJson, EverythingComesBack) {
  HandoverState state = some_state();
  std::vector<base::Fd> descriptors;
  const Json json = state_to_json(state, descriptors);
  EXPECT_EQ(descriptors.size(), 3u);
  auto back = state_from_json(parse_json(print_json(json)).value(), descriptors);
  ASSERT_TRUE(back) << back.error().text;
  const scsi::UnitState& unit = back->units.at(0);
  EXPECT_EQ(unit.name, "disk");
  EXPECT_TRUE(unit.ejected && !unit.stopped);
  EXPECT_EQ(unit.device.mode_pages, (std::vector{std::byte{1}, std::byte{0xfe}}));
  EXPECT_EQ(unit.device.prevents, std::vector{some_nexus("a")});
  EXPECT_EQ(unit.reservations.generation, 12u);
  EXPECT_EQ(unit.reservations.reserver, some_nexus("b"));
  EXPECT_TRUE(unit.medium.descriptor);
  EXPECT_EQ(unit.medium.size, std::uint64_t{1} << 40);
  ASSERT_EQ(unit.medium.suspect.size(), 2u);
  EXPECT_EQ(unit.medium.suspect[1].to, 9u);
  ASSERT_NE(unit.medium.information, nullptr);
  EXPECT_EQ(unit.medium.information->size, 77u);
  const iscsi::SessionState& session = back->fabric.sessions.at(0);
  EXPECT_EQ(session.identity.isid[5], 0xff);
  EXPECT_EQ(session.parameters.max_burst, 12345u);
  EXPECT_EQ(session.exp_cmd_sn, 0xffffffffu);
  EXPECT_EQ(session.nexus.units.at(0).attentions.at(0).ascq, 0x09);
  EXPECT_EQ(session.connections.at(0).stat_sn, 99u);
  EXPECT_EQ(session.connections.at(0).late_pings, (std::vector<std::uint32_t>{7, 8}));
  EXPECT_EQ(back->fabric.next_tsih, 0xffff);
  EXPECT_EQ(back->fabric.listeners.at(0).address, "127.0.0.1:3260");
}

// Each field that is missing, and each number that does not fit, is named.
TEST(HandoverJson, WhatIsMissingOrOutOfRangeIsRefused) {
  const auto refusal = [](const std::function<void(Json&)>& spoil) {
    HandoverState state = some_state();
    std::vector<base::Fd> descriptors;
    Json json = state_to_json(state, descriptors);
    spoil(json);
    const auto back = state_from_json(json, descriptors);
    return back ? std::string("taken") : back.error().text;
  };
  const auto names = [&](const char* field, const std::function<void(Json&)>& spoil) {
    EXPECT_NE(refusal(spoil).find(field), std::string::npos) << field << ": " << refusal(spoil);
  };
  names("fabric", [](Json& json) { json.erase("fabric"); });
  names("units", [](Json& json) { json["units"] = 5; });
  names("tsih", [](Json& json) { json["fabric"]["sessions"][0]["tsih"] = 65536; });
  names("tsih", [](Json& json) { json["fabric"]["sessions"][0]["tsih"] = -1; });
  names("stat_sn", [](Json& json) { json["fabric"]["sessions"][0]["connections"][0].erase("stat_sn"); });
  names("socket", [](Json& json) { json["fabric"]["sessions"][0]["connections"][0]["socket"] = 3; });
  names("socket", [](Json& json) { json["fabric"]["sessions"][0]["connections"][0]["socket"] = nullptr; });
  names("descriptor", [](Json& json) { json["units"][0]["medium"]["descriptor"] = 1u << 31; });
  names("socket", [](Json& json) { json["fabric"]["listeners"][0]["socket"] = 0; });  // somebody else's
  names("mode_pages", [](Json& json) { json["units"][0]["device"]["mode_pages"] = "0g"; });
  names("record", [](Json& json) { json["units"][0]["reservations"]["record"] = "123"; });
  EXPECT_EQ(refusal([](Json& json) { json["units"][0]["of a later version"] = 1; }), "taken");
}

TEST(HandoverChannel, CarriesLargeValuesAndManyDescriptors) {
  auto [one, other] = HandoverChannel::make_pair().value();
  HandoverChannel sender(std::move(one)), receiver(std::move(other));
  std::vector<base::Fd> descriptors;
  for (int i = 0; i < 1001; ++i) descriptors.push_back(some_descriptor());
  ASSERT_FALSE(*receiver.receive());
  ASSERT_TRUE(sender.send("state", {{"text", std::string(1 << 20, 'x')}}, descriptors));
  const auto got = receiver.wait(seconds(5), "send");
  ASSERT_TRUE(got) << got.error().text;
  EXPECT_EQ(got->kind, "state");
  EXPECT_EQ(got->value["text"].get<std::string>().size(), 1u << 20);
  EXPECT_EQ(got->descriptors.size(), 1001u);
  struct stat about {};
  for (const base::Fd& each : got->descriptors) EXPECT_EQ(fstat(each.get(), &about), 0);
}

TEST(HandoverChannel, WaitsNotForEverAndTellsThatTheOtherSideIsGone) {
  auto [one, other] = HandoverChannel::make_pair().value();
  HandoverChannel receiver(std::move(one));
  const auto late = receiver.wait(std::chrono::milliseconds(20), "say welcome");
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, base::Errc::kTimeout);
  EXPECT_NE(late.error().text.find("say welcome"), std::string::npos);
  other = base::Fd();
  EXPECT_EQ(receiver.receive().error().code, base::Errc::kIo);
}

TEST(HandoverChannel, RefusesWhatIsNoMessage) {
  const auto refused = [](std::string_view head, bool descriptor) {
    auto [one, other] = HandoverChannel::make_pair().value();
    HandoverChannel receiver(std::move(one));
    const base::Fd fd = some_descriptor();
    const std::vector<int> list = descriptor ? std::vector{fd.get()} : std::vector<int>();
    EXPECT_TRUE(send_with_descriptors(other.get(), head, list));
    return !receiver.receive().has_value();
  };
  EXPECT_TRUE(refused("hello", true));
  EXPECT_TRUE(refused("hello 2 0", false));
  EXPECT_TRUE(refused("hello 5 0", true));  // there are no five bytes
  EXPECT_TRUE(refused("hello 99999999999 0", true));
  EXPECT_TRUE(refused("hello 0 99999999999", true));
  EXPECT_TRUE(refused("hello 0 0", true));  // no JSON
  EXPECT_TRUE(refused("descriptors", true));
}

}  // namespace
}  // namespace ctl
