// Fuzzes the whole SCSI core: CDBs with parameter data, task management and nexus loss from two initiators, against a
// fixed RAM disk, a removable one with protection information of type 1, and one of type 2, behind loop ports.
//
// What must hold: every command ends; Data-In stays inside ALLOCATION LENGTH and EXPECTED LENGTH; sense data are there
// exactly with CHECK CONDITION and well formed; the residual adds up. The loop port checks the port's contract.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/log.h"
#include "scsi_core/backstores/backstores.h"
#include "scsi_core/metadata_store.h"
#include "scsi_core/sense_codes.h"
#include "tests/fuzz/cdb_input.h"
#include "tests/support/loop_target.h"
#include "tests/support/require.h"

namespace {

using test_support::LoopCommand;
using test_support::LoopNexus;
using test_support::LoopTarget;
using test_support::Reply;
using test_support::Request;

constexpr std::uint64_t kDiskSize = 1 << 20;
constexpr std::uint64_t kLongDiskSize = 4 << 20;  // one UNMAP can ask for more than it may

// ALLOCATION LENGTH by opcode, typed in from the standards a second time; no other command has one.
struct Allocation {
  std::uint8_t opcode, at, size;
};
constexpr Allocation kAllocations[] = {{0x03, 4, 1}, {0x12, 3, 2},  {0x1a, 4, 1}, {0x37, 7, 2}, {0x5a, 7, 2},
                                       {0x5e, 7, 2}, {0x9e, 10, 4}, {0xa0, 6, 4}, {0xa3, 6, 4}, {0xb7, 6, 4}};

std::uint64_t number_at(std::span<const std::uint8_t> bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < size; ++i) value = value << 8 | bytes[at + i];
  return value;
}

std::uint64_t data_limit(const Request& request) {
  for (const Allocation& each : kAllocations) {
    if (request.cdb[0] != each.opcode || request.cdb.size() < each.at + std::size_t{each.size}) continue;
    return number_at(request.cdb, each.at, each.size);
  }
  return ~std::uint64_t{0};
}

// What an UNMAP list says of its own length is no reason to look behind its end.
bool unmaps_beyond(const Request& request) {
  constexpr std::array<std::uint64_t, 4> kBlocks = {kDiskSize / 512, kDiskSize / 4096, 0, kLongDiskSize / 512};
  const std::span all(reinterpret_cast<const std::uint8_t*>(request.out.data()), request.out.size());
  const auto list = all.first(std::min<std::size_t>(all.size(), number_at(request.cdb, 7, 2)));
  for (std::size_t at = 8; at + 16 <= list.size(); at += 16) {
    const std::uint64_t lba = number_at(list, at, 8), blocks = number_at(list, at + 8, 4);
    if (lba > kBlocks[request.lun] || blocks > kBlocks[request.lun] - lba) return true;
  }
  return false;
}

void check_sense(const Reply& reply) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(reply.sense_bytes[i]); };
  REQUIRE(reply.sense_bytes.size() >= 8 && reply.sense_bytes.size() <= scsi::Sense::kMaxSize);
  REQUIRE(at(7) + 8u == reply.sense_bytes.size());
  const bool fixed = at(0) == 0x70 || at(0) == 0xf0 || at(0) == 0x71 || at(0) == 0xf1;
  REQUIRE(fixed || at(0) == 0x72 || at(0) == 0x73);
  REQUIRE(reply.sense.key != scsi::SenseKey::kNoSense);
  if (fixed) REQUIRE(reply.sense_bytes.size() >= 18);
}

void check(const LoopCommand& command) {
  const Reply& reply = command.reply;
  REQUIRE(reply.over);
  const std::uint64_t expected = command.command.expected_length;
  REQUIRE(reply.data.size() <= expected);
  REQUIRE(reply.data.size() <= data_limit(command.request));
  if (reply.dropped) return;
  REQUIRE((reply.status == scsi::Status::kCheckCondition) == !reply.sense_bytes.empty());
  if (reply.status == scsi::Status::kCheckCondition) check_sense(reply);
  const bool unmaps = command.request.cdb[0] == 0x42 && command.request.cdb.size() == 10;
  if (unmaps && reply.check(scsi::kLogicalBlockAddressOutOfRange)) REQUIRE(unmaps_beyond(command.request));
  const bool over = reply.residual == scsi::Response::Residual::kOverflow;
  const bool under = reply.residual == scsi::Response::Residual::kUnderflow;
  REQUIRE((reply.residual_count != 0) == (over || under));
  REQUIRE(!under || reply.residual_count <= expected);
  if (reply.status == scsi::Status::kGood && command.command.direction == scsi::DataDirection::kIn) {
    REQUIRE(reply.data.size() + (under ? reply.residual_count : 0) == expected);
  }
}

struct World {
  World() {
    metadata = std::move(scsi::MetadataStore::open("").value());
    target = std::make_unique<LoopTarget>(test_support::LoopOptions{
        .reactors = 1, .dma_limit = std::size_t{64} << 20, .core = {.metadata = metadata.get()}});
    add("fixed", 512, 0);
    add("removable", 4096, 1);
    add("long", 512, 2);
    REQUIRE(target->map({{"fixed", 0}, {"removable", 1}, {"long", 3}}));  // and nothing at LUN 2
    for (std::size_t i = 0; i < nexuses.size(); ++i) login(i);
  }
  void add(const char* name, std::uint32_t block_size, std::uint8_t protection_type) {
    const std::uint64_t size = protection_type == 2 ? kLongDiskSize : kDiskSize;
    auto store = scsi::make_backstore({.size = size, .block_size = block_size, .protection = protection_type != 0});
    REQUIRE(store.has_value());
    scsi::LuConfig config;
    config.name = config.serial = name;
    config.removable = config.name == "removable";
    config.protection_type = protection_type;
    REQUIRE(target->wait([&](scsi::Done done) { target->core().add_disk(config, std::move(*store), done); }));
  }
  void login(std::size_t i) {
    nexuses[i] = &target->login(i == 0 ? "iqn.2026-01.test:a" : "iqn.2026-01.test:b");
    for (const std::uint32_t lun : {0u, 1u, 3u}) target->clear_attentions(*nexuses[i], lun);
  }
  std::unique_ptr<scsi::MetadataStore> metadata;
  std::unique_ptr<LoopTarget> target;
  std::array<LoopNexus*, 2> nexuses{};
};

void step(World& world, const CdbStep& step) {
  LoopNexus*& nexus = world.nexuses[step.host];
  switch (step.kind) {
    case CdbStep::Kind::kManage:
      nexus->manage(step.function, step.lun, nexus->commands().empty() ? nullptr : nexus->commands().back().get());
      break;
    case CdbStep::Kind::kLose:
      world.target->settle();
      nexus->lose();
      world.target->settle();
      for (const auto& command : nexus->commands()) check(*command);
      world.login(step.host);
      break;
    case CdbStep::Kind::kSend:
      nexus->send(step.request);
      break;
  }
  if (step.settle) world.target->settle();
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  testing::GTEST_FLAG(break_on_failure) = true;  // the loop port's complaints
  base::set_log_level(base::LogLevel::kOff);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  World world;
  Input input(data, size);
  for (std::size_t i = 0; i < kCdbSteps && !input.empty(); ++i) step(world, next_cdb_step(input));
  world.target->settle();
  for (LoopNexus* nexus : world.nexuses) {
    for (const auto& command : nexus->commands()) check(*command);
  }
  return 0;
}
