// A logical unit: identity, medium, device server, and what all reactors may read of its state without a lock.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hal/reactor.h"
#include "scsi_core/backstore.h"
#include "scsi_core/device_server.h"

namespace scsi {

struct LuConfig {
  std::string name;                      // unique; what tgtctl calls it
  std::string vendor = "OUTBOARD";       // T10 VENDOR IDENTIFICATION, at most 8 characters
  std::string product = "VIRTUAL-DISK";  // at most 16
  std::string revision = "0001";         // at most 4
  std::string serial;                    // UNIT SERIAL NUMBER, ASCII, at most 36
  std::uint64_t naa_high = 0;            // NAA designator (type 6): high and low 64 bits of 16 bytes
  std::uint64_t naa_low = 0;
  std::uint32_t physical_block_size = 0;  // bytes that READ CAPACITY(16) tells; 0: what the medium says
  bool removable = false;                 // RMB: START STOP UNIT can eject
  bool write_protected = false;           // at the start; LuFlag says what holds now
  bool write_cache = true;                // WCE at power on, unless saved mode pages say otherwise
  std::uint8_t protection_type = 0;       // of SBC-4 4.21: 1, 2, 3; the medium then holds protection information
  bool operator==(const LuConfig&) const = default;
};

// Bits of LogicalUnit::flags; set on the home reactor, read everywhere.
enum LuFlag : std::uint32_t {
  kLuWriteProtected = 1 << 0,           // by configuration
  kLuStopped = 1 << 1,                  // START STOP UNIT with START = 0
  kLuEjected = 1 << 2,                  // no medium
  kLuWriteCache = 1 << 3,               // WCE
  kLuDescriptorSense = 1 << 4,          // D_SENSE
  kLuTaskAborted = 1 << 5,              // TAS
  kLuRemoving = 1 << 6,                 // being deleted: new commands answer LOGICAL UNIT NOT SUPPORTED
  kLuFailed = 1 << 7,                   // offline: a deadline was missed or the medium is gone; until a reset is over
  kLuMetadataUnreadable = 1 << 8,       // reservations could not be restored: medium access answers NOT READY
  kLuInjecting = 1 << 9,                // `debug inject` has rules for it
  kLuSoftwareWriteProtected = 1 << 10,  // SWP of the control mode page
  kLuAttentionsStay = 1 << 11,          // UA_INTLCK_CTRL = 10b, 11b: only REQUEST SENSE clears a unit attention
  kLuAttentionForStatus = 1 << 12,      // UA_INTLCK_CTRL = 11b: BUSY and its kin establish one
  kLuApplicationTagOwned = 1 << 13,     // ATO: the application tag is the application client's
};

class Fleet;
class LuHome;
class Reservations;

class LogicalUnit {
 public:
  // `fleet`: the reactors that carry nexuses (scsi_core/engine/fleet.h).
  LogicalUnit(LuConfig config, std::unique_ptr<Backstore> store, std::unique_ptr<DeviceServer> server,
              hal::Reactor& home, Fleet& fleet);
  ~LogicalUnit();

  const LuConfig& config() const { return config_; }
  Backstore& backstore() { return *store_; }
  // The medium's, with what the configuration says instead.
  StoreGeometry geometry() const {
    StoreGeometry geometry = store_->geometry();
    if (const std::uint32_t physical = config_.physical_block_size; physical >= geometry.block_size) {
      geometry.physical_exponent = static_cast<std::uint8_t>(std::bit_width(physical / geometry.block_size) - 1);
    }
    return geometry;
  }
  DeviceServer& server() { return *server_; }
  const OpcodeTable& opcodes() const { return *opcodes_; }
  hal::Reactor& home() { return home_; }
  std::uint32_t block_shift() const { return block_shift_; }  // log2 of the logical block length
  Fleet& fleet() { return fleet_; }
  LuHome& at_home() { return *at_home_; }  // the engine's state on the home reactor
  Reservations& reservations() { return *reservations_; }
  // A reactor's share: created at first use, never moved. On that reactor only.
  LuShard& shard(std::size_t reactor_index);
  void drop_shard(std::size_t reactor_index);
  LuShard* shard_if_any(std::size_t reactor_index) { return shards_[reactor_index].get(); }

  std::atomic<std::uint32_t> flags{0};
  std::atomic<std::uint64_t> blocks{0};  // capacity in logical blocks

 private:
  LuConfig config_;
  std::unique_ptr<Backstore> store_;
  std::unique_ptr<DeviceServer> server_;
  const OpcodeTable* opcodes_;
  hal::Reactor& home_;
  Fleet& fleet_;
  std::uint32_t block_shift_;
  std::unique_ptr<LuHome> at_home_;
  std::unique_ptr<Reservations> reservations_;
  std::vector<std::unique_ptr<LuShard>> shards_;  // element i touched by reactor i only
};

}  // namespace scsi
