// Which format a text has, and the report on what became of it.
#include "ctl/import/import.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "ctl/import/readers.h"

namespace ctl {
namespace {

constexpr std::array<std::pair<ImportFormat, const char*>, 4> kFormats = {{{ImportFormat::kAuto, "auto"},
                                                                           {ImportFormat::kTargetcli, "targetcli"},
                                                                           {ImportFormat::kTgtAdmin, "tgt-admin"},
                                                                           {ImportFormat::kScst, "scst"}}};
constexpr std::string_view kBlank = " \t\r\n";

// By the first statement.
ImportFormat format_of(std::string_view text) {
  constexpr std::array kTgtWords = {"include", "default-driver",        "ignore-errors",        "control-port",
                                    "iSNS",    "iSNSServerIP",          "iSNSAccessControl",    "iSNSServerPort",
                                    "Include", "incomingdiscoveryuser", "outgoingdiscoveryuser"};
  constexpr std::array kScstWords = {"HANDLER", "TARGET_DRIVER", "DEVICE_GROUP", "setup_id",   "max_tasklet_cmd",
                                     "threads", "[HANDLER",      "[GROUP",       "[ASSIGNMENT"};
  const auto is = [](const auto& words, std::string_view word) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    line.remove_prefix(std::min(line.find_first_not_of(kBlank), line.size()));
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '{') return ImportFormat::kTargetcli;
    const std::string_view word = line.substr(0, line.find_first_of(" \t\r={"));
    if (line.front() == '<' || is(kTgtWords, word)) return ImportFormat::kTgtAdmin;
    return is(kScstWords, word) ? ImportFormat::kScst : ImportFormat::kAuto;
  }
  return ImportFormat::kAuto;
}

base::Result<void> read(ImportFormat format, std::string_view text, const std::string& origin, Draft& draft) {
  switch (format) {
    case ImportFormat::kTargetcli:
      return read_targetcli(text, origin, draft);
    case ImportFormat::kTgtAdmin:
      return read_tgt_admin(text, origin, draft);
    case ImportFormat::kScst:
      return read_scst(text, origin, draft);
    case ImportFormat::kAuto:
      break;
  }
  return base::fail(base::Errc::kInvalid, base::escaped(origin, 300) +
                                              ": neither saveconfig.json nor targets.conf nor scst.conf; say --format");
}

std::string count(std::size_t number, const char* noun) {
  return fmt::format("{} {}{}", number, noun, number == 1 ? "" : "s");
}

}  // namespace

base::Result<Imported> import_config(std::string_view text, const std::string& origin, const ImportOptions& options,
                                     const MachineFacts& machine) {
  if (text.size() > kMaxImportText)
    return base::fail(base::Errc::kInvalid, base::escaped(origin, 300) + " is too large");
  const ImportFormat format = options.format == ImportFormat::kAuto ? format_of(text) : options.format;
  Draft draft(machine, options.fc_devices);
  TRY(read(format, text, origin, draft));
  draft.settle();
  return Imported{format, std::move(draft.config), std::move(draft.findings)};
}

const char* import_format_name(ImportFormat format) { return kFormats[static_cast<std::size_t>(format)].second; }

base::Result<ImportFormat> parse_import_format(const std::string& name) {
  for (const auto& [format, known] : kFormats) {
    if (name == known) return format;
  }
  return base::fail(base::Errc::kInvalid, "the format is auto, targetcli, tgt-admin or scst");
}

std::string format_import(const Imported& imported, const std::string& origin) {
  const Config& config = imported.config;
  std::string out =
      fmt::format("{} ({}): {}, {}, {}, {}, {}, {}\n", base::escaped(origin, 300), import_format_name(imported.format),
                  count(config.logical_units.size(), "logical unit"), count(config.targets.size(), "target"),
                  count(config.portals.size(), "portal"), count(config.fc_ports.size(), "Fibre Channel port"),
                  count(config.mapping.views.size(), "view"), count(config.users.size(), "user"));
  const std::size_t all = imported.findings.list().size() + imported.findings.unlisted();
  out += all == 0 ? "everything was taken over\n" : fmt::format("{} not taken over as it was:\n", count(all, "thing"));
  for (const Finding& finding : imported.findings.list()) out += "  " + format_finding(finding) + "\n";
  if (imported.findings.unlisted() != 0) out += fmt::format("  and {} more\n", imported.findings.unlisted());
  return out;
}

}  // namespace ctl
