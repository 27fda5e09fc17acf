// Firmware: from flash or from an image, piece by piece into the chip's memory, verified, executed, asked what it is.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "drivers/qla/bringup.h"
#include "drivers/qla/wire.h"

namespace qla {
namespace {

using Cmd = regs::MailboxCommand;

constexpr std::uint16_t kTest[] = {0xaaaa, 0x5555, 0xaa55, 0x55aa, 0xa5a5, 0x5a5a, 0x2525};
constexpr std::uint32_t kSegments = 2;
constexpr std::uint32_t kHeadDwords = sizeof(wire::FirmwareSegment) / 4;
constexpr std::uint32_t kPiece = kBlockBytes / 4;
constexpr std::uint32_t kFlashPiece = 0x400;         // what the boot code reads of flash at once
constexpr std::uint32_t kLongestSegment = 0x200000;  // 8 MiB: more is nonsense

std::uint32_t high(std::uint32_t value) { return value >> 16; }

}  // namespace

void Bringup::register_test() {
  call_.command(Cmd::kRegisterTest).wants(0xfe);
  for (unsigned i = 0; i < std::size(kTest); ++i) call_.set(i + 1, kTest[i]);
  send(call_);
}

Progress Bringup::register_test_done() {
  if (const Progress progress = mailbox_answered(); progress != Progress::kNext) return progress;
  if (std::equal(std::begin(kTest), std::end(kTest), call_.out.begin() + 1)) return Progress::kNext;
  error_ = "the mailboxes do not hold what is written to them";
  return Progress::kFailed;
}

void Bringup::read_flash(std::uint32_t address, std::uint32_t dwords) {
  call_.command(Cmd::kDumpRam).set(1, address).set(8, high(address)).set(4, high(dwords)).set(5, dwords);
  send(call_.address(memory_.block().iova));
}

void Bringup::begin_firmware() {
  segment_ = source_ = left_ = 0;
  load_ = Load::kHead;
  if (device_.options.firmware.empty()) read_flash(device_.chip.flash + firmware_at_, kHeadDwords);
}

Progress Bringup::poll_firmware() {
  const bool from_flash = device_.options.firmware.empty();
  if (from_flash || load_ == Load::kWrite) {
    if (const Progress progress = mailbox_answered(); progress != Progress::kNext) return progress;
  }
  moved();
  switch (load_) {
    case Load::kHead:
      return begin_segment();
    case Load::kRead:
      return firmware_read();
    case Load::kWrite:
      source_ += piece_;
      target_ += piece_;
      left_ -= piece_;
      next_piece();
      return load_ == Load::kHead && segment_ == kSegments ? Progress::kNext : Progress::kWait;
  }
  return Progress::kFailed;
}

// A segment begins with its head, which says where it goes and how long it is; the next one follows at once.
Progress Bringup::begin_segment() {
  const std::span<const std::byte> image = device_.options.firmware;
  wire::FirmwareSegment head{};
  if (image.empty()) {
    std::memcpy(&head, memory_.block().bytes.data(), sizeof head);
  } else if (image.size() / 4 >= source_ + kHeadDwords) {
    std::memcpy(&head, image.data() + std::size_t{source_} * 4, sizeof head);
  }
  const auto blank = [&](std::uint32_t value) {
    return std::all_of(head.version.begin(), head.version.end(), [&](std::uint32_t word) { return word == value; });
  };
  target_ = head.load_address;
  left_ = head.dwords;
  const bool first_blank = segment_ == 0 && (blank(0) || blank(~0u));
  const bool too_long =
      left_ < kHeadDwords || left_ > kLongestSegment || (!image.empty() && image.size() / 4 - source_ < left_);
  if (first_blank || too_long) {
    error_ = image.empty() ? "there is no firmware in flash" : "this is not a firmware image";
    return Progress::kFailed;
  }
  if (segment_ == 0) entry_point_ = target_;
  next_piece();
  return Progress::kWait;
}

void Bringup::next_piece() {
  const bool from_flash = device_.options.firmware.empty();
  if (left_ == 0) {
    load_ = Load::kHead;
    if (++segment_ < kSegments && from_flash) {
      read_flash(device_.chip.flash + firmware_at_ + source_, kHeadDwords);
    }
    return;
  }
  load_ = Load::kRead;
  piece_ = std::min(left_, from_flash ? kFlashPiece : kPiece);
  if (from_flash) read_flash(device_.chip.flash + firmware_at_ + source_, piece_);
}

// The image is big-endian, the chip wants little-endian dwords.
Progress Bringup::firmware_read() {
  std::byte* const block = memory_.block().bytes.data();
  const std::span<const std::byte> image = device_.options.firmware;
  const std::byte* const from = image.empty() ? block : image.data() + std::size_t{source_} * 4;
  for (std::size_t i = 0; i < piece_; ++i) {
    base::be32 dword;
    std::memcpy(&dword, from + 4 * i, 4);
    const base::le32 swapped = std::uint32_t{dword};
    std::memcpy(block + 4 * i, &swapped, 4);
  }
  load_ = Load::kWrite;
  call_.command(Cmd::kLoadRam).set(1, target_).set(8, high(target_)).set(4, high(piece_)).set(5, piece_);
  send(call_.address(memory_.block().iova));
  return Progress::kWait;
}

void Bringup::verify_checksum() {
  send(call_.command(Cmd::kVerifyChecksum).set(1, high(entry_point_)).set(2, entry_point_).wants(0x6));
}

void Bringup::execute() {
  call_.command(Cmd::kExecuteFirmware).set(1, high(entry_point_)).set(2, entry_point_).set(3, 0).set(4, 0).set(11, 0);
  send(call_);
}

void Bringup::ask_version() { send(call_.command(Cmd::kFirmwareVersion).wants(0x807e)); }

Progress Bringup::take_version() {
  if (const Progress progress = mailbox_answered(); progress != Progress::kNext) return progress;
  firmware_.major = call_.out[1];
  firmware_.minor = call_.out[2];
  firmware_.patch = call_.out[3];
  firmware_.memory_end = std::uint32_t{call_.out[5]} << 16 | call_.out[4];
  firmware_.attributes = call_.out[6];
  device_.offloads_protection =
      device_.chip.queue_pages && regs::FirmwareAttributes::ProtectionInformation::get(firmware_.attributes);
  return Progress::kNext;
}

void Bringup::ask_resources() { send(call_.command(Cmd::kGetResourceCounts).wants(0x1cce)); }

Progress Bringup::take_resources() {
  if (const Progress progress = mailbox_answered(); progress != Progress::kNext) return progress;
  firmware_.target_exchanges = call_.out[1];
  firmware_.exchanges = call_.out[3];
  firmware_.virtual_ports = call_.out[11];
  return Progress::kNext;
}

}  // namespace qla
