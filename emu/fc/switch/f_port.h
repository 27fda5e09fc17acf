// One F_Port: who is attached to it, and the link services and CT requests that come to well-known addresses by it.
// For switch.cc and f_port.cc only.
#pragma once

#include "emu/fc/switch/switch.h"

namespace emu::fc {

class Switch::FPort final : public ServicesUser {
 public:
  FPort(Switch& in, unsigned number, Wire& wire) : switch_(in), number_(number), wire_(wire), services_(wire, *this) {}

  void check_light();
  bool transmit() { return services_.transmit(); }
  void expire() { services_.expire(switch_.now_); }
  void announce();  // RSCN to those who registered; rscn.cc
  Node* find(std::uint32_t id);
  void frame(const hal::fc::FrameHeader& header, std::span<const std::byte> payload) {
    services_.frame_received(header, payload);
  }
  void reject_frame(const hal::fc::FrameHeader& header);
  void remove_all();

  void request_received(std::uint32_t id, const hal::fc::FrameHeader& header,
                        std::span<const std::byte> payload) override;
  void request_ended(std::uint64_t context, RequestStatus status, const hal::fc::FrameHeader* header,
                     std::span<const std::byte> payload) override;

 private:
  friend class Switch;
  void fabric_login(std::uint32_t request, const hal::fc::FrameHeader& header, std::span<const std::byte> payload);
  void add_node(std::uint32_t id, const hal::fc::LoginPayload& parameters);
  void remove_node(std::uint32_t id);
  void els(std::uint32_t request, Node& node, const hal::fc::FrameHeader& header, std::span<const std::byte> payload);
  void ct(std::uint32_t request, Node& node, const hal::fc::FrameHeader& header, std::span<const std::byte> payload);
  void state_change_reported(std::uint32_t request, Node& node, std::span<const std::byte> payload);  // rscn.cc
  std::vector<std::byte> management_answer(std::span<const std::byte> payload);
  void reject(std::uint32_t request, std::uint8_t reason, std::uint8_t explanation);

  Switch& switch_;
  const unsigned number_;
  Wire& wire_;
  Services services_;
  bool enabled_ = true, was_up_ = false;
  std::deque<Node> nodes_;  // stay where they are
  // A frame that had no credit where it goes; in the wire's memory until the next receive().
  std::span<const std::byte> waiting_;
  base::Time waiting_since_{};
  std::uint64_t frames_in_ = 0, frames_lost_ = 0;
  std::uint64_t rscns_ = 0, reports_ = 0, reports_refused_ = 0;
};

}  // namespace emu::fc
