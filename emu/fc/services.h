// Exchanges of link services and Common Transport: one request sequence, one answer sequence, of any length.
// What a port and a switch have in common.
//
// Exchange identifiers of services have bit 15 set (those of FCP have it clear); index in bits 7..0, generation above.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "base/clock.h"
#include "emu/wire.h"
#include "hal/port/fc_frame.h"

namespace emu::fc {

enum class RequestStatus : std::uint8_t { kAccepted, kRejected, kTimeout, kLinkDown, kNotLoggedIn, kNoResources };

// Up-calls come from Services::poll() and frame_received().
class ServicesUser {
 public:
  virtual ~ServicesUser() = default;
  // The whole request. Owes reply(id) or drop(id); not necessarily at once.
  virtual void request_received(std::uint32_t id, const hal::fc::FrameHeader& header,
                                std::span<const std::byte> payload) = 0;
  // kAccepted: `payload` is whatever came as answer, LS_RJT and CT rejects too. `header` null: nothing came.
  virtual void request_ended(std::uint64_t context, RequestStatus status, const hal::fc::FrameHeader* header,
                             std::span<const std::byte> payload) = 0;
};

class Services {
 public:
  static constexpr std::size_t kSlots = 256;
  static constexpr std::size_t kMaxSequence = 128 * 1024;  // bytes reassembled
  Services(Wire& wire, ServicesUser& user) : wire_(wire), user_(user) {}
  void set_frame_size(std::uint16_t size) { frame_size_ = size; }

  // --- originator. `type` kEls or kCt. False: no free slot.
  bool request(std::uint64_t context, std::uint8_t type, std::uint32_t from, std::uint32_t to,
               std::span<const std::byte> payload, base::Time deadline);
  // --- responder
  const hal::fc::FrameHeader* header_of(std::uint32_t id) const;  // of the request; null: no such id
  // `to`: not where the request came from, but the address that the answer gives (FLOGI, FDISC).
  bool reply(std::uint32_t id, std::span<const std::byte> payload, std::optional<std::uint32_t> to = std::nullopt);
  void drop(std::uint32_t id);
  bool abort(std::uint32_t originator, std::uint16_t ox_id);  // ABTS of a request that is not answered yet
  // --- single frames: Basic Link Services, responses without an exchange
  void send_frame(const hal::fc::FrameHeader& header, std::span<const std::byte> payload);
  void answer_abts(const hal::fc::FrameHeader& abts, bool accept, std::span<const std::byte> payload);

  void frame_received(const hal::fc::FrameHeader& header, std::span<const std::byte> payload);
  bool transmit();  // what is queued, as far as credit goes; false: nothing left to send
  bool idle() const { return out_.empty(); }
  void expire(base::Time now);
  // Ends with kLinkDown what was requested, forgets all else. `tell` false: silently.
  void clear(bool tell);

 private:
  struct Outgoing {
    hal::fc::FrameHeader header;
    std::vector<std::byte> payload;
    std::size_t sent = 0;
  };
  struct Requested {
    bool used = false;
    std::uint8_t generation = 0, type = 0, seq_id = 0;
    std::uint32_t to = 0;
    std::uint64_t context = 0;
    base::Time deadline{};
    std::vector<std::byte> answer;
  };
  struct Received {
    bool used = false;
    std::uint32_t generation = 0;
    std::uint16_t order = 0;
    hal::fc::FrameHeader header;
    base::Time since{};
    bool complete = false;
    std::vector<std::byte> payload;
  };
  void queue(const hal::fc::FrameHeader& header, std::span<const std::byte> payload);
  void request_frame(const hal::fc::FrameHeader& header, std::span<const std::byte> payload);
  void answer_frame(const hal::fc::FrameHeader& header, std::span<const std::byte> payload);
  Received* find_received(const hal::fc::FrameHeader& header);
  Received* allocate(const hal::fc::FrameHeader& header);
  Received* received(std::uint32_t id);
  std::uint32_t id_of(const Received& received) const;
  void end(Requested& requested, RequestStatus status, const hal::fc::FrameHeader* header);

  Wire& wire_;
  ServicesUser& user_;
  std::uint16_t frame_size_ = 2048;
  base::Time now_{};
  std::deque<Outgoing> out_;
  std::array<Requested, kSlots> requested_;
  std::array<Received, kSlots> received_;
};

}  // namespace emu::fc
