// From the table of methods to CLI11 and back.
#include "ctl/tgtctl/method_commands.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>

namespace ctl {
namespace {

std::string dashed(std::string name) {
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
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

bool is_origin(const Param& param) { return std::strcmp(param.name, "origin") == 0; }

// What can stand for a parameter: what the table says, a file, or the name of something that is there.
Values values_of(const Method& method, const Param& param) {
  static const std::map<std::string, std::string> kListings = {{"lu", "lu.list"},
                                                               {"users", "user.list"},
                                                               {"targets", "target.list"},
                                                               {"host_group", "host_group.list"},
                                                               {"target_group", "target_group.list"},
                                                               {"port", "port.list"},
                                                               {"parent", "port.list"}};
  Values values;
  values.list = param.type == ParamType::kList;
  values.file = param.type == ParamType::kFile || param.type == ParamType::kSecret ||
                std::string_view(param.name).ends_with("path");
  if (param.choices != nullptr) values.choices = split(param.choices, '|');
  const std::string name = param.name, method_name = method.name, noun = method_name.substr(0, method_name.find('.'));
  const bool makes = method_name.ends_with(".create") || method_name.ends_with(".add");
  if (const auto known = kListings.find(name); known != kListings.end()) {
    values.listing = known->second;
    values.key = "name";
  } else if (method_name == "debug.inject_remove") {
    values.listing = "debug.inject_list";
    values.key = name;
  } else if (param.use == Param::kPositional && !makes && find_method(noun + ".list") != nullptr) {
    values.listing = noun + ".list";
    values.key = name;
  }
  return values;
}

void add_argument(Command& command, const Param& param, ValuesOf& values) {
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
      values[argument.option] = values_of(*command.method, param);
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
  values[argument.option] = values_of(*command.method, param);
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

CLI::App* find_or_add(CLI::App& parent, const std::string& word, const std::string& help) {
  for (CLI::App* const app : parent.get_subcommands(nullptr)) {
    if (app->get_name() == word) return app;
  }
  CLI::App* const app = parent.add_subcommand(word, help);
  app->fallthrough();
  return app;
}

}  // namespace

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

void add_commands(CLI::App& root, std::vector<Command>& commands, ValuesOf& values) {
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
    for (const Param& param : method.params) add_argument(command, param, values);
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

std::vector<std::string> command_words(const Method& method) { return split(dashed(method.name), '.'); }

}  // namespace ctl
