// The link as the host sees it: asynchronous events about it, about remote ports and about changes in the fabric.
#pragma once

#include <optional>
#include <vector>

#include "emu/qla/core.h"

namespace emu::qla {

class Link {
 public:
  explicit Link(Core& core) : core_(core) {}
  static std::uint16_t topology_code(fc::Topology topology);

  void start();   // soon after the initialisation was answered
  void bounce();  // light off for a moment, then initialisation again
  void reset();
  bool poll(base::Time now);
  bool dark() const { return start_at_.has_value(); }
  // What the host may know: on a loop nothing until the firmware's own logins are done, for it looks once. Null: not
  // up.
  const fc::LinkInfo* info() const { return announce_by_ ? nullptr : core_.port.link(); }
  std::uint16_t own_loop_id() const;
  void register_state_changes(std::uint8_t vp, std::uint8_t function);

  // What the next login_changed() for this port will say was the host's own doing, so that it is not told.
  void expect(std::uint8_t vp, PortId id);

  void link_up(const fc::LinkInfo& link);
  void link_down();
  void loop_initializing();
  void login_changed(const fc::Login& login, fc::LoginEvent event);
  void state_changed(std::uint8_t vp, std::span<const std::byte> pages);
  void virtual_port_changed(std::uint8_t vp, bool up, PortId id);
  std::uint32_t ups() const { return ups_; }
  std::uint32_t downs() const { return downs_; }

 private:
  void announce(const fc::LinkInfo& link);
  void report_id(const fc::LinkInfo& link);
  bool expected(std::uint8_t vp, PortId id);
  std::uint16_t loop_id(std::uint8_t al_pa) const;
  Core& core_;
  std::optional<base::Time> start_at_, announce_by_;
  std::vector<std::pair<std::uint8_t, PortId>> expected_;
  std::uint32_t ups_ = 0, downs_ = 0;
};

}  // namespace emu::qla
