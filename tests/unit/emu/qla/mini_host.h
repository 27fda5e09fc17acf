// The least of a driver that a test needs: registers, mailbox commands, rings, on a model in the same process.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <map>
#include <memory>
#include <vector>

#include "drivers/qla/regs.h"
#include "drivers/qla/wire.h"
#include "emu/fc/link.h"
#include "emu/host/in_process.h"
#include "emu/qla/model.h"
#include "hal/dma.h"

namespace emu::qla {

namespace regs = ::qla::regs;
namespace wire = ::qla::wire;
using MailboxValues = std::array<std::uint16_t, regs::kMailboxes>;
using Inputs = std::map<unsigned, std::uint16_t>;

class MiniHost {
 public:
  enum class Role { kInitiator, kTarget };
  static constexpr std::uint32_t kRing = 64;
  static constexpr std::uint32_t kData = 0x10000;  // offset of free memory in `memory`

  MiniHost(base::ManualClock& the_clock, Wire& wire, std::uint64_t port_name, const Factory& extra = {},
           const Chip& the_chip = isp2532())
      : chip(the_chip), host(the_clock, "qla"), model(host, chip, factory(port_name, extra), wire) {
    host.attach(model);
    device = host.open();
    bar = device->map_bar(chip.registers).value();
    if (chip.queue_pages) pages = device->map_bar(chip.pages).value();
    EXPECT_TRUE(device->enable_dma().has_value());
  }
  static Factory factory(std::uint64_t port_name, Factory extra) {
    extra.port_name = {port_name};
    extra.node_name = {port_name & 0x0fffffffffffffff};
    return extra;
  }

  std::uint64_t at(std::uint32_t offset) const { return reinterpret_cast<std::uintptr_t>(bytes().data()) + offset; }
  std::span<std::byte> bytes() const { return memory.bytes(); }
  template <class T>
  void put(std::uint32_t offset, const T& value) {
    std::memcpy(bytes().data() + offset, &value, sizeof value);
  }
  template <class T>
  T get(std::uint32_t offset) const {
    std::array<std::byte, sizeof(T)> raw;
    std::memcpy(raw.data(), bytes().data() + offset, sizeof(T));
    return std::bit_cast<T>(raw);
  }
  // A buffer address as mailboxes have it.
  Inputs address(std::uint32_t offset, Inputs more = {}) const {
    const std::uint64_t address = at(offset);
    more[2] = static_cast<std::uint16_t>(address >> 16);
    more[3] = static_cast<std::uint16_t>(address);
    more[6] = static_cast<std::uint16_t>(address >> 48);
    more[7] = static_cast<std::uint16_t>(address >> 32);
    return more;
  }

  void command(regs::Command value) { bar.write(regs::HostCommand{}.set<regs::HostCommand::Value>(value)); }
  std::uint16_t mailbox_register(unsigned index) { return bar.read<regs::Mailbox>(index).raw; }
  void start_command(std::uint16_t command_code, const Inputs& inputs);
  // Takes the event that is presented, if there is one: notes it by kind.
  bool take_event();
  void step();  // the model, then all events
  MailboxValues mailbox(regs::MailboxCommand command_code, const Inputs& inputs = {});
  void reset_chip();
  void load();  // reset, then up to "execute firmware"
  wire::InitBlock init_block(Role role) const;
  MailboxValues initialize(const wire::InitBlock& init);
  void bring_up(Role role);

  template <class T>
  void post(const T& entry) {
    post(std::vector<wire::Entry>{std::bit_cast<wire::Entry>(entry)});
  }
  void post(const std::vector<wire::Entry>& entries);
  template <class T>
  static T make(wire::EntryType type, std::uint32_t handle = 0) {
    auto entry = std::bit_cast<wire::Entry>(T{});
    entry.head.type = static_cast<std::uint8_t>(type);
    entry.head.count = 1;
    entry.head.handle = handle;
    return std::bit_cast<T>(entry);
  }
  // The oldest entry of this type that was not taken yet.
  template <class T>
  std::optional<T> response(wire::EntryType type) {
    return take<T>(responses, type);
  }
  template <class T>
  std::optional<T> atio(wire::EntryType type) {
    return take<T>(atios, type);
  }
  bool saw(regs::AsyncEvent event) const { return find(event) != nullptr; }
  const MailboxValues* find(regs::AsyncEvent event) const {
    for (const auto& values : async_events)
      if (values[0] == static_cast<std::uint16_t>(event)) return &values;
    return nullptr;
  }

  std::uint32_t connection = 1;  // of the initialisation block: 0 loop, 1 point to point, 2 loop preferred
  const Chip& chip;
  InProcessHost host;
  Model model;
  std::unique_ptr<hal::PciDevice> device;
  hal::Mmio bar;
  hal::Mmio pages;  // of chips that have them
  hal::MemoryRegion memory = hal::MemoryRegion::create("qla", 1 << 20, hal::MemoryRegion::Pages::kPlain).value();
  std::vector<MailboxValues> async_events;
  std::vector<wire::Entry> responses, atios;
  std::optional<MailboxValues> answer;
  regs::InterruptCode answer_code{};

 private:
  static constexpr std::uint32_t kRequests = 0, kResponses = 0x2000, kAtios = 0x4000, kInit = 0x6000;
  template <class T>
  static std::optional<T> take(std::vector<wire::Entry>& from, wire::EntryType type) {
    for (auto entry = from.begin(); entry != from.end(); ++entry) {
      if (entry->head.type != static_cast<std::uint8_t>(type)) continue;
      const T found = std::bit_cast<T>(*entry);
      from.erase(entry);
      return found;
    }
    return std::nullopt;
  }
  void drain();
  // An index of the base queues, where this chip has it.
  template <class Window, class Page>
  std::uint32_t index() {
    return chip.queue_pages ? pages.read<Page>().raw : bar.read<Window>().raw;
  }
  template <class Window, class Page>
  void set_index(std::uint32_t value) {
    Window window;
    Page page;
    window.raw = page.raw = value;
    chip.queue_pages ? pages.write(page) : bar.write(window);
  }
  std::uint32_t request_in_ = 0, response_out_ = 0, atio_out_ = 0;
};

// Two hosts on one cable, the first with the smaller name.
struct Pair {
  explicit Pair(MiniHost::Role first = MiniHost::Role::kInitiator, MiniHost::Role second = MiniHost::Role::kTarget,
                const Chip& chip = isp2532())
      : a(clock, link.end(0), 0x2100001122334401, {}, chip), b(clock, link.end(1), 0x2100001122334402, {}, chip) {
    a.bring_up(first);
    b.bring_up(second);
  }
  void run(base::Duration time = std::chrono::milliseconds(300)) {
    for (base::Duration done{}; done < time; done += std::chrono::milliseconds(5)) {
      clock.advance(std::chrono::milliseconds(5));
      link.poll(clock.now());
      for (int i = 0; i < 20; ++i) a.step(), b.step(), link.poll(clock.now());
    }
  }
  base::ManualClock clock;
  fc::Link link{fc::LinkOptions{}};
  MiniHost a, b;
};

}  // namespace emu::qla
