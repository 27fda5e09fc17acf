// The client: each call of PciDevice becomes one request.
#include "hal/vfio_user/client.h"

#include <sys/eventfd.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "hal/dma_registry.h"
#include "hal/vfio_user/requester.h"
#include "hal/vfio_user/socket.h"

namespace hal::vfio_user {
namespace {

constexpr std::uint16_t kCommandOffset = 4;
constexpr std::uint32_t kMemorySpace = 2, kBusMaster = 4;

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// Accesses to one region, one request each.
class RegionTrap final : public MmioTrap {
 public:
  RegionTrap(Requester& requester, std::uint32_t region) : requester_(requester), region_(region) {}
  std::uint64_t read(std::uint32_t offset, unsigned width) override {
    std::uint64_t value = ~std::uint64_t{0} >> (64 - 8 * width);
    const RegionAccess access{offset, region_, width};
    const auto reply = requester_.ask({.command = Command::kRegionRead, .fixed = bytes_of(access)});
    if (reply.has_value() && reply->size() == sizeof access + width) {
      std::memcpy(&value, reply->data() + sizeof access, width);
    }
    return value;
  }
  void write(std::uint32_t offset, unsigned width, std::uint64_t value) override {
    const RegionAccess access{offset, region_, width};
    requester_.post(
        {.command = Command::kRegionWrite, .fixed = bytes_of(access), .data = bytes_of(value).first(width)});
  }

 private:
  Requester& requester_;
  std::uint32_t region_;
};

struct MappedRegion {
  std::span<std::byte> memory;
  MappedRegion() = default;
  MappedRegion(const MappedRegion&) = delete;
  MappedRegion& operator=(const MappedRegion&) = delete;
  ~MappedRegion() {
    if (!memory.empty()) munmap(memory.data(), memory.size());
  }
};

class Client final : public PciDevice, private DmaListener {
 public:
  Client(base::Fd socket, const std::string& name);
  ~Client() override;
  base::Result<void> start();
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
  bool gone() const override { return requester_.gone(); }

 private:
  base::Result<void> memory_added(const RegisteredMemory& memory) override;
  void memory_removed(const RegisteredMemory& memory) override;
  base::Result<void> set_command(std::uint32_t bits, bool on);
  base::Result<void> read_identity();
  base::Result<void> read_regions();
  base::Result<void> read_irqs();
  // What the reply to `request` begins with.
  template <class T>
  base::Result<T> ask_for(Command command, const T& request, base::Fd* fd = nullptr);
  base::Result<void> send_eventfds(std::uint32_t index, unsigned start, std::span<const int> fds);

  mutable Requester requester_;
  PciIdentity identity_;
  std::uint64_t max_fds_ = 1;
  std::array<RegionInfo, kRegions> regions_{};
  std::array<MappedRegion, 6> mapped_;
  std::vector<RegionTrap> traps_;
  std::array<std::uint32_t, 3> irqs_{};  // vectors of INTx, MSI, MSI-X
  InterruptKind kind_ = InterruptKind::kNone;
  std::vector<base::Fd> eventfds_;
};

Client::Client(base::Fd socket, const std::string& name) : requester_(std::move(socket), name) {
  identity_.address = name;
  for (std::uint32_t i = 0; i < kRegions; ++i) traps_.emplace_back(requester_, i);
}

Client::~Client() {
  (void)set_interrupts(InterruptKind::kNone, 0);
  disable_dma();
}

base::Result<void> Client::start() {
  max_fds_ = TRY(requester_.negotiate()).max_msg_fds;
  const auto info = TRY(ask_for(Command::kDeviceInfo, DeviceInfo{std::uint32_t{sizeof(DeviceInfo)}, 0, 0, 0}));
  if ((info.flags & kDeviceIsPci) == 0 || info.regions < kRegionConfig + 1 || info.irqs < kIrqMsix + 1) {
    return base::fail(base::Errc::kUnsupported, identity_.address + " is not a PCI device");
  }
  TRY(read_regions());
  TRY(read_irqs());
  TRY(read_identity());
  return set_command(kMemorySpace, true);
}

template <class T>
base::Result<T> Client::ask_for(Command command, const T& request, base::Fd* fd) {
  const auto reply = TRY(requester_.ask({.command = command, .fixed = bytes_of(request)}, fd));
  std::span<const std::byte> payload = reply;
  T answer;
  if (take(payload, answer)) return answer;
  return base::fail(base::Errc::kIo, identity_.address + " gave a short answer");
}

base::Result<void> Client::read_regions() {
  for (std::uint32_t i = 0; i <= kRegionConfig; ++i) {
    base::Fd fd;
    const RegionInfo request{std::uint32_t{sizeof(RegionInfo)}, 0, i, 0, 0, 0};
    const RegionInfo info = regions_[i] = TRY(ask_for(Command::kRegionInfo, request, &fd));
    // Only a region that can be mapped as a whole: one with holes has them where the server must see each access.
    const std::size_t whole = sizeof info + sizeof(SparseMapCapability) + sizeof(SparseMapArea);
    if (i > kRegionBar5 || !fd || (info.flags & kRegionCanMap) == 0 || info.argsz != whole) continue;
    RegionInfo again = request;
    again.argsz = info.argsz;
    const auto reply = TRY(requester_.ask({.command = Command::kRegionInfo, .fixed = bytes_of(again)}));
    std::span<const std::byte> payload = reply;
    RegionInfo ignored;
    SparseMapCapability capability;
    SparseMapArea area;
    if (!take(payload, ignored) || !take(payload, capability) || !take(payload, area)) continue;
    if (capability.id != kSparseMap || area.offset != 0 || area.size != info.size) continue;
    void* const at = mmap(nullptr, info.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(),
                          static_cast<off_t>(std::uint64_t{info.offset}));
    if (at != MAP_FAILED) mapped_[i].memory = {static_cast<std::byte*>(at), std::size_t{info.size}};
  }
  return {};
}

base::Result<void> Client::read_irqs() {
  for (std::uint32_t i = 0; i < irqs_.size(); ++i) {
    const IrqInfo info = TRY(ask_for(Command::kIrqInfo, IrqInfo{std::uint32_t{sizeof(IrqInfo)}, 0, i, 0}));
    irqs_[i] = (info.flags & kIrqEventfd) != 0 ? std::min<std::uint32_t>(info.count, 2048) : 0;
  }
  return {};
}

base::Result<void> Client::read_identity() {
  identity_.vendor = static_cast<std::uint16_t>(TRY(config_read(0x00, 2)));
  identity_.device = static_cast<std::uint16_t>(TRY(config_read(0x02, 2)));
  identity_.subsystem_vendor = static_cast<std::uint16_t>(TRY(config_read(0x2c, 2)));
  identity_.subsystem = static_cast<std::uint16_t>(TRY(config_read(0x2e, 2)));
  const std::uint32_t revision_and_class = TRY(config_read(0x08, 4));
  identity_.revision = static_cast<std::uint8_t>(revision_and_class);
  identity_.class_code = revision_and_class >> 8;
  identity_.interrupt_pin = static_cast<std::uint8_t>(TRY(config_read(0x3d, 1)));
  return {};
}

base::Result<std::uint32_t> Client::config_read(std::uint16_t offset, unsigned width) {
  TRY(check_config_access(offset, width));
  if (offset >= regions_[kRegionConfig].size) return std::uint32_t{0};
  return static_cast<std::uint32_t>(traps_[kRegionConfig].read(offset, width));
}

base::Result<void> Client::config_write(std::uint16_t offset, unsigned width, std::uint32_t value) {
  TRY(check_config_access(offset, width));
  if (offset < regions_[kRegionConfig].size) traps_[kRegionConfig].write(offset, width, value);
  return {};
}

base::Result<void> Client::set_command(std::uint32_t bits, bool on) {
  const std::uint32_t command = TRY(config_read(kCommandOffset, 2));
  return config_write(kCommandOffset, 2, on ? command | bits : command & ~bits);
}

base::Result<Mmio> Client::map_bar(Bar bar) {
  const auto index = static_cast<std::size_t>(bar);
  const std::uint64_t size = index < mapped_.size() ? std::uint64_t{regions_[index].size} : 0;
  if (size == 0 || size > 0xffffffffu) return base::fail(base::Errc::kUnsupported, "the function has no such BAR");
  if (!mapped_[index].memory.empty()) return Mmio(std::span<volatile std::byte>(mapped_[index].memory));
  return Mmio(traps_[index], static_cast<std::uint32_t>(size));
}

base::Result<void> Client::enable_dma() {
  if (gone()) return base::fail(base::Errc::kIo, identity_.address + " is gone");
  if (!linked()) TRY(DmaRegistry::instance().subscribe(*this));
  return set_command(kBusMaster, true);
}

void Client::disable_dma() {
  (void)set_command(kBusMaster, false);
  if (linked()) DmaRegistry::instance().unsubscribe(*this);
}

base::Result<void> Client::memory_added(const RegisteredMemory& memory) {
  const DmaMapRequest request{std::uint32_t{sizeof request}, kDmaReadable | kDmaWritable, 0,
                              std::uint64_t{reinterpret_cast<std::uintptr_t>(memory.bytes.data())},
                              std::uint64_t{memory.bytes.size()}};
  const int fd = memory.fd;
  const auto reply =
      requester_.ask({.command = Command::kDmaMap, .fixed = bytes_of(request), .fds = std::span(&fd, 1)});
  // A device that is gone reaches nothing, and must not keep others from getting memory.
  if (reply.has_value() || gone()) return {};
  return tl::unexpected<base::Error>(reply.error());
}

void Client::memory_removed(const RegisteredMemory& memory) {
  const DmaUnmapRequest request{std::uint32_t{sizeof request}, 0,
                                std::uint64_t{reinterpret_cast<std::uintptr_t>(memory.bytes.data())},
                                std::uint64_t{memory.bytes.size()}};
  (void)requester_.ask({.command = Command::kDmaUnmap, .fixed = bytes_of(request)});
}

unsigned Client::interrupt_vectors(InterruptKind kind) const {
  switch (kind) {
    case InterruptKind::kIntx:
      return irqs_[kIrqIntx];
    case InterruptKind::kMsi:
      return irqs_[kIrqMsi];
    case InterruptKind::kMsix:
      return irqs_[kIrqMsix];
    case InterruptKind::kNone:
      break;
  }
  return 0;
}

base::Result<void> Client::set_interrupts(InterruptKind kind, unsigned vectors) {
  const auto index_of = [](InterruptKind k) { return static_cast<std::uint32_t>(k) - 1; };
  if (kind != InterruptKind::kNone && (vectors == 0 || vectors > interrupt_vectors(kind))) {
    return base::fail(base::Errc::kUnsupported, "the function has not got so many interrupt vectors of that kind");
  }
  if (kind_ != InterruptKind::kNone) {
    const std::uint32_t flags = SetIrqsRequest::NoData::of(true) | SetIrqsRequest::Trigger::of(true);
    const SetIrqsRequest none{std::uint32_t{sizeof none}, flags, index_of(kind_), 0, 0};
    kind_ = InterruptKind::kNone;
    eventfds_.clear();
    TRY(requester_.ask({.command = Command::kSetIrqs, .fixed = bytes_of(none)}));
  }
  if (kind == InterruptKind::kNone) return {};
  std::vector<base::Fd> made;
  std::vector<int> fds;
  for (unsigned i = 0; i < vectors; ++i) {
    made.emplace_back(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!made.back()) return base::fail_errno("eventfd");
    fds.push_back(made.back().get());
  }
  const std::size_t at_once = std::min<std::size_t>(max_fds_, kMaxFds);
  for (unsigned start = 0; start < vectors; start += static_cast<unsigned>(at_once)) {
    TRY(send_eventfds(index_of(kind), start, std::span(fds).subspan(start, std::min(at_once, fds.size() - start))));
  }
  eventfds_ = std::move(made);
  kind_ = kind;
  return {};
}

base::Result<void> Client::send_eventfds(std::uint32_t index, unsigned start, std::span<const int> fds) {
  const std::uint32_t flags = SetIrqsRequest::Eventfds::of(true) | SetIrqsRequest::Trigger::of(true);
  const SetIrqsRequest request{std::uint32_t{sizeof request}, flags, index, start,
                               static_cast<std::uint32_t>(fds.size())};
  TRY(requester_.ask({.command = Command::kSetIrqs, .fixed = bytes_of(request), .fds = fds}));
  return {};
}

base::Result<int> Client::interrupt_fd(unsigned vector) const {
  if (vector >= eventfds_.size()) return base::fail(base::Errc::kNotFound, "no such interrupt vector");
  return eventfds_[vector].get();
}

void Client::unmask_intx() {
  if (kind_ != InterruptKind::kIntx) return;
  const std::uint32_t flags = SetIrqsRequest::NoData::of(true) | SetIrqsRequest::Unmask::of(true);
  const SetIrqsRequest request{std::uint32_t{sizeof request}, flags, kIrqIntx, 0, 1};
  requester_.post({.command = Command::kSetIrqs, .fixed = bytes_of(request)});
}

base::Result<void> Client::reset() {
  const std::uint32_t command = TRY(config_read(kCommandOffset, 2));
  TRY(requester_.ask({.command = Command::kReset}));
  TRY(config_write(kCommandOffset, 2, command));
  unmask_intx();
  return {};
}

}  // namespace

base::Result<std::unique_ptr<PciDevice>> open(base::Fd connected, const std::string& name) {
  auto client = std::make_unique<Client>(std::move(connected), name);
  TRY(client->start());
  return client;
}

base::Result<std::unique_ptr<PciDevice>> open(const std::string& path) {
  base::Fd connected = TRY(connect_to(path));
  return open(std::move(connected), "unix:" + path);
}

}  // namespace hal::vfio_user
