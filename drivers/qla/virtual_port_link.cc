// A virtual port's address and link, what it does beside the data, and what it tells of itself.
#include <fmt/format.h>

#include <utility>

#include "base/log.h"
#include "drivers/qla/virtual_port.h"

namespace qla {
namespace {

constexpr base::Logger kLog("qla");

}  // namespace

// The firmware has asked the fabric for an address, or has lost it.
void VirtualPort::reported(const wire::ReportId& report) {
  if (firmware_ != Firmware::kKnown && firmware_ != Firmware::kAsked) return;
  if (report.vp_status == 0 && report.acquired != 0 && report.port_id != 0) {
    firmware_ = Firmware::kKnown;
    id_.raw = report.port_id;
    attempts_ = 0;
    trouble_.clear();
    return tell_link();
  }
  id_ = {};
  tell_link();
  parts_.services.end_all(false);
  firmware_ = Firmware::kUnknown;
  trouble_ = "the fabric refuses it an address";
  again_later();
}

void VirtualPort::link_changed(bool forgotten) {
  if (host_.link() == nullptr) id_ = {};
  tell_link(forgotten);
}

void VirtualPort::tell_link(bool again) {
  if (user_ == nullptr) return;
  const hal::fc::Link* const physical = host_.link();
  if (physical == nullptr || id_.raw == 0) {
    if (std::exchange(link_up_, false)) user_->link_down();
    return;
  }
  hal::fc::Link link = *physical;
  link.id = id_;
  const bool same = link_up_ && link.id == told_.id && link.fabric_name == told_.fabric_name;
  if ((same && !again) || stopped_ != nullptr) return;
  told_ = link;
  link_up_ = true;
  kLog.info("{}: virtual port {} is {:06x}", names_.name, parts_.vp, id_.raw);
  user_->link_up(link);
}

void VirtualPort::state_changed(std::span<const std::byte> page) {
  if (link_up_) user_->state_changed(page);
}

void VirtualPort::failed(const std::string& why, bool recovers) {
  if (user_ == nullptr) return;
  if (std::exchange(link_up_, false)) user_->link_down();
  user_->adapter_failed(why, recovers);
}

void VirtualPort::reset() {
  firmware_ = Firmware::kUnknown;
  id_ = {};
  retry_at_ = {};
  parts_.reset();
}

void VirtualPort::housekeep(base::Time now) {
  if (user_ == nullptr) return;
  parts_.queue.check_limits(now);
  if (stopped_ != nullptr) return check_stop(now);
  const hal::fc::Link* const link = host_.link();
  if (link == nullptr || now < retry_at_) return;
  if (firmware_ == Firmware::kUnknown) {
    const bool fabric = link->topology == hal::fc::Topology::kFabric;
    trouble_ = !fabric ? "it needs a fabric" : host_.has_virtual_ports() ? "" : "the firmware has no virtual ports";
    if (!trouble_.empty()) return again_later();
    if (configure()) firmware_ = Firmware::kAsked;
  }
  if (link_up_ && registration_wanted_ && registration_.idle()) {
    constexpr std::uint32_t kAllStateChanges = 3;
    registration_wanted_ = false;
    registration_.command(regs::MailboxCommand::kRegisterStateChange).set(1, kAllStateChanges).set(9, parts_.vp);
    mailbox_.issue(registration_);
  }
}

hal::fc::PortInfo VirtualPort::info() const {
  hal::fc::PortInfo info = host_.info_of_adapter();
  info.model += fmt::format(", virtual port {} of {}", parts_.vp, info.name);
  info.name = names_.name;
  info.port_name = names_.port_name;
  if (names_.node_name.raw != 0) info.node_name = names_.node_name;
  info.link = link_up_;
  if (link_up_) info.where = told_;
  info.logins = parts_.logins.working();
  info.counters.clear();  // they are the adapter's
  if (user_ == nullptr) {
    info.state = "offline";
  } else if (stopped_ != nullptr) {
    info.state = "stopping";
  } else if (info.state == "online" && !link_up_) {
    info.state = trouble_.empty() ? "asking the fabric" : "no address: " + trouble_;
  }
  return info;
}

std::string VirtualPort::dump(std::string_view what) const {
  return what == "rings" ? parts_.queue.describe() : host_.dump_of_adapter(what);
}

}  // namespace qla
