// What the port itself asks of others: logins with well-known addresses or the port at the other end of the link,
// Common Transport requests, RSCN.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "drivers/qla/control.h"
#include "drivers/qla/memory.h"

namespace qla {

class Requests final : public ControlUser {
 public:
  Requests(Device& device, Control& control, const Memory& memory, std::uint8_t vp)
      : device_(device), control_(control), memory_(memory), vp_(vp) {}
  void set_user(hal::fc::FcPortUser* user) { user_ = user; }
  // `self`: what another N_Port is told of us, point to point; servers of a fabric know.
  void log_in(hal::fc::PortId port, const hal::fc::RemotePort& self = {});
  void report_state_change(hal::fc::PortId self);  // RSCN to the fabric controller, about ourselves
  base::Result<void> send_ct(std::uint32_t id, hal::fc::PortId server, std::span<const std::byte> request,
                             base::Duration limit);
  void control_answered(std::uint32_t cookie, const wire::Entry* answer) override;

 private:
  struct Ct {
    bool used = false;
    std::uint32_t id = 0;  // the user's; of a link service: where it went
    std::uint8_t els = 0;
  };
  // Cookies: the rest is the port; the slot whose buffers carry a link service. Without either: that of a CT request.
  static constexpr std::uint32_t kLogin = 0x80000000, kEls = 0x40000000;
  // requests_els.cc
  void log_in_to_n_port(hal::fc::PortId port, const hal::fc::RemotePort& self);
  void send_els(std::uint16_t nport, hal::fc::PortId to, hal::fc::PortId self, std::span<const std::byte> payload,
                std::size_t answer_bytes);
  base::Result<void> els_result(std::uint32_t slot, const wire::Entry* answer) const;
  void els_answered(std::uint32_t slot, const wire::Entry* answer);
  std::size_t place(std::uint32_t slot) const { return vp_ * hal::fc::FcPort::kMaxCt + slot; }
  void ct_answered(std::uint32_t slot, const wire::Entry* answer);

  Device& device_;
  Control& control_;
  const Memory& memory_;
  const std::uint8_t vp_;
  hal::fc::FcPortUser* user_ = nullptr;
  std::array<Ct, hal::fc::FcPort::kMaxCt> ct_;
  std::array<std::byte, kCtBytes> reply_{};
};

}  // namespace qla
