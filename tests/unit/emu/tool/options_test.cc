// Unit tests of outboard-emu's command line.
#include "emu/tool/options.h"

#include <gtest/gtest.h>

#include <initializer_list>

namespace emu::tool {
namespace {

OptionsResult parse(std::initializer_list<const char*> words) {
  std::vector<const char*> argv{"outboard-emu"};
  argv.insert(argv.end(), words.begin(), words.end());
  return parse_options(static_cast<int>(argv.size()), argv.data());
}

TEST(EmuOptions, FabricOfTwoIsTheDefault) {
  const auto options = parse({"san", "--dir", "/run/san"}).options.value();
  EXPECT_EQ(options.hbas, 2u);
  EXPECT_EQ(options.topology, Topology::kFabric);
  EXPECT_EQ(options.control, "/run/san/control.sock");
}

TEST(EmuOptions, NamesAndFaultsAreUnderstood) {
  const auto options = parse({"san", "--dir", "d", "--hba", "3", "--wwpn", "21:00:00:24:ff:00:00:09", "--topology",
                              "loop", "--drop", "100", "--seed", "5", "--control", "c"})
                           .options.value();
  EXPECT_EQ(options.hbas, 3u);
  ASSERT_EQ(options.names.size(), 1u);
  EXPECT_EQ(options.names[0].raw, 0x21000024ff000009u);
  EXPECT_EQ(options.topology, Topology::kLoop);
  EXPECT_EQ(options.faults.drop, 100u);
  EXPECT_EQ(options.seed, 5u);
  EXPECT_EQ(options.control, "c");
}

TEST(EmuOptions, WrongLinesAreRefused) {
  for (const auto& words : std::initializer_list<std::initializer_list<const char*>>{
           {},
           {"san"},
           {"san", "--dir", "d", "--hba", "0"},
           {"san", "--dir", "d", "--hba", "65"},
           {"san", "--dir", "d", "--wwpn", "hello"},
           {"san", "--dir", "d", "--hba", "1", "--wwpn", "2100002400000001", "2100002400000002"},
           {"san", "--dir", "d", "--topology", "ring"},
           {"san", "--dir", "d", "--hba", "3", "--topology", "point-to-point"}}) {
    const auto result = parse(words);
    EXPECT_FALSE(result.options.has_value());
    EXPECT_NE(result.status, 0);
  }
}

}  // namespace
}  // namespace emu::tool
