// What a port counts: work, and everything that the adapter said and should not have.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace qla {

enum class Count : std::uint8_t {
  kCommands,
  kDoorbells,
  kBusyAnswers,
  kFullAnswers,
  kTerminated,
  kAborts,
  kAbortsUnknown,
  kLinkServices,
  kLinkServicesRefused,
  kInterrupts,
  kEvents,
  kRecoveries,
  kRequestRingFull,
  kLateTransfers,
  kFailedTransfers,
  kProtectionFaults,
  kStrayAnswers,
  // Wrong, and answered by ignoring it.
  kWrongAtio,
  kWrongEntryType,
  kRefusedEntries,
  kWrongHandle,
  kRepeatedAnswer,
  kWrongExchange,
  kWrongLength,
  kWrongIndex,
  kWrongMailboxAnswer,
  kWrongEvent,
  kCount,
};

constexpr std::size_t kCounts = static_cast<std::size_t>(Count::kCount);
constexpr std::array<const char*, kCounts> kCountNames = {
    "commands",
    "doorbells",
    "busy_answers",
    "full_answers",
    "terminated",
    "aborts",
    "aborts_unknown",
    "link_services",
    "services_refused",
    "interrupts",
    "events",
    "recoveries",
    "request_ring_full",
    "late_transfers",
    "failed_transfers",
    "protection_faults",
    "stray_answers",
    "wrong_atio",
    "wrong_entry_type",
    "refused_entries",
    "wrong_handle",
    "repeated_answer",
    "wrong_exchange",
    "wrong_length",
    "wrong_index",
    "wrong_mailbox_answer",
    "wrong_event",
};

class Counters {
 public:
  std::uint64_t& operator[](Count count) { return values_[static_cast<std::size_t>(count)]; }
  std::uint64_t operator[](Count count) const { return values_[static_cast<std::size_t>(count)]; }

 private:
  std::array<std::uint64_t, kCounts> values_{};
};

}  // namespace qla
