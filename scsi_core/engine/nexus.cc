// Life of I_T nexuses and I_T_L nexuses on a router.
#include "scsi_core/nexus.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "scsi_core/engine/ending.h"
#include "scsi_core/engine/lu_home.h"
#include "scsi_core/engine/router.h"
#include "scsi_core/execution.h"
#include "scsi_core/reservation/reservations.h"
#include "scsi_core/sense_codes.h"

namespace scsi {
namespace {

constexpr base::Logger kLog("core");

}  // namespace

LunMap::LunMap(std::vector<LunMapEntry> entries) : entries_(std::move(entries)) {
  std::sort(entries_.begin(), entries_.end(), [](const LunMapEntry& a, const LunMapEntry& b) { return a.lun < b.lun; });
}

const LunMapEntry* LunMap::find(std::uint32_t lun) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), lun,
                                   [](const LunMapEntry& entry, std::uint32_t wanted) { return entry.lun < wanted; });
  return at != entries_.end() && at->lun == lun ? &*at : nullptr;
}

Nexus::Nexus(Router& owner, TargetPort& target_port, hal::Reactor& its_reactor, const TransportId& initiator,
             void* context)
    : key{initiator, target_port.identity().relative_id},
      port(target_port),
      reactor(its_reactor),
      router(owner),
      port_context(context) {}

Nexus::~Nexus() { CHECK(in_flight_ == 0 && homes_owed_ == 0); }

ItlNexus* Nexus::itl_in_pages(std::uint32_t lun) const {
  const std::unique_ptr<Page>& page = pages_[lun / kPage];
  return page ? (*page)[lun % kPage] : nullptr;
}

void Nexus::set_itl(std::uint32_t lun, ItlNexus* itl) {
  if (lun < kDirect) {
    direct_[lun] = itl;
    return;
  }
  if (pages_.size() <= lun / kPage) pages_.resize(lun / kPage + 1);
  std::unique_ptr<Page>& page = pages_[lun / kPage];
  if (!page) page = std::make_unique<Page>();
  (*page)[lun % kPage] = itl;
}

template <class Fn>
void Nexus::for_each_itl(Fn&& fn) const {
  for (ItlNexus* itl : direct_) {
    if (itl != nullptr) fn(*itl);
  }
  for (const std::unique_ptr<Page>& page : pages_) {
    if (!page) continue;
    for (ItlNexus* itl : *page) {
      if (itl != nullptr) fn(*itl);
    }
  }
}

void Router::for_each_itl(Nexus& nexus, const std::function<void(ItlNexus&)>& fn) { nexus.for_each_itl(fn); }

Nexus& Router::nexus_established(TargetPort& port, const TransportId& initiator, void* context) {
  auto nexus = std::make_unique<Nexus>(*this, port, reactor_, initiator, context);
  nexus->map_ = &map_for(*nexus);
  ++nexus->map_->users_;
  nexuses_.push_back(*nexus);
  watchdog_.start();
  round_end_.start();
  return *nexus.release();  // deleted when it is quiet
}

Statistics Nexus::statistics() const {
  Statistics all = ended_;
  for_each_itl([&](const ItlNexus& itl) { itl.counters.add_to(all); });
  all.in_flight = in_flight_;
  return all;
}

NexusInfo Router::info_of(const Nexus& nexus) const {
  NexusInfo info{shown_name(nexus.key.initiator),
                 shown_name(nexus.port.identity()),
                 nexus.commands_received_,
                 nexus.in_flight_,
                 {}};
  for (const LunMapEntry& entry : nexus.map_->entries()) info.luns.emplace_back(entry.lun, entry.lu->config().name);
  return info;
}

LunMap& Router::map_for(const Nexus& nexus) {
  if (views_ == nullptr) {
    static const std::string kNothing;
    auto& empty = maps_[kNothing];
    if (!empty) empty = std::make_unique<LunMap>(std::vector<LunMapEntry>());
    return *empty;
  }
  auto& map = maps_[views_->key_of(nexus)];
  if (!map) map = std::make_unique<LunMap>(views_->entries_for(nexus));
  return *map;
}

void Router::leave_map(Nexus& nexus) {
  LunMap* const map = nexus.map_;
  nexus.map_ = nullptr;
  if (--map->users_ != 0) return;
  std::erase_if(maps_, [&](const auto& entry) { return entry.second.get() == map; });
  std::erase_if(old_maps_, [&](const auto& entry) { return entry.get() == map; });
}

void Router::set_views(const ViewSnapshot* views) {
  views_ = views;
  std::erase_if(ended_, [&](const auto& entry) {
    return std::ranges::none_of(views->ports(), [&](const auto& port) { return shown_name(port) == entry.first; });
  });
  for (auto& [key, map] : maps_) old_maps_.push_back(std::move(map));
  maps_.clear();
  nexuses_.for_each([&](Nexus& nexus) {
    if (nexus.lost_) return;
    const LunMap& before = *nexus.map_;
    LunMap& after = map_for(nexus);
    ++after.users_;
    const bool changed =
        !std::equal(before.entries_.begin(), before.entries_.end(), after.entries_.begin(), after.entries_.end(),
                    [](const LunMapEntry& a, const LunMapEntry& b) { return a.lun == b.lun && a.lu == b.lu; });
    nexus.for_each_itl([&](ItlNexus& itl) {
      const LunMapEntry* const entry = after.find(itl.lun);
      if (entry == nullptr || entry->lu != itl.lu) return retire(nexus, itl);
      itl.read_only = entry->read_only;
      if (changed) itl.attentions.establish(kReportedLunsDataHasChanged);
    });
    leave_map(nexus);
    nexus.map_ = &after;
    if (changed) nexus.port.logical_units_changed(nexus);
  });
}

void clear_reported_luns_changed(Command& command) {
  router_of(command).for_each_itl(*command.nexus,
                                  [](ItlNexus& itl) { itl.attentions.clear(kReportedLunsDataHasChanged); });
}

ItlNexus* Router::make_itl(Nexus& nexus, std::uint32_t lun) {
  if (lun > kMaxLunNumber) return nullptr;
  const LunMapEntry* const entry = nexus.map_->find(lun);
  if (entry == nullptr) return nullptr;
  LuShard& shard = entry->lu->shard(index_);
  auto itl = std::make_unique<ItlNexus>();  // deleted by forget()
  itl->nexus = &nexus;
  itl->lu = entry->lu;
  itl->shard = &shard;
  itl->lun = lun;
  itl->read_only = entry->read_only;
  if (shard.denials) itl->denials = shard.denials(nexus.key);
  itl->attentions.establish(kPowerOnOccurred);
  shard.itls.push_back(*itl);
  entry->lu->at_home().pin();
  nexus.set_itl(lun, itl.get());
  return itl.release();
}

void Router::retire(Nexus& nexus, ItlNexus& itl) {
  nexus.set_itl(itl.lun, nullptr);
  itl.retired = true;
  if (itl.commands == 0) gone_from(itl);
}

// The last command of a retired I_T_L nexus has ended: the device server forgets it too.
void Router::gone_from(ItlNexus& itl) {
  static_cast<base::ListHook<ItlNexus>&>(itl).unlink();
  round_end_.forget(itl);
  itl.counters.add_to(itl.nexus->ended_);
  itl.counters.add_to(itl.shard->ended);
  ++itl.nexus->homes_owed_;
  itl.lu->home().post_function([this, &itl] {
    itl.lu->server().nexus_lost(*itl.lu, itl.nexus->key);
    itl.lu->reservations().nexus_lost(itl.nexus->key);
    reactor_.post_function([this, &itl] { forget(itl); });
  });
}

void Router::forget(ItlNexus& itl) {
  const std::unique_ptr<ItlNexus> last(&itl);
  itl.lu->at_home().unpin();
  --itl.nexus->homes_owed_;
  quiet_if_over(*itl.nexus);
}

void Router::nexus_lost(Nexus& nexus) {
  CHECK(!nexus.lost_);
  nexus.lost_ = true;
  ++nexus.in_flight_;  // not quiet before all of this is done
  abandon_functions(nexus);
  const auto abort_its = [&](Command& command) {
    if (command.nexus == &nexus) abort_command(command, std::nullopt, 0);
  };
  without_unit_.for_each(abort_its);
  shards_.for_each([&](LuShard& shard) { shard.commands.for_each(abort_its); });
  nexus.for_each_itl([&](ItlNexus& itl) { retire(nexus, itl); });
  --nexus.in_flight_;
  quiet_if_over(nexus);
}

void Router::end_nexus(Nexus& nexus) {
  if (nexus.ending_ || nexus.lost_) return;
  nexus.ending_ = true;
  kLog.warn("{}: the port has not answered within the limit, ending the nexus",
            base::escaped(shown_name(nexus.key.initiator)));
  nexus.port.end_nexus(nexus);
}

// By message: the last command may still be on its way back to the port.
void Router::quiet_if_over(Nexus& nexus) {
  if (!nexus.lost_ || nexus.in_flight_ != 0 || nexus.homes_owed_ != 0 || nexus.quiet_) return;
  nexus.quiet_ = true;
  reactor_.post_function([this, &nexus] {
    leave_map(nexus);
    nexus.unlink();
    ended_[shown_name(nexus.port.identity())] += nexus.ended_;
    const std::unique_ptr<Nexus> last(&nexus);
    nexus.port.nexus_quiet(nexus);
  });
}

}  // namespace scsi
