// Fills in the payloads of link services; takes those apart that came.
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

#include "hal/port/fc_els.h"
#include "hal/port/fc_port.h"

namespace emu::fc {

// Nothing when the payload is too short.
template <class T>
std::optional<T> take(std::span<const std::byte> payload) {
  static_assert(alignof(T) == 1 && std::is_trivially_copyable_v<T>);
  if (payload.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, payload.data(), sizeof(T));
  return value;
}
template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  static_assert(alignof(T) == 1 && std::is_trivially_copyable_v<T>);
  return std::as_bytes(std::span(&value, 1));
}
inline std::uint8_t command_of(std::span<const std::byte> payload) {
  return payload.empty() ? std::uint8_t{0} : std::to_integer<std::uint8_t>(payload[0]);
}

struct LoginNames {
  hal::fc::Wwn port, node;
};
// Common features of a PLOGI: continuously increasing relative offset, alternate credit.
inline constexpr std::uint16_t kPortFeatures = 0x8800;
// PLOGI, FLOGI, FDISC and their LS_ACC: names, common and class 3 parameters.
hal::fc::LoginPayload login_payload(std::uint8_t command, const LoginNames& names, std::uint16_t receive_size,
                                    std::uint16_t features);
// PRLI and its LS_ACC (FCP page).
hal::fc::ProcessLogin prli(std::uint8_t command, std::uint32_t service_parameters);
hal::fc::ProcessLogin prlo(std::uint8_t command, std::uint8_t type);
hal::fc::LsRjt ls_rjt(std::uint8_t reason, std::uint8_t explanation);
hal::fc::Els ls_acc();
hal::fc::Logo logo(hal::fc::PortId id, hal::fc::Wwn name);
hal::fc::Adisc adisc(std::uint8_t command, hal::fc::PortId id, const LoginNames& names);

}  // namespace emu::fc
