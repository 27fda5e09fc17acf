// The firmware's start in target role: options and the initialisation control block with the rings.
#include <cstring>

#include "drivers/qla/bringup.h"
#include "drivers/qla/names.h"
#include "drivers/qla/wire.h"

namespace qla {
namespace {

using Cmd = regs::MailboxCommand;
using Icb = wire::InitBlock;

constexpr std::uint32_t kPointToPoint = 0x08, kTargetRole = 0x10;  // mailbox 2 of the options
constexpr std::uint16_t kVirtualPorts = 1u << 2;                   // of the firmware's attributes
constexpr std::uint16_t kMultiIdOptions = 1u << 1;                 // as Linux has it; nobody says what it is
constexpr std::size_t kMultiIdBytes = sizeof(wire::MultiIdBlock) + 64 * sizeof(wire::MultiIdEntry);
constexpr std::uint16_t kFrameSize = 2048, kAllExchanges = 0xffff;
constexpr std::uint32_t kFairness = 1u << 1, kFullDuplex = 1u << 2, kOutOfOrderClass = 1u << 8;
constexpr std::uint32_t kConnectPointToPoint = 1, kConnectLoopFirst = 2, kRateAuto = 2;

}  // namespace

void Bringup::set_options() {
  const std::uint32_t connection = device_.options.loop ? 0 : kPointToPoint;
  send(call_.command(Cmd::kSetFirmwareOptions).set(1, 0).set(2, kTargetRole | connection).set(3, 0));
}

void Bringup::initialize() {
  const Indices& all = device_.indices;
  for (const auto* each :
       {&all.request_in, &all.request_out, &all.response_in, &all.response_out, &all.atio_in, &all.atio_out}) {
    each->write(Index{});
  }
  Icb icb{};
  icb.version = 1;
  icb.frame_size = kFrameSize;
  icb.execution_throttle = firmware_.exchanges;
  // In dual role the two share what there is.
  icb.exchange_count = device_.options.initiator ? std::uint16_t(firmware_.target_exchanges / 2) : kAllExchanges;
  icb.hard_address = hard_address_;
  icb.port_name = bytes_of(port_name_);
  icb.node_name = bytes_of(node_name_);
  icb.login_retry = login_retry_;
  icb.request_length = static_cast<std::uint16_t>(kRequestEntries);
  icb.request_address = memory_.request().iova.raw;
  icb.response_length = static_cast<std::uint16_t>(kResponseEntries);
  icb.response_address = memory_.response().iova.raw;
  icb.atio_length = static_cast<std::uint16_t>(kAtioEntries);
  icb.atio_address = memory_.atio().iova.raw;
  icb.options1 = kFairness | kFullDuplex | Icb::TargetMode::kMask | Icb::NodeName::kMask |
                 Icb::NoInitiatorMode::of(!device_.options.initiator);
  icb.options2 = Icb::Connection::of(device_.options.loop ? kConnectLoopFirst : kConnectPointToPoint) |
                 Icb::PrliControl::kMask | Icb::FcTape::of(device_.options.confirmed_completion) |
                 Icb::MultiQueue::of(device_.chip.queue_pages) | Icb::RequestShadow::of(device_.chip.shadow) |
                 Icb::ResponseShadow::of(device_.chip.shadow);
  icb.options3 = kOutOfOrderClass | Icb::DataRate::of(kRateAuto);
  // The ports themselves come with VP configuration entries, once there is a link.
  const std::size_t wanted = device_.options.virtual_ports.size();
  multi_id_ = wanted != 0 && (firmware_.attributes & kVirtualPorts) != 0 && firmware_.virtual_ports >= wanted;
  wire::MultiIdBlock block{};
  block.init = icb;
  block.count = static_cast<std::uint16_t>(wanted);
  block.options = kMultiIdOptions;
  const std::span<std::byte> bytes = memory_.block().bytes.first(kMultiIdBytes);
  std::memset(bytes.data(), 0, bytes.size());
  std::memcpy(bytes.data(), static_cast<const void*>(&block), multi_id_ ? sizeof block : sizeof icb);
  const Cmd command = multi_id_ ? Cmd::kInitializeMultiId : Cmd::kInitialize;
  send(call_.command(command).address(memory_.block().iova).wants(0xe));
}

Progress Bringup::initialized() {
  const Progress progress = mailbox_answered();
  if (progress == Progress::kNext) device_.running = true;
  return progress;
}

}  // namespace qla
