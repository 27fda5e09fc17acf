// Unit tests of differences.
#include "ctl/config/diff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ctl/config/toml.h"
#include "tests/unit/ctl/example_config.h"

namespace ctl {
namespace {

std::vector<std::string> lines(const Config& before, const Config& after) {
  std::vector<std::string> out;
  for (const Change& change : diff(before, after)) out.push_back(format_change(change));
  return out;
}

Config example() { return parse_config(kExampleConfig, "example", {kExampleSecrets}).value(); }

TEST(Diff, TheSameConfigurationDoesNotDiffer) { EXPECT_THAT(lines(example(), example()), testing::IsEmpty()); }

TEST(Diff, AnEntryIsAddedOrRemoved) {
  Config after = example();
  after.logical_units.erase(after.logical_units.begin() + 1);
  after.mapping.views.pop_back();
  after.portals.push_back({"127.0.0.1:3262", 1});
  EXPECT_THAT(lines(example(), after),
              testing::ElementsAre("- lu scratch",
                                   "- view scratch at LUN 1 for every host through iqn.2026-01.org.example:open",
                                   "+ portal 127.0.0.1:3262"));
}

TEST(Diff, FieldsAreComparedWithTheirDefaults) {
  Config after = example();
  after.logical_units[0].store.size = 20ull << 30;
  after.targets[0].alias.clear();
  after.targets[1].command_window = 16;
  after.targets[1].max_connections = 4;
  after.limits = iscsi::Limits();
  EXPECT_THAT(
      lines(example(), after),
      testing::ElementsAre(
          "~ limits: max_connections: 100 -> default, max_logins_per_peer: 8 -> default, "
          "login_timeout: \"5s\" -> default, nop_interval: \"0s\" -> default, "
          "nop_timeout: \"2s\" -> default",
          "~ lu disk0: size: \"10 GiB\" -> \"20 GiB\"",
          "~ target iqn.2026-01.org.example:disks: alias: \"all disks\" -> default",
          "~ target iqn.2026-01.org.example:open: command_window: default -> 16, max_connections: default -> 4"));
}

TEST(Diff, AChangedSecretIsSaidButNotShown) {
  Config after = example();
  after.users[0].secret = Secret("another-secret-now");
  after.users[0].mutual_secret = Secret("and-one-more-here");
  EXPECT_THAT(lines(example(), after), testing::ElementsAre("~ user alice: secret changed, mutual secret changed"));
}

}  // namespace
}  // namespace ctl
