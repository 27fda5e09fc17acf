// How the disk of bytes answers.
#include "tests/model/qla/ram_target.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/endian.h"

namespace model_test {

using hal::fc::DataStatus;
using hal::fc::Exchange;

RamTarget::RamTarget(hal::fc::FcPort& port, std::uint64_t seed)
    : by_queue(port.queues().size()),
      port_(port),
      queues_(port.queues()),
      exchanges_(queues_.at(0)->exchange_count()),
      random_(seed),
      memory_(hal::MemoryRegion::create("ram target", 2 * kBytes, hal::MemoryRegion::Pages::kPlain).value()),
      slots_(queues_.size() * exchanges_),
      sessions_(65536) {
  for (hal::fc::FcQueue* const queue : queues_) queue->set_user(*this);
  port_.reactor().add(*this);
}

RamTarget::~RamTarget() {
  if (hal::Poller::linked()) port_.reactor().remove(*this);
}

void RamTarget::link_up(const hal::fc::Link& now) {
  EXPECT_FALSE(link_is_up && link.id == now.id && link.fabric_name != now.fabric_name);
  link = now;
  link_is_up = true;
  ++link_ups;
  told.push_back("link up");
}

void RamTarget::link_down() {
  EXPECT_TRUE(link_is_up);
  link_is_up = false;
  told.push_back("link down");
}

void RamTarget::link_service_received(const hal::fc::LinkService& service) {
  hal::fc::LinkServiceAnswer answer;
  answer.accept = accepts;
  answer.reason = 0x09;
  port_.answer(service.id, answer);
}

void RamTarget::logged_in(hal::fc::LoginId login, const hal::fc::RemotePort& initiator, std::uint32_t parameters) {
  EXPECT_FALSE(sessions_[login].known);
  EXPECT_NE(initiator.port_name.raw, 0u);
  EXPECT_NE(parameters & 0x20, 0u);
  sessions_[login] = {.known = true, .ended = false, .exchanges = 0};
  logins.push_back(login);
  port_.open_login(login);
}

void RamTarget::login_ended(hal::fc::LoginId login) {
  Session& session = sessions_[login];
  EXPECT_TRUE(session.known && !session.ended);
  session.ended = true;
  std::erase(logins, login);
  for (Slot& slot : slots_) {
    if (slot.state != State::kFree && slot.exchange->login == login) doom(slot);
  }
  if (session.exchanges == 0) {
    session = {};
    port_.release_login(login);
  }
}

void RamTarget::login_answered(hal::fc::PortId, base::Result<void> result) {
  ++login_answers;
  good_login_answers += result.has_value() ? 1 : 0;
}

void RamTarget::ct_answered(std::uint32_t, hal::fc::CtStatus status, std::span<const std::byte> reply) {
  ++ct_answers;
  ct_status = status;
  ct_reply.assign(reply.begin(), reply.end());
}

void RamTarget::state_changed(std::span<const std::byte> changed) {
  pages.insert(pages.end(), changed.begin(), changed.end());
}

void RamTarget::adapter_failed(const std::string& reason, bool recovers) {
  ++failures;
  told.push_back((recovers ? "failed: " : "lost: ") + reason);
}

void RamTarget::command_received(Exchange& exchange) {
  ++commands;
  ++by_queue[hal::fc::FcPort::queue_of(exchange.login, queues_.size())];
  ++used_;
  Slot& slot = slot_of(exchange);
  EXPECT_EQ(slot.state, State::kFree);
  EXPECT_TRUE(sessions_[exchange.login].known && !sessions_[exchange.login].ended);
  ++sessions_[exchange.login].exchanges;
  slot = Slot{};
  slot.state = State::kNew;
  slot.exchange = &exchange;
  base::be32 at;
  std::memcpy(&at, &exchange.cdb[2], 4);
  slot.at = at;
  slot.length = std::min<std::uint32_t>(exchange.data_length, kBytes - std::min<std::uint32_t>(at, kBytes));
  slot.wait = static_cast<std::uint32_t>(random_.below(slow ? 200 : 4));
  if (slot.wait == 0 && !stalled) act(slot);
}

bool RamTarget::poll() {
  bool worked = false;
  for (Slot& slot : slots_) {
    if (slot.state != State::kNew || stalled) continue;
    worked = true;
    if (slot.wait-- == 0) act(slot);
    if (slot.state == State::kNew && slot.wait > 1000) slot.wait = 0;
  }
  return worked;
}

void RamTarget::act(Slot& slot) {
  const Exchange& exchange = *slot.exchange;
  if (slot.doomed) return drop(slot);
  const std::uint8_t opcode = exchange.cdb[0];
  const bool moves = (exchange.reads || exchange.writes) && slot.length != 0 && opcode < 0xee;
  if (exchange.task_management_flags != 0 || !moves) return respond(slot);
  slot.state = State::kMoving;
  if (protection) return move_protected(slot);
  move(slot);
}

// In one piece, data and information each in two segments that end anywhere.
void RamTarget::move_protected(Slot& slot) {
  const Exchange& exchange = *slot.exchange;
  slot.protection = *protection;
  const bool on_wire = slot.protection.mode == hal::ProtectionTransfer::Mode::kPass;
  const std::uint32_t block = slot.protection.block_size, wire_block = block + (on_wire ? 8 : 0);
  const std::uint32_t blocks = exchange.data_length / wire_block;
  ASSERT_EQ(exchange.data_length % wire_block, 0u);
  const auto cut = [&](std::span<std::byte> all, std::vector<hal::DmaSpan>& out) {
    const std::size_t first = 1 + random_.below(all.size() - 1);
    for (const auto part : {all.first(first), all.subspan(first)}) {
      out.push_back({part, hal::Iova{reinterpret_cast<std::uintptr_t>(part.data())}});
    }
  };
  auto& segments = slot.segments[0];
  cut(memory().subspan(slot.at, blocks * block), segments);
  cut(information().subspan(slot.at / block * 8, blocks * 8), slot.information);
  slot.protection.segments = slot.information;
  hal::fc::ExchangeData data;
  data.segments = segments;
  data.length = slot.asked = slot.length = exchange.data_length;
  data.protection = &slot.protection;
  ++slot.out;
  if (exchange.writes) return queue_of(exchange).receive_data(*slot.exchange, data);
  slot.status_rides = data.with_status = random_.below(4) != 0;
  queue_of(exchange).send_data(*slot.exchange, data);
}

// Asks for what is left, in one piece or two, in up to 20 segments.
void RamTarget::move(Slot& slot) {
  const Exchange& exchange = *slot.exchange;
  do {
    const std::uint32_t left = slot.length - slot.asked;
    const std::uint32_t bytes = random_.below(3) == 0 ? 1 + static_cast<std::uint32_t>(random_.below(left)) : left;
    auto& segments = slot.segments[slot.next_segments++ % hal::fc::FcQueue::kMaxData];
    segments.clear();
    const std::uint32_t most = random_.below(2) == 0 ? bytes : bytes / 20 + 1;
    for (std::uint32_t at = 0; at < bytes; at += most) {
      const std::uint32_t size = std::min(most, bytes - at);
      std::byte* const place = memory().data() + slot.at + slot.asked + at;
      segments.push_back({{place, size}, hal::Iova{reinterpret_cast<std::uintptr_t>(place)}});
    }
    hal::fc::ExchangeData data;
    data.segments = segments;
    data.offset = slot.asked;
    data.length = bytes;
    slot.asked += bytes;
    ++slot.out;
    if (exchange.writes) {
      queue_of(exchange).receive_data(*slot.exchange, data);
    } else {
      slot.status_rides = data.with_status = slot.asked == slot.length && random_.below(4) != 0;
      if (data.with_status && slot.length < exchange.data_length) {
        data.residual_flags = hal::fc::ExchangeResponse::kUnder;
        data.residual = exchange.data_length - slot.length;
      }
      queue_of(exchange).send_data(*slot.exchange, data);
    }
  } while (slot.asked < slot.length && slot.out < hal::fc::FcQueue::kMaxData && random_.below(2) == 0);
}

void RamTarget::data_done(Exchange& exchange, DataStatus status) {
  Slot& slot = slot_of(exchange);
  ASSERT_EQ(slot.state, State::kMoving);
  ASSERT_GT(slot.out, 0u);
  --slot.out;
  if (status == DataStatus::kProtection) {
    ++protection_faults;
    fault = exchange.fault;
    slot.refused = true;
    slot.status_rides = false;
    return slot.doomed ? drop(slot) : respond(slot);
  }
  slot.failed |= status != DataStatus::kDone;
  if (slot.out == 0 && slot.status_rides && status == DataStatus::kDone) return freed(slot);
  if (slot.out != 0) return;
  if (slot.doomed || slot.failed) return drop(slot);
  if (slot.asked < slot.length) return move(slot);
  respond(slot);
}

void RamTarget::respond(Slot& slot) {
  const Exchange& exchange = *slot.exchange;
  slot.state = State::kResponding;
  hal::fc::ExchangeResponse response;
  std::array<std::byte, 100> sense;
  for (std::size_t i = 0; i < sense.size(); ++i) sense[i] = static_cast<std::byte>(0x70 + i);
  if (exchange.task_management_flags != 0) {
    response.has_code = true;
    for (Slot& other : slots_) {
      if (other.state != State::kFree && &other != &slot && other.exchange->login == exchange.login) doom(other);
    }
  } else if (exchange.cdb[0] >= 0xee || slot.refused) {
    response.status = 2;
    response.sense = std::span(sense).first(exchange.cdb[0] == 0xee ? 18 : 100);
  } else if (slot.length < exchange.data_length) {
    response.residual_flags = hal::fc::ExchangeResponse::kUnder;
    response.residual = exchange.data_length - slot.length;
  }
  queue_of(exchange).send_response(*slot.exchange, response);
}

// Its initiator does not want it any more: it ends without a response, as soon as no transfer is out.
void RamTarget::doom(Slot& slot) {
  if (slot.doomed) return;
  slot.doomed = true;
  if (slot.state == State::kMoving && slot.out != 0) queue_of(*slot.exchange).terminate_data(*slot.exchange);
  if (slot.state == State::kNew) drop(slot);
}

void RamTarget::drop(Slot& slot) {
  slot.state = State::kEnding;
  queue_of(*slot.exchange).drop(*slot.exchange);
}

void RamTarget::abort_received(Exchange& exchange) {
  ++aborts;
  Slot& slot = slot_of(exchange);
  ASSERT_NE(slot.state, State::kFree);
  ASSERT_NE(slot.state, State::kEnding);
  doom(slot);
}

void RamTarget::exchange_ended(Exchange& exchange) {
  Slot& slot = slot_of(exchange);
  EXPECT_TRUE(slot.state == State::kResponding || slot.state == State::kEnding);
  EXPECT_EQ(slot.out, 0u);
  freed(slot);
}

void RamTarget::freed(Slot& slot) {
  const hal::fc::LoginId login = slot.exchange->login;
  slot.state = State::kFree;
  --used_;
  Session& session = sessions_[login];
  ASSERT_GT(session.exchanges, 0u);
  if (--session.exchanges == 0 && session.ended) {
    session = {};
    port_.release_login(login);
  }
}

}  // namespace model_test
