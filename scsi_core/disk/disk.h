// The disk: device server of a direct access block device (SBC-4) in front of one backstore.
//
// What the path of a READ or WRITE needs of it never changes; what changes (mode pages, PREVENT) lives on the logical
// unit's home reactor and is published in LogicalUnit::flags.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "scsi_core/command.h"
#include "scsi_core/device_server.h"
#include "scsi_core/disk/mode_pages.h"
#include "scsi_core/logical_unit.h"
#include "scsi_core/metadata_store.h"

namespace scsi::disk {

// BLOCK LIMITS of VPD page B0h, in logical blocks. Each command is bounded, so that none outlives the time limit of
// its opcode row by far; buffers are taken in parts, so that none needs more than two MiB at a time.
struct Limits {
  Limits(std::uint32_t block_shift, bool protection);
  std::uint32_t transfer;
  std::uint32_t write_same;
  std::uint8_t compare_and_write;
  std::uint32_t atomic;
  std::uint32_t unmap_blocks;
  std::uint32_t unmap_descriptors;
};

class DiskServer final : public DeviceServer {
 public:
  // `metadata`: saved mode pages; null keeps none. Blocks while it reads them.
  DiskServer(const LuConfig& config, const Backstore& store, MetadataStore* metadata);

  const OpcodeTable& opcodes() const override { return opcodes_; }
  std::uint8_t device_type() const override { return 0x00; }
  void reset(LogicalUnit& lu, ResetCause cause) override;
  void nexus_lost(LogicalUnit& lu, const NexusKey& nexus) override;
  void hand_over(DeviceState& out) const override;
  base::Result<void> take_over(LogicalUnit& lu, const DeviceState& state) override;

  const Limits& limits() const { return limits_; }
  bool lends() const { return lends_; }
  bool volatile_cache() const { return volatile_cache_; }
  std::uint8_t protection_type() const { return protection_type_; }

  // --- home reactor ---
  const ModePages& modes() const { return modes_; }
  MetadataStore* metadata() const { return metadata_; }
  // Makes `image` the current values and publishes what follows from them.
  void set_current_modes(LogicalUnit& lu, const ModePages::Image& image);
  void set_saved_modes(const ModePages::Image& image) { modes_.saved = image; }
  // PREVENT ALLOW MEDIUM REMOVAL of one I_T nexus.
  void prevent_removal(const NexusKey& nexus, bool prevent);
  bool removal_prevented() const { return !prevents_.empty(); }

 private:
  void publish(LogicalUnit& lu) const;
  const Limits limits_;
  const bool lends_;
  const bool volatile_cache_;
  const std::uint8_t protection_type_;
  const OpcodeTable& opcodes_;
  MetadataStore* const metadata_;
  ModePages modes_;
  std::vector<NexusKey> prevents_;
};

inline DiskServer& server(const Command& c) { return static_cast<DiskServer&>(c.core.lu->server()); }
void set_flag(LogicalUnit& lu, LuFlag flag, bool on);  // home reactor

}  // namespace scsi::disk

namespace scsi {

std::unique_ptr<DeviceServer> make_disk_server(const LuConfig& config, const Backstore& store, MetadataStore* metadata);

}  // namespace scsi
