// What the bytes of a `cdb` input mean: commands, task management and nexus loss from two hosts.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/input.h"
#include "tests/support/loop_port.h"

inline constexpr std::size_t kCdbSteps = 64;  // of one input
inline constexpr std::array<std::size_t, 8> kCdbLengths = {6, 10, 12, 16, 32, 6, 10, 260};

inline test_support::Request next_cdb_request(Input& input, std::uint8_t flags) {
  test_support::Request request;
  const std::uint8_t shape = input.byte();
  const auto cdb = input.bytes(kCdbLengths[shape & 7]);
  request.cdb.assign(cdb.begin(), cdb.end());
  request.cdb.resize(kCdbLengths[shape & 7]);
  request.lun = flags >> 1 & 3;
  request.attribute = static_cast<scsi::TaskAttribute>(shape >> 4 & 3);
  const std::uint16_t length = input.word();
  switch (shape >> 6) {
    case 0:
      break;
    case 1:
      request.in = length;
      break;
    default: {
      const auto data = std::as_bytes(input.bytes(length & 0xfff));
      request.out.assign(data.begin(), data.end());
      request.out.resize(length);
      request.direction = shape >> 6 == 2 ? scsi::DataDirection::kOut : scsi::DataDirection::kBidirectional;
    }
  }
  return request;
}

struct CdbStep {
  enum class Kind : std::uint8_t { kSend, kManage, kLose };
  Kind kind = Kind::kSend;
  std::size_t host = 0;
  std::uint32_t lun = 0;
  scsi::TaskFunction function{};
  test_support::Request request;
  bool settle = false;  // before the next step
};

inline CdbStep next_cdb_step(Input& input) {
  const std::uint8_t flags = input.byte();
  CdbStep step;
  step.host = flags & 1;
  step.lun = flags >> 1 & 3;
  step.settle = (flags & 0x40) != 0;
  switch (flags >> 3 & 7) {
    case 6:
      step.kind = CdbStep::Kind::kManage;
      step.function = static_cast<scsi::TaskFunction>(input.byte() % 10);
      break;
    case 7:
      step.kind = CdbStep::Kind::kLose;
      break;
    default:
      step.request = next_cdb_request(input, flags);
  }
  return step;
}
