// The queue of a FakeFcPort: exchanges, data, responses.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "hal/dma.h"
#include "tests/support/fake_fc_port.h"
#include "tests/support/loop_protection.h"

namespace test_support {

using hal::fc::DataStatus;
using hal::fc::Exchange;
using hal::fc::ExchangeData;

bool FcReply::check(std::uint8_t key, std::uint8_t asc, std::uint8_t ascq) const {
  if (!over || dropped || status != 2 || sense.size() < 14) return false;
  const auto at = [this](std::size_t i) { return static_cast<std::uint8_t>(sense[i]); };
  return (at(2) & 0xf) == key && at(12) == asc && at(13) == ascq;
}

FakeFcQueue::FakeFcQueue(hal::Reactor& reactor, std::uint32_t exchanges) : reactor_(reactor) {
  for (std::uint32_t i = 0; i < exchanges; ++i) {
    slots_.push_back(std::make_unique<Slot>());
    slots_.back()->exchange.index = i;
  }
  reactor_.add(*this);
}

FakeFcQueue::~FakeFcQueue() {
  reactor_.remove(*this);
  for (const auto& slot : slots_) EXPECT_EQ(slot->command, nullptr) << "an exchange was never ended";
}

FakeFcQueue::Slot& FakeFcQueue::slot_of(const Exchange& exchange) {
  Slot& slot = *slots_.at(exchange.index);
  EXPECT_EQ(&slot.exchange, &exchange);
  EXPECT_NE(slot.command, nullptr) << "an exchange was used after its end";
  EXPECT_FALSE(slot.ending) << "an exchange was used after its response or drop";
  return slot;
}

void FakeFcQueue::put(Exchange& exchange, const ExchangeData& data, bool in) {
  Slot& slot = slot_of(exchange);
  EXPECT_FALSE(slot.status_in_data) << "a transfer after the one with the status";
  std::uint64_t bytes = 0;
  for (const hal::DmaSpan& segment : data.segments) bytes += segment.bytes.size();
  if (data.protection == nullptr) {
    EXPECT_EQ(bytes, data.length) << "the segments are not as long as the transfer";
  }
  EXPECT_GT(data.length, 0u);
  EXPECT_LE(std::uint64_t{data.offset} + data.length, exchange.data_length) << "beyond FCP_DL";
  EXPECT_TRUE(in ? exchange.reads : exchange.writes) << "data against the direction of the command";
  slot.status_in_data = data.with_status;
  slot.transfers.push_back({.data = data, .in = in});
}

void FakeFcQueue::send_data(Exchange& exchange, const ExchangeData& data) { put(exchange, data, true); }

void FakeFcQueue::receive_data(Exchange& exchange, const ExchangeData& data) {
  EXPECT_FALSE(data.with_status);
  put(exchange, data, false);
}

void FakeFcQueue::terminate_data(Exchange& exchange) {
  for (Transfer& transfer : slot_of(exchange).transfers) transfer.terminated = true;
}

void FakeFcQueue::send_response(Exchange& exchange, const hal::fc::ExchangeResponse& response) {
  Slot& slot = slot_of(exchange);
  EXPECT_TRUE(slot.transfers.empty()) << "a response with a transfer out";
  FcReply& reply = slot.command->reply;
  reply.status = response.status;
  reply.residual_flags = response.residual_flags;
  reply.residual = response.residual;
  reply.has_code = response.has_code;
  reply.code = response.code;
  reply.sense.assign(response.sense.begin(), response.sense.end());
  slot.ending = true;
}

void FakeFcQueue::drop(Exchange& exchange) {
  Slot& slot = slot_of(exchange);
  EXPECT_TRUE(slot.transfers.empty()) << "a drop with a transfer out";
  slot.command->reply.dropped = true;
  slot.ending = true;
}

std::size_t FakeFcQueue::transfers_out() const {
  std::size_t count = 0;
  for (const auto& slot : slots_) count += slot->transfers.size();
  return count;
}

void FakeFcQueue::answer_one(DataStatus status) {
  for (const auto& slot : slots_) {
    if (!slot->transfers.empty()) return answer(*slot, status);
  }
  ADD_FAILURE() << "no transfer is out";
}

void FakeFcQueue::move_plainly(Slot& slot, const Transfer& transfer) {
  FcReply& reply = slot.command->reply;
  std::uint64_t at = transfer.data.offset;
  for (const hal::DmaSpan& segment : transfer.data.segments) {
    if (transfer.in) {
      if (reply.data.size() < at + segment.bytes.size()) reply.data.resize(at + segment.bytes.size());
      std::memcpy(reply.data.data() + at, segment.bytes.data(), segment.bytes.size());
    } else {
      const std::vector<std::byte>& out = slot.command->request.out;
      EXPECT_LE(at + segment.bytes.size(), out.size());
      std::memcpy(segment.bytes.data(), out.data() + at, segment.bytes.size());
      reply.data_out_bytes += segment.bytes.size();
    }
    at += segment.bytes.size();
  }
}

DataStatus FakeFcQueue::move_protected(Slot& slot, const Transfer& transfer) {
  const ExchangeData& data = transfer.data;
  FcReply& reply = slot.command->reply;
  std::optional<WireFault> fault;
  if (transfer.in) {
    EXPECT_EQ(reply.data.size(), data.offset);
    fault = to_wire(*data.protection, data.segments, reply.data);
    EXPECT_TRUE(fault || reply.data.size() == data.offset + data.length);
  } else {
    fault = from_wire(*data.protection, std::span(slot.command->request.out).subspan(data.offset, data.length),
                      data.segments);
    reply.data_out_bytes += data.length;
  }
  if (!fault) return DataStatus::kDone;
  slot.exchange.fault = fault->tuples;
  return DataStatus::kProtection;
}

void FakeFcQueue::answer(Slot& slot, DataStatus status) {
  const Transfer transfer = slot.transfers.front();
  slot.transfers.pop_front();
  FcReply& reply = slot.command->reply;
  if (status == DataStatus::kDone && transfer.data.protection != nullptr) {
    status = move_protected(slot, transfer);
  } else if (status == DataStatus::kDone) {
    move_plainly(slot, transfer);
  }
  const bool ends = transfer.data.with_status && status == DataStatus::kDone;
  if (ends) {
    reply.residual_flags = transfer.data.residual_flags;
    reply.residual = transfer.data.residual;
  }
  if (transfer.data.with_status && !ends) slot.status_in_data = false;
  user_->data_done(slot.exchange, status);
  if (!ends) return;
  EXPECT_TRUE(slot.transfers.empty() && !slot.ending) << "the exchange was over with its status";
  over(slot);
}

void FakeFcQueue::over(Slot& slot) {
  FcCommand& command = *slot.command;
  command.reply.over = true;
  command.reply.acknowledged = command.abort_asked;
  command.slot = -1;
  slot.command = nullptr;
  slot.ending = slot.status_in_data = false;
}

void FakeFcQueue::end(Slot& slot) {
  user_->exchange_ended(slot.exchange);
  over(slot);
}

bool FakeFcQueue::answer_transfers(Slot& slot) {
  if (slot.transfers.empty() || deaf_data) return false;
  const Transfer& transfer = slot.transfers.front();
  if (transfer.failed) {
    answer(slot, DataStatus::kFailed);
  } else if (transfer.terminated) {
    answer(slot, late_terminate ? DataStatus::kDone : DataStatus::kTerminated);
  } else if (!hold_transfers) {
    answer(slot, DataStatus::kDone);
  } else {
    return false;
  }
  return true;
}

// One command from the wire, into a free slot.
bool FakeFcQueue::receive() {
  if (inbox_.empty()) return false;
  const auto free = std::find_if(slots_.begin(), slots_.end(), [](const auto& s) { return s->command == nullptr; });
  if (free == slots_.end()) return false;
  FcCommand& command = *inbox_.front();
  inbox_.pop_front();
  const FcRequest& request = command.request;
  Slot& slot = **free;
  slot.command = &command;
  command.slot = slot.exchange.index;
  Exchange exchange;
  exchange.index = slot.exchange.index;
  exchange.login = command.login;
  exchange.ox_id = command.ox_id;
  exchange.lun[1] = static_cast<std::uint8_t>(request.lun);
  exchange.task_attribute = request.attribute;
  exchange.task_management_flags = request.task_management_flags;
  exchange.reads = request.reads.value_or(request.in != 0);
  exchange.writes = request.writes.value_or(!request.out.empty());
  exchange.data_length =
      request.data_length.value_or(static_cast<std::uint32_t>(std::max(request.in, request.out.size())));
  exchange.cdb_length = request.cdb_length.value_or(
      static_cast<std::uint16_t>(std::max<std::size_t>(16, (request.cdb.size() + 3) / 4 * 4)));
  std::copy_n(request.cdb.begin(), std::min(request.cdb.size(), exchange.cdb.size()), exchange.cdb.begin());
  slot.exchange = exchange;
  user_->command_received(slot.exchange);
  return true;
}

void FakeFcQueue::abort(FcCommand& command) {
  command.abort_asked = true;
  const auto waiting = std::find(inbox_.begin(), inbox_.end(), &command);
  if (waiting != inbox_.end()) {
    inbox_.erase(waiting);
    command.reply.over = command.reply.dropped = command.reply.acknowledged = true;
  } else if (command.slot >= 0) {
    user_->abort_received(slots_[static_cast<std::size_t>(command.slot)]->exchange);
  } else {
    command.reply.acknowledged = true;  // the exchange was over
  }
}

void FakeFcQueue::login_over(hal::fc::LoginId login) {
  for (const auto& slot : slots_) {
    if (slot->command == nullptr || slot->exchange.login != login) continue;
    for (Transfer& transfer : slot->transfers) transfer.failed = true;
  }
  std::erase_if(inbox_, [login](FcCommand* command) {
    if (command->login != login) return false;
    command->reply.over = command->reply.lost = true;
    return true;
  });
}

bool FakeFcQueue::idle(hal::fc::LoginId login) const {
  return std::none_of(slots_.begin(), slots_.end(),
                      [login](const auto& slot) { return slot->command != nullptr && slot->exchange.login == login; });
}

bool FakeFcQueue::poll() {
  bool worked = false;
  for (const auto& slot : slots_) {
    if (slot->command == nullptr) continue;
    if (slot->ending) {
      if (hold_ends) continue;
      end(*slot);
      worked = true;
    } else {
      worked |= answer_transfers(*slot);
    }
  }
  return receive() || worked;
}

}  // namespace test_support
