// The datamover without a network.
#include "tests/support/fake_datamover.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace test_support {

using hal::DataStatus;
using hal::DataTask;

FakeConnection::FakeConnection(FakeDatamover& owner, hal::Reactor& reactor, std::string local, std::string peer)
    : datamover(owner), reactor_(reactor), local_(std::move(local)), peer_(std::move(peer)) {}

FakeConnection::~FakeConnection() {
  EXPECT_TRUE(destroyed) << "still alive";
  if (answers_.linked()) answers_.unlink();
}

void FakeConnection::destroy() {
  EXPECT_TRUE(tasks_.empty()) << "destroyed with live tasks";
  EXPECT_TRUE(ended) << "destroyed before its end was told";
  destroyed = true;
}

void FakeConnection::deliver(const hal::iscsi::BasicHeader& header, std::span<const std::byte> data,
                             std::span<const std::byte> ahs, bool data_digest_error) {
  const auto own_header = std::make_unique<hal::iscsi::BasicHeader>(header);
  own_header->data_segment_length = static_cast<std::uint32_t>(data.size());
  own_header->total_ahs_length = static_cast<std::uint8_t>(ahs.size() / 4);
  const std::unique_ptr<std::byte[]> own_data(new std::byte[data.size()]);
  const std::unique_ptr<std::byte[]> own_ahs(new std::byte[ahs.size()]);
  std::copy(data.begin(), data.end(), own_data.get());
  std::copy(ahs.begin(), ahs.end(), own_ahs.get());
  if (ended || terminated) return;
  events_->control_notify({.header = *own_header,
                           .ahs = {own_ahs.get(), ahs.size()},
                           .data = {own_data.get(), data.size()},
                           .data_digest_error = data_digest_error});
}

void FakeConnection::send_control(const hal::iscsi::BasicHeader& header, std::span<const std::byte> data) {
  EXPECT_FALSE(ended) << "a PDU after the end";
  SentPdu pdu{.header = header, .data = {data.begin(), data.end()}};
  pdu.header.data_segment_length = static_cast<std::uint32_t>(data.size());
  sent.push_back(std::move(pdu));
}

void FakeConnection::enable(const hal::DatamoverKeys& new_keys, const hal::PduCounters& counters) {
  keys = new_keys;
  counters_ = counters;
  enabled = true;
}

void FakeConnection::begin_task(DataTask& task, std::span<const std::byte> immediate) {
  EXPECT_TRUE(enabled);
  for (const auto& [tag, other] : tasks_) EXPECT_NE(other->index, task.index);
  EXPECT_TRUE(tasks_.emplace(task.initiator_task_tag, &task).second) << "two tasks with one tag";
  task.active = true;
  task.discarding = task.failed = false;
  task.data_sn = task.r2t_sn = 0;
  task.arrived = static_cast<std::uint32_t>(immediate.size());
  if (data_out.size() < immediate.size()) data_out.resize(immediate.size());
  std::copy(immediate.begin(), immediate.end(), data_out.begin());
}

void FakeConnection::resume_task(DataTask& task, std::uint32_t arrived) {
  const std::uint32_t data_sn = task.data_sn, r2t_sn = task.r2t_sn;
  task.unsolicited_follows = false;
  begin_task(task, {});
  task.data_sn = data_sn;
  task.r2t_sn = r2t_sn;
  task.arrived = resumed_at = arrived;
}

void FakeConnection::put_data(DataTask& task, const hal::DataIn& data) {
  EXPECT_TRUE(task.active);
  ++puts;
  hal::iscsi::DataIn header;
  header.flags = hal::iscsi::DataIn::kFinal;
  header.initiator_task_tag = task.initiator_task_tag;
  header.data_sn = task.data_sn++;
  header.buffer_offset = data.offset;
  const auto cut = hal::cut_data_in(data.offset, data.length, keys.send_data_segment_length, keys.max_burst_length);
  if (cut.burst_ends && keys.error_recovery_level != 0 && !data.ends_data) {
    header.flags = static_cast<std::uint8_t>(header.flags | hal::iscsi::DataIn::kAcknowledge);
    header.target_transfer_tag = task.initiator_task_tag;
    header.lun = task.lun;
  }
  if (data.with_status) {
    header.flags = static_cast<std::uint8_t>(header.flags | hal::iscsi::DataIn::kStatus | data.residual_flags);
    header.residual_count = data.residual_count;
    header.stat_sn = (*counters_.stat_sn)++;
  }
  header.exp_cmd_sn = *counters_.exp_cmd_sn;
  header.max_cmd_sn = *counters_.max_cmd_sn;
  std::vector<std::byte> bytes;
  for (const hal::DmaSpan& segment : data.segments) {
    const std::size_t part = std::min<std::size_t>(segment.bytes.size(), data.length - bytes.size());
    bytes.insert(bytes.end(), segment.bytes.begin(), segment.bytes.begin() + static_cast<std::ptrdiff_t>(part));
  }
  EXPECT_EQ(bytes.size(), data.length);
  if (!ended) send_control(reinterpret_cast<const hal::iscsi::BasicHeader&>(header), bytes);
  owed_.push_back({&task, ended ? DataStatus::kFailed : DataStatus::kDone, true});
  answer_soon();
}

void FakeConnection::get_data(DataTask& task, std::span<const hal::DmaSpan> segments, std::uint32_t offset,
                              std::uint32_t length) {
  EXPECT_TRUE(task.active);
  EXPECT_LE(std::uint64_t{offset} + length, task.expected_length);
  ++gets;
  if (data_out.size() < std::size_t{offset} + length) data_out.resize(std::size_t{offset} + length);
  std::size_t at = offset;
  for (const hal::DmaSpan& segment : segments) {
    const std::size_t part = std::min(segment.bytes.size(), std::size_t{offset} + length - at);
    std::memcpy(segment.bytes.data(), data_out.data() + at, part);
    at += part;
  }
  owed_.push_back({&task, task.failed || ended ? DataStatus::kFailed : DataStatus::kDone, false});
  answer_soon();
}

void FakeConnection::terminate_data(DataTask& task) {
  task.discarding = true;
  for (Owed& owed : owed_) {
    if (owed.task == &task && !owed.put) owed.status = DataStatus::kTerminated;
  }
}

void FakeConnection::end_task(DataTask& task) {
  EXPECT_TRUE(task.active);
  EXPECT_EQ(std::count_if(owed_.begin(), owed_.end(), [&](const Owed& owed) { return owed.task == &task; }), 0);
  std::erase(drained_, &task);
  task.active = false;
  tasks_.erase(task.initiator_task_tag);
}

void FakeConnection::terminate() {
  if (ended || terminated) return;
  terminated = close_owed_ = true;
  answer_soon();
}

bool FakeConnection::hand_over() {
  EXPECT_FALSE(enabled) << "handed over in the full feature phase";
  if (bytes_under_way || terminated) return false;
  ended = true;
  return true;
}

void FakeConnection::lose(hal::CloseReason reason) {
  if (ended) return;
  terminated = close_owed_ = true;
  reason_ = reason;
  for (Owed& owed : owed_) owed.status = DataStatus::kFailed;
  answer_soon();
}

void FakeConnection::drain(std::uint32_t initiator_task_tag) {
  DataTask* const live = task(initiator_task_tag);
  ASSERT_NE(live, nullptr);
  live->unsolicited_follows = false;
  drained_.push_back(live);
  answer_soon();
}

void FakeConnection::reject_data_out(const hal::iscsi::DataOut& header, hal::iscsi::RejectReason reason) {
  DataTask* const live = task(header.initiator_task_tag);
  ASSERT_NE(live, nullptr);
  live->failed = true;
  live->unsolicited_follows = false;
  for (Owed& owed : owed_) {
    if (owed.task == live && !owed.put) owed.status = DataStatus::kFailed;
  }
  events_->data_out_rejected(live, reason, reinterpret_cast<const hal::iscsi::BasicHeader&>(header));
}

DataTask* FakeConnection::task(std::uint32_t initiator_task_tag) {
  const auto at = tasks_.find(initiator_task_tag);
  return at == tasks_.end() ? nullptr : at->second;
}

void FakeConnection::answer_soon() {
  if (!answers_.linked()) reactor_.defer(answers_);
}

void FakeConnection::run_answers() {
  std::deque<Owed> kept;
  while (!owed_.empty()) {
    const Owed owed = owed_.front();
    owed_.pop_front();
    if ((owed.put ? hold_answers : hold_get) && owed.status == DataStatus::kDone && !close_owed_) {
      kept.push_back(owed);
      continue;
    }
    events_->data_completion_notify(
        *owed.task, close_owed_ && owed.status == DataStatus::kDone && !owed.put ? DataStatus::kFailed : owed.status);
  }
  owed_ = std::move(kept);
  while (!drained_.empty()) {
    DataTask* const next = drained_.front();
    drained_.erase(drained_.begin());
    events_->data_out_drained(*next);
  }
  if (close_owed_ && !ended) {
    ended = true;
    events_->connection_terminate_notify(reason_);
  }
}

// --- listening ---

namespace {

// What the layer above owns.
class Handle final : public hal::DatamoverConnection {
 public:
  explicit Handle(FakeConnection& connection) : fake_(connection) {}
  ~Handle() override { fake_.destroy(); }
  void set_events(hal::DatamoverEvents& events) override { fake_.set_events(events); }
  hal::Reactor& reactor() override { return fake_.reactor(); }
  std::string local_address() const override { return fake_.local(); }
  std::string peer_address() const override { return fake_.peer(); }
  void send_control(const hal::iscsi::BasicHeader& header, std::span<const std::byte> data) override {
    fake_.send_control(header, data);
  }
  void enable(const hal::DatamoverKeys& keys, const hal::PduCounters& counters) override {
    fake_.enable(keys, counters);
  }
  void begin_task(DataTask& task, std::span<const std::byte> immediate) override { fake_.begin_task(task, immediate); }
  void resume_task(DataTask& task, std::uint32_t arrived) override { fake_.resume_task(task, arrived); }
  void put_data(DataTask& task, const hal::DataIn& data) override { fake_.put_data(task, data); }
  void get_data(DataTask& task, std::span<const hal::DmaSpan> segments, std::uint32_t offset,
                std::uint32_t length) override {
    fake_.get_data(task, segments, offset, length);
  }
  void terminate_data(DataTask& task) override { fake_.terminate_data(task); }
  bool drained(const DataTask& task) const override { return !task.unsolicited_follows; }
  bool resend_r2ts(DataTask&, std::uint32_t first, std::uint32_t last) override {
    if (fake_.has_r2ts) fake_.r2ts_resent.emplace_back(first, last);
    return fake_.has_r2ts;
  }
  void end_task(DataTask& task) override { fake_.end_task(task); }
  void pause(bool paused) override { fake_.paused = paused; }
  bool at_rest() const override { return fake_.enabled && !fake_.terminated && !fake_.bytes_under_way; }
  int descriptor() const override { return fake_.datamover.any_descriptor(); }
  std::unique_ptr<hal::PendingConnection> hand_over() override;
  void terminate(base::Duration linger) override {
    static_cast<void>(linger);
    fake_.terminate();
  }

 private:
  FakeConnection& fake_;
};

}  // namespace

struct FakeDatamover::Pending final : hal::PendingConnection {
  Pending(FakeDatamover& owner, std::string origin, std::string to, FakeConnection* before = nullptr)
      : datamover(owner), peer(std::move(origin)), local(std::move(to)), moved(before) {}
  std::string peer_address() const override { return peer; }
  std::string local_address() const override { return local; }
  base::Result<std::unique_ptr<hal::DatamoverConnection>> start(hal::Reactor& reactor) override {
    datamover.connections.push_back(std::make_unique<FakeConnection>(datamover, reactor, local, peer));
    FakeConnection& started = *datamover.connections.back();
    if (moved != nullptr) moved->moved_to = &started;
    return std::unique_ptr<hal::DatamoverConnection>(std::make_unique<Handle>(started));
  }
  FakeDatamover& datamover;
  std::string peer, local;
  FakeConnection* moved;  // what it was on another reactor
};

std::unique_ptr<hal::PendingConnection> Handle::hand_over() {
  if (!fake_.hand_over()) return nullptr;
  return std::make_unique<FakeDatamover::Pending>(fake_.datamover, fake_.peer(), fake_.local(), &fake_);
}

struct FakeDatamover::Listener final : hal::DatamoverListener {
  Listener(FakeDatamover& owner, std::string asked, hal::DatamoverAcceptor& to)
      : datamover(owner), text(std::move(asked)), acceptor(to) {}
  ~Listener() override {
    std::erase(datamover.listeners_, this);
    std::erase(datamover.listening, text);
  }
  std::string address() const override {
    return text.ends_with(":0") ? text.substr(0, text.size() - 1) + "40000" : text;
  }
  void pause(bool paused) override { on_hold = paused; }
  int descriptor() const override { return datamover.any_descriptor(); }
  FakeDatamover& datamover;
  std::string text;
  hal::DatamoverAcceptor& acceptor;
  bool on_hold = false;
};

base::Result<std::unique_ptr<hal::DatamoverListener>> FakeDatamover::listen(hal::Reactor&, const std::string& address,
                                                                            hal::DatamoverAcceptor& acceptor) {
  if (address == refuse_address) return base::fail(base::Errc::kBusy, "listen " + address + ": address in use");
  auto listener = std::make_unique<Listener>(*this, address, acceptor);
  listeners_.push_back(listener.get());
  listening.push_back(address);
  return std::unique_ptr<hal::DatamoverListener>(std::move(listener));
}

std::unique_ptr<hal::PendingConnection> FakeDatamover::adopt_connection(base::Fd, std::string local, std::string peer) {
  return std::make_unique<Pending>(*this, std::move(peer), std::move(local));
}

bool FakeDatamover::accepts(std::size_t portal) const { return !listeners_.at(portal)->on_hold; }

void FakeDatamover::connect(std::size_t portal, const std::string& peer, const std::string& local) {
  listeners_.at(portal)->acceptor.connection_accepted(std::make_unique<Pending>(*this, peer, local));
}

}  // namespace test_support
