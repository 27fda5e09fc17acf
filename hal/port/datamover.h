// Datamover: RFC 5047's split of iSCSI. Above it, fabrics/iscsi speaks sessions, login and tasks; below it, an adapter
// moves PDUs and data: digests, Data-In and Data-Out, R2T, placement. Implemented by drivers/soft/tcp (sockets), later
// by offload NICs and by iSER.
//
// One DatamoverConnection is one TCP connection (RFC 5047 "connection handle"), on one reactor, touched by its thread
// only. Down-calls never call back from inside; answers come from the poll loop. The layer above fills the numbers of
// control PDUs itself; data PDUs take theirs from the counters given to enable().
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/fd.h"
#include "base/intrusive_list.h"
#include "base/result.h"
#include "hal/dma.h"
#include "hal/port/capture.h"
#include "hal/port/iscsi_pdu.h"
#include "hal/reactor.h"

namespace hal {

// A control-type PDU that arrived. Everything it points to is valid until control_notify returns.
struct ControlPdu {
  const iscsi::BasicHeader& header;
  std::span<const std::byte> ahs;   // additional header segments, total_ahs_length words
  std::span<const std::byte> data;  // data segment, without padding
  bool data_digest_error = false;   // the data segment is damaged; the header is good
  template <class T>
  const T& as() const {
    static_assert(sizeof(T) == iscsi::kHeaderSize && alignof(T) == 1);
    return reinterpret_cast<const T&>(header);
  }
};

enum class DataStatus : std::uint8_t { kDone, kTerminated, kFailed };

// The datamover's part of a task; the layer above embeds it in its task. Begun by begin_task, ended by end_task.
struct DataTask : base::ListHook<DataTask> {
  // --- filled by the layer above, before begin_task ---
  std::uint32_t initiator_task_tag = 0;
  std::uint16_t index = 0;  // small number, unique among the connection's tasks: becomes part of the TTT
  std::array<std::uint8_t, 8> lun{};
  std::uint32_t expected_length = 0;  // Expected Data Transfer Length of a write
  bool unsolicited_follows = false;   // F bit of the command was 0: unsolicited Data-Out PDUs come

  // --- the datamover's own ---
  static constexpr std::size_t kMaxR2t = 4;  // upper limit for MaxOutstandingR2T
  struct OutstandingR2t {
    std::uint32_t target_transfer_tag = 0;
    std::uint32_t begin = 0, end = 0;  // of what it asked for, in the data buffer
    std::uint32_t data_sn = 0;
  };
  // What begins anew with each task lies together.
  bool active = false;        // between begin_task and end_task
  bool failed = false;        // data was lost or wrong; what follows is dropped
  bool discarding = false;    // terminated; what follows is dropped without complaint
  bool get_pending = false;   // a get_data is unanswered
  bool get_answered = false;  // ... and its answer waits for the poll loop
  bool drained_owed = false;  // data_out_drained waits for the poll loop
  bool recovering = false;    // level 1: part of the sequence at hand was lost; the rest of it is dropped
  bool disordered = false;    // what comes of its open sequences has no order; [0, arrived) grows when all are through
  std::uint8_t recoveries = 0, silence = 0;  // recovery R2Ts, and watches in which nothing came, since data came last
  DataStatus put_status{};
  std::uint8_t r2t_count = 0;
  std::uint16_t puts_out = 0;       // unanswered put_data
  std::uint16_t puts_answered = 0;  // ... of those, answers that wait for the poll loop
  std::uint32_t data_sn = 0;        // next Data-In; the layer above may set it while no put_data is out
  std::uint32_t r2t_sn = 0;
  std::uint32_t unsolicited_data_sn = 0;
  std::uint32_t requested = 0;  // end of what R2Ts have asked for
  std::uint32_t stash_offset = 0;
  std::uint32_t arrived = 0;             // bytes of the data buffer that have come, all of [0, arrived)
  std::span<const std::byte> immediate;  // the command's own data, while control_notify lasts

  std::array<OutstandingR2t, kMaxR2t> r2ts{};  // oldest first
  DataStatus get_status{};
  std::uint16_t next_tag = 0;         // low half of the next TTT
  std::span<const DmaSpan> segments;  // of the get_data that is out
  std::uint32_t get_offset = 0, get_end = 0;
  std::byte* stash = nullptr;  // early data [stash_offset, arrived) that nobody has asked for yet
  std::uint32_t stash_size = 0;
  bool stash_from_pool = false;

  void begin(std::span<const std::byte> immediate_data) {
    active = true;
    failed = discarding = get_pending = get_answered = drained_owed = recovering = disordered = false;
    recoveries = silence = 0;
    put_status = {};
    r2t_count = 0;
    puts_out = puts_answered = 0;
    data_sn = r2t_sn = unsolicited_data_sn = requested = stash_offset = 0;
    arrived = static_cast<std::uint32_t>(immediate_data.size());
    immediate = immediate_data;
  }
};

struct DataIn {                       // put_data
  std::span<const DmaSpan> segments;  // stay in place until the answer
  std::uint32_t offset = 0;           // in the data buffer
  std::uint32_t length = 0;           // sum of the segments
  bool with_status = false;           // GOOD rides on the last PDU
  bool ends_data = false;             // no more follows: not worth a request to acknowledge
  std::uint8_t residual_flags = 0;    // iscsi::DataIn::kOverflow / kUnderflow
  std::uint32_t residual_count = 0;
};

// Numbers that data PDUs carry; owned by the layer above (RFC 7143 4.2.2). StatSN is the connection's, the window the
// session's.
struct PduCounters {
  std::uint32_t* stat_sn = nullptr;  // taken and advanced by a Data-In with status
  const std::uint32_t* exp_cmd_sn = nullptr;
  const std::uint32_t* max_cmd_sn = nullptr;
};

struct DatamoverKeys {  // Notice_Key_Values: what login negotiated
  bool header_digest = false, data_digest = false;
  bool initial_r2t = true, immediate_data = true;
  bool data_pdu_in_order = true, data_sequence_in_order = true;  // always at error recovery levels above 0
  std::uint32_t send_data_segment_length = 8192;                 // the peer's MaxRecvDataSegmentLength
  std::uint32_t receive_data_segment_length = 8192;              // ours
  std::uint32_t max_burst_length = 262144;
  std::uint32_t first_burst_length = 65536;
  std::uint16_t max_outstanding_r2t = 1;
  // From 1 on (RFC 7143 7.1.4): write data that was lost is asked for again by recovery R2Ts, and Data-In PDUs that end
  // a burst ask for a DataACK, with the initiator task tag as target transfer tag.
  std::uint8_t error_recovery_level = 0;
};

// The Data-In PDU that begins at `place` of the data buffer, `left` bytes before the end of its put_data: every adapter
// cuts like this, so that the layer above knows which PDU had what (RFC 7143 11.7.1, 13.13).
struct DataInCut {
  std::uint32_t size;
  bool burst_ends;  // F: the sequence is as long as it may be
};
inline DataInCut cut_data_in(std::uint32_t place, std::uint32_t left, std::uint32_t segment_length,
                             std::uint32_t max_burst_length) {
  const std::uint32_t size = left < segment_length ? left : segment_length;
  if (place + size < max_burst_length) [[likely]]
    return {size, false};
  const std::uint32_t burst_left = max_burst_length - place % max_burst_length;
  return {size < burst_left ? size : burst_left, size >= burst_left};
}

enum class CloseReason : std::uint8_t {
  kPeerClosed,
  kTransportError,
  kHeaderDigest,
  kProtocolError,
  kAsked,
  kDataLost
};
const char* close_reason_name(CloseReason reason);

// Datamover -> iSCSI, from the poll loop.
class DatamoverEvents {
 public:
  virtual ~DatamoverEvents() = default;
  virtual void control_notify(const ControlPdu& pdu) = 0;                      // every PDU but Data-Out of a live task
  virtual void data_completion_notify(DataTask& task, DataStatus status) = 0;  // answer to put_data and to get_data
  // All data that the initiator owes for this task has come (or cannot come any more): a response may now be sent.
  virtual void data_out_drained(DataTask& task) = 0;
  // A Data-Out was wrong; to be answered by Reject (`header` is what to quote) or by closing. For kDataDigestError the
  // task goes on until its final PDU and then answers kFailed; from error recovery level 1 on the data is asked for
  // again and nothing has failed.
  virtual void data_out_rejected(DataTask* task, iscsi::RejectReason reason, const iscsi::BasicHeader& header) = 0;
  // The connection is over: no event follows, all answers owed have been given as kFailed. The layer above destroys the
  // DatamoverConnection when it has ended its tasks, not from inside this call.
  virtual void connection_terminate_notify(CloseReason reason) = 0;
};

class PendingConnection;

class DatamoverConnection {
 public:
  virtual ~DatamoverConnection() = default;
  virtual void set_events(DatamoverEvents& events) = 0;  // once, before the first poll
  virtual Reactor& reactor() = 0;
  virtual std::string local_address() const = 0;  // "127.0.0.1:3260", "[::1]:3260"
  virtual std::string peer_address() const = 0;

  // Queues one control PDU: `header` (its DataSegmentLength is set here from `data`) and `data` are copied.
  virtual void send_control(const iscsi::BasicHeader& header, std::span<const std::byte> data) = 0;
  template <class T>
  void send(const T& header, std::span<const std::byte> data = {}) {
    static_assert(sizeof(T) == iscsi::kHeaderSize);
    send_control(reinterpret_cast<const iscsi::BasicHeader&>(header), data);
  }
  // Enable_Datamover: full feature phase. Takes effect with the next PDU in each direction (after those queued).
  virtual void enable(const DatamoverKeys& keys, const PduCounters& counters) = 0;

  // A command was accepted. From inside control_notify, `immediate` is the command's own data segment.
  virtual void begin_task(DataTask& task, std::span<const std::byte> immediate) = 0;
  // A task that was begun on a connection that is over, and ended there, goes on here: [0, arrived) of its write data
  // has come and is in its place, the rest is asked for by R2T. Its numbers go on.
  virtual void resume_task(DataTask& task, std::uint32_t arrived) = 0;
  virtual void put_data(DataTask& task, const DataIn& data) = 0;
  // Fetches [offset, offset+length) of the data buffer: early data first, then R2T. Offsets only grow.
  virtual void get_data(DataTask& task, std::span<const DmaSpan> segments, std::uint32_t offset,
                        std::uint32_t length) = 0;
  virtual void terminate_data(DataTask& task) = 0;       // hastens the answers owed: kTerminated; later data is dropped
  virtual bool drained(const DataTask& task) const = 0;  // no Data-Out is owed by the initiator
  // Sends again the outstanding R2Ts numbered [first, last) that no data has come for. False: some are not like that,
  // and nothing was sent.
  virtual bool resend_r2ts(DataTask& task, std::uint32_t first, std::uint32_t last) = 0;
  virtual void end_task(DataTask& task) = 0;  // Deallocate_Task_Resources; no answer may be owed

  // Stops reading from the peer (resources are short) and goes on reading.
  virtual void pause(bool paused) = 0;
  // Gives up a connection that is not enabled yet, so that it can be started on another reactor: what is left of this
  // object is to be destroyed, no event follows. Null, and nothing happens, while bytes are under way in either
  // direction (a peer that does not wait for its Login Response).
  virtual std::unique_ptr<PendingConnection> hand_over() = 0;
  // For one that is to go on in another process (Datamover::adopt_connection): true when nothing is under way in either
  // direction, between two PDUs; and its descriptor, which stays this object's, or -1 where there is none to give.
  virtual bool at_rest() const { return false; }
  virtual int descriptor() const { return -1; }
  // Ends the connection: what is queued is still sent (at most `linger`), then connection_terminate_notify(kAsked).
  virtual void terminate(base::Duration linger) = 0;
};

// Where connections come from. `accepted` runs on the listener's reactor; the connection is bound to a reactor (and
// starts) by start().
class PendingConnection {
 public:
  virtual ~PendingConnection() = default;
  virtual std::string peer_address() const = 0;
  virtual std::string local_address() const = 0;
  // Runs on `reactor`'s thread.
  virtual base::Result<std::unique_ptr<DatamoverConnection>> start(Reactor& reactor) = 0;
};
class DatamoverAcceptor {
 public:
  virtual ~DatamoverAcceptor() = default;
  virtual void connection_accepted(std::unique_ptr<PendingConnection> connection) = 0;
};
class DatamoverListener {  // closes when destroyed
 public:
  virtual ~DatamoverListener() = default;
  virtual std::string address() const = 0;  // with the port really used
  // Leaves connections to wait in the network until it goes on.
  virtual void pause(bool paused) { (void)paused; }
  virtual int descriptor() const { return -1; }  // as of DatamoverConnection
};

// What a driver gives: drivers/soft/tcp/tcp.h makes one of these.
class Datamover {
 public:
  virtual ~Datamover() = default;
  virtual const char* name() const = 0;  // "tcp"
  virtual base::Result<std::unique_ptr<DatamoverListener>> listen(Reactor& reactor, const std::string& address,
                                                                  DatamoverAcceptor& acceptor) = 0;
  // What another process has given up. The next listen() on this address goes on with this socket.
  virtual void adopt_listener(std::string address, base::Fd socket) { (void)address, (void)socket; }  // NOLINT: kept
  // A connection at rest, to be started, then enabled at once; null: this one cannot. NOLINTNEXTLINE: they are kept
  virtual std::unique_ptr<PendingConnection> adopt_connection(base::Fd socket, std::string local, std::string peer) {
    (void)socket, (void)local, (void)peer;
    return nullptr;
  }
  // On `reactor`'s thread: what its connections send and receive goes into `ring` until this is called with null.
  // False: this datamover sees no PDUs.
  virtual bool capture(Reactor& reactor, CaptureRing* ring) {
    (void)reactor, (void)ring;
    return false;
  }
};

}  // namespace hal
