// A man page out of a grammar.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "ctl/tgtctl/grammar.h"

namespace ctl {
namespace {

constexpr const char* kDate = "2026-11-22";  // of these pages' layout; what they tell is the version's

std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fR"; }

std::string capitals(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// "--size SIZE", "NAME..."
std::string usage_of(const GrammarOption& option) {
  std::string out = option.names.empty() ? "" : roff_bold(option.names.back()) + " ";
  out += italic(option.value) + (option.repeated && option.names.empty() ? "..." : "");
  return out;
}

std::string heading_of(const GrammarOption& option) {
  std::string out;
  for (const std::string& name : option.names) out += (out.empty() ? "" : ", ") + roff_bold(name);
  if (!option.value.empty()) out += (out.empty() ? "" : " ") + italic(option.value);
  return out;
}

void add_options(std::string& out, const std::vector<GrammarOption>& options) {
  for (const GrammarOption& option : options) {
    std::string text = option.help;
    if (!option.values.choices.empty() && text.find(option.values.choices.front()) == std::string::npos) {
      text += ": ";
      for (const std::string& choice : option.values.choices) text += (text.ends_with(": ") ? "" : ", ") + choice;
    }
    out += ".TP\n" + heading_of(option) + "\n" + roff(text) + "\n";
  }
}

// Those of the program are told once.
std::vector<GrammarOption> without_help(std::vector<GrammarOption> options) {
  std::erase_if(options, [](const GrammarOption& option) { return option.names.back() == "--help"; });
  return options;
}

void add_command(std::string& out, const Grammar& command, const std::string& words) {
  if (!command.commands.empty()) {
    for (const Grammar& inner : command.commands) add_command(out, inner, words + " " + inner.name);
    return;
  }
  const std::vector<GrammarOption> options = without_help(command.options);
  std::string usage = roff_bold(words);
  for (const GrammarOption& argument : command.arguments) usage += " " + usage_of(argument);
  for (const GrammarOption& option : options) usage += option.required ? " " + usage_of(option) : std::string();
  const bool more = std::ranges::any_of(options, [](const GrammarOption& option) { return !option.required; });
  out += fmt::format(".SS {}{}\n{}\n", usage, more ? " [\\fIOPTION\\fR...]" : "", roff(command.help));
  add_options(out, command.arguments);
  add_options(out, options);
}

}  // namespace

std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      if ((c == '.' || c == '\'') && out.empty()) out += "\\&";  // else a macro
      out.push_back(c);
    }
  }
  return out;
}

std::string roff_bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }

std::string man_head(const std::string& name, int section, const std::string& version, const std::string& purpose) {
  return fmt::format(
      ".\\\" Written by the program itself.\n.TH {} {} \"{}\" \"Outboard {}\" \"Outboard\"\n.SH NAME\n{} \\- {}\n",
      capitals(name), section, kDate, version, name, roff(purpose));
}

std::string man_page(const Grammar& program, const std::string& version, const std::string& more) {
  const std::size_t colon = program.help.find(": ");
  const std::string purpose = colon == std::string::npos ? program.help : program.help.substr(colon + 2);
  const bool commands = !program.commands.empty();
  std::string out = man_head(program.name, 8, version, purpose);
  out += fmt::format(".SH SYNOPSIS\n{} [\\fIOPTION\\fR...]{}\n.SH OPTIONS\n", roff_bold(program.name),
                     commands ? " \\fICOMMAND\\fR" : "");
  add_options(out, program.options);
  if (commands) out += ".SH COMMANDS\n";
  for (const Grammar& command : program.commands) add_command(out, command, command.name);
  return out + more;
}

}  // namespace ctl
