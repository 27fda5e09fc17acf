// The register table.
#include "emu/qla/registers.h"

#include <fmt/format.h>

namespace emu::qla {

struct Registers::Row {
  std::uint32_t offset;
  const char* name;
  std::uint32_t (*read)(Registers&);
  void (*write)(Registers&, std::uint32_t);  // null: read only
};

struct RegisterTable {
  using Row = Registers::Row;
  static constexpr Row kRows[] = {
      {regs::FlashAddress::kOffset, "flash address", [](Registers& r) { return r.read_flash_address(); },
       [](Registers& r, std::uint32_t v) { r.write_flash_address(v); }},
      {regs::FlashData::kOffset, "flash data", [](Registers& r) { return r.now_.flash_data; },
       [](Registers& r, std::uint32_t v) { r.now_.flash_data = v; }},
      {regs::ControlStatus::kOffset, "control/status", [](Registers& r) { return r.read_control(); },
       [](Registers& r, std::uint32_t v) { r.write_control(v); }},
      {regs::InterruptControl::kOffset, "interrupt control",
       [](Registers& r) { return regs::InterruptControl::Enable::of(r.firmware_.core.events.enabled()); },
       [](Registers& r, std::uint32_t v) { r.firmware_.core.events.enable(regs::InterruptControl::Enable::get(v)); }},
      {regs::InterruptStatus::kOffset, "interrupt status",
       [](Registers& r) { return regs::InterruptStatus::Pending::of(r.firmware_.core.events.pending()); }, nullptr},
      {regs::RequestIn::kOffset, "request in", [](Registers& r) { return r.firmware_.core.queues.request(0).in(); },
       [](Registers& r, std::uint32_t v) { r.firmware_.core.queues.request(0).doorbell(v); }},
      {regs::RequestOut::kOffset, "request out", [](Registers& r) { return r.firmware_.core.queues.request(0).out(); },
       [](Registers& r, std::uint32_t v) { r.firmware_.core.queues.request(0).set_out(v); }},
      {regs::ResponseIn::kOffset, "response in", [](Registers& r) { return r.firmware_.core.queues.response(0).in(); },
       [](Registers& r, std::uint32_t v) { r.firmware_.core.queues.response(0).set_in(v); }},
      {regs::ResponseOut::kOffset, "response out",
       [](Registers& r) { return r.firmware_.core.queues.response(0).out(); },
       [](Registers& r, std::uint32_t v) { r.firmware_.core.queues.response(0).host_took(v); }},
      {regs::PriorityIn::kOffset, "priority in", [](Registers& r) { return r.firmware_.core.queues.priority.in(); },
       [](Registers& r, std::uint32_t v) { r.firmware_.core.queues.priority.doorbell(v); }},
      {regs::PriorityOut::kOffset, "priority out", [](Registers& r) { return r.firmware_.core.queues.priority.out(); },
       [](Registers& r, std::uint32_t v) { r.firmware_.core.queues.priority.set_out(v); }},
      {regs::AtioIn::kOffset, "ATIO in", [](Registers& r) { return r.firmware_.core.queues.atios.in(); },
       [](Registers& r, std::uint32_t v) { r.firmware_.core.queues.atios.set_in(v); }},
      {regs::AtioOut::kOffset, "ATIO out", [](Registers& r) { return r.firmware_.core.queues.atios.out(); },
       [](Registers& r, std::uint32_t v) { r.firmware_.core.queues.atios.host_took(v); }},
      {regs::HostStatus::kOffset, "host status",
       [](Registers& r) {
         auto status = r.firmware_.core.events.status();
         return status.set<regs::HostStatus::RiscPaused>(r.now_.paused).raw;
       },
       nullptr},
      {regs::HostCommand::kOffset, "host command",
       [](Registers& r) {
         return regs::HostCommand{}
             .set<regs::HostCommand::HostInterrupt>(r.firmware_.mailboxes.waiting())
             .set<regs::HostCommand::RiscInReset>(r.now_.risc_reset)
             .raw;
       },
       [](Registers& r, std::uint32_t v) { r.write_command(v); }},
      {regs::GpioData::kOffset, "GPIO data", [](Registers& r) { return r.now_.gpio_data; },
       [](Registers& r, std::uint32_t v) { r.now_.gpio_data = v; }},
      {regs::GpioEnable::kOffset, "GPIO enable", [](Registers& r) { return r.now_.gpio_enable; },
       [](Registers& r, std::uint32_t v) { r.now_.gpio_enable = v; }},
      {regs::WindowBase::kOffset, "window base", [](Registers& r) { return r.now_.window_base; },
       [](Registers& r, std::uint32_t v) { r.now_.window_base = v; }},
      {regs::Semaphore::kOffset, "semaphore", [](Registers& r) { return r.now_.semaphore; },
       [](Registers& r, std::uint32_t v) { r.now_.semaphore = v; }},
  };
  static const Row* find(std::uint32_t offset) {
    static const auto rows = [] {
      std::array<const Row*, regs::Mailbox::kOffset / 4> table{};
      for (const Row& row : kRows) table[row.offset / 4] = &row;
      return table;
    }();
    return offset < regs::Mailbox::kOffset && offset % 4 == 0 ? rows[offset / 4] : nullptr;
  }
};

namespace {
constexpr std::uint32_t kMailboxEnd = regs::Mailbox::kOffset + regs::kMailboxes * 2;
bool is_mailbox(std::uint32_t offset) { return offset >= regs::Mailbox::kOffset && offset < kMailboxEnd; }
bool is_window(std::uint32_t offset) { return offset >= regs::WindowData::kOffset && offset < regs::kWindowSize; }
}  // namespace

// Chips with queue pages have no indices in the window.
const Registers::Row* Registers::find(std::uint32_t offset, unsigned width) const {
  const bool index = offset >= regs::RequestIn::kOffset && offset <= regs::AtioOut::kOffset;
  if (width != 4 || (index && firmware_.core.chip.queue_pages)) return nullptr;
  return RegisterTable::find(offset);
}

std::uint32_t Registers::undefined(std::uint32_t offset, unsigned width, const char* access) {
  if (now_.paused) return 0;  // a dump reads everything
  firmware_.core.host.fault(fmt::format("{} of {} bytes at {:02x}, where no register is", access, width, offset));
  return 0xFFFFFFFF;
}

std::uint32_t Registers::read(std::uint32_t offset, unsigned width) {
  if (is_mailbox(offset) && width <= 4 && width >= 2) return read_mailbox(offset, width);
  if (is_window(offset) && width <= 4) return 0;  // the RISC's own registers: for dumps
  const Row* row = find(offset, width);
  return row != nullptr ? row->read(*this) : undefined(offset, width, "read");
}

void Registers::write(std::uint32_t offset, unsigned width, std::uint32_t value) {
  if (is_mailbox(offset) && width <= 4 && width >= 2) return write_mailbox(offset, width, value);
  if (is_window(offset) && width <= 4) return;
  const Row* row = find(offset, width);
  if (row == nullptr) {
    undefined(offset, width, "write");
  } else if (row->write == nullptr) {
    firmware_.core.host.fault(fmt::format("write of {}, which is read only", row->name));
  } else {
    row->write(*this, value);
  }
}

std::uint32_t Registers::read_mailbox(std::uint32_t offset, unsigned width) const {
  const unsigned index = (offset - regs::Mailbox::kOffset) / 2;
  if (now_.reset_asked) return 0x00040004;  // not ready
  const std::uint32_t low = firmware_.core.events.mailbox(index);
  return width == 2 ? low : low | std::uint32_t{firmware_.core.events.mailbox(index + 1)} << 16;
}

void Registers::write_mailbox(std::uint32_t offset, unsigned width, std::uint32_t value) {
  const unsigned index = (offset - regs::Mailbox::kOffset) / 2;
  firmware_.mailboxes.set_input(index, static_cast<std::uint16_t>(value));
  if (width == 4) firmware_.mailboxes.set_input(index + 1, static_cast<std::uint16_t>(value >> 16));
}

}  // namespace emu::qla
