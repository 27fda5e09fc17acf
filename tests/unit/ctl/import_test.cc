// Imports of other targets' configurations: what becomes of them, what is said to be lost, and that the result is
// valid.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ctl/config/check.h"
#include "ctl/config/toml.h"
#include "ctl/import/import.h"
#include "ctl/import/statements.h"
#include "tests/support/fake_facts.h"
#include "tests/unit/ctl/import_examples.h"

namespace ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

FakeFacts machine() {
  FakeFacts facts;
  facts.media = {{"/srv/one.img", {false, 1 << 20}},     {"/srv/two.img", {false, 3 << 20}},
                 {"/srv/with blank.img", {false, 8191}}, {"/dev/vg/logs", {true, 1 << 30}},
                 {"/dev/sdb", {true, 1 << 30}},          {"/dev/sdd", {true, 1 << 30}}};
  facts.disks = {{"1:0:0:0", "/dev/sdb"}};
  facts.adapters = {{"21:00:00:24:ff:3e:da:70", "0000:3b:00.0"}, {"25:00:00:f0:98:87:92:f3", "0000:3b:00.1"}};
  return facts;
}

// Reads `text`; the result keeps every rule and can be stored and read back.
Imported import_text(const char* text, const std::string& origin, const FakeFacts& facts = machine(),
                     const ImportOptions& options = {}) {
  auto imported = import_config(text, origin, options, facts);
  EXPECT_TRUE(imported) << (imported ? "" : imported.error().text);
  if (!imported) return {};
  EXPECT_THAT(find_problems(imported->config), IsEmpty());
  EXPECT_TRUE(imported->config.mapping.validate());
  const auto again =
      parse_config(write_config(imported->config), "again", {write_secrets(imported->config), "secrets"});
  EXPECT_TRUE(again && *again == imported->config) << (again ? "it differs" : again.error().text);
  return std::move(*imported);
}

std::string report_of(const Imported& imported) { return format_import(imported, "file"); }

TEST(ImportTargetcli, KeepsDisksAsInitiatorsKnowThem) {
  const Imported imported = import_text(kSaveConfig, "saveconfig.json");
  EXPECT_EQ(imported.format, ImportFormat::kTargetcli);
  ASSERT_EQ(imported.config.logical_units.size(), 3u);  // no tape, no RBD
  const LogicalUnit& db = imported.config.logical_units[0];
  EXPECT_EQ(db.unit.name, "db");
  EXPECT_EQ(db.store.kind, StoreKind::kFile);
  EXPECT_EQ(db.store.path, "/srv/db.img");
  EXPECT_EQ(db.store.size, 1u << 30);
  EXPECT_EQ(db.store.block_size, 4096u);
  EXPECT_TRUE(db.unit.write_cache);
  EXPECT_EQ(db.unit.vendor, "LIO-ORG");
  EXPECT_EQ(db.unit.product, "db");
  EXPECT_EQ(db.unit.serial, "8d0a9c64-4f1c-4e4b-9d43-bb1f7f0dd001");
  EXPECT_EQ(format_naa(db.unit), "60014058d0a9c644f1c4e4b9d43bb1f7");
  const LogicalUnit& logs = imported.config.logical_units[1];
  EXPECT_EQ(logs.store.kind, StoreKind::kBlock);
  EXPECT_TRUE(logs.unit.write_protected);
  EXPECT_FALSE(logs.unit.write_cache);
  EXPECT_EQ(imported.config.logical_units[2].store.kind, StoreKind::kRam);
}

TEST(ImportTargetcli, MapsAccessPortalsAndLuns) {
  const Imported imported = import_text(kSaveConfig, "saveconfig.json");
  const Config& config = imported.config;
  ASSERT_EQ(config.targets.size(), 2u);
  const Target &db = config.targets[0], &open = config.targets[1];
  EXPECT_TRUE(db.access.chap);
  EXPECT_THAT(db.access.users, ElementsAre("node-a"));  // node-b's secret is too short
  EXPECT_THAT(db.initiators, ElementsAre("iqn.1994-05.com.redhat:node-a", "iqn.1994-05.com.redhat:node-b"));
  EXPECT_EQ(db.command_window, 256);
  EXPECT_EQ(db.alias, "The disks");
  EXPECT_THAT(open.initiators, IsEmpty());
  EXPECT_FALSE(open.access.chap);
  // Both targets share one portal, so that it has a group of its own; the other has the target's tag.
  ASSERT_EQ(config.portals.size(), 2u);
  EXPECT_EQ(config.portals[0].address, "192.0.2.10:3260");
  EXPECT_EQ(config.portals[1].address, "[2001:db8::10]:3261");
  EXPECT_EQ(db.portal_groups.size(), 2u);
  EXPECT_THAT(open.portal_groups, ElementsAre(config.portals[0].tag));
  ASSERT_EQ(config.mapping.views.size(), 4u);
  const scsi::View& logs = config.mapping.views[1];
  EXPECT_EQ(logs.lu, "logs");
  EXPECT_EQ(logs.lun, 5u);
  EXPECT_TRUE(logs.read_only);
  EXPECT_EQ(logs.target_group, db.name);
  EXPECT_THAT(config.mapping.host_groups[0].initiators, ElementsAre("iqn.1994-05.com.redhat:node-a"));
  EXPECT_TRUE(config.discovery.chap);
  EXPECT_THAT(config.discovery.users, ElementsAre("finder"));
  const User& user = config.users[1];
  EXPECT_EQ(user.name, "node-a");
  EXPECT_EQ(user.mutual_user, "san");
  EXPECT_EQ(user.mutual_secret.reveal(), "secret-of-the-san");
}

TEST(ImportTargetcli, FibreChannelTargetsFindTheirAdapters) {
  const Imported imported = import_text(kSaveConfig, "saveconfig.json");
  ASSERT_EQ(imported.config.fc_ports.size(), 1u);
  const FcPort& port = imported.config.fc_ports[0];
  EXPECT_EQ(port.wwpn, "21:00:00:24:ff:3e:da:70");
  EXPECT_EQ(port.device, "0000:3b:00.0");
  EXPECT_THAT(port.initiators, ElementsAre("21:00:00:24:ff:00:00:01"));
  FakeFacts bare = machine();
  bare.adapters.clear();
  const Imported without = import_text(kSaveConfig, "saveconfig.json", bare);
  EXPECT_THAT(without.config.fc_ports, IsEmpty());
  EXPECT_THAT(report_of(without), HasSubstr("--fc-device 21:00:00:24:ff:3e:da:70="));
  const Imported given = import_text(kSaveConfig, "saveconfig.json", bare,
                                     {ImportFormat::kAuto, {{"21:00:00:24:ff:3e:da:70", "0000:05:00.1"}}});
  ASSERT_EQ(given.config.fc_ports.size(), 1u);
  EXPECT_EQ(given.config.fc_ports[0].device, "0000:05:00.1");
}

TEST(ImportTargetcli, SaysWhatIsLostAndNoSecret) {
  const std::string report = report_of(import_text(kSaveConfig, "saveconfig.json"));
  for (const char* const part :
       {"storage_objects[0].attributes.emulate_tas: emulate_tas=0", "storage_objects[0].alua_tpgs[1]: ALUA group slow",
        "storage_objects[3]: backstore pscsi", "storage_objects[4]: backstore user",
        "tpgs[0].attributes.t10_pi: t10_pi=1", "node_acls[1]: secret of user \"node-b\"",
        "portals[1]: portal over iSER", "luns[2]: LUN 2 of /backstores/user/ceph",
        "targets[3]: target naa.5001405bc6d1f2aa of vhost"}) {
    EXPECT_THAT(report, HasSubstr(part));
  }
  EXPECT_THAT(report, Not(HasSubstr("emulate_3pc")));  // its default is what we do
  for (const char* const secret : {"secret-of-node-a", "\"short\"", "secret-of-the-san", "find-them-all-1"}) {
    EXPECT_THAT(report, Not(HasSubstr(secret)));
  }
}

TEST(ImportTargetcli, AccessIsNeverWidened) {
  // No ACL: nobody may log in. A single account that cannot be taken over: the target is left out.
  const std::string start = R"({"targets": [{"fabric": "iscsi", "wwn": "iqn.2003-01.org.x:a", "tpgs": [{"tag": 1,)"
                            R"("portals": [{"ip_address": "0.0.0.0", "port": 3260}], )";
  const Imported closed = import_text((start + R"("attributes": {"authentication": 0}}]}]})").c_str(), "f");
  ASSERT_EQ(closed.config.targets.size(), 1u);
  EXPECT_THAT(closed.config.targets[0].initiators, ElementsAre("nobody"));
  const Imported chap = import_text(
      (start +
       R"("attributes": {"authentication": 1, "generate_node_acls": 1}, "chap_userid": "u", "chap_password": "1"}]}]})")
          .c_str(),
      "f");
  EXPECT_THAT(chap.config.targets, IsEmpty());
  EXPECT_THAT(report_of(chap), HasSubstr("CHAP needs at least one user"));
  const Imported star = import_text(
      (start + R"("attributes": {"authentication": 0}, "node_acls": [{"node_wwn": "*"}]}]}]})").c_str(), "f");
  EXPECT_THAT(star.config.targets[0].initiators, ElementsAre("nobody"));
}

TEST(ImportTgtAdmin, FollowsItsOrderAndIdentities) {
  FakeFacts facts = machine();
  facts.texts["/etc/tgt/conf.d/a.conf"] =
      "<target iqn.2008-09.com.example:a>\n backing-store /srv/one.img\n</target>\n";
  facts.texts["/etc/tgt/other/b.conf"] = "<";
  const Imported imported = import_text(kTargetsConf, "/etc/tgt/targets.conf", facts);
  EXPECT_EQ(imported.format, ImportFormat::kTgtAdmin);
  const Config& config = imported.config;
  ASSERT_EQ(config.targets.size(), 3u);
  EXPECT_EQ(config.targets[0].name, "iqn.2008-09.com.example:a");
  // /srv/one.img is there twice: one logical unit, with the identity that the first target gave it.
  EXPECT_EQ(config.mapping.views[0].lu, config.mapping.views[1].lu);
  EXPECT_EQ(config.mapping.views[1].target_group, "iqn.2008-09.com.example:b");
  const LogicalUnit& one = config.logical_units[0];
  EXPECT_EQ(one.unit.vendor, "IET");
  EXPECT_EQ(one.unit.serial, "beaf11");
  EXPECT_EQ(format_naa(one.unit), "60000000000000000e00000000010001");
  EXPECT_TRUE(one.unit.write_cache);
  const LogicalUnit& two = config.logical_units[1];
  EXPECT_EQ(two.store.path, "/srv/two.img");
  EXPECT_EQ(format_naa(two.unit), "60000000000000000e00000000020002");  // target 2, LUN 2
  EXPECT_FALSE(two.unit.write_cache);
  EXPECT_EQ(two.unit.vendor, "MyCompan");
  const LogicalUnit& logs = config.logical_units[2];
  EXPECT_EQ(logs.unit.serial, "SERIAL15");
  EXPECT_EQ(logs.store.block_size, 4096u);
  EXPECT_EQ(config.mapping.views.back().lun, 15u);
}

TEST(ImportTgtAdmin, NameServer) {
  const Imported on = import_text(
      "iSNS On\niSNSServerIP 192.0.2.6\niSNSServerPort 3300\niSNSAccessControl On\n<target iqn.2008-09.com.example:a>\n"
      "</target>\n",
      "f");
  ASSERT_EQ(on.config.isns.size(), 1u);
  EXPECT_EQ(on.config.isns[0].address, "192.0.2.6:3300");
  EXPECT_TRUE(on.config.isns[0].access_control);
  const Imported plain = import_text("iSNSServerIP 192.0.2.6\niSNS on\n", "f");
  ASSERT_EQ(plain.config.isns.size(), 1u);
  EXPECT_EQ(plain.config.isns[0].address, "192.0.2.6:3205");
  EXPECT_FALSE(plain.config.isns[0].access_control);
  const Imported off = import_text("iSNS Off\niSNSServerIP 192.0.2.6\n", "f");
  EXPECT_TRUE(off.config.isns.empty() && off.findings.list().empty());
  for (const char* const text : {"iSNS On\niSNSServerIP name.example\n", "iSNS On\n",
                                 "iSNS On\niSNSServerIP 192.0.2.6\niSNSServerPort 99999\n"}) {
    const Imported wrong = import_text(text, "f");
    EXPECT_TRUE(wrong.config.isns.empty());
    EXPECT_THAT(report_of(wrong), HasSubstr("f:1: iSNS")) << text;
  }
}

TEST(ImportTgtAdmin, AddressThatIsNoneClosesTheTarget) {
  const Imported imported =
      import_text("<target iqn.2008-09.com.example:a>\n initiator-address host.example\n</target>\n", "f");
  ASSERT_EQ(imported.config.targets.size(), 1u);
  EXPECT_THAT(imported.config.targets[0].initiators, ElementsAre("nobody"));
  EXPECT_THAT(report_of(imported), HasSubstr("no address or subnet"));
}

TEST(ImportTgtAdmin, KeepsAccountsAndAddresses) {
  const Imported imported = import_text(kTargetsConf, "/etc/tgt/targets.conf");
  const Config& config = imported.config;
  ASSERT_EQ(config.targets.size(), 2u);
  EXPECT_THAT(config.targets[0].access.users, ElementsAre("alice", "bob"));
  EXPECT_THAT(config.targets[0].initiators, ElementsAre("iqn.1994-05.com.redhat:node-a"));
  EXPECT_EQ(config.users[2].mutual_user, "san");  // one counterpart for both
  EXPECT_EQ(config.users[1].mutual_user, "san");
  EXPECT_TRUE(config.targets[1].initiators.empty() && config.targets[0].initiator_addresses.empty());
  EXPECT_THAT(config.targets[1].initiator_addresses, ElementsAre("10.0.0.0/8"));
  EXPECT_TRUE(config.discovery.chap);
  const std::string report = report_of(imported);
  EXPECT_THAT(report, HasSubstr("targets.conf:15: target iqn.2008-09.com.example:b: initiator-address"));
  EXPECT_THAT(report, HasSubstr("targets.conf:5: iSNS"));
  EXPECT_EQ(config.targets[0].keys.max_burst_length, 262144u);
  EXPECT_THAT(report, HasSubstr("targets.conf:24: target iqn.2008-09.com.example:closed: params"));
  EXPECT_THAT(report, HasSubstr("device-type tape"));
  EXPECT_THAT(report, Not(HasSubstr("secret-of")));
}

TEST(ImportTgtAdmin, IncludesThatGoInCirclesEnd) {
  FakeFacts facts;
  facts.texts["/etc/a.conf"] = "include /etc/a.conf\ninclude /etc/a.conf\n";
  const auto imported = import_config("include /etc/a.conf\n", "/etc/x", {}, facts);
  ASSERT_FALSE(imported);
  EXPECT_THAT(imported.error().text, HasSubstr("includes are nested too deeply"));
  EXPECT_FALSE(import_config("include /*/*/*/*.conf\n", "/etc/x", {}, facts));
}

TEST(ImportTgtAdmin, FaultsHaveTheirPlace) {
  const auto error_of = [](const char* text) {
    const auto parsed = parse_tgt_conf(text, "f", FakeFacts());
    return parsed ? std::string() : parsed.error().text;
  };
  EXPECT_EQ(error_of("a 1\n<target x>\nb 2\n"), "f:3: <target> is not closed");
  EXPECT_EQ(error_of("</target>\n"), "f:1: this tag closes nothing");
  EXPECT_EQ(error_of("\n<target x\n"), "f:2: a tag ends with >");
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "<a b>\n";
  EXPECT_EQ(error_of(deep.c_str()), "f:17: tags are nested too deeply");
  EXPECT_EQ(error_of("a 1 \\\n 2 # x\n/* <\n*/\nb = \"x y\"\n"), "");
}

TEST(ImportScst, DevicesTargetsAndGroups) {
  const Imported imported = import_text(kScstConf, "scst.conf");
  EXPECT_EQ(imported.format, ImportFormat::kScst);
  const Config& config = imported.config;
  ASSERT_EQ(config.logical_units.size(), 4u);
  EXPECT_EQ(config.logical_units[0].store.path, "/dev/sdb");
  EXPECT_EQ(config.logical_units[1].unit.vendor, "SCST_FIO");
  EXPECT_EQ(format_naa(config.logical_units[1].unit), "60014050000000000000000000000abc");
  EXPECT_EQ(config.logical_units[2].store.path, "/srv/with blank.img");
  EXPECT_EQ(config.logical_units[2].store.size, 4096u);  // one whole block
  EXPECT_TRUE(config.logical_units[2].unit.removable);
  EXPECT_FALSE(config.logical_units[2].unit.write_cache);
  EXPECT_EQ(config.logical_units[3].store.kind, StoreKind::kNull);
  ASSERT_EQ(config.targets.size(), 1u);
  const Target& target = config.targets[0];
  EXPECT_THAT(target.access.users, ElementsAre("joe", "fred"));
  EXPECT_EQ(target.command_window, 64);
  EXPECT_THAT(target.relative_port_ids, ElementsAre(5));
  EXPECT_EQ(config.portals.at(0).address, "192.0.2.20:3260");
  ASSERT_EQ(config.fc_ports.size(), 1u);
  EXPECT_EQ(config.fc_ports[0].device, "0000:3b:00.1");
  EXPECT_EQ(config.fc_ports[0].relative_port_id, 0);  // 5 is the other target's
  EXPECT_THAT(config.mapping.host_groups[0].initiators, ElementsAre("iqn.1994-05.com.redhat:*"));
}

TEST(ImportScst, NameServer) {
  const auto of = [](const char* attribute) {
    const std::string text = std::string("TARGET_DRIVER iscsi {\n enabled 1\n ") + attribute + "\n}\n";
    return import_text(text.c_str(), "f");
  };
  const Imported with = of("iSNSServer \"192.0.2.6 AccessControl\"");
  ASSERT_EQ(with.config.isns.size(), 1u);
  EXPECT_EQ(with.config.isns[0].address, "192.0.2.6:3205");
  EXPECT_TRUE(with.config.isns[0].access_control);
  const Imported without = of("iSNSServer 2001:db8::6");
  ASSERT_EQ(without.config.isns.size(), 1u);
  EXPECT_EQ(without.config.isns[0].address, "[2001:db8::6]:3205");
  EXPECT_FALSE(without.config.isns[0].access_control);
  for (const char* const text : {"iSNSServer name.example", "iSNSServer 192.0.2.6 Access", "iSNSServer"}) {
    EXPECT_TRUE(of(text).config.isns.empty());
    EXPECT_THAT(report_of(of(text)), HasSubstr("f:3: TARGET_DRIVER iscsi: iSNSServer")) << text;
  }
}

TEST(ImportScst, SaysWhatIsLost) {
  const std::string report = report_of(import_text(kScstConf, "scst.conf"));
  for (const char* const part :
       {"scst.conf:5: DEVICE 2:0:0:0: pass-through", "scst.conf:10: DEVICE disk1: nv_cache",
        "scst.conf:18: DEVICE disk2: cluster_mode", "handler vcdrom", "INITIATOR !iqn.evil",
        "TARGET iqn.2006-10.net.vlnb:off: TARGET: it is not enabled", "ib_srpt", "DEVICE_GROUP",
        "LUN 0 is disk1: a host sees one logical unit at a LUN", "they see the LUNs of the target beside"}) {
    EXPECT_THAT(report, HasSubstr(part));
  }
  EXPECT_THAT(report, Not(HasSubstr("12charsecret")));
}

TEST(ImportScst, LoginsAreSentElsewhere) {
  const auto redirection_of = [](const std::string& value) {
    const std::string text =
        "TARGET_DRIVER iscsi {\n enabled 1\n TARGET iqn.2006-10.net.vlnb:tgt {\n  enabled 1\n"
        "  redirect \"" +
        value + "\"\n }\n}\n";
    const Imported imported = import_text(text.c_str(), "scst.conf");
    const auto& redirection = imported.config.targets.at(0).redirection;
    const char* const lost = imported.findings.list().empty() ? "" : " lost";
    return redirection.address + (redirection.permanent ? " for ever" : "") + lost;
  };
  EXPECT_EQ(redirection_of("192.0.2.7:32600 temp"), "192.0.2.7:32600");
  EXPECT_EQ(redirection_of("192.0.2.7 perm"), "192.0.2.7:3260 for ever");
  EXPECT_EQ(redirection_of("[2001:db8::7]:860 temp"), "[2001:db8::7]:860");
  EXPECT_EQ(redirection_of("[2001:db8::7] perm"), "[2001:db8::7]:3260 for ever");
  EXPECT_EQ(redirection_of(""), "");
  for (const char* const wrong : {"192.0.2.7", "192.0.2.7:70000 temp", "somewhere perm", "192.0.2.7 soon"})
    EXPECT_EQ(redirection_of(wrong), " lost");
}

TEST(Import, SeveralConnectionsOfASession) {
  const auto connections_of = [](const std::string& number) {
    const std::string text = "<target iqn.2008-09.com.example:a>\n MaxConnections " + number + "\n</target>\n";
    return import_text(text.c_str(), "targets.conf").config.targets.at(0).max_connections;
  };
  EXPECT_EQ(connections_of("1"), 1);
  EXPECT_EQ(connections_of("4"), 4);
  EXPECT_EQ(connections_of("400"), 8);
  EXPECT_EQ(connections_of("many"), 1);
  std::string text = kSaveConfig;
  const std::string one = R"("MaxConnections": "1")";
  ASSERT_NE(text.find(one), std::string::npos);
  text.replace(text.find(one), one.size(), R"("MaxConnections": "3")");
  EXPECT_EQ(import_text(text.c_str(), "saveconfig.json").config.targets.at(0).max_connections, 3);
}

// What other targets negotiate by default is not taken over; what somebody set is.
TEST(Import, KeysOfNegotiationThatSomebodySet) {
  iscsi::TargetKeys wanted{.header_digest = iscsi::DigestUse::kRequired,
                           .data_digest = iscsi::DigestUse::kNone,
                           .initial_r2t = true,
                           .immediate_data = false,
                           .max_recv_data_segment_length = 65536,
                           .max_burst_length = 131072,
                           .first_burst_length = 4096,
                           .max_outstanding_r2t = 4,
                           .default_time2wait = 2,
                           .default_time2retain = 40};
  const Imported tgt = import_text(R"(<target iqn.2008-09.com.example:a>
 HeaderDigest CRC32C
 DataDigest None
 InitialR2T Yes
 ImmediateData No
 MaxRecvDataSegmentLength 65536
 MaxBurstLength 131072
 FirstBurstLength 4096
 MaxOutstandingR2T 8
 DefaultTime2Wait 2
 DefaultTime2Retain 40
 ErrorRecoveryLevel 1
 DataPDUInOrder Yes
</target>
)",
                                   "targets.conf");
  EXPECT_EQ(tgt.config.targets.at(0).keys, wanted);
  EXPECT_EQ(tgt.config.targets.at(0).error_recovery_level, 1);
  EXPECT_THAT(report_of(tgt), HasSubstr("MaxOutstandingR2T: Outboard's range is smaller"));
  EXPECT_THAT(report_of(tgt), HasSubstr("DataPDUInOrder"));

  const Imported scst = import_text(R"(TARGET_DRIVER iscsi {
 enabled 1
 TARGET iqn.2008-09.com.example:a {
  enabled 1
  HeaderDigest CRC32C
  DataDigest CRC32C,None
  InitialR2T Yes
  MaxBurstLength 99999999
 }
}
)",
                                    "scst.conf");
  EXPECT_EQ(scst.config.targets.at(0).keys,
            (iscsi::TargetKeys{.header_digest = iscsi::DigestUse::kRequired, .initial_r2t = true}));
  EXPECT_THAT(report_of(scst), HasSubstr("Outboard's range is smaller"));

  std::string text = kSaveConfig;
  const std::string one = R"("MaxConnections": "1")";
  text.replace(text.find(one), one.size(),
               R"("MaxConnections": "1", "HeaderDigest": "CRC32C", "DataDigest": "CRC32C,None", "InitialR2T": "Yes",
                  "MaxBurstLength": "1048576", "MaxOutstandingR2T": "1", "ImmediateData": "Maybe", "DefaultTime2Wait": [2])");
  const Imported lio = import_text(text.c_str(), "saveconfig.json");
  EXPECT_EQ(lio.config.targets.at(0).keys,
            (iscsi::TargetKeys{.header_digest = iscsi::DigestUse::kRequired, .max_burst_length = 1048576}));
  EXPECT_EQ(lio.config.targets.at(0).error_recovery_level, 2);
  EXPECT_THAT(report_of(lio), HasSubstr("ImmediateData=Maybe: that is no value of it"));
  EXPECT_THAT(report_of(lio), HasSubstr("DefaultTime2Wait: Outboard negotiates it by itself; it is passed over"));
}

TEST(ImportScst, FaultsHaveTheirPlace) {
  const auto error_of = [](const char* text) {
    const auto parsed = parse_scst_conf(text, "f");
    return parsed ? std::string() : parsed.error().text;
  };
  EXPECT_EQ(error_of("HANDLER a {\n\n"), "f:1: this brace is not closed");
  EXPECT_EQ(error_of("a\n}\n"), "f:2: this brace closes nothing");
  EXPECT_EQ(error_of("a \"b\nc\"\n"), "f:1: a quote is not closed");
  EXPECT_EQ(error_of("{"), "f:1: a brace without a name before it");
  EXPECT_THAT(error_of("[HANDLER x]\n"), HasSubstr("SCST 1"));
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "a {\n";
  EXPECT_EQ(error_of(deep.c_str()), "f:17: braces are nested too deeply");
  EXPECT_EQ(error_of("a \\# \"x \\\" y\" # z\n"), "");
}

TEST(Import, UnitsOfATargetWithoutANameAreNotShownThroughEveryTarget) {
  FakeFacts facts;
  facts.media = {{"/srv/disk", {false, 1 << 20}}};
  const std::string scst =
      "HANDLER vdisk_fileio {\n DEVICE disk {\n filename /srv/disk\n }\n}\n"
      "TARGET_DRIVER iscsi {\n TARGET {\n LUN 0 disk\n }\n TARGET iqn.2008-09.com.example:a {\n }\n}\n";
  const std::string tgt =
      "<target>\nbacking-store /srv/disk\n</target>\n<target iqn.2008-09.com.example:a>\n</target>\n";
  for (const auto& [text, format] : {std::pair(scst, ImportFormat::kScst), std::pair(tgt, ImportFormat::kTgtAdmin)}) {
    const auto imported = import_config(text, "f", {format, {}}, facts);
    if (!imported) continue;  // refused as a whole
    EXPECT_TRUE(imported->config.mapping.views.empty()) << text;
    EXPECT_FALSE(imported->findings.list().empty());
  }
}

// The configuration is TOML, whose texts are UTF-8: what cannot be written there cannot be read again.
TEST(Import, APathThatIsNotUtf8IsLeftOutAndReported) {
  FakeFacts facts;
  facts.media = {{"/srv/\xe7", {false, 1 << 20}}, {"/srv/b", {false, 1 << 20}}};
  const auto imported =
      import_config("<target iqn.2008-09.com.example:a>\nbacking-store /srv/\xe7\nbacking-store /srv/b\n</target>\n",
                    "f", {ImportFormat::kTgtAdmin, {}}, facts);
  ASSERT_TRUE(imported);
  ASSERT_EQ(imported->config.logical_units.size(), 1u);
  EXPECT_EQ(imported->config.logical_units[0].store.path, "/srv/b");
  EXPECT_EQ(imported->config.mapping.views.size(), 1u);
  EXPECT_THAT(format_import(*imported, "f"), HasSubstr("UTF-8"));
}

TEST(Import, AnUnknownTextIsRefused) {
  for (const char* const text : {"", "hello\n", "{}", "{\"targets\": [", "[[lu]]\n"}) {
    EXPECT_FALSE(import_config(text, "f", {}, FakeFacts())) << text;
  }
  EXPECT_TRUE(import_config("", "f", {ImportFormat::kScst, {}}, FakeFacts()));
}

}  // namespace
}  // namespace ctl
