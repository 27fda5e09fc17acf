// A host or a disk at the end of a link: an N_Port engine whose user notes everything, and serves its memory.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "emu/fc/link.h"
#include "emu/fc/n_port.h"
#include "emu/fc/payloads.h"

namespace emu::fc {

class Station : public NPortUser {
 public:
  enum class Role { kInitiator, kTarget, kBoth };
  struct Io {
    std::uint32_t tag = 0;
    ExchangeId id;
    bool write = false;
    std::uint32_t at = 0;
    std::vector<std::byte> data;
    int ended = 0;
    EndReason reason = EndReason::kDone;
    std::uint32_t data_in = 0, data_out = 0;
    std::vector<std::byte> response;
    int aborts_done = 0;
    AbortResult abort = AbortResult::kNotFound;
  };
  struct Served {  // a command that the target has
    ReceivedCommand received;
    std::vector<std::byte> cmnd;
    std::uint32_t remote = 0;
    std::uint32_t at = 0, length = 0;
    int steps_done = 0;
    EndReason last = EndReason::kDone;
  };
  struct Answer {
    RequestStatus status;
    std::vector<std::byte> payload;
  };

  Station(Wire& wire, std::uint64_t wwpn, Role role, Connection connection = Connection::kPointToPoint,
          std::size_t memory_bytes = 1 << 20);
  static NPortSettings settings_of(std::uint64_t wwpn, Role role, Connection connection);

  // Starts a read or write of `length` bytes at `at` of the target's memory.
  Io& start(PortId to, bool write, std::uint32_t at, std::uint32_t length, base::Duration limit = {});
  bool answered(std::uint32_t tag) const { return answers.count(tag) != 0; }
  std::uint32_t request_tag() { return ++tags_; }

  void link_up(const LinkInfo& link) override { ++ups, info = link; }
  void link_down() override { ++downs; }
  void loop_initializing() override { ++lips; }
  void virtual_port_changed(std::uint8_t vp, bool up, PortId id) override { virtual_ports[vp] = up ? id.raw : 0; }
  void login_changed(const Login& login, LoginEvent event) override { login_events.push_back({login, event}); }
  void els_received(const ReceivedEls& els) override;
  void request_answered(std::uint32_t tag, RequestStatus status, std::span<const std::byte> payload) override;
  void state_changed(std::uint8_t vp, std::span<const std::byte> pages) override;
  bool fetch(ExchangeId id, std::uint32_t tag, std::uint32_t offset, std::span<std::byte> to) override;
  bool store(ExchangeId id, std::uint32_t tag, std::uint32_t offset, std::span<const std::byte> from) override;
  void command_ended(ExchangeId id, std::uint32_t tag, const CommandEnd& end) override;
  void abort_done(ExchangeId id, std::uint32_t tag, AbortResult result) override;
  bool command_received(const ReceivedCommand& command) override;
  void step_done(ExchangeId id, std::uint32_t tag, const StepEnd& end) override;
  void abort_received(const ReceivedAbort& abort) override;
  void exchange_ended(ExchangeId id, EndReason reason) override;

  void serve(ExchangeId id);  // what the target does by itself unless `serves` is off

  NPort port;
  int ups = 0, downs = 0, lips = 0;
  LinkInfo info;
  std::map<int, std::uint32_t> virtual_ports;
  std::vector<std::pair<Login, LoginEvent>> login_events;
  std::vector<std::uint8_t> els_commands;
  std::vector<std::uint32_t> els_ids;
  std::map<std::uint32_t, Answer> answers;
  std::vector<std::byte> rscn;
  std::map<std::uint32_t, std::unique_ptr<Io>> ios;  // by tag
  std::vector<std::byte> memory;
  std::map<std::uint32_t, Served> served;  // by exchange
  std::vector<ReceivedAbort> aborts;
  std::vector<std::pair<std::uint32_t, EndReason>> exchanges_ended;
  bool serves = true;    // answers commands at once
  bool has_room = true;  // command_received() takes them
  bool fails_fetch = false, fails_store = false;
  std::uint8_t response_flags = 0;
  int commands_taken = 0;

 private:
  std::uint32_t tags_ = 0;
};

// Two stations on one link, in virtual time.
struct PairWorld {
  explicit PairWorld(Connection connection = Connection::kPointToPoint);
  void run(base::Duration time);  // in steps of a millisecond
  template <class Condition>
  bool run_until(Condition&& condition, base::Duration limit = std::chrono::seconds(5)) {
    const base::Time end = now + limit;
    while (!condition()) {
      if (now >= end) return false;
      step();
    }
    return true;
  }
  void step();
  bool log_in();  // host to disk, PLOGI and PRLI

  base::Time now{std::chrono::hours(1)};
  Link link{LinkOptions{}};
  Station host, disk;
};

inline constexpr std::uint64_t kHostName = 0x2100002400000001, kDiskName = 0x2100002400000002;

}  // namespace emu::fc
