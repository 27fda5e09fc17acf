// Registers and events as text, and the file that is written when an adapter fails.
#include "drivers/qla/dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <utility>

#include "base/endian.h"
#include "base/log.h"
#include "drivers/qla/regs.h"

namespace qla {
namespace {

constexpr base::Logger kLog("qla");

template <class R>
void line(std::string& text, const hal::Mmio& registers, const char* name) {
  text += fmt::format("  {:02x} {:18} {:08x}\n", R::kOffset, name, registers.read<R>().raw);
}

void write_memory(std::ofstream& file, std::uint32_t first, std::span<const std::byte> bytes) {
  constexpr std::size_t kLine = 32;
  for (std::size_t at = 0; at < bytes.size() && file.good(); at += kLine) {
    std::string line = fmt::format("{:08x}", first + at / 4);
    for (std::size_t i = at; i < std::min(at + kLine, bytes.size()); i += 4) {
      base::le32 dword;
      std::memcpy(&dword, bytes.data() + i, 4);
      line += fmt::format(" {:08x}", std::uint32_t{dword});
    }
    file << line << '\n';
  }
}

}  // namespace

std::string_view event_name(Event event) {
  switch (event) {
    case Event::kStep:
      return "step";
    case Event::kAsyncEvent:
      return "event";
    case Event::kMailbox:
      return "mailbox";
    case Event::kFailure:
      return "failure";
    case Event::kLinkService:
      return "link service";
    case Event::kLogin:
      return "login";
    case Event::kLoginEnded:
      return "login ended";
    case Event::kAbort:
      return "abort";
    case Event::kWrong:
      return "wrong";
  }
  return "?";
}

std::string dump_registers(const Device& device) {
  const hal::Mmio& r = device.registers;
  std::string text = "registers:\n";
  line<regs::FlashAddress>(text, r, "flash address");
  line<regs::ControlStatus>(text, r, "control status");
  line<regs::InterruptControl>(text, r, "interrupt control");
  line<regs::InterruptStatus>(text, r, "interrupt status");
  const Indices& i = device.indices;
  for (const auto& [name, index] : {std::pair{"request in", &i.request_in},
                                    {"request out", &i.request_out},
                                    {"response in", &i.response_in},
                                    {"response out", &i.response_out},
                                    {"atio in", &i.atio_in},
                                    {"atio out", &i.atio_out}}) {
    text += fmt::format("  -- {:18} {:08x}\n", name, index->read<Index>().raw);
  }
  line<regs::HostStatus>(text, r, "host status");
  line<regs::HostCommand>(text, r, "host command");
  text += "mailboxes:";
  for (unsigned at = 0; at < regs::kMailboxes; ++at) text += fmt::format(" {:04x}", r.read<regs::Mailbox>(at).raw);
  return text + "\n";
}

std::string dump_events(const Device& device) {
  std::string text;
  device.events.for_each([&](const auto& entry) {
    const auto at = std::chrono::duration_cast<std::chrono::microseconds>(entry.at.time_since_epoch()).count();
    text += fmt::format("{:>16} {:14} {:x} {}\n", at, event_name(entry.event), entry.detail, entry.subject());
  });
  return text;
}

void Dump::begin(std::string_view why) {
  wanted_ = !device_.options.dump_folder.empty() && !device_.lost;
  if (!wanted_) return;
  text_ = fmt::format("{} {} failed: {}\n", device_.options.name, device_.chip.name, why);
  text_ += dump_registers(device_);
  text_ += "events:\n" + dump_events(device_);
}

void Dump::memory(std::uint32_t address, std::span<const std::byte> bytes) {
  if (memory_.empty()) first_ = address;
  memory_.insert(memory_.end(), bytes.begin(), bytes.end());
}

// Megabytes of text: made on the worker's thread, which has nothing else to do.
void Dump::finish() {
  if (!wanted_) return;
  wanted_ = false;
  const std::string path =
      fmt::format("{}/{}-{}.dump", device_.options.dump_folder, device_.options.name, number_++ % kFiles);
  if (worker_ == nullptr) worker_ = std::make_unique<hal::Worker>("qla dump");
  worker_->submit(
      device_.reactor,
      [path, text = std::move(text_), first = first_, memory = std::move(memory_)] {
        std::ofstream file(path, std::ios::trunc);
        file << text;
        write_memory(file, first, memory);
        file.close();
        if (file.good()) {
          kLog.info("the adapter's state is in {}", path);
        } else {
          kLog.warn("the adapter's state cannot be written to {}", path);
        }
      },
      [] {});
  text_.clear();
  memory_.clear();
}

}  // namespace qla
