// What the bytes of a `cdb` input mean: commands, task management and nexus loss from two hosts. A CDB is the input's
// as it is, or a row of the opcode table with the bits that it may have, near the beginning of the medium.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "scsi_core/disk/opcode_table.h"
#include "tests/fuzz/input.h"
#include "tests/support/loop_port.h"

inline constexpr std::size_t kCdbSteps = 64;                                                // of one input
inline constexpr std::array<std::size_t, 8> kCdbLengths = {6, 10, 12, 16, 32, 0, 10, 260};  // 0: a row
inline constexpr std::uint32_t kLongLun = 3;                                                // has 32-byte CDBs

// Keeps an LBA below 2048 and a length below 256, where the CDB has them.
inline void tame(std::vector<std::uint8_t>& cdb) {
  const auto keep = [&](std::size_t first, std::size_t size, std::uint8_t high) {
    for (std::size_t i = first; i + 2 < first + size; ++i) cdb[i] = 0;
    cdb[first + size - 2] &= high;
  };
  if (cdb.size() == 10) keep(2, 4, 7), keep(7, 2, 0);
  if (cdb.size() == 12) keep(2, 4, 7), keep(6, 4, 0);
  if (cdb.size() == 16) keep(2, 8, 7), keep(10, 4, 0);
  if (cdb.size() == 32) keep(12, 8, 7), keep(28, 4, 0);
}

inline void fill_from_row(Input& input, test_support::Request& request) {
  const bool is_long = request.lun == kLongLun;
  const auto rows = scsi::disk::opcodes(true, is_long ? 2 : 0).rows();
  const scsi::OpcodeRow& row = rows[input.byte() % rows.size()];
  const std::uint8_t how = input.byte();
  request.cdb.assign(row.length, 0);
  const auto given = input.bytes(row.length - std::size_t{1});
  for (std::size_t i = 0; i < given.size(); ++i) request.cdb[i + 1] = given[i] & row.usage[i + 1];
  request.cdb[0] = row.opcode;
  if (row.sa_byte == 1) request.cdb[1] = static_cast<std::uint8_t>((request.cdb[1] & 0xe0) | row.service_action);
  if (row.sa_byte == 8) {
    request.cdb[7] = 24;
    request.cdb[8] = static_cast<std::uint8_t>(row.service_action >> 8);
    request.cdb[9] = static_cast<std::uint8_t>(row.service_action);
  }
  if ((how & 3) != 3 && row.extent != nullptr) tame(request.cdb);
  if ((how & 4) != 0) request.cdb[input.byte() % request.cdb.size()] ^= input.byte();  // and a bit that it may not
  std::size_t length = std::size_t{input.byte()} * ((how & 8) != 0 ? 512 : 4);
  if ((how & 16) == 0 && row.extent != nullptr) {
    length = std::min<std::uint64_t>(row.extent(request.cdb.data()).blocks, 128) * (is_long ? 520 : 512);
  }
  const bool out = row.direction == scsi::DataDirection::kOut || (how & 32) != 0;
  if (!out) {
    request.in = length;
    return;
  }
  const auto data = std::as_bytes(input.bytes(std::min<std::size_t>(length, how & 0xc0u)));
  request.out.assign(data.begin(), data.end());
  request.out.resize(length);
}

inline test_support::Request next_cdb_request(Input& input, std::uint8_t flags) {
  test_support::Request request;
  const std::uint8_t shape = input.byte();
  request.lun = flags >> 1 & 3;
  request.attribute = static_cast<scsi::TaskAttribute>(shape >> 4 & 3);
  if (kCdbLengths[shape & 7] == 0) {
    fill_from_row(input, request);
    return request;
  }
  const auto cdb = input.bytes(kCdbLengths[shape & 7]);
  request.cdb.assign(cdb.begin(), cdb.end());
  request.cdb.resize(kCdbLengths[shape & 7]);
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
