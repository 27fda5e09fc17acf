// A target port and its initiators in one process: the SCSI core is driven without any fabric. A LoopNexus sends
// commands and keeps what came back; a LoopPort moves the data and answers the core from the poll loop, in seeded
// order, late, or not at all until the test lets it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "hal/reactor.h"
#include "scsi_core/command.h"
#include "scsi_core/port.h"

namespace test_support {

class LoopNexus;
class LoopPort;

// What an initiator sends.
struct Request {
  std::vector<std::uint8_t> cdb = {};
  std::uint32_t lun = 0;
  std::size_t in = 0;               // Data-In expected, bytes
  std::vector<std::byte> out = {};  // Data-Out
  scsi::TaskAttribute attribute = scsi::TaskAttribute::kSimple;
  std::optional<std::uint64_t> expected_length = {};          // when it is to differ from the data above
  std::optional<scsi::DataDirection> direction = {};          // likewise
  std::optional<std::array<std::uint8_t, 8>> lun_bytes = {};  // an address that is no plain number
};

// What came back.
struct Reply {
  bool over = false;     // the slot is back with the port
  bool dropped = false;  // without a status
  scsi::Status status = scsi::Status::kGood;
  scsi::SenseCode sense;               // decoded from sense_bytes
  std::vector<std::byte> sense_bytes;  // as sent
  std::vector<std::byte> data;         // Data-In
  std::uint64_t data_out_bytes = 0;    // of Data-Out, fetched by the target
  scsi::Response::Residual residual = scsi::Response::Residual::kNone;
  std::uint64_t residual_count = 0;
  bool good() const { return over && !dropped && status == scsi::Status::kGood; }
  bool check(const scsi::SenseCode& code) const {
    return over && !dropped && status == scsi::Status::kCheckCondition && sense == code;
  }
};

struct LoopCommand {
  struct Slot : scsi::Command {
    LoopCommand* owner = nullptr;
  };
  Slot command;  // the core's while !reply.over
  Request request;
  Reply reply;
};

struct LoopFunction {
  scsi::TaskManagement request;
  std::optional<scsi::TmfResponse> response;
};

// One initiator at one port. Destroyed with its port; commands stay readable until then.
class LoopNexus {
 public:
  LoopNexus(LoopPort& port, const scsi::TransportId& initiator);
  // Each of these waits in the port's inbox for its reactor to run; the reply fills in as the reactors go on.
  LoopCommand& send(Request request);
  LoopFunction& manage(scsi::TaskFunction function, std::uint32_t lun = 0, const LoopCommand* task = nullptr);
  void lose();                         // nexus_lost; `quiet` follows
  bool lost() const { return lost_; }  // lose() was called
  bool quiet() const { return quiet_; }
  bool end_asked() const { return end_asked_; }  // the core called end_nexus
  scsi::Nexus& nexus() { return *nexus_; }       // until quiet
  LoopPort& port() { return port_; }
  std::deque<std::unique_ptr<LoopCommand>>& commands() { return commands_; }

 private:
  friend class LoopPort;
  LoopPort& port_;
  scsi::Nexus* nexus_;
  std::uint64_t next_tag_ = 1;
  std::deque<std::unique_ptr<LoopCommand>> commands_;
  std::deque<std::unique_ptr<LoopFunction>> functions_;
  bool lost_ = false, told_ = false, quiet_ = false, end_asked_ = false;
};

// One target port on one reactor. What breaks the contract of scsi_core/port.h fails the test.
class LoopPort final : public scsi::TargetPort, public hal::Poller {
 public:
  LoopPort(hal::Reactor& reactor, scsi::TaskRouter& router, scsi::TargetPortIdentity identity, std::uint64_t seed);
  ~LoopPort() override;
  LoopNexus& login(const std::string& initiator);  // an iSCSI name with ISID, or without: one is added

  // While on, transfers stay unanswered (those that are terminated excepted), until answer_one or it is off again.
  bool hold_transfers = false;
  // While on, terminated transfers are held too: a fabric that cannot hasten anything.
  bool hold_terminated = false;
  // Of the answers that are due, any is given next instead of the oldest; terminated transfers may have been too late.
  bool shuffle = false;
  // While on, the port makes and checks protection information itself.
  bool offload = false;
  std::uint64_t offloaded = 0;  // transfers
  std::size_t transfers_out() const { return pending_.size(); }
  // Answers the oldest transfer now, whatever is held. Call it from outside the core.
  void answer_one(scsi::Delivery delivery = scsi::Delivery::kDelivered);
  void fail_next(scsi::SenseCode why) { fail_next_ = why; }  // the next answer is kFailed
  // Called just before the core is given a task management function, and when it has answered one.
  std::function<void(LoopFunction&)> function_delivered, function_answered;

  scsi::TaskRouter& router() { return router_; }
  hal::Reactor& reactor() { return reactor_; }

  // TargetPort
  const scsi::TargetPortIdentity& identity() const override { return identity_; }
  hal::DmaPool& buffers() override;
  bool offloads_protection() const override { return offload; }
  void send_data_in(scsi::Command& command, const scsi::Transfer& transfer) override;
  void receive_data_out(scsi::Command& command, const scsi::Transfer& transfer) override;
  void terminate_data_transfer(scsi::Command& command) override;
  void send_command_complete(scsi::Command& command) override;
  void drop_command(scsi::Command& command) override;
  void task_management_function_executed(scsi::TaskManagement& function, scsi::TmfResponse response) override;
  void nexus_quiet(scsi::Nexus& nexus) override;
  void end_nexus(scsi::Nexus& nexus) override;
  bool poll() override;

 private:
  friend class LoopNexus;
  struct Inbound {  // one of them
    LoopCommand* command = nullptr;
    LoopFunction* function = nullptr;
    LoopNexus* lost = nullptr;
  };
  bool deliver();
  struct Pending {
    LoopCommand* command;
    scsi::Transfer transfer;
    bool in;
    bool terminated = false;
  };
  void answer(std::size_t index, scsi::Delivery delivery);
  static void move_plainly(const Pending& pending, scsi::Delivery delivery);
  scsi::Delivery carry(const Pending& pending);  // by way of loop_protection.h
  void over(LoopCommand& command, bool dropped);

  hal::Reactor& reactor_;
  scsi::TaskRouter& router_;
  const scsi::TargetPortIdentity identity_;
  base::SeededRandom random_;
  std::deque<Inbound> inbox_;
  std::vector<Pending> pending_;
  std::optional<scsi::SenseCode> fail_next_;
  std::deque<std::unique_ptr<LoopNexus>> nexuses_;
};

}  // namespace test_support
