// Unit tests of transactions: all or nothing, in order, stored.
#include "ctl/transactor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ctl/config/toml.h"
#include "tests/support/log_guard.h"
#include "tests/unit/ctl/example_config.h"
#include "tests/unit/ctl/fake_machine.h"
#include "tests/unit/ctl/temporary_directory.h"

namespace ctl {
namespace {

Config example() { return parse_config(kExampleConfig, "example", {kExampleSecrets}).value(); }

struct TransactorTest : testing::Test {
  base::ManualClock clock;
  TemporaryDirectory parent;
  std::string path = parent / "state";
  std::unique_ptr<hal::Reactor> reactor = hal::Reactor::create([this] {
                                            hal::ReactorOptions options;
                                            options.clock = &clock;
                                            options.shuffle_seed = 1;
                                            return options;
                                          }())
                                              .value();
  FakeMachine machine{*reactor};
  std::unique_ptr<Store> store = Store::open(path).value();
  hal::Worker worker{"test"};
  Transactor transactor{*reactor, machine, *store, worker};

  // Runs the loop until `done`; the worker's fsync is the only thing that is waited for.
  template <class Ready>
  void run_until(Ready ready) {
    for (int i = 0; i < 2'000'000 && !ready(); ++i) reactor->run_once();
    ASSERT_TRUE(ready());
  }
  base::Result<Transactor::Report> submit(Transactor::Edit edit, Transactor::Options options = {}) {
    std::optional<base::Result<Transactor::Report>> out;
    transactor.submit(std::move(edit), options,
                      [&](base::Result<Transactor::Report> report) { out = std::move(report); });
    run_until([&] { return out.has_value(); });
    return std::move(*out);
  }
  base::Result<Transactor::Report> become(const Config& config, Transactor::Options options = {}) {
    return submit(
        [&config](Config& current) -> base::Result<void> {
          current = config;
          return {};
        },
        options);
  }
  base::Result<Transactor::Report> start(const Config& config) {
    std::optional<base::Result<Transactor::Report>> out;
    transactor.start(config, false, [&](base::Result<Transactor::Report> report) { out = std::move(report); });
    run_until([&] { return out.has_value(); });
    return std::move(*out);
  }
  Config stored() {
    const auto loaded = store->load();
    return loaded && *loaded ? **loaded : Config();
  }
};

TEST_F(TransactorTest, AConfigurationIsCarriedOutAndStored) {
  const auto report = become(example());
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_TRUE(report->applied);
  EXPECT_THAT(machine.calls,
              testing::ElementsAre("add disk0", "add scratch", "add tape-like", "views 2", "fabric 2", "fc 2"));
  EXPECT_EQ(stored(), transactor.config());
  EXPECT_EQ(machine.fabric.targets[0].authentication.accounts[0].secret, kSecretOfAlice);
}

TEST_F(TransactorTest, IdentitiesAreDrawnOnceAndKept) {
  ASSERT_TRUE(become(example()));
  const scsi::LuConfig first = transactor.config().logical_units[1].unit;
  EXPECT_EQ(first.naa_high >> 60, 6u);
  EXPECT_EQ(first.serial.size(), 16u);
  EXPECT_NE(transactor.config().logical_units[2].unit.naa_low, first.naa_low);
  machine.calls.clear();
  const auto report = become(example());  // the text still has none
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->changes.empty());
  EXPECT_EQ(transactor.config().logical_units[1].unit, first);
  EXPECT_THAT(machine.calls, testing::IsEmpty());
}

TEST_F(TransactorTest, OnlyTheDifferenceIsCarriedOut) {
  ASSERT_TRUE(become(example()));
  machine.calls.clear();
  Config config = transactor.config();
  config.logical_units[0].store.size *= 2;
  config.logical_units[2].unit.write_protected = false;
  config.mapping.views.pop_back();
  config.logical_units.erase(config.logical_units.begin() + 1);
  ASSERT_TRUE(become(config));
  EXPECT_THAT(machine.calls, testing::ElementsAre("resize disk0 41943040", "modify tape-like", "views 1",
                                                  "remove scratch", "forget scratch"));
  EXPECT_EQ(stored(), config);
}

TEST_F(TransactorTest, ADryRunChangesNothing) {
  Transactor::Options options;
  options.dry_run = true;
  const auto report = become(example(), options);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->applied);
  EXPECT_FALSE(report->changes.empty());
  EXPECT_THAT(machine.calls, testing::IsEmpty());
  EXPECT_EQ(transactor.config(), Config());
  EXPECT_EQ(store->generation(), 0u);
}

// Relative port identifiers that apply would draw are no fault of a configuration that is only looked at.
TEST_F(TransactorTest, ADryRunRefusesNothingThatIsAcceptedAfterwards) {
  Config config = example();
  for (const char* name : {"new0", "new1"}) {
    ctl::FcPort& port = config.fc_ports.emplace_back();
    port.name = name;
    port.device = std::string("unix:/run/san/") + name;
  }
  Transactor::Options options;
  options.dry_run = true;
  const auto looked_at = become(config, options);
  ASSERT_TRUE(looked_at) << looked_at.error().text;
  const auto applied = become(config);
  ASSERT_TRUE(applied) << applied.error().text;
  Config now = transactor.config();
  EXPECT_NE(now.find_fc_port("new0")->relative_port_id, 0);
  EXPECT_NE(now.find_fc_port("new0")->relative_port_id, now.find_fc_port("new1")->relative_port_id);
}

TEST_F(TransactorTest, WhatIsWrongIsRefusedBeforeAnythingHappens) {
  Config config = example();
  config.mapping.views[0].lu = "nothing";
  EXPECT_EQ(become(config).error().text, "view of lu \"nothing\" at LUN 0: there is no such lu");
  machine.invalid = "two views at one LUN";
  EXPECT_EQ(become(example()).error().text, "two views at one LUN");
  EXPECT_THAT(machine.calls, testing::IsEmpty());
}

TEST_F(TransactorTest, AFailedStepRollsEverythingBack) {
  ASSERT_TRUE(become(example()));
  const Config before = transactor.config();
  const auto views = machine.views;
  machine.calls.clear();
  Config config = before;
  config.logical_units[0].store.size *= 2;
  config.logical_units.push_back({{}, {}});
  config.logical_units.back().unit.name = "new";
  config.logical_units.back().store.size = 1 << 20;
  config.mapping.views.push_back({"new", "", "", 7, false});
  config.targets.pop_back();
  config.mapping.views.erase(config.mapping.views.begin() + 1);
  machine.fail = {"fabric 1"};
  const auto report = become(config);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().text, "apply iscsi: told to fail");
  EXPECT_THAT(machine.calls, testing::ElementsAre("resize disk0 41943040", "add new", "views 2", "fabric 1", "views 2",
                                                  "remove new", "resize disk0 20971520"));
  EXPECT_EQ(machine.views, views);
  EXPECT_EQ(machine.units.size(), 3u);
  EXPECT_EQ(transactor.config(), before);
  EXPECT_EQ(stored(), before);
}

TEST_F(TransactorTest, WhatCannotBeStoredIsRolledBack) {
  ASSERT_TRUE(become(example()));
  const Config before = transactor.config();
  std::filesystem::create_directories(path + "/config.toml.new/x");  // in the way of the new file
  Config config = before;
  config.targets.pop_back();
  config.mapping.views.pop_back();
  const auto report = become(config);
  ASSERT_FALSE(report);
  EXPECT_EQ(machine.fabric.targets.size(), 2u);
  EXPECT_EQ(transactor.config(), before);
  EXPECT_EQ(stored(), before);
}

TEST_F(TransactorTest, AStepWithoutAnswerRunsOutOfTime) {
  machine.silent = {"views 2"};
  std::optional<base::Result<Transactor::Report>> out;
  transactor.submit(
      [](Config& config) -> base::Result<void> {
        config = example();
        return {};
      },
      {}, [&](base::Result<Transactor::Report> report) { out = std::move(report); });
  run_until([&] { return transactor.current_step() == "set views"; });
  clock.advance(std::chrono::seconds(30));
  run_until([&] { return out.has_value(); });
  ASSERT_FALSE(*out);
  EXPECT_EQ(out->error().text, "set views: no answer within 30s");
  EXPECT_TRUE(machine.units.empty());
}

TEST_F(TransactorTest, ChangesThatALogicalUnitCannotTakeAreRefused) {
  ASSERT_TRUE(become(example()));
  const auto refused = [&](auto edit) {
    Config config = transactor.config();
    edit(config.logical_units[1]);
    const auto report = become(config);
    return report ? std::string("accepted") : report.error().text;
  };
  EXPECT_THAT(refused([](LogicalUnit& lu) { lu.store.block_size = 512; }),
              testing::HasSubstr("block_size cannot change"));
  EXPECT_THAT(refused([](LogicalUnit& lu) { lu.unit.serial = "X"; }), testing::HasSubstr("cannot change"));
  EXPECT_THAT(refused([](LogicalUnit& lu) { lu.unit.protection_type = 1; }), testing::HasSubstr("cannot change"));
  EXPECT_THAT(refused([](LogicalUnit& lu) { lu.store.kind = StoreKind::kNull, lu.store.memory_limit = 0; }),
              testing::HasSubstr("backstore cannot change"));
  EXPECT_THAT(refused([](LogicalUnit& lu) { lu.store.size /= 2; }), testing::HasSubstr("data would be lost"));
}

TEST_F(TransactorTest, ShrinkingIsDoneLastWhenAllowed) {
  ASSERT_TRUE(become(example()));
  machine.calls.clear();
  Config config = transactor.config();
  config.logical_units[1].store.size /= 2;
  config.mapping.views.pop_back();
  Transactor::Options options;
  options.allow_shrink = true;
  ASSERT_TRUE(become(config, options));
  EXPECT_THAT(machine.calls, testing::ElementsAre("views 1", "resize scratch 8192"));
}

TEST_F(TransactorTest, WhatASmallerUnitLosesIsNotGivenUpBeforeTheStore) {
  ASSERT_TRUE(become(example()));
  const Config before = transactor.config();
  machine.calls.clear();
  std::filesystem::create_directories(path + "/config.toml.new/x");  // in the way of the new file
  Config config = before;
  config.logical_units[1].store.size /= 2;
  Transactor::Options options;
  options.allow_shrink = true;
  ASSERT_FALSE(become(config, options));
  EXPECT_THAT(machine.calls, testing::Not(testing::Contains(testing::HasSubstr("resize"))));
  EXPECT_EQ(transactor.config(), before);
}

TEST_F(TransactorTest, AChangeThatIsDoneIsKeptWhenAnOldLogicalUnitDoesNotGo) {
  ASSERT_TRUE(become(example()));
  Config config = transactor.config();
  config.logical_units.erase(config.logical_units.begin() + 1);
  config.mapping.views.pop_back();
  machine.fail = {"remove scratch"};
  const ExpectLog expect("remove lu scratch");
  const auto report = become(config);
  ASSERT_TRUE(report);
  EXPECT_THAT(report->notes, testing::ElementsAre("remove lu scratch: told to fail"));
  EXPECT_EQ(stored(), config);
}

TEST_F(TransactorTest, AtStartAMissingMediumCostsOnlyItsLogicalUnit) {
  machine.fail = {"add disk0"};
  const ExpectLog expect("add lu disk0: told to fail");
  const auto report = start(example());
  ASSERT_TRUE(report) << report.error().text;
  EXPECT_EQ(machine.units.size(), 2u);
  EXPECT_EQ(stored().logical_units.size(), 3u);  // it keeps its place
}

TEST_F(TransactorTest, AMissingMediumIsTriedAgainWithEveryChange) {
  machine.fail = {"add disk0"};
  {
    const ExpectLog expect("add lu disk0");
    ASSERT_TRUE(start(example()));
  }
  Config config = transactor.config();
  config.portals.push_back({"127.0.0.1:3262", 1});
  {
    const ExpectLog expect("add lu disk0");
    const auto report = become(config);
    ASSERT_TRUE(report) << report.error().text;  // an unrelated change goes through
    EXPECT_EQ(report->notes.size(), 1u);
  }
  machine.fail.clear();
  ASSERT_TRUE(become(config));
  EXPECT_EQ(machine.units.size(), 3u);
}

TEST_F(TransactorTest, AtStartAnythingElseThatFailsIsAnError) {
  machine.fail = {"fabric 2"};
  ASSERT_FALSE(start(example()));
  EXPECT_TRUE(machine.units.empty());
  EXPECT_EQ(store->generation(), 0u);
}

TEST_F(TransactorTest, ChangesWaitForEachOther) {
  std::vector<std::string> finished;
  for (const char* name : {"a", "b", "c"}) {
    transactor.submit(
        [name](Config& config) -> base::Result<void> {
          config.mapping.host_groups.push_back({name, {}});
          return {};
        },
        {},
        [&, name](const base::Result<Transactor::Report>& report) { finished.emplace_back(report ? name : "failed"); });
  }
  run_until([&] { return finished.size() == 3; });
  EXPECT_THAT(finished, testing::ElementsAre("a", "b", "c"));
  EXPECT_EQ(stored().mapping.host_groups.size(), 3u);
}

TEST_F(TransactorTest, TooManyWaitingChangesAreRefused) {
  int refused = 0, done = 0;
  for (int i = 0; i < 100; ++i) {
    transactor.submit([](Config&) -> base::Result<void> { return {}; }, {},
                      [&](const base::Result<Transactor::Report>& report) { ++(report ? done : refused); });
  }
  EXPECT_EQ(refused, 100 - 1 - 64);  // one runs, 64 wait
  run_until([&] { return done == 65; });
}

TEST_F(TransactorTest, ProgressCountsTheStepsOfTheWholeChange) {
  ASSERT_TRUE(start(example()));
  machine.silent = {"remove disk0"};
  Config config = transactor.config();
  std::erase_if(config.logical_units, [](const LogicalUnit& lu) { return lu.unit.name == "disk0"; });
  std::erase_if(config.mapping.views, [](const scsi::View& view) { return view.lu == "disk0"; });
  int done = 0;
  transactor.submit(
      [&](Config& edited) -> base::Result<void> {
        edited = config;
        return {};
      },
      {}, [&](const base::Result<Transactor::Report>&) { ++done; });
  transactor.submit([](Config&) -> base::Result<void> { return {}; }, {},
                    [&](const base::Result<Transactor::Report>&) { ++done; });
  EXPECT_EQ(transactor.progress().waiting, 1u);
  std::uint64_t mark = transactor.progress_mark();
  run_until([&] { return transactor.current_step() == "remove lu disk0"; });
  EXPECT_NE(transactor.progress_mark(), mark);
  const Transactor::Progress progress = transactor.progress();
  EXPECT_EQ(progress.step, "remove lu disk0");
  EXPECT_EQ(progress.steps.of - progress.steps.done, 2u);  // to remove and to forget it
  EXPECT_GE(progress.steps.done, 2u);                      // views, store
  const ExpectLog expect("remove lu disk0: no answer");
  clock.advance(std::chrono::minutes(1));
  run_until([&] { return done == 2; });
}

}  // namespace
}  // namespace ctl
