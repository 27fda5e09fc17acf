// Reading the ports' rings and the states of logical units, and answering who waits.
#include "ctl/event_feed.h"

#include <algorithm>

namespace ctl {

void EventFeed::read(std::uint64_t after, base::Duration wait, Answer answer) {
  if (waiting_.size() >= kMaxWaiting) return answer(base::fail(base::Errc::kBusy, "too many wait for events"));
  waiting_.push_back({after, control_.now() + wait, std::move(answer)});
  look();
}

void EventFeed::configured(const Transactor::Report& report) {
  if (!report.applied) return;
  for (const Change& change : report.changes) {
    log_.add({0, control_.now(), "configuration", "changed", format_change(change), ""});
  }
  for (const std::string& note : report.notes) log_.add({0, control_.now(), "configuration", "note", note, ""});
}

void EventFeed::look() {
  if (looking_) return;
  looking_ = true;
  timer_.disarm();
  machine_.list_events([this](const std::vector<iscsi::EventInfo>& infos) {
    std::vector<Event> found;
    take_new(infos, found);
    look_at_fc(std::move(found));
  });
}

void EventFeed::look_at_fc(std::vector<Event> found) {
  machine_.list_fc_events([this, found = std::move(found)](const std::vector<fcp::EventInfo>& infos) mutable {
    take_new(infos, found);
    look_at_units(std::move(found));
  });
}

void EventFeed::look_at_units(std::vector<Event> found) {
  machine_.list_lus([this, found = std::move(found)](const std::vector<scsi::LuInfo>& units) mutable {
    add_units(units, found);
    looked(std::move(found));
  });
}

// Each ring's own order holds; a gap in its numbers is what it overwrote before we looked.
template <class Info>
void EventFeed::take_new(const std::vector<Info>& infos, std::vector<Event>& found) {
  for (const Info& info : infos) {
    Seen& seen = rings_[info.ring];
    const bool fresh = info.at > seen.at || (info.at == seen.at && info.number > seen.number);
    if (!fresh) continue;
    // A lower number at a later time: a port that was made anew, with a new ring.
    const std::uint64_t before = info.number > seen.number ? seen.number : 0;
    if (const std::uint64_t gap = info.number - before - 1; gap != 0) {
      found.push_back({0, info.at, info.ring, "events lost", "", std::to_string(gap)});
    }
    seen = {info.at, info.number};
    found.push_back({0, info.at, info.ring, info.event, info.subject, std::to_string(info.detail)});
  }
}

// What was there when nobody had looked yet is no event, unless it is amiss.
void EventFeed::add_units(const std::vector<scsi::LuInfo>& units, std::vector<Event>& found) {
  std::map<std::string, std::string> states;
  for (const scsi::LuInfo& unit : units) {
    const auto before = units_.find(unit.config.name);
    const std::string& old = before == units_.end() ? std::string("online") : before->second;
    if (old != unit.state) found.push_back({0, control_.now(), "lu", unit.state, unit.config.name, "was " + old});
    states[unit.config.name] = unit.state;
  }
  units_ = std::move(states);
}

void EventFeed::looked(std::vector<Event> found) {
  std::stable_sort(found.begin(), found.end(), [](const Event& a, const Event& b) { return a.at < b.at; });
  for (Event& event : found) log_.add(std::move(event));
  looking_ = false;
  std::vector<Waiting> over;
  const auto waits = [&](const Waiting& one) { return one.after >= log_.last() && control_.now() < one.until; };
  const auto last = std::stable_partition(waiting_.begin(), waiting_.end(), waits);
  std::move(last, waiting_.end(), std::back_inserter(over));
  waiting_.erase(last, waiting_.end());
  if (!waiting_.empty()) timer_.arm(control_.timers(), control_.now() + kLook);
  for (const Waiting& one : over) one.answer(log_.read(one.after));
}

}  // namespace ctl
