// Fills the log of events from what ports, logical units and the configuration tell, and lets followers wait for more.
// Ports keep rings of their own: these are read when somebody asks or waits, so a target that nobody watches does
// nothing for it. Lives on the control reactor.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "ctl/event_log.h"
#include "ctl/machine.h"
#include "ctl/transactor.h"
#include "hal/reactor.h"

namespace ctl {

class EventFeed {
 public:
  using Answer = std::function<void(base::Result<EventBatch>)>;
  static constexpr base::Duration kLook = std::chrono::milliseconds(250);  // between two looks while somebody waits
  static constexpr std::size_t kMaxWaiting = 256;

  EventFeed(hal::Reactor& control, Machine& machine) : control_(control), machine_(machine) {}
  // Events after that number; when there are none, the answer comes with the first one, or empty after `wait`.
  void read(std::uint64_t after, base::Duration wait, Answer answer);
  void configured(const Transactor::Report& report);

 private:
  struct Waiting {
    std::uint64_t after;
    base::Time until;
    Answer answer;
  };
  struct Seen {  // of one ring
    base::Time at{};
    std::uint64_t number = 0;
  };
  void look();
  void look_at_fc(std::vector<Event> found);
  void look_at_units(std::vector<Event> found);
  void looked(std::vector<Event> found);
  template <class Info>
  void take_new(const std::vector<Info>& infos, std::vector<Event>& found);
  void add_units(const std::vector<scsi::LuInfo>& units, std::vector<Event>& found);
  static void again(void* context) { static_cast<EventFeed*>(context)->look(); }

  hal::Reactor& control_;
  Machine& machine_;
  EventLog log_;
  std::map<std::string, Seen> rings_;
  std::map<std::string, std::string> units_;  // their states
  std::vector<Waiting> waiting_;
  bool looking_ = false;
  hal::Timer timer_{&EventFeed::again, this};
};

}  // namespace ctl
