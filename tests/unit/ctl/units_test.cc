// Unit tests of sizes and durations.
#include "ctl/units.h"

#include <gtest/gtest.h>

namespace ctl {
namespace {

TEST(Units, SizesInEveryUnit) {
  EXPECT_EQ(parse_size("0").value(), 0u);
  EXPECT_EQ(parse_size("512").value(), 512u);
  EXPECT_EQ(parse_size("1000 B").value(), 1000u);
  EXPECT_EQ(parse_size("64KiB").value(), 65536u);
  EXPECT_EQ(parse_size("1.5 GiB").value(), 1536ull << 20);
  EXPECT_EQ(parse_size("2TB").value(), 2'000'000'000'000ull);
  EXPECT_EQ(parse_size("9223372036854775807").value(), static_cast<std::uint64_t>(INT64_MAX));
}

TEST(Units, SizesThatAreRefused) {
  for (const char* text :
       {"", " ", "GiB", "1 gib", "-1", "1.2345KiB", "1..5KiB", "1.KiB", ".5KiB", "0.1B", "1e3", "9223372036854775808",
        "18446744073709551616", "9999999PiB", "1000000000000000000000", "1KiB "}) {
    EXPECT_FALSE(parse_size(text)) << text;
  }
}

TEST(Units, SizesAreReadBackExactly) {
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1023}, std::uint64_t{1024},
                                   std::uint64_t{1} << 40, (std::uint64_t{1} << 40) + 512, std::uint64_t{3} << 50}) {
    EXPECT_EQ(parse_size(format_size(size)).value(), size) << format_size(size);
  }
  EXPECT_EQ(format_size(std::uint64_t{10} << 30), "10 GiB");
  EXPECT_EQ(format_size(1000), "1000 B");
}

TEST(Units, Durations) {
  using namespace std::chrono_literals;
  EXPECT_EQ(parse_duration("15s").value(), 15s);
  EXPECT_EQ(parse_duration("0.5 s").value(), 500ms);
  EXPECT_EQ(parse_duration("2min").value(), 2min);
  EXPECT_EQ(parse_duration("1h").value(), 1h);
  EXPECT_EQ(parse_duration("250us").value(), 250us);
  for (const char* text : {"", "15", "s", "-1s", "1 day", "99999999999999h"})
    EXPECT_FALSE(parse_duration(text)) << text;
  EXPECT_EQ(format_duration(1500ms), "1500ms");
  EXPECT_EQ(format_duration(0s), "0s");
  EXPECT_EQ(format_duration(60s), "60s");
}

}  // namespace
}  // namespace ctl
