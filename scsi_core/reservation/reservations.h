// The reservations of one logical unit at work: one change at a time, kept where APTPL asks for it, known everywhere.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/result.h"
#include "scsi_core/command.h"
#include "scsi_core/lu_control.h"
#include "scsi_core/reservation/table.h"

namespace scsi {

class MetadataStore;
struct ReservationState;

inline constexpr char kReservationsRecord[] = "reservations";  // in the metadata store

// Home reactor, but for the constructor and restore().
//
// A change is made in a copy of the table; the copy is saved, then takes the table's place, then every reactor is told,
// then (PREEMPT AND ABORT) commands are ended, and only then does its command get GOOD. When saving fails the command
// fails and the table is as it was. Changes wait for each other in order of arrival.
class Reservations {
 public:
  explicit Reservations(LogicalUnit& lu) : lu_(lu) {}
  ~Reservations();
  // Blocking; before the first command. Null keeps nothing. A record that cannot be read, or makes no sense, makes the
  // logical unit NOT READY (kLuMetadataUnreadable): that it is not reserved cannot be said.
  void restore(MetadataStore* store);

  const ReservationTable& table() const { return table_; }
  // A command that came by at_home_async: PERSISTENT RESERVE OUT with its parameter list, RESERVE or RELEASE.
  void submit(Command& command);
  // Instead of what was restored; while nobody uses the logical unit.
  base::Result<void> take_over(const ReservationState& state);
  void power_on();  // once, before the first command
  void reset();     // LOGICAL UNIT RESET, target reset
  void nexus_lost(const NexusKey& nexus);

 private:
  void next();
  void begin();
  void decide(const Reach& reach);
  void save();
  void commit();
  void announce();
  void end_preempted();
  void complete();                    // current_ ends with GOOD
  void fail(const Outcome& outcome);  // or with something else; the table stays
  void drop_waiting(const NexusFilter& filter);
  void publish(std::function<void()> done);

  LogicalUnit& lu_;
  MetadataStore* store_ = nullptr;
  ReservationTable table_;
  bool stored_ = false;            // a record exists in the store
  std::vector<Command*> waiting_;  // in order of arrival
  Command* current_ = nullptr;
  ReserveRequest request_;  // of current_
  ReservationTable changed_;
  ReserveResult result_;
};

}  // namespace scsi
