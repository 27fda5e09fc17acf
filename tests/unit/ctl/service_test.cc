// Unit tests of the methods: every noun, and that no secret ever comes out.
#include "ctl/service/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <mutex>

#include "base/log.h"
#include "ctl/config/toml.h"
#include "tests/support/log_guard.h"
#include "tests/unit/ctl/control_fixture.h"
#include "tests/unit/ctl/example_config.h"

namespace ctl {
namespace {

struct ServiceTest : ControlFixture {
  Json good(const std::string& method, const Json& params = Json::object()) {
    auto result = call(method, params);
    EXPECT_TRUE(result) << method << ": " << (result ? "" : result.error().text);
    return result ? *result : Json();
  }
  std::string error(const std::string& method, const Json& params = Json::object()) {
    const auto result = call(method, params);
    return result ? "no error" : result.error().text;
  }
};

TEST_F(ServiceTest, LogicalUnitsFromBirthToDeath) {
  good("lu.create", {{"name", "d"}, {"backstore", "ram"}, {"size", "1MiB"}});
  EXPECT_EQ(error("lu.create", {{"name", "d"}, {"backstore", "ram"}, {"size", "1MiB"}}), "lu \"d\" is there already");
  EXPECT_EQ(error("lu.create", {{"name", "e"}, {"backstore", "ram"}}), "lu \"e\": size is missing");
  EXPECT_EQ(good("lu.list")[0]["size"], 1 << 20);
  good("lu.resize", {{"name", "d"}, {"size", "2MiB"}});
  EXPECT_EQ(machine.units["d"].store.size, 2u << 20);
  EXPECT_THAT(error("lu.resize", {{"name", "d"}, {"size", "1MiB"}}), testing::HasSubstr("--shrink"));
  good("lu.resize", {{"name", "d"}, {"size", "1MiB"}, {"shrink", true}});
  good("lu.modify", {{"name", "d"}, {"write_protected", true}});
  EXPECT_TRUE(machine.units["d"].unit.write_protected);
  good("view.add", {{"lu", "d"}});
  EXPECT_EQ(good("lu.show", {{"name", "d"}})["views"].size(), 1u);
  EXPECT_EQ(good("lu.delete", {{"name", "d"}})["changes"].size(), 2u);  // its view too
  EXPECT_TRUE(good("lu.list").empty());
  EXPECT_EQ(error("lu.delete", {{"name", "d"}}), "there is no lu \"d\"");
}

TEST_F(ServiceTest, ViewsTakeTheLowestFreeLun) {
  for (const char* name : {"a", "b", "c"}) good("lu.create", {{"name", name}, {"backstore", "null"}, {"size", "1MiB"}});
  good("view.add", {{"lu", "a"}});
  good("view.add", {{"lu", "b"}, {"lun", 2}});
  good("view.add", {{"lu", "c"}});
  EXPECT_EQ(good("view.list")[2]["lun"], 1);
  good("view.remove", {{"lu", "a"}});
  EXPECT_EQ(error("view.remove", {{"lu", "b"}, {"lun", 9}}), "there is no such view of lu \"b\"");
  EXPECT_EQ(machine.views.views.size(), 2u);
}

TEST_F(ServiceTest, FibreChannelPorts) {
  good("port.add", {{"name", "fc0"}, {"device", "unix:/run/hba0"}, {"wwpn", "5001438000000001"}});
  EXPECT_EQ(machine.fc_ports.at(0).wwpn, "50:01:43:80:00:00:00:01");
  EXPECT_EQ(machine.fc_ports[0].relative_port_id, 1);
  good("target.create", {{"name", "iqn.2026-01.test:t"}});
  EXPECT_EQ(transactor.config().targets[0].relative_port_ids, std::vector<std::uint16_t>{2});
  EXPECT_EQ(error("port.add", {{"name", "fc0"}, {"device", "unix:/b"}}), "port \"fc0\" is there already");
  EXPECT_THAT(error("port.modify", {{"name", "fc0"}, {"wwpn", "1"}}), testing::HasSubstr("16 hexadecimal digits"));
  good("port.modify", {{"name", "fc0"}, {"wwpn", ""}, {"initiators", {"21*", "10*"}}});
  EXPECT_EQ(machine.fc_ports[0].wwpn, "");
  EXPECT_EQ(machine.fc_ports[0].initiators.size(), 2u);
  const Json row = good("port.list")[0];
  EXPECT_EQ(row["state"], "online");
  EXPECT_EQ(row["wwpn"], "50:01:43:80:00:00:00:01");
  EXPECT_EQ(row["speed"], "8 Gbit");
  EXPECT_EQ(good("port.show", {{"name", "fc0"}})["topology"], "fabric");
  EXPECT_EQ(error("port.show", {{"name", "fc9"}}), "there is no port \"fc9\"");
  good("port.offline", {{"name", "fc0"}});
  EXPECT_FALSE(machine.fc_ports[0].enabled);
  good("port.online", {{"name", "fc0"}});
  EXPECT_TRUE(machine.fc_ports[0].enabled);
  EXPECT_EQ(good("debug.registers", {{"name", "fc0"}})["text"], "registers of fc0\n");
  EXPECT_EQ(good("debug.rings", {{"name", "fc0"}})["text"], "rings of fc0\n");
  EXPECT_EQ(good("debug.events", {{"port", "fc0"}})["text"], "events of fc0");
  good("port.remove", {{"name", "fc0"}});
  EXPECT_TRUE(machine.fc_ports.empty());
}

TEST_F(ServiceTest, DevicesAreListedAndBound) {
  machine.devices = {{"0000:3b:00.0", "ISP2532", "qla2xxx", 0x1077, 0x2532, 12, 0, "its driver is qla2xxx"}};
  const Json row = good("device.list")[0];
  EXPECT_EQ(row["id"], "1077:2532");
  EXPECT_EQ(row["usable"], false);
  EXPECT_EQ(row["iommu_group"], 12);
  good("device.bind", {{"address", "0000:3b:00.0"}});
  EXPECT_EQ(machine.calls.back(), "bind 0000:3b:00.0");
  good("port.add", {{"name", "fc0"}, {"device", "0000:3b:00.0"}});
  EXPECT_THAT(error("device.unbind", {{"address", "0000:3b:00.0"}}), testing::HasSubstr("take that offline first"));
  good("port.offline", {{"name", "fc0"}});
  good("device.unbind", {{"address", "0000:3b:00.0"}});
}

TEST_F(ServiceTest, SessionsAndEventsOfBothFabrics) {
  machine.fc_sessions.push_back({.id = fcp::kFirstSession, .port = "fc0", .initiator = {{0x010200}, {0x21}, {0x20}}});
  machine.sessions.emplace_back().initiator = "iqn.2026-01.test:host";
  const Json sessions = good("session.list");
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[1]["initiator"], "00:00:00:00:00:00:00:21");
  EXPECT_EQ(sessions[1]["connections"][0]["peer"], "010200");
  machine.fc_events.push_back({.age = std::chrono::seconds(2), .port = "fc0", .event = "link up", .subject = ""});
  machine.events.push_back({.age = std::chrono::seconds(1), .reactor = 0, .event = "connected", .subject = "x"});
  const Json events = good("debug.events");
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0]["event"], "link up");  // the older one
}

TEST_F(ServiceTest, StatisticsOfPortsSessionsAndUnits) {
  scsi::Statistics some;
  some.reads = {0, 0, 4};  // of 2 to 3 units of 1024 ns
  some.writes = {1};
  some.read_bytes = 4096;
  machine.port_statistics = {{"iqn.t,t,0x0001", some}};
  machine.sessions.emplace_back().initiator = "iqn.2026-01.test:host";
  machine.sessions.back().statistics = some;
  machine.sessions.emplace_back().discovery = true;
  machine.fc_sessions.push_back({.id = fcp::kFirstSession, .port = "fc0", .initiator = {{0x010200}, {0x21}, {0x20}}});
  good("lu.create", {{"name", "d"}, {"backstore", "ram"}, {"size", "1MiB"}});
  machine.unit_statistics["d"] = some;
  const Json all = good("stats", {{"latency", true}});
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0]["kind"], "port");
  EXPECT_EQ(all[0]["reads"], 4);
  EXPECT_EQ(all[0]["read_latency"]["buckets"], Json::parse("[[3072, 4]]"));
  EXPECT_EQ(all[0]["write_latency"]["buckets"], Json::parse("[[1024, 1]]"));
  EXPECT_GT(all[0]["latency"]["p50_ns"], 2048);
  EXPECT_EQ(all[1]["name"], "iqn.2026-01.test:host");
  EXPECT_EQ(all[2]["id"], fcp::kFirstSession);
  EXPECT_EQ(all[3]["name"], "d");
  EXPECT_FALSE(good("stats")[0]["read_latency"].contains("buckets"));
  EXPECT_EQ(good("stats", {{"of", {"lu"}}}).size(), 1u);
  EXPECT_THAT(error("stats", {{"of", {"disk"}}}), testing::HasSubstr("port, session or lu"));
}

TEST_F(ServiceTest, OneSessionIsShownAndCanBeEndedAtOnce) {
  machine.sessions.emplace_back().id = 7;
  machine.sessions.back().keys = {{"HeaderDigest", "CRC32C"}};
  EXPECT_EQ(good("session.show", {{"id", 7}})["keys"]["HeaderDigest"], "CRC32C");
  EXPECT_THAT(error("session.show", {{"id", 8}}), testing::HasSubstr("no session 8"));
  good("session.logout", {{"id", 7}, {"force", true}});
  EXPECT_EQ(machine.calls.back(), "logout 7");
  EXPECT_EQ(machine.grace, base::Duration::zero());
  good("session.logout", {{"id", 7}});
  EXPECT_EQ(machine.grace, std::chrono::seconds(10));
  good("session.negotiate", {{"id", 7}, {"within", "3s"}});
  EXPECT_EQ(machine.calls.back(), "negotiate 7");
  EXPECT_EQ(machine.grace, std::chrono::seconds(3));
  EXPECT_THAT(error("session.logout", {{"id", 7}, {"force", true}, {"grace", "1s"}}), testing::HasSubstr("force"));
}

TEST_F(ServiceTest, TargetsPortalsUsersAndGroups) {
  const std::string name = "iqn.2026-01.org.example:t";
  good("portal.add", {{"address", "127.0.0.1:3260"}});
  good("target.create", {{"name", name}, {"alias", "x"}});
  good("user.add", {{"name", "alice"}, {"secret", kSecretOfAlice}});
  good("target.modify", {{"name", name}, {"authentication", "chap"}, {"users", {"alice"}}, {"algorithms", {"sha256"}}});
  EXPECT_EQ(machine.fabric.targets[0].alias, "x");
  EXPECT_EQ(machine.fabric.targets[0].authentication.accounts[0].user, "alice");
  good("target.modify",
       {{"name", name}, {"header_digest", "required"}, {"max_burst_length", 65536}, {"initial_r2t", true}});
  EXPECT_EQ(machine.fabric.targets[0].keys,
            (iscsi::TargetKeys{
                .header_digest = iscsi::DigestUse::kRequired, .initial_r2t = true, .max_burst_length = 65536}));
  EXPECT_EQ(good("target.list")[0]["header_digest"], "required");
  EXPECT_EQ(good("target.list")[0]["max_burst_length"], 65536);
  EXPECT_THAT(error("target.modify", {{"name", name}, {"max_burst_length", 511}}), testing::HasSubstr("512"));
  EXPECT_THAT(error("target.modify", {{"name", name}, {"data_digest", "CRC32C"}}), testing::HasSubstr("required"));
  EXPECT_THAT(error("user.remove", {{"name", "alice"}}), testing::HasSubstr("there is no user \"alice\""));
  EXPECT_THAT(error("target.modify", {{"name", name}, {"portal_groups", {"9"}}}),
              testing::HasSubstr("no portal is in group 9"));
  EXPECT_THAT(error("target.modify", {{"name", name}, {"portal_groups", {"x"}}}), testing::HasSubstr("numbers"));
  good("host_group.create", {{"name", "h"}, {"initiators", {"iqn.*"}}});
  good("host_group.modify", {{"name", "h"}, {"initiators", {""}}});
  EXPECT_TRUE(good("host_group.list")[0]["initiators"].empty());
  good("target_group.create", {{"name", "g"}, {"targets", {name}}});
  EXPECT_THAT(error("target.delete", {{"name", name}}), testing::HasSubstr("there is no target"));
  good("target_group.delete", {{"name", "g"}});
  good("target.delete", {{"name", name}});
  good("user.remove", {{"name", "alice"}});
  good("portal.remove", {{"address", "127.0.0.1:3260"}});
  EXPECT_TRUE(machine.fabric.portals.empty());
}

TEST_F(ServiceTest, DiscoveryAndLimits) {
  good("user.add", {{"name", "alice"}, {"secret", kSecretOfAlice}});
  good("discovery.modify", {{"authentication", "chap"}, {"users", {"alice"}}});
  EXPECT_TRUE(machine.fabric.discovery.required);
  EXPECT_EQ(good("discovery.show")["authentication"], "chap");
  good("limits.modify", {{"login_timeout", "3s"}});
  EXPECT_EQ(machine.fabric.limits.login_timeout, std::chrono::seconds(3));
  EXPECT_EQ(good("limits.show")["login_timeout"], "3s");
}

TEST_F(ServiceTest, ApplyShowsTheDifferenceAndExportGivesItBack) {
  const Json dry = good("apply", {{"text", kExampleConfig}, {"secrets", kExampleSecrets}, {"dry_run", true}});
  EXPECT_FALSE(dry["applied"]);
  EXPECT_TRUE(machine.units.empty());
  const Json wet = good("apply", {{"text", kExampleConfig}, {"secrets", kExampleSecrets}});
  EXPECT_EQ(wet["changes"].size(), dry["changes"].size());
  EXPECT_EQ(dry["changes"][1],
            "+ lu scratch: backstore = \"ram\", size = \"64 MiB\", block_size = 4096, "
            "memory_limit = \"32 MiB\", write_cache = false");  // no serial was drawn for nothing
  const std::string text = good("export")["text"];
  EXPECT_TRUE(good("apply", {{"text", text}})["changes"].empty());  // users keep their secrets by name
  EXPECT_EQ(error("apply", {{"text", "x"}, {"origin", "f.toml"}}).substr(0, 9), "f.toml:1:");
}

TEST_F(ServiceTest, EventsOfThePorts) {
  EXPECT_TRUE(good("debug.events").empty());
  machine.events.push_back({.age = std::chrono::seconds(2),
                            .reactor = 1,
                            .event = "login refused",
                            .subject = "10.0.0.9:50000",
                            .detail = 0x0201});
  const Json shown = good("debug.events")[0];
  EXPECT_EQ(shown["event"], "login refused");
  EXPECT_EQ(shown["subject"], "10.0.0.9:50000");
  EXPECT_EQ(shown["detail"], 0x0201);
  EXPECT_EQ(shown["age_ms"], 2000.0);
}

TEST_F(ServiceTest, CapturesOfPortalsByName) {
  good("portal.add", {{"address", "127.0.0.1:3260"}});
  EXPECT_EQ(good("debug.capture_start", {{"port", "127.0.0.1:3260"}, {"initiator", "2001:DB8::7"}})["id"], 1);
  EXPECT_EQ(machine.calls.back(), "capture 127.0.0.1:3260 from [2001:db8::7] 16777216");
  const Json piece = good("debug.capture_read", {{"id", 1}});
  EXPECT_EQ(piece["data"], "YWJjZA==");
  EXPECT_EQ(piece["lost"], 2);
  EXPECT_EQ(piece["ended"], true);
  good("debug.capture_stop", {{"id", 1}});
  EXPECT_FALSE(call("debug.capture_read", {{"id", 2}}));
  EXPECT_FALSE(call("debug.capture_start", {{"port", "127.0.0.1:1"}}));
  EXPECT_FALSE(call("debug.capture_start", {{"initiator", "somebody"}}));
  EXPECT_FALSE(call("debug.capture_start", {{"buffer", 1}}));
  EXPECT_FALSE(call("debug.capture_start", {{"snap", 47}}));
  EXPECT_FALSE(call("debug.capture_start", {{"session", 3}}));
  iscsi::SessionInfo& session = machine.sessions.emplace_back();
  session.id = 3;
  session.connections.resize(2);
  session.connections[0].peer = "192.0.2.7:40000";
  session.connections[1].peer = "192.0.2.7:40001";
  good("debug.capture_start", {{"session", 3}, {"snap", 128}});
  EXPECT_EQ(machine.calls.back(), "capture  from  16777216 192.0.2.7:40000 192.0.2.7:40001 snap 128");
}

TEST_F(ServiceTest, InjectionRules) {
  good("debug.inject",
       {{"kind", "delay"}, {"lu", "d"}, {"delay", "2s"}, {"opcode", 0x28}, {"first_lba", 5}, {"last_lba", 9}});
  ASSERT_EQ(machine.injects.size(), 1u);
  EXPECT_EQ(machine.injects[0].opcode, 0x28);
  EXPECT_EQ(machine.injects[0].delay, std::chrono::seconds(2));
  EXPECT_EQ(good("debug.inject_list")[0]["kind"], "delay");
  good("debug.inject", {{"kind", "unit-attention"}, {"lu", "d"}, {"sense", "2a/09"}, {"count", 1}});
  EXPECT_EQ(machine.injects[1].sense, (scsi::SenseCode{scsi::SenseKey::kUnitAttention, 0x2a, 0x09}));
  EXPECT_THAT(error("debug.inject", {{"kind", "delay"}, {"lu", "d"}}), testing::HasSubstr("delay"));
  EXPECT_THAT(error("debug.inject", {{"kind", "abort"}, {"lu", "d"}, {"sense", "123/4"}}),
              testing::HasSubstr("ASC/ASCQ"));
  EXPECT_THAT(error("debug.inject", {{"kind", "abort"}, {"lu", "d"}, {"first_lba", 5}, {"last_lba", 4}}),
              testing::HasSubstr("before"));
  good("debug.inject_remove", {{"id", 1}});
  EXPECT_EQ(machine.injects.size(), 1u);
}

TEST_F(ServiceTest, CommandsInFlightWithTheirHistory) {
  scsi::CommandInfo& info = machine.commands.emplace_back();
  info.lu = "d";
  info.opcode_name = "WRITE(10)";
  info.age = std::chrono::milliseconds(1500);
  info.audit.push_back({std::chrono::milliseconds(1400), "transfer", 4096});
  EXPECT_EQ(good("command.list")[0]["age_ms"], 1500.0);
  EXPECT_EQ(good("command.list")[0]["audit"][0]["what"], "transfer");
  EXPECT_TRUE(good("command.list", {{"lu", "e"}}).empty());
}

TEST_F(ServiceTest, StatusNamesWhatIsMissing) {
  Config config;
  config.logical_units.push_back({{}, {}});
  config.logical_units[0].unit.name = "d";
  config.logical_units[0].store.size = 512;
  machine.fail = {"add d"};
  {
    const ExpectLog expect("add lu d");
    transactor.start(config, true, [](const base::Result<Transactor::Report>&) {});
    settle();
  }
  EXPECT_EQ(good("status")["absent"]["d"], "told to fail");
  EXPECT_EQ(good("lu.list")[0]["state"], "absent: told to fail");
}

// The rule: secrets in no output, log line or error.
std::mutex log_mutex;
std::string log_text;

TEST_F(ServiceTest, NoSecretEverComesOut) {
  const std::string secret = "s3cret-of-the-test", mutual = "m3tual-of-the-test";
  base::set_log_observer([](base::LogLevel, std::string_view, std::string_view line) {
    const std::lock_guard lock(log_mutex);
    log_text += std::string(line) + "\n";
  });
  std::string seen;
  const auto ask = [&](const std::string& method, const Json& params) {
    const Json request = {{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", params}};
    bool answered = false;
    dispatcher.handle(print_json(request), "uid 0, pid 1", [&](const std::string& answer) {
      seen += answer + "\n";
      answered = true;
    });
    for (int i = 0; i < 2'000'000 && !answered; ++i) reactor->run_once();
    EXPECT_TRUE(answered) << method;
  };
  const Json both = {{"name", "alice"}, {"secret", secret}, {"mutual_user", "target"}, {"mutual_secret", mutual}};
  ask("user.add", both);
  ask("user.add", both);                                                     // refused: it is there
  ask("user.add", {{"name", "bob"}, {"secret", secret}});                    // refused: the same secret
  ask("user.add", {{"name", "bob"}, {"secret", {secret}}});                  // refused: wrong type
  ask("user.add", {{"name", "bob"}, {"secret", secret}, {"more", secret}});  // refused: unknown parameter
  ask("user.modify", {{"name", "alice"}, {"secret", secret + secret}});
  ask("apply", {{"text", "[[user]]\nname = \"alice\"\nsecret = \"" + secret + "\""}});
  ask("apply", {{"text", "[[user]]\nname = \"carol\""}, {"secrets", "[carol]\nsecret = " + secret}});
  ask("apply", {{"text", "[[user]]\nname = \"carol\""}, {"secrets", "[carol]\n\"" + secret + "\" = 3"}});
  ask("apply", {{"text", "[[user]]\nname = \"carol\""}, {"secrets", "[carol]\nsecret = [\"" + secret + "\"]"}});
  ask("target.create", {{"name", "iqn.2026-01.org.example:t"}, {"authentication", "chap"}, {"users", {"alice"}}});
  for (const Method& method : methods()) {
    if (!method.changes) ask(method.name, method.params.empty() ? Json::object() : Json{{"name", "d"}});
  }
  base::set_log_observer(nullptr);
  std::ifstream in(parent / "state/config.toml");
  seen += std::string(std::istreambuf_iterator<char>(in), {}) + log_text;
  EXPECT_NE(seen.find("user.add"), std::string::npos);  // changes are logged
  EXPECT_NE(seen.find("mutual_user"), std::string::npos);
  EXPECT_EQ(seen.find(secret), std::string::npos);
  EXPECT_EQ(seen.find(mutual), std::string::npos);
  EXPECT_EQ(machine.fabric.targets[0].authentication.accounts[0].secret, secret + secret);  // but it works
}

}  // namespace
}  // namespace ctl
