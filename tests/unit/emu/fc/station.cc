// What a station's host and disk do.
#include "tests/unit/emu/fc/station.h"

#include <algorithm>
#include <cstring>

namespace emu::fc {

using hal::fc::Els;
using hal::fc::FcpCmnd;
using hal::fc::FcpRsp;
using hal::fc::FcpService;

NPortSettings Station::settings_of(std::uint64_t wwpn, Role role, Connection connection) {
  NPortSettings settings;
  settings.port_name = Wwn{wwpn};
  settings.node_name = Wwn{wwpn ^ 0x0100000000000000};
  settings.connection = connection;
  settings.fcp_service = FcpService::kReadXferRdyDisabled | FcpService::kConfirmedCompletion;
  if (role != Role::kInitiator) settings.fcp_service |= FcpService::kTarget;
  if (role != Role::kTarget) settings.fcp_service |= FcpService::kInitiator;
  settings.exchanges = 256;
  return settings;
}

Station::Station(Wire& wire, std::uint64_t wwpn, Role role, Connection connection, std::size_t memory_bytes)
    : port(wire, settings_of(wwpn, role, connection), *this), memory(memory_bytes) {}

// --- host

Station::Io& Station::start(PortId to, bool write, std::uint32_t at, std::uint32_t length, base::Duration limit) {
  auto owned = std::make_unique<Io>();
  Io& io = *owned;
  io.tag = ++tags_;
  io.write = write;
  io.at = at;
  io.data.resize(length);
  for (std::uint32_t i = 0; write && i < length; ++i) io.data[i] = static_cast<std::byte>((at + i) * 7 + io.tag);
  ios[io.tag] = std::move(owned);
  FcpCmnd cmnd;
  cmnd.additional_length = write ? FcpCmnd::WriteData::of(true) : FcpCmnd::ReadData::of(true);
  cmnd.cdb[0] = write ? 0x2a : 0x28;
  const base::be32 place = at;
  std::memcpy(&cmnd.cdb[2], &place, sizeof(place));
  cmnd.data_length = length;
  Command command;
  command.tag = io.tag;
  command.to = to;
  command.cmnd = bytes_of(cmnd);
  command.reads = !write;
  command.writes = write;
  command.data_length = length;
  command.limit = limit;
  const auto [status, id] = port.start_command(command);
  io.id = id;
  if (status != StartStatus::kStarted) {
    io.ended = 1;
    io.reason = EndReason::kLinkDown;
  }
  return io;
}

void Station::command_ended(ExchangeId, std::uint32_t tag, const CommandEnd& end) {
  Io& io = *ios.at(tag);
  ++io.ended;
  io.reason = end.reason;
  io.data_in = end.data_in;
  io.data_out = end.data_out;
  io.response.assign(end.response.begin(), end.response.end());
}

void Station::abort_done(ExchangeId, std::uint32_t tag, AbortResult result) {
  ++ios.at(tag)->aborts_done;
  ios.at(tag)->abort = result;
}

void Station::request_answered(std::uint32_t tag, RequestStatus status, std::span<const std::byte> payload) {
  answers[tag] = {status, std::vector<std::byte>(payload.begin(), payload.end())};
}

void Station::els_received(const ReceivedEls& els) {
  els_commands.push_back(els.command());
  els_ids.push_back(els.id);
}

void Station::state_changed(std::uint8_t, std::span<const std::byte> pages) {
  rscn.insert(rscn.end(), pages.begin(), pages.end());
}

// --- both: data

bool Station::fetch(ExchangeId id, std::uint32_t tag, std::uint32_t offset, std::span<std::byte> to) {
  if (fails_fetch) return false;
  if (const auto command = served.find(id.raw); command != served.end()) {
    if (tag == 2) {  // a response
      FcpRsp response;
      response.flags = response_flags;
      std::memcpy(to.data(), &response, std::min(to.size(), sizeof(response)));
      return true;
    }
    const std::size_t at = command->second.at + offset;
    std::memcpy(to.data(), memory.data() + at, to.size());
    return true;
  }
  const Io& io = *ios.at(tag);
  std::memcpy(to.data(), io.data.data() + offset, to.size());
  return true;
}

bool Station::store(ExchangeId id, std::uint32_t tag, std::uint32_t offset, std::span<const std::byte> from) {
  if (fails_store) return false;
  if (const auto command = served.find(id.raw); command != served.end()) {
    std::memcpy(memory.data() + command->second.at + offset, from.data(), from.size());
    return true;
  }
  Io& io = *ios.at(tag);
  std::memcpy(io.data.data() + offset, from.data(), from.size());
  return true;
}

// --- disk

bool Station::command_received(const ReceivedCommand& command) {
  if (!has_room) return false;
  ++commands_taken;
  if (command.id == kNoExchange) {
    FcpRsp busy;
    busy.status = 0x28;
    port.send_bare_response(command.vp, PortId{command.header->s_id}, command.header->ox_id, bytes_of(busy));
    return true;
  }
  Served& one = served[command.id.raw];
  one = {};
  one.received = command;
  one.cmnd.assign(command.cmnd.begin(), command.cmnd.end());
  one.remote = command.header->s_id;
  const auto cmnd = take<FcpCmnd>(command.cmnd);
  base::be32 place;
  std::memcpy(&place, &cmnd->cdb[2], sizeof(place));
  const auto half = static_cast<std::uint32_t>(memory.size() / 2);  // whatever a hostile host asks for
  one.at = place % half;
  one.length = std::min<std::uint32_t>(cmnd->data_length, half);
  if (serves) serve(command.id);
  return true;
}

void Station::serve(ExchangeId id) {
  const Served& one = served.at(id.raw);
  const auto cmnd = take<FcpCmnd>(one.cmnd);
  DataStep step;
  step.tag = 1;
  step.length = one.length;
  if (cmnd->cdb[0] == 0x28) {
    step.response.wanted = true;
    step.response.flags = response_flags;
    port.send_data(id, step);
  } else {
    port.receive_data(id, step);
  }
}

void Station::step_done(ExchangeId id, std::uint32_t tag, const StepEnd& end) {
  const auto command = served.find(id.raw);
  if (command == served.end()) return;
  ++command->second.steps_done;
  command->second.last = end.reason;
  if (!serves) return;
  const bool write = take<FcpCmnd>(command->second.cmnd)->cdb[0] == 0x2a;
  if (end.reason == EndReason::kDone && write && tag == 1) {
    port.send_response(id, 2, sizeof(FcpRsp));
    return;
  }
  const bool over = end.reason == EndReason::kDone || end.reason == EndReason::kTimeout;
  if (!over && end.reason != EndReason::kAborted && end.reason != EndReason::kLoggedOut &&
      end.reason != EndReason::kLinkDown) {
    port.terminate(id, 3, true);
    return;
  }
  if (end.reason == EndReason::kTimeout && tag == 1 && write) {
    port.terminate(id, 3, true);
    return;
  }
  if (over) served.erase(id.raw);
}

void Station::abort_received(const ReceivedAbort& abort) {
  aborts.push_back(abort);
  aborts.back().header = nullptr;
}

void Station::exchange_ended(ExchangeId id, EndReason reason) {
  exchanges_ended.push_back({id.raw, reason});
  served.erase(id.raw);
}

// --- world

PairWorld::PairWorld(Connection connection)
    : host(link.end(0), kHostName, Station::Role::kInitiator, connection),
      disk(link.end(1), kDiskName, Station::Role::kTarget, connection) {
  link.poll(now);
}

void PairWorld::step() {
  now += std::chrono::milliseconds(1);
  for (int i = 0; i < 8; ++i) {
    link.poll(now);
    host.port.poll(now);
    disk.port.poll(now);
  }
}

void PairWorld::run(base::Duration time) {
  for (const base::Time end = now + time; now < end;) step();
}

bool PairWorld::log_in() {
  host.port.start();
  disk.port.start();
  if (!run_until([&] { return host.port.link() != nullptr && disk.port.link() != nullptr; })) return false;
  const std::uint32_t tag = host.request_tag();
  const PortId to = host.info.topology == Topology::kPrivateLoop ? disk.info.id : host.info.peer.id;
  host.port.log_in({tag, 0, to, {}}, LoginRequest::kPlogiPrli);
  return run_until([&] { return host.answered(tag); }) && host.answers[tag].status == RequestStatus::kAccepted;
}

}  // namespace emu::fc
