// Requests that came before their turn: inside the command window, but with others missing before them (CmdSN gaps).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "fabrics/iscsi/pdu.h"
#include "fabrics/iscsi/task.h"

namespace iscsi {

class Connection;

// A copy of a PDU other than a SCSI command.
struct PduCopy {
  explicit PduCopy(const hal::ControlPdu& pdu);
  hal::ControlPdu view() const { return {.header = header, .ahs = {}, .data = data}; }
  pdu::BasicHeader header;
  std::vector<std::byte> data;
};

struct HeldRequest {
  std::uint32_t cmd_sn = 0;
  Connection* connection = nullptr;  // that it came by
  Task* task = nullptr;              // a SCSI command, already begun at the datamover
  std::unique_ptr<PduCopy> pdu;      // anything else; neither: aborted before its turn, counts as received
};

// Gaps are errors of the peer or lost PDUs: this allocates, in bounds.
class HeldRequests {
 public:
  static constexpr std::size_t kMaxBytes = 65536;  // of copies
  bool empty() const { return all_.empty(); }
  bool has(std::uint32_t cmd_sn) const { return find(cmd_sn) != nullptr; }
  bool fits(std::size_t bytes) const { return bytes <= kMaxBytes - bytes_; }
  void add(HeldRequest request);
  // Takes out the one with this number; false when there is none.
  bool take(std::uint32_t cmd_sn, HeldRequest& out);
  // The task is being aborted: its place stays, as one that counts as received.
  void forget(const Task& task);
  // The connection is gone: what it brought has not come, and may come again by another one.
  void forget(const Connection& connection);
  void clear();

 private:
  const HeldRequest* find(std::uint32_t cmd_sn) const;
  std::vector<HeldRequest> all_;
  std::size_t bytes_ = 0;
};

}  // namespace iscsi
