// The messages of vfio-user 0.1 as they are on the socket: header, commands, and each command's fixed part.
//
// The public vfio-user specification (docs/interop/vfio-user.rst of QEMU). Integers are in the byte order of the host,
// which both ends share. Sizes in bytes; where a field is "argsz", it is the largest reply that the sender takes.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/bits.h"
#include "base/endian.h"

namespace hal::vfio_user {

static_assert(std::endian::native == std::endian::little, "host order is little-endian on every machine we run on");
using base::le16;
using base::le32;
using base::le64;

enum class Command : std::uint16_t {
  kVersion = 1,
  kDmaMap = 2,
  kDmaUnmap = 3,
  kDeviceInfo = 4,
  kRegionInfo = 5,
  kRegionIoFds = 6,
  kIrqInfo = 7,
  kSetIrqs = 8,
  kRegionRead = 9,
  kRegionWrite = 10,
  kDmaRead = 11,   // server to client
  kDmaWrite = 12,  // server to client
  kReset = 13,
  kDirtyPages = 14,
  kWriteMulti = 15,
  kFeature = 16,
};

struct Header {
  le16 id, command;
  le32 size;  // of the whole message
  le32 flags, error;
  using Type = base::Bits<std::uint32_t, 3, 0>;  // 0 command, 1 reply
  using NoReply = base::Flag<std::uint32_t, 4>;
  using Failed = base::Flag<std::uint32_t, 5>;
};
static_assert(sizeof(Header) == 16);
constexpr std::uint32_t kReplyType = 1;

struct Version {  // then JSON text with its NUL
  le16 major, minor;
};
static_assert(sizeof(Version) == 4);

constexpr std::uint32_t kDmaReadable = 1, kDmaWritable = 2;
struct DmaMapRequest {
  le32 argsz, flags;
  le64 offset;  // in the file
  le64 address, size;
};
static_assert(sizeof(DmaMapRequest) == 32);

constexpr std::uint32_t kUnmapDirtyBitmap = 1, kUnmapAll = 2;
struct DmaUnmapRequest {
  le32 argsz, flags;
  le64 address, size;
};
static_assert(sizeof(DmaUnmapRequest) == 24);

constexpr std::uint32_t kDeviceCanReset = 1, kDeviceIsPci = 2;
struct DeviceInfo {
  le32 argsz, flags, regions, irqs;
};
static_assert(sizeof(DeviceInfo) == 16);

enum RegionIndex : std::uint32_t {
  kRegionBar0 = 0,
  kRegionBar5 = 5,
  kRegionRom = 6,
  kRegionConfig = 7,
  kRegionVga = 8
};
constexpr std::uint32_t kRegions = 9;
constexpr std::uint32_t kRegionCanRead = 1, kRegionCanWrite = 2, kRegionCanMap = 4, kRegionHasCapabilities = 8;
struct RegionInfo {
  le32 argsz, flags, index;
  le32 capabilities;  // offset of the first from here, or 0
  le64 size, offset;  // offset: of the region in the file descriptor that came along
};
static_assert(sizeof(RegionInfo) == 32);

constexpr std::uint16_t kSparseMap = 1;
struct SparseMapCapability {  // then the areas
  le16 id, version;
  le32 next, areas, reserved;
};
static_assert(sizeof(SparseMapCapability) == 16);
struct SparseMapArea {
  le64 offset, size;
};
static_assert(sizeof(SparseMapArea) == 16);

enum IrqIndex : std::uint32_t { kIrqIntx = 0, kIrqMsi = 1, kIrqMsix = 2, kIrqError = 3, kIrqRequest = 4 };
constexpr std::uint32_t kIrqs = 5;
constexpr std::uint32_t kIrqEventfd = 1, kIrqMaskable = 2, kIrqAutomasked = 4, kIrqNoResize = 8;
struct IrqInfo {
  le32 argsz, flags, index, count;
};
static_assert(sizeof(IrqInfo) == 16);

struct SetIrqsRequest {  // then a byte for each of `count` where the data are booleans
  le32 argsz, flags, index, start, count;
  using NoData = base::Flag<std::uint32_t, 0>;
  using Booleans = base::Flag<std::uint32_t, 1>;
  using Eventfds = base::Flag<std::uint32_t, 2>;
  using Mask = base::Flag<std::uint32_t, 3>;
  using Unmask = base::Flag<std::uint32_t, 4>;
  using Trigger = base::Flag<std::uint32_t, 5>;
};
static_assert(sizeof(SetIrqsRequest) == 20);

struct RegionAccess {  // then the data
  le64 offset;
  le32 region, count;
};
static_assert(sizeof(RegionAccess) == 16);

struct WriteMultiRequest {  // then the writes
  le64 count;
};
static_assert(sizeof(WriteMultiRequest) == 8);
struct OneWrite {
  le64 offset;
  le32 region, count;
  std::uint8_t data[8];
};
static_assert(sizeof(OneWrite) == 24);

struct DmaAccess {  // then the data
  le64 address, count;
};
static_assert(sizeof(DmaAccess) == 16);

constexpr std::size_t kMaxDataTransfer = std::size_t{1} << 20;
constexpr std::size_t kMaxMessage = kMaxDataTransfer + 4096;  // longer ones end the connection
constexpr unsigned kMaxFds = 16;                              // that we take with one message

}  // namespace hal::vfio_user
