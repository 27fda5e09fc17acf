// PDUs that are damaged on their way, in both directions, and asked for again (RFC 7143 7.8, 7.9, 11.16).
#include <algorithm>
#include <utility>

#include "tests/sim/host.h"
#include "tests/support/require.h"

namespace sim {

namespace pdu = hal::iscsi;
using Spoil = StrictInitiator::Spoil;

namespace {

enum SnackType : std::uint8_t { kData = 0, kStatus = 1, kDataAck = 2 };

}  // namespace

// Where the sequence of statuses must go on, nothing is lost: a login, a logout, what moves an allegiance.
bool Host::loses(const Link& link, const pdu::BasicHeader& header) {
  const auto opcode = static_cast<pdu::Opcode>(header.opcode);
  if (!shared_.damage || opcode == pdu::Opcode::kLoginResponse || opcode == pdu::Opcode::kLogoutResponse) return false;
  if (opcode == pdu::Opcode::kNopIn && header.initiator_task_tag == pdu::kReservedTag) return false;
  const auto function = functions_.find(header.initiator_task_tag);
  if (opcode == pdu::Opcode::kTaskManagementResponse && function != functions_.end() &&
      function->second.function == kReassign) {
    return false;
  }
  const bool damaged = !link.closing && choose(20) == 0;
  counts_.damaged += damaged;
  return damaged;
}

Spoil Host::spoil(const Link& link, bool data) {
  if (!shared_.damage) return Spoil::kNothing;
  const bool header = link.wire->header_digest() && choose(100) == 0;
  const bool body = data && link.wire->data_digest() && choose(12) == 0;
  counts_.damaged += header || body;
  return header ? Spoil::kHeaderDigest : body ? Spoil::kDataDigest : Spoil::kNothing;
}

void Host::rejected(Link& link, const pdu::Reject& reject, std::span<const std::byte> data) {
  pdu::BasicHeader header;
  REQUIRE(data.size() == sizeof header);
  std::copy(data.begin(), data.end(), std::as_writable_bytes(std::span(&header, 1)).begin());
  const auto opcode = pdu::OpcodeBits::get(header.opcode);
  const auto found = commands_.find(header.initiator_task_tag);
  const bool damaged = static_cast<pdu::RejectReason>(reject.reason) == pdu::RejectReason::kDataDigestError;
  if (damaged && opcode == pdu::Opcode::kScsiCommand) {
    REQUIRE(level_ != 0);
    if (found == commands_.end()) return;
    found->second.sent_at = ++shared_.clock;
    ++counts_.sent_again;
    send(link, found->first, found->second);
  } else if (damaged && opcode == pdu::Opcode::kDataOut) {
    REQUIRE(found == commands_.end() || found->second.spoiled);
  } else if (opcode == pdu::Opcode::kSnackRequest && header.initiator_task_tag != pdu::kReservedTag) {
    if (found == commands_.end()) return;
    std::uint32_t& vain = found->second.vain;
    found->second.unknown = vain == 0;
    vain -= std::min(vain, 1u);
  } else if (static_cast<pdu::RejectReason>(reject.reason) == pdu::RejectReason::kInvalidDataAck) {
    // Its read was ended by others while the acknowledgement was on its way.
    const auto read = commands_.find(reinterpret_cast<const pdu::SnackRequest&>(header).target_transfer_tag);
    if (read != commands_.end()) read->second.unknown = true;
  } else {
    BROKEN("a PDU of a host that behaves was rejected");
  }
}

void Host::snack(Link& link, std::uint8_t type, std::uint32_t tag, std::uint32_t first, std::uint32_t count) {
  pdu::SnackRequest request;
  request.flags = static_cast<std::uint8_t>(0x80 | type);
  request.initiator_task_tag = type == kData ? tag : pdu::kReservedTag;
  request.target_transfer_tag = type == kDataAck ? tag : pdu::kReservedTag;
  if (type == kDataAck) request.lun[1] = commands_.at(tag).lun;
  request.exp_stat_sn = expects(link);
  request.beg_run = first;
  request.run_length = count;
  if (type == kData) commands_.at(tag).vain += commands_.at(tag).absent;
  ++counts_.snacks;
  link.wire->send(request);
}

// Not while something before it is missing (RFC 7143 11.16.1).
void Host::acknowledge_data(Link& link, std::uint32_t tag, Command& command) {
  if (command.come.missing(command.come.end()).count != 0) return;
  command.acknowledged = command.come.next();
  snack(link, kDataAck, tag, command.acknowledged, 0);
}

void Host::heal() {
  if (level_ == 0) return;
  for (Link* const link : live()) {
    if (link->wire->cut || link->closing) continue;
    ask_again(*link);
    give_up_swept(*link);
  }
}

// By the numbers where they are known, else for all that was sent and is not acknowledged.
void Host::ask_again(Link& link) {
  const StrictInitiator::Missing missing = link.wire->missing_statuses();
  if (missing.count != 0 && choose(3) != 0) {
    snack(link, kStatus, 0, missing.first, missing.count);
  } else {
    snack(link, kStatus, 0, 0, 0);
  }
  for (auto& [tag, command] : commands_) {
    if (command.cid != link.cid) continue;
    const DataInLog::Run run = command.come.missing(command.answer ? command.answer->exp_data_sn : command.come.end());
    if (!command.write && run.count != 0) {
      snack(link, kData, tag, run.first, run.count);
    } else if (choose(2) == 0) {
      snack(link, kData, tag, 0, 0);
    }
  }
}

// A function has ended them, unless their answers were damaged: then those come now.
void Host::give_up_swept(Link& link) {
  const auto waits = [&](const auto& one) {
    return one.second.cid == link.cid && one.second.swept && !one.second.answer;
  };
  if (std::none_of(commands_.begin(), commands_.end(), waits)) return;
  const bool damage = std::exchange(shared_.damage, false);
  const std::uint16_t cid = link.cid;
  std::vector<std::uint32_t> tags;
  for (const auto& one : commands_) {
    if (waits(one)) tags.push_back(one.first);
  }
  snack(link, kStatus, 0, 0, 0);
  shared_.settle();
  shared_.damage = damage;
  for (const std::uint32_t tag : tags) {
    const auto found = commands_.find(tag);
    if (found != commands_.end() && found->second.swept && !found->second.answer && find(cid) != nullptr &&
        is_live(*find(cid))) {
      forget(found);
    }
  }
}

}  // namespace sim
