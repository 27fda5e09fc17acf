// The dump template's entries, in the order in which the host executes them. As Linux reads them (qla_tmpl.h).
#include "emu/qla/dump_template.h"

#include <cstring>
#include <span>

#include "drivers/qla/regs.h"
#include "drivers/qla/wire.h"
#include "emu/qla/ram.h"

namespace emu::qla {
namespace {

namespace regs = ::qla::regs;
namespace wire = ::qla::wire;
using Type = wire::DumpEntryType;

struct Writer {
  std::vector<std::byte> bytes = std::vector<std::byte>(sizeof(wire::DumpTemplate));
  std::uint32_t entries = 0;

  template <class T>
  void put(const T& typed) {
    const auto raw = std::as_bytes(std::span(&typed, 1));
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  }
  template <class... Fields>
  void entry(Type type, const Fields&... fields) {
    wire::DumpTemplateEntry head{};
    head.type = static_cast<std::uint32_t>(type);
    head.size = static_cast<std::uint32_t>((sizeof head + ... + sizeof fields));
    head.capture = wire::kDumpPhysicalPort;
    put(head);
    (put(fields), ...);
    ++entries;
  }
  void memory(std::uint8_t area, std::uint32_t from, std::uint32_t last) {
    entry(Type::kMemory, wire::DumpMemory{area, {}, from, last});
  }
};

// One's complement sum of all dwords, so that they and the checksum give all ones.
std::uint32_t checksum_of(std::span<const std::byte> bytes) {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
    base::le32 dword;
    std::memcpy(static_cast<void*>(&dword), bytes.data() + at, 4);
    sum += dword;
  }
  while (sum >> 32 != 0) sum = (sum & 0xFFFFFFFF) + (sum >> 32);
  return ~static_cast<std::uint32_t>(sum);
}

void write_entries(Writer& to) {
  constexpr std::uint8_t kRequests = 1, kResponses = 2, kCriticalMemory = 1;
  to.entry(Type::kRegister, wire::DumpRegister{regs::HostStatus::kOffset, {}});
  to.entry(Type::kPauseRisc);
  to.entry(Type::kWindow, wire::DumpWindow{0, 2, regs::kMailboxes, regs::Mailbox::kOffset});
  to.entry(Type::kWindow, wire::DumpWindow{0x7000, 4, 16, regs::WindowData::kOffset});
  for (const std::uint8_t which : {kRequests, kResponses}) to.entry(Type::kQueue, wire::DumpQueue{0, which, {}});
  for (const std::uint8_t which : {kRequests, kResponses}) to.entry(Type::kShadow, wire::DumpQueue{0, which, {}});
  to.entry(Type::kScratch, base::le32{});
  to.entry(Type::kResetRisc);
  to.memory(kCriticalMemory, kFirmwareAt, kFirmwareAt + 0xFF);
  to.memory(kCriticalMemory, kEndOfMemory - 0xFF, kEndOfMemory);
  to.entry(Type::kEnd);
}

}  // namespace

std::vector<std::byte> make_dump_template(const Chip& chip) {
  Writer made;
  write_entries(made);
  wire::DumpTemplate head{};
  head.type = wire::kDumpTemplate;
  head.entry_offset = static_cast<std::uint32_t>(sizeof head);
  head.size = static_cast<std::uint32_t>(made.bytes.size());
  head.entries = made.entries;
  head.version = 1;
  for (unsigned i = 0; i < 3; ++i) head.firmware_version[i] = chip.version[i];
  std::memcpy(made.bytes.data(), &head, sizeof head);
  head.checksum = checksum_of(made.bytes);
  std::memcpy(made.bytes.data(), &head, sizeof head);

  wire::TemplateHead prefix{};
  prefix.dwords = static_cast<std::uint32_t>(made.bytes.size() / 4 + 8);
  std::vector<std::byte> image(sizeof prefix + made.bytes.size() + 4);  // and a checksum that nobody looks at
  std::memcpy(image.data(), &prefix, sizeof prefix);
  std::memcpy(image.data() + sizeof prefix, made.bytes.data(), made.bytes.size());
  return image;
}

}  // namespace emu::qla
