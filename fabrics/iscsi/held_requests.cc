// Keeping of requests that are out of order.
#include "fabrics/iscsi/held_requests.h"

#include <algorithm>

namespace iscsi {

PduCopy::PduCopy(const hal::ControlPdu& pdu) : header(pdu.header), data(pdu.data.begin(), pdu.data.end()) {}

const HeldRequest* HeldRequests::find(std::uint32_t cmd_sn) const {
  const auto at = std::find_if(all_.begin(), all_.end(), [cmd_sn](const auto& each) { return each.cmd_sn == cmd_sn; });
  return at == all_.end() ? nullptr : &*at;
}

void HeldRequests::add(HeldRequest request) {
  if (request.pdu) bytes_ += request.pdu->data.size();
  all_.push_back(std::move(request));
}

bool HeldRequests::take(std::uint32_t cmd_sn, HeldRequest& out) {
  const auto at = std::find_if(all_.begin(), all_.end(), [cmd_sn](const auto& each) { return each.cmd_sn == cmd_sn; });
  if (at == all_.end()) return false;
  out = std::move(*at);
  all_.erase(at);
  if (out.pdu) bytes_ -= out.pdu->data.size();
  return true;
}

void HeldRequests::forget(const Task& task) {
  for (HeldRequest& each : all_) {
    if (each.task == &task) each = {.cmd_sn = each.cmd_sn, .connection = nullptr, .task = nullptr, .pdu = nullptr};
  }
}

void HeldRequests::forget(const Connection& connection) {
  std::erase_if(all_, [&](const HeldRequest& each) {
    if (each.connection != &connection) return false;
    if (each.pdu) bytes_ -= each.pdu->data.size();
    return true;
  });
}

void HeldRequests::clear() {
  all_.clear();
  bytes_ = 0;
}

}  // namespace iscsi
