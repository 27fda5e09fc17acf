// Makes vfio-user requests of a fuzzer's bytes: each has its command's fixed part and as much behind it as that says.
// Numbers fit, or lie at an edge: of a region, of an interrupt's vectors, of 64 bits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hal/vfio_user/protocol.h"
#include "tests/fuzz/words.h"
#include "tests/support/toy_model.h"

namespace vfio_user_input {

namespace vu = hal::vfio_user;

constexpr std::uint32_t kToyRegisters = 1, kToyVectors = 3;  // the toy device's BARs: registers, MSI-X table

struct Made {
  vu::Command command = vu::Command::kReset;
  std::vector<std::byte> payload;
  unsigned fds = 0;
  bool uses_memory = false;  // the toy device is told to copy
};

template <class T>
void put(Made& made, const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  made.payload.insert(made.payload.end(), bytes.begin(), bytes.end());
}

// A place in a region: near its beginning, before the end of one of the usual sizes, or before the end of all numbers.
inline std::uint64_t offset_of(Input& input) {
  const std::uint8_t how = input.byte();
  if (how < 0x80) return how;
  const std::uint64_t back = how & 15u;
  if (how < 0xa0) return 256 - back;
  if (how < 0xc0) return 4096 - back;
  if (how < 0xe0) return 0 - back;
  return next_number(input);
}

// Whether the toy device is told to copy.
inline bool rings(std::uint32_t region, std::uint64_t offset) {
  return region == kToyRegisters && offset == test_support::toy::Doorbell::kOffset;
}

inline std::uint32_t region_of(Input& input) {
  const std::uint8_t how = input.byte();
  if (how < 0x60) return vu::kRegionConfig;
  if (how < 0xa0) return kToyRegisters;
  if (how < 0xc0) return kToyVectors;
  return how & 15u;
}

inline void access(Made& made, Input& input) {
  const std::uint8_t how = input.byte();
  const std::uint32_t count = how < 0xc0 ? 1u << (how & 3) : static_cast<std::uint32_t>(next_number(input));
  const vu::RegionAccess request{offset_of(input), region_of(input), count};
  made.uses_memory = rings(request.region, request.offset);
  put(made, request);
  if (made.command == vu::Command::kRegionRead || count > 4096) return;
  const auto data = std::as_bytes(input.bytes(count));
  made.payload.insert(made.payload.end(), data.begin(), data.end());
  made.payload.resize(sizeof request + count - ((how & 0x3c) == 0x3c ? 1 : 0));
}

inline void several_writes(Made& made, Input& input) {
  const std::uint8_t how = input.byte();
  const std::uint64_t count = how & 7u;
  put(made, vu::WriteMultiRequest{(how & 0xf0) == 0xf0 ? next_number(input) : count});
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint8_t size = input.byte();
    vu::OneWrite one{offset_of(input), region_of(input), size < 0xf0 ? 1u << (size & 3) : size & 15u, {}};
    const auto data = input.bytes(sizeof one.data);
    std::copy(data.begin(), data.end(), one.data);
    put(made, one);
    made.uses_memory |= rings(one.region, one.offset);
  }
}

inline void interrupts(Made& made, Input& input) {
  const std::uint8_t how = input.byte(), what = input.byte();
  const std::uint32_t flags = 1u << (how & 3) % 3 | 8u << (how >> 2 & 3) % 3;
  const std::uint32_t start = what >> 4 & 7u, count = (what & 15) == 15 ? 1u << 31 : what & 7u;
  put(made, vu::SetIrqsRequest{std::uint32_t{sizeof(vu::SetIrqsRequest)}, (how & 0x80) != 0 ? flags | how : flags,
                               how >> 4 & 7u, start, count});
  made.fds = (flags & 4) != 0 ? count & 7u : 0;
  const auto data = std::as_bytes(input.bytes((flags & 2) != 0 ? count & 7u : 0));
  made.payload.insert(made.payload.end(), data.begin(), data.end());
}

inline void memory(Made& made, Input& input) {
  const std::uint8_t how = input.byte();
  const std::uint64_t address = std::uint64_t{input.byte()} << 12, size = std::uint64_t{how & 15u} << 12;
  const std::uint64_t offset = (how & 0x30) == 0x30 ? next_number(input) : std::uint64_t{how & 0x30u} << 8;
  put(made, vu::DmaMapRequest{std::uint32_t{32}, (how & 0xc0) == 0xc0 ? std::uint32_t{input.byte()} : 3u, offset,
                              (how & 0xc0) == 0x80 ? 0 - address : address, size});
  made.fds = (how & 0x40) == 0 ? 1 : 0;
}

inline Made request(Input& input) {
  using Command = vu::Command;
  const std::uint8_t what = input.byte();
  Made made;
  switch (what & 15) {
    case 0:
    case 1:
      made.command = Command::kDmaMap;
      memory(made, input);
      return made;
    case 2: {
      made.command = Command::kDmaUnmap;
      const std::uint64_t address = std::uint64_t{input.byte()} << 12;
      put(made, vu::DmaUnmapRequest{24u, what >> 4 & 3u, address, std::uint64_t{input.byte() & 15u} << 12});
      return made;
    }
    case 3:
      made.command = Command::kDeviceInfo;
      put(made, vu::DeviceInfo{what >> 3, 0, 0, 0});
      return made;
    case 4:
      made.command = Command::kRegionInfo;
      put(made, vu::RegionInfo{static_cast<std::uint32_t>(next_number(input)), 0, what >> 4, 0, 0, 0});
      return made;
    case 5:
      made.command = Command::kIrqInfo;
      put(made, vu::IrqInfo{static_cast<std::uint32_t>(next_number(input)), 0, what >> 4, 0});
      return made;
    case 6:
    case 7:
      made.command = Command::kSetIrqs;
      interrupts(made, input);
      return made;
    case 8:
    case 9:
    case 10:
      made.command = Command::kRegionRead;
      access(made, input);
      return made;
    case 11:
    case 12:
    case 13:
      made.command = Command::kRegionWrite;
      access(made, input);
      return made;
    case 14:
      made.command = Command::kWriteMulti;
      several_writes(made, input);
      return made;
    default:
      if ((what & 0x80) != 0) put(made, std::uint8_t{0});
      return made;  // a reset
  }
}

}  // namespace vfio_user_input
