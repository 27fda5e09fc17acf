// Decisions on link services.
#include "fabrics/fcp/login_policy.h"

#include <algorithm>

#include "base/endian.h"
#include "hal/port/fc_els.h"
#include "scsi_core/engine/views.h"

namespace fcp {
namespace {

using hal::fc::FcpService;
using hal::fc::LinkServiceAnswer;
using hal::fc::LinkServiceKind;
using hal::fc::LsRjt;

constexpr LinkServiceAnswer refuse(LsRjt::Reason reason, LsRjt::Explanation explanation) {
  return {.accept = false, .reason = reason, .explanation = explanation};
}

// FCP-4 6.3.3. No retry: an initiator whose exchange lost something aborts it. No confirmed completion: we never ask
// for one. Read XFER_RDY is always disabled, write XFER_RDY never.
LinkServiceAnswer decide_prli(const hal::fc::LinkService& service) {
  if ((service.service_parameters & FcpService::kInitiator) == 0) {
    return refuse(LsRjt::kUnableToPerform, LsRjt::kServiceParameterOptions);
  }
  return {.service_parameters = FcpService::kTarget | FcpService::kReadXferRdyDisabled};
}

}  // namespace

bool permits(const PortConfig& config, hal::fc::Wwn initiator) {
  const base::be64 bytes = initiator.raw;
  const scsi::TransportId id{.protocol = 0, .name = {reinterpret_cast<const char*>(&bytes), sizeof bytes}};
  return config.initiators.empty() ||
         std::any_of(config.initiators.begin(), config.initiators.end(),
                     [&](const std::string& pattern) { return scsi::means_initiator(pattern, id); });
}

LinkServiceAnswer decide(const hal::fc::LinkService& service, const PortConfig& config, const Asker& asker) {
  switch (service.kind) {
    case LinkServiceKind::kLogo:
    case LinkServiceKind::kPrlo:
    case LinkServiceKind::kTprlo:
      return {};  // who wants to go may go
    case LinkServiceKind::kAdisc:
    case LinkServiceKind::kPdisc:
      if (!asker.logged_in) return refuse(LsRjt::kUnableToPerform, LsRjt::kLoginRequired);
      return {};
    case LinkServiceKind::kPlogi:
    case LinkServiceKind::kPrli:
      break;
  }
  if (!asker.port_online) return refuse(LsRjt::kLogicalBusy, LsRjt::kNone);
  if (service.from.port_name.raw == 0) return refuse(LsRjt::kLogicalError, LsRjt::kInvalidPortName);
  if (!permits(config, service.from.port_name)) return refuse(LsRjt::kUnableToPerform, LsRjt::kNone);
  if (service.kind == LinkServiceKind::kPlogi) return {};
  return decide_prli(service);
}

}  // namespace fcp
