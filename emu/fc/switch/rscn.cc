// Registered State Change Notification (FC-LS-3): what N_Ports report of themselves, and what those hear who
// registered.
#include <algorithm>

#include "emu/fc/payloads.h"
#include "emu/fc/switch/f_port.h"

namespace emu::fc {

using hal::fc::FrameHeader;
using hal::fc::FrameType;
using hal::fc::LsRjt;
using hal::fc::Rscn;
using hal::fc::RscnPage;

namespace {
constexpr std::uint32_t kController = 0xfffffd;
constexpr std::size_t kMostPages = 255;
constexpr unsigned kRscnTries = 3;

// Of an N_Port to the fabric controller: whole pages, each about the port itself.
std::uint8_t what_is_wrong(std::span<const std::byte> payload, std::uint32_t sender) {
  const auto head = take<Rscn>(payload);
  if (!head || head->page_length != sizeof(RscnPage)) return LsRjt::kInvalidPayloadLength;
  const std::size_t length = head->payload_length;
  if (length != payload.size() || length <= sizeof(Rscn) || length % sizeof(RscnPage) != 0) {
    return LsRjt::kInvalidPayloadLength;
  }
  for (auto pages = payload.subspan(sizeof(Rscn)); !pages.empty(); pages = pages.subspan(sizeof(RscnPage))) {
    const RscnPage page = *take<RscnPage>(pages);
    if (page.port_id != sender || RscnPage::AddressFormat::get(page.qualifier_format) != RscnPage::kPort) {
      return LsRjt::kInvalidPortId;
    }
  }
  return LsRjt::kNone;
}
}  // namespace

void Switch::FPort::state_change_reported(std::uint32_t request, Node& node, std::span<const std::byte> payload) {
  const std::uint8_t wrong = what_is_wrong(payload, node.id);
  if (wrong != LsRjt::kNone) {
    ++reports_refused_;
    return reject(request, LsRjt::kLogicalError, wrong);
  }
  services_.reply(request, bytes_of(ls_acc()));
  ++reports_;
  for (auto pages = payload.subspan(sizeof(Rscn)); !pages.empty(); pages = pages.subspan(sizeof(RscnPage))) {
    switch_.announce_page(*take<RscnPage>(pages), &node, node.port_name);
  }
}

// One at a time to each who registered, with all that has changed meanwhile.
void Switch::FPort::announce() {
  for (Node& node : nodes_) {
    if (!node.scr || node.rscn_out || node.pages.empty()) continue;
    const std::size_t count = std::min(node.pages.size(), kMostPages);
    Rscn head;
    head.payload_length = static_cast<std::uint16_t>(sizeof(head) + count * sizeof(RscnPage));
    std::vector<std::byte> payload(bytes_of(head).begin(), bytes_of(head).end());
    for (std::size_t i = 0; i < count; ++i) {
      const auto page = bytes_of(node.pages[i]);
      payload.insert(payload.end(), page.begin(), page.end());
    }
    const base::Time deadline = switch_.now_ + switch_.options_.error_detect;
    node.rscn_out = services_.request(node.id, FrameType::kEls, kController, node.id, payload, deadline);
    if (!node.rscn_out) continue;
    ++rscns_;
    node.announced.assign(node.pages.begin(), node.pages.begin() + static_cast<std::ptrdiff_t>(count));
    node.pages.erase(node.pages.begin(), node.pages.begin() + static_cast<std::ptrdiff_t>(count));
  }
}

// An RSCN that was not answered is sent again, a few times: nobody would ask otherwise.
void Switch::FPort::request_ended(std::uint64_t context, RequestStatus status, const FrameHeader*,
                                  std::span<const std::byte>) {
  Node* const node = find(static_cast<std::uint32_t>(context));
  if (node == nullptr) return;
  node->rscn_out = false;
  const bool again = status == RequestStatus::kTimeout && node->rscn_tries < kRscnTries;
  node->rscn_tries = again ? node->rscn_tries + 1 : 0;
  if (again) node->pages.insert(node->pages.begin(), node->announced.begin(), node->announced.end());
  node->announced.clear();
}

}  // namespace emu::fc
