// The command line of outboard-emu.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "emu/fc/link.h"
#include "hal/port/fc_port.h"

namespace emu::tool {

enum class Topology : std::uint8_t { kFabric, kLoop, kPointToPoint };

struct Options {
  unsigned hbas = 2;
  std::string directory;            // of the sockets
  std::vector<hal::fc::Wwn> names;  // port names, in order; those that are not given are made up
  std::string chip = "ISP2532";
  Topology topology = Topology::kFabric;
  std::uint32_t ram_target = 0;  // MiB of a disk without an adapter; 0: none
  std::string capture;           // pcapng file, or empty
  std::uint64_t seed = 1;        // of faults
  fc::LinkFaults faults;
  std::string control;  // socket; empty: DIR/control.sock
  bool strict = false;  // model faults make the exit status 3
  base::LogLevel log_level = base::LogLevel::kInfo;
};

// Without options: the program ends now with `status`, after help or a complaint was printed.
struct OptionsResult {
  std::optional<Options> options;
  int status = 0;
};
OptionsResult parse_options(int argc, const char* const* argv);

}  // namespace emu::tool
