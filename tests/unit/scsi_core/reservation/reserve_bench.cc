// The device server, the commands and the helpers of the reservation tests.
#include "tests/unit/scsi_core/reservation/reserve_bench.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/cursor.h"
#include "base/endian.h"
#include "scsi_core/execution.h"
#include "scsi_core/logical_unit.h"
#include "scsi_core/reservation/handlers.h"
#include "scsi_core/reservation/transport_id.h"

namespace scsi::test {
namespace {

constexpr std::uint64_t kBlock = 512;

// --- the device server ---

void done(Command& c) { finish(c); }
void written(Command& c) {
  if (store_ok(c)) finish(c);
}
void put(Command& c) { store(c, StoreOp::kWrite, c.core.extent.lba * kBlock, kBlock, false, &written); }
void collect(Command& c) { receive(c, 0, kBlock, &put); }
void write(Command& c) {
  c.core.length = kBlock;
  take_buffers(c, kBlock, &collect);
}
void deliver(Command& c) {
  if (store_ok(c)) send_last(c, 0, kBlock);
}
void fetch(Command& c) { store(c, StoreOp::kRead, c.core.extent.lba * kBlock, kBlock, false, &deliver); }
void read(Command& c) {
  c.core.length = kBlock;
  take_buffers(c, kBlock, &fetch);
}
Extent block(const std::uint8_t* cdb) { return {cdb[3], 1}; }

constexpr auto kNo = DataDirection::kNone;
constexpr auto kIn = DataDirection::kIn;
constexpr auto kOut = DataDirection::kOut;

OpcodeRow row_in(std::uint8_t action) {
  return {
      0x5e, 1, action, "PERSISTENT RESERVE IN", persistent_reserve_in, 10, {0x5e, action, 0, 0, 0, 0, 0, 0xff, 0xff, 0},
      kIn};
}
OpcodeRow row_out(std::uint8_t action) {
  return {0x5f,
          1,
          action,
          "PERSISTENT RESERVE OUT",
          persistent_reserve_out,
          10,
          {0x5f, action, 0xff, 0, 0, 0xff, 0xff, 0xff, 0xff, 0},
          kOut,
          Serial::kNone,
          Conflict::kPersistent};
}
OpcodeRow simple(std::uint8_t opcode, Step enter, Conflict conflict, std::uint8_t length = 6) {
  return {opcode, 0, 0, "simple", enter, length, {opcode}, kNo, Serial::kNone, conflict};
}

const OpcodeTable& opcodes() {
  static const std::vector<OpcodeRow> rows = [] {
    std::vector<OpcodeRow> made = {simple(0x00, done, Conflict::kAllowed),
                                   {0x08,
                                    0,
                                    0,
                                    "READ(6)",
                                    read,
                                    6,
                                    {0x08, 0, 0, 0xff, 0xff, 0},
                                    kIn,
                                    Serial::kRead,
                                    Conflict::kRead,
                                    kNeedsMedium,
                                    block},
                                   {0x0a,
                                    0,
                                    0,
                                    "WRITE(6)",
                                    write,
                                    6,
                                    {0x0a, 0, 0, 0xff, 0xff, 0},
                                    kOut,
                                    Serial::kWrite,
                                    Conflict::kWrite,
                                    kNeedsMedium | kWritesMedium,
                                    block},
                                   simple(0x16, scsi::reserve_6, Conflict::kPersistent),
                                   simple(0x17, scsi::release_6, Conflict::kPersistent),
                                   simple(0x1a, done, Conflict::kRegistrantsOnly),
                                   simple(0x56, scsi::reserve_10, Conflict::kPersistent, 10),
                                   simple(0x57, scsi::release_10, Conflict::kPersistent, 10)};
    for (std::uint8_t action = 0; action < 4; ++action) made.push_back(row_in(action));
    for (std::uint8_t action = 0; action < 9; ++action) made.push_back(row_out(action));
    return made;
  }();
  static const OpcodeTable table{std::span(rows)};
  return table;
}

class ReserveServer final : public DeviceServer {
 public:
  explicit ReserveServer(ServerLog& log) : log_(log) {}
  const OpcodeTable& opcodes() const override { return test::opcodes(); }
  std::uint8_t device_type() const override { return 0; }
  void reset(LogicalUnit&, ResetCause) override {}
  void nexus_lost(LogicalUnit&, const NexusKey& nexus) override { log_.lost.push_back(nexus); }

 private:
  ServerLog& log_;
};

Request plain(std::vector<std::uint8_t> cdb) {
  Request request;
  request.cdb = std::move(cdb);
  return request;
}

template <class T>
std::vector<std::byte> bytes_of(const T& value) {
  const auto span = std::as_bytes(std::span(&value, 1));
  return {span.begin(), span.end()};
}
void append(std::vector<std::byte>& to, const std::vector<std::byte>& more) {
  to.insert(to.end(), more.begin(), more.end());
}
std::uint64_t be(const std::vector<std::byte>& data, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | static_cast<std::uint8_t>(data.at(at + i));
  return value;
}

Request out_with(std::uint8_t action, std::uint8_t scope_and_type, std::vector<std::byte> list) {
  const auto size = static_cast<std::uint32_t>(list.size());
  Request request = plain({0x5f, action, scope_and_type, 0, 0, static_cast<std::uint8_t>(size >> 24),
                           static_cast<std::uint8_t>(size >> 16), static_cast<std::uint8_t>(size >> 8),
                           static_cast<std::uint8_t>(size), 0});
  request.out = std::move(list);
  return request;
}

}  // namespace

std::unique_ptr<DeviceServer> make_reserve_server(ServerLog& log) { return std::make_unique<ReserveServer>(log); }

Request test_unit_ready() { return plain({0, 0, 0, 0, 0, 0}); }
Request read_block(std::uint8_t lba) {
  Request request = plain({0x08, 0, 0, lba, 1, 0});
  request.in = kBlock;
  return request;
}
Request write_block(std::uint8_t lba, char content) {
  Request request = plain({0x0a, 0, 0, lba, 1, 0});
  request.out.assign(kBlock, static_cast<std::byte>(content));
  return request;
}
Request mode_sense() { return plain({0x1a, 0, 0, 0, 0, 0}); }
Request reserve_6() { return plain({0x16, 0, 0, 0, 0, 0}); }
Request release_6() { return plain({0x17, 0, 0, 0, 0, 0}); }
Request reserve_10() { return plain({0x56, 0, 0, 0, 0, 0, 0, 0, 0, 0}); }
Request release_10() { return plain({0x57, 0, 0, 0, 0, 0, 0, 0, 0, 0}); }

Request reserve_out(const OutFields& fields) {
  std::vector<std::byte> list = bytes_of(base::be64(fields.key));
  append(list, bytes_of(base::be64(fields.service_key)));
  append(list, bytes_of(base::be32(0)));
  append(list, bytes_of(base::be32(std::uint32_t{fields.flags} << 24)));
  append(list, fields.rest);
  return out_with(static_cast<std::uint8_t>(fields.action), static_cast<std::uint8_t>(fields.type), std::move(list));
}

Request register_and_move(std::uint64_t key, std::uint64_t service_key, std::uint8_t flags, std::uint16_t relative_port,
                          const std::vector<std::byte>& transport_id) {
  std::vector<std::byte> list = bytes_of(base::be64(key));
  append(list, bytes_of(base::be64(service_key)));
  append(list, bytes_of(base::be16(flags)));
  append(list, bytes_of(base::be16(relative_port)));
  append(list, bytes_of(base::be32(static_cast<std::uint32_t>(transport_id.size()))));
  append(list, transport_id);
  return out_with(7, 0, std::move(list));
}

Request reserve_in(std::uint8_t action, std::uint16_t allocation) {
  Request request = plain({0x5e, action, 0, 0, 0, 0, 0, static_cast<std::uint8_t>(allocation >> 8),
                           static_cast<std::uint8_t>(allocation), 0});
  request.in = allocation;
  return request;
}

std::vector<std::byte> transport_ids(const std::vector<TransportId>& ids) {
  std::vector<std::byte> all;
  for (const TransportId& id : ids) append(all, encode_transport_id(id));
  std::vector<std::byte> out = bytes_of(base::be32(static_cast<std::uint32_t>(all.size())));
  append(out, all);
  return out;
}

ReserveBench::ReserveBench(std::size_t reactors, MetadataStore* records, std::uint64_t seed)
    : metadata(records),
      target({.reactors = reactors,
              .seed = seed,
              .core = {.metadata = records, .worker = nullptr, .no_logical_unit = &opcodes()}}) {
  EXPECT_TRUE(target.add("disk", std::make_unique<test_support::FakeStore>(medium), make_reserve_server(log)));
  EXPECT_TRUE(target.map({{"disk", 0}}));
}

ReserveBench::~ReserveBench() {
  medium.hold = false;
  target.settle();
  for (LoopNexus* nexus : elsewhere_) {
    if (!nexus->lost()) nexus->lose();
  }
  if (metadata != nullptr) metadata->drain();
}

LoopNexus& ReserveBench::login(const std::string& name, std::size_t reactor, const std::string& through) {
  LoopNexus& nexus = through == kTarget ? target.login(name, reactor) : target.port(reactor, through).login(name);
  if (through != kTarget) elsewhere_.push_back(&nexus);
  target.clear_attentions(nexus);
  return nexus;
}

Reply ReserveBench::run(LoopNexus& nexus, Request request) {
  const LoopCommand& command = nexus.send(std::move(request));
  while (!command.reply.over) target.settle();
  return command.reply;
}

bool ReserveBench::enroll(LoopNexus& nexus, std::uint64_t key, bool persist) {
  OutFields fields{.action = ReserveAction::kRegister, .service_key = key};
  fields.flags = persist ? 1 : 0;
  return run(nexus, reserve_out(fields)).good();
}

bool ReserveBench::reserve(LoopNexus& nexus, std::uint64_t key, ReservationType type) {
  return run(nexus, reserve_out({.action = ReserveAction::kReserve, .key = key, .type = type})).good();
}

Reply ReserveBench::good_in(LoopNexus& by, std::uint8_t action) {
  Reply reply = run(by, reserve_in(action, 65535));
  EXPECT_TRUE(reply.good());
  if (!reply.good()) reply.data.assign(8, std::byte{0});
  return reply;
}

std::uint32_t ReserveBench::generation(LoopNexus& by) {
  return static_cast<std::uint32_t>(be(good_in(by, 0).data, 0, 4));
}

std::vector<std::uint64_t> ReserveBench::keys(LoopNexus& by) {
  const auto data = good_in(by, 0).data;
  std::vector<std::uint64_t> keys;
  for (std::size_t at = 8; at < 8 + be(data, 4, 4); at += 8) keys.push_back(be(data, at, 8));
  return keys;
}

std::vector<FullStatus> ReserveBench::full_status(LoopNexus& by) {
  const auto data = good_in(by, 3).data;
  std::vector<FullStatus> all;
  for (std::size_t at = 8; at < 8 + be(data, 4, 4);) {
    FullStatus each{};
    each.key = be(data, at, 8);
    each.holder = (be(data, at + 12, 1) & 1) != 0;
    each.type = static_cast<std::uint8_t>(be(data, at + 13, 1));
    each.relative_port = static_cast<std::uint16_t>(be(data, at + 18, 2));
    each.initiator = parse_transport_id(std::span(data).subspan(at + 24)).id;
    all.push_back(each);
    at += 24 + be(data, at + 20, 4);
  }
  return all;
}

ReservationType ReserveBench::type(LoopNexus& by) {
  const auto data = good_in(by, 1).data;
  return be(data, 4, 4) == 0 ? ReservationType::kNone : static_cast<ReservationType>(be(data, 21, 1));
}

}  // namespace scsi::test
