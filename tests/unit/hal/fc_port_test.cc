// Worldwide_Names in both of their written forms.
#include "hal/port/fc_port.h"

#include <gtest/gtest.h>

namespace hal::fc {
namespace {

TEST(Wwn, IsWrittenWithColonsAndReadWithOrWithout) {
  EXPECT_EQ(to_string(Wwn{0x21000024ff000001}), "21:00:00:24:ff:00:00:01");
  EXPECT_EQ(to_string(Wwn{1}), "00:00:00:00:00:00:00:01");
  EXPECT_EQ(parse_wwn("21:00:00:24:FF:00:00:01").value(), Wwn{0x21000024ff000001});
  EXPECT_EQ(parse_wwn("21000024ff000001").value(), Wwn{0x21000024ff000001});
}

TEST(Wwn, RefusesEverythingElse) {
  for (const char* text : {"", "21", "21:00:00:24:ff:00:00:0", "21:00:00:24:ff:00:00:0g",
                           "2100:00:24:ff:00:00:01:", "21:00:00:24:ff:00:00:01:02", "21000024ff00000",
                           "21000024ff0000011", "21-00-00-24-ff-00-00-01"}) {
    EXPECT_FALSE(parse_wwn(text).has_value()) << text;
  }
}

TEST(FcPort, SpreadsLoginsOverQueues) {
  EXPECT_EQ(FcPort::queue_of(7, 1), 0u);
  EXPECT_EQ(FcPort::queue_of(7, 4), 3u);
}

}  // namespace
}  // namespace hal::fc
