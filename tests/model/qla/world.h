// A small SAN: an initiator and a port of drivers/qla on its model, joined by a switch; stepped in an order drawn from
// a seed. A port with several queues has a reactor for each, and as many initiators.
#pragma once

#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "drivers/qla/adapter.h"
#include "emu/fc/link.h"
#include "emu/fc/switch/switch.h"
#include "emu/host/in_process.h"
#include "emu/qla/model.h"
#include "hal/reactor.h"
#include "tests/model/qla/ram_target.h"
#include "tests/unit/emu/fc/station.h"

namespace model_test {

enum class Network { kSwitch, kCable };  // a cable: point to point, and ours is the larger name

struct World {
  explicit World(std::uint64_t seed = 1, qla::Options options = small(),
                 const emu::qla::Chip& chip = emu::qla::isp2532(), Network network = Network::kSwitch,
                 std::size_t queues = 1);
  ~World();
  static qla::Options small();

  void step();
  void run(int steps) {
    for (int i = 0; i < steps; ++i) step();
  }
  template <class Condition>
  bool until(Condition&& condition, base::Duration limit = std::chrono::seconds(60)) {
    const base::Time end = clock.now() + limit;
    for (int steps = 0; !condition(); ++steps) {
      if (clock.now() >= end) return false;
      if (steps > 2000) clock.advance(std::chrono::milliseconds(10));  // only timers can bring it now
      step();
    }
    return true;
  }
  void start();            // to link_up
  void log_in();           // the initiators, PLOGI and PRLI
  bool stop();             // the port
  bool logged_in() const;  // all of them
  hal::fc::PortId target() const { return user->link.id; }
  emu::fc::Station::Io& io(bool write, std::uint32_t at, std::uint32_t length) {
    return host.start(target(), write, at, length, std::chrono::seconds(20));
  }
  emu::fc::Station::Io& special(std::uint8_t opcode, std::uint8_t task_management = 0);
  emu::fc::Station& initiator(std::size_t i) { return i == 0 ? host : more_hosts[i - 1]->station; }
  std::size_t initiators() const { return 1 + more_hosts.size(); }
  bool ended() const;  // everything that the initiators asked for
  void expect_io();    // one write and one read of it that succeed, all others ended
  std::uint64_t counter(qla::Count count) const {
    return port->info().counters.at(static_cast<std::size_t>(count)).second;
  }

  base::Duration tick = std::chrono::microseconds(200);
  bool sleeps =
      false;  // the reactor, as hal/reactor.cc has it: after rounds without work, until an interrupt or a timer
  int interrupts = 0;  // that ended a sleep
  base::ManualClock clock;
  base::SeededRandom random;
  std::unique_ptr<hal::Reactor> reactor;
  std::vector<std::unique_ptr<hal::Reactor>> more_reactors;
  std::size_t frozen = 0;  // of those one that does nothing, counted from 1
  emu::fc::Switch fabric;
  emu::fc::Link target_link, host_link;
  emu::InProcessHost pci;
  emu::qla::Model model;
  std::unique_ptr<qla::Adapter> port;
  std::unique_ptr<RamTarget> user;
  emu::fc::Station host;
  struct Host {
    Host(std::uint64_t seed, std::size_t number);
    emu::fc::Link link;
    emu::fc::Station station;
  };
  std::vector<std::unique_ptr<Host>> more_hosts;

 private:
  bool logged_in(const emu::fc::Station& station) const;
  void step_one(std::size_t who);
  void run_reactor();
  bool interrupted() const;
  bool asleep_ = false;
  int idle_rounds_ = 0;
};

}  // namespace model_test
