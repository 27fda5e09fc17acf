// Data-Out of one connection: early data is kept, R2Ts are sent, bytes are placed, wrong PDUs are refused.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "base/check.h"
#include "drivers/soft/tcp/pieces.h"
#include "drivers/soft/tcp/sender.h"
#include "hal/port/datamover.h"

namespace soft::tcp {

class DataOut {
 public:
  DataOut(Sender& sender, hal::DmaPool& memory) : sender_(sender), memory_(memory) {}
  void enable(const hal::DatamoverKeys& keys, const hal::PduCounters& counters) {
    keys_ = keys;
    counters_ = counters;
  }
  void set_events(hal::DatamoverEvents& events) { events_ = &events; }

  void begin(hal::DataTask& task, std::span<const std::byte> immediate) {
    CHECK(!task.active && task.index < 0x7fff);
    task.begin(immediate);
    if (!immediate.empty()) fresh_ = &task;
    if (task.index >= tasks_.size()) [[unlikely]]
      tasks_.resize(task.index + std::size_t{1});
    hal::DataTask*& place = tasks_.data()[task.index];
    CHECK(place == nullptr);
    place = &task;
  }
  void end(hal::DataTask& task) {
    CHECK(task.active && !task.get_pending && task.puts_out == 0);
    if (task.r2t_count != 0 || task.unsolicited_follows || task.stash != nullptr || task.disordered) [[unlikely]]
      end_early(task);
    if (fresh_ == &task) fresh_ = nullptr;
    if (task.linked()) task.unlink();
    tasks_.data()[task.index] = nullptr;
    task.active = false;
  }
  void get(hal::DataTask& task, std::span<const hal::DmaSpan> segments, std::uint32_t offset, std::uint32_t length);
  void terminate(hal::DataTask& task);
  static bool drained(const hal::DataTask& task) { return !task.unsolicited_follows && task.r2t_count == 0; }
  // control_notify is about to return: immediate data that nobody fetched is kept.
  void keep_immediate() {
    if (fresh_ != nullptr) keep(*std::exchange(fresh_, nullptr));
  }

  // Checks a Data-Out against its task. Null: not to be placed (dropped, or refused through the events).
  hal::DataTask* admit(const hal::iscsi::DataOut& header);
  std::span<std::byte> place(hal::DataTask& task, std::uint32_t left);
  void arrived(hal::DataTask& task, std::uint32_t size);
  void sequence_ended(hal::DataTask& task, bool unsolicited);
  void whole_pdu(const hal::ControlPdu& pdu);

  // --- data_recovery.cc: error recovery level 1 and above (RFC 7143 7.1.4.2, 7.2.2, 7.8, 7.9) ---
  void resume(hal::DataTask& task, std::uint32_t arrived);
  bool resend_r2ts(hal::DataTask& task, std::uint32_t first, std::uint32_t last);
  // Called at regular times: what the initiator has owed since the time before last is lost. False: data was lost so
  // often that there is no point in going on.
  bool watch();
  bool given_up() const { return given_up_; }

  // Gives the answers that are owed; true if there were any. Events may call down again.
  bool run_answers();
  void fail_all();
  bool answers_waiting() const { return !answers_.empty(); }
  void owe(hal::DataTask& task) {
    if (!task.linked()) answers_.push_back(task);
  }

 private:
  void end_early(hal::DataTask& task);
  void keep(hal::DataTask& task);
  hal::DataTask* find(const hal::iscsi::DataOut& header);
  bool in_order(hal::DataTask& task, const hal::iscsi::DataOut& header, bool unsolicited) const;
  void refuse(hal::DataTask& task, hal::iscsi::RejectReason reason, const hal::iscsi::DataOut& header);
  void answer_get(hal::DataTask& task, hal::DataStatus status);
  void request_more(hal::DataTask& task);
  void request(hal::DataTask& task, std::uint32_t begin, std::uint32_t end);
  void send_r2t(const hal::DataTask& task, const hal::DataTask::OutstandingR2t& r2t, std::uint32_t r2t_sn);
  void pop_sequence(hal::DataTask& task, bool unsolicited);
  static std::span<std::byte> in_segments(const hal::DataTask& task, std::uint32_t at, std::uint32_t left);
  std::span<std::byte> in_stash(hal::DataTask& task, std::uint32_t at, std::uint32_t left);
  std::uint32_t unsolicited_end(const hal::DataTask& task) const;
  // --- data_order.cc: DataPDUInOrder=No, DataSequenceInOrder=No (RFC 7143 13.18, 13.19) ---
  bool out_of_order(hal::DataTask& task, const hal::iscsi::DataOut& header, bool unsolicited);
  std::span<std::byte> place_out_of_order(hal::DataTask& task, std::uint32_t left);
  void order_restored(hal::DataTask& task, bool unsolicited);
  void forget_pieces(const hal::DataTask& task);

  bool lost_before(const hal::DataTask& task, const hal::iscsi::DataOut& header, bool unsolicited) const;
  void recover(hal::DataTask& task, bool unsolicited);
  bool recovers() const { return keys_.error_recovery_level != 0; }
  void store(hal::DataTask& task, std::span<const std::byte> bytes);
  void grow_stash(hal::DataTask& task);
  void free_stash(hal::DataTask& task);
  void copy_early(hal::DataTask& task);
  void remember_dead(std::uint32_t tag) { dead_[dead_next_++ % dead_.size()] = tag; }

  Sender& sender_;
  hal::DmaPool& memory_;
  hal::DatamoverEvents* events_ = nullptr;
  hal::DatamoverKeys keys_;
  hal::PduCounters counters_;
  std::vector<hal::DataTask*> tasks_;           // by index
  base::IntrusiveList<hal::DataTask> answers_;  // tasks with answers owed
  std::uint8_t sequence_ = 0;                   // the R2T that the Data-Out at hand is for: its index in the task
  std::uint32_t cursor_ = 0;  // where the next byte of the Data-Out at hand belongs, if its task is disordered
  // Of disordered tasks, the sequences that are begun; by task index and Target Transfer Tag.
  std::map<std::pair<std::uint16_t, std::uint32_t>, Pieces> pieces_;
  hal::DataTask* fresh_ = nullptr;  // whose immediate data lies in the receive area right now
  // Tags of ended tasks that the initiator may still send data for; such data is dropped, other is refused.
  std::array<std::uint32_t, 64> dead_{};
  std::size_t dead_next_ = 0;
  bool given_up_ = false;
};

}  // namespace soft::tcp
