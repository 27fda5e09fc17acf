// N_Port handles: the small numbers by which host and firmware name remote ports.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "drivers/qla/wire.h"
#include "hal/port/fc_port.h"

namespace emu::qla {

using hal::fc::PortId;

class Handles {
 public:
  static constexpr std::uint16_t kCount = 0x800;
  struct Port {
    bool used = false;
    std::uint8_t vp = 0;
    PortId id;
  };
  const Port* find(std::uint16_t handle) const {
    return handle < kCount && ports_[handle].used ? &ports_[handle] : nullptr;
  }
  std::optional<std::uint16_t> find(std::uint8_t vp, PortId id) const {
    for (std::uint16_t handle = 0; handle < kCount; ++handle)
      if (ports_[handle].used && ports_[handle].vp == vp && ports_[handle].id == id) return handle;
    return std::nullopt;
  }
  void assign(std::uint16_t handle, std::uint8_t vp, PortId id) { ports_.at(handle) = {true, vp, id}; }
  // The one it has, or the lowest free one of at least `from`; nothing when all are taken.
  std::optional<std::uint16_t> assign(std::uint8_t vp, PortId id, std::uint16_t from = 0) {
    if (const auto known = find(vp, id)) return known;
    for (std::uint16_t handle = from; handle < ::qla::wire::kHandles; ++handle) {
      if (ports_[handle].used) continue;
      assign(handle, vp, id);
      return handle;
    }
    return std::nullopt;
  }
  void release(std::uint16_t handle) { ports_.at(handle) = {}; }
  void clear() { ports_ = {}; }

 private:
  std::array<Port, kCount> ports_{};
};

}  // namespace emu::qla
