// One iSCSI connection above its datamover: login, then the requests of the full feature phase, then its end.
//
// Cut by theme: connection.cc (life, dispatch), connection_login.cc, scsi_command.cc (requests in), scsi_response.cc
// (data and responses out), task_management.cc, keepalive.cc (NOP), text_request.cc, logout.cc, leaving.cc,
// async_message.cc, and from error recovery level 1 on snack.cc and replay.cc, at level 2
// allegiance.cc. connection_handover.cc: upgrade in place.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fabrics/iscsi/login.h"
#include "fabrics/iscsi/management.h"
#include "fabrics/iscsi/recovery.h"
#include "fabrics/iscsi/session.h"
#include "fabrics/iscsi/text_exchange.h"
#include "hal/port/datamover.h"
#include "scsi_core/port.h"

namespace iscsi {

class Shard;
struct SessionGrant;

class Connection final : public hal::DatamoverEvents {
 public:
  Connection(Shard& shard, std::uint64_t id, std::uint16_t portal_group,
             std::unique_ptr<hal::DatamoverConnection> datamover);
  // One that has logged in on another reactor and comes to join its session, by join().
  Connection(Shard& shard, std::uint64_t id, std::uint16_t portal_group,
             std::unique_ptr<hal::DatamoverConnection> datamover, LoginResult login);
  // One that another process has handed over; frozen.
  Connection(Shard& shard, Session& session, const ConnectionState& state,
             std::unique_ptr<hal::DatamoverConnection> datamover);
  ~Connection() override;

  // --- hal::DatamoverEvents ---
  void control_notify(const hal::ControlPdu& pdu) override;
  void data_completion_notify(hal::DataTask& data_task, hal::DataStatus status) override;
  void data_out_drained(hal::DataTask& data_task) override;
  void data_out_rejected(hal::DataTask* data_task, pdu::RejectReason reason, const pdu::BasicHeader& header) override;
  void connection_terminate_notify(hal::CloseReason reason) override;

  // --- from the SCSI core, by way of the target port ---
  void send_data_in(Task& task, const scsi::Transfer& transfer);
  void receive_data_out(Task& task, const scsi::Transfer& transfer);
  void terminate_data_transfer(Task& task);
  void complete(Task& task);  // task.response is filled
  void drop(Task& task);

  // --- from the shard and the session ---
  void session_granted(const SessionGrant& grant);
  void proof_judged(ChapVerdict verdict);
  void join(Session* session);  // null: there is none any more
  void joined();
  void join_refused(LoginStatus status, const char* why);
  void start(Task& task);                  // the command's turn has come
  void serve(const hal::ControlPdu& pdu);  // ... the other request's
  void management_answered(const ManagementRequest& request, ManagementAnswer answer);
  void send_window();  // a NOP-In that only tells MaxCmdSN
  // Ends this connection and its tasks; with it the session, unless that has others. Others are told of it.
  // At error recovery level 2 the tasks wait for another connection first.
  void leave();
  void leave_unannounced();  // the initiator knows
  void leave_for_good();     // nothing waits
  // RFC 7143 6.3.4, 11.14: another connection may take over the tasks as soon as this one is closed.
  void log_out_for_recovery();
  void let_go_soon();  // nothing waits any longer
  void let_go();       // likewise: nothing is left, and the session has forgotten this connection
  void forget(const Connection& gone);
  void session_ending();
  void session_quiet();  // from the poll loop: the core has let go
  void settings_changed();
  void request_logout(base::Duration grace);
  void ask_to_negotiate(base::Duration limit);
  bool asked_to_log_out() const { return grace_over_ != base::Time{}; }
  void report_drop(std::uint16_t cid, bool tasks_wait);  // this connection's, or another's of the session
  void report_session_drop();
  void report_logical_units_changed();  // while live()
  void close(base::Duration linger = {});
  // True: the initiator still has to acknowledge what it was sent; Session::fence_passed is called when it has.
  bool ask_acknowledgement();
  bool fenced() const { return fenced_; }
  bool live() const { return phase_ == Phase::kFullFeature; }
  bool suspended() const { return suspended_; }  // over; its tasks wait
  bool free_to_reassign() const { return suspended_ && logged_out_ && closed_; }
  bool owes_anything() const;  // tasks, or responses that another connection may have to send
  bool came_by_portal_of(const Settings& settings) const;
  // --- upgrade in place: connection_handover.cc ---
  bool at_rest() const;       // in full feature phase, and nothing of it is under way
  void ask_to_acknowledge();  // what keeps it from being at rest from error recovery level 1 on
  void freeze();              // hears nothing, says nothing
  void thaw();
  base::Result<ConnectionState> hand_over() const;
  bool finished() const { return closed_ && session_ == nullptr && !awaits_control_; }
  bool in_login() const { return phase_ == Phase::kLogin || phase_ == Phase::kRegistering; }
  SessionInfo::Connection info() const;
  std::uint16_t cid() const { return cid_; }
  const Parameters& parameters() const { return parameters_; }

  const std::uint64_t id;

 private:
  enum class Phase : std::uint8_t {
    kLogin,
    kRegistering,  // the control reactor has the word: on our proof, or on the session
    kFullFeature,
    kLoggingOut,  // the Logout Response waits for the nexus, or for our tasks, to be quiet
    kClosing,
  };

  // connection.cc
  void dispatch(const hal::ControlPdu& pdu);
  void dispatch_other(const hal::ControlPdu& pdu);
  void receive_numbered(const hal::ControlPdu& pdu);
  void consume(const hal::ControlPdu& pdu);  // a request that is no SCSI command takes its CmdSN and leaves the window
  void catch_up(std::uint32_t exp_stat_sn);  // what waited for the request that has just come
  template <class Response>
  void stamp(Response& response);  // StatSN (advanced), ExpCmdSN, MaxCmdSN
  template <class Response>
  void send_numbered(Response& response, std::span<const std::byte> data = {});  // stamped here
  void reject(pdu::RejectReason reason, const pdu::BasicHeader& header);
  void protocol_error(const char* what);  // closes
  void log_peer_error(const char* what);
  static constexpr base::Duration kLinger = std::chrono::seconds(1);  // to get the last words out
  std::uint32_t new_tag();                                            // for TTTs of ours: pings and texts
  static void timer_fired(void* context) { static_cast<Connection*>(context)->timer(); }
  void timer();

  // connection_login.cc
  void receive_login(const hal::ControlPdu& pdu);
  void login_goes_on(Login::Next next);
  void send_login_response();
  void send_last_login_response();
  void login_finished();
  void redirect();
  void fail_login(LoginStatus status, const char* why);
  void start_session(const SessionGrant& grant);
  void move_to(const SessionGrant& grant);
  void start_full_feature(Session& session);

  // scsi_command.cc
  void receive_scsi_command(const hal::ControlPdu& pdu);
  bool may_take(const pdu::ScsiCommand& header, CommandWindow::Place place) const;
  void refuse_command(const pdu::ScsiCommand& header, CommandWindow::Place place,
                      std::optional<pdu::RejectReason> reason);
  void ignore_data_of(const pdu::ScsiCommand& header);
  void answer_without_task(const hal::ControlPdu& pdu, CommandWindow::Place place);

  // scsi_response.cc
  void respond(Task& task);
  void release_slot(Task& task);
  void finish(Task& task);
  void finish_odd(Task& task);
  void retire(Task& task);

  // task_management.cc
  void receive_task_management(const hal::ControlPdu& pdu);
  void send_management_response(std::uint32_t initiator_task_tag, ManagementAnswer answer);

  // keepalive.cc
  void receive_nop_out(const hal::ControlPdu& pdu);
  bool ping_answered(std::uint32_t tag);
  void ping_overtaken();
  void keepalive();
  void send_ping();
  void repeat_ping();
  void acknowledged(std::uint32_t exp_stat_sn);

  // snack.cc
  void receive_snack(const hal::ControlPdu& pdu);
  std::optional<pdu::RejectReason> take_data_snack(const pdu::SnackRequest& request);
  std::optional<pdu::RejectReason> take_status_snack(const pdu::SnackRequest& request);
  std::optional<pdu::RejectReason> take_data_ack(const pdu::SnackRequest& request);
  std::optional<pdu::RejectReason> take_r_data_snack(const pdu::SnackRequest& request);
  std::optional<pdu::RejectReason> resend_r2ts(Task& task, const pdu::SnackRequest& request);
  Task* own_task(std::uint32_t tag) const;

  // replay.cc
  void send_kept_data_in(Task& task, hal::DataIn data);
  void keep_data_of(Task& task);
  void delivered(Task& task);
  void send_and_keep(pdu::ScsiResponse& response, std::span<const std::byte> data, Task& task);
  void keep(const pdu::BasicHeader& header, std::span<const std::byte> data, std::unique_ptr<SentData> read);
  void statuses_acknowledged(std::uint32_t exp_stat_sn);
  void resend_data(std::uint32_t tag, const SentData& sent, NumberRun run);
  void resend_status(SentStatus& status);
  void resend_resegmented(Task& task);
  void forget_sent(Task& task);

  // text_request.cc, logout.cc
  void receive_text(const hal::ControlPdu& pdu);
  void receive_logout(const hal::ControlPdu& pdu);
  enum LogoutAnswer : std::uint8_t { kLoggedOut = 0, kCidNotFound = 1, kRecoveryNotSupported = 2 };
  void answer_logout(std::uint32_t tag, LogoutAnswer answer);

  // async_message.cc
  void grace_is_over();

  // allegiance.cc
  bool may_suspend() const;
  void suspend(base::Duration linger = {});
  void suspended_is_closed();
  void run_reassignments();
  bool hold_answer(Task& task, hal::DataStatus status);
  void answer_held(Task& task, scsi::Delivery delivery);
  void give_owed();
  void receive_reassign(const hal::ControlPdu& pdu);
  void execute_reassign(const pdu::TaskManagementRequest& request);
  ManagementAnswer reassign(const pdu::TaskManagementRequest& request, Task*& task, Connection*& from);
  void take_over(Task& task, Connection& from, std::uint32_t exp_data_sn);
  void take_over_status(Connection& from, const pdu::TaskManagementRequest& request);

  // leaving.cc
  void end_tasks();
  void leave_if_quiet();

  Shard& shard_;
  std::unique_ptr<hal::DatamoverConnection> datamover_;
  Session* session_ = nullptr;
  scsi::Nexus* nexus_ = nullptr;
  Phase phase_ = Phase::kLogin;
  bool closed_ = false;          // the datamover has reported the end
  bool awaits_control_ = false;  // a session was asked for
  bool login_counted_ = true;    // at the control reactor, as one in login
  bool leaving_ = false;         // the session goes on without us once the core has let go of our tasks
  bool announced_ = false;       // the initiator knows that this connection ends
  bool suspended_ = false;       // our tasks wait for another connection
  bool logged_out_ = false;      // ... and may go to it
  bool fenced_ = false;          // somebody waits for fence_ to be acknowledged
  bool fence_asked_ = false;     // a NOP-In has gone out since
  std::uint16_t cid_ = 0;
  const std::uint16_t portal_group_;
  std::uint32_t stat_sn_ = 0;
  base::Time last_heard_{}, pinged_at_{};
  Parameters parameters_;       // the session's, and our own digests and lengths
  Session* joining_ = nullptr;  // that we wait to join
  std::uint32_t orphans_ = 0;   // tasks that we wait for to leave
  std::uint32_t fence_ = 0;     // StatSN
  base::Time fence_over_{};
  Connection* logout_asker_ = nullptr;  // has logged us out; to be answered when we are gone
  std::uint32_t logout_asker_tag_ = 0;
  struct Reassignment {  // of a task of ours, as soon as we are closed
    Connection* by;
    pdu::TaskManagementRequest request;
  };
  static constexpr std::size_t kMostReassignments = 1024;
  std::vector<Reassignment> reassignments_;
  std::unique_ptr<Login> login_;
  std::unique_ptr<LoginResult> result_;  // of login_, while the session is asked for
  std::unique_ptr<TextExchange> text_;
  std::unique_ptr<Recovery> recovery_;  // null at error recovery level 0
  struct Owed final : hal::Deferred {   // answers to transfers that were held
    explicit Owed(Connection& owner) : hal::Deferred(&Owed::run), connection(owner) {}
    static void run(hal::Deferred& deferred) { static_cast<Owed&>(deferred).connection.give_owed(); }
    Connection& connection;
    std::vector<std::pair<Task*, scsi::Delivery>> answers;
  } owed_{*this};
  hal::Timer timer_{&Connection::timer_fired, this};  // login deadline, then keepalive, then the end of a grace
  base::Time grace_over_{};                           // of a logout that we asked for; zero: none
  std::uint32_t ping_tag_ = pdu::kReservedTag;        // of the NOP-In whose answer is waited for
  std::vector<std::uint32_t> late_pings_;             // ... that are unanswered, and not waited for
  bool ping_repeated_ = false;                        // the one waited for is the second
  std::uint32_t next_tag_ = 0;
  std::uint32_t logout_tag_ = 0;
  // Commands that were refused, or ignored (RFC 7143 4.2.2.1), although unsolicited data follows them: that data is
  // dropped in silence.
  std::array<std::uint32_t, 8> refused_tags_{};
  std::uint8_t refused_count_ = 0;
};

template <class Response>
void Connection::stamp(Response& response) {
  response.stat_sn = stat_sn_++;
  response.exp_cmd_sn = session_->window.expected();
  response.max_cmd_sn = session_->window.maximum();
}

template <class Response>
void Connection::send_numbered(Response& response, std::span<const std::byte> data) {
  stamp(response);
  datamover_->send(response, data);
  if (__builtin_expect(recovery_ != nullptr, 0)) {
    keep(reinterpret_cast<const pdu::BasicHeader&>(response), data, nullptr);
  }
}

}  // namespace iscsi
