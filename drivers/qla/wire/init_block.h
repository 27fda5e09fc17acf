// Blocks of memory that start the firmware.
#pragma once

#include "drivers/qla/wire/entry.h"

namespace qla::wire {

struct InitBlock {
  le16 version;
  le16 reserved2;
  le16 frame_size;
  le16 execution_throttle;
  le16 exchange_count;
  le16 hard_address;
  Bytes8 port_name, node_name;
  le16 response_in, request_out;  // initial indices
  le16 login_retry;
  le16 priority_out;
  le16 response_length, request_length;  // entries
  le16 link_down_on_nos;                 // ms
  le16 priority_length;
  le64 request_address, response_address, priority_address;
  le16 response_vector, atio_vector;
  le32 reserved72;
  le16 atio_in, atio_length;
  le64 atio_address;
  le16 interrupt_delay;  // 100 us
  le16 login_timeout;    // s
  le32 options1, options2, options3;
  le16 quality_of_service, rid;
  Bytes<20> reserved108;

  using HardAddress = base::Flag<std::uint32_t, 0>;  // options 1
  using TargetMode = base::Flag<std::uint32_t, 4>;
  using NoInitiatorMode = base::Flag<std::uint32_t, 5>;
  using FullLoginOnLip = base::Flag<std::uint32_t, 13>;
  using NodeName = base::Flag<std::uint32_t, 14>;
  using Connection = base::Bits<std::uint32_t, 6, 4>;  // options 2: 0 loop, 1 point-to-point, 2 loop, else the other
  using FcTape = base::Flag<std::uint32_t, 12>;
  using PrliControl = base::Flag<std::uint32_t, 14>;
  using MsixHandshake = base::Flag<std::uint32_t, 22>;
  using MultiQueue = base::Flag<std::uint32_t, 23>;
  using ResponseShadow = base::Flag<std::uint32_t, 29>;
  using RequestShadow = base::Flag<std::uint32_t, 30>;
  using NoAutoPlogi = base::Flag<std::uint32_t, 7>;  // options 3: on a loop
  using DataRate = base::Bits<std::uint32_t, 15, 13>;
};
struct MultiIdEntry {
  le16 reserved0;
  std::uint8_t options;
  std::uint8_t hard_address;
  Bytes8 port_name, node_name;

  using Enable = base::Flag8<3>;
  using Initiator = base::Flag8<4>;
  using NoTarget = base::Flag8<5>;
};
struct MultiIdBlock {  // entries follow; the first is the physical port
  InitBlock init;
  le16 count;  // of virtual ports
  le16 options;
};
static_assert(sizeof(InitBlock) == 128 && sizeof(MultiIdEntry) == 20 && sizeof(MultiIdBlock) == 132);

}  // namespace qla::wire
