// One TCP connection as a DatamoverConnection.
#pragma once

#include <memory>
#include <string>

#include "drivers/soft/tcp/data_out.h"
#include "drivers/soft/tcp/receiver.h"
#include "drivers/soft/tcp/sender.h"
#include "drivers/soft/tcp/tap.h"
#include "hal/port/datamover.h"
#include "hal/reactor.h"

namespace soft::tcp {

class TcpPoller;
struct HotTag;
struct DirtyTag;

class TcpConnection final : public hal::DatamoverConnection,
                            public hal::FdHandler,
                            public PduSink,
                            public base::ListHook<HotTag>,
                            public base::ListHook<DirtyTag> {
 public:
  // Owns `fd` from the call on.
  TcpConnection(TcpPoller& poller, int fd, std::string local, std::string peer);
  ~TcpConnection() override;
  base::Result<void> open();

  // DatamoverConnection
  void set_events(hal::DatamoverEvents& events) override;
  hal::Reactor& reactor() override;
  std::string local_address() const override { return local_; }
  std::string peer_address() const override { return peer_; }
  void send_control(const hal::iscsi::BasicHeader& header, std::span<const std::byte> data) override;
  void enable(const hal::DatamoverKeys& keys, const hal::PduCounters& counters) override;
  void begin_task(hal::DataTask& task, std::span<const std::byte> immediate) override;
  void resume_task(hal::DataTask& task, std::uint32_t arrived) override;
  void put_data(hal::DataTask& task, const hal::DataIn& data) override;
  void get_data(hal::DataTask& task, std::span<const hal::DmaSpan> segments, std::uint32_t offset,
                std::uint32_t length) override;
  void terminate_data(hal::DataTask& task) override;
  bool drained(const hal::DataTask& task) const override { return DataOut::drained(task); }
  bool resend_r2ts(hal::DataTask& task, std::uint32_t first, std::uint32_t last) override;
  void end_task(hal::DataTask& task) override;
  void pause(bool paused) override;
  std::unique_ptr<hal::PendingConnection> hand_over() override;
  bool at_rest() const override {
    return enabled_ && !closing_ && !broken_ && receiver_.idle() && sender_.empty() && !data_out_.answers_waiting();
  }
  int descriptor() const override { return fd_; }
  void terminate(base::Duration linger) override;

  // For the poller. read_some: one receive; true if bytes came. serve: answers, then sends.
  bool read_some();
  void serve();
  base::Time last_active() const { return last_active_; }

 private:
  // FdHandler
  void fd_ready(std::uint32_t events) override;
  // PduSink
  void pdu_received(const hal::ControlPdu& pdu) override;
  bool payload_begins(const hal::iscsi::DataOut& header) override;
  std::span<std::byte> payload_place(std::uint32_t left) override;
  void payload_arrived(std::uint32_t size) override;
  void payload_ended() override;
  void stream_broken(hal::CloseReason reason, const hal::iscsi::BasicHeader& header) override;

  bool deaf() const { return halted_ || sender_.choked(); }  // reads nothing for now
  void mark_dirty();
  void breaks(hal::CloseReason reason);  // the connection is over; the rest happens in serve()
  void finish_close();
  void watch();
  static void linger_over(void* context);
  static void watch_over_data(void* context);
  Tap* tap();  // null: not this connection; only while a capture is on
  void capture_received(std::span<const iovec> parts, std::size_t size);

  TcpPoller& poller_;
  int fd_;
  std::string local_, peer_;
  hal::DatamoverEvents* events_ = nullptr;
  Receiver receiver_;
  Sender sender_;
  DataOut data_out_;
  hal::DatamoverKeys keys_;
  hal::PduCounters counters_;
  bool enabled_ = false;
  bool closing_ = false;  // terminate() was called: send what is queued, read no more
  bool broken_ = false;
  bool closed_ = false;
  bool paused_ = false;
  bool halted_ = false;  // broken, closing or paused
  std::uint32_t watching_ = 0;
  hal::CloseReason reason_ = hal::CloseReason::kAsked;
  hal::Timer linger_{&TcpConnection::linger_over, this};
  hal::Timer data_watch_{&TcpConnection::watch_over_data, this};  // from error recovery level 1 on
  base::Time last_active_{};
  std::unique_ptr<Tap> tap_;               // of this capture or one that is over
  hal::DataTask* payload_task_ = nullptr;  // of the Data-Out that is streaming in
  bool payload_final_ = false, payload_unsolicited_ = false;
};

}  // namespace soft::tcp
