// How a virtual port comes and goes.
#include "drivers/qla/virtual_port.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "drivers/qla/names.h"

namespace qla {
namespace {

constexpr base::Logger kLog("qla");
constexpr std::uint8_t kModifyAndEnable = 1;
constexpr std::uint16_t kDisableAndLogOut = 0x0A;
constexpr base::Duration kStopLimit = std::chrono::seconds(5), kLeaveLimit = std::chrono::seconds(10);
enum Cookie : std::uint32_t { kConfigure, kDisable };

}  // namespace

void VirtualPort::start(hal::fc::FcPortUser& user) {
  CHECK(user_ == nullptr);
  user_ = &user;
  parts_.set_user(user);
  attempts_ = 0;
  retry_at_ = {};
}

void VirtualPort::stop(std::function<void()> done) {
  CHECK(stopped_ == nullptr);
  stopped_ = std::move(done);
  stop_deadline_ = device_.reactor.now() + kStopLimit;
  if (user_ == nullptr || !host_.works()) finish_stop();
}

// Initiators hear of it; when all is over, or they take too long, the firmware forgets the port.
void VirtualPort::check_stop(base::Time now) {
  parts_.services.end_all(true);
  const bool quiet = parts_.quiet(), late = now >= stop_deadline_;
  if (late && firmware_ == Firmware::kUnknown && !quiet) {
    stop_deadline_ = now + kLeaveLimit;
    return device_.fail("a virtual port's user does not let go");
  }
  if ((quiet || late) && firmware_ == Firmware::kKnown && disable()) {
    firmware_ = Firmware::kLeaving;
    stop_deadline_ = now + kLeaveLimit;
  }
  if (quiet && firmware_ == Firmware::kUnknown) finish_stop();
}

void VirtualPort::finish_stop() {
  user_ = nullptr;
  link_up_ = registration_wanted_ = false;
  id_ = {};
  trouble_.clear();
  device_.reactor.post_function(std::exchange(stopped_, nullptr));  // who is told may destroy us
}

void VirtualPort::adapter_off() {
  link_changed();
  if (stopped_ != nullptr) finish_stop();
}

bool VirtualPort::configure() {
  auto* const entry = control_.prepare<wire::VpConfiguration>(wire::EntryType::kVpConfiguration);
  if (entry == nullptr) return false;
  entry->command = kModifyAndEnable;
  entry->count = 1;
  entry->index[0] = parts_.vp;
  entry->port[0].options = wire::MultiIdEntry::Enable::kMask;  // target, and no initiator
  entry->port[0].port_name = bytes_of(names_.port_name);
  entry->port[0].node_name = bytes_of(info().node_name);
  control_.send(*this, kConfigure);
  return true;
}

bool VirtualPort::disable() {
  auto* const entry = control_.prepare<wire::VpControl>(wire::EntryType::kVpControl);
  if (entry == nullptr) return false;
  entry->command = kDisableAndLogOut;
  entry->count = 1;
  entry->map[(parts_.vp - 1u) / 8] = static_cast<std::uint8_t>(1u << ((parts_.vp - 1u) % 8));
  control_.send(*this, kDisable);
  return true;
}

void VirtualPort::control_answered(std::uint32_t cookie, const wire::Entry* answer) {
  if (cookie == kConfigure) {
    if (firmware_ == Firmware::kAsked) configured(reinterpret_cast<const wire::VpConfiguration*>(answer));
    return;
  }
  if (firmware_ == Firmware::kLeaving) firmware_ = Firmware::kUnknown;
}

void VirtualPort::configured(const wire::VpConfiguration* answer) {
  const bool good = answer != nullptr && answer->head.status == 0 && answer->completion == 0;
  firmware_ = good ? Firmware::kKnown : Firmware::kUnknown;
  if (good || answer == nullptr) return;
  trouble_ = fmt::format("the firmware refuses it: status {:02x}, completion {:02x}", answer->head.status,
                         std::uint16_t{answer->completion});
  again_later();
}

void VirtualPort::again_later() {
  if (attempts_ == 0) kLog.warn("{}: {}", names_.name, trouble_);
  retry_at_ = device_.reactor.now() + std::chrono::seconds(std::min(30u, 2u << std::min(attempts_++, 4u)));
}

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
