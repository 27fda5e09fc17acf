// Handlers and opcode table of the device server that the engine's tests use.
#include "tests/unit/scsi_core/engine/test_unit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "scsi_core/logical_unit.h"
#include "scsi_core/sense_codes.h"

namespace scsi::engine_test {
namespace {

constexpr std::uint64_t kBlock = 512;

std::uint32_t be(const std::uint8_t* at, std::size_t bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | at[i];
  return value;
}
Extent extent_10(const std::uint8_t* cdb) { return {be(cdb + 2, 4), be(cdb + 7, 2)}; }
Extent extent_12(const std::uint8_t* cdb) { return {be(cdb + 2, 4), be(cdb + 6, 4)}; }
Extent extent_range(const std::uint8_t* cdb) { return {be(cdb + 6, 4), cdb[13]}; }

// Every handler begins with it.
void enter(const Command& c) {
  if (c.core.lu == nullptr) return;
  const TestLog& log = static_cast<TestServer&>(c.core.lu->server()).log();
  if (log.entered) log.entered(c);
}

template <Step handler>
void entering(Command& c) {
  enter(c);
  handler(c);
}

bool in_range(Command& c) {
  if (c.core.extent.lba + c.core.extent.blocks <= c.core.lu->blocks) return true;
  finish(c, Outcome::check(kLogicalBlockAddressOutOfRange));
  return false;
}

void ready(Command& c) { finish(c); }

void answer_inquiry(Command& c) {
  std::array<std::byte, 36> data{};
  reply(c, std::span(data).first(std::min<std::size_t>(data.size(), be(c.cdb.data() + 3, 2))));
}

void answer_sense(Command& c) {
  Sense sense;
  sense.code = take_unit_attention(c).value_or(kNoAdditionalSense);
  std::array<std::byte, Sense::kMaxSize> data{};
  reply(c, std::span(data).first(std::min<std::size_t>(sense.encode(false, data), c.cdb[4])));
}

void answer_luns(Command& c) {
  clear_reported_luns_changed(c);
  std::vector<std::byte> data(8);
  for (const LunMapEntry& entry : c.nexus->map().entries()) {
    for (const std::uint8_t byte : Lun::of(entry.lun).bytes) data.push_back(std::byte{byte});
  }
  data[3] = static_cast<std::byte>(data.size() - 8);
  reply(c, std::span(data).first(std::min<std::size_t>(data.size(), be(c.cdb.data() + 6, 4))));
}

void deliver(Command& c) {
  if (store_ok(c)) send_last(c, 0, c.core.length);
}
void fetch(Command& c) { store(c, StoreOp::kRead, c.core.extent.lba * kBlock, c.core.length, false, &deliver); }
void read(Command& c) {
  c.core.length = c.core.extent.blocks * kBlock;
  if (in_range(c)) take_buffers(c, c.core.length, &fetch);
}

void written(Command& c) {
  if (store_ok(c)) finish(c);
}
void put(Command& c) {
  store(c, StoreOp::kWrite, c.core.extent.lba * kBlock, transferable(c) & ~(kBlock - 1), false, &written);
}
void collect(Command& c) { receive(c, 0, transferable(c), &put); }
void write(Command& c) {
  c.core.length = c.core.extent.blocks * kBlock;
  if (in_range(c)) take_buffers(c, transferable(c), &collect);
}

void chunk_sent(Command& c);
void chunk_fetched(Command& c) {
  if (!store_ok(c)) return;
  const std::uint64_t at = c.core.done;
  c.core.done += kBlock;
  if (c.core.done == c.core.length) return send_last(c, at, kBlock);
  send(c, at, kBlock, &chunk_sent);
}
void chunk_sent(Command& c) {
  store(c, StoreOp::kRead, c.core.extent.lba * kBlock + c.core.done, kBlock, false, &chunk_fetched);
}
void read_chunks(Command& c) {
  c.core.length = c.core.extent.blocks * kBlock;
  if (in_range(c)) take_buffers(c, kBlock, &chunk_sent);
}

void flushed(Command& c) {
  if (store_ok(c)) finish(c);
}
void format(Command& c) { store(c, StoreOp::kFlush, 0, 0, false, &flushed); }

void visit(Command& c) {
  at_home(
      c,
      [](Command& at) {
        EXPECT_EQ(hal::Reactor::current(), &at.core.lu->home());
        if (at.cdb[2] != 0) fail_at_home(at, Outcome::check(kParameterValueInvalid));
      },
      [](Command& back) {
        EXPECT_EQ(hal::Reactor::current(), &back.nexus->reactor);
        finish(back);
      });
}

void stay(Command& c) {
  at_home_async(
      c, [](Command& at) { static_cast<TestServer&>(at.core.lu->server()).log().at_home.push_back(&at); },
      [](Command& back) { finish(back); });
}

void list_received(Command& c) {
  EXPECT_EQ(parameters(c).size(), c.cdb[4]);
  finish(c);
}
void take_list(Command& c) { receive_parameters(c, c.cdb[4], &list_received); }

constexpr std::uint8_t kControl = 0x04;

std::span<const OpcodeRow> rows() {
  static const std::array<OpcodeRow, 13> kRows = {{
      {.opcode = 0x00,
       .name = "TEST UNIT READY",
       .enter = &entering<&ready>,
       .length = 6,
       .usage = {0x00, 0, 0, 0, 0, kControl},
       .conflict = Conflict::kRead,
       .flags = kNeedsMedium},
      {.opcode = 0x03,
       .name = "REQUEST SENSE",
       .enter = &entering<&answer_sense>,
       .length = 6,
       .usage = {0x03, 1, 0, 0, 0xff, kControl},
       .direction = DataDirection::kIn,
       .flags = kBypassesUnitAttention},
      {.opcode = 0x04,
       .name = "FORMAT UNIT",
       .enter = &entering<&format>,
       .length = 6,
       .usage = {0x04, 0, 0, 0, 0, kControl},
       .serial = Serial::kExclusive,
       .conflict = Conflict::kWrite,
       .flags = kNeedsMedium | kWritesMedium},
      {.opcode = 0x12,
       .name = "INQUIRY",
       .enter = &entering<&answer_inquiry>,
       .length = 6,
       .usage = {0x12, 1, 0xff, 0xff, 0xff, kControl},
       .direction = DataDirection::kIn,
       .flags = kBypassesUnitAttention | kAnyLogicalUnit},
      {.opcode = 0x15,
       .name = "MODE SELECT(6)",
       .enter = &entering<&take_list>,
       .length = 6,
       .usage = {0x15, 0x11, 0, 0, 0xff, kControl},
       .direction = DataDirection::kOut,
       .conflict = Conflict::kRegistrantsOnly},
      {.opcode = 0x28,
       .name = "READ(10)",
       .enter = &entering<&read>,
       .length = 10,
       .usage = {0x28, 0x18, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, kControl},
       .direction = DataDirection::kIn,
       .serial = Serial::kRead,
       .conflict = Conflict::kRead,
       .flags = kNeedsMedium,
       .extent = &extent_10},
      {.opcode = 0x2a,
       .name = "WRITE(10)",
       .enter = &entering<&write>,
       .length = 10,
       .usage = {0x2a, 0x18, 0xff, 0xff, 0xff, 0xff, 0, 0xff, 0xff, kControl},
       .direction = DataDirection::kOut,
       .serial = Serial::kWrite,
       .conflict = Conflict::kWrite,
       .flags = kNeedsMedium | kWritesMedium,
       .extent = &extent_10},
      {.opcode = 0x55,
       .name = "MODE SELECT(10)",
       .enter = &entering<&visit>,
       .length = 10,
       .usage = {0x55, 0x11, 0xff, 0, 0, 0, 0, 0, 0, kControl}},
      {.opcode = 0x5f,
       .name = "PERSISTENT RESERVE OUT",
       .enter = &entering<&stay>,
       .length = 10,
       .usage = {0x5f, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, kControl},
       .conflict = Conflict::kPersistent},
      {.opcode = 0x89,
       .name = "COMPARE AND WRITE",
       .enter = &entering<&read>,
       .length = 16,
       .usage = {0x89, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0xff, 0, kControl},
       .direction = DataDirection::kIn,
       .serial = Serial::kExclusiveRange,
       .conflict = Conflict::kWrite,
       .flags = kNeedsMedium,
       .extent = &extent_range},
      {.opcode = 0xa0,
       .name = "REPORT LUNS",
       .enter = &entering<&answer_luns>,
       .length = 12,
       .usage = {0xa0, 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, kControl},
       .direction = DataDirection::kIn,
       .flags = kBypassesUnitAttention | kAnyLogicalUnit | kWellKnown},
      {.opcode = 0xa3,
       .sa_byte = 1,
       .service_action = 0x0c,
       .name = "REPORT SUPPORTED OPERATION CODES",
       .enter = &entering<&ready>,
       .length = 12,
       .usage = {0xa3, 0x0c, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, kControl}},
      {.opcode = 0xa8,
       .name = "READ(12)",
       .enter = &entering<&read_chunks>,
       .length = 12,
       .usage = {0xa8, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, kControl},
       .direction = DataDirection::kIn,
       .serial = Serial::kRead,
       .conflict = Conflict::kRead,
       .flags = kNeedsMedium,
       .extent = &extent_12},
  }};
  return kRows;
}

std::vector<std::uint8_t> medium_10(std::uint8_t opcode, std::uint32_t lba, std::uint16_t blocks) {
  return {opcode,
          0,
          static_cast<std::uint8_t>(lba >> 24),
          static_cast<std::uint8_t>(lba >> 16),
          static_cast<std::uint8_t>(lba >> 8),
          static_cast<std::uint8_t>(lba),
          0,
          static_cast<std::uint8_t>(blocks >> 8),
          static_cast<std::uint8_t>(blocks),
          0};
}

}  // namespace

const OpcodeTable& TestServer::opcodes() const {
  static const OpcodeTable kTable(rows());
  return kTable;
}

void TestServer::reset(LogicalUnit& lu, ResetCause cause) {
  EXPECT_EQ(cause == ResetCause::kPowerOn || hal::Reactor::current() == &lu.home(), true);
  log_.lu = &lu;
  log_.events.push_back("reset " + std::to_string(static_cast<int>(cause)));
}

void TestServer::nexus_lost(LogicalUnit& lu, const NexusKey& nexus) {
  EXPECT_EQ(hal::Reactor::current(), &lu.home());
  log_.events.push_back("lost " + nexus.initiator.name.substr(0, nexus.initiator.name.find(',')));
}

const OpcodeTable& test_no_logical_unit() {
  static const std::array<OpcodeRow, 2> kRows = {rows()[3], rows()[10]};
  static const OpcodeTable kTable(kRows);
  return kTable;
}

std::vector<std::uint8_t> test_unit_ready() { return {0, 0, 0, 0, 0, 0}; }
std::vector<std::uint8_t> inquiry() { return {0x12, 0, 0, 0, 36, 0}; }
std::vector<std::uint8_t> request_sense() { return {0x03, 0, 0, 0, 18, 0}; }
std::vector<std::uint8_t> report_luns() { return {0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}; }
std::vector<std::uint8_t> read_10(std::uint32_t lba, std::uint16_t blocks) { return medium_10(0x28, lba, blocks); }
std::vector<std::uint8_t> write_10(std::uint32_t lba, std::uint16_t blocks) { return medium_10(0x2a, lba, blocks); }
std::vector<std::uint8_t> exclusive_range(std::uint32_t lba, std::uint8_t blocks) {
  const auto base = medium_10(0, lba, 0);
  return {0x89, 0, 0, 0, 0, 0, base[2], base[3], base[4], base[5], 0, 0, 0, blocks, 0, 0};
}
std::vector<std::uint8_t> exclusive() { return {0x04, 0, 0, 0, 0, 0}; }
std::vector<std::uint8_t> home(bool fails) { return {0x55, 0, static_cast<std::uint8_t>(fails), 0, 0, 0, 0, 0, 0, 0}; }
std::vector<std::uint8_t> home_async() { return {0x5f, 0, 0, 0, 0, 0, 0, 0, 0, 0}; }
std::vector<std::uint8_t> parameter_list(std::uint8_t length) { return {0x15, 0x10, 0, 0, length, 0}; }
std::vector<std::uint8_t> chunked_read(std::uint32_t lba, std::uint16_t blocks) {
  auto cdb = medium_10(0xa8, lba, 0);
  cdb.resize(12);
  cdb[8] = static_cast<std::uint8_t>(blocks >> 8);
  cdb[9] = static_cast<std::uint8_t>(blocks);
  return cdb;
}

CoreOptions Bench::bench_options() { return {.no_logical_unit = &test_no_logical_unit()}; }

Bench::Bench(std::size_t reactors, std::uint64_t seed, CoreOptions options)
    : target({.reactors = reactors, .seed = seed, .core = options}) {
  for (std::size_t i = 0; i < medium_a.bytes.size(); ++i) {
    medium_a.bytes[i] = static_cast<std::byte>(i / kBlock + i);
    medium_b.bytes[i] = static_cast<std::byte>(i / kBlock * 3 + i);
  }
  EXPECT_TRUE(target.add("a", std::make_unique<test_support::FakeStore>(medium_a), std::make_unique<TestServer>(log_a))
                  .has_value());
  EXPECT_TRUE(target.add("b", std::make_unique<test_support::FakeStore>(medium_b), std::make_unique<TestServer>(log_b))
                  .has_value());
  EXPECT_TRUE(target.map({{"a", 0}, {"b", 1}}).has_value());
}

LoopNexus& Bench::login(const std::string& name, std::size_t reactor) {
  LoopNexus& nexus = target.login("iqn.2026-01.test:" + name, reactor);
  target.clear_attentions(nexus, 0);
  target.clear_attentions(nexus, 1);
  return nexus;
}

LoopCommand& Bench::read(LoopNexus& nexus, std::uint32_t lba, TaskAttribute attribute) {
  return nexus.send({.cdb = read_10(lba, 1), .in = kBlock, .attribute = attribute});
}

LoopCommand& Bench::write(LoopNexus& nexus, std::uint32_t lba, TaskAttribute attribute) {
  return nexus.send(
      {.cdb = write_10(lba, 1), .out = std::vector<std::byte>(kBlock, std::byte{0x77}), .attribute = attribute});
}

}  // namespace scsi::engine_test
