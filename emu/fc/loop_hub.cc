// Carries frames from each port of a loop to the next, past those without light.
#include "emu/fc/loop_hub.h"

#include <array>

namespace emu::fc {
namespace {
constexpr unsigned kFramesPerPoll = 64;
constexpr std::array<std::byte, 4> kLip = {std::byte{0xbc}, std::byte{0x95}, std::byte{0xf7}, std::byte{0xf7}};
}  // namespace

void LoopHub::add(Wire& wire) {
  ports_.push_back({&wire, false, {}});
  wire.light(true);
}

Wire* LoopHub::next_of(std::size_t port) {
  for (std::size_t i = 1; i <= ports_.size(); ++i) {
    Wire* const next = ports_[(port + i) % ports_.size()].wire;
    if (next->up()) return next;
  }
  return nullptr;
}

bool LoopHub::poll() {
  bool moved = false;
  for (std::size_t i = 0; i < ports_.size(); ++i) {
    Port& port = ports_[i];
    const bool up = port.wire->up();
    if (up != port.was_up) {  // who comes begins by itself; for who goes, the hub does
      port.was_up = up;
      port.waiting.clear();
      if (!up) port.waiting.assign(kLip.begin(), kLip.end());
    }
    moved |= forward(i);
  }
  return moved;
}

bool LoopHub::forward(std::size_t index) {
  Port& port = ports_[index];
  Wire* const next = next_of(index);
  if (next == nullptr) {
    port.waiting.clear();
    return false;
  }
  if (!port.waiting.empty()) {
    if (!next->send(port.waiting)) return false;
    port.waiting.clear();
  }
  for (unsigned i = 0; i < kFramesPerPoll; ++i) {
    const auto frame = port.wire->receive();
    if (!frame) return i != 0;
    if (next->send(*frame)) continue;
    port.waiting.assign(frame->begin(), frame->end());
    return true;
  }
  return true;
}

}  // namespace emu::fc
