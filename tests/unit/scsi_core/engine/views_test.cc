// Unit tests of views: patterns, validation, and which units a nexus sees.
#include "scsi_core/engine/views.h"

#include <gtest/gtest.h>

#include "scsi_core/sense_codes.h"
#include "tests/unit/scsi_core/engine/test_unit.h"

namespace scsi::engine_test {
namespace {

TEST(Views, PatternsMatchWithWildcardsInEitherCase) {
  EXPECT_TRUE(matches_pattern("iqn.2026-01.test:host", "IQN.2026-01.test:HOST"));
  EXPECT_TRUE(matches_pattern("iqn.*:host?", "iqn.2026-01.test:host7"));
  EXPECT_TRUE(matches_pattern("*", ""));
  EXPECT_TRUE(matches_pattern("*a*b", "xxaxxaxb"));
  EXPECT_FALSE(matches_pattern("host", "host1"));
  EXPECT_FALSE(matches_pattern("host?", "host"));
  EXPECT_FALSE(matches_pattern("", "a"));
}

TEST(Views, PatternsIntersectWhenSomeNameMatchesBoth) {
  EXPECT_TRUE(patterns_intersect("a*", "*b"));
  EXPECT_TRUE(patterns_intersect("a?c", "ab*"));
  EXPECT_TRUE(patterns_intersect("*", "?"));
  EXPECT_TRUE(patterns_intersect("host1", "HOST*"));
  EXPECT_FALSE(patterns_intersect("a*", "b*"));
  EXPECT_FALSE(patterns_intersect("a?", "a"));
  EXPECT_FALSE(patterns_intersect("*x?", "*y?"));
}

TEST(Views, InitiatorIsCalledByItsNameWithoutIsid) {
  EXPECT_EQ(initiator_name({5, "iqn.2026-01.test:host,i,0x400000000001"}), "iqn.2026-01.test:host");
  EXPECT_EQ(initiator_name({0, std::string("\x21\x00\x00\xe0\x8b\x05\x05\x04", 8)}), "210000e08b050504");
}

TEST(Views, AWwpnIsNamedWithOrWithoutColons) {
  const TransportId host{0, std::string("\x21\x00\x00\xe0\x8b\x05\x05\x04", 8)};
  EXPECT_EQ(shown_name(host), "21:00:00:e0:8b:05:05:04");
  EXPECT_TRUE(means_initiator("21:00:00:e0:8b:05:05:04", host));
  EXPECT_TRUE(means_initiator("210000E08B050504", host));
  EXPECT_TRUE(means_initiator("21:00:00:e0:8b:*", host));
  EXPECT_FALSE(means_initiator("21:00:00:e0:8b:05:05:05", host));
  // A colon in an iSCSI name is part of it.
  EXPECT_FALSE(means_initiator("iqn.2026-01.test:host", {5, "iqn.2026-01.testhost,i,0x400000000001"}));
}

ViewTable two_groups() {
  ViewTable table;
  table.host_groups = {{"db", {"iqn.test:db*"}}, {"web", {"iqn.test:web*"}}};
  table.target_groups = {{"front", {"iqn.t:1", "iqn.t:2"}}};
  return table;
}

TEST(Views, OneLunWithTwoUnitsForOneHostIsRefused) {
  ViewTable table = two_groups();
  table.views = {{"a", "db", "", 0, false}, {"b", "web", "", 0, false}};
  EXPECT_TRUE(table.validate().has_value());
  table.views.push_back({"c", "", "", 0, false});  // every host
  EXPECT_EQ(table.validate().error().code, base::Errc::kExists);
  table.views.back().lun = 1;
  EXPECT_TRUE(table.validate().has_value());
}

TEST(Views, HostGroupsOverlapByPatternAndTargetsByName) {
  ViewTable table = two_groups();
  table.host_groups.push_back({"all-db", {"*:db1"}});
  table.views = {{"a", "db", "front", 0, false}, {"b", "all-db", "iqn.t:3", 0, false}};
  EXPECT_TRUE(table.validate().has_value());
  table.views[1].target_group = "IQN.T:2";
  EXPECT_EQ(table.validate().error().code, base::Errc::kExists);
}

TEST(Views, UnknownHostGroupsDoubleNamesAndLargeLunsAreRefused) {
  ViewTable table = two_groups();
  table.views = {{"a", "nobody", "", 0, false}};
  EXPECT_EQ(table.validate().error().code, base::Errc::kNotFound);
  table.views = {{"a", "db", "", 16384, false}};
  EXPECT_EQ(table.validate().error().code, base::Errc::kInvalid);
  table.views.clear();
  table.host_groups.push_back({"db", {}});
  EXPECT_EQ(table.validate().error().code, base::Errc::kExists);
}

struct Seen : testing::Test {
  Bench bench;
  std::vector<std::uint32_t> luns(LoopNexus& nexus) {
    std::vector<std::uint32_t> out;
    for (const LunMapEntry& entry : nexus.nexus().map().entries()) out.push_back(entry.lun);
    return out;
  }
  void set(const ViewTable& table) {
    ASSERT_TRUE(bench.target.wait([&](Done done) { bench.target.core().set_views(table, done); }).has_value());
  }
};

TEST_F(Seen, HostAndTargetDecide) {
  ViewTable table = two_groups();
  table.views = {{"a", "db", "front", 3, false}, {"b", "db", "iqn.t:3", 4, false}, {"b", "", "", 5, false}};
  set(table);
  LoopNexus& db1 = bench.target.port(0, "iqn.t:1").login("iqn.test:db9");
  LoopNexus& db3 = bench.target.port(0, "iqn.t:3").login("iqn.test:db9");
  LoopNexus& web1 = bench.target.port(0, "iqn.t:1").login("iqn.test:web");
  EXPECT_EQ(luns(db1), (std::vector<std::uint32_t>{3, 5}));
  EXPECT_EQ(luns(db3), (std::vector<std::uint32_t>{4, 5}));
  EXPECT_EQ(luns(web1), (std::vector<std::uint32_t>{5}));
  for (LoopNexus* nexus : {&db1, &db3, &web1}) nexus->lose();
}

TEST_F(Seen, NexusesThatSeeTheSameShareOneMap) {
  LoopNexus& one = bench.target.login("iqn.test:db1");
  LoopNexus& two = bench.target.login("iqn.test:db2");
  EXPECT_EQ(&one.nexus().map(), &two.nexus().map());
  ViewTable table = two_groups();
  table.views = {{"a", "db", "", 0, false}, {"b", "web", "", 0, false}};
  set(table);
  LoopNexus& web = bench.target.login("iqn.test:web");
  EXPECT_EQ(&one.nexus().map(), &two.nexus().map());
  EXPECT_NE(&one.nexus().map(), &web.nexus().map());
}

TEST_F(Seen, ViewOfAUnitThatIsNotThereTakesEffectWhenItIsAdded) {
  LoopNexus& host = bench.login("host");
  ASSERT_TRUE(bench.target.map({{"a", 0}, {"b", 1}, {"later", 2}}).has_value());
  EXPECT_EQ(luns(host), (std::vector<std::uint32_t>{0, 1}));
  test_support::FakeMedium medium(64);
  TestLog log;
  ASSERT_TRUE(
      bench.target.add("later", std::make_unique<test_support::FakeStore>(medium), std::make_unique<TestServer>(log))
          .has_value());
  EXPECT_EQ(luns(host), (std::vector<std::uint32_t>{0, 1, 2}));
  EXPECT_TRUE(bench.target.run(host, {.cdb = test_unit_ready()}).check(kReportedLunsDataHasChanged));
  ASSERT_TRUE(bench.target.wait([&](Done done) { bench.target.core().remove_lu("later", done); }).has_value());
}

}  // namespace
}  // namespace scsi::engine_test
