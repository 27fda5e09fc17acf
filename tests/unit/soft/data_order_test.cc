// Unit tests of write data in any order: DataPDUInOrder=No, DataSequenceInOrder=No (RFC 7143 13.18, 13.19).
#include <algorithm>

#include "base/random.h"
#include "drivers/soft/tcp/pieces.h"
#include "tests/unit/soft/connection_bench.h"

namespace soft::tcp {
namespace {

struct DataOrderTest : ConnectionTest {
  DataOrderTest() { pdus_in_order = sequences_in_order = false; }
  std::size_t idle = 0;  // buffers that the poller has
  void SetUp() override {
    ConnectionTest::SetUp();
    idle = reactor->dma().in_use();
  }
  // A write of `size` without early data, all of which the core wants; its R2Ts.
  std::vector<hal::iscsi::R2t> asked(std::uint32_t size) {
    get_on_begin = size;
    command(size, 0);
    return r2ts();
  }
  std::vector<hal::iscsi::R2t> r2ts() {
    std::vector<hal::iscsi::R2t> all;
    for (const Pdu& pdu : from_target()) {
      EXPECT_EQ(pdu.header.opcode, 0x31);
      all.push_back(pdu.as<hal::iscsi::R2t>());
    }
    return all;
  }
  void expect_written(std::size_t size) {
    EXPECT_EQ(events.at(1), "data 0");
    expect_pattern(size);
    EXPECT_TRUE(connection->drained(task));
    connection->end_task(task);
    EXPECT_EQ(reactor->dma().in_use(), idle);
  }
};

TEST_F(DataOrderTest, PdusOfASequenceComeInAnyOrder) {
  const auto sequence = asked(4096);
  ASSERT_EQ(sequence.size(), 1u);
  const std::uint32_t tag = sequence[0].target_transfer_tag;
  data_out(tag, 0, 0, 512, false);  // in order so far
  data_out(tag, 1, 3072, 1024, false);
  data_out(tag, 2, 1024, 1024, false);
  EXPECT_EQ(events.size(), 1u);
  data_out(tag, 3, 512, 512, false);
  data_out(tag, 4, 2048, 1024, true);
  expect_written(4096);
}

TEST_F(DataOrderTest, SequencesComeInAnyOrderAndMingled) {
  const auto first = asked(16000);
  ASSERT_EQ(first.size(), 2u);
  data_out(first[1].target_transfer_tag, 0, 4096, 2000, false);
  data_out(first[0].target_transfer_tag, 0, 0, 4000, false);
  EXPECT_TRUE(r2ts().empty());
  data_out(first[1].target_transfer_tag, 1, 6096, 2096, true);
  const auto third = r2ts();  // one is through, another is asked for
  ASSERT_EQ(third.size(), 1u);
  EXPECT_EQ(third[0].buffer_offset, 8192u);
  EXPECT_EQ(third[0].r2t_sn, 2u);
  data_out(third[0].target_transfer_tag, 0, 8192, 4096, true);
  const auto last = r2ts();
  ASSERT_EQ(last.size(), 1u);
  data_out(last[0].target_transfer_tag, 0, 12288, 3712, true);
  EXPECT_EQ(events.size(), 1u);
  data_out(first[0].target_transfer_tag, 1, 4000, 96, true);
  expect_written(16000);
}

TEST_F(DataOrderTest, UnsolicitedDataWaitsForWhatIsBeforeIt) {
  command(4096, 512, false);
  rounds();
  data_out(kReservedTag, 0, 1536, 512, false);
  get(0, 1000);  // part of what has come and what has not
  rounds();
  data_out(kReservedTag, 1, 1024, 512, false);
  EXPECT_EQ(events.size(), 1u);
  EXPECT_TRUE(r2ts().empty());
  data_out(kReservedTag, 2, 512, 512, true);
  EXPECT_EQ(events.at(1), "data 0");
  hal::DmaSpan rest{std::span(medium).subspan(1000), {}};
  connection->get_data(task, {&rest, 1}, 1000, 3096);
  const auto solicited = r2ts();
  ASSERT_EQ(solicited.size(), 1u);
  EXPECT_EQ(solicited[0].buffer_offset, 2048u);
  data_out(solicited[0].target_transfer_tag, 0, 3000, 1096, false);
  data_out(solicited[0].target_transfer_tag, 1, 2048, 952, true);
  expect_written(4096);
}

// What the core waits for is placed at once as long as it comes in order; the rest must not be copied over it.
TEST_F(DataOrderTest, UnsolicitedDataThatLosesItsOrderHalfWay) {
  get_on_begin = 2048;
  command(2048, 100, false);
  data_out(kReservedTag, 0, 100, 400, false);
  data_out(kReservedTag, 1, 1000, 1048, false);
  data_out(kReservedTag, 2, 500, 500, true);
  expect_written(2048);
}

TEST_F(DataOrderTest, WrongInAnyOrder) {
  struct Wrong {
    const char* what;
    std::uint32_t sn, offset;
    std::size_t size;
    bool final;
  };
  for (const Wrong& wrong : {
           Wrong{"a byte twice", 1, 3000, 1000, false},
           Wrong{"before the sequence", 1, 4000, 200, false},
           Wrong{"beyond the sequence", 1, 8000, 200, false},
           Wrong{"the wrong DataSN", 2, 4096, 512, false},
           Wrong{"F with a gap", 1, 4096, 512, true},
       }) {
    SCOPED_TRACE(wrong.what);
    events.clear();
    const auto sequences = asked(8192);
    ASSERT_EQ(sequences.size(), 2u);
    const bool second = wrong.offset >= 4000;
    data_out(sequences[second ? 1 : 0].target_transfer_tag, 0, second ? 5096 : 2000, 1096, false);
    data_out(sequences[second ? 1 : 0].target_transfer_tag, wrong.sn, wrong.offset, wrong.size, wrong.final);
    ASSERT_EQ(events.size(), 3u);
    EXPECT_EQ(events[1].substr(0, 6), "reject");
    EXPECT_EQ(events[2], "data 2");  // failed
    connection->end_task(task);
    EXPECT_EQ(reactor->dma().in_use(), idle);
  }
}

TEST_F(DataOrderTest, AllOfASequenceWithoutFIsWrong) {
  const auto sequence = asked(4096);
  data_out(sequence[0].target_transfer_tag, 0, 2048, 2048, false);
  data_out(sequence[0].target_transfer_tag, 1, 0, 2048, false);
  ASSERT_EQ(events.size(), 3u);
  EXPECT_EQ(events[1].substr(0, 6), "reject");
  connection->end_task(task);
}

// Whatever the order of sequences and PDUs that two keys allow, the data is what was written.
struct AnyOrder : DataOrderTest, testing::WithParamInterface<std::pair<bool, bool>> {
  AnyOrder() { std::tie(pdus_in_order, sequences_in_order) = GetParam(); }
};

TEST_P(AnyOrder, DataIsRight) {
  struct Part {
    std::uint32_t offset, size;
  };
  struct Sequence {
    std::uint32_t tag, sn;
    std::vector<Part> parts;  // the next to be sent is the last
  };
  base::SeededRandom random(7);
  for (int run = 0; run < 40; ++run) {
    events.clear();
    medium.assign(medium.size(), std::byte{0});
    const auto size = static_cast<std::uint32_t>(1 + random.below(20000));
    std::vector<Sequence> open;
    const auto cut = [&](std::uint32_t tag, std::uint32_t begin, std::uint32_t end) {
      Sequence& sequence = open.emplace_back(Sequence{tag, 0, {}});
      for (std::uint32_t at = begin; at != end;) {
        const auto part = static_cast<std::uint32_t>(1 + random.below(std::min(end - at, 3000u)));
        sequence.parts.push_back({at, part});
        at += part;
      }
      std::reverse(sequence.parts.begin(), sequence.parts.end());
      for (std::size_t i = sequence.parts.size(); !pdus_in_order && i > 1; --i) {
        std::swap(sequence.parts[i - 1], sequence.parts[random.below(i)]);
      }
    };
    const bool unsolicited = random.below(2) != 0 && size > 600;
    get_on_begin = size;
    command(size, unsolicited ? 600 : 0, !unsolicited);
    rounds();
    if (unsolicited) cut(kReservedTag, 600, std::min(size, 2048u));
    for (;;) {
      for (const auto& r2t : r2ts()) {
        cut(r2t.target_transfer_tag, r2t.buffer_offset, r2t.buffer_offset + r2t.desired_data_transfer_length);
      }
      if (open.empty()) break;
      const std::size_t which = sequences_in_order ? 0 : random.below(open.size());
      Sequence& sequence = open[which];
      const Part part = sequence.parts.back();
      sequence.parts.pop_back();
      data_out(sequence.tag, sequence.sn++, part.offset, part.size, sequence.parts.empty());
      if (sequence.parts.empty()) open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
    }
    ASSERT_EQ(events, (std::vector<std::string>{"control 1", "data 0", "drained"})) << "run " << run;
    expect_written(size);
  }
}

INSTANTIATE_TEST_SUITE_P(Keys, AnyOrder,
                         testing::Values(std::pair{false, false}, std::pair{false, true}, std::pair{true, false},
                                         std::pair{true, true}));

TEST_F(DataOrderTest, TaskThatEndsInDisorderLeavesNothing) {
  const auto sequences = asked(8192);
  data_out(sequences[1].target_transfer_tag, 0, 6000, 1000, false);
  connection->terminate_data(task);
  rounds();
  EXPECT_EQ(events.back(), "data 1");  // terminated
  data_out(sequences[1].target_transfer_tag, 1, 4096, 1904, false);
  data_out(sequences[1].target_transfer_tag, 2, 7000, 1192, true);
  data_out(sequences[0].target_transfer_tag, 0, 0, 4096, true);
  EXPECT_TRUE(connection->drained(task));
  EXPECT_EQ(std::count(events.begin(), events.end(), "drained"), 1);
  connection->end_task(task);
  EXPECT_EQ(asked(4096).size(), 1u);  // the next begins in order
  connection->terminate_data(task);
  rounds();
  connection->end_task(task);
}

TEST(Pieces, AreJoinedAndCounted) {
  Pieces some(100, 200, 100);
  EXPECT_FALSE(some.complete());
  EXPECT_TRUE(some.add(100, 0));
  EXPECT_FALSE(some.add(99, 1));
  EXPECT_FALSE(some.add(199, 2));
  EXPECT_FALSE(some.add(201, 0));
  EXPECT_FALSE(some.add(150, 0xffffffff));
  EXPECT_TRUE(some.add(150, 50));
  EXPECT_FALSE(some.add(140, 20));
  EXPECT_FALSE(some.add(150, 1));
  EXPECT_EQ(some.in_order(), 100u);
  EXPECT_TRUE(some.add(100, 20));
  EXPECT_EQ(some.in_order(), 120u);
  EXPECT_TRUE(some.add(120, 30));
  EXPECT_TRUE(some.complete());
  EXPECT_TRUE(Pieces(5, 5, 5).complete());
}

TEST(Pieces, AreNoMoreThanASequenceMayCost) {
  Pieces some(0, 1 << 20, 0);
  for (std::uint32_t i = 0; i < Pieces::kMost; ++i) ASSERT_TRUE(some.add(2 * i + 1, 1));
  EXPECT_FALSE(some.add(1 << 19, 1));
  EXPECT_TRUE(some.add(2, 1));  // joins two
  EXPECT_TRUE(some.add(1 << 19, 1));
}

}  // namespace
}  // namespace soft::tcp
