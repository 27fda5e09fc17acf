// Blocks of memory that tell of ports and of the link.
#pragma once

#include "drivers/qla/wire/entry.h"

namespace qla::wire {

struct PortDatabase {
  le16 flags;
  std::uint8_t current_state, last_state;  // low nibble FCP, high NVMe
  Bytes<3> hard_address;
  std::uint8_t reserved7;
  be24 port_id;  // domain first
  std::uint8_t sequence_id;
  le16 port_timer;
  le16 nport;
  le16 receive_size;
  le16 reserved18;
  le16 prli_word0, prli_word3;  // low halves; Linux calls them big-endian, and tests the bits as if they were not
  Bytes8 port_name, node_name;  // wire order
  Bytes<24> reserved40;
};
struct NameListEntry {  // name list with all data: as PortDatabase, but port id and names are the other way round
  le16 flags;
  std::uint8_t current_state, last_state;
  Bytes<3> hard_address;
  std::uint8_t reserved7;
  le24 port_id;
  std::uint8_t sequence_id;
  le16 port_timer;
  le16 nport;
  le16 receive_size;
  le16 reserved18;
  le16 prli_word0, prli_word3;
  le64 port_name, node_name;
};
struct NameListShort {
  le64 name;
  le16 nport;
};
struct IdListEntry {
  le24 port_id;
  std::uint8_t reserved3;
  le16 nport;
  le16 reserved6;
};
static_assert(sizeof(PortDatabase) == 64 && sizeof(NameListEntry) == 40 && sizeof(NameListShort) == 10);
static_assert(sizeof(IdListEntry) == 8);
enum class LoginState : std::uint8_t {
  kNone = 0x0,
  kPlogiPending = 0x3,
  kPlogiDone = 0x4,
  kPrliPending = 0x5,
  kPrliDone = 0x6,
  kUnavailable = 0x7,
  kPrloPending = 0x9,
  kLogoPending = 0xB,
};

struct LinkStatistics {
  le32 link_failures, loss_of_sync, loss_of_signal, primitive_errors, invalid_words, invalid_crc, lip_count;
  le32 link_ups, link_down_timeouts, link_down_los, link_down_clock;
  Bytes<20> reserved44;
  le32 port_configuration_changes;
  Bytes<44> reserved68;
  le32 response_queue_full, atio_queue_full, dropped_events, els_errors, reserved128;
  le32 transmitted_frames, received_frames, discarded_frames, dropped_frames, reserved148, nos_received;
  Bytes<16> reserved156;
  le32 transmitted_p_rjt, receive_exchange_failures, received_abts, missing_frames, corrected_errors;
  le32 mailbox_requests, nport_full, eofa, reserved204;
  le64 received_words, discarded_words, transmitted_words;
  Bytes<280> reserved232;
};
static_assert(sizeof(LinkStatistics) == 512);

}  // namespace qla::wire
