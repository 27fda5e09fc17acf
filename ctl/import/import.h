// Reads the configuration of another target and makes one of ours.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "ctl/config/config.h"
#include "ctl/import/finding.h"
#include "ctl/import/machine_facts.h"

namespace ctl {

enum class ImportFormat : std::uint8_t { kAuto, kTargetcli, kTgtAdmin, kScst };

struct ImportOptions {
  ImportFormat format = ImportFormat::kAuto;           // by its text
  std::map<std::string, std::string> fc_devices = {};  // WWPN with colons -> device, where the machine cannot tell
};

struct Imported {
  ImportFormat format = ImportFormat::kAuto;
  Config config;      // keeps every rule; its secrets are with its users
  Findings findings;  // what it lacks
};

// `origin` is the file's name: for messages and for includes. An error is a text that cannot be read at all.
base::Result<Imported> import_config(std::string_view text, const std::string& origin, const ImportOptions& options,
                                     const MachineFacts& machine);

const char* import_format_name(ImportFormat format);  // "targetcli"
base::Result<ImportFormat> parse_import_format(const std::string& name);
std::string format_import(const Imported& imported, const std::string& origin);  // the report for people

}  // namespace ctl
