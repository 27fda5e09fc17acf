// Unit tests of the capabilities text.
#include "hal/vfio_user/capabilities.h"

#include <gtest/gtest.h>

#include <string>

namespace hal::vfio_user {
namespace {

base::Result<Capabilities> read(const std::string& text) { return read_capabilities(std::as_bytes(std::span(text))); }

TEST(Capabilities, WhatIsWrittenIsRead) {
  const Capabilities written{.max_msg_fds = 8, .max_dma_maps = 100, .write_multiple = true};
  const auto got = read(write_capabilities(written)).value();
  EXPECT_EQ(got.max_msg_fds, 8u);
  EXPECT_EQ(got.max_dma_maps, 100u);
  EXPECT_TRUE(got.write_multiple);
}

TEST(Capabilities, NothingSaidMeansTheDefaults) {
  for (const char* text :
       {"", "{}", R"({"capabilities":{}})", R"({"capabilities":{"twin_socket":{"supported":true}}})"}) {
    const auto got = read(text).value();
    EXPECT_EQ(got.max_msg_fds, 1u) << text;
    EXPECT_EQ(got.max_data_xfer_size, 1u << 20) << text;
  }
}

TEST(Capabilities, TextAfterTheNulIsPassedOver) {
  std::string text = R"({"capabilities":{"max_msg_fds":3}})";
  text += '\0';
  text += "}}}";
  EXPECT_EQ(read(text).value().max_msg_fds, 3u);
}

TEST(Capabilities, LimitsAreOursAtMost) {
  const auto got = read(R"({"capabilities":{"max_msg_fds":1000,"max_data_xfer_size":99999999999}})").value();
  EXPECT_EQ(got.max_msg_fds, kMaxFds);
  EXPECT_EQ(got.max_data_xfer_size, kMaxDataTransfer);
}

TEST(Capabilities, NonsenseIsRefused) {
  for (const char* text : {"{", "[]", "3", R"({"capabilities":3})", R"({"capabilities":{"max_msg_fds":"8"}})",
                           R"({"capabilities":{"max_msg_fds":0}})", R"({"capabilities":{"max_data_xfer_size":-1}})"}) {
    EXPECT_FALSE(read(text).has_value()) << text;
  }
  EXPECT_FALSE(read(std::string(20000, ' ')).has_value());
}

}  // namespace
}  // namespace hal::vfio_user
