// A TCP connection: down-calls, the poll steps, and its end.
#include "drivers/soft/tcp/connection.h"

#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "base/check.h"
#include "drivers/soft/tcp/pending.h"
#include "drivers/soft/tcp/poller.h"

namespace soft::tcp {

using hal::CloseReason;

namespace {
constexpr base::Duration kDataWait = std::chrono::seconds(3);  // between two looks for write data that does not come
}

TcpConnection::TcpConnection(TcpPoller& poller, int fd, std::string local, std::string peer)
    : poller_(poller),
      fd_(fd),
      local_(std::move(local)),
      peer_(std::move(peer)),
      receiver_(*this, poller.reactor().dma()),
      sender_(poller.tx_pool(), poller.reactor().dma()),
      data_out_(sender_, poller.reactor().dma()) {}

TcpConnection::~TcpConnection() {
  if (base::ListHook<HotTag>::linked()) base::ListHook<HotTag>::unlink();
  if (base::ListHook<DirtyTag>::linked()) base::ListHook<DirtyTag>::unlink();
  if (fd_ >= 0) {
    if (watching_ != 0) reactor().unwatch(fd_, *this);
    close(fd_);
  }
}

base::Result<void> TcpConnection::open() {
  TRY(reactor().watch(fd_, EPOLLIN, *this));
  watching_ = EPOLLIN;
  if (poller_.capture() != nullptr) (void)tap();
  return {};
}

hal::Reactor& TcpConnection::reactor() { return poller_.reactor(); }

void TcpConnection::set_events(hal::DatamoverEvents& events) {
  events_ = &events;
  data_out_.set_events(events);
}

void TcpConnection::mark_dirty() {
  if (!base::ListHook<DirtyTag>::linked()) poller_.dirty(*this);
}

void TcpConnection::send_control(const hal::iscsi::BasicHeader& header, std::span<const std::byte> data) {
  if (broken_) return;
  sender_.queue_control(header, data);
  mark_dirty();
}

void TcpConnection::enable(const hal::DatamoverKeys& keys, const hal::PduCounters& counters) {
  CHECK(keys.max_burst_length != 0 && keys.send_data_segment_length != 0 && keys.max_outstanding_r2t != 0);
  keys_ = keys;
  counters_ = counters;
  enabled_ = true;
  sender_.set_digests(keys.header_digest, keys.data_digest);
  receiver_.set_limits(keys.header_digest, keys.data_digest, keys.receive_data_segment_length);
  data_out_.enable(keys, counters);
  if (keys.error_recovery_level != 0 && !data_watch_.armed()) {
    data_watch_.arm(reactor().timers(), reactor().now() + kDataWait);
  }
}

void TcpConnection::begin_task(hal::DataTask& task, std::span<const std::byte> immediate) {
  data_out_.begin(task, immediate);
  if (broken_) task.failed = true;
}

void TcpConnection::resume_task(hal::DataTask& task, std::uint32_t arrived) {
  data_out_.resume(task, arrived);
  if (broken_) task.failed = true;
}

// Cuts the data at the peer's MaxRecvDataSegmentLength; F ends a sequence at MaxBurstLength (RFC 7143 11.7.1).
void TcpConnection::put_data(hal::DataTask& task, const hal::DataIn& data) {
  ++task.puts_out;
  mark_dirty();
  if (broken_ || task.discarding) {
    task.put_status = broken_ ? hal::DataStatus::kFailed : hal::DataStatus::kTerminated;
    ++task.puts_answered;
    data_out_.owe(task);
    return;
  }
  std::uint32_t at = 0;
  do {
    const std::uint32_t place = data.offset + at;
    const std::uint32_t left = data.length - at;
    const auto [size, burst_ends] =
        hal::cut_data_in(place, left, keys_.send_data_segment_length, keys_.max_burst_length);
    const bool last = size == left;
    hal::iscsi::DataIn pdu;
    pdu.flags = last || burst_ends ? std::uint8_t{hal::iscsi::DataIn::kFinal} : std::uint8_t{0};
    pdu.initiator_task_tag = task.initiator_task_tag;
    pdu.exp_cmd_sn = *counters_.exp_cmd_sn;
    pdu.max_cmd_sn = *counters_.max_cmd_sn;
    pdu.data_sn = task.data_sn++;
    pdu.buffer_offset = place;
    if (burst_ends && keys_.error_recovery_level != 0 && !(last && data.ends_data)) [[unlikely]] {
      pdu.flags = static_cast<std::uint8_t>(pdu.flags | hal::iscsi::DataIn::kAcknowledge);
      pdu.target_transfer_tag = task.initiator_task_tag;
      pdu.lun = task.lun;
    }
    if (last && data.with_status) {
      pdu.flags = static_cast<std::uint8_t>(pdu.flags | hal::iscsi::DataIn::kStatus | data.residual_flags);
      pdu.stat_sn = (*counters_.stat_sn)++;
      pdu.residual_count = data.residual_count;
    }
    sender_.queue_data(task, data, at, size, last, pdu);
    at += size;
  } while (at < data.length);
}

void TcpConnection::get_data(hal::DataTask& task, std::span<const hal::DmaSpan> segments, std::uint32_t offset,
                             std::uint32_t length) {
  data_out_.get(task, segments, offset, length);
  mark_dirty();
}

void TcpConnection::terminate_data(hal::DataTask& task) {
  if (const auto [puts, with_status] = sender_.release_task(task); puts != 0) {
    // A status that goes out is the end of the command: too late to terminate it.
    task.put_status = with_status ? hal::DataStatus::kDone : hal::DataStatus::kTerminated;
    task.puts_answered = static_cast<std::uint16_t>(task.puts_answered + puts);
    data_out_.owe(task);
  }
  data_out_.terminate(task);
  mark_dirty();
}

void TcpConnection::end_task(hal::DataTask& task) {
  if (payload_task_ == &task) payload_task_ = nullptr;  // the rest of its payload is thrown away
  data_out_.end(task);
}

bool TcpConnection::resend_r2ts(hal::DataTask& task, std::uint32_t first, std::uint32_t last) {
  mark_dirty();
  return !broken_ && data_out_.resend_r2ts(task, first, last);
}

void TcpConnection::watch_over_data(void* context) {
  auto& self = *static_cast<TcpConnection*>(context);
  if (self.broken_) return;
  self.data_watch_.arm(self.reactor().timers(), self.reactor().now() + kDataWait);
  if (self.deaf() || self.payload_task_ != nullptr) return;  // we do not hear it, or it is coming
  if (!self.data_out_.watch()) self.breaks(CloseReason::kDataLost);
  self.mark_dirty();
}

void TcpConnection::pause(bool paused) {
  if (paused == paused_) return;
  paused_ = paused;
  halted_ = paused || closing_ || broken_;
  if (paused) receiver_.stop();
  mark_dirty();
}

std::unique_ptr<hal::PendingConnection> TcpConnection::hand_over() {
  if (enabled_ || closing_ || broken_ || !sender_.empty() || !receiver_.idle()) return nullptr;
  if (base::ListHook<HotTag>::linked()) base::ListHook<HotTag>::unlink();
  if (base::ListHook<DirtyTag>::linked()) base::ListHook<DirtyTag>::unlink();
  reactor().unwatch(fd_, *this);
  watching_ = 0;
  broken_ = closed_ = halted_ = true;
  return std::make_unique<TcpPending>(poller_.pollers(), std::exchange(fd_, -1), local_, peer_);
}

void TcpConnection::terminate(base::Duration linger) {
  if (closing_) return;
  closing_ = halted_ = true;
  receiver_.stop();
  linger_.arm(reactor().timers(), reactor().now() + linger);
  mark_dirty();
}

void TcpConnection::linger_over(void* context) {
  auto& self = *static_cast<TcpConnection*>(context);
  self.breaks(self.reason_);
}

bool TcpConnection::read_some() {
  if (deaf()) return false;
  const std::span<std::byte> area = poller_.receive_area();
  const std::span<std::byte> direct = receiver_.direct_place();
  std::array<iovec, 2> vectors;
  int count = 0;
  if (!direct.empty()) vectors[static_cast<std::size_t>(count++)] = {direct.data(), direct.size()};
  vectors[static_cast<std::size_t>(count++)] = {area.data(), area.size()};
  const ssize_t got = count == 1 ? read(fd_, area.data(), area.size()) : readv(fd_, vectors.data(), count);
  if (got <= 0) {
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    breaks(got == 0 ? CloseReason::kPeerClosed : CloseReason::kTransportError);
    return true;
  }
  auto size = static_cast<std::size_t>(got);
  if (poller_.capture() != nullptr) [[unlikely]]
    capture_received({vectors.data(), static_cast<std::size_t>(count)}, size);
  last_active_ = reactor().now();
  if (!direct.empty()) {
    const std::size_t part = std::min(size, direct.size());
    receiver_.direct_arrived(part);
    size -= part;
  }
  receiver_.consume(area.first(size));
  return true;
}

Tap* TcpConnection::tap() {
  hal::CaptureRing& ring = *poller_.capture();
  if (tap_ == nullptr || tap_->capture() != ring.number()) {
    const bool from_start = last_active_ == base::Time{};
    tap_ = std::make_unique<Tap>(ring, local_, peer_, from_start, reactor().now());
  }
  return tap_->wanted() ? tap_.get() : nullptr;
}

void TcpConnection::capture_received(std::span<const iovec> parts, std::size_t size) {
  Tap* const mine = tap();
  if (mine == nullptr) return;
  std::optional<std::uint32_t> to_next = receiver_.to_next_pdu();
  for (const iovec& part : parts) {
    const std::size_t here = std::min(size, part.iov_len);
    const Tap::Digests digests{enabled_ && keys_.header_digest, enabled_ && keys_.data_digest};
    mine->received({static_cast<const std::byte*>(part.iov_base), here}, digests, to_next, reactor().now());
    if (to_next) to_next = *to_next - static_cast<std::uint32_t>(std::min<std::size_t>(*to_next, here));
    size -= here;
  }
}

void TcpConnection::serve() {
  // Answers may ask for more and so owe again; a bound keeps one connection from holding the reactor.
  for (int turn = 0; turn < 16; ++turn) {
    if (!halted_ && receiver_.stopped()) receiver_.resume();
    const bool answered = data_out_.run_answers();
    if (!broken_ && !sender_.empty()) {
      const auto sent = [this](base::IntrusiveList<TxPdu>& queue, std::size_t size) {
        if (poller_.capture() == nullptr) [[likely]]
          return;
        if (Tap* const mine = tap()) mine->sent(queue, size, reactor().now());
      };
      const bool alive = sender_.flush(fd_, sent, [this](hal::DataTask& task) {
        task.put_status = hal::DataStatus::kDone;
        ++task.puts_answered;
        data_out_.owe(task);
      });
      if (!alive) breaks(CloseReason::kTransportError);
    }
    if (!answered && !data_out_.answers_waiting()) break;
  }
  if (closing_ && !broken_ && sender_.empty()) breaks(reason_);
  if (data_out_.given_up()) breaks(CloseReason::kDataLost);
  if (broken_) {
    finish_close();
  } else {
    watch();
    if (data_out_.answers_waiting()) mark_dirty();
  }
}

void TcpConnection::watch() {
  const std::uint32_t wanted = (deaf() ? 0u : static_cast<std::uint32_t>(EPOLLIN)) |
                               (sender_.blocked() ? static_cast<std::uint32_t>(EPOLLOUT) : 0u);
  if (wanted == watching_) return;
  watching_ = wanted;
  if (!reactor().rewatch(fd_, wanted, *this).has_value()) breaks(CloseReason::kTransportError);
}

void TcpConnection::fd_ready(std::uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0 && deaf()) breaks(CloseReason::kTransportError);
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) {
    if (read_some() && !base::ListHook<HotTag>::linked()) poller_.hot(*this);
  }
  serve();
}

void TcpConnection::breaks(CloseReason reason) {
  if (broken_) return;
  broken_ = halted_ = true;
  reason_ = reason;
  receiver_.stop();
  mark_dirty();
}

void TcpConnection::finish_close() {
  if (closed_) {
    data_out_.run_answers();
    return;
  }
  closed_ = true;
  linger_.disarm();
  data_watch_.disarm();
  if (poller_.capture() != nullptr) {
    if (Tap* const mine = tap()) mine->closed(reactor().now());
  }
  reactor().unwatch(fd_, *this);
  close(fd_);
  fd_ = -1;
  watching_ = 0;
  if (base::ListHook<HotTag>::linked()) base::ListHook<HotTag>::unlink();
  sender_.drop_all([this](hal::DataTask& task) {
    task.put_status = hal::DataStatus::kFailed;
    ++task.puts_answered;
    data_out_.owe(task);
  });
  payload_task_ = nullptr;
  data_out_.fail_all();
  while (data_out_.run_answers()) {
  }
  events_->connection_terminate_notify(reason_);
}

void TcpConnection::pdu_received(const hal::ControlPdu& pdu) {
  if (enabled_ && hal::iscsi::OpcodeBits::get(pdu.header.opcode) == hal::iscsi::Opcode::kDataOut) {
    data_out_.whole_pdu(pdu);
    return;
  }
  events_->control_notify(pdu);
  data_out_.keep_immediate();
}

bool TcpConnection::payload_begins(const hal::iscsi::DataOut& header) {
  if (!enabled_) return false;
  payload_task_ = data_out_.admit(header);
  payload_final_ = hal::iscsi::Final::get(header.flags);
  payload_unsolicited_ = header.target_transfer_tag == hal::iscsi::kReservedTag;
  return true;
}

std::span<std::byte> TcpConnection::payload_place(std::uint32_t left) {
  if (payload_task_ == nullptr) return {};
  return data_out_.place(*payload_task_, left);
}

void TcpConnection::payload_arrived(std::uint32_t size) {
  if (payload_task_ != nullptr) {
    data_out_.arrived(*payload_task_, size);
  }
}

void TcpConnection::payload_ended() {
  hal::DataTask* const task = std::exchange(payload_task_, nullptr);
  if (task != nullptr && payload_final_) {
    data_out_.sequence_ended(*task, payload_unsolicited_);
  }
}

void TcpConnection::stream_broken(CloseReason reason, const hal::iscsi::BasicHeader& header) {
  if (reason == CloseReason::kProtocolError) {
    events_->data_out_rejected(nullptr, hal::iscsi::RejectReason::kProtocolError, header);
    terminate(std::chrono::seconds(1));
    reason_ = reason;
    return;
  }
  breaks(reason);
}

}  // namespace soft::tcp
