// Links: credit, light, what faults do to frames and sequences, capture files.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "emu/fc/link.h"
#include "emu/fc/payloads.h"
#include "hal/port/fc_frame.h"

namespace emu::fc {
namespace {

using hal::fc::FrameHeader;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct LinkTest : testing::Test {
  LinkTest() {
    link.poll(now);
    a.light(true);
    b.light(true);
  }
  // A frame of sequence `seq_id`.
  static std::vector<std::byte> frame(std::uint8_t seq_id, std::uint16_t count, bool last) {
    FrameHeader header;
    header.seq_id = seq_id;
    header.seq_cnt = count;
    header.f_ctl = FrameHeader::EndSequence::of(last);
    const auto bytes = bytes_of(header);
    return {bytes.begin(), bytes.end()};
  }
  // Sequence ids of all that has arrived.
  std::string arrived() {
    std::string ids;
    while (const auto got = b.receive()) ids += static_cast<char>('0' + take<FrameHeader>(*got)->seq_id);
    return ids;
  }
  base::Time now{seconds(1)};
  Link link{LinkOptions{"test", 4, 7}};
  Wire& a = link.end(0);
  Wire& b = link.end(1);
};

TEST_F(LinkTest, CreditComesBackWhenFramesAreTaken) {
  for (std::uint8_t i = 0; i < 4; ++i) EXPECT_TRUE(a.send(frame(i, 0, true)));
  EXPECT_FALSE(a.send(frame(4, 0, true)));
  EXPECT_TRUE(b.send(frame(9, 0, true)));  // the other direction has its own
  ASSERT_TRUE(b.receive());
  EXPECT_FALSE(a.send(frame(4, 0, true)));  // still being read
  ASSERT_TRUE(b.receive());
  EXPECT_TRUE(a.send(frame(4, 0, true)));
  EXPECT_EQ(arrived(), "234");
}

TEST_F(LinkTest, WithoutLightNothingPasses) {
  a.send(frame(1, 0, true));
  b.light(false);
  EXPECT_FALSE(a.up());
  EXPECT_FALSE(a.send(frame(2, 0, true)));
  b.light(true);
  EXPECT_TRUE(a.up());
  EXPECT_EQ(arrived(), "");
  link.cut(true);
  EXPECT_FALSE(b.up());
  link.cut(false);
  EXPECT_TRUE(b.up());
  link.bounce(milliseconds(10));
  EXPECT_FALSE(a.up());
  link.poll(now + milliseconds(10));
  EXPECT_TRUE(a.up());
}

TEST_F(LinkTest, JudgeDropsAndDelays) {
  link.set_judge([](unsigned, const FrameHeader& header, std::span<const std::byte>) {
    return header.seq_id == 1 ? Fate::kDrop : header.seq_id == 2 ? Fate::kDelay : Fate::kPass;
  });
  for (std::uint8_t i = 0; i < 4; ++i) a.send(frame(i, 0, true));
  link.poll(now + seconds(1));
  EXPECT_EQ(arrived(), "023");
  EXPECT_EQ(link.lost(), 1u);
}

TEST_F(LinkTest, ReorderedSequenceComesWholeAfterOthers) {
  link.set_judge([](unsigned, const FrameHeader& header, std::span<const std::byte>) {
    return header.seq_id == 1 ? Fate::kReorder : Fate::kPass;
  });
  std::string all;
  const auto go = [&](std::uint8_t id, std::uint16_t count, bool last) {
    EXPECT_TRUE(a.send(frame(id, count, last)));
    link.poll(now);
    all += arrived();
  };
  go(1, 0, false);
  go(2, 0, true);
  go(1, 1, true);
  go(3, 0, true);
  go(4, 0, true);
  go(5, 0, true);
  EXPECT_EQ(all,
            "2311"
            "45");
}

TEST_F(LinkTest, ReorderedSequenceComesInTheEndWithoutOthers) {
  link.set_judge([](unsigned, const FrameHeader&, std::span<const std::byte>) { return Fate::kReorder; });
  a.send(frame(1, 0, true));
  EXPECT_EQ(arrived(), "");
  link.poll(now + milliseconds(30));
  EXPECT_EQ(arrived(), "1");
}

TEST_F(LinkTest, SeededFaultsHitAboutAsOftenAsSaid) {
  LinkFaults faults;
  faults.drop = 100'000;
  link.set_faults(faults);
  int got = 0;
  for (int i = 0; i < 10'000; ++i) {
    a.send(frame(0, 0, true));
    got += static_cast<int>(arrived().size());
  }
  EXPECT_GT(got, 8800);
  EXPECT_LT(got, 9200);
}

TEST_F(LinkTest, CaptureIsAPcapngFileOfFc2Frames) {
  const std::string path = testing::TempDir() + "link_test.pcapng";
  {
    auto capture = Capture::create(path);
    ASSERT_TRUE(capture.has_value());
    link.set_capture(capture->get());
    a.send(frame(1, 0, true));
    link.set_judge([](unsigned, const FrameHeader&, std::span<const std::byte>) { return Fate::kDrop; });
    b.send(frame(2, 0, true));
    link.set_capture(nullptr);
  }
  std::ifstream in(path, std::ios::binary);
  const std::vector<char> file((std::istreambuf_iterator<char>(in)), {});
  const auto word = [&](std::size_t at) {
    base::le32 value;
    std::memcpy(&value, file.data() + at, sizeof(value));
    return std::uint32_t{value};
  };
  std::vector<std::uint32_t> types;
  for (std::size_t at = 0; at + 12 <= file.size(); at += word(at + 4)) {
    types.push_back(word(at));
    ASSERT_EQ(word(at + 4) % 4, 0u);
    ASSERT_EQ(word(at + word(at + 4) - 4), word(at + 4));
    if (word(at) == 1) {
      EXPECT_EQ(word(at + 8) & 0xffff, 224u);
    }
    if (word(at) == 6) {
      EXPECT_EQ(word(at + 20), 24u);
    }
  }
  EXPECT_EQ(types, (std::vector<std::uint32_t>{0x0a0d0d0a, 1, 1, 6, 6}));
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace emu::fc
