// From the table of methods to CLI11 and back. CLI11's exceptions end here.
#include "ctl/tgtctl/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <memory>
#include <sstream>

#include "ctl/libtgt/client.h"
#include "ctl/libtgt/san.h"
#include "ctl/tgtctl/exit_codes.h"
#include "ctl/units.h"

namespace ctl {
namespace {

std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out(1);
  for (const char c : text) {
    if (c == separator) {
      out.emplace_back();
    } else {
      out.back().push_back(c);
    }
  }
  return out;
}

// "42" or "0x2a".
std::optional<std::int64_t> parse_integer(const std::string& text) {
  const bool hex = text.starts_with("0x");
  std::int64_t value = 0;
  const char* const begin = text.data() + (hex ? 2 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value, hex ? 16 : 10);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

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

bool is_origin(const Param& param) { return std::strcmp(param.name, "origin") == 0; }

void add_argument(Command& command, const Param& param) {
  if (is_origin(param)) return;  // the name of the file that is applied
  Argument& argument = *command.arguments.emplace_back(std::make_unique<Argument>());
  argument.param = &param;
  const std::string name = dashed(param.name), option = "--" + name;
  const std::string shown = param.use == Param::kPositional ? name : option;
  switch (param.type) {
    case ParamType::kFlag:
      argument.option = command.app->add_flag(option + ",!--no-" + name, argument.flag, param.help);
      break;
    case ParamType::kList:
      argument.option =
          command.app->add_option(shown, argument.list, std::string(param.help) + "; separated by commas");
      argument.option->allow_extra_args(false);
      break;
    case ParamType::kSecret:
      argument.option =
          command.app->add_option(option + "-file", argument.text, std::string(param.help) + "; from a file");
      argument.fd_option = command.app->add_option(option + "-fd", argument.fd, "the same from an open descriptor");
      return;  // asked for when neither is given
    case ParamType::kFile:
      argument.option =
          command.app->add_option("file", argument.text, std::string(param.help) + "; - is standard input");
      break;
    default:
      argument.option = command.app->add_option(shown, argument.text, param.help);
      break;
  }
  if (param.type == ParamType::kChoice) argument.option->check(CLI::IsMember(split(param.choices, '|')));
  if (param.use != Param::kOptional) argument.option->required();
}

base::Result<Json> value_of(const Argument& argument) {
  switch (argument.param->type) {
    case ParamType::kFlag:
      return Json(argument.flag);
    case ParamType::kInteger: {
      const auto value = parse_integer(argument.text);
      if (!value) return base::fail(base::Errc::kInvalid, dashed(argument.param->name) + " must be a whole number");
      return Json(*value);
    }
    case ParamType::kList: {
      Json items = Json::array();
      for (const std::string& words : argument.list) {
        for (std::string& word : split(words, ',')) items.push_back(std::move(word));
      }
      return items;
    }
    default:
      return Json(argument.text);
  }
}

base::Result<Invocation> invocation_of(const Command& command) {
  Invocation out;
  out.method = command.method;
  for (const auto& argument : command.arguments) {
    const Param& param = *argument->param;
    if (param.type == ParamType::kSecret) {
      const bool asked = param.use != Param::kOptional ||
                         (param.asked_with != nullptr && !out.params.value(param.asked_with, std::string()).empty());
      if (!argument->text.empty() || argument->fd >= 0 || asked) {
        const std::string label = dashed(param.name) + " of " + out.params.value("name", std::string("?"));
        out.secrets.push_back({param.name, label, argument->text, argument->fd, asked});
      }
    } else if (argument->option->count() == 0) {
      continue;
    } else if (param.type == ParamType::kFile) {
      out.text_param = param.name;
      out.text_file = argument->text;
      if (std::ranges::any_of(out.method->params, is_origin)) out.params["origin"] = argument->text;
    } else {
      out.params[param.name] = TRY(value_of(*argument));
    }
  }
  return out;
}

CLI::App* find_or_add(CLI::App& parent, const std::string& word, const std::string& help) {
  for (CLI::App* const app : parent.get_subcommands(nullptr)) {
    if (app->get_name() == word) return app;
  }
  CLI::App* const app = parent.add_subcommand(word, help);
  app->fallthrough();
  return app;
}

// One subcommand for each method.
void add_commands(CLI::App& root, std::vector<Command>& commands) {
  for (const Method& method : methods()) {
    const std::vector<std::string> words = command_words(method);
    Command& command = commands.emplace_back();
    command.method = &method;
    if (words.size() == 2) {
      CLI::App* const noun = find_or_add(root, words[0], "see `tgtctl " + words[0] + " --help`");
      noun->require_subcommand(1);
      command.app = find_or_add(*noun, words[1], method.help);
    } else {
      command.app = find_or_add(root, words[0], method.help);
    }
    for (const Param& param : method.params) add_argument(command, param);
  }
}

CLI::App* add_san(CLI::App& root, SanInvocation& san) {
  CLI::App* const app = root.add_subcommand("san", "asks outboard-emu about the emulated adapters, cables and switch");
  app->add_option("--control", san.socket, "its control socket")->capture_default_str();
  app->add_option("command", san.words, "and its words; `tgtctl san help` lists all")->required();
  return app;
}

CLI::App* add_import(CLI::App& root, ImportInvocation& import) {
  CLI::App* const app = root.add_subcommand("import", "takes over the configuration of targetcli, tgt-admin or SCST");
  app->fallthrough();
  app->add_option("file", import.file, "saveconfig.json, targets.conf or scst.conf; - is standard input")->required();
  app->add_option("--format", import.format, "what wrote it; auto: by its text")
      ->check(CLI::IsMember(std::vector<std::string>{"auto", "targetcli", "tgt-admin", "scst"}))
      ->capture_default_str();
  CLI::Option* const output = app->add_option("--output", import.output, "file for the TOML; default: standard output");
  app->add_option("--secrets-output", import.secrets_output,
                  "file for the secrets; default: that of --output with .secrets");
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

CLI::App* add_top(CLI::App& root, TopOptions& top, TopWords& words) {
  CLI::App* const app =
      root.add_subcommand("top", "a live table: IOPS, throughput and latency of ports, sessions, units");
  app->fallthrough();
  app->add_option("--of", words.of, "of what: port, session, lu; separated by commas; default: all of them");
  app->add_option("-i,--interval", words.interval, "time between two samples")->capture_default_str();
  app->add_option("-n,--count", top.count, "samples to take; default: until q, or Ctrl-C");
  app->add_option("--sort", words.sort, "what comes first")
      ->check(CLI::IsMember(std::vector<std::string>{"iops", "throughput", "latency", "errors", "name"}))
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

}  // namespace

std::vector<std::string> command_words(const Method& method) { return split(dashed(method.name), '.'); }

CommandLine parse_command_line(int argc, const char* const* argv) {
  CLI::App root("tgtctl: manages a running outboardd", "tgtctl");
  std::string socket = kDefaultSocket;
  bool json = false;
  root.require_subcommand(1);
  root.fallthrough();
  root.add_option("--socket", socket, "the daemon's management socket")->capture_default_str();
  root.add_flag("--json", json, "print the result as JSON");
  std::vector<Command> commands;
  commands.reserve(methods().size());
  SanInvocation san{kDefaultSan, {}, false};
  ImportInvocation import;
  TopOptions top;
  TopWords top_words;
  EventsOptions events;
  CommandLine out;
  std::ostringstream text;
  try {
    add_commands(root, commands);
    const CLI::App* const san_app = add_san(root, san);
    const CLI::App* const import_app = add_import(root, import);
    const CLI::App* const top_app = add_top(root, top, top_words);
    const CLI::App* const events_app = add_events(root, events);
    root.parse(argc, argv);
    if (san_app->parsed()) {
      san.json = json;
      out.san = std::move(san);
    }
    if (import_app->parsed()) {
      import.json = json;
      import.socket = socket;
      out.import = std::move(import);
    }
    if (events_app->parsed()) {
      events.socket = socket;
      events.json = json;
      out.events = std::move(events);
    }
    if (top_app->parsed()) {
      if (const auto good = understand(top_words, top); !good) return usage_error(good.error());
      top.socket = socket;
      top.json = json;
      out.top = std::move(top);
    }
    for (const Command& command : commands) {
      if (!command.app->parsed()) continue;
      auto invocation = invocation_of(command);
      if (!invocation) return usage_error(invocation.error());
      invocation->socket = socket;
      invocation->json = json;
      out.invocation = std::move(*invocation);
    }
  } catch (const CLI::ParseError& error) {
    out.exit_code = root.exit(error, text, text) == 0 ? 0 : kUsage;
    out.output = text.str();
  }
  return out;
}

}  // namespace ctl
