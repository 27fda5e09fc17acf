// Reading the PCI functions of the system, and changing who drives one.
#include "hal/vfio/sysfs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/fd.h"

namespace hal::vfio {
namespace {

namespace fs = std::filesystem;
constexpr const char* kVfioDriver = "vfio-pci";
constexpr std::uint32_t kBridgeClass = 0x06;

std::string line_of(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// Hexadecimal with 0x, or decimal, as sysfs has them; 0 when there is none.
long number_of(const std::string& path, int fallback = 0) {
  const std::string line = line_of(path);
  char* end = nullptr;
  const long value = std::strtol(line.c_str(), &end, 0);
  return end == line.c_str() ? fallback : value;
}

std::string link_name(const std::string& path) {  // the last part of where it leads
  std::error_code error;
  const fs::path target = fs::read_symlink(path, error);
  return error ? std::string() : target.filename().string();
}

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace

base::Result<std::string> parse_address(std::string_view text) {
  std::string address(text);
  if (address.size() == 7) address = "0000:" + address;
  constexpr std::string_view kShape = "xxxx:xx:xx.x";
  bool ok = address.size() == kShape.size();
  for (std::size_t i = 0; ok && i < kShape.size(); ++i) {
    const char c = static_cast<char>(std::tolower(static_cast<unsigned char>(address[i])));
    ok = kShape[i] == 'x' ? std::isxdigit(static_cast<unsigned char>(c)) != 0 : c == kShape[i];
    address[i] = c;
  }
  if (ok) return address;
  return base::fail(base::Errc::kInvalid, std::string(text) + " is not a PCI address, like 0000:3b:00.0");
}

Function Sysfs::read(const std::string& address) const {
  const std::string folder = of(address);
  Function function;
  PciIdentity& id = function.identity;
  id.address = address;
  id.vendor = static_cast<std::uint16_t>(number_of(folder + "/vendor"));
  id.device = static_cast<std::uint16_t>(number_of(folder + "/device"));
  id.subsystem_vendor = static_cast<std::uint16_t>(number_of(folder + "/subsystem_vendor"));
  id.subsystem = static_cast<std::uint16_t>(number_of(folder + "/subsystem_device"));
  id.revision = static_cast<std::uint8_t>(number_of(folder + "/revision"));
  id.class_code = static_cast<std::uint32_t>(number_of(folder + "/class"));
  id.numa_node = static_cast<int>(number_of(folder + "/numa_node", -1));
  function.driver = link_name(folder + "/driver");
  const std::string group = link_name(folder + "/iommu_group");
  if (!group.empty()) {
    std::from_chars(group.data(), group.data() + group.size(), function.iommu_group);
    function.no_iommu = line_of(paths_.sys + "/kernel/iommu_groups/" + group + "/name") == "vfio-noiommu";
  }
  return function;
}

std::vector<Function> Sysfs::list() const {
  std::vector<Function> functions;
  for (const std::string& name : names_in(paths_.sys + "/bus/pci/devices")) functions.push_back(read(name));
  return functions;
}

base::Result<Function> Sysfs::find(const std::string& address) const {
  const std::string checked = TRY(parse_address(address));
  std::error_code error;
  if (!fs::exists(of(checked), error)) return base::fail(base::Errc::kNotFound, "there is no PCI function " + checked);
  return read(checked);
}

std::string Sysfs::use(const std::string& address) const {
  const std::string network = network_use(address);
  return network.empty() ? disk_use(address) : network;
}

// Anywhere below the function: a virtio interface belongs to a device of its own there.
std::string Sysfs::network_use(const std::string& address) const {
  const std::string interfaces = paths_.sys + "/class/net";
  for (const std::string& name : names_in(interfaces)) {
    std::error_code error;
    const std::string real = fs::canonical(interfaces + "/" + name, error).string();
    if (error || real.find("/" + address + "/") == std::string::npos) continue;
    if ((number_of(real + "/flags") & 1) != 0) return "network interface " + name + " is up";
  }
  return {};
}

// Every block device below the function, its partitions and whoever is built upon them.
std::string Sysfs::disk_use(const std::string& address) const {
  const std::string mounts = paths_.proc + "/self/mountinfo", swaps = paths_.proc + "/swaps";
  const auto mounted = [&](const std::string& number) {
    std::ifstream file(mounts);
    for (std::string id, parent, device, rest; file >> id >> parent >> device && std::getline(file, rest);) {
      if (device == number) return true;
    }
    return false;
  };
  const auto swapped = [&](const std::string& name) {
    std::ifstream file(swaps);
    for (std::string path, rest; file >> path && std::getline(file, rest);) {
      if (path == "/dev/" + name) return true;
    }
    return false;
  };
  const auto check = [&](const std::string& folder, const std::string& name) -> std::string {
    if (mounted(line_of(folder + "/dev"))) return "disk " + name + " is mounted";
    if (swapped(name)) return "disk " + name + " is swap space";
    const auto holders = names_in(folder + "/holders");
    return holders.empty() ? std::string() : "disk " + name + " is part of " + holders.front();
  };
  for (const std::string& disk : names_in(paths_.sys + "/block")) {
    const std::string folder = paths_.sys + "/block/" + disk;
    std::error_code error;
    const std::string real = fs::canonical(folder, error).string();
    if (error || real.find("/" + address + "/") == std::string::npos) continue;
    if (std::string why = check(folder, disk); !why.empty()) return why;
    for (const std::string& part : names_in(folder)) {
      if (!fs::exists(folder + "/" + part + "/partition", error)) continue;
      if (std::string why = check(folder + "/" + part, part); !why.empty()) return why;
    }
  }
  return {};
}

base::Result<void> Sysfs::check_group(const Function& function) const {
  if (function.iommu_group < 0) return {};
  const std::string members = paths_.sys + "/kernel/iommu_groups/" + std::to_string(function.iommu_group) + "/devices";
  for (const std::string& name : names_in(members)) {
    if (name == function.identity.address) continue;
    const Function other = read(name);
    const bool bridge = other.identity.class_code >> 16 == kBridgeClass;
    if (!bridge && !other.driver.empty() && other.driver != kVfioDriver) {
      return base::fail(base::Errc::kBusy, function.identity.address + " shares IOMMU group " +
                                               std::to_string(function.iommu_group) + " with " + name + ", which " +
                                               other.driver + " drives");
    }
  }
  return {};
}

base::Result<void> Sysfs::bind(const std::string& text, bool no_iommu) {
  const std::string address = TRY(parse_address(text));
  const Function function = TRY(find(address));
  if (function.driver == kVfioDriver) return {};
  if (function.identity.class_code >> 16 == kBridgeClass) {
    return base::fail(base::Errc::kDenied, address + " is a bridge");
  }
  if (const std::string why = use(address); !why.empty()) {
    return base::fail(base::Errc::kBusy, address + " is in use: " + why);
  }
  if ((function.iommu_group < 0 || function.no_iommu) && !no_iommu) {
    return base::fail(base::Errc::kDenied, address + " is behind no IOMMU: it could write to all of memory");
  }
  TRY(check_group(function));
  auto changed = change_driver(function, kVfioDriver);
  if (changed.has_value() && read(address).driver == kVfioDriver) return {};
  // Back to what it was; the first failure is the one to tell.
  (void)change_driver(read(address), "\n");
  if (!changed.has_value()) return changed;
  return base::fail(base::Errc::kIo, address + " was not taken by vfio-pci; is that module loaded");
}

base::Result<void> Sysfs::unbind(const std::string& text) {
  const Function function = TRY(find(text));
  const std::string& address = function.identity.address;
  if (function.driver != kVfioDriver) return base::fail(base::Errc::kNotFound, address + " is not driven by vfio-pci");
  // The kernel would wait, for ever, until the process that uses the group lets go.
  const base::Fd group(::open(group_file(function).c_str(), O_RDWR | O_CLOEXEC));
  if (!group && errno == EBUSY) return base::fail(base::Errc::kBusy, address + " is used by a process");
  return change_driver(function, "\n");
}

base::Result<void> Sysfs::change_driver(const Function& function, const std::string& override_with) {
  const std::string& address = function.identity.address;
  TRY(write(of(address) + "/driver_override", override_with));
  if (!function.driver.empty()) TRY(write(of(address) + "/driver/unbind", address));
  return write(paths_.sys + "/bus/pci/drivers_probe", address);
}

std::string Sysfs::group_file(const Function& function) const {
  return paths_.dev + "/vfio/" + (function.no_iommu ? "noiommu-" : "") + std::to_string(function.iommu_group);
}

base::Result<void> Sysfs::write(const std::string& path, const std::string& text) {
  const base::Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return base::fail_errno("open " + path);
  if (::write(file.get(), text.data(), text.size()) < 0) return base::fail_errno("write to " + path);
  return {};
}

}  // namespace hal::vfio
