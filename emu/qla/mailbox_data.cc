// Mailbox commands that carry other things: IOCBs, parameters of link services, statistics, diagnosis.
#include <algorithm>

#include "emu/fc/payloads.h"
#include "emu/qla/firmware.h"

namespace emu::qla {
namespace {

// The answer replaces the entry in host memory; it may come much later.
MailboxAnswer execute_iocb(Firmware& firmware, MailboxCall& call) {
  if (call.from_entry) return MailboxStatus::kParameterError;
  auto entry = read_host<wire::Entry>(firmware.core.host, call.address());
  if (!entry) return MailboxStatus::kParameterError;
  firmware.process({std::span(&*entry, 1), {.mailbox = true, .address = call.address()}});
  return std::nullopt;
}

MailboxAnswer set_parameters(Firmware& firmware, MailboxCall& call) {
  constexpr unsigned kElsToHost = 5, kVersion = 9;
  switch (call[1] >> 8) {
    case kElsToHost: {
      const auto bits = read_host<std::array<std::uint8_t, 32>>(firmware.core.host, call.address());
      if (!bits) return MailboxStatus::kParameterError;
      firmware.core.purex = *bits;
      if (firmware.core.phase == Phase::kRunning) firmware.apply_link_services();
      return MailboxStatus::kOk;
    }
    case kVersion:
    default:
      return MailboxStatus::kOk;  // what RNID is to tell
  }
}

// The parameters of a PLOGI that the host may build itself (point to point): from the common ones on, swapped.
MailboxAnswer get_parameters(Firmware& firmware, MailboxCall& call) {
  constexpr unsigned kPlogiTemplate = 7;
  constexpr std::uint16_t kFeatures = 0x8800;  // continuously increasing relative offset, alternate credit
  Core& core = firmware.core;
  if (call[1] >> 8 != kPlogiTemplate) return MailboxStatus::kParameterError;
  const auto plogi =
      fc::login_payload(hal::fc::Els::kPlogi, {core.port_name, core.node_name}, core.init.frame_size, kFeatures);
  const auto raw = std::bit_cast<std::array<std::uint8_t, sizeof plogi>>(plogi);
  std::array<std::uint8_t, sizeof plogi> buffer{};
  swap_words(buffer, std::span(raw).subspan(sizeof(hal::fc::Els)));
  const auto part = std::as_bytes(std::span(buffer)).first(std::min<std::size_t>(buffer.size(), call[8] * 4u));
  return core.host.dma_write({call.address()}, part) ? MailboxStatus::kOk : MailboxStatus::kParameterError;
}

MailboxAnswer statistics(Firmware& firmware, MailboxCall& call) {
  const wire::LinkStatistics values = firmware.statistics();
  const auto bytes = std::as_bytes(std::span(&values, 1));
  const auto part = bytes.first(std::min<std::size_t>(bytes.size(), call[8] * std::size_t{4}));
  return firmware.core.host.dma_write({call.address()}, part) ? MailboxStatus::kOk : MailboxStatus::kParameterError;
}

constexpr MailboxRow kRows[] = {
    {MailboxCommand::kExecuteIocb, "execute IOCB", kInRunning, 0, execute_iocb},
    {MailboxCommand::kSetParameters, "set parameters", kWithFirmware, 0, set_parameters},
    {MailboxCommand::kGetParameters, "get parameters", kInRunning, 0, get_parameters},
    {MailboxCommand::kGetLinkStatistics, "get link statistics", kInRunning, 0, statistics},
};

}  // namespace

std::span<const MailboxRow> data_commands() { return kRows; }

}  // namespace emu::qla
