// Unit tests of listing and binding PCI functions, in a made-up tree that a small imitation of the kernel keeps.
#include "hal/vfio/sysfs.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace hal::vfio {
namespace {

namespace fs = std::filesystem;

class FakeSystem : public Sysfs {
 public:
  explicit FakeSystem(fs::path root)
      : Sysfs({.sys = root / "sys", .proc = root / "proc", .dev = root / "dev"}), root_(std::move(root)) {
    fs::remove_all(root_);
    fs::create_directories(root_ / "sys/block");
    fs::create_directories(root_ / "dev/vfio");
    put(root_ / "proc/self/mountinfo", "25 1 8:99 / / rw - ext4 /dev/sdz1 rw\n");
    put(root_ / "proc/swaps", "Filename Type Size Used Priority\n");
  }
  ~FakeSystem() override { fs::remove_all(root_); }

  fs::path add(const std::string& address, const std::string& driver, int group = -1, const char* kind = "0x0c0400") {
    const fs::path folder = root_ / "sys/bus/pci/devices" / address;
    put(folder / "vendor", "0x1077\n");
    put(folder / "device", "0x2532\n");
    put(folder / "subsystem_vendor", "0x1077\n");
    put(folder / "subsystem_device", "0x015d\n");
    put(folder / "revision", "0x02\n");
    put(folder / "class", kind);
    put(folder / "numa_node", "1\n");
    if (!driver.empty()) attach(address, driver);
    if (group >= 0) {
      const fs::path groups = root_ / "sys/kernel/iommu_groups" / std::to_string(group);
      fs::create_directories(groups / "devices" / address);
      fs::create_symlink(groups, folder / "iommu_group");
    }
    return folder;
  }
  void add_disk(const std::string& address, const std::string& disk, const char* number) {
    const fs::path real = root_ / "sys/devices/pci0000:00" / address / "host0/block" / disk;
    put(real / "dev", number);
    fs::create_directories(real / "holders");
    put(real / (disk + "1") / "partition", "1\n");
    put(real / (disk + "1") / "dev", "8:1\n");
    fs::create_symlink(real, root_ / "sys/block" / disk);
  }
  void add_interface(const std::string& address, const std::string& below, const char* flags) {
    const fs::path real = root_ / "sys/devices/pci0000:00" / address / below / "net/eth0";
    const fs::path by_name = root_ / "sys/class/net/eth0";
    put(real / "flags", flags);
    fs::create_directories(by_name.parent_path());
    fs::remove(by_name);
    fs::create_symlink(real, by_name);
  }
  static void put(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
  std::string driver(const std::string& address) { return find(address).value().driver; }
  const fs::path& root() const { return root_; }

  bool vfio_loaded = true;
  std::string natural = "qla2xxx";  // who takes a function without an override
  std::vector<std::string> writes;

 protected:
  base::Result<void> write(const std::string& path, const std::string& text) override {
    const fs::path at(path);
    writes.push_back(at.filename().string() + "=" + text);
    if (at.filename() == "driver_override") override_ = text == "\n" ? "" : text;
    if (at.filename() == "unbind") fs::remove(root_ / "sys/bus/pci/devices" / text / "driver");
    if (at.filename() == "drivers_probe") {
      const std::string taker = override_.empty() ? natural : override_;
      if (taker != "vfio-pci" || vfio_loaded) attach(text, taker);
    }
    return {};
  }

 private:
  void attach(const std::string& address, const std::string& driver) {
    const fs::path home = root_ / "sys/bus/pci/drivers" / driver;
    fs::create_directories(home);
    fs::create_symlink(home, root_ / "sys/bus/pci/devices" / address / "driver");
  }
  fs::path root_;
  std::string override_;
};

struct World {
  FakeSystem system{fs::path(testing::TempDir()) / ("sysfs-" + std::to_string(getpid()))};
};

TEST(VfioSysfs, FunctionsAreListedWithDriverGroupAndNode) {
  World world;
  world.system.add("0000:3b:00.1", "");
  world.system.add("0000:3b:00.0", "qla2xxx", 17);
  const auto functions = world.system.list();
  ASSERT_EQ(functions.size(), 2u);
  EXPECT_EQ(functions[0].identity.address, "0000:3b:00.0");
  EXPECT_EQ(functions[0].identity.device, 0x2532);
  EXPECT_EQ(functions[0].identity.class_code, 0x0c0400u);
  EXPECT_EQ(functions[0].identity.numa_node, 1);
  EXPECT_EQ(functions[0].driver, "qla2xxx");
  EXPECT_EQ(functions[0].iommu_group, 17);
  EXPECT_EQ(functions[1].driver, "");
  EXPECT_EQ(functions[1].iommu_group, -1);
  EXPECT_EQ(world.system.group_file(functions[0]), (world.system.root() / "dev/vfio/17").string());
}

TEST(VfioSysfs, AddressesAreChecked) {
  EXPECT_EQ(parse_address("3B:00.1").value(), "0000:3b:00.1");
  EXPECT_EQ(parse_address("0001:3b:00.1").value(), "0001:3b:00.1");
  for (const char* text : {"", "../../etc", "0000:3b:00", "0000:3b:00.1/", "g000:3b:00.1"}) {
    EXPECT_FALSE(parse_address(text).has_value()) << text;
  }
  World world;
  EXPECT_EQ(world.system.find("0000:00:1f.0").error().code, base::Errc::kNotFound);
}

TEST(VfioSysfs, BindHandsTheFunctionOverAndUnbindGivesItBack) {
  World world;
  world.system.add("0000:3b:00.0", "qla2xxx", 17);
  ASSERT_TRUE(world.system.bind("3b:00.0").has_value());
  EXPECT_EQ(world.system.driver("0000:3b:00.0"), "vfio-pci");
  EXPECT_EQ(world.system.writes, (std::vector<std::string>{"driver_override=vfio-pci", "unbind=0000:3b:00.0",
                                                           "drivers_probe=0000:3b:00.0"}));
  ASSERT_TRUE(world.system.bind("3b:00.0").has_value());  // it is already
  EXPECT_EQ(world.system.writes.size(), 3u);
  ASSERT_TRUE(world.system.unbind("3b:00.0").has_value());
  EXPECT_EQ(world.system.driver("0000:3b:00.0"), "qla2xxx");
  EXPECT_FALSE(world.system.unbind("3b:00.0").has_value());
}

TEST(VfioSysfs, FailedBindGivesTheDriverBack) {
  World world;
  world.system.add("0000:3b:00.0", "qla2xxx", 17);
  world.system.vfio_loaded = false;
  EXPECT_EQ(world.system.bind("3b:00.0").error().code, base::Errc::kIo);
  EXPECT_EQ(world.system.driver("0000:3b:00.0"), "qla2xxx");
}

TEST(VfioSysfs, FunctionWithoutIommuIsRefusedUnlessTold) {
  World world;
  world.system.add("0000:3b:00.0", "qla2xxx");
  EXPECT_EQ(world.system.bind("3b:00.0").error().code, base::Errc::kDenied);
  EXPECT_TRUE(world.system.writes.empty());
  EXPECT_TRUE(world.system.bind("3b:00.0", true).has_value());
}

TEST(VfioSysfs, UnsafeModeOfTheKernelIsNoIommu) {
  World world;
  world.system.add("0000:3b:00.0", "qla2xxx", 3);
  FakeSystem::put(world.system.root() / "sys/kernel/iommu_groups/3/name", "vfio-noiommu\n");
  EXPECT_EQ(world.system.bind("3b:00.0").error().code, base::Errc::kDenied);
  EXPECT_EQ(world.system.group_file(world.system.find("3b:00.0").value()),
            (world.system.root() / "dev/vfio/noiommu-3").string());
}

TEST(VfioSysfs, InterfaceThatIsUpIsInUse) {
  for (const char* below : {"", "virtio0"}) {
    World world;
    world.system.add("0000:3b:00.0", "ixgbe", 17);
    world.system.add("0000:3c:00.0", "ixgbe", 18);
    world.system.add_interface("0000:3b:00.0", below, "0x1002\n");
    EXPECT_EQ(world.system.use("0000:3b:00.0"), "");
    world.system.add_interface("0000:3b:00.0", below, "0x1003\n");
    EXPECT_EQ(world.system.use("0000:3b:00.0"), "network interface eth0 is up");
    EXPECT_EQ(world.system.use("0000:3c:00.0"), "");
    EXPECT_EQ(world.system.bind("3b:00.0").error().code, base::Errc::kBusy);
    EXPECT_TRUE(world.system.writes.empty());
  }
}

TEST(VfioSysfs, MountedDiskIsInUse) {
  World world;
  world.system.add("0000:3b:00.0", "qla2xxx", 17);
  world.system.add("0000:3c:00.0", "qla2xxx", 18);
  world.system.add_disk("0000:3b:00.0", "sda", "8:0\n");
  EXPECT_EQ(world.system.use("0000:3b:00.0"), "");
  FakeSystem::put(world.system.root() / "proc/self/mountinfo",
                  "25 1 8:99 / / rw - ext4 a rw\n26 25 8:1 / /mnt rw - ext4 /dev/sda1 rw\n");
  EXPECT_EQ(world.system.use("0000:3b:00.0"), "disk sda1 is mounted");
  EXPECT_EQ(world.system.use("0000:3c:00.0"), "");
}

TEST(VfioSysfs, SwapAndHeldDisksAreInUse) {
  World world;
  world.system.add("0000:3b:00.0", "qla2xxx", 17);
  world.system.add_disk("0000:3b:00.0", "sda", "8:0\n");
  FakeSystem::put(world.system.root() / "proc/swaps", "Filename Type Size\n/dev/sda1 partition 100\n");
  EXPECT_EQ(world.system.use("0000:3b:00.0"), "disk sda1 is swap space");
  FakeSystem::put(world.system.root() / "proc/swaps", "Filename Type Size\n");
  fs::create_directories(world.system.root() / "sys/block/sda/holders/dm-0");
  EXPECT_EQ(world.system.use("0000:3b:00.0"), "disk sda is part of dm-0");
}

TEST(VfioSysfs, GroupWithAnotherDriverIsNotViable) {
  World world;
  world.system.add("0000:3b:00.0", "qla2xxx", 17);
  world.system.add("0000:3a:00.0", "pcieport", 17, "0x060400");
  world.system.add("0000:3b:00.2", "", 17);
  EXPECT_TRUE(world.system.check_group(world.system.find("3b:00.0").value()).has_value());
  world.system.add("0000:3b:00.1", "qla2xxx", 17);
  EXPECT_EQ(world.system.bind("3b:00.0").error().code, base::Errc::kBusy);
  EXPECT_TRUE(world.system.writes.empty());
}

TEST(VfioSysfs, BridgesAreNeverBound) {
  World world;
  world.system.add("0000:3a:00.0", "pcieport", 17, "0x060400");
  EXPECT_EQ(world.system.bind("3a:00.0").error().code, base::Errc::kDenied);
}

}  // namespace
}  // namespace hal::vfio
