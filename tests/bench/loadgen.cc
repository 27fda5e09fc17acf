// loadgen: drives an iSCSI target with raw PDUs, and prints one line of JSON.
#include <poll.h>
#include <sched.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "tests/bench/loadgen_session.h"

namespace {

std::uint64_t nanoseconds() { return static_cast<std::uint64_t>(base::RealClock().now().time_since_epoch().count()); }

struct Options {
  bench::Load load;
  std::uint32_t connections = 1;
  double seconds = 2, warm_up = 0.5;
  std::uint64_t commands = 0, round_trip_us = 0;
  int core = -1;
  bool one_session = false, sleep = false;
};

using Sessions = std::vector<std::unique_ptr<bench::Session>>;

void run_for(const Options& o, Sessions& sessions, double seconds, std::uint64_t commands) {
  const std::uint64_t until = nanoseconds() + static_cast<std::uint64_t>(seconds * 1e9);
  std::vector<pollfd> sockets;
  for (const auto& session : sessions) sockets.push_back({session->descriptor(), POLLIN, 0});
  for (;;) {
    const std::uint64_t now = nanoseconds();
    std::uint64_t done = 0;
    bool worked = false;
    for (auto& session : sessions) {
      worked |= session->poll(now);
      done += session->completed;
    }
    if (commands != 0 ? done >= commands : now >= until) return;
    if (o.sleep && !worked) poll(sockets.data(), sockets.size(), 1);  // a millisecond at most
  }
}

void drain(Sessions& sessions) {
  const std::uint64_t limit = nanoseconds() + 5'000'000'000u;
  for (auto& session : sessions) session->stop();
  for (bool busy = true; busy && nanoseconds() < limit;) {
    busy = false;
    for (auto& session : sessions) {
      session->poll(nanoseconds());
      busy |= !session->idle();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  Options o;
  CLI::App app{"iSCSI load generator"};
  app.add_option("--host", o.load.host);
  app.add_option("--port", o.load.port)->required();
  app.add_option("--target", o.load.target)->required();
  app.add_option("--lun", o.load.lun);
  app.add_flag("--write", o.load.write);
  app.add_flag("--sequential", o.load.sequential);
  app.add_option("--block", o.load.block_bytes, "bytes per command, a multiple of 512");
  app.add_option("--depth", o.load.depth);
  app.add_option("--span", o.load.span_bytes, "bytes of the logical unit that are touched");
  app.add_option("--connections", o.connections);
  app.add_flag("--one-session", o.one_session, "all connections are of one session (MC/S)");
  app.add_flag("--digests", o.load.digests, "headers and data have digests; those that come back are skipped");
  app.add_option("--seconds", o.seconds);
  app.add_option("--warm-up", o.warm_up);
  app.add_option("--commands", o.commands, "stop after so many instead of by time");
  app.add_option("--round-trip-us", o.round_trip_us, "delay of a link, there and back, added to each command");
  app.add_flag("--sleep", o.sleep, "wait in the kernel for answers, as initiators do, instead of polling");
  app.add_option("--core", o.core, "CPU to run on");
  CLI11_PARSE(app, argc, argv);
  if (o.core >= 0) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(static_cast<std::size_t>(o.core), &cpus);
    sched_setaffinity(0, sizeof cpus, &cpus);
  }
  o.load.round_trip_ns = o.round_trip_us * 1000;
  if (o.one_session) o.load.connections = o.connections;
  std::vector<std::unique_ptr<bench::Numbering>> numberings;
  Sessions sessions;
  for (std::uint32_t i = 0; i < o.connections; ++i) {
    if (i == 0 || !o.one_session) numberings.push_back(std::make_unique<bench::Numbering>(i + 1 + nanoseconds()));
    sessions.push_back(std::make_unique<bench::Session>(o.load, *numberings.back()));
    sessions.back()->login();
  }
  if (o.commands == 0) run_for(o, sessions, o.warm_up, 0);
  for (auto& session : sessions) {
    session->completed = session->errors = 0;
    session->latency.clear();
  }
  const std::uint64_t start = nanoseconds();
  run_for(o, sessions, o.seconds, o.commands);
  const double elapsed = static_cast<double>(nanoseconds() - start) / 1e9;
  std::uint64_t completed = 0, errors = 0;
  bench::Histogram latency;
  for (auto& session : sessions) {
    completed += session->completed;
    errors += session->errors;
    latency.merge(session->latency);
  }
  drain(sessions);
  std::printf(
      "{\"iops\": %.0f, \"mb_per_s\": %.1f, \"p50_us\": %.2f, \"p99_us\": %.2f, \"commands\": %lu, \"errors\": %lu}\n",
      static_cast<double>(completed) / elapsed, static_cast<double>(completed * o.load.block_bytes) / elapsed / 1e6,
      static_cast<double>(latency.quantile(0.5)) / 1e3, static_cast<double>(latency.quantile(0.99)) / 1e3, completed,
      errors);
  return errors == 0 ? 0 : 1;
}
