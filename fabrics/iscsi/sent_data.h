// The Data-In PDUs of one task that the initiator has not acknowledged (error recovery levels 1 and 2).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "fabrics/iscsi/pdu.h"
#include "hal/port/datamover.h"

namespace iscsi {

// Keeps a copy of what was read: the buffers that it came from are let go once the bytes are sent, and reading anew
// would show what others wrote meanwhile. (RFC 7143 7.2.2 and 11.16 leave this choice; exact replicas are asked for.)
class SentData {
 public:
  SentData() = default;
  ~SentData();
  SentData(const SentData&) = delete;
  SentData& operator=(const SentData&) = delete;

  // What is given to put_data next; its first PDU has the number `data_sn`. The copy to be sent stays in place until
  // delivered() and longer. Empty: no memory; this data cannot be sent again.
  std::span<const hal::DmaSpan> add(const hal::DataIn& data, std::uint32_t data_sn, const hal::DatamoverKeys& keys);
  void delivered();  // the oldest put_data that was unanswered is answered
  bool leaving() const { return unanswered_ != 0; }
  void cannot_keep() { incomplete_ = true; }
  bool incomplete() const { return incomplete_; }

  std::uint32_t acknowledged() const { return acknowledged_; }  // the data acknowledgement reference number (11.5.6)
  std::size_t bytes() const { return bytes_; }
  std::uint32_t newest_count() const { return puts_.back().count; }  // PDUs of the last add()
  // All before `data_sn` has come.
  void acknowledge(std::uint32_t data_sn);
  // Numbers what is not acknowledged anew, for other PDU lengths (11.16.3); the number after the last.
  std::uint32_t resegment(const hal::DatamoverKeys& keys);
  // Some PDU of [first, last) is longer than the initiator takes by now.
  bool too_long(std::uint32_t first, std::uint32_t last, std::uint32_t segment_length) const;
  // Calls send(const pdu::DataIn&, std::span<const std::byte>) for the PDUs [first, last), acknowledged() <= first.
  // What they have in common is in `common`.
  template <class Send>
  void for_each(std::uint32_t first, std::uint32_t last, const pdu::DataIn& common, Send&& send) const;

  std::array<std::uint8_t, 8> lun{};
  std::uint32_t snack_tag = 0;  // that the response must carry (11.4.4)
  bool resend_owed = false;     // R-Data SNACK: all of it, once what is on its way has left

 private:
  struct Put {
    std::uint32_t first_sn = 0, count = 0;  // of its PDUs
    std::uint32_t offset = 0, length = 0;   // in the data buffer
    std::uint32_t segment_length = 0, max_burst = 0;
    bool ends_data = false;
    std::unique_ptr<std::byte[]> memory;
    std::unique_ptr<hal::DmaSpan> segment;
  };
  static std::uint32_t count_pdus(const Put& put);

  std::vector<Put> puts_;  // oldest first
  std::size_t unanswered_ = 0, bytes_ = 0;
  std::uint32_t acknowledged_ = 0;
  bool incomplete_ = false;
};

template <class Send>
void SentData::for_each(std::uint32_t first, std::uint32_t last, const pdu::DataIn& common, Send&& send) const {
  for (const Put& put : puts_) {
    std::uint32_t at = 0;
    for (std::uint32_t sn = put.first_sn; sn != put.first_sn + put.count && sn < last; ++sn) {
      const auto cut = hal::cut_data_in(put.offset + at, put.length - at, put.segment_length, put.max_burst);
      const bool ends = at + cut.size == put.length;
      if (sn >= first) {
        pdu::DataIn header = common;
        header.flags = ends || cut.burst_ends ? std::uint8_t{pdu::DataIn::kFinal} : std::uint8_t{0};
        if (cut.burst_ends && !(ends && put.ends_data)) {
          header.flags = static_cast<std::uint8_t>(header.flags | pdu::DataIn::kAcknowledge);
          header.target_transfer_tag = header.initiator_task_tag;
        } else {
          header.lun = {};
        }
        header.data_sn = sn;
        header.buffer_offset = put.offset + at;
        send(header, std::span<const std::byte>(put.segment->bytes).subspan(at, cut.size));
      }
      at += cut.size;
    }
  }
}

}  // namespace iscsi
