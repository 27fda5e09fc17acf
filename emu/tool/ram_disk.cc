// SCSI commands on memory: SPC-5 and SBC-4, the least of both.
#include "emu/tool/ram_disk.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/endian.h"

namespace emu::tool {
namespace {

using hal::fc::FcpCmnd;
using Answer = RamDisk::Answer;

enum OpCode : std::uint8_t {
  kTestUnitReady = 0x00,
  kRequestSense = 0x03,
  kInquiry = 0x12,
  kModeSense6 = 0x1A,
  kReadCapacity10 = 0x25,
  kRead10 = 0x28,
  kWrite10 = 0x2A,
  kSynchronizeCache10 = 0x35,
  kModeSense10 = 0x5A,
  kRead16 = 0x88,
  kWrite16 = 0x8A,
  kSynchronizeCache16 = 0x91,
  kServiceActionIn = 0x9E,
  kReportLuns = 0xA0,
};
constexpr std::uint8_t kReadCapacity16 = 0x10;  // service action
constexpr std::uint16_t kInvalidOpCode = 0x2000, kOutOfRange = 0x2100, kInvalidField = 0x2400, kNoSuchLun = 0x2500;

Answer refuse(std::uint16_t code) {
  Answer answer;
  answer.status = 0x02;
  answer.sense[0] = 0x70;
  answer.sense[2] = 0x05;  // ILLEGAL REQUEST
  answer.sense[7] = 10;
  answer.sense[12] = static_cast<std::uint8_t>(code >> 8);
  answer.sense[13] = static_cast<std::uint8_t>(code);
  return answer;
}

Answer of(std::vector<std::uint8_t> bytes, std::size_t most) {
  Answer answer;
  bytes.resize(std::min(bytes.size(), most));
  answer.data.resize(bytes.size());
  std::memcpy(answer.data.data(), bytes.data(), bytes.size());
  return answer;
}

template <class T>
std::uint64_t at(const FcpCmnd& command, std::size_t offset) {
  T value;
  std::memcpy(static_cast<void*>(&value), command.cdb.data() + offset, sizeof value);
  return value;
}

template <class T>
void put(std::vector<std::uint8_t>& to, std::size_t offset, T value) {
  std::memcpy(to.data() + offset, &value, sizeof value);
}

void write_text(std::vector<std::uint8_t>& to, std::size_t offset, std::string_view text, std::size_t width) {
  for (std::size_t i = 0; i < width; ++i) to[offset + i] = i < text.size() ? static_cast<std::uint8_t>(text[i]) : ' ';
}

}  // namespace

Answer RamDisk::execute(const FcpCmnd& command) {
  const bool lun_zero =
      std::all_of(command.lun.begin(), command.lun.end(), [](std::uint8_t byte) { return byte == 0; });
  switch (command.cdb[0]) {
    case kInquiry: {
      Answer answer = inquiry(command);
      if (!lun_zero && !answer.data.empty()) answer.data[0] = std::byte{0x7F};  // nothing here
      return answer;
    }
    case kReportLuns: {
      std::vector<std::uint8_t> list(16);
      list[3] = 8;
      return of(list, at<base::be32>(command, 6));
    }
    case kRequestSense: {
      std::vector<std::uint8_t> sense(18);
      sense[0] = 0x70;
      sense[7] = 10;
      return of(sense, command.cdb[4]);
    }
    default:
      return lun_zero ? logical_unit_zero(command) : refuse(kNoSuchLun);
  }
}

Answer RamDisk::logical_unit_zero(const FcpCmnd& command) {
  const auto cut = [&](Answer answer, std::uint64_t most) {
    answer.data.resize(std::min<std::size_t>(answer.data.size(), most));
    return answer;
  };
  switch (command.cdb[0]) {
    case kTestUnitReady:
    case kSynchronizeCache10:
    case kSynchronizeCache16:
      return {};
    case kModeSense6:
      return cut(mode_sense(false), command.cdb[4]);
    case kModeSense10:
      return cut(mode_sense(true), at<base::be16>(command, 7));
    case kReadCapacity10:
      return capacity(false);
    case kServiceActionIn:
      if ((command.cdb[1] & 0x1F) != kReadCapacity16) return refuse(kInvalidField);
      return cut(capacity(true), at<base::be32>(command, 10));
    case kRead10:
    case kRead16:
    case kWrite10:
    case kWrite16:
      return transfer(command);
    default:
      return refuse(kInvalidOpCode);
  }
}

Answer RamDisk::inquiry(const FcpCmnd& command) const {
  const auto most = static_cast<std::size_t>(at<base::be16>(command, 3));
  if ((command.cdb[1] & 1) != 0) {
    Answer answer = vital_product_data(command.cdb[2]);
    answer.data.resize(std::min(answer.data.size(), most));
    return answer;
  }
  if (command.cdb[2] != 0) return refuse(kInvalidField);
  std::vector<std::uint8_t> standard(36);
  standard[2] = 6;     // SPC-4
  standard[3] = 0x12;  // HISUP, response data format 2
  standard[4] = 31;
  standard[7] = 2;  // CMDQUE
  write_text(standard, 8, "OUTBOARD", 8);
  write_text(standard, 16, "Model test disk", 16);
  write_text(standard, 32, "1", 4);
  return of(standard, most);
}

Answer RamDisk::vital_product_data(std::uint8_t page) const {
  std::vector<std::uint8_t> bytes{0, page, 0, 0};
  switch (page) {
    case 0x00:
      bytes.insert(bytes.end(), {0x00, 0x83});
      break;
    case 0x83: {
      bytes.insert(bytes.end(), {0x01, 0x03, 0, 8});  // binary, NAA, of the logical unit
      bytes.resize(16);
      put(bytes, 8, base::be64{name_});
      break;
    }
    default:
      return refuse(kInvalidField);
  }
  bytes[3] = static_cast<std::uint8_t>(bytes.size() - 4);
  return of(bytes, bytes.size());
}

Answer RamDisk::mode_sense(bool ten) const {  // no pages: the header alone
  std::vector<std::uint8_t> header(ten ? 8 : 4);
  header[ten ? 1 : 0] = ten ? 6 : 3;
  return of(header, header.size());
}

Answer RamDisk::capacity(bool sixteen) const {
  std::vector<std::uint8_t> bytes(sixteen ? 32 : 8);
  if (sixteen) {
    put(bytes, 0, base::be64{blocks() - 1});
  } else {
    put(bytes, 0, base::be32{static_cast<std::uint32_t>(blocks() - 1)});
  }
  put(bytes, sixteen ? 8 : 4, base::be32{kBlock});
  return of(bytes, bytes.size());
}

Answer RamDisk::transfer(const FcpCmnd& command) {
  const std::uint8_t code = command.cdb[0];
  const bool sixteen = code == kRead16 || code == kWrite16;
  const std::uint64_t first = sixteen ? at<base::be64>(command, 2) : at<base::be32>(command, 2);
  const std::uint64_t count = sixteen ? at<base::be32>(command, 10) : at<base::be16>(command, 7);
  if (first > blocks() || count > blocks() - first) return refuse(kOutOfRange);
  Answer answer;
  answer.write = code == kWrite10 || code == kWrite16;
  answer.blocks = std::span(memory_).subspan(first * kBlock, count * kBlock);
  return answer;
}

}  // namespace emu::tool
