// Unit tests of the commands of a running outboard-emu.
#include "emu/tool/commands.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "hal/vfio_user/socket.h"

namespace emu::tool {
namespace {

using Json = nlohmann::json;

struct World {
  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reactor =
      hal::Reactor::create({.name = "emu", .clock = &clock, .shuffle_seed = 1}).value();
  std::string folder = testing::TempDir() + "/emu-tool-" + std::to_string(getpid());
  std::unique_ptr<San> san;
  bool stopped = false;
  std::unique_ptr<Commands> commands;
  explicit World(Topology topology = Topology::kFabric) {
    Options options;
    options.directory = folder;
    options.topology = topology;
    san = San::create(*reactor, clock, options).value();
    commands = std::make_unique<Commands>(*san, [this] { stopped = true; });
  }
  ~World() {
    san.reset();
    std::filesystem::remove_all(folder);
  }
  Json run(const std::string& line) { return Json::parse(commands->run(line)); }
  bool ok(const std::string& line) { return run(line)["ok"].get<bool>(); }
};

TEST(EmuCommands, AdaptersAreListed) {
  World world;
  const Json list = world.run("list");
  ASSERT_EQ(list["hbas"].size(), 2u);
  EXPECT_EQ(list["hbas"][1]["wwpn"], "21:00:00:24:ff:00:00:01");
  EXPECT_EQ(list["hbas"][1]["socket"], world.folder + "/hba1.sock");
  EXPECT_EQ(list["hbas"][1]["client"], false);
  EXPECT_EQ(list["model_faults"], 0);
  EXPECT_EQ(world.run("ports")["ports"].size(), 2u);
}

TEST(EmuCommands, ClientIsSeen) {
  World world;
  const auto client = hal::vfio_user::connect_to(world.folder + "/hba0.sock");
  ASSERT_TRUE(client.has_value());
  while (world.reactor->run_once()) {
  }
  EXPECT_EQ(world.run("list")["hbas"][0]["client"], true);
}

TEST(EmuCommands, EveryCommandAnswers) {
  World world;
  for (const char* line : {"help", "", "list", "ports", "link 0 down", "link hba0 up", "link 1 100", "port 1 off",
                           "port 1 on", "faults 0 drop=10 delay=5", "faults 0", "dump 0", "crash 1", "lose 0 mailbox 1",
                           "lose 1 completions 2", "remove 0", "zones none",
                           "zones a=21:00:00:24:ff:00:00:00,21:00:00:24:ff:00:00:01 b=21:00:00:24:ff:00:00:01"}) {
    EXPECT_TRUE(world.ok(line)) << line << ": " << world.run(line).dump();
  }
  EXPECT_EQ(world.san->fabric()->zones().size(), 2u);
  EXPECT_FALSE(world.stopped);
  EXPECT_TRUE(world.ok("stop"));
  EXPECT_TRUE(world.stopped);
}

TEST(EmuCommands, WrongLinesAreRefused) {
  World world;
  for (const char* line : {"nothing", "link", "link 2 down", "link x down", "link 0 sideways", "port 0 maybe",
                           "faults 0 drop", "faults 0 drop=2000000", "faults 0 melt=1", "lose 0 hope 1",
                           "dump 99999999999", "zones a", "zones a=xyz", "flush"}) {
    const Json answer = world.run(line);
    EXPECT_FALSE(answer["ok"].get<bool>()) << line;
    EXPECT_FALSE(answer["error"].get<std::string>().empty()) << line;
  }
}

TEST(EmuCommands, CableHasNoSwitch) {
  World world(Topology::kPointToPoint);
  EXPECT_FALSE(world.ok("ports"));
  EXPECT_FALSE(world.ok("zones none"));
  EXPECT_TRUE(world.ok("link 1 down"));
}

TEST(EmuCommands, DirectoryInUseIsRefused) {
  World world;
  Options options;
  options.directory = world.folder;
  const auto second = San::create(*world.reactor, world.clock, options);
  ASSERT_FALSE(second.has_value());
  EXPECT_EQ(second.error().code, base::Errc::kBusy);
}

}  // namespace
}  // namespace emu::tool
