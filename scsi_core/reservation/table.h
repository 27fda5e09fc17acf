// Reservations of one logical unit as a value: who is registered, who holds what, and how each service action changes
// that (SPC-5 5.14, SPC-2 5.5). No I/O, no clock, no thread: whoever owns a table saves it and makes it known.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "scsi_core/nexus.h"
#include "scsi_core/sense.h"

namespace scsi {

enum class ReservationType : std::uint8_t {  // SPC-5 table 199
  kNone = 0,
  kWriteExclusive = 1,
  kExclusiveAccess = 3,
  kWriteExclusiveRegistrantsOnly = 5,
  kExclusiveAccessRegistrantsOnly = 6,
  kWriteExclusiveAllRegistrants = 7,
  kExclusiveAccessAllRegistrants = 8,
};
bool is_reservation_type(std::uint8_t type);  // one of the six
bool is_all_registrants(ReservationType type);
bool is_registrants_only(ReservationType type);

enum class ReserveAction : std::uint8_t {  // PERSISTENT RESERVE OUT service actions, SPC-5 table 205
  kRegister = 0,
  kReserve = 1,
  kRelease = 2,
  kClear = 3,
  kPreempt = 4,
  kPreemptAndAbort = 5,
  kRegisterAndIgnore = 6,
  kRegisterAndMove = 7,
  kReplaceLost = 8,
};

// An initiator named by a TransportID, and where in the parameter list it stands.
struct NamedInitiator {
  TransportId id;
  bool any_session = false;  // `id.name` is an iSCSI node name: every initiator port of it that is known
  std::uint16_t byte = 0;
};

// PERSISTENT RESERVE OUT as a value (parameters.h makes it from bytes).
struct ReserveRequest {
  ReserveAction action = ReserveAction::kRegister;
  std::uint8_t scope = 0;
  std::uint8_t type = 0;          // as sent, not yet checked
  std::uint64_t key = 0;          // RESERVATION KEY
  std::uint64_t service_key = 0;  // SERVICE ACTION RESERVATION KEY
  bool specify_initiators = false;
  bool all_target_ports = false;
  bool persist = false;             // APTPL
  bool unregister = false;          // UNREG of REGISTER AND MOVE
  std::uint16_t relative_port = 0;  // of REGISTER AND MOVE
  std::vector<NamedInitiator> initiators{};
  Outcome list_error{};  // what is wrong with the TransportIDs; told only where the service action looks at them
};

// GOOD, or INVALID FIELD IN CDB at SCOPE or TYPE.
Outcome check_scope_and_type(const ReserveRequest& request);

// What the table cannot know by itself: through which target ports the logical unit is reached, and by whom now.
struct ReserveContext {
  std::span<const TargetPortIdentity> ports;
  std::span<const NexusKey> nexuses;  // logged in; registrants need not be among them
};

struct Registration {
  NexusKey nexus;
  std::uint64_t key = 0;  // never zero
  bool operator==(const Registration&) const = default;
};

// A unit attention condition that a change calls for.
struct ReserveAttention {
  SenseCode code;
  std::vector<NexusKey> nexuses;
};

// What came of a request. Any outcome but GOOD: the table is as it was.
struct ReserveResult {
  ReserveResult() = default;                                  // GOOD, nothing changed
  ReserveResult(const Outcome& told) : outcome(told) {}       // NOLINT: implicit by design
  ReserveResult(Status told) : outcome(Outcome::of(told)) {}  // NOLINT: implicit by design
  Outcome outcome;
  bool changed = false;
  std::vector<ReserveAttention> attentions;
  std::vector<NexusKey> preempted;  // whose commands PREEMPT AND ABORT ends
};

// Whose commands answer RESERVATION CONFLICT: an immutable extract of a table that other reactors may ask.
struct Denials {
  ReservationType type = ReservationType::kNone;
  std::optional<NexusKey> holder;
  std::optional<NexusKey> reserver;              // of RESERVE(6) or RESERVE(10)
  std::vector<NexusKey> registrants;             // where they matter
  std::uint8_t of(const NexusKey& nexus) const;  // Denial bits of lu_control.h
};

struct ReservationState;

class ReservationTable {
 public:
  // 1,024 registrants with the longest names make a record of 260 KiB.
  static constexpr std::size_t kMaxRegistrants = 1024;

  // PERSISTENT RESERVE OUT from `nexus`.
  ReserveResult apply(const NexusKey& nexus, const ReserveRequest& request, const ReserveContext& context);

  // RESERVE and RELEASE of SPC-2, with the exceptions of SPC-5 5.14.3 (CRH).
  ReserveResult reserve(const NexusKey& nexus);
  ReserveResult release(const NexusKey& nexus);
  // Ends the RESERVE reservation of `nexus`; true if it had one. Registrations are not touched.
  bool forget_nexus(const NexusKey& nexus);
  bool reset();  // LOGICAL UNIT RESET, target reset: ends any RESERVE reservation; true if there was one
  // True when a RESERVE reservation, of whichever nexus, keeps PERSISTENT RESERVE IN and OUT out (SPC-2 5.5.1).
  bool reserved_by_reserve() const { return reserver_.has_value(); }

  const std::vector<Registration>& registrations() const { return registrations_; }  // in order of registration
  const Registration* find(const NexusKey& nexus) const;
  bool registered(const NexusKey& nexus) const { return find(nexus) != nullptr; }
  bool holds(const NexusKey& nexus) const;  // a persistent reservation holder (SPC-5 5.14.10)
  ReservationType type() const { return type_; }
  const std::optional<NexusKey>& holder() const { return holder_; }  // absent with all registrants types
  std::uint32_t generation() const { return generation_; }           // PRGENERATION
  bool persists() const { return persists_; }                        // APTPL
  Denials denials() const;

  // What was kept has been lost: nothing but REPLACE LOST RESERVATION works (SPC-5 5.14.5.3.2).
  void mark_lost() { lost_ = true; }
  bool lost() const { return lost_; }

  // APTPL: everything that survives a power cycle, as bytes (record.cc).
  std::vector<std::byte> encode() const;
  static base::Result<ReservationTable> decode(std::span<const std::byte> record);

  // All of it, for another process that goes on with it (handover.h).
  ReservationState hand_over() const;
  static base::Result<ReservationTable> take_over(const ReservationState& state);

  bool operator==(const ReservationTable&) const = default;

 private:
  // register.cc
  ReserveResult do_register(const NexusKey& nexus, const ReserveRequest& request, const ReserveContext& context);
  Outcome through_all_ports(const NexusKey& nexus, const ReserveRequest& request, const ReserveContext& context,
                            std::vector<NexusKey>& targets) const;
  Outcome named_initiators(const NexusKey& nexus, const ReserveRequest& request, const ReserveContext& context,
                           std::vector<NexusKey>& targets) const;
  ReserveResult set_key(const NexusKey& sender, const std::vector<NexusKey>& targets, std::uint64_t key, bool persist);
  // move.cc
  ReserveResult register_and_move(const NexusKey& nexus, const ReserveRequest& request, const ReserveContext& context);
  // reserve.cc
  ReserveResult persistent_reserve(const NexusKey& nexus, const ReserveRequest& request);
  ReserveResult persistent_release(const NexusKey& nexus, const ReserveRequest& request);
  ReserveResult clear(const NexusKey& nexus);
  ReserveResult replace_lost(const NexusKey& nexus, const ReserveRequest& request);
  bool compatible(const NexusKey& nexus) const;
  // preempt.cc
  ReserveResult preempt(const NexusKey& nexus, const ReserveRequest& request);
  ReserveResult preempt_reservation(const NexusKey& nexus, const ReserveRequest& request);
  ReserveResult remove_registrations(const NexusKey& nexus, std::uint64_t key);
  // table.cc
  Registration* find(const NexusKey& nexus);
  void put(const NexusKey& nexus, std::uint64_t key);
  void remove(const NexusKey& nexus);
  void establish(const NexusKey& nexus, ReservationType type);
  void end_reservation();
  void settle_after_removal(const NexusKey& sender, ReserveResult& result);
  std::vector<NexusKey> registrants_but(const NexusKey& nexus) const;

  std::vector<Registration> registrations_;
  ReservationType type_ = ReservationType::kNone;
  std::optional<NexusKey> holder_;
  std::uint32_t generation_ = 0;
  bool persists_ = false;
  bool lost_ = false;
  std::optional<NexusKey> reserver_;  // of RESERVE(6) or RESERVE(10)
};

}  // namespace scsi
