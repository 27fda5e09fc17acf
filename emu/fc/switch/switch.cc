// Carries frames between F_Ports, and tells of changes.
#include "emu/fc/switch/switch.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "emu/fc/payloads.h"
#include "emu/fc/switch/f_port.h"

namespace emu::fc {

using hal::fc::FrameHeader;
using hal::fc::FrameType;
using hal::fc::RscnPage;
using hal::fc::Wwn;

namespace {
constexpr unsigned kFramesPerPoll = 64;
constexpr std::uint32_t kWellKnown = 0xfffff0;
constexpr base::Duration kExpireEvery = std::chrono::milliseconds(10);
}  // namespace

Switch::Switch(const SwitchOptions& options) : options_(options), name_server_(zoning_) {}
Switch::~Switch() = default;

unsigned Switch::add_port(Wire& wire) {
  const auto number = static_cast<unsigned>(ports_.size());
  ports_.push_back(std::make_unique<FPort>(*this, number, wire));
  wire.light(true);
  return number;
}

void Switch::enable_port(unsigned number, bool on) {
  if (number >= ports_.size()) return;
  ports_[number]->enabled_ = on;
  ports_[number]->wire_.light(on);
}

Wwn Switch::fport_name(unsigned number) const {
  return Wwn{(options_.name.raw & 0x0fffffffffffffff) | std::uint64_t{0x2} << 60 | std::uint64_t{number} << 48};
}

// --- frames

bool Switch::poll(base::Time now) {
  now_ = now;
  bool moved = false;
  const bool expire = now >= next_expiry_;
  if (expire) next_expiry_ = now + kExpireEvery;
  for (const auto& port : ports_) {
    port->check_light();
    const std::uint64_t before = port->frames_in_;
    route(*port);
    moved |= port->frames_in_ != before;
    if (expire) port->expire();
    port->announce();
    port->transmit();
  }
  return moved;
}

void Switch::route(FPort& from) {
  for (unsigned i = 0; i < kFramesPerPoll; ++i) {
    if (from.waiting_.empty()) {
      const auto frame = from.wire_.receive();
      if (!frame) return;
      ++from.frames_in_;
      if (frame->size() < sizeof(FrameHeader)) continue;  // ordered sets end here
      from.waiting_ = *frame;
      from.waiting_since_ = now_;
    }
    const FrameHeader header = *take<FrameHeader>(from.waiting_);
    if (!deliver(from, header, from.waiting_)) {
      if (now_ < from.waiting_since_ + options_.hold) return;
      ++from.frames_lost_;
    }
    from.waiting_ = {};
  }
}

// False: no credit now. What cannot be delivered at all is lost, as class 3 has it.
bool Switch::deliver(FPort& from, const FrameHeader& header, std::span<const std::byte> frame) {
  const std::uint32_t to = header.d_id;
  if (to >= kWellKnown) {
    from.frame(header, frame.subspan(sizeof(FrameHeader)));
    return true;
  }
  FPort* const port = port_of(to);
  Node* const source = from.find(header.s_id);
  Node* const target = port == nullptr ? nullptr : port->find(to);
  if (source == nullptr || target == nullptr || !port->was_up_ ||
      !zoning_.visible(source->port_name, target->port_name)) {
    from.reject_frame(header);
    return true;
  }
  const auto place = port->wire_.place(frame.size());
  if (place.empty()) return !port->wire_.up();
  std::memcpy(place.data(), frame.data(), frame.size());
  port->wire_.post(frame.size());
  return true;
}

Switch::FPort* Switch::port_of(std::uint32_t id) {
  const std::uint32_t area = id >> 8 & 0xff;
  return id >> 16 == options_.domain && area < ports_.size() ? ports_[area].get() : nullptr;
}

Switch::Node* Switch::find(std::uint32_t id) {
  FPort* const port = port_of(id);
  return port == nullptr ? nullptr : port->find(id);
}

bool Switch::name_taken(Wwn name, const FPort&) const {
  return std::any_of(ports_.begin(), ports_.end(), [name](const auto& port) {
    return std::any_of(port->nodes_.begin(), port->nodes_.end(),
                       [name](const Node& node) { return node.port_name == name; });
  });
}

// --- changes

void Switch::announce(std::uint32_t id, Wwn subject) {
  RscnPage page;
  page.qualifier_format = RscnPage::AddressFormat::of(RscnPage::kPort);
  page.port_id = id;
  announce_page(page, find(id), subject);
}

void Switch::announce_page(const RscnPage& page, const Node* but, std::optional<Wwn> subject) {
  for (const auto& port : ports_) {
    for (Node& node : port->nodes_) {
      if (!node.scr || &node == but || (subject && !zoning_.visible(node.port_name, *subject))) continue;
      const auto same = [&page](const RscnPage& at) { return std::memcmp(&at, &page, sizeof(page)) == 0; };
      if (std::none_of(node.pages.begin(), node.pages.end(), same)) node.pages.push_back(page);
    }
  }
}

void Switch::set_zones(std::vector<Zone> zones) {
  zoning_.set(std::move(zones));
  RscnPage page;
  page.qualifier_format = RscnPage::AddressFormat::of(RscnPage::kFabric);
  announce_page(page, nullptr, std::nullopt);
}

std::vector<SwitchPortInfo> Switch::ports() const {
  std::vector<SwitchPortInfo> all;
  for (const auto& port : ports_) {
    SwitchPortInfo& info = all.emplace_back();
    info.number = port->number_;
    info.enabled = port->enabled_;
    info.light = port->wire_.up();
    info.frames_in = port->frames_in_;
    info.frames_lost = port->frames_lost_;
    info.rscns_sent = port->rscns_;
    info.rscns_received = port->reports_;
    info.rscns_refused = port->reports_refused_;
    for (const Node& node : port->nodes_) {
      info.nodes.push_back({hal::fc::PortId{node.id}, node.port_name, node.node_name});
    }
  }
  return all;
}

}  // namespace emu::fc
