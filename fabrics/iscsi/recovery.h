// What a connection has to remember from error recovery level 1 on (RFC 7143 7.1.4): numbered responses, and the data
// of their tasks, until they are acknowledged.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "fabrics/iscsi/pdu.h"
#include "fabrics/iscsi/sent_data.h"

namespace iscsi {

struct SentStatus {
  pdu::BasicHeader header;
  std::vector<std::byte> data;
  std::unique_ptr<SentData> read;  // of a SCSI Response
};

// What all connections of one reactor keep.
class RecoveryMemory {
 public:
  static constexpr std::size_t kMost = std::size_t{256} << 20;

  explicit RecoveryMemory(std::size_t most = kMost) : most_(most) {}
  bool fits(std::size_t bytes) const { return bytes <= most_ && used_ <= most_ - bytes; }
  void take(std::size_t bytes) { used_ += bytes; }
  void give(std::size_t bytes) { used_ -= bytes; }
  std::size_t used() const { return used_; }
  void refuse() { ++refusals_; }
  std::uint64_t refusals() const { return refusals_; }  // times that something could not be kept

 private:
  const std::size_t most_;
  std::size_t used_ = 0;
  std::uint64_t refusals_ = 0;
};

class Recovery {
 public:
  static constexpr std::size_t kMostStatuses = 4096;                // as many as a command window has, and more
  static constexpr std::size_t kMostBytes = std::size_t{16} << 20;  // of data, and of responses, per connection
  // Of responses, that a connection may keep however much all others do: nobody loses his for the hoard of another.
  static constexpr std::size_t kAlways = std::size_t{64} << 10;

  Recovery(std::uint32_t stat_sn, RecoveryMemory& memory) : memory_(memory), first_(stat_sn) {}
  ~Recovery() { memory_.give(bytes_ + status_bytes_); }
  Recovery(const Recovery&) = delete;
  Recovery& operator=(const Recovery&) = delete;
  std::uint32_t first() const { return first_; }  // StatSN of the oldest that is not acknowledged
  std::uint32_t next() const { return first_ + static_cast<std::uint32_t>(statuses_.size()); }
  bool all_acknowledged() const { return statuses_.empty(); }
  // The initiator does not acknowledge: it is to be asked; it has been asked and it is enough.
  bool many() const { return statuses_.size() >= kMostStatuses / 2 || status_bytes_ >= kMostBytes / 2 || crowded(2); }
  bool too_many() const { return statuses_.size() >= kMostStatuses || status_bytes_ >= kMostBytes || crowded(1); }

  void keep(const pdu::BasicHeader& header, std::span<const std::byte> data, std::unique_ptr<SentData> read);
  void acknowledge(std::uint32_t exp_stat_sn);
  SentStatus& at(std::uint32_t stat_sn) { return statuses_[stat_sn - first_]; }
  SentStatus* find(std::uint32_t initiator_task_tag);  // the newest SCSI Response with this tag
  // Takes it out, for another connection to send; StatSN of this one means nothing any more.
  SentStatus extract(std::uint32_t initiator_task_tag);

  // Room for data of live tasks: what belongs to answered tasks is given up first, oldest first.
  bool make_room(std::size_t bytes);
  void take(std::size_t bytes);
  void give(std::size_t bytes);
  bool owes_scsi_response() const;  // some SCSI Response is not acknowledged

 private:
  bool room_for(std::size_t bytes) const { return bytes_ + bytes <= kMostBytes && memory_.fits(bytes); }
  bool crowded(std::size_t part) const { return status_bytes_ > kAlways / part && !memory_.fits(0); }
  void give_up_data(std::size_t bytes);  // of answered tasks, oldest first, until there is room for so many
  void count_status(const SentStatus& status, bool kept);

  RecoveryMemory& memory_;
  std::deque<SentStatus> statuses_;
  std::uint32_t first_;
  std::size_t bytes_ = 0, status_bytes_ = 0;  // of data; of the responses themselves
};

// A run of numbers that a SNACK asks for, of those in [first, next) that were sent and not acknowledged.
struct NumberRun {
  std::uint32_t begin, end;
};
bool find_run(std::uint32_t beg_run, std::uint32_t run_length, std::uint32_t first, std::uint32_t next, NumberRun& out);

}  // namespace iscsi
