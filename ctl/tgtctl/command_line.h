// tgtctl's command line: made from the table of methods, so that every method has its command and its help.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctl/rpc/methods.h"
#include "ctl/tgtctl/events.h"
#include "ctl/tgtctl/grammar.h"
#include "ctl/tgtctl/shell.h"
#include "ctl/tgtctl/top.h"

namespace ctl {

struct SecretSource {  // where tgtctl reads a secret from; never the command line itself
  std::string param;
  std::string label;  // for the prompt: "secret of alice"
  std::string file;   // empty: none given
  int fd = -1;
  bool ask = false;  // on the terminal, when there is neither file nor fd
};

struct Invocation {
  const Method* method = nullptr;
  Json params = Json::object();
  std::vector<SecretSource> secrets;
  std::string text_param, text_file;  // a parameter that is the text of a file; "-" is standard input
  std::string socket;
  bool json = false, progress = true;
};

struct SanInvocation {  // a command of outboard-emu's, which is asked instead of the daemon
  std::string socket;
  std::vector<std::string> words;
  bool json = false;
};

struct ImportInvocation {  // the configuration of another target is read here; only --apply asks the daemon
  std::string file, format = "auto", output, secrets_output, socket;
  std::vector<std::string> fc_devices;  // WWPN=ADDRESS
  bool apply = false, replace = false, dry_run = false, strict = false, json = false, progress = true;
};

struct CaptureInvocation {  // a capture of the daemon's, written to a file here
  std::string port, file, initiator, buffer, socket;
  std::optional<std::uint64_t> session;
  std::uint32_t snap = 0;  // 0: whole PDUs
  unsigned seconds = 0;    // 0: until a signal
  bool json = false;
};

struct CommandLine {  // none: nothing to do (help was asked for, or the usage is wrong)
  std::optional<Invocation> invocation;
  std::optional<SanInvocation> san;
  std::optional<ImportInvocation> import;
  std::optional<TopOptions> top;
  std::optional<EventsOptions> events;
  std::optional<ShellOptions> shell;
  std::optional<CaptureInvocation> capture;
  int exit_code = 0;
  std::string output = {};  // help, what was asked for, or what is wrong
};

CommandLine parse_command_line(int argc, const char* const* argv);
Grammar grammar();  // what it takes

// "host_group.create" -> {"host-group", "create"}; "export" -> {"export"}.
std::vector<std::string> command_words(const Method& method);

}  // namespace ctl
