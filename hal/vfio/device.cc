// vfio-pci: the calls of linux/vfio.h behind PciDevice.
#include "hal/vfio/device.h"

#include <fcntl.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/fd.h"
#include "base/log.h"
#include "hal/dma_registry.h"

namespace hal::vfio {
namespace {

constexpr base::Logger kLog("vfio");
constexpr std::uint16_t kCommandOffset = 4;
constexpr std::uint32_t kMemorySpace = 2, kBusMaster = 4;
constexpr std::uint64_t kPage = 4096;

struct Region {
  std::uint64_t offset = 0, size = 0;
  bool mappable = false;
};

// A region that cannot be mapped whole: each access is a system call.
class FileTrap final : public MmioTrap {
 public:
  FileTrap(int fd, const Region& region) : fd_(fd), region_(region) {}
  std::uint64_t read(std::uint32_t offset, unsigned width) override {
    std::uint64_t value = 0;
    const auto at = static_cast<off_t>(region_.offset + offset);
    if (pread(fd_, &value, width, at) == static_cast<ssize_t>(width)) return value;
    return ~std::uint64_t{0} >> (64 - 8 * width);
  }
  void write(std::uint32_t offset, unsigned width, std::uint64_t value) override {
    (void)!pwrite(fd_, &value, width, static_cast<off_t>(region_.offset + offset));  // lost, as on a bus
  }

 private:
  int fd_;
  Region region_;
};

class Device final : public PciDevice, private DmaListener {
 public:
  ~Device() override;
  base::Result<void> start(const Sysfs& sysfs, const Function& function);
  const PciIdentity& identity() const override { return identity_; }
  base::Result<std::uint32_t> config_read(std::uint16_t offset, unsigned width) override;
  base::Result<void> config_write(std::uint16_t offset, unsigned width, std::uint32_t value) override;
  base::Result<Mmio> map_bar(Bar bar) override;
  base::Result<void> enable_dma() override;
  void disable_dma() override;
  unsigned interrupt_vectors(InterruptKind kind) const override;
  base::Result<void> set_interrupts(InterruptKind kind, unsigned vectors) override;
  base::Result<int> interrupt_fd(unsigned vector) const override;
  void unmask_intx() override;
  base::Result<void> reset() override;
  bool gone() const override;

 private:
  base::Result<void> memory_added(const RegisteredMemory& memory) override;
  void memory_removed(const RegisteredMemory& memory) override;
  bool pins_pages() const override { return true; }
  base::Result<void> open_group(const Sysfs& sysfs, const Function& function);
  base::Result<void> read_regions();
  void read_irqs();
  base::Result<void> set_command(std::uint32_t bits, bool on);
  base::Result<void> set_irqs(std::uint32_t index, std::uint32_t flags, std::uint32_t count,
                              const std::vector<int>& fds);

  PciIdentity identity_;
  bool no_iommu_ = false, can_reset_ = false;
  base::Fd container_, group_, device_;
  std::array<Region, VFIO_PCI_NUM_REGIONS> regions_{};
  std::array<std::span<std::byte>, 6> mapped_{};
  std::vector<FileTrap> traps_;
  std::array<std::uint32_t, 3> irqs_{};
  InterruptKind kind_ = InterruptKind::kNone;
  std::vector<base::Fd> eventfds_;
};

Device::~Device() {
  if (!device_) return;
  (void)set_interrupts(InterruptKind::kNone, 0);
  disable_dma();
  for (const auto& bar : mapped_) {
    if (!bar.empty()) munmap(bar.data(), bar.size());
  }
}

base::Result<void> Device::start(const Sysfs& sysfs, const Function& function) {
  identity_ = function.identity;
  no_iommu_ = function.no_iommu;
  TRY(open_group(sysfs, function));
  vfio_device_info info{};
  info.argsz = sizeof info;
  if (ioctl(device_.get(), VFIO_DEVICE_GET_INFO, &info) != 0) return base::fail_errno("VFIO_DEVICE_GET_INFO");
  can_reset_ = (info.flags & VFIO_DEVICE_FLAGS_RESET) != 0;
  TRY(read_regions());
  read_irqs();
  identity_.interrupt_pin = static_cast<std::uint8_t>(TRY(config_read(0x3d, 1)));
  return set_command(kMemorySpace, true);
}

base::Result<void> Device::open_group(const Sysfs& sysfs, const Function& function) {
  container_ = base::Fd(::open((sysfs.paths().dev + "/vfio/vfio").c_str(), O_RDWR | O_CLOEXEC));
  if (!container_) return base::fail_errno("open the VFIO container");
  if (ioctl(container_.get(), VFIO_GET_API_VERSION) != VFIO_API_VERSION) {
    return base::fail(base::Errc::kUnsupported, "the kernel has another version of VFIO");
  }
  const std::string path = sysfs.group_file(function);
  group_ = base::Fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!group_) return base::fail_errno("open " + path);
  vfio_group_status status{};
  status.argsz = sizeof status;
  if (ioctl(group_.get(), VFIO_GROUP_GET_STATUS, &status) != 0) return base::fail_errno("VFIO_GROUP_GET_STATUS");
  if ((status.flags & VFIO_GROUP_FLAGS_VIABLE) == 0) {
    TRY(sysfs.check_group(function));
    return base::fail(base::Errc::kBusy, "the IOMMU group of " + identity_.address + " is not viable");
  }
  int container = container_.get();
  if (ioctl(group_.get(), VFIO_GROUP_SET_CONTAINER, &container) != 0) return base::fail_errno("use " + path);
  const long type = no_iommu_ ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU;
  if (ioctl(container_.get(), VFIO_SET_IOMMU, type) != 0) return base::fail_errno("VFIO_SET_IOMMU");
  device_ = base::Fd(ioctl(group_.get(), VFIO_GROUP_GET_DEVICE_FD, identity_.address.c_str()));
  if (!device_) return base::fail_errno("VFIO_GROUP_GET_DEVICE_FD of " + identity_.address);
  return {};
}

base::Result<void> Device::read_regions() {
  for (std::uint32_t i = 0; i < regions_.size(); ++i) {
    vfio_region_info info{};
    info.argsz = sizeof info;
    info.index = i;
    // Some regions are not there (VGA): they have size zero then.
    if (ioctl(device_.get(), VFIO_DEVICE_GET_REGION_INFO, &info) == 0) {
      // A larger answer describes holes, as around an MSI-X table that must not be mapped, or says that there are none.
      bool whole = (info.flags & VFIO_REGION_INFO_FLAG_MMAP) != 0;
      if (info.argsz > sizeof info && whole) {
        std::vector<std::byte> longer(info.argsz);
        info.flags = 0;
        std::memcpy(longer.data(), &info, sizeof info);
        whole = false;
        if (ioctl(device_.get(), VFIO_DEVICE_GET_REGION_INFO, longer.data()) == 0) {
          vfio_region_info full;
          std::memcpy(&full, longer.data(), sizeof full);
          whole = (full.flags & VFIO_REGION_INFO_FLAG_MMAP) != 0;
          for (std::uint32_t at = full.cap_offset; at != 0 && at + sizeof(vfio_info_cap_header) <= longer.size();) {
            vfio_info_cap_header header;
            std::memcpy(&header, longer.data() + at, sizeof header);
            if (header.id == VFIO_REGION_INFO_CAP_SPARSE_MMAP) whole = false;
            at = header.next > at ? header.next : 0;
          }
        }
      }
      regions_[i] = {info.offset, info.size, whole};
    }
    traps_.emplace_back(device_.get(), regions_[i]);
  }
  if (regions_[VFIO_PCI_CONFIG_REGION_INDEX].size != 0) return {};
  return base::fail(base::Errc::kUnsupported, identity_.address + " has no configuration space");
}

void Device::read_irqs() {
  for (std::uint32_t i = 0; i < irqs_.size(); ++i) {
    vfio_irq_info info{};
    info.argsz = sizeof info;
    info.index = i;
    if (ioctl(device_.get(), VFIO_DEVICE_GET_IRQ_INFO, &info) != 0) continue;
    if ((info.flags & VFIO_IRQ_INFO_EVENTFD) != 0) irqs_[i] = info.count;
  }
}

base::Result<std::uint32_t> Device::config_read(std::uint16_t offset, unsigned width) {
  TRY(check_config_access(offset, width));
  if (offset >= regions_[VFIO_PCI_CONFIG_REGION_INDEX].size) return std::uint32_t{0};
  return static_cast<std::uint32_t>(traps_[VFIO_PCI_CONFIG_REGION_INDEX].read(offset, width));
}

base::Result<void> Device::config_write(std::uint16_t offset, unsigned width, std::uint32_t value) {
  TRY(check_config_access(offset, width));
  traps_[VFIO_PCI_CONFIG_REGION_INDEX].write(offset, width, value);
  return {};
}

base::Result<void> Device::set_command(std::uint32_t bits, bool on) {
  const std::uint32_t command = TRY(config_read(kCommandOffset, 2));
  return config_write(kCommandOffset, 2, on ? command | bits : command & ~bits);
}

bool Device::gone() const {
  std::uint16_t vendor = 0xffff;
  const auto at = static_cast<off_t>(regions_[VFIO_PCI_CONFIG_REGION_INDEX].offset);
  return pread(device_.get(), &vendor, sizeof vendor, at) != sizeof vendor || vendor == 0xffff;
}

base::Result<Mmio> Device::map_bar(Bar bar) {
  const auto index = static_cast<std::size_t>(bar);
  if (index >= mapped_.size() || regions_[index].size == 0 || regions_[index].size > 0xffffffffu) {
    return base::fail(base::Errc::kUnsupported, "the function has no such BAR");
  }
  const Region& region = regions_[index];
  const std::uint32_t flags = TRY(config_read(static_cast<std::uint16_t>(0x10 + 4 * index), 4));
  if ((flags & 1) != 0) return base::fail(base::Errc::kUnsupported, "the BAR is of I/O ports");
  if (region.mappable && mapped_[index].empty()) {
    void* const at = mmap(nullptr, region.size, PROT_READ | PROT_WRITE, MAP_SHARED, device_.get(),
                          static_cast<off_t>(region.offset));
    if (at != MAP_FAILED) mapped_[index] = {static_cast<std::byte*>(at), region.size};
  }
  if (!mapped_[index].empty()) return Mmio(std::span<volatile std::byte>(mapped_[index]));
  return Mmio(traps_[index], static_cast<std::uint32_t>(region.size));
}

base::Result<void> Device::enable_dma() {
  if (no_iommu_) {
    return base::fail(base::Errc::kUnsupported, identity_.address + " is behind no IOMMU: DMA needs one");
  }
  if (gone()) return base::fail(base::Errc::kIo, identity_.address + " is gone");
  if (!linked()) TRY(DmaRegistry::instance().subscribe(*this));
  return set_command(kBusMaster, true);
}

void Device::disable_dma() {
  (void)set_command(kBusMaster, false);
  if (linked()) DmaRegistry::instance().unsubscribe(*this);
}

base::Result<void> Device::memory_added(const RegisteredMemory& memory) {
  vfio_iommu_type1_dma_map map{};
  map.argsz = sizeof map;
  map.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
  map.vaddr = map.iova = reinterpret_cast<std::uintptr_t>(memory.bytes.data());
  map.size = (memory.bytes.size() + kPage - 1) & ~(kPage - 1);
  if (ioctl(container_.get(), VFIO_IOMMU_MAP_DMA, &map) == 0) return {};
  const int error = errno;
  std::string what =
      fmt::format("map {} bytes at {:#x} for {}", memory.bytes.size(), std::uint64_t{map.iova}, identity_.address);
  if (error == ENOMEM) what += " (the limit of locked memory, RLIMIT_MEMLOCK, may be too low)";
  if (error == EINVAL) what += " (the IOMMU may not reach addresses so high)";
  return base::fail_errno(std::move(what), error);
}

void Device::memory_removed(const RegisteredMemory& memory) {
  vfio_iommu_type1_dma_unmap unmap{};
  unmap.argsz = sizeof unmap;
  unmap.iova = reinterpret_cast<std::uintptr_t>(memory.bytes.data());
  unmap.size = (memory.bytes.size() + kPage - 1) & ~(kPage - 1);
  if (ioctl(container_.get(), VFIO_IOMMU_UNMAP_DMA, &unmap) != 0) {
    kLog.error("{}: {} bytes at {:#x} stay mapped: {}", identity_.address, std::uint64_t{unmap.size},
               std::uint64_t{unmap.iova}, std::strerror(errno));
  }
}

unsigned Device::interrupt_vectors(InterruptKind kind) const {
  static_assert(VFIO_PCI_INTX_IRQ_INDEX == 0 && VFIO_PCI_MSI_IRQ_INDEX == 1 && VFIO_PCI_MSIX_IRQ_INDEX == 2);
  return kind == InterruptKind::kNone ? 0 : irqs_[static_cast<std::size_t>(kind) - 1];
}

base::Result<void> Device::set_irqs(std::uint32_t index, std::uint32_t flags, std::uint32_t count,
                                    const std::vector<int>& fds) {
  std::vector<std::byte> bytes(sizeof(vfio_irq_set) + fds.size() * sizeof(int));
  vfio_irq_set set{};
  set.argsz = static_cast<std::uint32_t>(bytes.size());
  set.flags = flags;
  set.index = index;
  set.count = count;
  std::memcpy(bytes.data(), &set, sizeof set);
  if (!fds.empty()) std::memcpy(bytes.data() + sizeof set, fds.data(), fds.size() * sizeof(int));
  if (ioctl(device_.get(), VFIO_DEVICE_SET_IRQS, bytes.data()) != 0) return base::fail_errno("VFIO_DEVICE_SET_IRQS");
  return {};
}

base::Result<void> Device::set_interrupts(InterruptKind kind, unsigned vectors) {
  if (kind != InterruptKind::kNone && (vectors == 0 || vectors > interrupt_vectors(kind))) {
    return base::fail(base::Errc::kUnsupported, "the function has not got so many interrupt vectors of that kind");
  }
  const auto index_of = [](InterruptKind k) { return static_cast<std::uint32_t>(k) - 1; };
  if (kind_ != InterruptKind::kNone) {
    TRY(set_irqs(index_of(kind_), VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER, 0, {}));
    kind_ = InterruptKind::kNone;
    eventfds_.clear();
  }
  if (kind == InterruptKind::kNone) return {};
  std::vector<base::Fd> made;
  std::vector<int> fds;
  for (unsigned i = 0; i < vectors; ++i) {
    made.emplace_back(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!made.back()) return base::fail_errno("eventfd");
    fds.push_back(made.back().get());
  }
  TRY(set_irqs(index_of(kind), VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER, vectors, fds));
  eventfds_ = std::move(made);
  kind_ = kind;
  return {};
}

base::Result<int> Device::interrupt_fd(unsigned vector) const {
  if (vector >= eventfds_.size()) return base::fail(base::Errc::kNotFound, "no such interrupt vector");
  return eventfds_[vector].get();
}

void Device::unmask_intx() {
  if (kind_ != InterruptKind::kIntx) return;
  (void)set_irqs(VFIO_PCI_INTX_IRQ_INDEX, VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK, 1, {});
}

base::Result<void> Device::reset() {
  if (!can_reset_) return base::fail(base::Errc::kUnsupported, identity_.address + " cannot be reset by itself");
  if (ioctl(device_.get(), VFIO_DEVICE_RESET) != 0) return base::fail_errno("reset " + identity_.address);
  unmask_intx();
  return {};
}

}  // namespace

base::Result<std::unique_ptr<PciDevice>> open(const std::string& address, const Paths& paths, bool no_iommu) {
  const Sysfs sysfs(paths);
  const Function function = TRY(sysfs.find(address));
  if (function.driver != "vfio-pci") {
    return base::fail(base::Errc::kNotFound, function.identity.address + " is not bound to vfio-pci");
  }
  if (function.iommu_group < 0) return base::fail(base::Errc::kUnsupported, "it has no IOMMU group");
  if (function.no_iommu && !no_iommu) {
    return base::fail(base::Errc::kDenied, function.identity.address + " is behind no IOMMU");
  }
  auto device = std::make_unique<Device>();
  TRY(device->start(sysfs, function));
  return device;
}

}  // namespace hal::vfio
