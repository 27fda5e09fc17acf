// Unit tests of tgtctl's command line: every method has its command, and arguments become the right parameters.
#include "ctl/tgtctl/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <fstream>

#include "ctl/tgtctl/secrets.h"

namespace ctl {
namespace {

CommandLine parse(std::vector<const char*> words) {
  words.insert(words.begin(), "tgtctl");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

Json params_of(const std::vector<const char*>& words) {
  const CommandLine line = parse(words);
  EXPECT_TRUE(line.invocation) << line.output;
  return line.invocation ? line.invocation->params : Json();
}

TEST(CommandLine, EveryMethodHasItsCommandAndHelp) {
  for (const Method& method : methods()) {
    std::vector<std::string> words = command_words(method);
    words.emplace_back("--help");
    std::vector<const char*> argv;
    for (const std::string& word : words) argv.push_back(word.c_str());
    const CommandLine line = parse(argv);
    EXPECT_EQ(line.exit_code, 0) << method.name;
    EXPECT_THAT(line.output, testing::HasSubstr(method.help));
    for (const Param& param : method.params) {
      if (std::string(param.name) == "origin") continue;  // filled in by tgtctl
      EXPECT_THAT(line.output, testing::HasSubstr(param.help)) << method.name;
    }
  }
}

// The smallest command line that a method accepts, made from its table row.
std::vector<std::string> smallest(const Method& method) {
  std::vector<std::string> words = command_words(method);
  for (const Param& param : method.params) {
    if (param.use == Param::kOptional || param.type == ParamType::kSecret) continue;
    std::string name = param.name;
    std::ranges::replace(name, '_', '-');
    if (param.use == Param::kRequired) words.push_back("--" + name);
    const std::string choices = param.choices != nullptr ? param.choices : "1";
    words.push_back(choices.substr(0, choices.find('|')));
  }
  return words;
}

TEST(CommandLine, EveryMethodIsReachedAndItsParametersAreAccepted) {
  for (const Method& method : methods()) {
    const std::vector<std::string> words = smallest(method);
    std::vector<const char*> argv;
    for (const std::string& word : words) argv.push_back(word.c_str());
    CommandLine line = parse(argv);
    ASSERT_TRUE(line.invocation) << method.name << ": " << line.output;
    EXPECT_EQ(line.invocation->method, &method);
    Json params = line.invocation->params;
    for (const SecretSource& source : line.invocation->secrets) params[source.param] = "x";
    if (!line.invocation->text_param.empty()) params[line.invocation->text_param] = "x";
    const auto checked = Params::from_json(method.params, params);
    EXPECT_TRUE(checked) << method.name << ": " << (checked ? "" : checked.error().text);
  }
}

TEST(CommandLine, ArgumentsByType) {
  EXPECT_EQ(params_of({"lu", "create", "d", "--backstore", "ram", "--size", "1GiB", "--removable", "--no-write-cache"}),
            Json::parse(R"({"name":"d","backstore":"ram","size":"1GiB","removable":true,"write_cache":false})"));
  EXPECT_EQ(params_of({"host-group", "create", "h", "--initiators", "a,b", "--initiators", "c"}),
            Json::parse(R"({"name":"h","initiators":["a","b","c"]})"));
  EXPECT_EQ(params_of({"host-group", "modify", "h", "--initiators", ""}),
            Json::parse(R"({"name":"h","initiators":[""]})"));
  EXPECT_EQ(params_of({"debug", "inject", "medium-error", "d", "--opcode", "0x28", "--count", "3"}),
            Json::parse(R"({"kind":"medium-error","lu":"d","opcode":40,"count":3})"));
  EXPECT_EQ(params_of({"apply", "f.toml", "--dry-run"})["origin"], "f.toml");
}

TEST(CommandLine, OptionsOfTheProgramMayComeLast) {
  const CommandLine line = parse({"lu", "list", "--json", "--socket", "/x"});
  ASSERT_TRUE(line.invocation) << line.output;
  EXPECT_TRUE(line.invocation->json);
  EXPECT_EQ(line.invocation->socket, "/x");
}

TEST(CommandLine, WrongUsage) {
  using Words = std::vector<const char*>;
  for (const Words& words : {Words{}, Words{"lu"}, Words{"nothing"}, Words{"lu", "create"},
                             Words{"lu", "create", "d", "--backstore", "tape"}, Words{"lu", "list", "--nothing"},
                             Words{"session", "logout", "x"}, Words{"lu", "list", "d"}}) {
    const CommandLine line = parse(words);
    EXPECT_FALSE(line.invocation);
    EXPECT_EQ(line.exit_code, 2);
    EXPECT_FALSE(line.output.empty());
  }
}

TEST(CommandLine, SecretsAreNeverWordsOfTheCommandLine) {
  EXPECT_FALSE(parse({"user", "add", "alice", "--secret", "hunter2hunter2"}).invocation);
  EXPECT_FALSE(parse({"user", "add", "alice", "hunter2hunter2"}).invocation);
  const CommandLine asked = parse({"user", "add", "alice", "--mutual-user", "t"});
  ASSERT_TRUE(asked.invocation);
  ASSERT_EQ(asked.invocation->secrets.size(), 2u);
  EXPECT_TRUE(asked.invocation->secrets[1].ask);
  const CommandLine given = parse({"user", "add", "alice", "--secret-fd", "5"});
  ASSERT_TRUE(given.invocation);
  ASSERT_EQ(given.invocation->secrets.size(), 1u);
  EXPECT_EQ(given.invocation->secrets[0].fd, 5);
  EXPECT_TRUE(parse({"user", "modify", "alice"}).invocation->secrets.empty());
}

TEST(Secrets, AFileThatOthersCanReadIsRefused) {
  const std::string path = testing::TempDir() + "outboard-secret";
  std::ofstream(path) << "correct-horse-battery\n";
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  EXPECT_EQ(read_secret({"secret", "secret", path}).value().reveal(), "correct-horse-battery");
  ASSERT_EQ(chmod(path.c_str(), 0640), 0);
  EXPECT_EQ(read_secret({"secret", "secret", path}).error().code, base::Errc::kDenied);
  EXPECT_FALSE(read_secret({"secret", "secret", path + "-none"}));
  remove(path.c_str());
}

}  // namespace
}  // namespace ctl
