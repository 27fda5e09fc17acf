// A Fibre Channel adapter by hand: initiators log in, send commands and abort them as a test says, data is copied from
// the poll loop. What breaks the contract of hal/port/fc_port.h fails the test.
//
//   FakeFcPort port(reactor);                        // attach it to a fcp::Fabric
//   port.light(true);                                // once it was started
//   FcInitiator& host = port.initiator(Wwn{0x21...}, PortId{0x010200});
//   host.log_in();                                   // PLOGI, PRLI
//   FcCommand& command = host.send({.cdb = {0x28, ...}, .in = 4096});
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hal/port/fc_port.h"
#include "hal/reactor.h"

namespace test_support {

class FakeFcPort;
class FakeFcQueue;
class FcInitiator;

struct FcRequest {  // what an initiator sends
  std::vector<std::uint8_t> cdb = {};
  std::uint32_t lun = 0;
  std::size_t in = 0;               // Data-In expected, bytes
  std::vector<std::byte> out = {};  // Data-Out
  std::uint8_t attribute = 0;
  std::uint8_t task_management_flags = 0;
  std::optional<std::uint32_t> data_length = {};  // when it is to differ from the data above
  std::optional<bool> reads = {}, writes = {};    // likewise
  std::optional<std::uint16_t> cdb_length = {};   // likewise
};

struct FcReply {  // what came back
  bool over = false;
  bool dropped = false;       // the exchange ended without a response
  bool lost = false;          // its login ended before it reached the target
  bool acknowledged = false;  // BA_ACC of an ABTS
  std::uint8_t status = 0, residual_flags = 0, code = 0;
  bool has_code = false;
  std::uint32_t residual = 0;
  std::vector<std::byte> sense, data;
  std::uint64_t data_out_bytes = 0;
  bool good() const { return over && !dropped && !lost && status == 0 && !has_code; }
  // CHECK CONDITION with this sense, in fixed format.
  bool check(std::uint8_t key, std::uint8_t asc, std::uint8_t ascq) const;
};

struct FcCommand {
  FcInitiator* initiator = nullptr;
  FcRequest request;
  FcReply reply;
  std::uint16_t ox_id = 0;
  hal::fc::LoginId login = 0;
  std::int64_t slot = -1;  // with the target
  bool abort_asked = false;
};

// One N_Port that logs in.
class FcInitiator {
 public:
  enum class Service : std::uint8_t { kNone, kWaiting, kAccepted, kRejected };
  FcInitiator(FakeFcPort& port, hal::fc::RemotePort who) : who_(who), port_(port) {}
  // Each of these waits for the port's reactor to run.
  void ask(hal::fc::LinkServiceKind kind, std::uint32_t parameters = 0x22);
  void log_in();  // PLOGI; PRLI once that is accepted
  FcCommand& send(FcRequest request);
  void abort(FcCommand& command);
  void vanish();  // the port finds out that it is gone: its login ends without a LOGO

  Service last() const { return last_; }                                // of the latest ask()
  const hal::fc::LinkServiceAnswer& answer() const { return answer_; }  // once there is one
  bool open() const { return login_.has_value() && open_; }
  std::optional<hal::fc::LoginId> login() const { return login_; }
  std::uint32_t logouts_received() const { return logouts_; }
  const hal::fc::RemotePort& who() const { return who_; }
  std::deque<std::unique_ptr<FcCommand>>& commands() { return commands_; }

 private:
  friend class FakeFcPort;
  friend class FakeFcQueue;
  hal::fc::RemotePort who_;
  FakeFcPort& port_;
  Service last_ = Service::kNone;
  hal::fc::LinkServiceAnswer answer_;
  bool prli_follows_ = false;
  std::optional<hal::fc::LoginId> login_;
  bool open_ = false;
  std::uint32_t logouts_ = 0;
  std::uint16_t next_ox_id_ = 1;
  std::deque<std::unique_ptr<FcCommand>> commands_;
};

class FakeFcQueue final : public hal::fc::FcQueue, public hal::Poller {
 public:
  FakeFcQueue(hal::Reactor& reactor, std::uint32_t exchanges);
  ~FakeFcQueue() override;

  bool hold_transfers = false;  // answers to transfers wait, those that are terminated or failed excepted
  bool late_terminate = false;  // a terminated transfer is answered kDone: it was too late
  bool hold_ends = false;       // exchange_ended waits
  bool deaf_data = false;       // ... and so do terminated ones
  bool offload = false;         // makes and checks protection information
  std::size_t transfers_out() const;
  void answer_one(hal::fc::DataStatus status);  // the oldest transfer, whatever is held

  // FcQueue
  hal::Reactor& reactor() override { return reactor_; }
  std::uint32_t exchange_count() const override { return static_cast<std::uint32_t>(slots_.size()); }
  void set_user(hal::fc::FcQueueUser& user) override { user_ = &user; }
  bool offloads_protection() const override { return offload; }
  void send_data(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data) override;
  void receive_data(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data) override;
  void terminate_data(hal::fc::Exchange& exchange) override;
  void send_response(hal::fc::Exchange& exchange, const hal::fc::ExchangeResponse& response) override;
  void drop(hal::fc::Exchange& exchange) override;
  bool poll() override;

  void deliver(FcCommand& command) { inbox_.push_back(&command); }
  void abort(FcCommand& command);
  void login_over(hal::fc::LoginId login);  // its transfers fail, what is on its way is lost
  bool idle(hal::fc::LoginId login) const;  // no exchange of the login is left

 private:
  struct Transfer {
    hal::fc::ExchangeData data;
    bool in = false, terminated = false, failed = false;
  };
  struct Slot {
    hal::fc::Exchange exchange;
    FcCommand* command = nullptr;  // null: free
    std::deque<Transfer> transfers;
    bool ending = false;
    bool status_in_data = false;
  };
  Slot& slot_of(const hal::fc::Exchange& exchange);
  void put(hal::fc::Exchange& exchange, const hal::fc::ExchangeData& data, bool in);
  bool receive();
  bool answer_transfers(Slot& slot);
  void answer(Slot& slot, hal::fc::DataStatus status);
  static void move_plainly(Slot& slot, const Transfer& transfer);
  static hal::fc::DataStatus move_protected(Slot& slot, const Transfer& transfer);
  void end(Slot& slot);
  static void over(Slot& slot);

  hal::Reactor& reactor_;
  hal::fc::FcQueueUser* user_ = nullptr;
  std::vector<std::unique_ptr<Slot>> slots_;
  std::deque<FcCommand*> inbox_;
};

class FakeFcPort final : public hal::fc::FcPort, public hal::Poller {
 public:
  // One queue on each reactor of `queues`; the control part on the first.
  explicit FakeFcPort(std::vector<hal::Reactor*> queues, hal::fc::Wwn name = {0x5001438000000001},
                      std::uint32_t exchanges = 64);
  ~FakeFcPort() override;

  FcInitiator& initiator(hal::fc::Wwn name, hal::fc::PortId id);
  void light(bool on, hal::fc::Topology topology = hal::fc::Topology::kFabric);
  void fail_adapter(const std::string& reason, bool recovers);
  void receive_rscn(std::vector<std::byte> pages);
  void answer_state_report();  // one that is held
  FakeFcQueue& queue(std::size_t index = 0) { return *queues_[index]; }
  bool started() const { return user_ != nullptr; }
  std::vector<std::unique_ptr<FakeFcPort>> further;  // its virtual ports
  std::vector<hal::fc::FcPort*> virtual_ports() override {
    std::vector<hal::fc::FcPort*> ports;
    for (const auto& each : further) ports.push_back(each.get());
    return ports;
  }

  // The fabric: what was asked of the name server, and how it answers.
  std::vector<std::vector<std::byte>> ct_requests;
  std::uint32_t state_change_registrations = 0, name_server_logins = 0;
  hal::fc::CtStatus ct_status = hal::fc::CtStatus::kDone;
  std::map<std::uint16_t, std::uint8_t> ct_rejects;  // command -> reason
  bool name_server_refuses = false, name_server_silent = false;
  std::uint32_t state_reports = 0;
  bool refuses_state_reports = false, holds_state_reports = false;

  // Point to point: who is at the other end, the logins that it was asked for, and how many of those it refuses.
  hal::fc::RemotePort peer;
  std::uint32_t peer_logins = 0, peer_refuses = 0;

  // FcPort
  hal::Reactor& reactor() override { return reactor_; }
  std::vector<hal::fc::FcQueue*> queues() override;
  void start(hal::fc::FcPortUser& user) override;
  void stop(std::function<void()> done) override;
  void answer(std::uint32_t link_service, const hal::fc::LinkServiceAnswer& answer) override;
  void open_login(hal::fc::LoginId login) override;
  void end_login(hal::fc::LoginId login) override;
  void release_login(hal::fc::LoginId login) override;
  void log_in(hal::fc::PortId port) override;
  base::Result<void> send_ct(std::uint32_t id, hal::fc::PortId server, std::span<const std::byte> request,
                             base::Duration limit) override;
  void register_state_changes() override { ++state_change_registrations; }
  void report_state_change() override;
  hal::fc::PortInfo info() const override;
  std::string dump(std::string_view what) const override { return "dump of " + std::string(what); }
  bool poll() override;

 private:
  friend class FcInitiator;
  struct Login {
    FcInitiator* initiator;
    bool open = false, ended = false;
  };
  void later(std::function<void()> event) { events_.push_back(std::move(event)); }
  void link_service(FcInitiator& from, hal::fc::LinkServiceKind kind, std::uint32_t parameters);
  void forget_held();
  void end(hal::fc::LoginId login);
  void end_if_live(FcInitiator& initiator);
  FakeFcQueue& queue_of(hal::fc::LoginId login);
  std::string text_id() const;

  hal::Reactor& reactor_;
  hal::fc::Wwn name_;
  std::vector<std::unique_ptr<FakeFcQueue>> queues_;
  hal::fc::FcPortUser* user_ = nullptr;
  std::function<void()> stopped_;
  bool light_ = false;
  hal::fc::Link link_;
  std::deque<std::unique_ptr<FcInitiator>> initiators_;
  std::map<hal::fc::LoginId, Login> logins_;
  struct Held {
    FcInitiator* from;
    hal::fc::LinkServiceKind kind;
    std::uint32_t parameters;
  };
  std::map<std::uint32_t, Held> held_;  // link services without an answer
  std::set<std::uint32_t> forgotten_;   // of those, whom nobody waits for any more
  std::uint32_t next_service_ = 1;
  std::deque<std::function<void()>> events_;  // up-calls that are due
};

}  // namespace test_support
