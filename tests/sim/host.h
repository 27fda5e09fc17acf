// A host that behaves, on one session at a time, with one connection or several: what it does is chosen from a seed,
// what comes back is checked.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/sim/medium_oracle.h"
#include "tests/support/session_world.h"
#include "tests/support/strict_initiator.h"

namespace sim {

inline constexpr std::uint8_t kAbortTask = 1;
using Media = std::array<MediumOracle, 2>;  // by LUN

// What all hosts share.
struct Shared {
  SessionWorld& world;
  Media& media;
  base::SeededRandom& random;
  std::uint64_t clock = 0;       // counts what is sent
  std::uint64_t arrived = 0;     // the clock when everything sent had last arrived
  std::function<void()> settle;  // the target comes to rest, and all hosts listen
};

// A task management function that was answered: what it may have ended is for all hosts to know.
struct Ended {
  std::uint8_t function = 0;
  std::uint8_t lun = 0;
  std::uint64_t asked_at = 0;    // of the same session: what was sent before is over
  std::uint64_t arrived_at = 0;  // of others: what had arrived when the function was sent is over
  bool unanswered = false;       // it may have been executed, or not
};

class Host {
 public:
  Host(Shared& shared, std::uint8_t index) : shared_(shared), index_(index) {}

  void connect();  // a new session in the place of the old one
  void join();     // one more connection of the session
  void cut();      // a connection's network goes away; nobody is told
  void recover();  // reinstates a connection, one that is cut if there is one; the session if it has no other
  void log_out();
  void write();
  void read();
  void abort_one();
  void manage(std::uint8_t function);  // ABORT TASK SET, CLEAR TASK SET, LOGICAL UNIT RESET
  void answer_r2t();                   // some or all of the oldest
  void listen();                       // takes what has come

  bool connected() const { return !live().empty(); }
  bool idle() const { return commands_.empty() && functions_.empty(); }
  // With what may have happened already: its answer waits for another connection (RFC 7143 4.2.3.3), or for nobody.
  std::vector<Ended> take_ended();
  void others_function(const Ended& ended, bool own);  // answered, and everything before it was listened to
  void explain_unknown();                              // after others_function: somebody must have ended them
  void unit_went_away(std::uint8_t lun);               // its commands may end without an answer
  bool may_stay_unanswered() const;                    // what is still there was ended by others
  std::string pending() const;
  std::uint64_t trace() const { return trace_; }  // of every byte that came back
  std::uint64_t good() const { return good_; }
  bool dark() const { return dark_; }
  struct Connections {
    std::uint64_t joined = 0, reinstated = 0, sent_again = 0;
  };
  const Connections& connections() const { return connections_; }
  // Reads a range and checks it; the target is at rest meanwhile.
  void verify(std::uint8_t lun, std::uint32_t lba, std::uint32_t blocks);

 private:
  struct Command {
    std::uint8_t lun = 0;
    bool write = false, may_vanish = false;
    bool unknown = false;  // to the target, which said so when asked to abort it
    std::uint32_t id = 0;  // stamp or read
    std::uint64_t sent_at = 0;
    std::uint32_t cmd_sn = 0, lba = 0, blocks = 0;
    std::uint16_t cid = 0;  // the connection that it belongs to (RFC 7143 4.2.2)
    std::vector<std::byte> data;
  };
  struct Function {
    std::uint8_t function, lun;
    std::uint32_t referenced;
    std::uint64_t sent_at, arrived_at;
    std::uint16_t cid;
  };
  struct Link {
    std::uint16_t cid = 0;
    std::unique_ptr<StrictInitiator> wire;
  };
  std::vector<Link*> live();
  std::vector<const Link*> live() const;
  Link& any_live() {
    const std::vector<Link*> all = live();
    return *all[choose(all.size())];
  }
  bool is_cut(std::uint16_t cid) const;
  bool log_in(Link& link);  // the session's first connection, or one more: as tsih_ says
  Command& new_command(std::uint32_t& tag, std::uint32_t& lba, std::uint32_t& blocks);
  void send_read(Link& link, std::uint32_t tag, Command& command);
  void send_write(Link& link, std::uint32_t tag, Command& command);
  void answer_ping(Link& link, const hal::iscsi::NopIn& ping);
  void send_unsolicited(Link& link, std::uint32_t tag, const Command& command, std::uint32_t from, std::uint32_t to);
  void heard(std::uint16_t cid, const hal::iscsi::BasicHeader& header, std::span<const std::byte> data);
  void ends(std::uint32_t tag, std::uint8_t status, std::span<const std::byte> sense);
  void function_ends(std::uint32_t tag, std::uint8_t response);
  void forget(std::map<std::uint32_t, Command>::iterator at);  // over without an answer
  void session_is_gone();
  void functions_are_lost();
  void functions_are_lost(std::uint16_t cid);
  bool may_send();

  MediumOracle& medium(const Command& command) { return shared_.media[command.lun]; }
  std::uint64_t choose(std::uint64_t below) { return shared_.random.below(below); }

  Shared& shared_;
  const std::uint8_t index_;
  void send_again(Link& link);
  void noticed_dark();

  std::vector<Link> links_;
  bool dark_ = false;  // a connection was cut: of what was sent since, something may never have arrived
  std::uint16_t tsih_ = 0, last_cid_ = 0;
  std::uint32_t cmd_sn_ = 1;  // of the next command, over all connections
  bool small_bursts_ = false;
  std::uint32_t next_tag_ = 1;
  std::map<std::uint32_t, Command> commands_;
  std::map<std::uint32_t, Function> functions_;
  std::vector<Ended> ended_;
  std::uint64_t trace_ = 0xcbf29ce484222325u, good_ = 0;
  Connections connections_;
};

}  // namespace sim
