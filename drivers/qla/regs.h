// Registers and mailbox numbers of QLogic 24xx and later FC controllers: the window of BAR1 (83xx and later: BAR0), and
// the pages of queue indices that 83xx and later have in BAR4.
#pragma once

#include <cstdint>

#include "base/bits.h"
#include "hal/reg.h"

namespace qla::regs {

using hal::Access;
using hal::Reg;
using hal::RegArray;

constexpr std::uint32_t kWindowSize = 0x100;

// Address bits: a write with kDone clear starts the read of that flash dword, with kDone set the write of FlashData.
// The chip turns kDone over when it has finished.
struct FlashAddress : Reg<FlashAddress, 0x00, std::uint32_t, Access::kRw> {
  using Done = Flag<31>;
  using Address = Field<30, 0>;
};
struct FlashData : Reg<FlashData, 0x04, std::uint32_t, Access::kRw> {};
struct ControlStatus : Reg<ControlStatus, 0x08, std::uint32_t, Access::kRw> {
  using FlashAccessError = Flag<18>;
  using DmaActive = Flag<17>;
  using StopDma = Flag<16>;
  using Function = Flag<15>;
  using BusMode = Field<11, 8>;
  using WriteBurst = Field<5, 4>;
  using Slot64 = Flag<2>;
  using FlashWriteEnable = Flag<1>;
  using SoftReset = Flag<0>;
};
struct InterruptControl : Reg<InterruptControl, 0x0C, std::uint32_t, Access::kRw> {
  using Enable = Flag<3>;
};
struct InterruptStatus : Reg<InterruptStatus, 0x10, std::uint32_t, Access::kRo> {
  using Pending = Flag<3>;
};

// Indices of 64-byte entries. The host owns request in, response out and ATIO out, the chip the other half; a driver
// zeroes all of them before it initialises the firmware.
struct RequestIn : Reg<RequestIn, 0x1C, std::uint32_t, Access::kRw> {};
struct RequestOut : Reg<RequestOut, 0x20, std::uint32_t, Access::kRw> {};
struct ResponseIn : Reg<ResponseIn, 0x24, std::uint32_t, Access::kRw> {};
struct ResponseOut : Reg<ResponseOut, 0x28, std::uint32_t, Access::kRw> {};
struct PriorityIn : Reg<PriorityIn, 0x2C, std::uint32_t, Access::kRw> {};
struct PriorityOut : Reg<PriorityOut, 0x30, std::uint32_t, Access::kRw> {};
struct AtioIn : Reg<AtioIn, 0x3C, std::uint32_t, Access::kRw> {};
struct AtioOut : Reg<AtioOut, 0x40, std::uint32_t, Access::kRw> {};

enum class InterruptCode : std::uint8_t {
  kRomMailboxDone = 0x01,
  kRomMailboxFailed = 0x02,
  kMailboxDone = 0x10,
  kMailboxFailed = 0x11,
  kAsyncEvent = 0x12,
  kResponseQueue = 0x13,
  kResponseQueue83 = 0x14,
  kAtioQueue = 0x1C,
  kAtioAndResponseQueue = 0x1D,
  kAtioQueue27 = 0x1E,
};
struct HostStatus : Reg<HostStatus, 0x44, std::uint32_t, Access::kRo> {
  using Mailbox0 = Field<31, 16, std::uint16_t>;  // as it was when the event was presented
  using RiscInterrupt = Flag<15>;
  using RiscPaused = Flag<8>;
  using Code = Field<7, 0, InterruptCode>;
};

enum class Command : std::uint8_t {
  kNone = 0x0,
  kSetRiscReset = 0x1,
  kClearRiscReset = 0x2,
  kPause = 0x3,
  kReleasePause = 0x4,
  kSetHostInterrupt = 0x5,  // the mailboxes hold a command
  kClearHostInterrupt = 0x6,
  kClearRiscInterrupt = 0xA,  // the event was taken: the next one, please
};
struct HostCommand : Reg<HostCommand, 0x48, std::uint32_t, Access::kRw> {
  using Value = Field<31, 28, Command>;
  using HostInterrupt = Flag<6>;  // as read: the mailbox command was not taken yet
  using RiscInReset = Flag<5>;    // as read
};
struct GpioData : Reg<GpioData, 0x4C, std::uint32_t, Access::kRw> {};
struct GpioEnable : Reg<GpioEnable, 0x50, std::uint32_t, Access::kRw> {};
struct WindowBase : Reg<WindowBase, 0x54, std::uint32_t, Access::kRw> {};
struct Semaphore : Reg<Semaphore, 0x58, std::uint32_t, Access::kRw> {};

// Two sets behind the same addresses: writes go to the chip's input, reads show its output.
constexpr unsigned kMailboxes = 32;
struct Mailbox : RegArray<Mailbox, 0x80, std::uint16_t, Access::kRw, kMailboxes, 2> {};
struct WindowData : RegArray<WindowData, 0xC0, std::uint32_t, Access::kRw, 16, 4> {};

// 83xx and later: the indices of all queues are here and not in the window; a page for each number of a queue. The base
// queues are number 0, and the ATIO queue is in page 0 only.
constexpr std::uint32_t kQueuePage = 0x1000;
constexpr unsigned kMostQueues = 256;
struct PageRequestIn : RegArray<PageRequestIn, 0x00, std::uint32_t, Access::kRw, kMostQueues, kQueuePage> {};
struct PageRequestOut : RegArray<PageRequestOut, 0x04, std::uint32_t, Access::kRw, kMostQueues, kQueuePage> {};
struct PageResponseIn : RegArray<PageResponseIn, 0x08, std::uint32_t, Access::kRw, kMostQueues, kQueuePage> {};
struct PageResponseOut : RegArray<PageResponseOut, 0x0C, std::uint32_t, Access::kRw, kMostQueues, kQueuePage> {};
struct PageAtioIn : Reg<PageAtioIn, 0x10, std::uint32_t, Access::kRw> {};
struct PageAtioOut : Reg<PageAtioOut, 0x14, std::uint32_t, Access::kRw> {};

enum class MailboxCommand : std::uint16_t {
  kNoOperation = 0x00,
  kLoadRam16 = 0x01,
  kExecuteFirmware = 0x02,
  kWriteSerdes = 0x03,
  kReadSerdes = 0x04,
  kReadRamWord = 0x05,
  kRegisterTest = 0x06,
  kVerifyChecksum = 0x07,
  kFirmwareVersion = 0x08,
  kLoadRiscRam = 0x09,
  kDumpRiscRam = 0x0A,
  kLoadRam = 0x0B,
  kDumpRam = 0x0C,
  kWriteRamWord = 0x0D,
  kReadRamWordExtended = 0x0F,
  kStopFirmware = 0x14,
  kAbortTarget = 0x17,
  kPortParameters = 0x1A,
  kCreateQueue = 0x1F,
  kGetAdapterId = 0x20,
  kZioThreshold = 0x21,
  kGetTimeouts = 0x22,
  kTraceControl = 0x27,
  kGetFirmwareOptions = 0x28,
  kGenerateSystemError = 0x2A,
  kWriteSfp = 0x30,
  kReadSfp = 0x31,
  kSetTimeouts = 0x32,
  kMemoryOffload = 0x34,
  kSetFirmwareOptions = 0x38,
  kLedConfig = 0x3B,
  kFlashAccess = 0x3E,
  kGetResourceCounts = 0x42,
  kDiagnosticEcho = 0x44,
  kDiagnosticLoopback = 0x45,
  kInitializeMultiId = 0x48,
  kGetVpDatabase = 0x49,
  kGetVpEntry = 0x4A,
  kExecuteIocb = 0x54,
  kPortLogout = 0x56,
  kSendRnid = 0x57,
  kSetParameters = 0x59,
  kGetParameters = 0x5A,
  kDataRate = 0x5D,
  kInitialize = 0x60,
  kInitiateLip = 0x62,
  kGetPositionMap = 0x63,
  kGetPortDatabase = 0x64,
  kGetFirmwareState = 0x69,
  kGetPortName = 0x6A,
  kGetLinkStatus = 0x6B,
  kLipReset = 0x6C,
  kGetLinkStatistics = 0x6D,
  kRegisterStateChange = 0x70,
  kLinkInitialize = 0x72,
  kGetNameList = 0x75,
  kSetVendorId = 0x76,
  kGetIdList = 0x7C,
};

enum class MailboxStatus : std::uint16_t {
  kOk = 0x4000,
  kInvalidCommand = 0x4001,
  kInterfaceError = 0x4002,
  kTestFailed = 0x4003,
  kCommandError = 0x4005,
  kParameterError = 0x4006,
  kPortIdInUse = 0x4007,
  kLoopIdInUse = 0x4008,
  kAllIdsInUse = 0x4009,
  kNotLoggedIn = 0x400A,
  kLinkDown = 0x400B,
};

enum class AsyncEvent : std::uint16_t {
  kSystemError = 0x8002,
  kRequestDmaError = 0x8003,
  kResponseDmaError = 0x8004,
  kLip = 0x8010,
  kLinkUp = 0x8011,
  kLinkDown = 0x8012,
  kLipReset = 0x8013,
  kPortDatabaseChanged = 0x8014,
  kStateChange = 0x8015,
  kPointToPoint = 0x8030,
  kConnectionMode = 0x8036,
  kDiscardedFrame = 0x8048,
  kRejectedCommand = 0x8049,
};

// kCreateQueue, mailbox 1. The buffer address is the ring's; mailboxes: 4 number, 5 length, 8 and 9 first indices;
// request queues: 10 the response queue that answers it, 11 vp; response queues: 14 MSI-X vector.
struct CreateQueue {
  using Shadow = base::Flag<std::uint16_t, 13>;    // the chip's index is in host memory too, behind the ring's end
  using Handshake = base::Flag<std::uint16_t, 6>;  // its interrupts are events, to be retired
  using Response = base::Flag<std::uint16_t, 1>;   // else a request queue
  using Delete = base::Flag<std::uint16_t, 0>;
};
// kFlashAccess, mailbox 1 (81xx and later). Addresses of dwords: mailboxes 2, 3 first and 4, 5 last, low half
// first.
enum class FlashAccess : std::uint8_t {
  kWriteProtect = 0,
  kWriteEnable = 1,
  kEraseSectors = 2,
  kLock = 3,
  kUnlock = 4,
  kSectorSize = 5,  // answered in mailbox 1, dwords
};
// Mailbox 6 of kFirmwareVersion.
struct FirmwareAttributes {
  using MultiQueue = base::Flag<std::uint16_t, 6>;
  using ProtectionInformation = base::Flag<std::uint16_t, 4>;
  using VirtualPorts = base::Flag<std::uint16_t, 2>;  // kInitializeMultiId
};

// What the flash address register and the RAM commands call flash (24xx and 25xx; dword index added).
constexpr std::uint32_t kFlashData = 0x7FF00000, kFlashConfig = 0x7FFD0000;
// Default places in a 25xx's flash, dword indices; the second function's NVRAM and VPD are kFunctionStride further.
constexpr std::uint32_t kFlashFirmware = 0x20000, kFlashVpd = 0x48000, kFlashNvram = 0x48080, kFunctionStride = 0x100;
// The same of 83xx and 27xx; all other places are in a table of regions at kFlashLayout83.
constexpr std::uint32_t kFlashData83 = 0x7F800000, kFlashLayout83 = 0xFC400;

}  // namespace qla::regs
