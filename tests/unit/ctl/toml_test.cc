// Unit tests of the TOML form of a configuration: what is read, what is refused and where, what is written.
#include "ctl/config/toml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/ctl/example_config.h"

namespace ctl {
namespace {

TEST(Toml, ReadsEverything) {
  const auto config = parse_config(kExampleConfig, "example", {kExampleSecrets});
  ASSERT_TRUE(config) << config.error().text;
  ASSERT_EQ(config->logical_units.size(), 3u);
  EXPECT_EQ(config->logical_units[0].store.kind, StoreKind::kFile);
  EXPECT_EQ(config->logical_units[0].store.size, 10ull << 30);
  EXPECT_EQ(config->logical_units[0].unit.naa_high, 0x6024f42000000000u);
  EXPECT_EQ(config->logical_units[0].unit.naa_low, 0xaabbccddeeff0011u);
  EXPECT_EQ(config->logical_units[0].unit.protection_type, 1);
  EXPECT_EQ(config->logical_units[0].store.protection_path, "/srv/disk0.pi");
  EXPECT_EQ(config->logical_units[1].store.block_size, 4096u);
  EXPECT_FALSE(config->logical_units[1].unit.write_cache);
  EXPECT_TRUE(config->logical_units[2].unit.removable);
  EXPECT_EQ(config->portals[1].tag, 2);
  EXPECT_TRUE(config->targets[0].access.chap);
  ASSERT_EQ(config->targets[0].access.algorithms.size(), 2u);
  EXPECT_EQ(config->targets[0].access.algorithms[0], iscsi::ChapAlgorithm::kSha256);
  ASSERT_EQ(config->fc_ports.size(), 2u);
  EXPECT_EQ(config->fc_ports[0].relative_port_id, 9);
  EXPECT_EQ(config->fc_ports[1].wwpn, "50:01:43:80:aa:bb:cc:01");
  EXPECT_FALSE(config->fc_ports[1].enabled);
  EXPECT_TRUE(config->fc_ports[1].loop);
  EXPECT_FALSE(config->fc_ports[0].loop);
  EXPECT_TRUE(config->fc_ports[0].confirmed_completion && config->fc_ports[0].dual_role);
  EXPECT_FALSE(config->fc_ports[1].confirmed_completion || config->fc_ports[1].dual_role);
  EXPECT_FALSE(fcp_config(config->fc_ports).ports[0].report_changes);
  EXPECT_TRUE(fcp_config(config->fc_ports).ports[1].report_changes);
  EXPECT_EQ(config->fc_ports[1].queues, 2);
  EXPECT_EQ(config->fc_ports[0].queues, 0);
  EXPECT_EQ(config->mapping.views[1].target_group, "iqn.2026-01.org.example:open");
  EXPECT_TRUE(config->mapping.views[1].read_only);
  EXPECT_EQ(config->users[0].secret.reveal(), kSecretOfAlice);
  EXPECT_EQ(config->limits.nop_interval, base::Duration::zero());
  const iscsi::FabricConfig fabric = fabric_config(*config);
  ASSERT_EQ(fabric.targets[0].authentication.accounts.size(), 1u);
  EXPECT_EQ(fabric.targets[0].authentication.accounts[0].mutual_secret, kMutualSecretOfAlice);
  EXPECT_TRUE(fabric.discovery.required);
  EXPECT_EQ(fabric.listing, (iscsi::Listing{.forbidden = true, .other_portal_groups = false}));
  EXPECT_EQ(fabric.portals[1].redirection, (iscsi::Redirection{.address = "[2001:db8::7]:3260", .permanent = true}));
  EXPECT_EQ(fabric.targets[0].redirection,
            (iscsi::Redirection{.address = "storage.example.org:3260", .permanent = false}));
  EXPECT_FALSE(fabric.targets[0].report_changes);
  EXPECT_EQ(fabric.targets[0].keys, (iscsi::TargetKeys{.header_digest = iscsi::DigestUse::kRequired,
                                                       .data_digest = iscsi::DigestUse::kNone,
                                                       .initial_r2t = true,
                                                       .immediate_data = false,
                                                       .max_recv_data_segment_length = 4096,
                                                       .max_burst_length = 8192,
                                                       .first_burst_length = 2048,
                                                       .max_outstanding_r2t = 3,
                                                       .default_time2wait = 5,
                                                       .default_time2retain = 60}));
  EXPECT_EQ(fabric.targets[1].keys, iscsi::TargetKeys());
  EXPECT_EQ(fabric.targets[0].max_sessions, 9u);
  EXPECT_EQ(fabric.targets[0].initiator_addresses, (std::vector<std::string>{"192.0.2.0/24", "::1"}));
}

TEST(Toml, WrittenTextIsReadBackTheSame) {
  const Config config = parse_config(kExampleConfig, "example", {kExampleSecrets}).value();
  const std::string text = write_config(config), secrets = write_secrets(config);
  const auto again = parse_config(text, "written", {secrets});
  ASSERT_TRUE(again) << again.error().text << text;
  EXPECT_EQ(*again, config);
  EXPECT_EQ(write_config(*again), text);
}

constexpr const char* kNameServers = R"(
[[portal]]
address = "127.0.0.1:3260"
max_connections = 100
max_sessions = 50
max_logins_per_second = 20

[[target]]
name = "iqn.2026-01.org.example:disks"
authentication = "radius"
max_logins_per_second = 5
max_commands = 256

[limits]
max_logins = 77

[radius]
servers = ["192.0.2.5:1812", "[2001:db8::5]:1812"]
secret_file = "/etc/outboard/radius"
nas_identifier = "box"
timeout = "1s"
tries = 3

[[isns]]
server = "192.0.2.6:3205"
entity = "storage.example.org"
period = "10min"
inquiry_interval = "1min"
)";

TEST(Toml, NameServersAndLimitsAreReadAndWritten) {
  const auto config = parse_config(kNameServers, "t");
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(parse_config(write_config(*config), "written").value(), *config);
  const iscsi::FabricConfig fabric = fabric_config(*config);
  EXPECT_EQ(fabric.portals[0].max_connections, 100u);
  EXPECT_EQ(fabric.portals[0].max_sessions, 50u);
  EXPECT_EQ(fabric.portals[0].max_logins_per_second, 20u);
  EXPECT_EQ(fabric.targets[0].max_logins_per_second, 5u);
  EXPECT_EQ(fabric.targets[0].max_commands, 256u);
  EXPECT_TRUE(fabric.targets[0].authentication.required && fabric.targets[0].authentication.radius);
  EXPECT_EQ(fabric.limits.max_logins, 77u);
  EXPECT_EQ(fabric.radius.addresses.size(), 2u);
  EXPECT_EQ(fabric.radius.secret_file, "/etc/outboard/radius");
  EXPECT_EQ(fabric.radius.nas_identifier, "box");
  EXPECT_EQ(fabric.radius.timeout, std::chrono::seconds(1));
  EXPECT_EQ(fabric.radius.tries, 3u);
  ASSERT_EQ(fabric.isns.size(), 1u);
  EXPECT_EQ(fabric.isns[0].entity, "storage.example.org");
  EXPECT_EQ(fabric.isns[0].period, std::chrono::minutes(10));
  EXPECT_EQ(fabric.isns[0].inquiry_interval, std::chrono::minutes(1));
}

TEST(Toml, NameServersAreChecked) {
  const auto fault = [](const std::string& from, const std::string& to) {
    std::string text = kNameServers;
    text.replace(text.find(from), from.size(), to);
    const auto config = parse_config(text, "t");
    return config ? "none" : config.error().text;
  };
  using testing::HasSubstr;
  EXPECT_EQ(fault("tries = 3", "tries = 1"), "none");
  EXPECT_THAT(fault("192.0.2.5:1812", "radius.example.org:1812"), HasSubstr("a server is 192.0.2.5:1812"));
  EXPECT_THAT(fault("192.0.2.5:1812", "[2001:db8::5]:1812"), HasSubstr("is there twice"));
  EXPECT_THAT(fault("\"192.0.2.5:1812\", \"[2001:db8::5]:1812\"", ""), HasSubstr("RADIUS needs servers"));
  EXPECT_THAT(fault("/etc/outboard/radius", "radius"), HasSubstr("secret_file is the absolute path"));
  EXPECT_THAT(fault("\"radius\"", "\"radius\"\nalgorithms = [\"sha256\"]"), HasSubstr("RADIUS knows md5 only"));
  EXPECT_THAT(fault("timeout = \"1s\"", "timeout = \"1min\""), HasSubstr("timeout is 100ms to 30s"));
  EXPECT_THAT(fault("192.0.2.6:3205", "192.0.2.6:0"), HasSubstr("a server is 192.0.2.6:3205"));
  EXPECT_THAT(fault("period = \"10min\"", "period = \"1s\""), HasSubstr("period is 15s to 86400s"));
  EXPECT_THAT(fault("max_logins = 77", "max_logins = 0"), HasSubstr("max_logins is 1 to 1000000"));
}

TEST(Toml, AnEmptyTextIsAnEmptyConfiguration) { EXPECT_EQ(parse_config("", "empty").value(), Config()); }

TEST(Toml, FibreChannelPortsAreChecked) {
  const auto fault = [](const std::string& fields) {
    const auto config = parse_config("[[fc_port]]\nname = \"fc0\"\n" + fields, "t");
    return config ? "none" : config.error().text;
  };
  EXPECT_EQ(fault("device = \"0000:3b:00.0\""), "none");
  EXPECT_EQ(fault("device = \"unix:/run/hba\"\nwwpn = \"5001438000000001\""), "none");
  const std::string parent = "device = \"unix:/a\"\n[[fc_port]]\nname = \"fc1\"\nparent = \"fc0\"\n";
  EXPECT_EQ(fault(parent + "wwpn = \"5001438000000002\""), "none");
  for (const char* wrong :
       {"", "wwpn = \"5001438000000002\"\ndevice = \"unix:/b\"", "wwpn = \"5001438000000002\"\ndual_role = true",
        "wwpn = \"5001438000000002\"\nconfirmed_completion = true",
        "wwpn = \"5001438000000002\"\n[[fc_port]]\nname = \"fc2\"\nparent = \"fc1\"\nwwpn = \"1\""}) {
    EXPECT_NE(fault(parent + wrong), "none") << wrong;
  }
  EXPECT_NE(fault("parent = \"fc7\"\nwwpn = \"5001438000000002\""), "none");
  for (const char* wrong :
       {"", "device = \"3b:00.0\"", "device = \"0000:3b:00.8\"", "device = \"unix:hba\"",
        "device = \"unix:/a\"\nwwpn = \"0000000000000000\"", "device = \"unix:/a\"\nwwnn = \"x\"",
        "device = \"unix:/a\"\ninitiators = [\"iqn.2026-01.test:a\"]", "device = \"unix:/a\"\nrelative_port_id = 0",
        "device = \"unix:/a\"\n[[fc_port]]\nname = \"fc0\"\ndevice = \"unix:/b\"",
        "device = \"unix:/a\"\n[[fc_port]]\nname = \"fc1\"\ndevice = \"unix:/a\"",
        "device = \"unix:/a\"\n[[target_group]]\nname = \"fc0\"",
        "device = \"unix:/a\"\n[[target_group]]\nname = \"g\"\ntargets = [\"fc1\"]"}) {
    EXPECT_NE(fault(wrong), "none") << wrong;
  }
}

TEST(Toml, ProtectionInformationIsChecked) {
  const auto fault = [](const std::string& fields) {
    const auto config = parse_config("[[lu]]\nname = \"d\"\n" + fields, "t");
    return config ? "none" : config.error().text;
  };
  const std::string ram = "backstore = \"ram\"\nsize = \"1 MiB\"\n",
                    block = "backstore = \"block\"\npath = \"/dev/x\"\n",
                    file = "backstore = \"file\"\nsize = \"1 MiB\"\npath = \"/a\"\n";
  EXPECT_EQ(fault(ram + "protection_type = 1"), "none");
  EXPECT_EQ(fault(file + "protection_type = 3"), "none");
  EXPECT_EQ(fault(file + "protection_type = 2\nprotection_path = \"/a.pi\""), "none");
  EXPECT_EQ(fault(block + "protection_type = 1\nprotection_path = \"/a.pi\""), "none");
  EXPECT_NE(fault(block + "protection_type = 1").find("a block device has no room for protection information"),
            std::string::npos);
  for (const std::string& wrong :
       {ram + "protection_type = 4", ram + "protection_type = 1\nprotection_path = \"/a\"",
        file + "protection_path = \"/b\"", file + "protection_type = 1\nprotection_path = \"b\"",
        file + "protection_type = 1\nprotection_path = \"/a\"",
        file + "protection_type = 1\n[[lu]]\nname = \"e\"\nbackstore = \"block\"\npath = \"/a.protection\""}) {
    EXPECT_NE(fault(wrong), "none") << wrong;
  }
}

TEST(Toml, SecretsStayOutOfTheText) {
  const Config config = parse_config(kExampleConfig, "example", {kExampleSecrets}).value();
  const std::string text = write_config(config);
  EXPECT_EQ(text.find(kSecretOfAlice), std::string::npos);
  EXPECT_EQ(text.find(kMutualSecretOfAlice), std::string::npos);
}

TEST(Toml, UsersKeepTheirSecretsByName) {
  const Config known = parse_config(kExampleConfig, "example", {kExampleSecrets}).value();
  const auto config = parse_config(kExampleConfig, "again", {}, &known);
  ASSERT_TRUE(config) << config.error().text;
  EXPECT_EQ(config->users, known.users);
}

struct Fault {
  const char* text;
  const char* error;  // all of it, one fault a line
};

class TomlFault : public testing::TestWithParam<Fault> {};

TEST_P(TomlFault, IsNamedWithItsPlace) {
  const auto config = parse_config(GetParam().text, "f.toml");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().text, GetParam().error);
}

constexpr Fault kFaults[] = {
    // syntax
    {"[[lu]", "f.toml:1:6: Error while parsing table header: encountered end-of-file"},
    {"a = ", "f.toml:1:5: Error while parsing key-value pair: encountered end-of-file"},
    {"\n\nx = [1, 2", "f.toml:3:10: Error while parsing array: encountered end-of-file"},
    {"[discovery]\nusers = []\nusers = []",
     "f.toml:3:9: Error while parsing key-value pair: cannot redefine existing array"},
    // unknown keys
    {"[[disk]]\nname = \"a\"", "f.toml:1:3: unknown key \"disk\""},
    {"[limits]\nmax = 3", "f.toml:2:1: limits: unknown key \"max\""},
    {"[[lu]]\nname = \"d\"\nbackstore = \"ram\"\nsize = \"1MiB\"\ncolour = \"red\"",
     "f.toml:5:1: lu \"d\": unknown key \"colour\""},
    {"[[user]]\nname = \"alice\"\nsecret = \"correct-horse-battery\"",
     "f.toml:3:1: user \"alice\": unknown key \"secret\""},
    // types
    {"lu = 3", "f.toml:1:6: lu must be written [[lu]], once for each"},
    {"[lu]\nname = \"d\"", "f.toml:1:1: lu must be written [[lu]], once for each"},
    {"[[limits]]", "f.toml:1:1: limits must be written [limits]"},
    {"[[portal]]\naddress = 3260", "f.toml:2:11: portal: address must be text"},
    {"[[portal]]\naddress = \"127.0.0.1:3260\"\ngroup = \"1\"",
     "f.toml:3:9: portal \"127.0.0.1:3260\": group must be a whole number"},
    {"[[view]]\nlu = \"d\"\nlun = 1.5", "f.toml:3:7: view \"d\": lun must be a whole number"},
    {"[[host_group]]\nname = \"h\"\ninitiators = \"iqn.a\"",
     "f.toml:3:14: host_group \"h\": initiators must be a list"},
    {"[[host_group]]\nname = \"h\"\ninitiators = [\"a\", 2]",
     "f.toml:3:20: host_group \"h\": initiators must be a list of text"},
    {"[[lu]]\nname = \"d\"\nbackstore = \"ram\"\nsize = \"1MiB\"\nremovable = 1",
     "f.toml:5:13: lu \"d\": removable must be true or false"},
    {"[limits]\nlogin_timeout = 15", "f.toml:2:17: limits: login_timeout must be text"},
    {"[[lu]]\nname = \"d\"\nbackstore = \"ram\"\nsize = -1",
     "f.toml:4:8: lu \"d\": size must be a size such as \"10 GiB\", or a number of bytes"},
    // missing
    {"[[lu]]\nsize = \"1MiB\"", "f.toml:1:1: lu: name is missing\nf.toml:1:1: lu: backstore is missing"},
    {"[[view]]\nlu = \"d\"", "f.toml:1:1: view \"d\": lun is missing"},
    {"[[lu]]\nname = \"d\"\nbackstore = \"ram\"", "f.toml:1:1: lu \"d\": size is missing"},
    {"[[lu]]\nname = \"d\"\nbackstore = \"file\"\nsize = \"1MiB\"",
     "f.toml:1:1: lu \"d\": a file or block backstore needs a path"},
    // ranges and values
    {"[[lu]]\nname = \"d\"\nbackstore = \"disk\"\nsize = \"1MiB\"",
     "f.toml:3:13: lu \"d\": backstore must be one of ram, file, block, null"},
    {"[[lu]]\nname = \"d\"\nbackstore = \"ram\"\nsize = \"1 Gb\"", "f.toml:4:8: lu \"d\": size has an unknown unit"},
    {"[[lu]]\nname = \"d\"\nbackstore = \"ram\"\nsize = 1000",
     "f.toml:4:8: lu \"d\": size must be a multiple of block_size"},
    {"[[lu]]\nname = \"d\"\nbackstore = \"ram\"\nsize = \"1MiB\"\nblock_size = 1024",
     "f.toml:5:14: lu \"d\": block_size must be 512 or 4096"},
    {"[[lu]]\nname = \"d\"\nbackstore = \"ram\"\nsize = \"1MiB\"\npath = \"/x\"",
     "f.toml:5:8: lu \"d\": only file and block backstores have a path"},
    {"[[lu]]\nname = \"d\"\nbackstore = \"file\"\nsize = \"1MiB\"\npath = \"x\"",
     "f.toml:5:8: lu \"d\": path must be absolute, below 4,096 bytes of UTF-8"},
    {"[[lu]]\nname = \"a b\"\nbackstore = \"ram\"\nsize = \"1MiB\"",
     "f.toml:2:8: lu \"a b\": a name is 1 to 64 of letters, digits and . _ -"},
    {"[[lu]]\nname = \"d\"\nbackstore = \"ram\"\nsize = \"1MiB\"\nvendor = \"TOO LONG \"",
     "f.toml:5:10: lu \"d\": vendor is at most 8 printable ASCII characters"},
    {"[[lu]]\nname = \"d\"\nbackstore = \"ram\"\nsize = \"1MiB\"\nnaa = \"5024f420\"",
     "f.toml:5:7: lu \"d\": naa must be 32 hexadecimal digits that begin with 6 (NAA IEEE Registered Extended)"},
    {"[[view]]\nlu = \"d\"\nlun = 16384", "f.toml:3:7: view \"d\": lun is 0 to 16383"},
    {"[[portal]]\naddress = \"localhost:3260\"",
     "f.toml:2:11: portal \"localhost:3260\": an address is 192.0.2.1:3260 or [2001:db8::1]:3260"},
    {"[[portal]]\naddress = \"[::1]:65536\"",
     "f.toml:2:11: portal \"[::1]:65536\": an address is 192.0.2.1:3260 or [2001:db8::1]:3260"},
    {"[[target]]\nname = \"iqn.2026-13.org.example:x\"",
     "f.toml:2:8: target \"iqn.2026-13.org.example:x\": a name is iqn.YYYY-MM.DOMAIN[:NAME], eui. and 16 or naa. and "
     "16 "
     "or 32 hexadecimal digits, in lower case"},
    {"[[target]]\nname = \"eui.02004567a425678d\"\nmax_connections = 9",
     "f.toml:3:19: target \"eui.02004567a425678d\": max_connections is 1 to 8"},
    {"[[target]]\nname = \"eui.02004567a425678d\"\ncommand_window = 0",
     "f.toml:3:18: target \"eui.02004567a425678d\": command_window is 1 to 1024"},
    {"[[target]]\nname = \"eui.02004567a425678d\"\nauthentication = \"maybe\"",
     "f.toml:3:18: target \"eui.02004567a425678d\": authentication must be none, chap or radius"},
    {"[[target]]\nname = \"eui.02004567a425678d\"\nalgorithms = [\"sha512\"]",
     "f.toml:3:14: target \"eui.02004567a425678d\": algorithms must be one of sha3-256, sha256, sha1, md5"},
    {"[limits]\nlogin_timeout = \"1h\"", "f.toml:2:17: limits: login_timeout is 1s to 600s"},
    {"[limits]\nnop_interval = \"1ms\"", "f.toml:2:16: limits: nop_interval is 1s to 3600s, or 0s for never"},
    {"[limits]\nmax_connections = 0", "f.toml:2:19: limits: max_connections is 1 to 1000000"},
    // references and duplicates
    {"[[view]]\nlu = \"d\"\nlun = 0", "f.toml:2:6: view of lu \"d\" at LUN 0: there is no such lu"},
    {"[[target]]\nname = \"eui.02004567a425678d\"\nportal_groups = [1, 7]",
     "f.toml:3:17: target \"eui.02004567a425678d\": no portal is in group 7"},
    {"[[target]]\nname = \"eui.02004567a425678d\"\nusers = [\"bob\"]",
     "f.toml:3:9: target \"eui.02004567a425678d\": there is no user \"bob\""},
    {"[[target_group]]\nname = \"g\"\ntargets = [\"iqn.2026-01.a:b\"]",
     "f.toml:3:11: target_group \"g\": there is no target \"iqn.2026-01.a:b\""},
    {"[[lu]]\nname = \"d\"\nbackstore = \"null\"\nsize = \"1MiB\"\n[[view]]\nlu = \"d\"\nlun = 0\nhost_group = \"h\"",
     "f.toml:8:14: view of lu \"d\" at LUN 0: there is no host_group \"h\""},
    {"[[lu]]\nname = \"d\"\nbackstore = \"null\"\nsize = \"1MiB\"\n[[view]]\nlu = \"d\"\nlun = 0\ntarget_group = \"t\"",
     "f.toml:8:16: view of lu \"d\" at LUN 0: there is no target_group or target \"t\""},
    {"[[portal]]\naddress = \"127.0.0.1:1\"\n[[portal]]\naddress = \"127.0.0.1:1\"",
     "f.toml:4:11: portal \"127.0.0.1:1\" is there twice"},
    {"[[host_group]]\nname = \"h\"\n[[host_group]]\nname = \"h\"", "f.toml:4:8: host_group \"h\" is there twice"},
    {"[[lu]]\nname = \"a\"\nbackstore = \"file\"\npath = \"/x\"\nsize = 512\n[[lu]]\nname = \"b\"\nbackstore = "
     "\"file\"\n"
     "path = \"/x\"\nsize = 512",
     "f.toml:9:8: lu \"b\": another logical unit has the same path"},
    {"[[user]]\nname = \"alice\"",
     "f.toml:2:8: user \"alice\" has no secret: give it with `tgtctl user add`, or --secrets"},
    {"[discovery]\nauthentication = \"chap\"", "f.toml:2:18: discovery: CHAP needs at least one user"},
    {"[[target]]\nname = \"eui.02004567a425678d\"\ninitiator_addresses = [\"192.0.2.1/24\"]",
     "f.toml:3:23: target \"eui.02004567a425678d\": \"192.0.2.1/24\" is no address or subnet, as 192.0.2.0/24 or "
     "2001:db8::/32"},
    {"[[target]]\nname = \"eui.02004567a425678d\"\ndata_digest = \"often\"",
     "f.toml:3:15: target \"eui.02004567a425678d\": data_digest must be one of any, required, none"},
    {"[[target]]\nname = \"eui.02004567a425678d\"\nmax_burst_length = 511",
     "f.toml:3:20: target \"eui.02004567a425678d\": max_burst_length is 512 to 16776192"},
    {"[[target]]\nname = \"eui.02004567a425678d\"\nredirect = \"there\"",
     "f.toml:3:12: target \"eui.02004567a425678d\": redirect is host:port or [address]:port, not \"there\""},
    {"[[portal]]\naddress = \"127.0.0.1:1\"\nredirect_permanent = true",
     "f.toml:3:22: portal \"127.0.0.1:1\": redirect_permanent needs a redirect"},
    {"[[target]]\nname = \"eui.02004567a425678d\"\nportal_groups = [1, 1]",
     "f.toml:3:17: target \"eui.02004567a425678d\": a portal group is there twice"},
    {"[[target]]\nname = \"eui.02004567a425678d\"\nrelative_port_ids = [1, 2]",
     "f.toml:3:21: target \"eui.02004567a425678d\": relative_port_ids has one number for each portal group, or is left "
     "out"},
    {"[[target]]\nname = \"eui.02004567a425678d\"\nrelative_port_ids = [5]\n[[target]]\nname = "
     "\"eui.02004567a425678e\"\nrelative_port_ids = [5]",
     "f.toml:6:21: target \"eui.02004567a425678e\": relative port identifier 5 is another port's"},
    // control characters do not reach the terminal
    {"[[host_group]]\nname = \"a\\u001b[2J\"",
     "f.toml:2:8: host_group \"a\\x1b[2J\": a name is 1 to 64 of letters, digits and . _ -"},
};
INSTANTIATE_TEST_SUITE_P(Table, TomlFault, testing::ValuesIn(kFaults));

TEST(Toml, AllFaultsAreReportedInOrder) {
  const auto config = parse_config("[[lu]]\nname = 1\nbackstore = 2\n[limits]\nx = 1", "f");
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().text,
            "f:2:8: lu: name must be text\nf:3:13: lu: backstore must be text\nf:5:1: limits: unknown key \"x\"");
}

TEST(Toml, ErrorsQuoteNothingThatCouldBeASecret) {
  const char* const kTexts[] = {"[[user]]\nname = \"alice\"\nsecret = hunter2hunter2",
                                "secret = \"hunter2hunter2",
                                "hunter2hunter2",
                                "[hunter2hunter2",
                                "secret = \"hunter2hunter2\" x",
                                "[[user]]\nname = hunter2hunter2",
                                "secret = '''hunter2hunter2"};
  for (const char* text : kTexts) {
    const auto config = parse_config(text, "f");
    ASSERT_FALSE(config) << text;
    EXPECT_EQ(config.error().text.find("hunter"), std::string::npos) << config.error().text;
    Config known;
    known.users.push_back({"alice", "", {}, {}});
    const auto taken = take_secrets(text, "s", known);
    ASSERT_FALSE(taken) << text;
    EXPECT_EQ(taken.error().text.find("hunter"), std::string::npos) << taken.error().text;
  }
}

TEST(Toml, SecretsAreJudgedByLengthAndDifference) {
  const auto error_with = [](const std::string& secrets) {
    const auto config =
        parse_config("[[user]]\nname = \"a\"\nmutual_user = \"t\"\n[[user]]\nname = \"b\"", "f", {secrets});
    return config ? std::string() : config.error().text;
  };
  const std::string b = "[b]\nsecret = \"bbbbbbbbbbbb\"\n";
  EXPECT_EQ(error_with(b + "[a]\nsecret = \"aaaaaaaaaaaa\"\nmutual_secret = \"cccccccccccc\""), "");
  EXPECT_EQ(error_with(b + "[a]\nsecret = \"aaaaaaaaaaa\"\nmutual_secret = \"cccccccccccc\""),
            "f:2:8: the secret of user \"a\" must have 12 to 255 bytes");
  EXPECT_EQ(error_with(b + "[a]\nsecret = \"aaaaaaaaaaaa\"\nmutual_secret = \"aaaaaaaaaaaa\""),
            "f:2:8: user \"a\" and mutual user \"t\" have the same secret");
  EXPECT_EQ(error_with(b + "[a]\nsecret = \"bbbbbbbbbbbb\"\nmutual_secret = \"cccccccccccc\""),
            "f:5:8: user \"a\" and user \"b\" have the same secret");
}

}  // namespace
}  // namespace ctl
