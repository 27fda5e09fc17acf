// I_T nexuses and I_T_L nexuses: who sends commands, which logical units it sees, what it has yet to be told.
//
// A Nexus lives on one reactor, with its port's connection; so do its commands and its I_T_L nexuses. Only `key` may be
// read elsewhere (a command at its logical unit's home).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/intrusive_list.h"
#include "hal/reactor.h"
#include "scsi_core/port.h"
#include "scsi_core/sense.h"
#include "scsi_core/statistics.h"

namespace scsi {

class LogicalUnit;
class LuShard;
class Router;
struct RoundTag;  // has counted commands of this round (engine/round_end.h)

// An I_T nexus by name: what registrations, reservations and unit attentions are kept for. Survives the Nexus object.
struct NexusKey {
  TransportId initiator;
  std::uint16_t relative_port_id = 0;
  bool operator==(const NexusKey&) const = default;
};

// Unit attention conditions pending for one I_T_L nexus, most severe first (SAM-5 5.14), each code once. When more
// accumulate than it holds, they become one POWER ON, RESET, OR BUS DEVICE RESET OCCURRED: ask for everything again.
class UnitAttentions {
 public:
  static constexpr std::size_t kCapacity = 12;
  bool empty() const { return count_ == 0; }
  // A reset (29h) makes the milder conditions moot and clears them; pending already or moot itself: nothing changes.
  void establish(SenseCode code);
  const SenseCode& first() const { return pending_[0]; }  // not empty
  // True when first() is reported even before RESERVATION CONFLICT (SAM-5 5.3.3).
  bool precedes_reservation_conflict() const;
  void pop();                  // first() has been reported
  bool clear(SenseCode code);  // true if it was pending
  std::span<const SenseCode> all() const { return {pending_.data(), count_}; }

 private:
  std::array<SenseCode, kCapacity> pending_{};
  std::uint8_t count_ = 0;
};

// One initiator at one logical unit through one port. Created by its first command; most never are.
struct ItlNexus : base::ListHook<ItlNexus>, base::ListHook<RoundTag> {  // the first: linked in its LuShard
  Nexus* nexus = nullptr;
  LogicalUnit* lu = nullptr;
  LuShard* shard = nullptr;
  std::uint32_t lun = 0;
  std::uint32_t commands = 0;  // in the task set
  std::uint8_t denials = 0;    // enum Denial of lu_control.h
  bool read_only = false;      // the view says so
  bool retired = false;        // no longer in the nexus' map; goes when its last command has ended
  UnitAttentions attentions;
  base::Time round{};  // in which commands were last counted that came and ended in it
  CommandCounters counters;
};

struct LunMapEntry {
  std::uint32_t lun = 0;
  LogicalUnit* lu = nullptr;
  bool read_only = false;
  bool operator==(const LunMapEntry&) const = default;
};

// Which logical units an I_T nexus sees: compiled from the views, shared by all nexuses of a reactor that match the
// same ones, never changed.
class LunMap {
 public:
  explicit LunMap(std::vector<LunMapEntry> entries);                 // any order
  std::span<const LunMapEntry> entries() const { return entries_; }  // ascending by LUN
  const LunMapEntry* find(std::uint32_t lun) const;

 private:
  friend class Router;
  std::vector<LunMapEntry> entries_;
  std::uint32_t users_ = 0;  // nexuses
};

class Nexus : public base::ListHook<Nexus> {
 public:
  Nexus(Router& owner, TargetPort& target_port, hal::Reactor& its_reactor, const TransportId& initiator, void* context);
  ~Nexus();
  // The I_T_L nexus at a LUN if it exists already; the fast path of dispatch.
  ItlNexus* itl(std::uint32_t lun) const {
    return lun < kDirect ? direct_[lun] : (lun / kPage < pages_.size() ? itl_in_pages(lun) : nullptr);
  }
  const LunMap& map() const { return *map_; }
  bool lost() const { return lost_; }  // nothing is sent to it any more
  Statistics statistics() const;       // at every logical unit together

  const NexusKey key;
  TargetPort& port;
  hal::Reactor& reactor;
  Router& router;
  void* const port_context;

 private:
  friend class Router;
  static constexpr std::uint32_t kDirect = 32;
  static constexpr std::uint32_t kPage = 64;
  using Page = std::array<ItlNexus*, kPage>;
  ItlNexus* itl_in_pages(std::uint32_t lun) const;
  void set_itl(std::uint32_t lun, ItlNexus* itl);
  template <class Fn>
  void for_each_itl(Fn&& fn) const;

  std::array<ItlNexus*, kDirect> direct_{};
  std::vector<std::unique_ptr<Page>> pages_;  // LUNs from kDirect up; absent where nothing was ever addressed
  LunMap* map_ = nullptr;
  Statistics ended_;  // of I_T_L nexuses that are gone
  std::uint64_t commands_received_ = 0;
  std::uint32_t in_flight_ = 0;   // commands, whatever they are for
  std::uint32_t homes_owed_ = 0;  // logical units that have yet to forget this nexus
  bool lost_ = false;
  bool quiet_ = false;   // nexus_quiet is on its way
  bool ending_ = false;  // the port was asked to end it
};

}  // namespace scsi
