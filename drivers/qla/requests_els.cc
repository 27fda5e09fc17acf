// Link services that the host builds and the firmware carries (entry 53): PLOGI to the other port of a link without
// fabric, RSCN to the fabric controller.
//
// The form of the entry is what Linux's qla2xxx makes of an ELS of user space: handle 7FD for FFFFFD, SOFi3, one
// segment each way, no login needed (qla2x00_process_els, qla24xx_els_iocb); s_id as in its own LOGO.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "drivers/qla/requests.h"
#include "hal/port/fc_els.h"

namespace qla {
namespace {

using hal::fc::Els;

constexpr std::uint16_t kPeerHandle = 0;  // point to point: there is one other port
constexpr std::uint8_t kSofI3 = 0x10;

// FC-LS-3 table 203, of a port in class 3.
hal::fc::LoginPayload plogi_of(const hal::fc::RemotePort& self) {
  using Common = hal::fc::CommonServiceParameters;
  using Class = hal::fc::ClassServiceParameters;
  constexpr std::uint16_t kCredit = 8, kReceiveSize = 2048, kSequences = 255;
  hal::fc::LoginPayload plogi;
  plogi.command = hal::fc::Els::kPlogi;
  plogi.common.credit = kCredit;
  plogi.common.features = Common::kContinuouslyIncreasingOffset | Common::kAlternateCredit;
  plogi.common.receive_size = kReceiveSize;
  plogi.common.total_sequences = kSequences;
  plogi.common.relative_offsets = 0x1f;   // all information categories
  plogi.common.error_detect_time = 2000;  // milliseconds
  plogi.port_name = self.port_name.raw;
  plogi.node_name = self.node_name.raw;
  plogi.class3.options = Class::kValid | Class::kSequentialDelivery;
  plogi.class3.receive_size = kReceiveSize;
  plogi.class3.concurrent_sequences = kSequences;
  plogi.class3.open_sequences = 1;
  return plogi;
}

hal::fc::PortRscn rscn_of(hal::fc::PortId self) {
  using Page = hal::fc::RscnPage;
  hal::fc::PortRscn rscn;
  rscn.page.qualifier_format =
      static_cast<std::uint8_t>(Page::EventQualifier::of(Page::kPortAttribute) | Page::AddressFormat::of(Page::kPort));
  rscn.page.port_id = self.raw;
  return rscn;
}

}  // namespace

// The firmware's own login takes the addresses that there are; this one gives them, so the host builds it, as Linux and
// illumos do.
void Requests::log_in_to_n_port(hal::fc::PortId port, const hal::fc::RemotePort& self) {
  const hal::fc::LoginPayload plogi = plogi_of(self);
  send_els(kPeerHandle, port, self.id, std::as_bytes(std::span(&plogi, 1)), sizeof plogi);
}

void Requests::report_state_change(hal::fc::PortId self) {
  const hal::fc::PortRscn rscn = rscn_of(self);
  send_els(wire::kHandleFabricController, hal::fc::kFabricController, self, std::as_bytes(std::span(&rscn, 1)),
           sizeof(hal::fc::LsRjt));
}

void Requests::send_els(std::uint16_t nport, hal::fc::PortId to, hal::fc::PortId self,
                        std::span<const std::byte> payload, std::size_t answer_bytes) {
  const auto free = std::find_if(ct_.begin(), ct_.end(), [](const Ct& ct) { return !ct.used; });
  auto* const entry =
      free == ct_.end() ? nullptr : control_.prepare<wire::ElsPassThrough>(wire::EntryType::kElsPassThrough);
  if (entry == nullptr) return device_.fail("all control entries are out");
  const auto slot = static_cast<std::uint32_t>(free - ct_.begin());
  const auto opcode = std::to_integer<std::uint8_t>(payload[0]);
  *free = {true, to.raw, opcode};
  const hal::DmaSpan out = memory_.ct_request(place(slot)), in = memory_.ct_reply(place(slot));
  std::memcpy(out.bytes.data(), payload.data(), payload.size());
  std::memset(in.bytes.data(), 0, answer_bytes);
  entry->nport = nport;
  entry->vp = vp_;
  entry->transmit_segments = 1;
  entry->sof = kSofI3;
  entry->receive_segments = 1;
  entry->opcode = opcode;
  entry->d_id = to.raw;
  entry->s_id = {static_cast<std::uint8_t>(self.raw >> 16), static_cast<std::uint8_t>(self.raw),
                 static_cast<std::uint8_t>(self.raw >> 8)};
  entry->receive_bytes = static_cast<std::uint32_t>(answer_bytes);
  entry->transmit_bytes = static_cast<std::uint32_t>(payload.size());
  entry->transmit = {out.iova.raw, static_cast<std::uint32_t>(payload.size())};
  entry->receive = {in.iova.raw, static_cast<std::uint32_t>(answer_bytes)};
  control_.send(*this, kEls | slot);
}

base::Result<void> Requests::els_result(std::uint32_t slot, const wire::Entry* answer) const {
  if (answer == nullptr) return base::fail(base::Errc::kIo, "the adapter is not ready");
  const auto completion =
      static_cast<wire::Completion>(std::uint16_t{reinterpret_cast<const wire::ElsStatus*>(answer)->completion});
  const bool done = completion == wire::Completion::kOk || completion == wire::Completion::kUnderrun;
  const std::span<const std::byte> reply = memory_.ct_reply(place(slot)).bytes;
  if (!done || answer->head.status != 0) {
    return base::fail(base::Errc::kIo, fmt::format("completion {:02x}, status {:02x}",
                                                   static_cast<unsigned>(completion), answer->head.status));
  }
  hal::fc::LsRjt reject;
  std::memcpy(static_cast<void*>(&reject), reply.data(), sizeof reject);
  if (reject.command == Els::kLsAcc) return {};
  return base::fail(base::Errc::kDenied, fmt::format("answer {:02x}, reason {:02x}, explanation {:02x}", reject.command,
                                                     reject.reason, reject.explanation));
}

void Requests::els_answered(std::uint32_t slot, const wire::Entry* answer) {
  Ct& ct = ct_[slot];
  ct.used = false;
  base::Result<void> result = els_result(slot, answer);
  if (ct.els == Els::kRscn) return user_->state_change_reported(std::move(result));
  user_->login_answered({ct.id}, std::move(result));
}

}  // namespace qla
