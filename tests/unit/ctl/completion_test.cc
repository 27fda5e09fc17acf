// Unit tests of completion and man pages.
#include "ctl/tgtctl/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ctl/tgtctl/command_line.h"

namespace ctl {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const Grammar& words() {
  static const Grammar made = grammar();
  return made;
}

std::vector<std::string> asked;  // methods whose names were wanted

Completion found(const std::vector<std::string>& before, const std::string& current) {
  asked.clear();
  return complete(words(), before, current, [](const std::string& method, const std::string& key) {
    asked.push_back(method + " " + key);
    return std::vector<std::string>{"disk0", "disk1", "iqn.2026-01.x:t"};
  });
}

std::vector<std::string> texts(const std::vector<std::string>& before, const std::string& current) {
  std::vector<std::string> out;
  for (const Candidate& one : found(before, current).candidates) out.push_back(one.text);
  return out;
}

TEST(Completion, EveryCommandIsOfferedWhereItStands) {
  for (const Method& method : methods()) {
    const std::vector<std::string> parts = command_words(method);
    EXPECT_THAT(texts({parts.begin(), parts.end() - 1}, ""), Contains(parts.back())) << method.name;
  }
  EXPECT_THAT(texts({}, "im"), ElementsAre("import"));
  EXPECT_THAT(texts({}, "to"), ElementsAre("top"));
}

TEST(Completion, OptionsAreThoseOfTheCommandAndOfTheProgram) {
  EXPECT_THAT(texts({"lu", "create", "x"}, "--"), Contains("--backstore"));
  EXPECT_THAT(texts({"lu", "create", "x"}, "--"), Contains("--json"));
  EXPECT_THAT(texts({"lu", "list"}, "--"), Not(Contains("--backstore")));
  EXPECT_THAT(texts({"lu", "create", "x", "--backstore", "ram"}, "--b"), ElementsAre("--block-size"));
  EXPECT_THAT(texts({"--json", "lu"}, "li"), ElementsAre("list"));
}

TEST(Completion, ValuesAreWhatTheTableKnows) {
  EXPECT_THAT(texts({"lu", "create", "x", "--backstore"}, ""), ElementsAre("ram", "file", "block", "null"));
  EXPECT_THAT(texts({"lu", "create", "x"}, "--backstore=f"), ElementsAre("--backstore=file"));
  EXPECT_THAT(texts({"top", "--sort"}, "l"), ElementsAre("latency"));
  EXPECT_THAT(texts({"top", "--of"}, "port,s"), ElementsAre("port,session"));
  EXPECT_THAT(texts({"completion"}, ""), ElementsAre("bash", "zsh", "fish"));
  EXPECT_TRUE(found({"apply"}, "").files);
  EXPECT_TRUE(found({"lu", "create", "x", "--path"}, "/").files);
  EXPECT_FALSE(found({"lu", "create", "x", "--size"}, "").files);
}

TEST(Completion, NamesAreAskedOfTheDaemon) {
  EXPECT_THAT(texts({"lu", "delete"}, "disk"), ElementsAre("disk0", "disk1"));
  EXPECT_THAT(asked, ElementsAre("lu.list name"));
  EXPECT_THAT(texts({"view", "add"}, "iqn.2026-01.x:"), ElementsAre("iqn.2026-01.x:t"));
  found({"session", "logout"}, "");
  EXPECT_THAT(asked, ElementsAre("session.list id"));
  found({"portal", "remove"}, "");
  EXPECT_THAT(asked, ElementsAre("portal.list address"));
  EXPECT_THAT(texts({"target", "modify", "t", "--users"}, "alice,disk1"), ElementsAre("alice,disk1"));
  EXPECT_THAT(texts({"lu", "create"}, ""), IsEmpty());
  EXPECT_THAT(texts({"lu", "delete", "disk0"}, ""), IsEmpty());
}

TEST(Shell, LinesAreCutAsAShellCutsThem) {
  EXPECT_THAT(split_words("lu  create\ta --path '/a b'").value(), ElementsAre("lu", "create", "a", "--path", "/a b"));
  EXPECT_THAT(split_words("x \"a'b\\\"c\" d\\ e '' # more").value(), ElementsAre("x", "a'b\"c", "d e", ""));
  EXPECT_THAT(split_words("a#b '#c'").value(), ElementsAre("a#b", "#c"));
  EXPECT_THAT(split_words("  # nothing").value(), IsEmpty());
  EXPECT_FALSE(split_words("a 'b"));
  EXPECT_FALSE(split_words("a \\"));
}

TEST(ManPage, HasEveryCommandWithEachOfItsParameters) {
  const std::string page = man_page(words(), "1.0", ".SH END\n");
  EXPECT_THAT(page, testing::ContainsRegex("\\.TH TGTCTL 8 \"[0-9-]+\" \"Outboard 1.0\""));
  for (const Method& method : methods()) {
    std::string command, help;
    for (const std::string& word : command_words(method)) command += (command.empty() ? "" : " ") + word;
    for (const char c : command) help += c == '-' ? std::string("\\-") : std::string(1, c);
    EXPECT_THAT(page, HasSubstr(".SS \\fB" + help + "\\fR")) << method.name;
  }
  EXPECT_THAT(page,
              HasSubstr("\\fB\\-\\-backstore\\fR \\fIBACKSTORE\\fR\nwhat holds the data: ram, file, block, null\n"));
  EXPECT_TRUE(page.ends_with(".SH END\n"));
}

TEST(ManPage, TextIsNoMacro) {
  Grammar program{"x", "x: does", {}, {}, {}};
  program.options.push_back({{"--y"}, "", ".so /etc/passwd \\fR", {}, false, false});
  EXPECT_THAT(man_page(program, "1", ""), HasSubstr("\n\\&.so /etc/passwd \\efR\n"));
}

}  // namespace
}  // namespace ctl
