// First steps: the chip's reset, a dump of what it held, its NVRAM.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "drivers/qla/bringup.h"
#include "drivers/qla/names.h"
#include "drivers/qla/wire.h"

namespace qla {
namespace {

constexpr base::Logger kLog("qla");
constexpr std::uint32_t kWriteBurst = 3;
constexpr base::Duration kResetTime = std::chrono::microseconds(100);
constexpr std::uint32_t kDumpPiece = kBlockBytes / 4, kDumpStart = 0x100000, kDumpMost = 0x400000;
constexpr std::size_t kNvramDwords = sizeof(wire::Nvram) / 4;

}  // namespace

void Bringup::host_command(regs::Command command) {
  device_.registers.write(regs::HostCommand{}.set<regs::HostCommand::Value>(command));
  (void)device_.registers.read<regs::HostCommand>();  // the write has arrived
}

void Bringup::stop_dma() {
  device_.registers.write(regs::InterruptControl{});
  device_.registers.write(
      regs::ControlStatus{}.set<regs::ControlStatus::StopDma>(true).set<regs::ControlStatus::WriteBurst>(kWriteBurst));
}

Progress Bringup::dma_stopped() {
  const auto status = device_.registers.read<regs::ControlStatus>();
  return status.get<regs::ControlStatus::DmaActive>() ? Progress::kWait : Progress::kNext;
}

void Bringup::soft_reset() {
  device_.registers.write(regs::ControlStatus{}
                              .set<regs::ControlStatus::StopDma>(true)
                              .set<regs::ControlStatus::WriteBurst>(kWriteBurst)
                              .set<regs::ControlStatus::SoftReset>(true));
  retry_in(kResetTime);  // before that, a read may hang the bus
}

Progress Bringup::soft_reset_done() {
  if (waits()) return Progress::kWait;
  if (device_.registers.read<regs::Mailbox>(0).raw != 0) return Progress::kWait;
  const auto status = device_.registers.read<regs::ControlStatus>();
  return status.get<regs::ControlStatus::SoftReset>() ? Progress::kWait : Progress::kNext;
}

void Bringup::release_risc() {
  host_command(regs::Command::kSetRiscReset);
  host_command(regs::Command::kReleasePause);
  host_command(regs::Command::kClearRiscReset);
}

Progress Bringup::boot_code_ready() {
  return device_.registers.read<regs::Mailbox>(0).raw == 0 ? Progress::kNext : Progress::kWait;
}

void Bringup::tell_still() { user_.adapter_still(); }

void Bringup::begin_dump() { dump_at_ = kDumpStart; }

Progress Bringup::poll_dump() {
  if (dump_ == nullptr || !dump_->wanted()) return Progress::kNext;
  if (!call_.idle()) return Progress::kWait;
  if (dump_at_ != kDumpStart) {
    if (!call_.ok()) dump_at_ = kDumpMost;  // as far as it goes
    if (call_.ok()) dump_->memory(dump_at_ - kDumpPiece, memory_.block().bytes);
    moved();
  }
  const std::uint32_t end = std::min(std::max(firmware_.memory_end, kDumpStart), kDumpMost);
  if (dump_at_ >= end) {
    dump_->finish();
    return Progress::kNext;
  }
  read_flash(dump_at_, kDumpPiece);
  dump_at_ += kDumpPiece;
  return Progress::kWait;
}

void Bringup::begin_nvram() {
  nvram_.clear();
  flash_read_out_ = false;
}

// By registers, a dword at a time: that works without firmware.
Progress Bringup::poll_nvram() {
  for (unsigned budget = 0; budget < 64 && nvram_.size() < kNvramDwords; ++budget) {
    if (!flash_read_out_) {
      regs::FlashAddress address;
      address.raw = device_.chip.flash + nvram_at_ + static_cast<std::uint32_t>(nvram_.size());
      device_.registers.write(address);
      flash_read_out_ = true;
    }
    if (!device_.registers.read<regs::FlashAddress>().get<regs::FlashAddress::Done>()) return Progress::kWait;
    nvram_.push_back(device_.registers.read<regs::FlashData>().raw);
    flash_read_out_ = false;
    moved();
  }
  return nvram_.size() < kNvramDwords ? Progress::kWait : take_nvram();
}

Progress Bringup::take_nvram() {
  std::uint32_t sum = 0;
  for (const std::uint32_t dword : nvram_) sum += dword;
  wire::Nvram nvram;
  std::memcpy(static_cast<void*>(&nvram), nvram_.data(), sizeof nvram);
  const bool good = sum == 0 && std::memcmp(nvram.id.data(), "ISP ", 4) == 0 && nvram.nvram_version >= 1;
  port_name_ = device_.options.port_name;
  node_name_ = device_.options.node_name;
  if (!good) {
    kLog.warn("{}: NVRAM is not valid", device_.options.name);
    // Without it no name is ours: the one that such adapters fall back to is the same on all of them.
    if (port_name_.raw == 0) {
      error_ = "its checksum is wrong, and no port name is configured";
      return Progress::kFailed;
    }
  } else {
    if (port_name_.raw == 0) port_name_ = wwn_of(nvram.port_name);
    const bool named = wire::InitBlock::NodeName::get(nvram.options1);
    if (node_name_.raw == 0 && named) node_name_ = wwn_of(nvram.node_name);
    login_retry_ = nvram.login_retry;
    hard_address_ = nvram.hard_address;
    const auto* const name = reinterpret_cast<const char*>(nvram.model_name.data());
    const std::string_view text(name, strnlen(name, nvram.model_name.size()));
    model_ = base::escaped(text.substr(0, text.find_last_not_of(' ') + 1));
  }
  if (node_name_.raw == 0) {  // derived from the port's, as the firmware does
    wire::Bytes8 bytes = bytes_of(port_name_);
    bytes[0] &= 0xf0;
    node_name_ = wwn_of(bytes);
  }
  return Progress::kNext;
}

}  // namespace qla
