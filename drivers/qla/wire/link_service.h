// Entries that are no commands: CT and ELS, logins, mailbox commands by queue.
#pragma once

#include "drivers/qla/wire/entry.h"

namespace qla::wire {

struct CtPassThrough {
  EntryHead head;
  le16 completion;
  le16 nport;
  le16 command_segments;
  std::uint8_t vp;
  std::uint8_t reserved15;
  le16 timeout;  // s
  le16 reserved18;
  le16 response_segments;
  Bytes<10> reserved22;
  le32 response_bytes;
  le32 command_bytes;
  std::array<DataSegment, 2> segments;  // command, then response; more in continuations
};
struct ElsPassThrough {
  EntryHead head;
  le16 completion;
  le16 nport;
  le16 transmit_segments;
  std::uint8_t vp;
  std::uint8_t sof;  // high nibble: 1 SOFi3
  le32 exchange;     // of the request that this answers
  le16 receive_segments;
  std::uint8_t opcode;
  std::uint8_t reserved23;
  le24 d_id;
  Bytes<3> s_id;  // domain, al_pa, area
  le16 flags;
  le32 receive_bytes;
  le32 transmit_bytes;
  DataSegment transmit;
  DataSegment receive;

  using Payload = base::Bits<std::uint16_t, 15, 13>;  // 0 request, 1 accept, 2 reject, 3 end the exchange
  using ClearPending = base::Flag<std::uint16_t, 12>;
};
struct ElsStatus {
  EntryHead head;
  le16 completion;
  le16 nport;
  le16 reserved12;
  std::uint8_t vp;
  std::uint8_t sof;
  le32 exchange;
  le16 reserved20;
  std::uint8_t opcode;
  std::uint8_t reserved23;
  le24 d_id;
  Bytes<3> s_id;
  le16 flags;
  le32 total_bytes;
  le32 subcode1, subcode2, subcode3;
  Bytes<16> reserved48;
};
struct LogIo {
  EntryHead head;
  le16 completion;
  le16 nport;
  le16 flags;
  std::uint8_t vp;
  std::uint8_t reserved15;
  le24 port_id;
  std::uint8_t response_size;  // dwords
  std::array<le32, 11> io;

  using Operation = base::Bits<std::uint16_t, 3, 0>;
  using Conditional = base::Flag<std::uint16_t, 4>;     // PLOGI: only if not logged in
  using Implicit = base::Flag<std::uint16_t, 4>;        // LOGO, PRLO: no frame
  using SkipPrli = base::Flag<std::uint16_t, 5>;        // PLOGI
  using ImplicitAll = base::Flag<std::uint16_t, 5>;     // LOGO: all ports
  using Explicit = base::Flag<std::uint16_t, 6>;        // LOGO: with a frame
  using FreeHandle = base::Flag<std::uint16_t, 7>;      // LOGO: the handle ends too
  using CommonFeatures = base::Flag<std::uint16_t, 7>;  // PLOGI
  using Class2 = base::Flag<std::uint16_t, 8>;
  using Fcp2Override = base::Flag<std::uint16_t, 9>;
  using WithNameServer = base::Flag<std::uint16_t, 10>;  // LOGO
};
constexpr std::uint16_t kLogPlogi = 0, kLogPrli = 1, kLogPdisc = 2, kLogAdisc = 3, kLogLogo = 8, kLogPrlo = 9,
                        kLogTprlo = 10;
// io[0] of a LogIo that came back with Completion::kIocbError.
enum class LogIoError : std::uint32_t {
  kNoLink = 0x01,
  kNoIocb = 0x02,
  kNoExchange = 0x03,
  kFailed = 0x04,
  kNoFabric = 0x05,
  kFirmwareNotReady = 0x07,
  kNotLoggedIn = 0x09,
  kNoControlBlock = 0x0A,
  kRejected = 0x18,
  kBadParameter = 0x19,
  kPortIdUsed = 0x1A,  // io[1]: the handle that has it
  kHandleUsed = 0x1B,  // io[1]: the port id that has it
  kNoSuchPort = 0x1C,
  kLoggedIn = 0x1D,
  kNoFlogi = 0x1F,
};
struct MailboxEntry {
  EntryHead head;
  std::array<le16, 28> mailbox;
};
static_assert(sizeof(CtPassThrough) == kEntryBytes && sizeof(ElsPassThrough) == kEntryBytes);
static_assert(sizeof(ElsStatus) == kEntryBytes && sizeof(LogIo) == kEntryBytes && sizeof(MailboxEntry) == kEntryBytes);

}  // namespace qla::wire
