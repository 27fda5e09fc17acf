// Sections, their keys, and what each is for.
#include "ctl/outboardd/config_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "ctl/config/toml.h"
#include "ctl/rpc/methods.h"
#include "ctl/tgtctl/grammar.h"

namespace ctl {
namespace {

struct SectionHelp {
  const char* name;
  const char* method;  // whose parameters of the same names are explained there
  const char* help;
};
constexpr std::array kSections = {
    SectionHelp{"lu", "lu.create", "A logical unit."},
    SectionHelp{"portal", "portal.add", "An address on which outboardd listens."},
    SectionHelp{"target", "target.create", "An iSCSI target."},
    SectionHelp{"fc_port", "port.add", "A port of a Fibre Channel adapter, or a virtual port on it, in target mode."},
    SectionHelp{"host_group", "host_group.create", "A group of initiators."},
    SectionHelp{"target_group", "target_group.create", "A group of targets."},
    SectionHelp{"view", "view.add", "Who sees which logical unit, where."},
    SectionHelp{"user", "user.add", "A CHAP user; the secrets are kept elsewhere."},
    SectionHelp{"discovery", "discovery.modify", "Who may discover targets."},
    SectionHelp{"limits", "limits.modify", "Limits of the iSCSI fabric."},
    SectionHelp{"metrics", "metrics.modify", "The page for Prometheus."},
    SectionHelp{"radius", "", "Servers that judge CHAP where authentication is radius."},
    SectionHelp{"isns", "", "A server where the targets are registered (RFC 4171)."}};

struct KeyHelp {  // of what no method sets
  const char *section, *key, *type, *help;
};
constexpr std::array kKeys = {
    KeyHelp{"target", "relative_port_ids", "list of integers",
            "of its ports, for persistent reservations; default: drawn, and kept"},
    KeyHelp{"fc_port", "relative_port_id", "integer", "for persistent reservations; default: drawn, and kept"},
    KeyHelp{"fc_port", "enabled", "flag", "false: off the link, and its adapter is left alone"},
    KeyHelp{"radius", "servers", "list", "addresses with ports; one that does not answer is followed by the next"},
    KeyHelp{"radius", "secret_file", "text",
            "absolute path, mode 0600; its first line is what we and the servers share"},
    KeyHelp{"radius", "nas_identifier", "text", "what we call ourselves there"},
    KeyHelp{"radius", "timeout", "duration", "until a question is sent again"},
    KeyHelp{"radius", "tries", "integer", "questions to one server, 1 to 10"},
    KeyHelp{"isns", "server", "text", "its address, e.g. 192.0.2.6:3205"},
    KeyHelp{"isns", "entity", "text", "our name there; default: the host's"},
    KeyHelp{"isns", "period", "duration", "how long a registration is good; it is refreshed three times as often"},
    KeyHelp{"isns", "inquiry_interval", "duration", "how often the server asks by ESI whether our portals are there"},
    KeyHelp{"isns", "access_control", "flag",
            "only initiators that share a discovery domain with a target may log in to it"}};

const Param* param_of(const std::string& section, const std::string& key) {
  const auto known =
      std::find_if(kSections.begin(), kSections.end(), [&](const auto& one) { return one.name == section; });
  const Method* const method = known == kSections.end() ? nullptr : find_method(known->method);
  if (method == nullptr) return nullptr;
  const auto param = std::find_if(method->params.begin(), method->params.end(),
                                  [&](const Param& one) { return one.name == key && one.type != ParamType::kSecret; });
  return param == method->params.end() ? nullptr : &*param;
}

const KeyHelp* own_help(const std::string& section, const std::string& key) {
  const auto found = std::find_if(kKeys.begin(), kKeys.end(),
                                  [&](const KeyHelp& one) { return one.section == section && one.key == key; });
  return found == kKeys.end() ? nullptr : &*found;
}

std::string type_of(const std::string& section, const std::string& key) {
  if (const KeyHelp* const own = own_help(section, key)) return own->type;
  const Param* const param = param_of(section, key);
  if (param == nullptr) return "?";
  std::string choices = param->choices != nullptr ? param->choices : "";
  for (std::size_t at = 0; (at = choices.find('|', at)) != std::string::npos; at += 2) choices.replace(at, 1, ", ");
  return choices.empty() ? param_type_name(param->type) : choices;
}

constexpr const char* kAbout = R"man(.SH DESCRIPTION
TOML. Sections in double brackets may be there more than once, each time for another thing.
Sizes are numbers of bytes, or text with B, KiB to PiB or kB to PB; durations are text with us, ms, s, min or h.
What is left out has its default. An unknown key, a wrong type, a value out of range and a name that does not exist are
errors, each with file, line and column.
.PP
outboardd reads such a file at its first start only. From then on it keeps what is in force by itself:
.B tgtctl apply
makes it what a file says, all or nothing;
.B tgtctl export
prints it.
.SH SECTIONS
)man";
constexpr const char* kEnd = R"man(.SH FILES
.TP
.I /etc/outboard/outboard.toml
What the service begins with.
.SH SEE ALSO
.BR outboardd (8),
.BR tgtctl (8)
)man";

}  // namespace

std::string help_of_key(const std::string& section, const std::string& key) {
  if (const KeyHelp* const own = own_help(section, key)) return own->help;
  const Param* const param = param_of(section, key);
  return param == nullptr ? std::string() : param->help;
}

std::string config_page(const std::string& version) {
  std::string out = man_head("outboard.toml", 5, version, "configuration of outboardd") + kAbout;
  for (const KnownSection& section : known_sections()) {
    const auto about =
        std::find_if(kSections.begin(), kSections.end(), [&](const auto& one) { return one.name == section.name; });
    out += fmt::format(".SS {}\n", roff(section.single ? "[" + section.name + "]" : "[[" + section.name + "]]"));
    if (about != kSections.end()) out += roff(about->help) + "\n";
    for (const std::string& key : section.keys) {
      out += fmt::format(".TP\n{} ({})\n{}\n", roff_bold(key), roff(type_of(section.name, key)),
                         roff(help_of_key(section.name, key)));
    }
  }
  return out + kEnd;
}

}  // namespace ctl
