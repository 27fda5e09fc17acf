// Transfers of protected blocks by a port that makes, checks and removes protection information itself.
#include "scsi_core/disk/protected.h"

namespace scsi::disk {
namespace {

using hal::ProtectionTransfer;

ProtectedMove move_of(Command& c) {
  const Protected& p = protected_access(c);
  return {.offset = on_wire(c, c.core.done),
          .length = on_wire(c, p.part),
          .data_at = 0,
          .data_length = p.part,
          .information_at = p.room,
          .information_length = blocks_in(c, p.part) * kProtectionBytes};
}

ProtectionTransfer transfer_of(Command& c, ProtectionTransfer::Mode alone, Checks checks) {
  const Protected& p = protected_access(c);
  const auto before = static_cast<std::uint32_t>(blocks_in(c, c.core.done));
  ProtectionTransfer transfer;
  transfer.mode = p.code == 0 ? alone : ProtectionTransfer::Mode::kPass;
  transfer.check_guard = checks.guard;
  transfer.check_application = checks.application && p.expected.application_tag_mask != 0;
  transfer.check_reference = checks.reference && p.expected.reference_tag.has_value();
  transfer.counts = p.expected.reference_tag.has_value();
  transfer.escape_is_of_both = p.expected.type == 3;
  transfer.application_tag = p.expected.application_tag;
  transfer.application_tag_mask = p.expected.application_tag_mask;
  transfer.reference_tag = p.expected.reference_tag.value_or(0) + before;
  transfer.block_size = static_cast<std::uint32_t>(block_size(c));
  transfer.lba = p.lba + before;
  return transfer;
}

}  // namespace

bool offloaded(Command& c, std::uint64_t bytes) {
  return c.nexus->port.offloads_protection() && bytes % protected_access(c).wire_block == 0;
}

void send_part(Command& c, Step then) {
  const Protected& p = protected_access(c);
  const ProtectedMove move = move_of(c);
  const ProtectionTransfer transfer = transfer_of(c, ProtectionTransfer::Mode::kStrip, checks_of_medium(p.code));
  c.core.done += p.part;
  if (left(c) == 0) return send_last_protected(c, move, transfer);
  send_protected(c, move, transfer, then);
}

// What is inserted is what generated() would make.
void receive_part(Command& c, Step then) {
  const Protected& p = protected_access(c);
  ProtectionTransfer transfer = transfer_of(c, ProtectionTransfer::Mode::kInsert, checks_of_data_out(p.code));
  if (p.code == 0) {
    const ProtectionTuple first = generated(0, p.expected.type, p.owned, transfer.lba);
    transfer.application_tag = first.application;
    transfer.reference_tag = first.reference;
    transfer.counts = p.expected.type == 1;
  }
  receive_protected(c, move_of(c), transfer, then);
}

}  // namespace scsi::disk
