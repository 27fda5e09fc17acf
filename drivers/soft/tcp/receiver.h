// Cuts a byte stream into PDUs. Whole PDUs are handed on where they lie; others are put together first.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "drivers/soft/tcp/buffer.h"
#include "hal/port/datamover.h"

namespace soft::tcp {

// What a stream turns into. Called in stream order, from Receiver::consume.
class PduSink {
 public:
  virtual ~PduSink() = default;
  virtual void pdu_received(const hal::ControlPdu& pdu) = 0;
  // A Data-Out whose payload has only begun to arrive. True: take the payload through payload_place/payload_arrived
  // and end with payload_ended. False: put it together and hand it to pdu_received.
  virtual bool payload_begins(const hal::iscsi::DataOut& header) = 0;
  virtual std::span<std::byte> payload_place(std::uint32_t left) = 0;  // at most `left`; empty: throw the rest away
  virtual void payload_arrived(std::uint32_t size) = 0;
  virtual void payload_ended() = 0;
  virtual void stream_broken(hal::CloseReason reason, const hal::iscsi::BasicHeader& header) = 0;
};

class Receiver {
 public:
  Receiver(PduSink& sink, hal::DmaPool& memory) : sink_(sink), memory_(memory) {}
  void set_limits(bool header_digest, bool data_digest, std::uint32_t max_data_segment) {
    header_digest_ = header_digest;
    data_digest_ = data_digest;
    max_data_segment_ = max_data_segment;
  }
  // Takes all of `bytes`; after stop() keeps what is left for resume().
  void consume(std::span<const std::byte> bytes);
  void stop() { stopped_ = true; }
  void resume();
  bool stopped() const { return stopped_; }
  // Between two PDUs, with nothing kept of what came behind the last one.
  bool idle() const { return state_ == State::kHeader && header_have_ == 0 && backlog_.empty() && !broken_; }
  // How many of the next bytes belong to the PDU at hand; nullopt while its header has not come as a whole or bytes
  // wait.
  std::optional<std::uint32_t> to_next_pdu() const;
  // Where the next bytes of the stream belong without a detour; empty when they are to be consumed.
  std::span<std::byte> direct_place();
  void direct_arrived(std::size_t size);

 private:
  enum class State : std::uint8_t { kHeader, kBody, kPayload, kSkip };
  std::size_t take_plain(std::span<const std::byte> bytes);
  std::size_t take_header(std::span<const std::byte> bytes);
  std::size_t take_body(std::span<const std::byte> bytes);
  std::size_t take_payload(std::span<const std::byte> bytes);
  std::size_t start_pdu(const std::byte* header, std::span<const std::byte> rest);
  void deliver(const std::byte* header, std::span<const std::byte> data_and_trailer);
  bool header_good(const std::byte* header, std::size_t size);
  void payload_done(std::uint32_t size);
  std::size_t header_length(const std::byte* header) const;

  PduSink& sink_;
  hal::DmaPool& memory_;
  State state_ = State::kHeader;
  bool header_digest_ = false, data_digest_ = false, stopped_ = false, broken_ = false;
  std::uint32_t max_data_segment_ = 8192;
  std::uint32_t data_size_ = 0;  // of the PDU at hand, and what of it and its trailer is still to come
  std::uint32_t left_ = 0;
  std::uint32_t header_have_ = 0;
  std::array<std::byte, hal::iscsi::kHeaderSize> start_{};  // a header that came in pieces, or of the body at hand
  std::vector<std::byte> long_header_;                      // the same with additional header segments
  Buffer body_;
  std::uint32_t body_have_ = 0;
  std::vector<std::byte> backlog_;
};

}  // namespace soft::tcp
