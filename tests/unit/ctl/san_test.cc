// Unit tests of `tgtctl san`: its words, its errors, what it prints.
#include "ctl/libtgt/san.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>
#include <thread>

#include "base/fd.h"
#include "ctl/tgtctl/command_line.h"
#include "ctl/tgtctl/san_output.h"

namespace ctl {
namespace {

using std::chrono::milliseconds;

// Stands in for outboard-emu: takes one connection, one line, and says `answer`.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer) : path_(testing::TempDir() + "san_test." + std::to_string(getpid())) {
    unlink(path_.c_str());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    strncpy(address.sun_path, path_.c_str(), sizeof address.sun_path - 1);
    listening_ = base::Fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(listening_.get(), 1), 0);
    thread_ = std::thread([this, text = std::move(answer)] { serve(text); });
  }
  ~OneAnswer() {
    thread_.join();
    unlink(path_.c_str());
  }
  const std::string& path() const { return path_; }
  const std::string& heard() {  // after the answer
    return heard_;
  }

 private:
  void serve(const std::string& answer) {
    const base::Fd peer(accept(listening_.get(), nullptr, nullptr));
    char c = 0;
    while (read(peer.get(), &c, 1) == 1 && c != '\n') heard_ += c;
    if (!answer.empty() && write(peer.get(), answer.data(), answer.size()) < 0) return;
    if (answer.empty()) {
      while (read(peer.get(), &c, 1) == 1) continue;  // silent until the other end gives up
    }
  }

  std::string path_, heard_;
  base::Fd listening_;
  std::thread thread_;
};

TEST(San, SaysTheWordsAsOneLineAndReturnsTheAnswer) {
  OneAnswer emulator("{\"ports\":[],\"ok\":true}\n");
  const auto answer = san_command(emulator.path(), {"faults", "0", "drop=10"});
  ASSERT_TRUE(answer) << answer.error().text;
  EXPECT_EQ(*answer, Json({{"ports", Json::array()}}));
  EXPECT_EQ(emulator.heard(), "faults 0 drop=10");
}

TEST(San, KeepsTheWordsOfARefusal) {
  OneAnswer emulator("{\"error\":\"there is no adapter 7\",\"ok\":false}\n");
  const auto answer = san_command(emulator.path(), {"crash", "7"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, base::Errc::kInvalid);
  EXPECT_EQ(answer.error().text, "there is no adapter 7");
}

TEST(San, AnAnswerWithoutAnOutcomeIsNotTakenForOne) {
  OneAnswer emulator("[1,2]\n");
  const auto answer = san_command(emulator.path(), {"list"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, base::Errc::kIo);
}

TEST(San, ASilentEmulatorIsNotWaitedForLongerThanTheLimit) {
  OneAnswer emulator("");
  const auto answer = san_command(emulator.path(), {"list"}, milliseconds(20));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, base::Errc::kTimeout);
  EXPECT_EQ(answer.error().text, "outboard-emu does not answer");
}

TEST(San, TellsThatNobodyListens) {
  const auto answer = san_command("/nonexistent/control.sock", {"list"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, base::Errc::kNotFound);
  EXPECT_THAT(answer.error().text, testing::HasSubstr("no outboard-emu listens on /nonexistent/control.sock"));
}

TEST(San, AWordWithALineEndIsRefusedBeforeItIsSaid) {
  EXPECT_FALSE(san_command("/nonexistent", {"list\nstop"}).has_value());
  EXPECT_FALSE(san_command("/nonexistent", {}).has_value());
}

TEST(San, CommandLineKeepsWordsInOrder) {
  const char* argv[] = {"tgtctl", "--json", "san", "--control", "/tmp/s", "link", "0", "down"};
  const CommandLine line = parse_command_line(std::size(argv), argv);
  ASSERT_TRUE(line.san) << line.output;
  EXPECT_FALSE(line.invocation);
  EXPECT_EQ(line.san->socket, "/tmp/s");
  EXPECT_THAT(line.san->words, testing::ElementsAre("link", "0", "down"));
  EXPECT_TRUE(line.san->json);
}

TEST(San, CommandLineWithoutWordsIsAUsageError) {
  const char* argv[] = {"tgtctl", "san"};
  EXPECT_EQ(parse_command_line(std::size(argv), argv).exit_code, 2);
}

TEST(San, ThingsBecomeATableAndSingleValuesFollow) {
  const Json answer = {{"hbas", {{{"wwpn", "21:00"}, {"link", true}}, {{"wwpn", "21:01"}, {"link", false}}}},
                       {"model_faults", 0}};
  const std::string text = format_san(answer);
  EXPECT_THAT(text, testing::HasSubstr("LINK"));
  EXPECT_THAT(text, testing::ContainsRegex("0 +yes +21:00"));
  EXPECT_THAT(text, testing::ContainsRegex("1 +no +21:01"));
  EXPECT_THAT(text, testing::ContainsRegex("MODEL FAULTS +0"));
}

TEST(San, TextsAndLinesStayAsTheyAre) {
  EXPECT_EQ(format_san(Json::object()), "done\n");
  EXPECT_EQ(format_san({{"dump", "a\nb"}}), "a\nb\n");
  EXPECT_EQ(format_san({{"commands", {"list", "stop"}}}), "list\nstop\n");
}

}  // namespace
}  // namespace ctl
