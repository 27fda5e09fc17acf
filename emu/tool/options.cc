// Reading the command line with CLI11, whose exceptions end here.
#include "emu/tool/options.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>

namespace emu::tool {
namespace {

const std::map<std::string, Topology> kTopologies = {
    {"fabric", Topology::kFabric}, {"loop", Topology::kLoop}, {"point-to-point", Topology::kPointToPoint}};
const std::map<std::string, base::LogLevel> kLevels = {{"debug", base::LogLevel::kDebug},
                                                       {"info", base::LogLevel::kInfo},
                                                       {"warn", base::LogLevel::kWarn},
                                                       {"error", base::LogLevel::kError}};

struct Words {  // understood after CLI11 has read them
  std::vector<std::string> names;
  std::string topology = "fabric", level = "info";
};

base::Result<void> understand(const Words& words, Options& options) {
  for (const std::string& name : words.names) options.names.push_back(TRY(hal::fc::parse_wwn(name)));
  const std::size_t ports = options.hbas + (options.ram_target > 0 ? 1u : 0u);
  if (options.names.size() > ports) {
    return base::fail(base::Errc::kInvalid, "there are more names than ports");
  }
  options.topology = kTopologies.at(words.topology);
  if (options.topology == Topology::kPointToPoint && ports != 2) {
    return base::fail(base::Errc::kInvalid, "point to point takes two ports");
  }
  options.log_level = kLevels.at(words.level);
  if (options.control.empty()) options.control = options.directory + "/control.sock";
  return {};
}

void describe(CLI::App& san, Options& options, Words& words) {
  san.add_option("--hba", options.hbas, "adapters, each on a socket DIR/hbaN.sock")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  san.add_option("--dir", options.directory, "where the sockets are; made if it is not there")->required();
  san.add_option("--wwpn", words.names, "port names in order; those not given are 21:00:00:24:ff:00:00:NN");
  san.add_option("--chip", options.chip, "which controller; with or without ISP")->capture_default_str();
  san.add_option("--topology", words.topology, "what connects them")
      ->check(CLI::IsMember(kTopologies))
      ->capture_default_str();
  san.add_option("--ram-target", options.ram_target, "MiB of a disk without an adapter, the last port of the network")
      ->check(CLI::Range(1, 4096));
  san.add_option("--capture", options.capture, "pcapng file for all frames");
  san.add_option("--control", options.control, "socket for commands (default: DIR/control.sock)");
  san.add_option("--seed", options.seed, "of the faults below")->capture_default_str();
  san.add_option("--drop", options.faults.drop, "frames lost per million");
  san.add_option("--delay", options.faults.delay, "frames delayed per million");
  san.add_option("--reorder", options.faults.reorder, "frames whose sequence comes late per million");
  san.add_option("--bounce", options.faults.bounce, "frames per million at which the link goes dark for a moment");
  san.add_flag("--strict", options.strict, "exit with 3 when a driver did what an adapter forbids");
  san.add_option("--log-level", words.level, "what is logged")->check(CLI::IsMember(kLevels))->capture_default_str();
}

}  // namespace

OptionsResult parse_options(int argc, const char* const* argv) {
  Options options;
  Words words;
  CLI::App app("outboard-emu: models of adapters, for QEMU guests and drivers without hardware", "outboard-emu");
  app.set_version_flag("--version", std::string("outboard-emu ") + OUTBOARD_VERSION);
  app.require_subcommand(1);
  CLI::App* const san = app.add_subcommand("san", "Fibre Channel adapters and what is between them");
  describe(*san, options, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return {std::nullopt, app.exit(error)};
  }
  if (const auto understood = understand(words, options); !understood.has_value()) {
    std::fprintf(stderr, "outboard-emu: %s\n", understood.error().text.c_str());
    return {std::nullopt, 2};
  }
  return {options, 0};
}

}  // namespace emu::tool
