// Immediate notifications (0D), their acknowledgements (0E), and PUREX (51).
#include "emu/qla/notify.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "emu/qla/nvram.h"

namespace emu::qla {

using hal::fc::Els;

wire::FcHeaderLe to_little_endian(const hal::fc::FrameHeader& header) {
  return {std::uint32_t{header.d_id},
          header.r_ctl,
          std::uint32_t{header.s_id},
          header.cs_ctl,
          std::uint32_t{header.f_ctl},
          header.type,
          std::uint16_t{header.seq_cnt},
          header.df_ctl,
          header.seq_id,
          std::uint16_t{header.rx_id},
          std::uint16_t{header.ox_id},
          std::uint32_t{header.parameter}};
}

void Notify::received(const fc::ReceivedEls& els) {
  const std::uint8_t command = els.command();
  if (core_.port.settings().els[command] == fc::Handling::kPassUp) return pass_up(els);
  auto notice = fresh<wire::ImmediateNotify>(wire::EntryType::kImmediateNotify);
  const auto known =
      command == Els::kPlogi ? core_.handles.assign(els.vp, els.from.id) : core_.handles.find(els.vp, els.from.id);
  notice.nport = known.value_or(wire::kHandleUnknown);
  notice.status = static_cast<std::uint16_t>(wire::NotifyStatus::kEls);
  notice.subcode = command;
  notice.firmware_handle = next_handle_++;
  notice.exchange = els.id;
  notice.port_name = to_bytes(els.from.port_name);
  notice.vp = els.vp;
  notice.port_id = els.from.id.raw;
  notice.ox_id = std::uint16_t{els.header->ox_id};
  if (command == Els::kPlogi || command == Els::kPdisc || command == Els::kAdisc) {
    notice.detail = to_bytes(els.from.node_name);
  } else if (command == Els::kPrli) {
    hal::fc::ProcessLogin login;
    std::memcpy(static_cast<void*>(&login), els.payload.data(), std::min(sizeof login, els.payload.size()));
    const base::le16 word3 = static_cast<std::uint16_t>(login.page.parameters);
    std::memcpy(notice.detail.data(), &word3, sizeof word3);
  } else {
    const base::le24 id = els.from.id.raw;
    const base::le16 handle = notice.nport;
    std::memcpy(notice.detail.data(), &id, sizeof id);
    std::memcpy(notice.detail.data() + 4, &handle, sizeof handle);
  }
  held_.push_back({els.id, command, notice.firmware_handle, els.vp, els.from.id});
  core_.count("immediate notifications");
  core_.notify(notice);
}

void Notify::acknowledged(const Request& request) {
  auto ack = request.as<wire::NotifyAck>();
  const auto held = std::find_if(held_.begin(), held_.end(), [&](const Held& at) { return at.id == ack.exchange; });
  if (held == held_.end()) {  // the link went down meanwhile
    core_.count("acknowledgements of nothing");
    ack.status = static_cast<std::uint16_t>(wire::CtioStatus::kInvalidExchange);
    return core_.answer(request.origin, ack);
  }
  if (ack.status != static_cast<std::uint16_t>(wire::NotifyStatus::kEls) || ack.subcode != held->command ||
      ack.firmware_handle != held->firmware_handle || ack.vp != held->vp)
    core_.host.fault(
        fmt::format("notify ack for exchange {:08x}: status, subcode, firmware handle or vp not copied", held->id));
  const Held done = *held;
  held_.erase(held);
  const bool accept = !wire::NotifyAck::Reject::get(ack.flags);
  if (accept && (done.command == Els::kLogo || done.command == Els::kPrlo || done.command == Els::kTprlo))
    link_.expect(done.vp, done.from);
  const std::uint8_t reason = ack.srr_reason != 0 ? ack.srr_reason : std::uint8_t{hal::fc::LsRjt::kUnableToPerform};
  core_.port.answer(done.id, accept, reason, ack.srr_explanation);
  ack.status = wire::kNotifyAckOk;
  core_.answer(request.origin, ack);
}

void Notify::pass_up(const fc::ReceivedEls& els) {
  wire::Purex head{};
  const std::size_t inside = std::min(els.payload.size(), head.payload.size());
  auto rest = els.payload.subspan(inside);
  constexpr std::size_t kPart = sizeof(wire::StatusContinuation::data);
  head.type = static_cast<std::uint8_t>(wire::EntryType::kPurex);
  head.count = static_cast<std::uint8_t>(1 + (rest.size() + kPart - 1) / kPart);
  head.vp = els.vp;
  head.nport = core_.handles.find(els.vp, els.from.id).value_or(wire::kHandleUnknown);
  head.frame_size = static_cast<std::uint16_t>(sizeof(hal::fc::FrameHeader) + els.payload.size());
  head.exchange = els.id;
  head.header = to_little_endian(*els.header);
  std::memcpy(head.payload.data(), els.payload.data(), inside);
  core_.respond(head);
  while (!rest.empty()) {
    auto more = fresh<wire::StatusContinuation>(wire::EntryType::kStatusContinuation);
    const std::size_t part = std::min(rest.size(), kPart);
    std::memcpy(more.data.data(), rest.data(), part);
    core_.respond(more);
    rest = rest.subspan(part);
  }
}

}  // namespace emu::qla
