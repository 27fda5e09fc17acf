// What a host sends: reads, writes and their data.
#include <algorithm>

#include "tests/sim/host.h"
#include "tests/support/require.h"

namespace sim {

namespace pdu = hal::iscsi;

namespace {

constexpr std::uint32_t kSegment = 8192;   // bytes in one PDU of ours
constexpr std::size_t kMostCommands = 12;  // more than the target lets in at a time

void set_lba(std::array<std::uint8_t, 16>& cdb, std::uint32_t lba, std::uint32_t blocks) {
  for (unsigned i = 0; i < 4; ++i) cdb[2 + i] = static_cast<std::uint8_t>(lba >> (24 - 8 * i));
  cdb[7] = static_cast<std::uint8_t>(blocks >> 8);
  cdb[8] = static_cast<std::uint8_t>(blocks);
}

}  // namespace

// The window is the session's: any of its connections may have told of it last.
bool Host::may_send() {
  bool room = false;
  for (Link* link : open()) {
    link->wire->cmd_sn = cmd_sn_;
    room = room || link->wire->window_open();
  }
  return room && commands_.size() < kMostCommands;
}

Host::Command& Host::new_command(std::uint32_t& tag, bool write) {
  const std::uint8_t lun = choose(4) == 0 ? 1 : 0;
  std::vector<std::uint32_t> older;
  for (const auto& [other, command] : commands_) {
    if (command.lun == lun) older.push_back(other);
  }
  tag = next_tag_++;
  Command& command = commands_[tag];
  command.lun = lun;
  command.write = write;
  command.attribute = static_cast<Attribute>(1 + choose(3));
  command.blocks = 1 + static_cast<std::uint32_t>(choose(lun == 0 ? 40 : 6));
  command.lba = static_cast<std::uint32_t>(choose(64));  // near enough to collide
  command.sent_at = ++shared_.clock;
  command.cmd_sn = cmd_sn_++;
  command.older = std::move(older);
  // Now and then more is expected than the command moves, or less; of a write whole blocks (RFC 7143 11.4.5.1).
  const std::uint32_t block = medium(command).block_size();
  std::size_t length = std::size_t{command.blocks} * block;
  const std::uint64_t odd = choose(12);
  if (odd == 0) length += 1 + choose(2 * block);
  if (odd == 1) length = write ? choose(command.blocks) * block : choose(length);
  command.data.resize(length);
  return command;
}

void Host::write() {
  if (!may_send()) return;
  std::uint32_t tag = 0;
  Command& command = new_command(tag, true);
  const std::uint32_t block = medium(command).block_size();
  const auto blocks = std::min(command.blocks, static_cast<std::uint32_t>(command.data.size() / block));
  command.id = medium(command).write_begins(command.lba, blocks);
  medium(command).fill(command.data, command.id, command.lba);
  send_write(any_open(), tag, command);
}

void Host::read() {
  if (!may_send()) return;
  std::uint32_t tag = 0;
  Command& command = new_command(tag, false);
  command.id = medium(command).read_begins(command.lba, command.blocks);
  send_read(any_open(), tag, command);
}

void Host::send(Link& link, std::uint32_t tag, Command& command) {
  if (command.write) {
    send_write(link, tag, command);
  } else {
    send_read(link, tag, command);
  }
}

void Host::send_read(Link& link, std::uint32_t tag, Command& command) {
  command.cid = link.cid;
  pdu::ScsiCommand request;
  request.flags = static_cast<std::uint8_t>(0xc0 | static_cast<std::uint8_t>(command.attribute));
  request.lun[1] = command.lun;
  request.initiator_task_tag = tag;
  request.expected_data_transfer_length = static_cast<std::uint32_t>(command.data.size());
  request.cmd_sn = command.cmd_sn;
  request.exp_stat_sn = expects(link);
  request.cdb[0] = 0x28;
  set_lba(request.cdb, command.lba, command.blocks);
  link.wire->send(request);
}

void Host::send_write(Link& link, std::uint32_t tag, Command& command) {
  command.cid = link.cid;
  const auto length = static_cast<std::uint32_t>(command.data.size());
  const std::uint32_t burst = std::min(length, small_bursts_ ? 4096u : 65536u);
  const std::uint32_t immediate = std::min({burst, kSegment, static_cast<std::uint32_t>(choose(3)) * 2048});
  const bool unsolicited = immediate < burst && choose(3) == 0;
  pdu::ScsiCommand request;
  request.flags = static_cast<std::uint8_t>((unsolicited ? 0x20 : 0xa0) | static_cast<std::uint8_t>(command.attribute));
  request.lun[1] = command.lun;
  request.initiator_task_tag = tag;
  request.expected_data_transfer_length = length;
  request.cmd_sn = command.cmd_sn;
  request.exp_stat_sn = expects(link);
  request.cdb[0] = 0x2a;
  set_lba(request.cdb, command.lba, command.blocks);
  // A command that is rejected has to be sent again, which needs level 1 (RFC 7143 7.2.1).
  const auto damage = level_ == 0 ? StrictInitiator::Spoil::kNothing : spoil(link, immediate != 0);
  command.absent = damage != StrictInitiator::Spoil::kNothing;
  link.wire->send(request, std::span(command.data).first(immediate), {}, damage);
  if (unsolicited) send_unsolicited(link, tag, command, immediate, burst);
}

void Host::send_unsolicited(Link& link, std::uint32_t tag, Command& command, std::uint32_t from, std::uint32_t to) {
  pdu::DataOut request;
  request.initiator_task_tag = tag;
  request.target_transfer_tag = pdu::kReservedTag;
  request.lun[1] = command.lun;
  for (std::uint32_t sn = 0; from < to; ++sn) {
    const std::uint32_t size = std::min(to - from, kSegment);
    const bool last_first = any_order_ && choose(2) != 0;
    request.flags = from + size == to ? 0x80 : 0;
    request.exp_stat_sn = expects(link);
    request.data_sn = sn;
    request.buffer_offset = last_first ? to - size : from;
    const auto damage = spoil(link, true);
    command.spoiled = command.spoiled || damage != StrictInitiator::Spoil::kNothing;
    link.wire->send(request, std::span(command.data).subspan(request.buffer_offset, size), {}, damage);
    if (last_first) {
      to -= size;
    } else {
      from += size;
    }
  }
}

void Host::answer_r2t() {
  std::vector<Link*> asked = live();
  std::erase_if(asked, [](const Link* link) { return link->wire->r2ts.empty(); });
  if (asked.empty()) return;
  Link& link = *asked[choose(asked.size())];
  auto& r2ts = link.wire->r2ts;
  const auto at = r2ts.begin() + static_cast<std::ptrdiff_t>(any_order_ ? choose(r2ts.size()) : 0);
  StrictInitiator::R2t& r2t = *at;
  const auto found = commands_.find(r2t.initiator_task_tag);
  if (found == commands_.end()) {  // aborted meanwhile
    r2ts.erase(at);
    return;
  }
  pdu::DataOut request;
  request.initiator_task_tag = r2t.initiator_task_tag;
  request.target_transfer_tag = r2t.target_transfer_tag;
  request.lun[1] = found->second.lun;
  std::uint64_t pdus = 1 + choose(4);
  while (r2t.length != 0 && pdus-- != 0) {
    const std::uint32_t size = std::min(r2t.length, kSegment);
    const bool last_first = any_order_ && choose(2) != 0;
    request.flags = size == r2t.length ? 0x80 : 0;
    request.exp_stat_sn = expects(link);
    request.data_sn = r2t.data_sn++;
    request.buffer_offset = last_first ? r2t.offset + r2t.length - size : r2t.offset;
    const auto damage = spoil(link, true);
    found->second.spoiled = found->second.spoiled || damage != StrictInitiator::Spoil::kNothing;
    link.wire->send(request, std::span(found->second.data).subspan(request.buffer_offset, size), {}, damage);
    if (!last_first) r2t.offset += size;
    r2t.length -= size;
  }
  if (r2t.length == 0) r2ts.erase(at);
}

void Host::verify(std::uint8_t lun, std::uint32_t lba, std::uint32_t blocks) {
  for (int tries = 0; tries < 20; ++tries) {  // unit attentions and injected errors first
    const std::uint32_t tag = next_tag_++;
    Command& command = commands_[tag];
    command.lun = lun;
    command.sent_at = ++shared_.clock;
    command.cmd_sn = cmd_sn_++;
    command.lba = lba;
    command.blocks = blocks;
    command.data.resize(std::size_t{blocks} * medium(command).block_size());
    command.id = medium(command).read_begins(lba, blocks);
    const std::uint64_t before = counts_.good;
    send_read(any_open(), tag, command);
    for (int second = 0; second < 20 && commands_.count(tag) != 0; ++second) {
      if (second != 0) shared_.world.advance(std::chrono::seconds(1));  // a rule may hold it up
      shared_.settle();
    }
    if (counts_.good != before) return;
  }
  BROKEN("a unit at rest does not answer a READ");
}

}  // namespace sim
