// Sums of what is counted, and the rounds in which commands begin and end.
#include "scsi_core/statistics.h"

#include "scsi_core/engine/round_end.h"
#include "scsi_core/engine/router.h"

namespace scsi {

Statistics& Statistics::operator+=(const Statistics& other) {
  base::add(reads, other.reads);
  base::add(writes, other.writes);
  others += other.others;
  read_bytes += other.read_bytes;
  write_bytes += other.write_bytes;
  errors += other.errors;
  aborted += other.aborted;
  in_flight += other.in_flight;
  return *this;
}

void CommandCounters::add_to(Statistics& statistics) const {
  reads.latency.add_to(statistics.reads);
  writes.latency.add_to(statistics.writes);
  statistics.others += others;
  statistics.read_bytes += reads.bytes;
  statistics.write_bytes += writes.bytes;
  statistics.errors += errors;
  statistics.aborted += aborted;
}

std::map<std::string, Statistics> Router::port_statistics() {
  std::map<std::string, Statistics> all = ended_;
  nexuses_.for_each([&](const Nexus& nexus) { all[shown_name(nexus.port.identity())] += nexus.ended_; });
  shards_.for_each([&](LuShard& shard) {
    shard.itls.for_each([&](const ItlNexus& itl) {
      Statistics& port = all[shown_name(itl.nexus->port.identity())];
      itl.counters.add_to(port);
      port.in_flight += itl.commands;
    });
  });
  return all;
}

RoundEnd::~RoundEnd() {
  if (linked()) reactor_.remove(*this);
}

void RoundEnd::start() {
  if (!linked()) reactor_.add(*this);
}

void RoundEnd::note(ItlNexus& itl) {
  if (round_ != reactor_.now()) {
    settle();
    round_ = reactor_.now();
  }
  itl.round = round_;
  if (!static_cast<base::ListHook<RoundTag>&>(itl).linked()) itls_.push_back(itl);
}

void RoundEnd::forget(ItlNexus& itl) {
  auto& hook = static_cast<base::ListHook<RoundTag>&>(itl);
  if (hook.linked()) hook.unlink();
}

// No work: the round before was busy, so this one comes without sleep between them.
bool RoundEnd::poll() {
  if (!itls_.empty() && round_ != reactor_.now()) settle();
  return false;
}

void RoundEnd::settle() {
  const std::size_t bucket = base::Histogram::bucket(reactor_.now() - round_);
  while (ItlNexus* const itl = itls_.pop_front()) {
    itl->counters.reads.latency.move_first(bucket);
    itl->counters.writes.latency.move_first(bucket);
  }
}

}  // namespace scsi
