// Negotiated parameters in the forms that others want them in.
#include "fabrics/iscsi/parameters.h"

namespace iscsi {
namespace {

const char* yes_no(bool value) { return value ? "Yes" : "No"; }
const char* digest(bool value) { return value ? "CRC32C" : "None"; }

}  // namespace

hal::DatamoverKeys Parameters::datamover_keys() const {
  return {.header_digest = header_digest,
          .data_digest = data_digest,
          .initial_r2t = initial_r2t,
          .immediate_data = immediate_data,
          .data_pdu_in_order = data_pdu_in_order,
          .data_sequence_in_order = data_sequence_in_order,
          .send_data_segment_length = initiator_max_data,
          .receive_data_segment_length = target_max_data,
          .max_burst_length = max_burst,
          .first_burst_length = first_burst,
          .max_outstanding_r2t = max_outstanding_r2t,
          .error_recovery_level = error_recovery_level};
}

std::vector<std::pair<std::string, std::string>> Parameters::listing(bool discovery) const {
  std::vector<std::pair<std::string, std::string>> all = {
      {"HeaderDigest", digest(header_digest)},
      {"DataDigest", digest(data_digest)},
      {"InitiatorMaxRecvDataSegmentLength", std::to_string(initiator_max_data)},
      {"TargetMaxRecvDataSegmentLength", std::to_string(target_max_data)},
      {"ErrorRecoveryLevel", std::to_string(error_recovery_level)},
      {"DefaultTime2Wait", std::to_string(time2wait)},
      {"DefaultTime2Retain", std::to_string(time2retain)},
  };
  if (discovery) return all;
  all.insert(all.end(), {{"MaxConnections", std::to_string(max_connections)},
                         {"InitialR2T", yes_no(initial_r2t)},
                         {"ImmediateData", yes_no(immediate_data)},
                         {"MaxBurstLength", std::to_string(max_burst)},
                         {"FirstBurstLength", std::to_string(first_burst)},
                         {"MaxOutstandingR2T", std::to_string(max_outstanding_r2t)},
                         {"DataPDUInOrder", yes_no(data_pdu_in_order)},
                         {"DataSequenceInOrder", yes_no(data_sequence_in_order)},
                         {"TaskReporting", response_fence ? "ResponseFence" : "RFC3720"},
                         {"iSCSIProtocolLevel", std::to_string(protocol_level)}});
  return all;
}

}  // namespace iscsi
