// A host that behaves, on one session at a time, with one connection or several, at one of the error recovery levels:
// what it does is chosen from a seed, what comes back is checked.
//
// Cut by theme: host_commands.cc (what is sent), host_answers.cc (what comes), host_checks.cc (what the answers must
// be), host_functions.cc (task management), host_session.cc (how connections begin and end), host_recovery.cc
// (connections that are lost and come back), host_damage.cc (PDUs that are damaged and asked for again).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/sim/attention_oracle.h"
#include "tests/sim/data_in_log.h"
#include "tests/sim/medium_oracle.h"
#include "tests/support/session_world.h"
#include "tests/support/strict_initiator.h"

namespace sim {

inline constexpr std::uint8_t kAbortTask = 1, kAbortTaskSet = 2, kClearTaskSet = 4, kUnitReset = 5, kReassign = 8;
using Media = std::array<MediumOracle, 2>;  // by LUN

// What the operator had done to commands and was not told of yet.
struct Injected {
  std::array<std::uint32_t, 2> medium_errors{}, aborts{}, attentions{};  // by LUN
};

// What all hosts share.
struct Shared {
  SessionWorld& world;
  Media& media;
  base::SeededRandom& random;
  bool several = false;       // connections per session
  bool damage = true;         // PDUs are damaged on their way
  std::uint64_t clock = 0;    // counts what is sent
  std::uint64_t arrived = 0;  // the clock when everything sent had last arrived
  Injected injected;
  std::function<void()> settle;  // the target comes to rest, and all hosts listen
  std::function<void(std::uint8_t function, std::uint8_t lun, const void* by)> function_begins;
  std::function<bool(std::uint8_t lun)> being_reset;  // by any host
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
  void recover();  // brings back a connection that is lost, or reinstates one; the session if there is no other way
  void heal();     // asks for what was damaged on its way (error recovery level 1)
  void log_out();
  void write();
  void read();
  void abort_one();
  void manage(std::uint8_t function);  // ABORT TASK SET, CLEAR TASK SET, LOGICAL UNIT RESET
  void answer_r2t();                   // some or all of the oldest
  bool listen();                       // takes what has come; true: there was something
  void tidy();                         // of connections that have ended: what they had is sent by another, or is over

  bool connected() const { return !live().empty(); }
  bool idle() const { return commands_.empty() && functions_.empty(); }
  // With what may have happened already: its answer waits for another connection (RFC 7143 4.2.3.3), or for nobody.
  std::vector<Ended> take_ended();
  void others_function(const Ended& ended, bool own);  // answered, and everything before it was listened to
  void judge();                                        // after others_function: what was answered, and what was not
  void function_begins(std::uint8_t function, std::uint8_t lun, bool own);
  bool resets(std::uint8_t lun) const;    // has asked for it, and knows no answer
  void unit_went_away(std::uint8_t lun);  // its commands may end without an answer
  void units_changed(std::uint8_t lun, std::uint64_t began);
  bool may_stay_unanswered() const;  // what is still there was ended by others
  std::string pending() const;
  std::uint64_t trace() const { return trace_; }  // of every byte that came back
  bool dark() const;  // a connection is lost: of what was sent, something may never have arrived
  struct Counts {
    std::uint64_t good = 0, joined = 0, reinstated = 0, sent_again = 0, reassigned = 0, damaged = 0, snacks = 0;
    Counts& operator+=(const Counts& other);
  };
  const Counts& counts() const { return counts_; }
  // Reads a range and checks it; the target is at rest meanwhile.
  void verify(std::uint8_t lun, std::uint32_t lba, std::uint32_t blocks);

 private:
  struct Answer {
    std::uint8_t status = 0, flags = 0;
    std::uint32_t residual = 0, exp_data_sn = 0, stat_sn = 0;
    std::vector<std::byte> sense;
  };
  enum class Attribute : std::uint8_t { kSimple = 1, kOrdered = 2, kHeadOfQueue = 3 };
  struct Command {
    std::uint8_t lun = 0;
    bool write = false, may_vanish = false;
    bool unknown = false;    // to the target, which said so when asked about it
    bool spoiled = false;    // data of it was damaged on its way
    bool swept = false;      // by a function; but its answer may have been damaged before
    bool disowned = false;   // an ABORT TASK for it got no answer: it may have been ended before it came
    bool aborted = false;    // by another connection; what was sent before may still come by its own
    bool absent = false;     // its own PDU was damaged on its way, and not sent again yet
    std::uint32_t vain = 0;  // SNACKs that were sent meanwhile: rejected
    Attribute attribute = Attribute::kSimple;
    std::uint32_t id = 0;  // stamp or read
    std::uint64_t sent_at = 0;
    std::uint64_t received_at = 0;  // at the latest, as ExpCmdSN told: nothing is missing before it
    std::uint32_t cmd_sn = 0, lba = 0, blocks = 0;
    std::uint16_t cid = 0;             // the connection that it belongs to (RFC 7143 4.2.2)
    std::vector<std::byte> data;       // as long as the expected data transfer length
    std::vector<std::uint32_t> older;  // tags of its unit that were sent before and not answered
    DataInLog come;
    std::uint32_t acknowledged = 0;            // Data-In, by DataACK
    std::vector<std::uint32_t> transfer_tags;  // of R2Ts that have come
    std::optional<Answer> answer;              // that waits for data which is missing
  };
  struct Over {  // a command that was answered
    std::uint32_t tag;
    Command command;
    Answer answer;
  };
  struct Past {  // ... by its logical unit
    bool write, ordered;
    std::uint32_t id;
    std::vector<std::uint32_t> older;
  };
  struct Function {
    std::uint8_t function, lun;
    std::uint32_t referenced;
    std::uint64_t sent_at, arrived_at;
    std::uint16_t cid;
    std::uint32_t exp_data_sn = 0;  // TASK REASSIGN
  };
  struct Link {
    std::uint16_t cid = 0;
    bool closing = false;  // has sent a Logout Request: nothing new is asked by it (RFC 7143 11.14)
    bool leaving = false;  // ... or another has for it, and nothing of it waits for another
    std::unique_ptr<StrictInitiator> wire = nullptr;
    base::Time lost_at{};  // zero: not lost
  };
  using Commands = std::map<std::uint32_t, Command>;

  std::vector<Link*> live();
  std::vector<const Link*> live() const;
  Link* find(std::uint16_t cid);
  static bool is_live(const Link& link) {
    return link.wire != nullptr && link.wire->full_feature() && !link.wire->closed();
  }
  bool is_lost(const Link& link) const;
  bool is_cut(std::uint16_t cid) const;
  std::vector<Link*> open();  // those that may be used
  Link& any_open();
  std::uint32_t expects(const Link& link) const;  // ExpStatSN

  // host_session.cc
  bool log_in(Link& link);  // the session's first connection, or one more: as tsih_ says
  std::string login_text();
  bool log_out_for_recovery(Link& lost, Link& by);
  void session_is_gone();

  // host_recovery.cc
  void bring_back(Link& to, std::uint16_t cid);
  void send_again(Link& to, std::uint32_t tag, Command& command);
  void reassign(Link& to, std::uint32_t tag, Command& command);
  void reassigned(const Function& function, std::uint8_t response);
  void ping(Link& link);

  // host_damage.cc
  bool loses(const Link& link, const hal::iscsi::BasicHeader& header);
  StrictInitiator::Spoil spoil(const Link& link, bool data);
  void snack(Link& link, std::uint8_t type, std::uint32_t tag, std::uint32_t first, std::uint32_t count);
  void acknowledge_data(Link& link, std::uint32_t tag, Command& command);
  void rejected(Link& link, const hal::iscsi::Reject& reject, std::span<const std::byte> data);
  void ask_again(Link& link);
  void give_up_swept(Link& link);

  // host_commands.cc
  Command& new_command(std::uint32_t& tag, bool write);
  void send(Link& link, std::uint32_t tag, Command& command);
  void send_read(Link& link, std::uint32_t tag, Command& command);
  void send_write(Link& link, std::uint32_t tag, Command& command);
  void send_unsolicited(Link& link, std::uint32_t tag, Command& command, std::uint32_t from, std::uint32_t to);
  bool may_send();

  // host_answers.cc
  void heard(std::uint16_t cid, const hal::iscsi::BasicHeader& header, std::span<const std::byte> data);
  void heard_data(Link& link, const hal::iscsi::DataIn& in, std::span<const std::byte> data);
  void heard_r2t(Link& link, const hal::iscsi::R2t& r2t);
  void answer_ping(Link& link, const hal::iscsi::NopIn& ping);
  void answered(std::uint32_t tag, Answer answer);
  void ends(Commands::iterator at);
  void forget(Commands::iterator at);        // over; its answer may have been lost
  void drop(Commands::iterator at);          // over; there was none
  void answer_lost(const Command& command);  // which may have told of a unit attention

  // host_checks.cc
  void check_residual(const Command& command, const Answer& answer) const;
  std::uint16_t check_sense(const Command& command, const Answer& answer);  // ASC, ASCQ
  std::set<MediumOracle::Stamp> writes_before(const Command& command) const;
  void check_order(const Over& over) const;
  void check_attention(const Over& over);

  // host_functions.cc
  bool being_aborted(std::uint32_t tag) const;
  bool received(const Command& command) const;
  void function_ends(std::uint32_t tag, std::uint8_t response);
  void functions_are_lost();
  void functions_are_lost(std::uint16_t cid);

  MediumOracle& medium(const Command& command) { return shared_.media[command.lun]; }
  std::uint64_t choose(std::uint64_t below) { return shared_.random.below(below); }

  Shared& shared_;
  const std::uint8_t index_;
  std::vector<Link> links_;
  std::uint16_t tsih_ = 0, last_cid_ = 0;
  std::uint8_t level_ = 0;    // of error recovery
  std::uint32_t cmd_sn_ = 1;  // of the next command, over all connections
  bool small_bursts_ = false, any_order_ = false;
  std::uint32_t next_tag_ = 1;
  Commands commands_;
  std::map<std::uint32_t, Function> functions_;
  std::vector<Ended> ended_;
  std::vector<Over> over_;              // in this round
  std::map<std::uint32_t, Past> past_;  // of this session, by tag
  AttentionOracle attentions_;
  bool coming_back_ = false;  // a connection takes a lost one's place; what went with that is not sent again yet
  bool logged_out_ = false;   // the answer to log_out_for_recovery has come
  std::uint64_t trace_ = 0xcbf29ce484222325u;
  Counts counts_;
};

}  // namespace sim
