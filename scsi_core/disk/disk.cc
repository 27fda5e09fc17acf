// The disk's state between commands: what was saved, what a reset takes back, what the fast path may read.
#include "scsi_core/disk/disk.h"

#include <algorithm>

#include "base/log.h"
#include "scsi_core/disk/opcode_table.h"
#include "scsi_core/handover.h"

namespace scsi::disk {
namespace {

constexpr base::Logger kLog("disk");
constexpr std::uint32_t kMiB = 1 << 20;

}  // namespace

Limits::Limits(std::uint32_t block_shift, bool protection)
    : transfer((32 * kMiB) >> block_shift),
      write_same((128 * kMiB) >> block_shift),
      compare_and_write(static_cast<std::uint8_t>(std::min(255u, (kMiB / 2) >> block_shift))),
      atomic(std::min(512u, (protection ? kMiB / 4 : 2 * kMiB) >> block_shift)),
      unmap_blocks(kMiB),
      unmap_descriptors(256) {}

namespace {

std::uint32_t shift_of(std::uint32_t block_size) { return static_cast<std::uint32_t>(__builtin_ctz(block_size)); }

// Unreadable saved pages must not turn a write cache on that somebody had turned off.
ModePages restored(const LuConfig& config, MetadataStore* metadata) {
  ModePages modes(config.write_cache, config.protection_type != 0);
  if (metadata == nullptr) return modes;
  const auto record = metadata->load(config.name, kModePagesRecord);
  if (record && !record->has_value()) return modes;
  const auto image = record ? modes.decode(**record)
                            : base::Result<ModePages::Image>(base::fail(record.error().code, record.error().text));
  if (image) {
    modes.saved = *image;
  } else {
    kLog.error("the saved mode pages of {} are lost, its write cache is off: {}", config.name, image.error().text);
    modes.saved[mode::WriteCacheEnabled::kAt] = 0;
  }
  modes.current = modes.saved;
  return modes;
}

}  // namespace

DiskServer::DiskServer(const LuConfig& config, const Backstore& store, MetadataStore* metadata)
    : limits_(shift_of(store.geometry().block_size), config.protection_type != 0),
      lends_(store.lends()),
      volatile_cache_(store.volatile_cache()),
      protection_type_(config.protection_type),
      opcodes_(disk::opcodes(store.geometry().thin, protection_type_)),
      metadata_(metadata),
      modes_(restored(config, metadata)) {}

void DiskServer::reset(LogicalUnit& lu, ResetCause cause) {
  if (cause != ResetCause::kPowerOn) {
    prevents_.clear();
    modes_.current = modes_.saved;
    set_flag(lu, kLuStopped, false);
  }
  publish(lu);
}

void DiskServer::nexus_lost(LogicalUnit&, const NexusKey& nexus) { prevent_removal(nexus, false); }

void DiskServer::hand_over(DeviceState& out) const {
  out = {modes_.encode(modes_.current), modes_.encode(modes_.saved), prevents_};
}

base::Result<void> DiskServer::take_over(LogicalUnit& lu, const DeviceState& state) {
  prevents_ = state.prevents;
  set_saved_modes(TRY(modes_.decode(state.saved_mode_pages)));
  set_current_modes(lu, TRY(modes_.decode(state.mode_pages)));
  return {};
}

void DiskServer::set_current_modes(LogicalUnit& lu, const ModePages::Image& image) {
  modes_.current = image;
  publish(lu);
}

void DiskServer::prevent_removal(const NexusKey& nexus, bool prevent) {
  std::erase(prevents_, nexus);
  if (prevent) prevents_.push_back(nexus);
}

void DiskServer::publish(LogicalUnit& lu) const {
  const ModePages::Image& now = modes_.current;
  set_flag(lu, kLuWriteCache, mode::WriteCacheEnabled::get(now));
  set_flag(lu, kLuDescriptorSense, mode::DescriptorSense::get(now));
  set_flag(lu, kLuApplicationTagOwned, mode::ApplicationTagOwner::get(now));
  set_flag(lu, kLuTaskAborted, mode::TaskAbortedStatus::get(now));
  set_flag(lu, kLuAttentionsStay, mode::UnitAttentionInterlock::get(now) >= 2);
  set_flag(lu, kLuAttentionForStatus, mode::UnitAttentionInterlock::get(now) == 3);
  set_flag(lu, kLuSoftwareWriteProtected, mode::SoftwareWriteProtect::get(now));
}

void set_flag(LogicalUnit& lu, LuFlag flag, bool on) {
  if (on) {
    lu.flags.fetch_or(flag, std::memory_order_release);
  } else {
    lu.flags.fetch_and(~static_cast<std::uint32_t>(flag), std::memory_order_release);
  }
}

}  // namespace scsi::disk

namespace scsi {

std::unique_ptr<DeviceServer> make_disk_server(const LuConfig& config, const Backstore& store,
                                               MetadataStore* metadata) {
  return std::make_unique<disk::DiskServer>(config, store, metadata);
}

}  // namespace scsi
