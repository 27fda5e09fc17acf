// One connection's part of a capture: finds the PDUs in what was received and sent, and puts them into the ring.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "drivers/soft/tcp/sender.h"
#include "hal/port/capture.h"

namespace soft::tcp {

class Tap {
 public:
  // `from_start`: nothing has been received or sent yet.
  Tap(hal::CaptureRing& ring, const std::string& local, const std::string& peer, bool from_start, base::Time now);
  std::uint64_t capture() const { return capture_; }  // the number of its capture
  bool wanted() const { return wanted_; }

  struct Digests {
    bool header = false, data = false;
  };
  // `bytes` are the next of the stream, before the receiver sees them; `to_next` is how many of them belong to a PDU
  // that began before (nullopt: it cannot say), asked for until the tap has seen a PDU begin.
  void received(std::span<const std::byte> bytes, Digests digests, std::optional<std::uint32_t> to_next,
                base::Time now);
  // The socket has taken this many bytes of the queue, whose PDUs do not know it yet.
  void sent(base::IntrusiveList<TxPdu>& queue, std::size_t size, base::Time now);
  void closed(base::Time now);

 private:
  std::size_t take_header(std::span<const std::byte> bytes, Digests digests, base::Time now);
  void part_sent(TxPdu& pdu, std::uint32_t size, base::Time now);

  hal::CaptureRing& ring_;
  const std::uint64_t capture_;
  const std::uint32_t connection_;
  const bool wanted_;
  bool in_step_ = false;  // the receiving side knows where PDUs begin
  std::array<std::byte, hal::iscsi::kHeaderSize> header_{};
  std::uint32_t header_have_ = 0;
  hal::CaptureStream in_, out_;
};

}  // namespace soft::tcp
