// How the small SAN is made and driven.
#include "tests/model/qla/world.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>

namespace model_test {
namespace {

using emu::fc::LinkOptions;

std::unique_ptr<hal::Reactor> make_reactor(const base::Clock& clock, std::uint64_t seed) {
  hal::ReactorOptions options;
  options.clock = const_cast<base::Clock*>(&clock);
  options.shuffle_seed = seed;
  return hal::Reactor::create(options).value();
}

}  // namespace

qla::Options World::small() {
  qla::Options options;
  options.exchanges = 256;
  options.logins = 16;
  return options;
}

World::Host::Host(std::uint64_t seed, std::size_t number)
    : link(LinkOptions{.name = "host " + std::to_string(number), .credit = 32, .seed = seed + 1 + number}),
      station(link.end(0), 0x2100002400000022 + number, emu::fc::Station::Role::kInitiator) {}

World::World(std::uint64_t seed, qla::Options options, const emu::qla::Chip& chip, Network network, std::size_t queues)
    : random(seed),
      reactor(make_reactor(clock, seed)),
      fabric({}),
      target_link(LinkOptions{.name = "target", .credit = 32, .seed = seed}),
      host_link(LinkOptions{.name = "host", .credit = 32, .seed = seed + 1}),
      pci(clock),
      model(pci, chip, {.port_name = {0x2100002400000011}, .node_name = {0x2000002400000011}}, target_link.end(0)),
      host(network == Network::kSwitch ? host_link.end(0) : target_link.end(1),
           network == Network::kSwitch ? 0x2100002400000022 : 0x2100002400000002, emu::fc::Station::Role::kInitiator) {
  pci.attach(model);
  if (network == Network::kSwitch) {
    fabric.add_port(target_link.end(1));
    fabric.add_port(host_link.end(1));
  }
  for (std::size_t i = 1; i < queues; ++i) {
    more_reactors.push_back(make_reactor(clock, seed + i));
    options.reactors.push_back(more_reactors.back().get());
    more_hosts.push_back(std::make_unique<Host>(seed, i));
    fabric.add_port(more_hosts.back()->link.end(1));
  }
  port = qla::Adapter::create(pci.open(), *reactor, std::move(options)).value();
  user = std::make_unique<RamTarget>(*port, seed ^ 0x55);
  for (std::size_t i = 0; i < initiators(); ++i) initiator(i).port.start();
}

World::~World() {
  user.reset();
  port.reset();
}

void World::step() {
  clock.advance(tick);
  std::array<std::size_t, 64> places;
  const auto order = std::span(places).first(6 + 3 * more_hosts.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  for (const std::size_t who : order) step_one(who);
}

void World::step_one(std::size_t who) {
  switch (who) {
    case 0:
      return run_reactor();
    case 1:
      pci.poll();
      return;
    case 2:
      fabric.poll(clock.now());
      return;
    case 3:
      target_link.poll(clock.now());
      return;
    case 4:
      host_link.poll(clock.now());
      return;
    case 5:
      host.port.poll(clock.now());
      return;
    default:
      break;
  }
  const std::size_t i = (who - 6) / 3;
  if (who % 3 == 0) {
    if (frozen != i + 1) more_reactors[i]->run_once();
  } else if (who % 3 == 1) {
    more_hosts[i]->link.poll(clock.now());
  } else {
    more_hosts[i]->station.port.poll(clock.now());
  }
}

bool World::interrupted() const {
  auto& irqs = const_cast<emu::InProcessHost&>(pci).irqs();
  for (unsigned vector = 0; vector < irqs.vectors(); ++vector) {
    pollfd fd{irqs.fd(vector), POLLIN, 0};
    if (fd.fd >= 0 && poll(&fd, 1, 0) == 1) return true;
  }
  return false;
}

void World::run_reactor() {
  constexpr int kBusyRounds = 3;
  if (asleep_) {
    const bool by_interrupt = interrupted();
    if (!by_interrupt && (reactor->timers().empty() || clock.now() < reactor->timers().next())) return;
    interrupts += by_interrupt ? 1 : 0;
    port->wake();
    asleep_ = false;
    idle_rounds_ = 0;
  }
  idle_rounds_ = reactor->run_once() ? 0 : idle_rounds_ + 1;
  if (!sleeps || idle_rounds_ < kBusyRounds) return;
  asleep_ = port->try_sleep();
  if (!asleep_) port->wake();
}

void World::start() {
  port->start(*user);
  ASSERT_TRUE(until([&] { return user->link_is_up; })) << port->info().state << "\n" << port->dump("events");
}

bool World::logged_in(const emu::fc::Station& station) const {
  const emu::fc::Login* const login = station.port.find_login(0, target());
  return login != nullptr && login->state == emu::fc::LoginState::kPrliDone;
}

bool World::logged_in() const {
  return user->logins.size() >= initiators() && logged_in(host) &&
         std::all_of(more_hosts.begin(), more_hosts.end(), [&](const auto& each) { return logged_in(each->station); });
}

void World::log_in() {
  ASSERT_TRUE(until([&] {
    return user->link_is_up && host.port.link() != nullptr &&
           std::all_of(more_hosts.begin(), more_hosts.end(),
                       [](const auto& each) { return each->station.port.link() != nullptr; });
  }));
  for (int attempt = 0; attempt < 10 && !logged_in(); ++attempt) {
    for (std::size_t i = 0; i < initiators(); ++i) {
      emu::fc::Station& station = initiator(i);
      if (initiators() > 1 && logged_in(station) && attempt % 3 != 2) continue;
      const std::uint32_t tag = station.request_tag();
      station.port.log_in({.tag = tag, .vp = 0, .to = target(), .limit = {}}, emu::fc::LoginRequest::kPlogiPrli);
      until([&] { return station.answered(tag); });
    }
    until([&] { return logged_in(); }, std::chrono::milliseconds(200));
  }
  ASSERT_TRUE(logged_in()) << port->dump("events");
}

bool World::ended() const {
  const auto all_of = [](const emu::fc::Station& station) {
    return std::all_of(station.ios.begin(), station.ios.end(), [](const auto& io) { return io.second->ended != 0; });
  };
  return user->idle() && all_of(host) &&
         std::all_of(more_hosts.begin(), more_hosts.end(), [&](const auto& each) { return all_of(each->station); });
}

bool World::stop() {
  bool stopped = false;
  port->stop([&] { stopped = true; });
  return until([&] { return stopped; });
}

emu::fc::Station::Io& World::special(std::uint8_t opcode, std::uint8_t task_management) {
  auto owned = std::make_unique<emu::fc::Station::Io>();
  auto& io = *owned;
  io.tag = host.request_tag();
  host.ios[io.tag] = std::move(owned);
  hal::fc::FcpCmnd cmnd;
  cmnd.cdb[0] = opcode;
  cmnd.task_management_flags = task_management;
  emu::fc::Command command;
  command.tag = io.tag;
  command.to = target();
  command.cmnd = std::as_bytes(std::span(&cmnd, 1));
  command.limit = std::chrono::seconds(20);
  io.id = host.port.start_command(command).second;
  return io;
}

void World::expect_io() {
  for (std::size_t i = 0; i < initiators(); ++i) {
    const auto at = static_cast<std::uint32_t>(random.below(1000) * 512);
    auto& write = initiator(i).start(target(), true, at, 8192, std::chrono::seconds(20));
    EXPECT_TRUE(until([&] { return write.ended != 0; }));
    EXPECT_EQ(write.reason, emu::fc::EndReason::kDone);
    EXPECT_EQ(write.data_out, 8192u);
    auto& read = initiator(i).start(target(), false, at, 8192, std::chrono::seconds(20));
    EXPECT_TRUE(until([&] { return read.ended != 0; }));
    EXPECT_EQ(read.reason, emu::fc::EndReason::kDone);
    EXPECT_EQ(read.data, write.data);
  }
  EXPECT_TRUE(until([&] { return user->idle(); })) << port->dump("rings");
}

}  // namespace model_test
