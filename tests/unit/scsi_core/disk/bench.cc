// The fake medium and the words of the disk's tests.
#include "tests/unit/scsi_core/disk/bench.h"

#include <algorithm>
#include <cstring>

#include "base/random.h"
#include "scsi_core/command.h"
#include "scsi_core/logical_unit.h"

namespace scsi {
namespace {

using std::uint64_t;

class FakeChannel final : public StoreChannel, public hal::Poller {
 public:
  FakeChannel(std::shared_ptr<FakeMedium> medium, hal::Reactor& reactor) : medium_(std::move(medium)) {
    reactor.add(*this);
  }
  ~FakeChannel() override { hal::Poller::unlink(); }

  void submit(StoreRequest& request) override { waiting_.push_back(request); }

  uint64_t lend_for_read(uint64_t offset, uint64_t length, std::span<hal::DmaSpan> out,
                         std::uint32_t& segments) override {
    segments = 0;
    if (!medium_->lends) return 0;
    ++medium_->lent;
    uint64_t lent = 0;
    while (lent < length && segments < 2) {  // in two pieces, so that there is something to walk
      const uint64_t part =
          std::min<uint64_t>({length - lent, medium_->lend_at_most, std::max<uint64_t>(length / 2, 512)});
      std::byte* const at = medium_->bytes.data() + offset + lent;
      out[segments++] = {{at, part}, hal::Iova{reinterpret_cast<uint64_t>(at)}};
      lent += part;
    }
    return lent;
  }
  uint64_t lend_for_write(uint64_t offset, uint64_t length, std::span<hal::DmaSpan> out, std::uint32_t& segments,
                          StoreStatus& status) override {
    segments = 0;
    status = touches(StoreOp::kWrite, offset, length) ? medium_->fail_with : StoreStatus::kGood;
    if (status != StoreStatus::kGood) return 0;
    const uint64_t lent = lend_for_read(offset, length, out, segments);
    mark(offset, lent, true);
    return lent;
  }

  bool poll() override {
    StoreRequest* const request = waiting_.pop_front();
    if (request == nullptr) return false;
    serve(*request);
    request->done(*request);
    return true;
  }

 private:
  bool touches(StoreOp op, uint64_t offset, uint64_t length) const {
    return medium_->fail_with != StoreStatus::kGood && op == medium_->fail_op && offset < medium_->fail_to &&
           medium_->fail_from < offset + length;
  }
  void mark(uint64_t offset, uint64_t length, bool mapped) {
    for (uint64_t block = offset / medium_->block_size; block < (offset + length) / medium_->block_size; ++block) {
      medium_->mapped[block] = mapped;
    }
  }
  void serve(StoreRequest& request) {
    FakeMedium& m = *medium_;
    m.requests.push_back({request.op, request.offset, request.length, request.fua});
    EXPECT_EQ(request.offset % m.block_size, 0u);
    EXPECT_EQ(request.length % m.block_size, 0u);
    EXPECT_LE(request.offset + request.length, m.bytes.size());
    const uint64_t reach = request.length == 0 ? m.bytes.size() : request.length;
    if (touches(request.op, request.offset, reach)) {
      request.status = m.fail_with;
      request.bad_offset = std::max(request.offset, m.fail_from);
      return;
    }
    std::byte* at = m.bytes.data() + request.offset;
    if (request.op == StoreOp::kUnmap || request.op == StoreOp::kWriteZeroes) {
      std::fill_n(at, request.length, std::byte{0});
      mark(request.offset, request.length, request.op == StoreOp::kWriteZeroes);
      return;
    }
    uint64_t moved = 0;
    for (const hal::DmaSpan& segment : request.segments) {
      const std::size_t size = segment.bytes.size();
      std::memcpy(request.op == StoreOp::kRead ? segment.bytes.data() : at + moved,
                  request.op == StoreOp::kRead ? at + moved : segment.bytes.data(), size);
      moved += size;
    }
    if (request.op == StoreOp::kRead || request.op == StoreOp::kWrite) {
      EXPECT_EQ(moved, request.length);
    }
    if (request.op == StoreOp::kWrite) mark(request.offset, request.length, true);
  }

  std::shared_ptr<FakeMedium> medium_;
  base::IntrusiveList<StoreRequest> waiting_;
};

class FakeStore final : public Backstore {
 public:
  explicit FakeStore(std::shared_ptr<FakeMedium> medium) : medium_(std::move(medium)) {}
  StoreGeometry geometry() const override {
    return {
        .block_size = medium_->block_size, .blocks = medium_->blocks, .physical_exponent = 3, .thin = medium_->thin};
  }
  bool lends() const override { return medium_->lends; }
  bool volatile_cache() const override { return medium_->volatile_cache; }
  base::Result<std::unique_ptr<StoreChannel>> open_channel(hal::Reactor& reactor) override {
    return std::unique_ptr<StoreChannel>(std::make_unique<FakeChannel>(medium_, reactor));
  }
  base::Result<void> resize(uint64_t blocks) override {
    medium_->blocks = blocks;
    medium_->bytes.resize(blocks * medium_->block_size);
    medium_->mapped.resize(blocks);
    return {};
  }
  base::Result<StoreExtent> extent_at(uint64_t offset) override {
    const uint64_t first = offset / medium_->block_size;
    uint64_t end = first;
    while (end < medium_->blocks && medium_->mapped[end] == medium_->mapped[first]) ++end;
    return StoreExtent{offset, (end - first) * medium_->block_size, medium_->mapped[first]};
  }
  std::string describe() const override { return "fake"; }

 private:
  std::shared_ptr<FakeMedium> medium_;
};

LuConfig named(LuConfig config) {
  config.name = "disk";
  if (config.serial.empty()) config.serial = "0123456789";
  if (config.naa_high == 0) config.naa_high = 0x6123456789abcdef, config.naa_low = 0x0011223344556677;
  return config;
}

}  // namespace

Bench::Bench(FakeMedium medium, LuConfig config, std::size_t reactors, MetadataStore* metadata)
    : medium_(std::make_shared<FakeMedium>(std::move(medium))),
      target_({.reactors = reactors, .core = {.metadata = metadata}}) {
  medium_->bytes = pattern(medium_->blocks * medium_->block_size, 99);
  medium_->mapped.assign(medium_->blocks, true);
  const auto added = target_.wait([&](Done done) {
    target_.core().add_disk(named(config), std::make_unique<FakeStore>(medium_), std::move(done));
  });
  EXPECT_TRUE(added.has_value());
  EXPECT_TRUE(target_.map({{"disk", 0}}).has_value());
  host_ = &login("iqn.2026-01.test:host");
}

LoopNexus& Bench::login(const std::string& name, std::size_t reactor) {
  LoopNexus& nexus = target_.login(name, reactor);
  target_.clear_attentions(nexus);
  return nexus;
}

LogicalUnit& Bench::lu() { return *host_->nexus().map().find(0)->lu; }

std::vector<std::uint8_t> opcodes(std::initializer_list<int> values) {
  std::vector<std::uint8_t> bytes;
  for (const int value : values) bytes.push_back(static_cast<std::uint8_t>(value));
  return bytes;
}

Cdb cdb_6(std::uint8_t opcode, std::uint32_t lba, std::uint8_t blocks) {
  return {opcode,
          static_cast<std::uint8_t>(lba >> 16),
          static_cast<std::uint8_t>(lba >> 8),
          static_cast<std::uint8_t>(lba),
          blocks,
          0};
}

namespace {
void put(Cdb& cdb, std::size_t at, std::size_t width, uint64_t value) {
  for (std::size_t i = 0; i < width; ++i) cdb[at + i] = static_cast<std::uint8_t>(value >> (8 * (width - 1 - i)));
}
Cdb medium_cdb(std::size_t size, std::uint8_t opcode, std::uint8_t flags) {
  Cdb cdb(size);
  cdb[0] = opcode;
  cdb[1] = flags;
  return cdb;
}
}  // namespace

Cdb cdb_10(std::uint8_t opcode, std::uint8_t flags, std::uint32_t lba, std::uint16_t blocks) {
  Cdb cdb = medium_cdb(10, opcode, flags);
  put(cdb, 2, 4, lba);
  put(cdb, 7, 2, blocks);
  return cdb;
}
Cdb cdb_12(std::uint8_t opcode, std::uint8_t flags, std::uint32_t lba, std::uint32_t blocks) {
  Cdb cdb = medium_cdb(12, opcode, flags);
  put(cdb, 2, 4, lba);
  put(cdb, 6, 4, blocks);
  return cdb;
}
Cdb cdb_16(std::uint8_t opcode, std::uint8_t flags, uint64_t lba, std::uint32_t blocks) {
  Cdb cdb = medium_cdb(16, opcode, flags);
  put(cdb, 2, 8, lba);
  put(cdb, 10, 4, blocks);
  return cdb;
}
Cdb compare_and_write_cdb(uint64_t lba, std::uint8_t blocks, std::uint8_t flags) {
  return cdb_16(0x89, flags, lba, blocks);
}
Cdb write_atomic_cdb(uint64_t lba, std::uint16_t blocks, std::uint8_t flags) {
  return cdb_16(0x9c, flags, lba, blocks);
}

Bytes pattern(std::size_t length, uint64_t seed) {
  base::SeededRandom random(seed);
  Bytes bytes(length);
  for (std::size_t i = 0; i < length; i += 8) {
    const uint64_t word = random.next();
    std::memcpy(bytes.data() + i, &word, std::min<std::size_t>(8, length - i));
  }
  return bytes;
}
Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}
uint64_t number(const Bytes& data, std::size_t at, std::size_t width) {
  uint64_t value = 0;
  for (std::size_t i = 0; i < width; ++i) {
    value = value << 8 | (at + i < data.size() ? std::to_integer<std::uint8_t>(data[at + i]) : 0u);
  }
  return value;
}

namespace {
void read_specific(SenseView& view, const Bytes& sense, std::size_t at) {
  view.has_pointer = number(sense, at, 1) & 0x80;
  view.in_cdb = number(sense, at, 1) & 0x40;
  view.has_bit = number(sense, at, 1) & 0x08;
  view.bit = static_cast<unsigned>(number(sense, at, 1) & 7);
  view.byte = static_cast<unsigned>(number(sense, at + 1, 2));
}
}  // namespace

SenseView sense_of(const Reply& reply) {
  const Bytes& sense = reply.sense_bytes;
  SenseView view{.code = reply.sense};
  if ((number(sense, 0, 1) & 0x7e) == 0x70) {
    view.has_information = number(sense, 0, 1) & 0x80;
    view.information = number(sense, 3, 4);
    read_specific(view, sense, 15);
    return view;
  }
  for (std::size_t at = 8; at + 1 < sense.size(); at += 2 + number(sense, at + 1, 1)) {
    if (number(sense, at, 1) == 0x00) {
      view.has_information = number(sense, at + 2, 1) & 0x80;
      view.information = number(sense, at + 4, 8);
    } else if (number(sense, at, 1) == 0x02) {
      read_specific(view, sense, at + 4);
    }
  }
  return view;
}

void expect_check(const Reply& reply, SenseCode code) {
  EXPECT_TRUE(reply.over && !reply.dropped);
  EXPECT_EQ(reply.status, Status::kCheckCondition);
  EXPECT_EQ(reply.sense.key, code.key) << std::hex << int{reply.sense.asc} << "/" << int{reply.sense.ascq};
  EXPECT_EQ(reply.sense.asc, code.asc);
  EXPECT_EQ(reply.sense.ascq, code.ascq);
}
void expect_check(const Reply& reply, SenseCode code, uint64_t information) {
  expect_check(reply, code);
  const SenseView view = sense_of(reply);
  EXPECT_TRUE(view.has_information);
  EXPECT_EQ(view.information, information);
}

namespace {
void expect_pointer(const Reply& reply, bool in_cdb, unsigned byte, int bit) {
  const SenseView view = sense_of(reply);
  EXPECT_TRUE(view.has_pointer);
  EXPECT_EQ(view.in_cdb, in_cdb);
  EXPECT_EQ(view.byte, byte);
  EXPECT_EQ(view.has_bit, bit >= 0);
  if (bit >= 0) {
    EXPECT_EQ(static_cast<int>(view.bit), bit);
  }
}
}  // namespace

void expect_invalid_cdb(const Reply& reply, unsigned byte, int bit) {
  expect_check(reply, kInvalidFieldInCdb);
  expect_pointer(reply, true, byte, bit);
}
void expect_invalid_parameter(const Reply& reply, unsigned byte, int bit) {
  expect_check(reply, kInvalidFieldInParameterList);
  expect_pointer(reply, false, byte, bit);
}

}  // namespace scsi
