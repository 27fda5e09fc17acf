// PCI functions as the system's sysfs shows them: which there are, who drives them, and handing one over to vfio-pci.
//
// Blocking; not on a reactor that serves.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "hal/pci.h"

namespace hal::vfio {

struct Paths {  // made-up trees in tests
  std::string sys = "/sys", proc = "/proc", dev = "/dev";
};

struct Function {
  PciIdentity identity;
  std::string driver;     // bound now; empty: none
  int iommu_group = -1;   // -1: no IOMMU translates for it
  bool no_iommu = false;  // in a group of the kernel's unsafe mode
};

class Sysfs {
 public:
  explicit Sysfs(Paths paths = {}) : paths_(std::move(paths)) {}
  virtual ~Sysfs() = default;

  std::vector<Function> list() const;  // by address
  base::Result<Function> find(const std::string& address) const;
  // Why the system needs the function now: a mounted disk, swap, an interface that is up; empty: it does not.
  std::string use(const std::string& address) const;
  // Fails unless the whole IOMMU group can be handed over: every other member has no driver, vfio-pci, or is a bridge.
  base::Result<void> check_group(const Function& function) const;

  // Refuses what is in use, bridges, groups that are not viable, and no-IOMMU mode unless `no_iommu`. A failure leaves
  // the function to the driver that it had.
  base::Result<void> bind(const std::string& address, bool no_iommu = false);
  // Back to whatever driver the kernel has for it. kBusy: a process has it open.
  base::Result<void> unbind(const std::string& address);

  const Paths& paths() const { return paths_; }
  std::string group_file(const Function& function) const;  // "/dev/vfio/17"

 protected:
  virtual base::Result<void> write(const std::string& path, const std::string& text);

 private:
  std::string of(const std::string& address) const { return paths_.sys + "/bus/pci/devices/" + address; }
  Function read(const std::string& address) const;
  std::string network_use(const std::string& address) const;
  std::string disk_use(const std::string& address) const;
  base::Result<void> change_driver(const Function& function, const std::string& override_with);
  Paths paths_;
};

// "0000:3b:00.0"; "3b:00.0" gets domain 0000. Anything else is refused, as it becomes part of a path.
base::Result<std::string> parse_address(std::string_view text);

}  // namespace hal::vfio
