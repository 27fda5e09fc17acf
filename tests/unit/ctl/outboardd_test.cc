// Unit tests of outboardd's command line, its choice of cores and its built-in configuration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "ctl/config/toml.h"
#include "ctl/outboardd/cores.h"
#include "ctl/outboardd/default_config.h"
#include "ctl/outboardd/options.h"

namespace ctl {
namespace {

OptionsResult parse(std::vector<const char*> words) {
  words.insert(words.begin(), "outboardd");
  return parse_options(static_cast<int>(words.size()), words.data());
}

TEST(Options, Defaults) {
  const OptionsResult result = parse({});
  ASSERT_TRUE(result.options);
  EXPECT_EQ(result.options->reactors, 0u);
  EXPECT_EQ(result.options->busy_poll, std::chrono::microseconds(50));
  EXPECT_FALSE(result.options->never_sleep);
}

TEST(Options, EverythingGiven) {
  const OptionsResult result =
      parse({"--socket",      "/s",          "--group",    "g",       "--state-dir", "/d",          "--config",    "/c",
             "--secrets",     "/x",          "--reactors", "2",       "--cores",     "3,1",         "--busy-poll", "0",
             "--never-sleep", "--log-level", "debug",      "--grace", "250ms",       "--foreground"});
  ASSERT_TRUE(result.options) << result.output;
  EXPECT_THAT(result.options->cores, testing::ElementsAre(3, 1));
  EXPECT_EQ(result.options->grace, std::chrono::milliseconds(250));
  EXPECT_EQ(result.options->log_level, base::LogLevel::kDebug);
}

TEST(Options, WrongOnes) {
  using Words = std::vector<const char*>;
  for (const Words& words : {Words{"--nothing"}, Words{"extra"}, Words{"--reactors", "0"}, Words{"--reactors", "many"},
                             Words{"--cores", "1-"}, Words{"--reactors", "3", "--cores", "0,1"},
                             Words{"--busy-poll", "-1"}, Words{"--log-level", "loud"}, Words{"--grace", "soon"}}) {
    const OptionsResult result = parse(words);
    EXPECT_FALSE(result.options);
    EXPECT_EQ(result.exit_code, 2) << words[0];
    EXPECT_FALSE(result.output.empty());
  }
  EXPECT_EQ(parse({"--help"}).exit_code, 0);
  EXPECT_THAT(parse({"--version"}).output, testing::StartsWith("outboardd "));
}

TEST(Cores, Lists) {
  EXPECT_THAT(parse_cores("0").value(), testing::ElementsAre(0));
  EXPECT_THAT(parse_cores("2-4,0,7").value(), testing::ElementsAre(2, 3, 4, 0, 7));
  for (const char* text : {"", ",", "1,", "1,,2", "a", "-1", "3-1", "1-2-3", "0,0", "1-3,2", "0x1", "4096", "1 2"}) {
    EXPECT_FALSE(parse_cores(text)) << text;
  }
}

TEST(Cores, AreChosenAmongThoseThatMayBeUsed) {
  const auto all = choose_cores(0);
  ASSERT_TRUE(all) << all.error().text;
  EXPECT_EQ(std::set<int>(all->begin(), all->end()).size(), all->size());
  EXPECT_TRUE(check_cores(*all));
  EXPECT_EQ(choose_cores(1).value().size(), 1u);
  EXPECT_FALSE(choose_cores(100'000));
  EXPECT_FALSE(check_cores({4095}));
}

TEST(DefaultConfig, IsGoodAndStaysOnThisMachine) {
  const auto config = parse_config(default_config("/tmp/a \"quoted\" place"), "built-in");
  ASSERT_TRUE(config) << config.error().text;
  ASSERT_EQ(config->logical_units.size(), 2u);
  EXPECT_EQ(config->logical_units[1].store.path, "/tmp/a \"quoted\" place/file0.img");
  for (const iscsi::Portal& portal : config->portals) EXPECT_THAT(portal.address, testing::StartsWith("127.0.0.1:"));
}

}  // namespace
}  // namespace ctl
