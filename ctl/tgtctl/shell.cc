// The loop of the shell; libedit reads the lines of a terminal.
#include "ctl/tgtctl/shell.h"

#include <spawn.h>
#include <stdio.h>  // NOLINT: before libedit's header, which needs FILE
#include <sys/wait.h>
#include <unistd.h>

#include <editline/readline.h>

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <optional>

#include "ctl/tgtctl/command_line.h"
#include "ctl/tgtctl/completion.h"
#include "ctl/tgtctl/exit_codes.h"

namespace ctl {
namespace {

constexpr const char* kHelp = "A command and its arguments on each line; exit, quit or Ctrl-D ends.\n";
char word_breaks[] = " \t";  // names have colons, options =

// libedit calls without a context of ours.
std::string completion_socket;
std::vector<Candidate> candidates;
std::size_t next_candidate;

char* take_candidate(const char*, int state) {
  if (state == 0) next_candidate = 0;
  return next_candidate < candidates.size() ? strdup(candidates[next_candidate++].text.c_str()) : nullptr;
}

char** complete_here(const char* text, int start, int) {
  const auto before = split_words(std::string(rl_line_buffer, static_cast<std::size_t>(start)));
  if (!before) return nullptr;
  static const Grammar program = grammar();
  const Completion found = complete(program, *before, text, [](const std::string& method, const std::string& key) {
    return names_from(completion_socket, method, key);
  });
  candidates = found.candidates;
  rl_attempted_completion_over = found.files ? 0 : 1;  // 0: names of files are what is left to try
  return candidates.empty() ? nullptr : rl_completion_matches(text, &take_candidate);
}

std::optional<std::string> next_line(bool terminal) {
  std::string line;
  if (!terminal) return std::getline(std::cin, line) ? std::optional(line) : std::nullopt;
  const std::unique_ptr<char, void (*)(void*)> typed(readline("outboard> "), &free);
  if (typed == nullptr) return std::nullopt;
  line = typed.get();
  if (!line.empty()) add_history(line.c_str());
  return line;
}

// With the signals that the shell ignores as they usually are.
int run_command(const ShellOptions& options, const std::vector<std::string>& words) {
  std::vector<std::string> all = {"tgtctl", "--socket", options.socket};
  if (options.json) all.emplace_back("--json");
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> argv;
  argv.reserve(all.size() + 1);
  for (std::string& word : all) argv.push_back(word.data());
  argv.push_back(nullptr);
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGINT);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int error = posix_spawn(&child, "/proc/self/exe", nullptr, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  int status = 0;
  if (error != 0 || waitpid(child, &status, 0) != child) return kUnknown;
  return WIFEXITED(status) ? WEXITSTATUS(status) : kUnknown;
}

}  // namespace

int run_shell(const ShellOptions& options) {
  const bool terminal = isatty(STDIN_FILENO) != 0;
  std::signal(SIGINT, SIG_IGN);
  completion_socket = options.socket;
  rl_readline_name = "tgtctl";
  rl_attempted_completion_function = &complete_here;
  rl_completer_word_break_characters = word_breaks;
  if (terminal) std::cout << kHelp;
  while (const auto line = next_line(terminal)) {
    const auto words = split_words(*line);
    int code = words ? 0 : kUsage;
    if (!words) std::cerr << "tgtctl: " << words.error().text << "\n";
    if (words && !words->empty()) {
      if (words->front() == "exit" || words->front() == "quit") return 0;
      if (words->front() == "shell") {
        std::cerr << "tgtctl: this is the shell\n";
      } else {
        code = run_command(options, words->front() == "help" ? std::vector<std::string>{"--help"} : *words);
      }
    }
    if (code != 0 && !terminal) return code;
  }
  if (terminal) std::cout << "\n";
  return 0;
}

}  // namespace ctl
