// What a program's command line takes, as data read out of its parser, so that completion and man pages cannot differ
// from what is understood.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ctl {

struct Values {  // what can stand for a value, as far as it is known
  std::vector<std::string> choices;
  std::string listing, key;  // `key` of the rows that this method answers: names of what there is
  bool list = false;         // several, separated by commas
  bool file = false;
};
using ValuesOf = std::map<const CLI::Option*, Values>;

struct GrammarOption {
  std::vector<std::string> names;  // "-i", "--interval"; a positional argument has none
  std::string value;               // what help calls its value: "INTERVAL"; empty: a flag
  std::string help;
  Values values;
  bool required = false;
  bool repeated = false;
};

struct Grammar {
  std::string name, help;
  std::vector<GrammarOption> options, arguments;
  std::vector<Grammar> commands;
};

Grammar grammar_of(const CLI::App& app, const ValuesOf& values);

// Text as man(7) takes it; likewise in bold.
std::string roff(const std::string& text);
std::string roff_bold(const std::string& text);
// The head of a page, up to its NAME: "OUTBOARDD", 8, "1.0", "serves logical units".
std::string man_head(const std::string& name, int section, const std::string& version, const std::string& purpose);
// The page of section 8, in man(7) macros. `more`: sections after the commands, in the same macros.
std::string man_page(const Grammar& program, const std::string& version, const std::string& more);

}  // namespace ctl
