// N_Port handles: the small numbers by which host and firmware name remote ports.
#pragma once

#include <array>
#include <cstddef>
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
  // Those of the well-known addresses are each virtual port's own.
  const Port* find(std::uint16_t handle, std::uint8_t vp = 0) const {
    return handle < kCount && ports_[place(handle, vp)].used ? &ports_[place(handle, vp)] : nullptr;
  }
  std::optional<std::uint16_t> find(std::uint8_t vp, PortId id) const {
    for (std::uint16_t handle = 0; handle < kCount; ++handle) {
      const Port& port = ports_[place(handle, vp)];
      if (port.used && port.vp == vp && port.id == id) return handle;
    }
    return std::nullopt;
  }
  void assign(std::uint16_t handle, std::uint8_t vp, PortId id) { ports_.at(place(handle, vp)) = {true, vp, id}; }
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
  void release(std::uint16_t handle, std::uint8_t vp = 0) { ports_.at(place(handle, vp)) = {}; }
  void clear() { ports_ = {}; }

 private:
  static constexpr std::size_t kReserved = kCount - ::qla::wire::kHandles, kVirtualPorts = 63;
  static std::size_t place(std::uint16_t handle, std::uint8_t vp) {
    if (handle < ::qla::wire::kHandles || vp == 0 || vp > kVirtualPorts) return handle;
    return kCount + (vp - 1u) * kReserved + (handle - ::qla::wire::kHandles);
  }
  std::array<Port, kCount + kVirtualPorts * kReserved> ports_{};
};

}  // namespace emu::qla
