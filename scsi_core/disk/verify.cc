// VERIFY and WRITE AND VERIFY (10), (12), (16): read the medium back and compare it with what the initiator sent.
//
// Buffers: the initiator's data first, the medium's behind it.
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/buffers.h"
#include "scsi_core/disk/commands.h"

namespace scsi::disk {
namespace {

// BYTCHK (SBC-4 5.34): 10b is reserved; with WRITE AND VERIFY, 11b too.
constexpr std::uint8_t kMediumOnly = 0, kCompareAll = 1, kCompareEach = 3;

Outcome miscompare(std::uint64_t offset) { return Outcome::check(kMiscompareDuringVerify, offset); }

// Sets up the access; false: the command has been ended.
bool begin(Command& c) {
  const DiskServer& disk = server(c);
  Access& a = access(c);
  a.check = cdb::BytChk::get(flags(c));
  if (!admit(c, disk.limits().transfer)) return false;
  a.offset = c.core.extent.lba << c.core.lu->block_shift();
  a.length = c.core.extent.blocks << c.core.lu->block_shift();
  a.stable = disk.volatile_cache();
  return true;
}

// --- VERIFY ---

void verify_part(Command& c);

void verified(Command& c) {
  c.core.done += access(c).part;
  if (left(c) == 0) return finish(c);
  verify_part(c);
}

void medium_read(Command& c) {
  if (!store_ok(c)) return;
  const Access& a = access(c);
  if (a.check == kCompareAll) {
    const std::uint64_t at = first_difference(c, 0, a.part, a.part);
    if (at != a.part) return finish(c, miscompare(c.core.done + at));
  }
  for (std::uint64_t block = 0; a.check == kCompareEach && block < a.part; block += block_size(c)) {
    const std::uint64_t at = first_difference(c, 0, block_size(c) + block, block_size(c));
    if (at != block_size(c)) return finish(c, miscompare(at));
  }
  verified(c);
}

// Bytes of the initiator's data that lie before the medium's in the buffers.
std::uint64_t medium_at(Command& c) {
  const Access& a = access(c);
  return a.check == kCompareAll ? a.part : a.check == kCompareEach ? block_size(c) : 0;
}

void read_medium(Command& c) {
  const Access& a = access(c);
  store(c, StoreOp::kRead, a.offset + c.core.done, a.part, a.stable, &medium_read, medium_at(c));
}

void verify_part(Command& c) {
  Access& a = access(c);
  a.part = std::min(left(c), kPart / 2);
  if (a.check == kCompareAll) return receive(c, c.core.done, a.part, &read_medium);
  read_medium(c);
}

void first_part(Command& c) {
  Access& a = access(c);
  if (a.check != kCompareEach) return verify_part(c);
  a.part = std::min(left(c), kPart / 2);
  receive(c, 0, block_size(c), &read_medium);
}

// --- WRITE AND VERIFY ---

void write_part(Command& c);

void read_back(Command& c) {
  if (!store_ok(c)) return;
  const Access& a = access(c);
  if (a.check == kCompareAll) {
    const std::uint64_t at = first_difference(c, 0, a.part, a.part);
    if (at != a.part) return finish(c, miscompare(c.core.done + at));
  }
  c.core.done += a.part;
  if (left(c) == 0) return finish(c);
  write_part(c);
}

void written(Command& c) {
  if (!store_ok(c)) return;
  const Access& a = access(c);
  store(c, StoreOp::kRead, a.offset + c.core.done, a.part, a.stable, &read_back, a.part);
}

void received(Command& c) {
  const Access& a = access(c);
  store(c, StoreOp::kWrite, a.offset + c.core.done, a.part, a.stable, &written);
}

void write_part(Command& c) {
  Access& a = access(c);
  a.part = std::min(left(c), kPart / 2);
  receive(c, c.core.done, a.part, &received);
}

}  // namespace

void verify(Command& c) {
  Access& a = access(c);
  if (cdb::BytChk::get(flags(c)) == 2) return finish(c, Outcome::invalid_cdb_field(1, cdb::BytChk::kHi));
  if (!begin(c)) return;
  const std::uint64_t part = std::min(a.length, kPart / 2);
  c.core.length = a.check == kMediumOnly ? 0 : a.check == kCompareAll ? a.length : std::min(a.length, block_size(c));
  if (!all_data_announced(c)) return;
  if (a.length == 0) return finish(c);
  const std::uint64_t data = a.check == kMediumOnly ? 0 : a.check == kCompareAll ? part : block_size(c);
  take_buffers(c, data + part, &first_part);
}

// Writes as WRITE does when fewer bytes come than the CDB asks for: whole blocks of what comes.
void write_and_verify(Command& c) {
  Access& a = access(c);
  if (cdb::BytChk::get(flags(c)) >= 2) return finish(c, Outcome::invalid_cdb_field(1, cdb::BytChk::kHi));
  if (!begin(c)) return;
  c.core.length = a.length;
  a.length = transferable(c);
  if (a.length != c.core.length && (a.length % block_size(c) != 0 || c.direction == DataDirection::kIn)) {
    return finish(c, Outcome::check(kInvalidFieldInCommandInformationUnit));
  }
  if (a.length == 0) return finish(c);
  take_buffers(c, 2 * std::min(a.length, kPart / 2), &write_part);
}

}  // namespace scsi::disk
