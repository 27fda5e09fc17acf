// Serves the toy device on a Unix socket until it is killed: for a guest in which the contract is tried over vfio.
#include <cstdio>

#include "emu/host/served.h"
#include "tests/support/toy_model.h"

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "toy_server SOCKET\n"), 2;
  const base::RealClock clock;
  const auto reactor = hal::Reactor::create({.name = "toy"});
  if (!reactor.has_value()) return 1;
  emu::ServedHost host(**reactor, clock, "toy");
  test_support::ToyModel model(host);
  host.attach(model);
  if (const auto listening = host.listen(argv[1]); !listening.has_value()) {
    return std::fprintf(stderr, "toy_server: %s\n", listening.error().text.c_str()), 1;
  }
  (*reactor)->add(host);
  std::puts("toy_server: ready");
  std::fflush(stdout);
  (*reactor)->run();
}
