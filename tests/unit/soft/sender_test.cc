// Unit tests of data digests of what is sent (RFC 7143 11.7, 13.1), over a socket that takes little at once.
#include "drivers/soft/tcp/sender.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "drivers/soft/tcp/crc32c.h"

namespace soft::tcp {
namespace {

using Bytes = std::vector<std::byte>;

struct SenderTest : testing::Test {
  TxPool tx;
  hal::DmaPool memory{std::size_t{64} << 20};
  Sender sender{tx, memory};
  hal::DataTask task;
  int ours = -1, peer = -1;
  int finished = 0;
  Bytes arrived;

  void SetUp() override {
    int pair[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    ours = pair[0];
    peer = pair[1];
    const int small = 16384;
    ASSERT_EQ(setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    sender.set_digests(true, true);
  }
  void TearDown() override {
    close(ours);
    close(peer);
  }
  void queue(std::span<const hal::DmaSpan> segments, std::uint32_t size, std::uint32_t pdu_size) {
    hal::DataIn data;
    data.segments = segments;
    data.length = size;
    for (std::uint32_t at = 0; at < size; at += pdu_size) {
      hal::iscsi::DataIn header;
      header.buffer_offset = at;
      const std::uint32_t part = std::min(pdu_size, size - at);
      sender.queue_data(task, data, at, part, at + part == size, header);
    }
  }
  // Sends and receives until nothing is queued; `between` is called whenever the socket was full.
  template <class Between>
  void run(Between&& between) {
    for (int round = 0; round < 10000 && !sender.empty(); ++round) {
      ASSERT_TRUE(sender.flush(
          ours, [](auto&, std::size_t) {}, [this](hal::DataTask&) { ++finished; }));
      between();
      Bytes some(8000);
      for (ssize_t got; (got = read(peer, some.data(), some.size())) > 0;) {
        arrived.insert(arrived.end(), some.begin(), some.begin() + got);
      }
    }
    ASSERT_TRUE(sender.empty());
  }
  // The payload of all PDUs, each held against its digests.
  Bytes payload() const {
    Bytes all;
    const auto digest_holds = [this](std::size_t from, std::size_t to) {
      Crc32c crc;
      crc.add(std::span(arrived).subspan(from, to - from));
      const base::le32 digest = crc.digest();
      return std::memcmp(arrived.data() + to, &digest, sizeof digest) == 0;
    };
    for (std::size_t at = 0; at < arrived.size();) {
      const auto& header = reinterpret_cast<const hal::iscsi::BasicHeader&>(arrived[at]);
      EXPECT_TRUE(digest_holds(at, at + hal::iscsi::kHeaderSize)) << "header at " << at;
      at += hal::iscsi::kHeaderSize + hal::iscsi::kDigestSize;
      const std::uint32_t size = header.data_segment_length;
      if (size == 0) continue;
      const std::size_t end = at + size + hal::iscsi::padding(size);
      EXPECT_TRUE(digest_holds(at, end)) << "data at " << at;
      all.insert(all.end(), arrived.begin() + static_cast<std::ptrdiff_t>(at),
                 arrived.begin() + static_cast<std::ptrdiff_t>(at + size));
      at = end + hal::iscsi::kDigestSize;
    }
    return all;
  }
};

Bytes pattern(std::size_t size) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = std::byte(i * 13 + i / 251);
  return bytes;
}

TEST_F(SenderTest, DataOfManyPdusAndSegmentsArrivesWithItsDigests) {
  Bytes medium = pattern(3 << 20);  // more than is copied for one system call
  const hal::DmaSpan segments[] = {{std::span(medium).first(5000), {}}, {std::span(medium).subspan(5000), {}}};
  queue(segments, static_cast<std::uint32_t>(medium.size()), 8190);
  run([] {});
  EXPECT_TRUE(payload() == medium);
  EXPECT_EQ(finished, 1);
}

TEST_F(SenderTest, DigestStaysTrueWhileOthersWriteToTheMedium) {
  Bytes medium = pattern(1 << 20);
  const hal::DmaSpan segment{medium, {}};
  queue({&segment, 1}, static_cast<std::uint32_t>(medium.size()), 16384);
  unsigned writes = 0;
  run([&] {
    ++writes;
    for (std::size_t at = 0; at < medium.size(); at += 512) medium[at] = std::byte(writes);
  });
  EXPECT_GT(writes, 10u);  // PDUs were sent in parts
  EXPECT_EQ(payload().size(), medium.size());
}

TEST_F(SenderTest, DataWithStatusThatIsLetGoBeforeItsTurnHasItsDigest) {
  Bytes medium = pattern(100000);
  const hal::DmaSpan segment{medium, {}};
  hal::DataIn data;
  data.segments = {&segment, 1};
  data.length = static_cast<std::uint32_t>(medium.size());
  data.with_status = true;
  sender.queue_data(task, data, 0, 50001, false, {});
  sender.queue_data(task, data, 50001, 49999, true, {});
  const Sender::Released released = sender.release_task(task);
  EXPECT_EQ(released.puts, 1u);
  EXPECT_TRUE(released.with_status);
  const Bytes before = medium;
  medium.assign(medium.size(), std::byte{0});
  run([] {});
  EXPECT_TRUE(payload() == before);
  EXPECT_EQ(finished, 0);  // its end was told by release_task
}

TEST_F(SenderTest, ControlPdusHaveDigestsOfTheirTextOnly) {
  const Bytes text = pattern(13);
  sender.queue_control({}, text);
  sender.queue_control({}, {});
  run([] {});
  EXPECT_TRUE(payload() == text);
}

}  // namespace
}  // namespace soft::tcp
