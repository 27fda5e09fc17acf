// How a virtual port comes and goes, with its user and with the firmware.
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
  farewell_deadline_ = device_.reactor.now() + kFarewellLimit;
  stop_deadline_ = device_.reactor.now() + kStopLimit;
  if (user_ == nullptr || !host_.works()) finish_stop();
}

// Initiators hear of it; when all is over, or they or the user take too long, the firmware forgets the port.
void VirtualPort::check_stop(base::Time now) {
  parts_.services.end_all(true);
  const bool let_go = parts_.quiet() || (parts_.released() && now >= farewell_deadline_);
  if (let_go && firmware_ == Firmware::kUnknown) return finish_stop();
  const bool late = now >= stop_deadline_;
  if (late && firmware_ == Firmware::kUnknown) {
    stop_deadline_ = now + kLeaveLimit;
    return device_.fail("a virtual port's user does not let go");
  }
  if ((let_go || late) && firmware_ == Firmware::kKnown && disable()) {
    firmware_ = Firmware::kLeaving;
    stop_deadline_ = now + kLeaveLimit;
  }
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

}  // namespace qla
