// The commands and answers of a Driver.
#include "tests/contract/port/driver.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace port_contract {

using scsi::Delivery;
using scsi::TaskFunction;

Driver::Driver(hal::Reactor& reactor, scsi::TaskRouter& router, std::uint64_t seed, std::uint64_t commands,
               bool disruptive, Totals& totals)
    : reactor_(reactor), router_(router), random_(seed), disruptive_(disruptive), left_(commands), totals_(totals) {
  identity_.relative_id = static_cast<std::uint16_t>(seed);
  identity_.target_name = "iqn.2026-01.test:target";
  identity_.port_name = identity_.target_name + ",t,0x0001";
}

Driver::~Driver() = default;

void Driver::start() {
  reactor_.add(*this);
  log_in();
}

void Driver::log_in() {
  nexus_ = &router_.nexus_established(
      *this, {5, "iqn.2026-01.test:" + std::to_string(identity_.relative_id) + ",i,0x1"}, nullptr);
  leaving_ = false;
  totals_.logins.fetch_add(1, std::memory_order_relaxed);
}

void Driver::fill(Slot& slot) {
  slot.kind = Slot::Kind::kOther;
  slot.attribute = scsi::TaskAttribute::kSimple;
  slot.expected_length = kBlock;
  slot.direction = scsi::DataDirection::kIn;
  // A block of its own: what two initiators write at once to one block is theirs to settle.
  const auto lba = static_cast<std::uint8_t>(identity_.relative_id);
  switch (random_.below(disruptive_ ? 12 : 9)) {
    case 0:
    case 1:
    case 2:  // COMPARE AND WRITE: counter to counter + 1
      slot.kind = Slot::Kind::kIncrement;
      slot.cdb = {0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0};
      slot.direction = scsi::DataDirection::kOut;
      slot.expected_length = std::uint64_t{2} * kBlock;
      slot.data.fill(std::byte{0});
      std::memcpy(slot.data.data(), &counter_seen_, sizeof counter_seen_);
      ++counter_seen_;
      std::memcpy(slot.data.data() + kBlock, &counter_seen_, sizeof counter_seen_);
      --counter_seen_;
      break;
    case 3:
    case 4:
      slot.kind = Slot::Kind::kReadCounter;
      slot.cdb = {0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0};
      break;
    case 5:
      slot.cdb = {0x2a, 0, 0, 0, 0, lba, 0, 0, 1, 0};
      slot.direction = scsi::DataDirection::kOut;
      break;
    case 6:
      slot.cdb = {0x28, 0, 0, 0, 0, lba, 0, 0, 1, 0};
      slot.attribute = scsi::TaskAttribute::kOrdered;
      break;
    case 7:
      slot.cdb = {0x12, 0, 0, 0, 96, 0};
      slot.expected_length = 96;
      break;
    case 8:
      slot.cdb = {0x28, 0, 0, 0, 0, lba, 0, 0, 1, 0};
      slot.attribute = scsi::TaskAttribute::kHeadOfQueue;
      break;
    default:  // RESERVE(6), RELEASE(6): change what all reactors read
      slot.cdb = {static_cast<std::uint8_t>(random_.below(3) == 0 ? 0x16 : 0x17), 0, 0, 0, 0, 0};
      slot.direction = scsi::DataDirection::kNone;
      slot.expected_length = 0;
      break;
  }
}

void Driver::send(Slot& slot) {
  slot.cdb.fill(0);
  fill(slot);
  slot.nexus = nexus_;
  slot.tag = next_tag_++;
  slot.cdb_length = 16;
  slot.lun = scsi::Lun::of(0);
  slot.busy = true;
  slot.terminated = slot.in = slot.out = false;
  --left_;
  router_.scsi_command_received(slot);
}

void Driver::send_data_in(scsi::Command& command, const scsi::Transfer& transfer) {
  auto& slot = static_cast<Slot&>(command);
  slot.in = true;
  slot.transfer = transfer;
}

void Driver::receive_data_out(scsi::Command& command, const scsi::Transfer& transfer) {
  auto& slot = static_cast<Slot&>(command);
  slot.out = true;
  slot.transfer = transfer;
}

void Driver::terminate_data_transfer(scsi::Command& command) { static_cast<Slot&>(command).terminated = true; }

void Driver::answer(Slot& slot) {
  const bool in = slot.in;
  slot.in = slot.out = false;
  const bool late = random_.below(2) == 0;
  const Delivery delivery = slot.terminated && !late ? Delivery::kTerminated : Delivery::kDelivered;
  std::uint64_t at = slot.transfer.offset;
  for (const hal::DmaSpan& segment : slot.transfer.segments) {
    if (delivery == Delivery::kTerminated) break;
    std::byte* const mine = slot.data.data() + at;
    std::memcpy(in ? mine : segment.bytes.data(), in ? segment.bytes.data() : mine, segment.bytes.size());
    at += segment.bytes.size();
  }
  const bool over = slot.transfer.with_status && delivery == Delivery::kDelivered;
  if (over && slot.kind == Slot::Kind::kReadCounter)
    std::memcpy(&counter_seen_, slot.data.data(), sizeof counter_seen_);
  if (in) {
    router_.data_in_delivered(slot, delivery);
  } else {
    router_.data_out_received(slot, delivery);
  }
  if (over) freed(slot, true);
}

void Driver::freed(Slot& slot, bool good) {
  EXPECT_TRUE(slot.busy) << "a command ended twice";
  EXPECT_FALSE(slot.in || slot.out) << "a command ended with a transfer out";
  slot.busy = false;
  totals_.ended.fetch_add(1, std::memory_order_relaxed);
  if (good) totals_.good.fetch_add(1, std::memory_order_relaxed);
}

void Driver::send_command_complete(scsi::Command& command) {
  auto& slot = static_cast<Slot&>(command);
  const bool good = command.response.status == scsi::Status::kGood;
  if (good && slot.kind == Slot::Kind::kIncrement) totals_.increments.fetch_add(1, std::memory_order_relaxed);
  freed(slot, good);
}

void Driver::drop_command(scsi::Command& command) { freed(static_cast<Slot&>(command), false); }

void Driver::manage() {
  constexpr TaskFunction kFunctions[] = {TaskFunction::kAbortTask,    TaskFunction::kAbortTaskSet,
                                         TaskFunction::kClearTaskSet, TaskFunction::kLogicalUnitReset,
                                         TaskFunction::kTargetReset,  TaskFunction::kITNexusReset,
                                         TaskFunction::kQueryTaskSet};
  function_ = {};
  function_.nexus = nexus_;
  function_.function = kFunctions[random_.below(std::size(kFunctions))];
  function_.lun = scsi::Lun::of(0);
  function_.tag = next_tag_ - 1;
  function_out_ = true;
  router_.task_management_request_received(function_);
}

void Driver::task_management_function_executed(scsi::TaskManagement& function, scsi::TmfResponse) {
  EXPECT_TRUE(function_out_ && &function == &function_);
  function_out_ = false;
  totals_.functions.fetch_add(1, std::memory_order_relaxed);
}

void Driver::nexus_quiet(scsi::Nexus&) {
  for (const Slot& slot : slots_) EXPECT_FALSE(slot.busy) << "quiet with a command out";
  EXPECT_FALSE(function_out_);
  nexus_ = nullptr;
}

bool Driver::poll() {
  if (nexus_ == nullptr) {
    if (left_ == 0) {
      reactor_.remove(*this);
      finished_.store(true, std::memory_order_release);
      return true;
    }
    log_in();
  }
  bool worked = false;
  for (Slot& slot : slots_) {
    if (slot.in || slot.out) {
      answer(slot);
      worked = true;
    }
  }
  if (leaving_) return worked;
  if (left_ == 0 || (disruptive_ && random_.below(2000) == 0)) {
    const bool idle =
        !function_out_ && std::none_of(slots_.begin(), slots_.end(), [](const Slot& s) { return s.busy; });
    if (left_ == 0 && !idle) return worked;
    leaving_ = true;
    router_.nexus_lost(*nexus_);
    return true;
  }
  if (disruptive_ && !function_out_ && random_.below(300) == 0) manage();
  for (Slot& slot : slots_) {
    if (slot.busy || left_ == 0) continue;
    send(slot);
    worked = true;
    break;
  }
  return worked;
}

}  // namespace port_contract
