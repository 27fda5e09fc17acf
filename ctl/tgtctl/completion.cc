// Finding the place in the grammar, and what can stand there.
#include "ctl/tgtctl/completion.h"

#include <algorithm>
#include <cstdio>

#include "ctl/libtgt/client.h"
#include "ctl/tgtctl/command_line.h"
#include "ctl/tgtctl/table.h"

namespace ctl {
namespace {

constexpr auto kPatience = std::chrono::milliseconds(500);  // with the daemon: somebody waits at the keyboard

// Where the words before the current one lead.
struct Cursor {
  std::vector<const Grammar*> commands;     // from the program down
  const GrammarOption* value_of = nullptr;  // its value is due
  std::vector<std::string> used;            // options that are there
  std::size_t arguments = 0;                // positional ones that are there
};

const GrammarOption* find_option(const Cursor& cursor, const std::string& name) {
  for (const Grammar* const command : cursor.commands) {
    for (const GrammarOption& option : command->options) {
      if (std::ranges::find(option.names, name) != option.names.end()) return &option;
    }
  }
  return nullptr;
}

void step(Cursor& cursor, const std::string& word) {
  if (cursor.value_of != nullptr) {
    cursor.value_of = nullptr;
    return;
  }
  if (word.size() > 1 && word.front() == '-') {
    const std::string name = word.substr(0, word.find('='));
    cursor.used.push_back(name);
    const GrammarOption* const option = find_option(cursor, name);
    if (option != nullptr && !option->value.empty() && name == word) cursor.value_of = option;
    return;
  }
  const std::vector<Grammar>& commands = cursor.commands.back()->commands;
  const auto found = std::ranges::find(commands, word, &Grammar::name);
  if (found != commands.end()) {
    cursor.commands.push_back(&*found);
  } else {
    ++cursor.arguments;
  }
}

void offer(Completion& out, const std::string& current, const std::string& text, const std::string& help) {
  if (text.starts_with(current)) out.candidates.push_back({text, help});
}

// `prefix` is what of the word comes before the value.
void offer_values(Completion& out, const Values& values, std::string prefix, const std::string& current,
                  const NamesOf& names) {
  out.files |= values.file;
  if (const std::size_t comma = current.rfind(','); values.list && comma != std::string::npos) {
    prefix += current.substr(prefix.size(), comma + 1 - prefix.size());
  }
  for (const std::string& choice : values.choices) offer(out, current, prefix + choice, "");
  if (values.listing.empty()) return;
  for (const std::string& name : names(values.listing, values.key)) offer(out, current, prefix + name, "");
}

void offer_options(Completion& out, const Cursor& cursor, const std::string& current) {
  for (const Grammar* const command : cursor.commands) {
    for (const GrammarOption& option : command->options) {
      const bool used = std::ranges::any_of(
          option.names, [&](const std::string& name) { return std::ranges::count(cursor.used, name) > 0; });
      if (used && !option.repeated && !option.values.list) continue;
      for (const std::string& name : option.names) {
        const bool long_help = name == "--help" && command != cursor.commands.back();
        if (name.starts_with("--") && !long_help) offer(out, current, name, option.help);
      }
    }
  }
}

std::string socket_of(std::span<const std::string> words) {
  std::string socket = kDefaultSocket;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == "--socket" && i + 1 < words.size()) socket = words[i + 1];
    if (words[i].starts_with("--socket=")) socket = words[i].substr(words[i].find('=') + 1);
  }
  return socket;
}

}  // namespace

std::vector<std::string> names_from(const std::string& socket, const std::string& method, const std::string& key) {
  std::vector<std::string> names;
  auto client = Client::connect(socket);
  if (!client) return names;
  const auto rows = client->call(method, Json::object(), kPatience);
  if (!rows || !rows->is_array()) return names;
  for (const Json& row : *rows) {
    const Json value = row.is_object() ? row.value(key, Json()) : Json();
    if (value.is_string()) names.push_back(printable(value.get<std::string>()));
    if (value.is_number()) names.push_back(print_json(value));
  }
  return names;
}

Completion complete(const Grammar& program, std::span<const std::string> before, const std::string& current,
                    const NamesOf& names) {
  Cursor cursor{{&program}, nullptr, {}, 0};
  for (const std::string& word : before) step(cursor, word);
  Completion out;
  const std::size_t equals = current.find('=');
  if (cursor.value_of != nullptr) {
    offer_values(out, cursor.value_of->values, "", current, names);
  } else if (current.starts_with('-') && equals != std::string::npos) {
    const GrammarOption* const option = find_option(cursor, current.substr(0, equals));
    if (option != nullptr) offer_values(out, option->values, current.substr(0, equals + 1), current, names);
  } else if (current.starts_with('-')) {
    offer_options(out, cursor, current);
  } else {
    const Grammar& command = *cursor.commands.back();
    if (cursor.arguments == 0) {  // else a word before was no command
      for (const Grammar& inner : command.commands) offer(out, current, inner.name, inner.help);
    }
    const std::vector<GrammarOption>& arguments = command.arguments;
    if (cursor.arguments < arguments.size()) offer_values(out, arguments[cursor.arguments].values, "", current, names);
  }
  return out;
}

int run_completion(std::span<const std::string> words) {
  if (words.empty()) return 0;
  const auto before = words.first(words.size() - 1);
  const Completion found = complete(
      grammar(), before, words.back(),
      [&](const std::string& method, const std::string& key) { return names_from(socket_of(before), method, key); });
  std::string out;
  for (const Candidate& one : found.candidates) out += one.text + "\t" + one.help + "\n";
  if (found.files) out += ":files\n";
  fputs(out.c_str(), stdout);
  return 0;
}

}  // namespace ctl
