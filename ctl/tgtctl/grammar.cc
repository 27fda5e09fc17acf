// Reading CLI11's parser.
#include "ctl/tgtctl/grammar.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>

namespace ctl {
namespace {

std::string placeholder(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return c == '-' ? '_' : static_cast<char>(std::toupper(c)); });
  return name;
}

GrammarOption option_of(const CLI::Option& option, const ValuesOf& values) {
  GrammarOption out;
  for (const std::string& name : option.get_snames()) out.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) out.names.push_back("--" + name);
  out.help = option.get_description();
  out.required = option.get_required();
  out.repeated = option.get_items_expected_max() > 1;
  const std::string name = option.get_positional() ? option.get_name(true) : option.get_lnames().front();
  if (option.get_items_expected_max() > 0) out.value = placeholder(name);
  if (const auto known = values.find(&option); known != values.end()) out.values = known->second;
  return out;
}

}  // namespace

Grammar grammar_of(const CLI::App& app, const ValuesOf& values) {
  Grammar out{app.get_name(), app.get_description(), {}, {}, {}};
  for (const CLI::Option* const option : app.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    (option->get_positional() ? out.arguments : out.options).push_back(option_of(*option, values));
  }
  for (const CLI::App* const command : app.get_subcommands(std::function<bool(const CLI::App*)>())) {
    out.commands.push_back(grammar_of(*command, values));
  }
  return out;
}

}  // namespace ctl
