// Mailbox commands that initialise the firmware: rings, role and names from a block in host memory.
#include <fmt/format.h>

#include "emu/qla/firmware.h"
#include "emu/qla/nvram.h"

namespace emu::qla {
namespace {

constexpr std::uint32_t kReservedOptions1 = 0xFFFF9108;  // bits that nobody has given a meaning

// What real firmware would refuse or, worse, would not; each is said by name.
bool check(Core& core, const wire::InitBlock& init) {
  using Init = wire::InitBlock;
  const auto bad = [&](std::string_view what) {
    core.host.fault(fmt::format("initialisation block: {}", what));
    return false;
  };
  if (init.version != 1) return bad("version is not 1");
  if (init.reserved2 != 0 || init.reserved72 != 0) return bad("reserved bytes are set");
  if ((init.options1 & kReservedOptions1) != 0) return bad("reserved bits of options 1 are set");
  if (init.frame_size < 256 || init.frame_size > 2112) return bad("frame size");
  if (init.request_length == 0 || init.request_address % wire::kEntryBytes != 0) return bad("request queue");
  if (init.response_length == 0 || init.response_address % wire::kEntryBytes != 0) return bad("response queue");
  if (init.priority_length != 0 && init.priority_address % wire::kEntryBytes != 0) return bad("priority queue");
  if (wire::InitBlock::TargetMode::get(init.options1) && init.atio_length == 0) return bad("no ATIO queue");
  if (init.atio_length != 0 && init.atio_address % wire::kEntryBytes != 0) return bad("ATIO queue");
  if (to_wwn(init.port_name).raw == 0) return bad("no port name");
  const std::uint32_t options2 = init.options2;
  if ((Init::RequestShadow::get(options2) || Init::ResponseShadow::get(options2)) && !core.chip.shadow)
    return bad("this chip keeps no index in host memory");
  if (init.response_vector >= core.chip.identity.msix_vectors || init.atio_vector >= core.chip.identity.msix_vectors)
    return bad("vector beyond the table");
  return true;
}

MailboxAnswer initialize_with(Firmware& firmware, MailboxCall& call, const wire::InitBlock& init) {
  for (unsigned i = 1; i <= 3; ++i) call.out[i] = 0;
  if (!check(firmware.core, init)) return MailboxStatus::kParameterError;
  firmware.initialize(init);
  return MailboxStatus::kOk;
}

MailboxAnswer initialize(Firmware& firmware, MailboxCall& call) {
  const auto init = read_host<wire::InitBlock>(firmware.core.host, call.address());
  if (!init) return MailboxStatus::kParameterError;
  firmware.core.multi_id = false;
  return initialize_with(firmware, call, *init);
}

// Virtual ports in the block are those that exist from the start; hosts mostly add them later, by VP configuration.
MailboxAnswer initialize_multi_id(Firmware& firmware, MailboxCall& call) {
  Core& core = firmware.core;
  const auto block = read_host<wire::MultiIdBlock>(core.host, call.address());
  if (!block) return MailboxStatus::kParameterError;
  if (block->count > core.chip.virtual_ports + 1) {
    core.host.fault(fmt::format("initialisation block: {} virtual ports", std::uint16_t{block->count}));
    return MailboxStatus::kParameterError;
  }
  core.multi_id = true;
  return initialize_with(firmware, call, block->init);
}

constexpr MailboxRow kRows[] = {
    {MailboxCommand::kInitialize, "initialize firmware", kInLoaded, mask({1, 2, 3}), initialize},
    {MailboxCommand::kInitializeMultiId, "initialize firmware, multi-ID", kInLoaded, mask({1, 2, 3}),
     initialize_multi_id},
};

}  // namespace

std::span<const MailboxRow> initialize_commands() { return kRows; }

}  // namespace emu::qla
