// What lies in flash: NVRAM, firmware images, the layout of later chips.
#pragma once

#include "drivers/qla/wire/entry.h"

namespace qla::wire {

struct Nvram {  // the 128 dwords sum to 0
  Bytes<4> id;  // "ISP "
  le16 nvram_version;
  le16 reserved6;
  le16 version;
  le16 reserved10;
  le16 frame_size;
  le16 execution_throttle;
  le16 exchange_count;
  le16 hard_address;
  Bytes8 port_name, node_name;
  le16 login_retry;
  le16 link_down_on_nos;
  le16 interrupt_delay;
  le16 login_timeout;
  le32 options1, options2, options3;
  Bytes<200> reserved56;
  le32 host_options;
  Bytes8 alternate_port_name, alternate_node_name;
  Bytes<52> reserved276;
  std::uint8_t reset_delay;  // s
  Bytes<7> reserved329;
  le16 max_luns;
  le16 reserved338;
  le16 port_down_retry;
  le16 link_down_timeout;  // s
  Bytes<136> reserved344;
  Bytes<16> model_name;
  Bytes<12> reserved496;
  le32 checksum;
};
static_assert(sizeof(Nvram) == 512);

struct FirmwareSegment {  // head of each of the two segments, big-endian; the first 8 dwords of the image hold versions
  be32 reserved0, reserved4;
  be32 load_address;
  be32 dwords;  // with this head
  std::array<be32, 4> version;
};
static_assert(sizeof(FirmwareSegment) == 32);

// 83xx and later: where what is. The 16-bit words of header and regions sum to 0.
enum class RegionCode : std::uint16_t {
  kFirmware = 0x01,
  kFirmwareSecondary = 0x02,  // 27xx
  kBootCode = 0x07,
  kVpd0 = 0x14,
  kNvram0 = 0x15,
  kVpd1 = 0x16,
  kNvram1 = 0x17,
  kDescription = 0x1A,
  kLayout = 0x1C,
  kNpiv0 = 0x29,
  kNpiv1 = 0x2A,
  kFirmwareGolden = 0x2F,
  kFcpPriority0 = 0x87,
  kFcpPriority1 = 0x88,
  kImageStatus = 0x95,           // 27xx
  kImageStatusSecondary = 0x96,  // 27xx
};
struct FlashLayout {
  le16 version;  // 1
  le16 length;   // bytes of the regions that follow
  le16 checksum;
  le16 reserved6;
};
struct FlashRegion {
  le16 code;
  std::uint8_t attribute, reserved3;
  le32 size, start, end;  // bytes
};
static_assert(sizeof(FlashLayout) == 8 && sizeof(FlashRegion) == 16);
struct FlashDescription {  // the 64 words sum to 0
  Bytes<4> signature;      // "QLID"
  le16 version;
  le16 length;
  le16 checksum;
  Bytes<2> reserved10;
  Bytes<16> model;
  le16 manufacturer, device;
  std::uint8_t flags;
  std::uint8_t erase_command, alternate_erase_command;
  std::uint8_t write_enable_command, write_enable_bits, write_status_command;
  std::uint8_t unprotect_command, read_id_command;
  le32 block_size, alternate_block_size, flash_size;  // bytes
  le32 write_enable_data;
  std::uint8_t id_address_length, write_disable_bits, device_id_length, chip_erase_command;
  le16 read_timeout;
  std::uint8_t protect_command;
  Bytes<65> reserved63;
};
static_assert(sizeof(FlashDescription) == 128);
struct ImageStatus {  // 27xx; the 4 dwords sum to 0
  std::uint8_t mask;  // bit 0: this image is the one to load
  le16 generation;    // of two that are active the higher one
  std::uint8_t version_major, version_minor;
  std::uint8_t bitmap;
  Bytes<2> reserved6;
  le32 checksum;
  le32 signature;
};
static_assert(sizeof(ImageStatus) == 16);
constexpr std::uint32_t kImageStatusSignature = 0xFACEFADE;

// 27xx: behind the firmware's segments; big-endian head, then as many dwords of template as it says, less 8.
struct TemplateHead {
  be32 reserved0, reserved4;
  be32 dwords;
  std::array<be32, 4> reserved12;
};
struct DumpTemplate {  // its dwords sum to all ones, carries added
  le32 type;           // kDumpTemplate
  le32 entry_offset;   // bytes
  le32 size;           // bytes
  le32 reserved12;
  le32 entries;
  le32 version;
  le32 timestamp;
  le32 checksum;
  le32 reserved32;
  std::array<le32, 3> driver;
  std::array<le32, 16> saved;
  std::array<le32, 8> reserved112;
  std::array<le32, 5> firmware_version;
};
enum class DumpEntryType : std::uint32_t {
  kEnd = 255,
  kWindow = 256,
  kRegister = 260,
  kMemory = 262,
  kQueue = 263,
  kPauseRisc = 265,
  kResetRisc = 266,
  kScratch = 269,  // 4 bytes that the host fills in
  kShadow = 274,   // as kQueue, but the indices in host memory
};
struct DumpTemplateEntry {
  le32 type;  // DumpEntryType
  le32 size;  // bytes, with this head
  le32 reserved8;
  std::uint8_t capture;
  Bytes<2> reserved13;
  std::uint8_t driver;  // b7: the host has skipped it
};
struct DumpWindow {  // registers through a window, one after the other
  le32 base;         // what the window is set to
  std::uint8_t width;
  le16 count;
  std::uint8_t offset;  // of the window
};
struct DumpRegister {
  std::uint8_t offset;
  Bytes<3> reserved1;
};
struct DumpMemory {
  std::uint8_t area;
  Bytes<3> reserved1;
  le32 from, last;  // dword addresses
};
struct DumpQueue {
  le32 count;  // filled in by the host
  std::uint8_t which;
  Bytes<3> reserved5;
};
static_assert(sizeof(TemplateHead) == 28 && sizeof(DumpTemplate) == 164 && sizeof(DumpTemplateEntry) == 16);
static_assert(sizeof(DumpWindow) == 8 && sizeof(DumpRegister) == 4 && sizeof(DumpMemory) == 12 &&
              sizeof(DumpQueue) == 8);
constexpr std::uint32_t kDumpTemplate = 99;
constexpr std::uint8_t kDumpPhysicalPort = 2;

}  // namespace qla::wire
