// The life of one change to a reservation table, and what resets and lost nexuses do to it.
#include "scsi_core/reservation/reservations.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "scsi_core/execution.h"
#include "scsi_core/handover.h"
#include "scsi_core/metadata_store.h"
#include "scsi_core/reservation/parameters.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

constexpr base::Logger kLog("reservation");

bool is_persistent(const Command& command) { return command.cdb[0] == 0x5f; }
bool is_reserve(const Command& command) { return command.cdb[0] == 0x16 || command.cdb[0] == 0x56; }

base::Result<std::optional<ReservationTable>> load(MetadataStore& store, const std::string& lu) {
  const auto record = TRY(store.load(lu, kReservationsRecord));
  if (!record.has_value()) return std::optional<ReservationTable>();
  return std::optional(TRY(ReservationTable::decode(*record)));
}

NexusFilter among(std::vector<NexusKey> nexuses) {
  return [nexuses = std::move(nexuses)](const NexusKey& nexus) {
    return std::ranges::find(nexuses, nexus) != nexuses.end();
  };
}

}  // namespace

Reservations::~Reservations() { CHECK(current_ == nullptr && waiting_.empty()); }

void Reservations::restore(MetadataStore* store) {
  store_ = store;
  if (store_ == nullptr) return;
  auto loaded = load(*store_, lu_.config().name);
  if (!loaded.has_value()) {
    kLog.error("{}: what was reserved is lost, medium access is refused: {}", lu_.config().name, loaded.error().text);
    table_.mark_lost();
    stored_ = true;
    lu_.flags.fetch_or(kLuMetadataUnreadable, std::memory_order_release);
  } else if (loaded->has_value()) {
    table_ = std::move(**loaded);
    stored_ = true;
  }
}

base::Result<void> Reservations::take_over(const ReservationState& state) {
  table_ = TRY(ReservationTable::take_over(state));
  stored_ = table_.persists() || table_.lost();  // what the other process has kept or erased since we read it
  power_on();
  return {};
}

void Reservations::submit(Command& command) {
  waiting_.push_back(&command);
  if (current_ == nullptr) next();
}

void Reservations::next() {
  while (current_ == nullptr && !waiting_.empty()) {
    current_ = waiting_.front();
    waiting_.erase(waiting_.begin());
    begin();
  }
}

void Reservations::begin() {
  request_ = {};
  if (!is_persistent(*current_)) return decide({});
  const Outcome outcome = parse_reserve_request(current_->cdb.data(), parameters(*current_), request_);
  if (outcome.status != Status::kGood) return fail(outcome);
  const bool names_others =
      request_.specify_initiators || request_.all_target_ports || request_.action == ReserveAction::kRegisterAndMove;
  if (!names_others) return decide({});
  find_reach(lu_, [this](const Reach& reach) {
    decide(reach);
    next();
  });
}

void Reservations::decide(const Reach& reach) {
  const NexusKey& nexus = nexus_key(*current_);
  changed_ = table_;
  if (is_persistent(*current_)) {
    result_ = changed_.apply(nexus, request_, {reach.ports, reach.nexuses});
  } else {
    result_ = is_reserve(*current_) ? changed_.reserve(nexus) : changed_.release(nexus);
  }
  if (result_.outcome.status != Status::kGood) return fail(result_.outcome);
  if (!result_.changed) return complete();
  save();
}

void Reservations::save() {
  const bool wanted = changed_.persists();
  if (store_ == nullptr || !is_persistent(*current_) || (!wanted && !stored_)) return commit();
  const auto saved = [this, wanted](base::Result<void> result) {
    if (result.has_value()) {
      stored_ = wanted;
      commit();
    } else {
      kLog.error("{}: a change of its reservations could not be kept: {}", lu_.config().name, result.error().text);
      fail(Outcome::check(kInternalTargetFailure));
      next();
    }
  };
  const std::string& name = lu_.config().name;
  if (wanted) {
    store_->save(lu_.home(), name, kReservationsRecord, changed_.encode(), saved);
  } else {
    store_->erase(lu_.home(), name, kReservationsRecord, saved);
  }
}

void Reservations::commit() {
  table_ = std::move(changed_);
  if (!table_.lost()) {
    lu_.flags.fetch_and(~static_cast<std::uint32_t>(kLuMetadataUnreadable), std::memory_order_release);
  }
  // Before the denials, whose answer thus also means that these have arrived.
  for (ReserveAttention& each : result_.attentions) {
    if (!each.nexuses.empty()) establish_unit_attention(lu_, each.code, among(std::move(each.nexuses)));
  }
  publish([this] { announce(); });
}

void Reservations::announce() {
  if (is_persistent(*current_) && request_.action == ReserveAction::kPreemptAndAbort) {
    end_preempted();
  } else {
    complete();
  }
  next();
}

// Other changes may go on meanwhile: their commands may be among those that are waited for.
void Reservations::end_preempted() {
  Command& command = *std::exchange(current_, nullptr);
  const NexusFilter filter = among(result_.preempted);
  // SPC-5 5.14.11.2.6 h: as if each had sent PREVENT ALLOW MEDIUM REMOVAL with PREVENT zero.
  for (const NexusKey& nexus : result_.preempted) lu_.server().nexus_lost(lu_, nexus);
  drop_waiting(filter);
  abort_commands(lu_, filter, &command, true, [&command] { home_done(command); });
}

void Reservations::complete() { home_done(*std::exchange(current_, nullptr)); }

void Reservations::fail(const Outcome& outcome) { fail_at_home(*std::exchange(current_, nullptr), outcome); }

// Commands that are being aborted must not take effect later.
void Reservations::drop_waiting(const NexusFilter& filter) {
  std::erase_if(waiting_, [&](Command* command) {
    if (!filter(nexus_key(*command))) return false;
    fail_at_home(*command, Outcome::of(Status::kReservationConflict));
    return true;
  });
}

void Reservations::publish(std::function<void()> done) {
  publish_denials(
      lu_, [denials = table_.denials()](const NexusKey& nexus) { return denials.of(nexus); }, std::move(done));
}

void Reservations::power_on() {
  if (table_.type() != ReservationType::kNone || table_.reserved_by_reserve()) publish({});
}

void Reservations::reset() {
  if (table_.reset()) publish({});
}

void Reservations::nexus_lost(const NexusKey& nexus) {
  drop_waiting(among({nexus}));
  if (table_.forget_nexus(nexus)) publish({});
}

}  // namespace scsi
