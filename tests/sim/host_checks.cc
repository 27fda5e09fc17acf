// What the answers of commands must be: residuals, sense data, their order, unit attentions.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tests/sim/host.h"
#include "tests/support/require.h"

namespace sim {

namespace pdu = hal::iscsi;

namespace {

enum Key : std::uint8_t { kMediumError = 3, kIllegalRequest = 5, kUnitAttention = 6, kAbortedCommand = 0xb };
constexpr std::uint16_t kInjected = 0x2900;  // by the operator; of one command, nothing is established
constexpr std::uint16_t kNoSuchUnit = 0x2500, kWriteError = 0x0c00, kReadError = 0x1100, kCrcError = 0x4705;

std::uint8_t byte_at(const std::vector<std::byte>& sense, std::size_t place) {
  return static_cast<std::uint8_t>(sense[place + 2]);  // behind SenseLength
}

bool take(std::uint32_t& budget) {
  if (budget == 0) return false;
  --budget;
  return true;
}

}  // namespace

// RFC 7143 11.4.5.1: what was expected against what the command moved.
void Host::check_residual(const Command& command, const Answer& answer) const {
  const std::uint64_t expected = command.data.size();
  const std::uint64_t wanted = std::uint64_t{command.blocks} * shared_.media[command.lun].block_size();
  const bool over = (answer.flags & pdu::ScsiResponse::kOverflow) != 0;
  const bool under = (answer.flags & pdu::ScsiResponse::kUnderflow) != 0;
  if (answer.status == 0) {
    REQUIRE(over == (wanted > expected) && under == (wanted < expected));
    REQUIRE(answer.residual == (over ? wanted - expected : expected - wanted));
  } else if (answer.status == 2 && !over) {  // that many bytes less were moved
    REQUIRE(answer.residual <= expected && under == (answer.residual != 0));
  }
}

// Only what somebody had caused may be told.
std::uint16_t Host::check_sense(const Command& command, const Answer& answer) {
  if (answer.status != 2) return 0;
  const std::vector<std::byte>& sense = answer.sense;
  REQUIRE(sense.size() >= 2 + 14 && (byte_at(sense, 0) & 0x7f) == 0x70);
  const std::uint8_t key = byte_at(sense, 2) & 0x0f;
  const auto code = static_cast<std::uint16_t>(byte_at(sense, 12) << 8 | byte_at(sense, 13));
  Injected& injected = shared_.injected;
  bool known = false;
  switch (key) {
    case kMediumError: {
      const std::uint32_t information = static_cast<std::uint32_t>(byte_at(sense, 3)) << 24 | byte_at(sense, 4) << 16 |
                                        byte_at(sense, 5) << 8 | byte_at(sense, 6);
      known = code == (command.write ? kWriteError : kReadError) && (byte_at(sense, 0) & 0x80) != 0 &&
              information == command.lba && take(injected.medium_errors[command.lun]);
      break;
    }
    case kIllegalRequest:
      known = code == kNoSuchUnit && command.lun == 1;
      break;
    case kUnitAttention:
      known = code == kInjected ? take(injected.attentions[command.lun])
                                : attentions_.told(command.lun, code, ++shared_.clock);
      break;
    case kAbortedCommand:
      known =
          (code == 0 && take(injected.aborts[command.lun])) || (code == kCrcError && command.spoiled && level_ == 0);
      break;
    default:
      break;
  }
  if (!known)
    BROKEN(fmt::format("sense {:x}/{:04x} for a {} of LUN {}", key, code, command.write ? "write" : "read", command.lun)
               .c_str());
  return code;
}

// SAM-5 8: what was older than an ORDERED command was over before that began, as was that itself before what is newer.
std::set<MediumOracle::Stamp> Host::writes_before(const Command& command) const {
  std::set<MediumOracle::Stamp> all;
  const auto add = [&](std::uint32_t tag) {
    const auto past = past_.find(tag);
    if (past != past_.end() && past->second.write) all.insert(past->second.id);
  };
  if (command.attribute == Attribute::kHeadOfQueue) return all;
  for (const std::uint32_t tag : command.older) {
    if (command.attribute == Attribute::kOrdered) add(tag);
    const auto past = past_.find(tag);
    if (past == past_.end() || !past->second.ordered) continue;
    add(tag);
    for (const std::uint32_t before : past->second.older) add(before);
  }
  return all;
}

// Not where an answer may be missing.
void Host::check_order(const Over& over) const {
  if (level_ != 0 || dark() || over.command.attribute == Attribute::kHeadOfQueue) return;
  for (const std::uint32_t tag : over.command.older) {
    const auto found = commands_.find(tag);
    if (found == commands_.end() || found->second.may_vanish || found->second.spoiled) continue;
    const bool ordered = found->second.attribute == Attribute::kOrdered;
    if (!ordered && over.command.attribute != Attribute::kOrdered) continue;
    BROKEN(fmt::format("command {} is answered before {}, against their task attributes", over.tag, tag).c_str());
  }
}

// Only when nothing is under way that may have been told instead.
void Host::check_attention(const Over& over) {
  const std::uint8_t lun = over.command.lun;
  const bool other =
      std::any_of(commands_.begin(), commands_.end(), [&](const auto& one) { return one.second.lun == lun; });
  if (other || dark()) return;
  if (attentions_.kept_silent(lun, over.command.sent_at)) BROKEN("a unit attention condition was not told");
  attentions_.served(lun);
}

// All that was answered in this round, and all that was ended without an answer, is known by now.
void Host::judge() {
  for (auto at = commands_.begin(); at != commands_.end();) {
    const auto one = at++;
    Command& command = one->second;
    if (command.received_at == 0 && received(command)) command.received_at = shared_.arrived;
    if (command.aborted) forget(one);
  }
  std::vector<std::uint16_t> codes;
  for (const Over& over : over_) codes.push_back(check_sense(over.command, over.answer));
  for (std::size_t i = 0; i < over_.size(); ++i) {
    const Over& over = over_[i];
    // No unit had a part in it where there is none, nor where data did not arrive: that ends a task where it waits.
    const bool elsewhere = codes[i] == kNoSuchUnit || codes[i] == kCrcError;
    const bool by_unit = over.answer.status == 0 || (over.answer.status == 2 && !elsewhere);
    if (!by_unit) continue;
    check_order(over);
    if (over.answer.status == 0) check_attention(over);
  }
  over_.clear();
  for (auto at = commands_.begin(); at != commands_.end();) {
    const auto one = at++;
    if (!std::exchange(one->second.unknown, false) || being_aborted(one->first)) continue;
    REQUIRE(one->second.may_vanish);  // somebody must have ended it
    forget(one);
  }
}

}  // namespace sim
