// Fuzzes whole sessions, from the first byte on the connection to the RAM disk behind it: login, commands with data in
// every direction, task management, texts, NOPs, logout, several connections in a session, error recovery by SNACK and
// by connections that take over another's tasks, time, memory that runs out, and an operator who changes things.
//
// What must hold: StrictInitiator's rules for every PDU that comes back; wrong data do not end well; everything ends
// with the connections; no logical unit goes offline; and a host that behaves is served afterwards.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/scarce_heap.h"
#include "tests/fuzz/session_hosts.h"
#include "tests/support/require.h"

namespace {

namespace pdu = hal::iscsi;

constexpr std::size_t kSteps = 64;  // of one input
constexpr std::size_t kMostData = 0x3fff;

// How numbers are chosen: mostly those that fit, so that the PDU gets anywhere.
std::uint32_t tag_of(Input& input, std::uint8_t how) {
  const std::uint8_t byte = input.byte();
  if ((how & 1) != 0) return byte == 0xff ? pdu::kReservedTag : 0x100u + (byte & 7u);
  return std::uint32_t{byte} << 24 | input.word();
}

template <class T>
void number(StrictInitiator& host, Input& input, std::uint8_t how, T& request) {
  request.initiator_task_tag = tag_of(input, how);
  request.exp_stat_sn = host.exp_stat_sn();
  request.cmd_sn = host.cmd_sn;
  if ((how & 2) != 0) {
    request.opcode = static_cast<std::uint8_t>(request.opcode | 0x40);  // immediate
  } else if ((how & 4) != 0) {
    request.cmd_sn = host.cmd_sn + static_cast<std::uint32_t>(static_cast<std::int8_t>(input.byte()));
  } else {
    ++host.cmd_sn;
  }
}

StrictInitiator::Spoil spoil_of(std::uint8_t how) {
  if ((how & 8) == 0) return StrictInitiator::Spoil::kNothing;
  return (how & 0x80) != 0 ? StrictInitiator::Spoil::kDataDigest : StrictInitiator::Spoil::kBoth;
}

void send_command(StrictInitiator& host, Input& input, std::uint8_t how) {
  pdu::ScsiCommand request;
  number(host, input, how, request);
  request.flags = input.byte();
  request.lun[1] = input.byte() & 3;
  request.expected_data_transfer_length = std::uint32_t{input.word()} << ((how & 0x20) != 0 ? 4 : 0);
  const auto cdb = input.bytes(request.cdb.size());
  std::copy(cdb.begin(), cdb.end(), request.cdb.begin());
  std::vector<std::byte> ahs;
  if ((how & 0x10) != 0) {
    const auto given = std::as_bytes(input.bytes(4u * (input.byte() & 31u)));
    ahs.assign(given.begin(), given.begin() + static_cast<std::ptrdiff_t>(given.size() & ~std::size_t{3}));
  }
  const std::uint16_t length = input.word();
  std::vector<std::byte> data;
  if ((length & 0x8000) != 0) {
    const auto given = std::as_bytes(input.bytes(length & 0x1ff));
    data.assign(given.begin(), given.end());
    data.resize(length & kMostData);
  }
  host.send(request, data, ahs, spoil_of(how));
}

// A read or a write near the beginning of a disk, with the lengths that belong to it: what the data go through.
void send_transfer(StrictInitiator& host, Input& input, std::uint8_t how) {
  const std::uint8_t what = input.byte(), where = input.byte(), blocks = 1 + (input.byte() & 31);
  const bool write = (what & 1) != 0, large = (what & 2) != 0;
  pdu::ScsiCommand request;
  number(host, input, how, request);
  const std::uint32_t length = blocks * (large ? 4096u : 512u);
  request.lun[1] = large ? 1 : 0;
  request.flags = static_cast<std::uint8_t>((write ? 0x21 : 0x41) | ((what & 4) != 0 ? 0 : 0x80));
  request.expected_data_transfer_length = length;
  request.cdb = {static_cast<std::uint8_t>(write ? 0x2a : 0x28), 0, 0, 0, 0, where, 0, 0, blocks};
  const std::uint32_t immediate = std::min<std::uint32_t>(length, std::uint32_t{what} >> 4 << 9);
  const std::vector<std::byte> data(write ? immediate : 0, std::byte{what});
  if (!write) request.flags |= 0x80;
  host.send(request, data, {}, spoil_of(how));
}

void send_other(StrictInitiator& host, Input& input, std::uint8_t kind, std::uint8_t how) {
  const auto data = [&] { return std::as_bytes(input.bytes(input.word() & 0xfff)); };
  const auto spoil = spoil_of(how);
  switch (kind & 7) {
    case 0: {
      pdu::TaskManagementRequest request;
      number(host, input, how, request);
      request.flags = static_cast<std::uint8_t>(0x80 | (input.byte() & 15));
      request.lun[1] = input.byte() & 3;
      request.referenced_task_tag = tag_of(input, 1);
      request.ref_cmd_sn = host.cmd_sn - input.byte();
      if ((request.flags & 15) == 8) request.exp_data_sn = input.byte() & 7u;
      return host.send(request, {}, {}, spoil);
    }
    case 1: {
      pdu::TextRequest request;
      number(host, input, how, request);
      request.flags = input.byte();
      request.target_transfer_tag = (how & 0x10) != 0 ? host.text_tag() : pdu::kReservedTag;
      return host.send(request, data(), {}, spoil);
    }
    case 2: {
      pdu::NopOut request;
      number(host, input, how, request);
      request.target_transfer_tag = (how & 0x10) != 0 ? host.last_ping() : pdu::kReservedTag;
      if ((how & 0x20) != 0) request.initiator_task_tag = pdu::kReservedTag;
      return host.send(request, data(), {}, spoil);
    }
    case 3: {
      pdu::LogoutRequest request;
      number(host, input, how, request);
      request.flags = static_cast<std::uint8_t>(0x80 | (input.byte() & 7));
      request.cid = input.byte();
      return host.send(request, {}, {}, spoil);
    }
    case 4: {
      pdu::LoginRequest request;
      request.initiator_task_tag = tag_of(input, how);
      request.flags = input.byte();
      request.isid = {0, 2, 0x3d, 0, 0, static_cast<std::uint8_t>(input.byte() & 3)};
      request.tsih = input.byte() & 3;
      return host.send(request, data());
    }
    case 5: {
      pdu::SnackRequest request;
      request.initiator_task_tag = tag_of(input, how);
      request.flags = input.byte();
      if ((how & 4) != 0) {  // one that makes sense
        request.flags = static_cast<std::uint8_t>(0x80 | (request.flags & 3));
        request.target_transfer_tag = (request.flags & 3) >= 2 ? tag_of(input, 1) : pdu::kReservedTag;
        if ((request.flags & 3) == 1 || (request.flags & 3) == 2) request.initiator_task_tag = pdu::kReservedTag;
        request.exp_stat_sn = host.exp_stat_sn() - (input.byte() & 15u);
        request.beg_run = (request.flags & 3) == 1 ? request.exp_stat_sn + (input.byte() & 3u) : input.byte() & 7u;
        request.run_length = input.byte() & 7u;
        return host.send(request);
      }
      return host.send(request, data(), {}, spoil);
    }
    default: {
      pdu::BasicHeader request;
      const auto bytes = input.bytes(sizeof request);
      std::memcpy(&request, bytes.data(), bytes.size());
      if (pdu::OpcodeBits::get(request.opcode) == pdu::Opcode::kScsiCommand) request.opcode = 0x1e;  // they are above
      return host.send(request, data(), {}, spoil);
    }
  }
}

// A SNACK that makes sense, or asks for one more than there is.
void send_snack(StrictInitiator& host, Input& input) {
  const std::uint8_t what = input.byte(), run = input.byte();
  const std::uint8_t type = what & 3;
  const std::uint32_t back = what >> 2 & 7u, skip = run & 3u, left = back - std::min(back, skip);
  const std::uint32_t counts[] = {0, 1, left, left + 1, 2, 3, 4, 0};
  pdu::SnackRequest request;
  request.flags = static_cast<std::uint8_t>(0x80 | type);
  request.exp_stat_sn = host.exp_stat_sn() - back;
  const bool of_task = type == 0 || type == 3;
  const std::uint32_t tag = 0x100u + (what >> 5);
  request.initiator_task_tag = of_task ? tag : pdu::kReservedTag;
  request.target_transfer_tag = type >= 2 ? tag : pdu::kReservedTag;
  request.beg_run = type == 1 ? request.exp_stat_sn + skip : type == 3 ? 0 : run >> 5;
  request.run_length = type >= 2 ? 0 : counts[run >> 2 & 7];
  host.send(request);
}

struct OpenR2t {
  StrictInitiator::R2t now;
  std::size_t index = 0;
  bool any_order = false;
};

// What may be right of data for an R2T: the next in its order, or in any order a part of what is left.
bool is_right(const OpenR2t& open, const pdu::DataOut& request, std::uint32_t size) {
  const StrictInitiator::R2t& r2t = open.now;
  const bool final = pdu::Final::get(request.flags);
  if (request.data_sn != r2t.data_sn || size > r2t.length) return false;
  if (!r2t.in_pieces && final != (size == r2t.length)) return false;
  const std::uint32_t skipped = request.buffer_offset - r2t.offset;
  return skipped == 0 || (open.any_order && skipped <= r2t.length - size);
}

void sent_for(StrictInitiator& host, const OpenR2t& open, const pdu::DataOut& request, std::uint32_t size) {
  if (!is_right(open, request, size) && request.target_transfer_tag == open.now.target_transfer_tag) {
    host.sent_wrong_data(open.now.initiator_task_tag);
  }
  const auto at = host.r2ts.begin() + static_cast<std::ptrdiff_t>(open.index);
  const std::uint32_t skipped = request.buffer_offset - at->offset;
  const bool from_the_end = open.any_order && skipped != 0;
  ++at->data_sn;
  if (from_the_end && skipped != at->length - std::min(at->length, size)) at->in_pieces = true;
  if (!at->in_pieces) {
    if (!from_the_end) at->offset += size;
    at->length -= std::min(at->length, size);
  }
  if (at->length == 0 || request.flags != 0) host.r2ts.erase(at);
}

// Data for the oldest R2T (in any order: for any, from either end or elsewhere), or without one: right, or wrong in
// length, place, number or tag.
void send_data_out(StrictInitiator& host, Input& input, std::uint8_t how) {
  pdu::DataOut request;
  const std::uint32_t tag = tag_of(input, 1);
  OpenR2t open{{tag, pdu::kReservedTag, 0, 512, 0}, 0, host.any_order()};
  const bool solicited = (how & 1) != 0 && !host.r2ts.empty();
  if (solicited) {
    if (open.any_order) open.index = (tag & 3u) % host.r2ts.size();
    open.now = host.r2ts[open.index];
  }
  const StrictInitiator::R2t& r2t = open.now;
  std::uint32_t size = std::min<std::uint32_t>(r2t.length, 8192);
  if ((how & 2) != 0) size = (how & 0x40) != 0 ? size + (input.byte() & 15u) : input.word() & kMostData;
  request.flags = size >= r2t.length || (how & 4) != 0 ? 0x80 : 0;
  request.initiator_task_tag = r2t.initiator_task_tag;
  request.target_transfer_tag = (how & 0x10) != 0 ? std::uint32_t{input.word()} : r2t.target_transfer_tag;
  request.data_sn = r2t.data_sn;
  const bool from_the_end = open.any_order && (how & 0x88) == 0x80;
  request.buffer_offset = r2t.offset + (from_the_end ? r2t.length - std::min(r2t.length, size) : 0);
  if (!solicited || (how & 0x20) != 0) {
    request.data_sn = input.byte() & 7u;
    request.buffer_offset = std::uint32_t{input.byte()} << 9;
  }
  const std::vector<std::byte> data(size, std::byte{how});
  host.send(request, data, {}, spoil_of(how));
  if (solicited) sent_for(host, open, request, size);
}

void operate(SessionWorld& world, Input& input) {
  const std::uint8_t what = input.byte();
  switch (what & 7) {
    case 0:
      return world.map((what & 8) != 0);
    case 1:
      return world.resize((what & 8) != 0);
    case 2:
      return world.keep_target((what & 8) != 0);
    case 3:
      return world.inject(input.byte());
    case 4:
      return world.log_out_all(std::chrono::seconds(what >> 4));
    case 6:
      return (what & 8) != 0 ? scarce_heap::refuse(what >> 4) : world.starve((what & 16) != 0);
    default:
      return world.advance(std::chrono::milliseconds(100 << (what >> 4 & 7)));
  }
}

void step(Hosts& hosts, Input& input) {
  const std::uint8_t what = input.byte(), how = input.byte();
  const std::size_t which = what >> 3 & 3;
  if ((what & 7) == 7) {
    hosts.connect(which, how, (how & 0x80) != 0, static_cast<std::uint8_t>(1 + (how >> 4 & 1)));
    return;
  }
  if (hosts.all[which] == nullptr) hosts.connect(which, how, false, static_cast<std::uint8_t>(1 + (which & 1)));
  StrictInitiator& host = *hosts.all[which];
  switch (what & 7) {
    case 0:
    case 1:
      (how & 0x40) != 0 ? send_transfer(host, input, how) : send_command(host, input, how);
      break;
    case 2:
      send_other(host, input, input.byte(), how);
      break;
    case 3:
      send_data_out(host, input, how);
      break;
    case 4:
      host.send_raw(std::as_bytes(input.bytes(input.word() & 0x7ff)));
      break;
    case 5:
      operate(hosts.world, input);
      break;
    default:
      if ((how & 0x40) != 0) {
        send_snack(host, input);
      } else {
        host.deaf = (how & 1) != 0;
      }
  }
  hosts.share_numbers(which);
  if ((what & 0x80) == 0) hosts.settle();
}

// A host that behaves, after all that: it can log in and is answered, and no logical unit went offline on the way.
void judge(Hosts& hosts) {
  hosts.all = {};
  scarce_heap::refuse(0);
  hosts.world.feed();
  hosts.world.settle();
  hosts.world.keep_target(true);
  hosts.connect(0, 0, false, 3);
  StrictInitiator& host = *hosts.all[0];
  REQUIRE(host.full_feature());
  const auto run = [&](std::uint32_t tag, std::uint32_t length, std::array<std::uint8_t, 16> cdb) {
    pdu::ScsiCommand request;
    request.flags = length == 0 ? 0x81 : 0xc1;
    request.initiator_task_tag = tag;
    request.expected_data_transfer_length = length;
    request.cmd_sn = host.cmd_sn++;
    request.exp_stat_sn = host.exp_stat_sn();
    request.cdb = cdb;
    const std::uint64_t before = host.statuses(0);
    host.send(request);
    hosts.settle();
    return host.statuses(0) == before + 1;
  };
  REQUIRE(run(1, 36, {0x12, 0, 0, 0, 36}));
  hosts.world.require_online();
  hosts.all = {};
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  base::set_log_level(base::LogLevel::kOff);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  SessionWorld world;
  Hosts hosts(world);
  Input input(data, size);
  const std::uint8_t first = input.byte();
  hosts.connect(0, first, (first & 0x80) != 0, 1);
  for (std::size_t i = 0; i < kSteps && !input.empty(); ++i) step(hosts, input);
  hosts.settle();
  judge(hosts);
  return 0;
}
