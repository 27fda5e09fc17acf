// tgtctl's commands that are rows of the table of methods, in the parser and out of it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ctl/tgtctl/command_line.h"
#include "ctl/tgtctl/grammar.h"

namespace ctl {

struct Argument {  // one parameter of one command, as CLI11 fills it
  const Param* param = nullptr;
  CLI::Option* option = nullptr;
  std::string text;
  std::vector<std::string> list;
  bool flag = false;
  int fd = -1;  // kSecret: `text` is the file, this the descriptor
  CLI::Option* fd_option = nullptr;
};

struct Command {
  const Method* method = nullptr;
  CLI::App* app = nullptr;
  std::vector<std::unique_ptr<Argument>> arguments;  // CLI11 keeps pointers into them
};

std::vector<std::string> split(const std::string& text, char separator);
// One subcommand for each method.
void add_commands(CLI::App& root, std::vector<Command>& commands, ValuesOf& values);
base::Result<Invocation> invocation_of(const Command& command);

}  // namespace ctl
