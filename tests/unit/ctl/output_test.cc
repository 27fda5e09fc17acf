// Unit tests of what tgtctl prints for people.
#include "ctl/tgtctl/output.h"

#include "ctl/tgtctl/progress_bar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ctl/tgtctl/table.h"

namespace ctl {
namespace {

std::string shown(const char* method, const char* json) {
  return format_result(*find_method(method), Json::parse(json));
}

TEST(Table, ColumnsAreAlignedNumbersToTheRight) {
  EXPECT_EQ(format_table({{"NAME", "COUNT"}, {"a", "5"}, {"bcdefg", "1000"}}),
            "NAME    COUNT\n"
            "a           5\n"
            "bcdefg   1000\n");
}

TEST(Table, UnitsAreScaledToThreeDigits) {
  EXPECT_EQ(short_time(0), "0");
  EXPECT_EQ(short_time(830), "830 ns");
  EXPECT_EQ(short_time(1'253'000), "1.25 ms");
  EXPECT_EQ(short_time(999'600), "1.00 ms");
  EXPECT_EQ(short_time(12.34e9), "12.3 s");
  EXPECT_EQ(short_bytes(1.5e9), "1.50 GB");
  EXPECT_EQ(short_number(184'000), "184k");
  EXPECT_EQ(short_number(7), "7");
  EXPECT_EQ(short_number(0.5), "0.50");
  EXPECT_EQ(format_table({{"P50"}, {"80.0 us"}, {"1.25 ms"}, {"0"}}), "    P50\n80.0 us\n1.25 ms\n      0\n");
}

TEST(Table, ControlCharactersOfPeersDoNotReachTheTerminal) {
  EXPECT_EQ(format_table({{"A"}, {"x\x1b[2J\ny"}}), "A\nx?[2J?y\n");
}

TEST(Output, Listings) {
  EXPECT_EQ(shown("view.list", R"([{"lu":"d","lun":0,"host_group":"","target_group":"g","read_only":true}])"),
            "LU  LUN  HOSTS  TARGETS  READ-ONLY\n"
            "d     0  every  g        yes\n");
  EXPECT_EQ(shown("view.list", "[]"), "no views\n");
  EXPECT_EQ(shown("session.list", R"([{"id":1,"initiator":"i","target":"","authentication":"none","in_flight":0,
                                      "commands":5,"connections":[{"peer":"1.2.3.4:5"}]}])"),
            "ID  INITIATOR  TARGET       PEER       AUTHENTICATION  IN FLIGHT  COMMANDS\n"
            " 1  i          (discovery)  1.2.3.4:5  none                    0         5\n");
  EXPECT_THAT(shown("session.list", R"([{"id":1,"initiator":"i","target":"t","authentication":"none","in_flight":0,
                     "commands":5,"connections":[{"peer":"1.2.3.4:5","cid":1},{"peer":"1.2.3.4:6","cid":3}]}])"),
              testing::HasSubstr("1.2.3.4:5 (CID 1),1.2.3.4:6 (CID 3)"));
}

TEST(Output, ReportsOfChanges) {
  EXPECT_EQ(shown("apply", R"({"applied":true,"changes":["+ lu d"],"notes":["lu e: gone"]})"),
            "+ lu d\nwarning: lu e: gone\n");
  EXPECT_EQ(shown("apply", R"({"applied":false,"changes":[],"notes":[]})"),
            "nothing changes\n(dry run: nothing was changed)\n");
}

TEST(Output, SingleThings) {
  EXPECT_EQ(shown("export", R"({"text":"[[lu]]\n"})"), "[[lu]]\n");
  EXPECT_EQ(shown("session.logout", "{}"), "done\n");
  EXPECT_EQ(shown("status", R"({"pid":1,"counters":{"logins":2}})"), "pid       1\ncounters\n  logins  2\n");
}

TEST(Output, CommandsWithTheirHistory) {
  EXPECT_EQ(
      shown("command.list", R"json([{"age_ms":1.5,"state":"transfer","command":"READ(10)","lu":"d","lba":8,"blocks":1,
                                      "tag":9,"initiator":"i","audit":[{"age_ms":1.25,"what":"received","detail":0}]}])json"),
      "     AGE  STATE     COMMAND   LU  LBA  BLOCKS  TAG  INITIATOR\n"
      "1.500 ms  transfer  READ(10)  d     8       1    9  i\n"
      "\ntag 9, READ(10):\n"
      "  1.250 ms ago  received  0\n");
}

TEST(Output, ProgressIsABarOfStepsOrBytes) {
  const auto bar = [](const char* text, std::size_t columns = 200) {
    return format_progress(Json::parse(text), columns);
  };
  EXPECT_EQ(bar(R"({"busy":false})"), "");
  EXPECT_EQ(bar(R"([])"), "");
  EXPECT_EQ(bar(R"({"busy":true,"step":"add lu disk7","steps_done":5,"steps":20,"waiting":0})"),
            "[#######.......................]  25 %  add lu disk7, step 6 of 20");
  EXPECT_EQ(
      bar(R"({"busy":true,"step":"add lu a\u001b[2J","steps_done":0,"steps":3,"waiting":2,"bytes":2000,"bytes_done":1500})"),
      "[######################........]  75 %  add lu a?[2J, 1.50 kB of 2.00 kB, step 1 of 3, 2 wait");
  EXPECT_EQ(bar(R"({"busy":true,"step":"remove lu b","steps_done":9,"steps":3})").find("] 100 %"), 31u);
  EXPECT_EQ(bar(R"({"busy":true,"step":"x","steps_done":1,"steps":2})", 10), "[#########");
}

}  // namespace
}  // namespace ctl
