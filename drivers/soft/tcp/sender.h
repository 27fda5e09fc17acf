// The queue of PDUs that one connection has to send.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <new>
#include <span>

#include "base/intrusive_list.h"
#include "drivers/soft/tcp/buffer.h"
#include "hal/port/datamover.h"

namespace soft::tcp {

// One PDU on its way out; from the poller's pool.
struct TxPdu : base::ListHook<TxPdu> {
  std::array<std::byte, hal::iscsi::kHeaderSize + hal::iscsi::kDigestSize> header;
  std::array<std::byte, 3 + hal::iscsi::kDigestSize> trailer;  // padding and data digest
  std::uint8_t header_size = 0, trailer_size = 0;
  std::uint32_t data_offset = 0, data_size = 0;  // in `segments`
  std::span<const hal::DmaSpan> segments;        // somebody else's, or `own_segment`
  hal::DmaSpan own_segment;
  Buffer own;
  std::uint32_t sent = 0;         // bytes of the whole PDU
  hal::DataTask* task = nullptr;  // whose put_data this is part of
  bool last_of_put = false;
  bool with_status = false;
  bool digest_due = false;  // the data digest is made, over a copy, when the PDU's turn comes
  std::uint32_t size() const { return header_size + data_size + trailer_size; }
};

class TxPool {
 public:
  // It grows to the largest number ever queued.
  TxPdu& take() {
    TxPdu* const pdu = free_.pop_front();
    return pdu != nullptr ? *pdu : *new TxPdu;
  }
  void give(TxPdu& pdu) {
    if (!pdu.own.empty()) pdu.own.reset();
    free_.push_front(pdu);
  }
  ~TxPool();

 private:
  base::IntrusiveList<TxPdu> free_;
};

class Sender {
 public:
  Sender(TxPool& pool, hal::DmaPool& memory) : pool_(pool), memory_(memory) {}
  ~Sender();
  void set_digests(bool header, bool data) {
    header_digest_ = header;
    data_digest_ = data;
    digests_ = header || data;
  }
  // A PDU whose data is copied.
  void queue_control(const hal::iscsi::BasicHeader& header, std::span<const std::byte> data);
  // One Data-In PDU over borrowed segments: `size` bytes of `data` from `offset` on. With data digests the payload is
  // copied before it is sent, so that the digest stays true while others write to the medium it was lent from.
  void queue_data(hal::DataTask& task, const hal::DataIn& data, std::uint32_t offset, std::uint32_t size, bool last,
                  const hal::iscsi::DataIn& header) {
    TxPdu& pdu = take();
    new (pdu.header.data()) hal::iscsi::DataIn(header);
    pdu.task = &task;
    pdu.last_of_put = last;
    pdu.with_status = last && data.with_status;
    pdu.data_offset = offset;
    pdu.data_size = size;
    pdu.segments = data.segments;
    finish(pdu);
    queue_.push_back(pdu);
  }
  bool empty() const { return queue_.empty(); }
  // Sends as much as the socket takes. False: the connection is broken. `sent(queue, size)` is told what the socket
  // took before PDUs leave the queue; the tasks of finished puts are handed to `finished`.
  template <class Sent, class Finished>
  bool flush(int fd, Sent&& sent, Finished&& finished);
  bool blocked() const { return blocked_; }  // the socket was full at the last flush
  // A peer that asks and does not read the answers has made us hold as much as it may.
  bool choked() const { return held_ > kMaxHeld; }
  // The task's segments are to be let go: what of it is queued is dropped or, where its bytes or its status are already
  // promised to the peer, copied. How many of its puts ended by this, and whether its status still goes out.
  struct Released {
    std::uint16_t puts = 0;
    bool with_status = false;
  };
  Released release_task(hal::DataTask& task);
  // Everything queued is dropped (the connection is over); `finished(task)` for each put in it.
  template <class Finished>
  void drop_all(Finished&& finished);

 private:
  static constexpr std::size_t kMaxHeld = std::size_t{4} << 20;      // bytes of memory
  static constexpr std::size_t kMaxCopied = std::size_t{256} << 10;  // for one system call: what a cache holds

  // Length, padding, and the places of digests.
  void finish(TxPdu& pdu) {
    reinterpret_cast<hal::iscsi::BasicHeader*>(pdu.header.data())->data_segment_length = pdu.data_size;
    pdu.header_size = hal::iscsi::kHeaderSize;
    pdu.sent = 0;
    const std::uint32_t pad = hal::iscsi::padding(pdu.data_size);
    pdu.trailer_size = static_cast<std::uint8_t>(pad);
    pdu.digest_due = false;
    if (pad != 0) pdu.trailer.fill(std::byte{0});
    if (digests_) add_digests(pdu);
  }
  void add_digests(TxPdu& pdu);
  static void fetch_ahead(const TxPdu& pdu);
  void seal(TxPdu& pdu);
  void own_rest(TxPdu& pdu);
  void own(TxPdu& pdu, std::size_t size);
  TxPdu& take() {
    held_ += sizeof(TxPdu);
    return pool_.take();
  }
  void give(TxPdu& pdu) {
    held_ -= sizeof(TxPdu) + pdu.own.bytes().size();
    pool_.give(pdu);
  }
  std::size_t gather(std::span<iovec> out);
  long send_some(int fd);

  TxPool& pool_;
  hal::DmaPool& memory_;
  base::IntrusiveList<TxPdu> queue_;
  std::size_t held_ = 0;  // memory of what is queued, without what others lend
  bool header_digest_ = false, data_digest_ = false, digests_ = false;  // digests_: either
  bool blocked_ = false;
};

template <class Sent, class Finished>
bool Sender::flush(int fd, Sent&& sent, Finished&& finished) {
  blocked_ = false;
  while (!queue_.empty()) {
    long size = send_some(fd);
    if (size < 0) return false;
    if (size == 0) {
      blocked_ = true;
      return true;
    }
    sent(queue_, static_cast<std::size_t>(size));
    while (size > 0) {
      TxPdu& pdu = queue_.front();
      const std::uint32_t left = pdu.size() - pdu.sent;
      if (static_cast<std::uint64_t>(size) < left) {
        pdu.sent += static_cast<std::uint32_t>(size);
        break;
      }
      size -= left;
      static_cast<base::ListHook<TxPdu>&>(pdu).unlink();
      if (pdu.last_of_put && pdu.task != nullptr) finished(*pdu.task);
      give(pdu);
    }
  }
  return true;
}

template <class Finished>
void Sender::drop_all(Finished&& finished) {
  while (TxPdu* pdu = queue_.pop_front()) {
    if (pdu->last_of_put && pdu->task != nullptr) finished(*pdu->task);
    give(*pdu);
  }
}

}  // namespace soft::tcp
