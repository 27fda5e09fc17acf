// A Datamover without a network: records the PDUs that are sent, delivers those that a test makes up.
//
// It keeps the contract of hal/port/datamover.h as far as the layer above can see it: answers come from the poll loop
// (a Deferred), numbers are taken when a PDU is queued, data PDUs are whole (one Data-In per put_data).
#pragma once

#include <fcntl.h>

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hal/port/datamover.h"

namespace test_support {

struct SentPdu {
  hal::iscsi::BasicHeader header;
  std::vector<std::byte> data;
  template <class T>
  const T& as() const {
    return reinterpret_cast<const T&>(header);
  }
  hal::iscsi::Opcode opcode() const { return hal::iscsi::OpcodeBits::get(header.opcode); }
  std::string text() const { return {reinterpret_cast<const char*>(data.data()), data.size()}; }
};

class FakeDatamover;

// One connection as the test sees it; lives as long as the FakeDatamover, so that what was sent last can be read. The
// DatamoverConnection that the layer above owns is a handle to it.
class FakeConnection {
 public:
  FakeConnection(FakeDatamover& datamover, hal::Reactor& reactor, std::string local, std::string peer);
  ~FakeConnection();

  // --- the test's side ---
  std::deque<SentPdu> sent;  // not yet looked at, oldest first
  hal::DatamoverKeys keys;
  bool enabled = false, terminated = false, ended = false, destroyed = false;
  bool hold_answers = false;     // put_data is answered only when this is false again
  bool hold_get = false;         // get_data likewise
  bool bytes_under_way = false;  // so that it cannot be handed over
  bool paused = false;
  FakeConnection* moved_to = nullptr;  // what it has become on another reactor
  std::uint32_t gets = 0, puts = 0;
  std::uint32_t resumed_at = 0;  // of the task that was resumed last: so much of its write data is in its place
  std::vector<std::pair<std::uint32_t, std::uint32_t>> r2ts_resent;  // first, last
  bool has_r2ts = true;                                              // that can be sent again
  std::vector<std::byte> data_out;                                   // what get_data fetches from, by buffer offset
  // Delivers a PDU; the spans are copied to exact-size heap blocks, so that a sanitizer sees every over-read.
  void deliver(const hal::iscsi::BasicHeader& header, std::span<const std::byte> data = {},
               std::span<const std::byte> ahs = {}, bool data_digest_error = false);
  template <class T>
  void deliver(const T& header, std::span<const std::byte> data = {}, std::span<const std::byte> ahs = {},
               bool data_digest_error = false) {
    deliver(reinterpret_cast<const hal::iscsi::BasicHeader&>(header), data, ahs, data_digest_error);
  }
  // The last unsolicited Data-Out of a task has come.
  void drain(std::uint32_t initiator_task_tag);
  // A Data-Out of a live task was wrong; it ends its sequence.
  void reject_data_out(const hal::iscsi::DataOut& header, hal::iscsi::RejectReason reason);
  void lose(hal::CloseReason reason);  // the connection breaks
  hal::DataTask* task(std::uint32_t initiator_task_tag);
  std::size_t tasks() const { return tasks_.size(); }
  FakeDatamover& datamover;

  // --- the handle's side, as in hal::DatamoverConnection ---
  void set_events(hal::DatamoverEvents& events) { events_ = &events; }
  hal::Reactor& reactor() { return reactor_; }
  const std::string& local() const { return local_; }
  const std::string& peer() const { return peer_; }
  void send_control(const hal::iscsi::BasicHeader& header, std::span<const std::byte> data);
  void enable(const hal::DatamoverKeys& new_keys, const hal::PduCounters& counters);
  void begin_task(hal::DataTask& task, std::span<const std::byte> immediate);
  void resume_task(hal::DataTask& task, std::uint32_t arrived);
  void put_data(hal::DataTask& task, const hal::DataIn& data);
  void get_data(hal::DataTask& task, std::span<const hal::DmaSpan> segments, std::uint32_t offset,
                std::uint32_t length);
  void terminate_data(hal::DataTask& task);
  void end_task(hal::DataTask& task);
  void terminate();
  bool hand_over();
  void destroy();

 private:
  struct Answers final : hal::Deferred {
    explicit Answers(FakeConnection& owner) : hal::Deferred(&Answers::run), connection(owner) {}
    static void run(hal::Deferred& deferred) { static_cast<Answers&>(deferred).connection.run_answers(); }
    FakeConnection& connection;
  };
  struct Owed {
    hal::DataTask* task;
    hal::DataStatus status;
    bool put;
  };
  void run_answers();
  void answer_soon();

  hal::Reactor& reactor_;
  std::string local_, peer_;
  hal::DatamoverEvents* events_ = nullptr;
  hal::PduCounters counters_;
  std::map<std::uint32_t, hal::DataTask*> tasks_;
  std::deque<Owed> owed_;
  std::vector<hal::DataTask*> drained_;
  bool close_owed_ = false;
  hal::CloseReason reason_ = hal::CloseReason::kAsked;
  Answers answers_{*this};
};

class FakeDatamover final : public hal::Datamover {
 public:
  struct Pending;
  const char* name() const override { return "fake"; }
  base::Result<std::unique_ptr<hal::DatamoverListener>> listen(hal::Reactor& reactor, const std::string& address,
                                                               hal::DatamoverAcceptor& acceptor) override;
  void adopt_listener(std::string address, base::Fd) override { adopted.push_back(std::move(address)); }
  std::unique_ptr<hal::PendingConnection> adopt_connection(base::Fd socket, std::string local,
                                                           std::string peer) override;
  int any_descriptor() const { return descriptor_.get(); }  // for those that want one to copy
  bool accepts(std::size_t portal) const;                   // its listener is not paused
  std::vector<std::string> adopted;                         // listeners
  // Somebody connects to the listener at `portal`; what the fabric makes of it appears in `connections` once its
  // reactor has run.
  void connect(std::size_t portal, const std::string& peer, const std::string& local);
  std::vector<std::unique_ptr<FakeConnection>> connections;  // in the order of their start
  std::vector<std::string> listening;                        // addresses, as asked for
  std::string refuse_address;                                // listening here fails

 private:
  friend class FakeConnection;
  struct Listener;
  std::vector<Listener*> listeners_;
  const base::Fd descriptor_{open("/dev/null", O_RDONLY | O_CLOEXEC)};
};

}  // namespace test_support
