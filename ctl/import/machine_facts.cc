// This machine's files, disks and adapters.
#include "ctl/import/machine_facts.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <glob.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "ctl/files.h"
#include "hal/port/fc_port.h"

namespace ctl {
namespace {

constexpr std::size_t kMaxFiles = 256;

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(opendir(folder.c_str()), &closedir);
  if (open == nullptr) return names;
  while (const dirent* const entry = readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

class ThisMachine final : public MachineFacts {
 public:
  std::optional<MediumFacts> medium(const std::string& path) const override {
    struct stat facts {};
    if (stat(path.c_str(), &facts) != 0) return std::nullopt;
    if (S_ISREG(facts.st_mode)) return MediumFacts{false, static_cast<std::uint64_t>(facts.st_size)};
    if (!S_ISBLK(facts.st_mode)) return std::nullopt;
    MediumFacts block{true, 0};
    const Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (fd && ioctl(fd.get(), BLKGETSIZE64, &block.size) != 0) block.size = 0;
    return block;
  }
  std::string scsi_disk(const std::string& address) const override {
    if (address.find_first_not_of("0123456789:") != std::string::npos) return {};
    const auto names = names_in("/sys/class/scsi_device/" + address + "/device/block");
    return names.empty() ? std::string() : "/dev/" + names.front();
  }
  std::string fc_device(const std::string& wwpn) const override;
  base::Result<std::string> read(const std::string& path, std::size_t limit) const override {
    return read_named_file(path, limit, false);
  }
  std::vector<std::string> files(const std::string& pattern) const override;
};

// .../0000:3b:00.0/host7/fc_host/host7 is what /sys/class/fc_host/host7 leads to.
std::string ThisMachine::fc_device(const std::string& wwpn) const {
  const auto wanted = hal::fc::parse_wwn(wwpn);
  const std::string hosts = "/sys/class/fc_host";
  for (const std::string& host : names_in(hosts)) {
    auto name = read_named_file(fmt::format("{}/{}/port_name", hosts, host), 64, false);
    if (!name || !name->starts_with("0x") || name->size() < 18) continue;
    const auto found = hal::fc::parse_wwn(name->substr(2, 16));
    if (!wanted || !found || found->raw != wanted->raw) continue;
    const std::unique_ptr<char, void (*)(void*)> real(
        realpath(fmt::format("{}/{}/device/..", hosts, host).c_str(), nullptr), &free);
    if (real == nullptr) continue;
    const std::string_view path = real.get();
    return std::string(path.substr(path.rfind('/') + 1));
  }
  return {};
}

std::vector<std::string> ThisMachine::files(const std::string& pattern) const {
  std::vector<std::string> found;
  glob_t matches{};
  if (glob(pattern.c_str(), GLOB_NOSORT, nullptr, &matches) == 0) {
    for (std::size_t i = 0; i < matches.gl_pathc && found.size() < kMaxFiles; ++i) {
      const std::string path = matches.gl_pathv[i];
      struct stat facts {};
      if (stat(path.c_str(), &facts) != 0) continue;
      if (S_ISREG(facts.st_mode)) found.push_back(path);
      if (!S_ISDIR(facts.st_mode)) continue;
      for (const std::string& name : names_in(path)) {
        if (found.size() < kMaxFiles) found.push_back(fmt::format("{}/{}", path, name));
      }
    }
  }
  globfree(&matches);
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

const MachineFacts& this_machine() {
  static const ThisMachine machine;
  return machine;
}

}  // namespace ctl
