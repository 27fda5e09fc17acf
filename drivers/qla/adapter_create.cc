// Makes a port: what its chip is, where its registers are, who has which exchanges.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "drivers/qla/adapter.h"

namespace qla {
namespace {

constexpr std::uint32_t kMostVirtualPorts = 63;

template <class Register>
hal::Mmio alone(const hal::Mmio& registers) {
  return registers.window(Register::kOffset, sizeof(std::uint32_t));
}

Indices indices_of(const hal::Mmio& window) {
  return {alone<regs::RequestIn>(window),   alone<regs::RequestOut>(window), alone<regs::ResponseIn>(window),
          alone<regs::ResponseOut>(window), alone<regs::AtioIn>(window),     alone<regs::AtioOut>(window)};
}

hal::Mmio page_of(const hal::Mmio& pages, unsigned queue) {
  return pages.window(queue * regs::kQueuePage, regs::kQueuePage);
}

Indices paged_indices(const hal::Mmio& page) {  // only queue 0 has ATIOs
  return {alone<regs::PageRequestIn>(page),   alone<regs::PageRequestOut>(page), alone<regs::PageResponseIn>(page),
          alone<regs::PageResponseOut>(page), alone<regs::PageAtioIn>(page),     alone<regs::PageAtioOut>(page)};
}

base::Result<hal::Mmio> map(hal::PciDevice& pci, hal::Bar bar, std::uint32_t least) {
  hal::Mmio window = TRY(pci.map_bar(bar));
  if (window.size() >= least) return window;
  return base::fail(base::Errc::kUnsupported,
                    fmt::format("{}: a register window is too small", pci.identity().address));
}

// As many queues as there are pages and interrupts for; those of the adapter itself take two.
void limit_queues(Options& options, const hal::PciDevice& pci, const hal::Mmio& pages) {
  const std::size_t most = pages.size() / regs::kQueuePage, vectors = pci.interrupt_vectors(hal::InterruptKind::kMsix);
  const std::size_t further = std::min(most, std::max<std::size_t>(vectors, 2) - 1);
  options.reactors.resize(std::min(options.reactors.size(), further == 0 ? 0 : further - 1));
}

// Checks the sizes, and divides what there is among the virtual ports.
base::Result<void> fit(Options& options) {
  if (options.exchanges == 0 || options.exchanges > Handle::kSlots || options.logins == 0 || options.logins > 2000) {
    return base::fail(base::Errc::kInvalid, "exchanges and logins are out of range");
  }
  const auto count = static_cast<std::uint32_t>(options.virtual_ports.size());
  if (count > kMostVirtualPorts) return base::fail(base::Errc::kInvalid, "too many virtual ports");
  if (count == 0) return {};
  options.virtual_exchanges = std::min(options.virtual_exchanges, (Handle::kSlots - options.exchanges) / count);
  if (options.virtual_exchanges != 0) return {};
  return base::fail(base::Errc::kInvalid, "no exchanges for virtual ports");
}

}  // namespace

base::Result<std::unique_ptr<Adapter>> Adapter::create(std::unique_ptr<hal::PciDevice> pci, hal::Reactor& reactor,
                                                       Options options) {
  const hal::PciIdentity& id = pci->identity();
  const Chip* const chip = find_chip(id);
  if (chip == nullptr) {
    return base::fail(base::Errc::kUnsupported, fmt::format("{} is {:04x}:{:04x}, which drivers/qla does not drive",
                                                            id.address, id.vendor, id.device));
  }
  TRY(fit(options));
  const hal::Mmio registers = TRY(map(*pci, chip->registers, regs::kWindowSize));
  Windows windows{registers, {}};
  if (chip->queue_pages) windows.pages = TRY(map(*pci, hal::Bar::k4, regs::kQueuePage));
  limit_queues(options, *pci, windows.pages);
  std::vector<Memory> pair_memory;
  for (std::size_t i = 0; i < options.reactors.size(); ++i) {
    pair_memory.push_back(TRY(Memory::create(options.exchanges, 0)));
  }
  const auto virtual_ports = static_cast<std::uint32_t>(options.virtual_ports.size());
  Memory memory = TRY(Memory::create(options.exchanges + virtual_ports * options.virtual_exchanges, 1 + virtual_ports));
  return std::unique_ptr<Adapter>(new Adapter(std::move(pci), *chip, reactor, std::move(options), std::move(memory),
                                              std::move(pair_memory), windows));
}

Adapter::Adapter(std::unique_ptr<hal::PciDevice> pci, const Chip& chip, hal::Reactor& reactor, Options options,
                 Memory memory, std::vector<Memory> pair_memory, const Windows& windows)
    : pci_(std::move(pci)),
      device_(*pci_, reactor, chip, std::move(options)),
      memory_(std::move(memory)),
      mailbox_(device_),
      request_ring_(device_, memory_.request(), chip.shadow),
      response_ring_(device_, memory_.response(), chip.shadow),
      atio_ring_(device_, memory_.atio(), false),
      control_(device_, request_ring_),
      port_(device_, control_, request_ring_, memory_, {0, 0, device_.options.exchanges}, device_.options.logins,
            &pairs_, pair_memory.size() + 1),
      dump_(device_),
      bringup_(device_, mailbox_, memory_, request_ring_, pairs_, *this),
      timer_([](void* self) { static_cast<Adapter*>(self)->housekeep(); }, this) {
  device_.registers = windows.registers;
  device_.indices = chip.queue_pages ? paged_indices(page_of(windows.pages, 0)) : indices_of(windows.registers);
  for (std::size_t i = 0; i < pair_memory.size(); ++i) {
    const auto number = static_cast<unsigned>(i + 1);
    pairs_.add(std::make_unique<QueuePair>(number, *device_.options.reactors[i], reactor, device_.options,
                                           std::move(pair_memory[i]), paged_indices(page_of(windows.pages, number)),
                                           chip.shadow, port_.logins));
  }
  bringup_.watch_logins(port_.logins);
  const std::uint32_t exchanges = device_.options.virtual_exchanges;
  for (const VirtualNames& names : device_.options.virtual_ports) {
    const auto vp = static_cast<std::uint8_t>(virtual_ports_.size() + 1);
    const QueuePlace place{vp, device_.options.exchanges + (vp - 1u) * exchanges, exchanges};
    auto parts = std::make_unique<PortParts>(device_, control_, request_ring_, memory_, place, device_.options.logins);
    bringup_.watch_logins(parts->logins);
    (virtual_ports_.empty() ? port_ : *virtual_ports_.back().parts).queue.set_next(parts->queue);
    auto port = std::make_unique<VirtualPort>(device_, control_, mailbox_, *parts, names, *this);
    virtual_ports_.push_back({std::move(parts), std::move(port)});
  }
}

}  // namespace qla
