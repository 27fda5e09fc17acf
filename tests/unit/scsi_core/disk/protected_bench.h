// A disk with protection information on RAM behind a loop port, and the words of its tests. The guard is made here bit
// by bit, not by the library that the disk uses.
#pragma once

#include <memory>

#include "scsi_core/backstores/protected.h"
#include "scsi_core/backstores/ram.h"
#include "tests/unit/scsi_core/disk/bench.h"

namespace scsi {

inline std::uint16_t crc_of_t10(const Bytes& data) {
  unsigned crc = 0;
  for (const std::byte byte : data) {
    crc ^= std::to_integer<unsigned>(byte) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1 ^ 0x8bb7) & 0xffff : crc << 1;
  }
  return static_cast<std::uint16_t>(crc);
}

// RDPROTECT, WRPROTECT, VRPROTECT in their byte, with the other flags of it.
constexpr std::uint8_t code(unsigned value, unsigned flags = 0) {
  return static_cast<std::uint8_t>(value << 5 | flags);
}

struct Tuple {
  std::uint16_t guard = 0xffff, application = 0xffff;
  std::uint32_t reference = 0xffff'ffff;
  bool operator==(const Tuple&) const = default;
};
inline Tuple tuple_for(const Bytes& block, std::uint32_t reference, std::uint16_t application = 0) {
  return {crc_of_t10(block), application, reference};
}
inline void append(Bytes& wire, const Bytes& block, const Tuple& tuple) {
  wire.insert(wire.end(), block.begin(), block.end());
  for (const unsigned value :
       {unsigned{tuple.guard}, unsigned{tuple.application}, tuple.reference >> 16, tuple.reference & 0xffff}) {
    wire.push_back(static_cast<std::byte>(value >> 8));
    wire.push_back(static_cast<std::byte>(value & 0xff));
  }
}
inline Bytes block_of(const Bytes& data, std::size_t index, std::size_t size = 512) {
  return {data.begin() + static_cast<std::ptrdiff_t>(index * size),
          data.begin() + static_cast<std::ptrdiff_t>((index + 1) * size)};
}
// Right in every field for blocks from `lba` on.
inline Bytes interleaved(const Bytes& data, std::uint32_t lba, std::uint16_t application = 0, std::size_t size = 512) {
  Bytes wire;
  for (std::size_t i = 0; i < data.size() / size; ++i) {
    const Bytes block = block_of(data, i, size);
    append(wire, block, tuple_for(block, static_cast<std::uint32_t>(lba + i), application));
  }
  return wire;
}
inline Tuple tuple_in(const Bytes& wire, std::size_t index, std::size_t size = 512) {
  const std::size_t at = index * (size + 8) + size;
  return {static_cast<std::uint16_t>(number(wire, at, 2)), static_cast<std::uint16_t>(number(wire, at + 2, 2)),
          static_cast<std::uint32_t>(number(wire, at + 4, 4))};
}

struct LongCdb {
  std::uint8_t action, flags;
  std::uint64_t lba;
  std::uint32_t blocks, reference;
  std::uint16_t application = 0, mask = 0;
};
inline Cdb cdb_32(const LongCdb& of) {
  Cdb cdb(32);
  const auto put = [&](std::size_t at, std::size_t width, std::uint64_t value) {
    for (std::size_t i = 0; i < width; ++i) cdb[at + i] = static_cast<std::uint8_t>(value >> (8 * (width - 1 - i)));
  };
  put(0, 1, 0x7f), put(7, 1, 0x18), put(8, 2, of.action), put(10, 1, of.flags), put(12, 8, of.lba);
  put(20, 4, of.reference), put(24, 2, of.application), put(26, 2, of.mask), put(28, 4, of.blocks);
  return cdb;
}

class ProtectedBench {
 public:
  // Whether the ports of benches made from now on make and check protection information themselves.
  inline static bool ports_offload = false;

  explicit ProtectedBench(std::uint8_t type, std::uint32_t block_size = 512, std::uint64_t blocks = 16384,
                          std::size_t reactors = 1)
      : block_size_(block_size), target_({.reactors = reactors, .core = {}}) {
    LuConfig config;
    config.name = "disk";
    config.serial = "0123456789";
    config.naa_high = 0x6123456789abcdef;
    config.protection_type = type;
    auto data = RamStore::create({.size = blocks * block_size, .block_size = block_size}).value();
    auto information = RamStore::create({.size = blocks * 8, .block_size = 8}).value();
    auto store = std::make_unique<ProtectedStore>(std::move(data), std::move(information));
    EXPECT_TRUE(target_.wait([&](Done done) { target_.core().add_disk(config, std::move(store), std::move(done)); })
                    .has_value());
    EXPECT_TRUE(target_.map({{"disk", 0}}).has_value());
    host_ = &login("iqn.2026-01.test:host");
  }
  LoopNexus& login(const std::string& name, std::size_t reactor = 0) {
    LoopNexus& nexus = target_.login(name, reactor);
    target_.clear_attentions(nexus);
    target_.port(reactor).offload = ports_offload;
    return nexus;
  }
  LoopTarget& target() { return target_; }
  LoopNexus& host() { return *host_; }
  Reply run(const Cdb& cdb) { return target_.run(*host_, {.cdb = cdb}); }
  Reply in(const Cdb& cdb, std::size_t length) { return target_.run(*host_, {.cdb = cdb, .in = length}); }
  Reply out(const Cdb& cdb, Bytes data) { return target_.run(*host_, {.cdb = cdb, .out = std::move(data)}); }
  std::size_t wire(std::size_t blocks) const { return blocks * (block_size_ + 8); }
  // Nothing of it is checked: RDPROTECT = 011b.
  Bytes raw(std::uint32_t lba, std::uint16_t blocks) {
    const Reply reply = in(cdb_10(0x28, 0x60, lba, blocks), wire(blocks));
    EXPECT_TRUE(reply.good());
    return reply.data;
  }
  // WRPROTECT = 011b: any information is kept.
  void plant(std::uint32_t lba, const Bytes& block, const Tuple& tuple) {
    Bytes wire;
    append(wire, block, tuple);
    EXPECT_TRUE(out(cdb_10(0x2a, 0x60, lba, 1), wire).good());
  }
  void own_application_tag() {  // ATO = 1
    Bytes list = in({0x1a, 0x08, 0x0a, 0, 255, 0}, 255).data;
    list[0] = list[2] = std::byte{0};
    list[4] &= std::byte{0x7f};
    list[4 + 5] |= std::byte{0x80};
    EXPECT_TRUE(out({0x15, 0x10, 0, 0, static_cast<std::uint8_t>(list.size()), 0}, list).good());
  }

 private:
  const std::uint32_t block_size_;
  LoopTarget target_;
  LoopNexus* host_ = nullptr;
};

// Every test of protected commands runs twice: what initiators see is the same whoever does the work.
class InCoreAndPort : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override { ProtectedBench::ports_offload = GetParam(); }
  void TearDown() override { ProtectedBench::ports_offload = false; }
};
inline std::string who_does(const testing::TestParamInfo<bool>& info) { return info.param ? "Port" : "Core"; }

}  // namespace scsi
