// Measures two N_Port engines on a link: 4 KiB reads per second on one core, target and initiator together.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/bench/fc_end.h"

using namespace bench;

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 2;
  const base::RealClock clock;
  Link link{LinkOptions{}};
  End host(link.end(0), 1, false), disk(link.end(1), 2, true);
  const auto turn = [&] {
    const base::Time now = clock.now();
    link.poll(now);
    host.port.poll(now);
    disk.port.poll(now);
    return now;
  };
  host.port.start();
  disk.port.start();
  while (host.port.link() == nullptr || disk.port.link() == nullptr) turn();
  host.port.log_in({1, 0, host.port.link()->peer.id, {}}, LoginRequest::kPlogiPrli);
  while (!host.logged_in) turn();
  for (std::uint32_t tag = 0; tag < kDepth; ++tag) host.start(tag);
  const base::Time begin = turn();
  base::Time now = begin;
  while (now - begin < std::chrono::duration<double>(seconds)) now = turn();
  const double passed = std::chrono::duration<double>(now - begin).count();
  std::printf("fc_engine: %.0f reads of 4 KiB per second, %.0f ns each\n", static_cast<double>(host.done) / passed,
              1e9 * passed / static_cast<double>(host.done));
  return host.done == 0 ? 1 : 0;
}
