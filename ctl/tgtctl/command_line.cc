// All of tgtctl's commands. CLI11's exceptions end here.
#include "ctl/tgtctl/command_line.h"

#include <CLI/CLI.hpp>
#include <map>
#include <sstream>

#include "ctl/libtgt/client.h"
#include "ctl/libtgt/san.h"
#include "ctl/tgtctl/completion.h"
#include "ctl/tgtctl/exit_codes.h"
#include "ctl/tgtctl/grammar.h"
#include "ctl/tgtctl/method_commands.h"
#include "ctl/units.h"

namespace ctl {
namespace {

// One of these words.
CLI::Option* choose(CLI::Option* option, const std::vector<std::string>& words, ValuesOf& values) {
  values[option].choices = words;
  return option->check(CLI::IsMember(words));
}

CLI::App* add_san(CLI::App& root, SanInvocation& san) {
  CLI::App* const app = root.add_subcommand("san", "asks outboard-emu about the emulated adapters, cables and switch");
  app->add_option("--control", san.socket, "its control socket")->capture_default_str();
  app->add_option("command", san.words, "and its words; `tgtctl san help` lists all")->required();
  return app;
}

CLI::App* add_import(CLI::App& root, ImportInvocation& import, ValuesOf& values) {
  CLI::App* const app = root.add_subcommand("import", "takes over the configuration of targetcli, tgt-admin or SCST");
  app->fallthrough();
  CLI::Option* const file =
      app->add_option("file", import.file, "saveconfig.json, targets.conf or scst.conf; - is standard input")
          ->required();
  choose(app->add_option("--format", import.format, "what wrote it; auto: by its text"),
         {"auto", "targetcli", "tgt-admin", "scst"}, values)
      ->capture_default_str();
  CLI::Option* const output = app->add_option("--output", import.output, "file for the TOML; default: standard output");
  CLI::Option* const secrets = app->add_option("--secrets-output", import.secrets_output,
                                               "file for the secrets; default: that of --output with .secrets");
  for (const CLI::Option* const name : {file, output, secrets}) values[name].file = true;
  CLI::Option* const apply =
      app->add_flag("--apply", import.apply, "make it the configuration of the daemon, all or nothing");
  app->add_flag("--replace", import.replace, "with --apply: what the daemon serves now goes")->needs(apply);
  app->add_flag("--dry-run", import.dry_run, "with --apply: show what would change, and change nothing")->needs(apply);
  app->add_flag("--strict", import.strict, "fail if anything cannot be taken over as it was");
  app->add_option("--fc-device", import.fc_devices, "WWPN=ADDRESS: the adapter of a Fibre Channel target")
      ->allow_extra_args(false);
  apply->excludes(output);
  return app;
}

CommandLine usage_error(const base::Error& error) {
  CommandLine out;
  out.exit_code = kUsage;
  out.output = error.text + "\n";
  return out;
}

struct TopWords {  // as CLI11 fills them
  std::string of, interval = "1s", sort = "iops";
};

CLI::App* add_top(CLI::App& root, TopOptions& top, TopWords& words, ValuesOf& values) {
  CLI::App* const app =
      root.add_subcommand("top", "a live table: IOPS, throughput and latency of ports, sessions, units");
  app->fallthrough();
  Values& of =
      values[app->add_option("--of", words.of, "of what: port, session, lu; separated by commas; default: all")];
  of.choices = {"port", "session", "lu"};
  of.list = true;
  app->add_option("-i,--interval", words.interval, "time between two samples")->capture_default_str();
  app->add_option("-n,--count", top.count, "samples to take; default: until q, or Ctrl-C");
  choose(app->add_option("--sort", words.sort, "what comes first"), {"iops", "throughput", "latency", "errors", "name"},
         values)
      ->capture_default_str();
  app->add_flag("-b,--batch", top.batch, "one table after the other, for scripts; --json: one line for each sample");
  return app;
}

CLI::App* add_events(CLI::App& root, EventsOptions& events) {
  CLI::App* const app = root.add_subcommand("events", "what lately happened: logins, ports, units, configuration");
  app->fallthrough();
  app->add_flag("-f,--follow", events.follow, "instead: what happens from now on, until Ctrl-C");
  return app;
}

base::Result<void> understand(const TopWords& words, TopOptions& top) {
  static const std::map<std::string, TopSort> kSorts = {{"iops", TopSort::kIops},
                                                        {"throughput", TopSort::kThroughput},
                                                        {"latency", TopSort::kLatency},
                                                        {"errors", TopSort::kErrors},
                                                        {"name", TopSort::kName}};
  top.sort = kSorts.at(words.sort);
  if (!words.of.empty()) top.of = split(words.of, ',');
  const auto interval = parse_duration(words.interval);
  if (!interval || *interval < std::chrono::milliseconds(100) || *interval > std::chrono::hours(1)) {
    return base::fail(base::Errc::kInvalid, "--interval is 100ms to 1h");
  }
  top.interval = std::chrono::duration_cast<std::chrono::milliseconds>(*interval);
  return {};
}

CLI::App* add_capture(CLI::App& root, CaptureInvocation& capture, ValuesOf& values) {
  CLI::App* const app = root.add_subcommand("capture", "writes what portals send and receive to a file for Wireshark");
  app->fallthrough();
  app->add_option("port", capture.port, "the portal's address; default: all portals");
  values[app->add_option("-w,--write", capture.file, "the file, pcapng; - is standard output")->required()].file = true;
  app->add_option("--initiator", capture.initiator, "only connections from this IP address");
  Values& sessions =
      values[app->add_option("--session", capture.session, "only this session, from `tgtctl session list`")];
  sessions.listing = "session.list";
  sessions.key = "id";
  app->add_option("--snap", capture.snap, "bytes of each PDU to keep, at least its header")
      ->check(CLI::Range(48U, UINT32_MAX));
  app->add_option("--seconds", capture.seconds, "how long; default: until Ctrl-C")->check(CLI::Range(1, 1'000'000));
  app->add_option("--buffer", capture.buffer, "memory for each data reactor, default 16MiB");
  return app;
}

constexpr const char* kManEnd = R"man(.SH EXIT STATUS
0: done. 1: refused. 2: wrong usage. 3: no daemon listens. 4: the outcome is not known.
.SH FILES
.TP
.I /run/outboard/outboardd.sock
The daemon's management socket.
.SH SEE ALSO
.BR outboardd (8)
)man";

// The whole parser, and the variables that it fills.
struct Parser {
  Parser() {
    root.require_subcommand(1);
    root.fallthrough();
    values[root.add_option("--socket", socket, "the daemon's management socket")->capture_default_str()].file = true;
    root.add_flag("--json", json, "print the result as JSON");
    root.add_flag("--no-progress", no_progress, "no bar on the terminal while something takes long");
    commands.reserve(methods().size());
    add_commands(root, commands, values);
    san_app = add_san(root, san);
    import_app = add_import(root, import, values);
    top_app = add_top(root, top, top_words, values);
    events_app = add_events(root, events);
    capture_app = add_capture(root, capture, values);
    completion_app = root.add_subcommand("completion", "a completion script for this shell, on standard output");
    choose(completion_app->add_option("shell", shell, "for which shell")->required(), {"bash", "zsh", "fish"}, values);
    shell_app = root.add_subcommand("shell", "commands line by line, with history and completion");
    shell_app->fallthrough();
    man_app = root.add_subcommand("man", "this program's man page, on standard output");
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;
  base::Result<void> understood(CommandLine& out);

  CLI::App root{"tgtctl: manages a running outboardd", "tgtctl"};
  ValuesOf values;
  std::string socket = kDefaultSocket;
  bool json = false, no_progress = false;
  std::vector<Command> commands;
  SanInvocation san{kDefaultSan, {}, false};
  ImportInvocation import;
  TopOptions top;
  TopWords top_words;
  EventsOptions events;
  CaptureInvocation capture;
  std::string shell;
  CLI::App *san_app, *import_app, *top_app, *events_app, *capture_app, *completion_app, *man_app, *shell_app;
};

// After parsing: what is to be done.
base::Result<void> Parser::understood(CommandLine& out) {
  import.progress = !no_progress;
  san.json = import.json = events.json = capture.json = top.json = json;
  import.socket = events.socket = capture.socket = top.socket = socket;
  if (top_app->parsed()) TRY(understand(top_words, top));
  if (san_app->parsed()) out.san = std::move(san);
  if (import_app->parsed()) out.import = std::move(import);
  if (events_app->parsed()) out.events = std::move(events);
  if (capture_app->parsed()) out.capture = std::move(capture);
  if (top_app->parsed()) out.top = std::move(top);
  if (shell_app->parsed()) out.shell = ShellOptions{socket, json};
  if (completion_app->parsed()) out.output = completion_script(shell);
  if (man_app->parsed()) out.output = man_page(grammar_of(root, values), OUTBOARD_VERSION, kManEnd);
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    Invocation invocation = TRY(invocation_of(command));
    invocation.socket = socket;
    invocation.json = json;
    invocation.progress = !no_progress;
    out.invocation = std::move(invocation);
  }
  return {};
}

}  // namespace

Grammar grammar() {
  const Parser parser;
  return grammar_of(parser.root, parser.values);
}

CommandLine parse_command_line(int argc, const char* const* argv) {
  Parser parser;
  CommandLine out;
  try {
    parser.root.parse(argc, argv);
    if (const auto understood = parser.understood(out); !understood) return usage_error(understood.error());
  } catch (const CLI::ParseError& error) {
    std::ostringstream text;
    out.exit_code = parser.root.exit(error, text, text) == 0 ? 0 : kUsage;
    out.output = text.str();
  }
  return out;
}

}  // namespace ctl
