// Protection information over Fibre Channel: by an adapter that makes and checks it, and by the core; with the same
// sense data (SBC-4 4.21, ABORTED COMMAND 10h/01h to 03h, INFORMATION).
#include "tests/unit/fcp/fc_target.h"

namespace fcp_test {
namespace {

constexpr std::uint8_t kChecked = 0x20, kUnchecked = 0x60;  // RDPROTECT and WRPROTECT 001b, 011b

FcRequest with(FcRequest request, std::uint8_t flags, std::vector<std::byte> wire = {}) {
  request.cdb[1] = flags;
  if (request.out.empty()) request.in = request.in / kBlock * (kBlock + 8);
  if (!wire.empty()) request.out = std::move(wire);
  return request;
}

std::vector<std::byte> read_raw(FcTarget& target, FcInitiator& host, std::uint32_t lba, std::uint16_t blocks) {
  const auto& reply = target.run(host, with(read10(lba, blocks), kUnchecked));
  EXPECT_TRUE(reply.good());
  return reply.data;
}

struct FcpProtection : testing::TestWithParam<bool> {
  FcTarget target{{.protection_type = 1}};
  FcInitiator* host = nullptr;
  void SetUp() override {
    target.port.queue().offload = GetParam();
    host = &target.log_in();
    target.clear_attentions(*host);
    EXPECT_TRUE(target.run(*host, write10(30, 8, 0x42)).good());
  }
  static std::uint32_t information(const test_support::FcReply& reply) {
    base::be32 value;
    std::memcpy(&value, reply.sense.data() + 3, sizeof value);
    return reply.sense.at(0) == std::byte{0xf0} ? std::uint32_t{value} : ~0u;
  }
};

TEST_P(FcpProtection, IsMadeKeptAndCarried) {
  const auto wire = read_raw(target, *host, 30, 8);
  ASSERT_EQ(wire.size(), 8u * 520);
  EXPECT_TRUE(target.run(*host, with(write10(30, 8, 0), kChecked, wire)).good());
  const auto& reply = target.run(*host, with(read10(30, 8), kChecked));
  EXPECT_TRUE(reply.good());
  EXPECT_EQ(reply.data, wire);
  EXPECT_EQ(target.run(*host, read10(30, 8)).data, filled(4096, 0x42));
}

TEST_P(FcpProtection, EachCheckHasItsSenseAndTheBlock) {
  const auto wire = read_raw(target, *host, 30, 8);
  struct Wrong {
    std::size_t at;
    std::uint8_t qualifier;
  };
  for (const Wrong& wrong : {Wrong{5 * 520 + 513, 1}, Wrong{5 * 520 + 519, 3}}) {
    auto bad = wire;
    bad[wrong.at] ^= std::byte{1};
    const auto& refused = target.run(*host, with(write10(30, 8, 0), kChecked, bad));
    EXPECT_TRUE(refused.check(0xb, 0x10, wrong.qualifier));
    EXPECT_EQ(information(refused), 35u);
    EXPECT_TRUE(target.run(*host, with(write10(30, 8, 0), kUnchecked, bad)).good());
    for (const std::uint8_t code : {std::uint8_t{0}, kChecked}) {
      const auto& read = target.run(*host, code == 0 ? read10(30, 8) : with(read10(30, 8), code));
      EXPECT_TRUE(read.check(0xb, 0x10, wrong.qualifier));
      EXPECT_EQ(information(read), 35u);
    }
    EXPECT_TRUE(target.run(*host, with(write10(30, 8, 0), kChecked, wire)).good());
  }
}

INSTANTIATE_TEST_SUITE_P(By, FcpProtection, testing::Bool(),
                         [](const auto& one) { return one.param ? "Adapter" : "Core"; });

}  // namespace
}  // namespace fcp_test
