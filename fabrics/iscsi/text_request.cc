// Text Requests in the full feature phase (RFC 7143 11.10, 11.11).
#include <algorithm>

#include "fabrics/iscsi/connection.h"
#include "fabrics/iscsi/shard.h"

namespace iscsi {

using pdu::kReservedTag;
using pdu::RejectReason;
using pdu::TextRequest;

void Connection::receive_text(const hal::ControlPdu& pdu) {
  const auto& request = pdu.as<TextRequest>();
  const bool final = pdu::Final::get(request.flags), more = TextRequest::Continue::get(request.flags);
  if (request.target_transfer_tag == kReservedTag) {  // begins anew, whatever was going on
    text_ = std::make_unique<TextExchange>(request.initiator_task_tag, parameters_, session_->identity.discovery);
  } else if (text_ == nullptr || request.target_transfer_tag != text_->target_transfer_tag ||
             request.initiator_task_tag != text_->initiator_task_tag()) {
    reject(RejectReason::kInvalidPduField, pdu.header);
    return;
  }
  const TextContext context{
      .settings = shard_.settings(), .identity = session_->identity, .local_address = datamover_->local_address()};
  if ((final && more) || request.initiator_task_tag == kReservedTag || !text_->take(pdu.data, more, context)) {
    text_.reset();  // and with it everything that was negotiated
    reject(RejectReason::kProtocolError, pdu.header);
    return;
  }
  consume(pdu);
  const TextExchange::Piece piece = text_->next(parameters_.initiator_max_data);
  const bool over = final && !piece.more;
  pdu::TextResponse response;
  response.flags = static_cast<std::uint8_t>(pdu::Final::of(over) | TextRequest::Continue::of(piece.more));
  response.initiator_task_tag = request.initiator_task_tag;
  text_->target_transfer_tag = over ? kReservedTag : new_tag();
  response.target_transfer_tag = text_->target_transfer_tag;
  if (!over) response.lun = request.lun;
  send_numbered(response, as_bytes(piece.text));
  if (!over) return;
  if (parameters_ != text_->parameters()) {
    const std::uint32_t declared_before = parameters_.target_max_data;
    parameters_ = text_->parameters();
    hal::DatamoverKeys keys = parameters_.datamover_keys();
    // What was sent before this answer arrives may be as long as we said before.
    keys.receive_data_segment_length = std::max(keys.receive_data_segment_length, declared_before);
    datamover_->enable(
        keys,
        {.stat_sn = &stat_sn_, .exp_cmd_sn = &session_->window.expected(), .max_cmd_sn = &session_->window.maximum()});
  }
  text_.reset();
}

}  // namespace iscsi
