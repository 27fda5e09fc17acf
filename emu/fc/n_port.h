// What is inside every Fibre Channel adapter's firmware: a port that brings its link up, keeps logins, carries link
// services, Common Transport and FCP exchanges of both roles. A model of an adapter drives it; it knows no adapter.
//
// One thread. Down-calls never call back from inside: up-calls come from poll(). Identifiers of exchanges carry a
// generation, so that late down-calls are recognised. vp: index of a port on the link, 0 the physical one, above it
// virtual ports (NPIV). Standards: FC-FS-4, FC-LS-3, FC-AL-2, FCP-4.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "emu/fc/services.h"
#include "emu/wire.h"
#include "hal/port/fc_ct.h"
#include "hal/port/fc_els.h"
#include "hal/port/fc_frame.h"
#include "hal/port/fc_port.h"

namespace emu::fc {

using hal::fc::FrameHeader;
using hal::fc::PortId;
using hal::fc::RemotePort;
using hal::fc::Topology;
using hal::fc::Wwn;

enum class Connection : std::uint8_t { kPointToPoint, kLoop, kLoopPreferred };
enum class Handling : std::uint8_t {  // of a received ELS
  kAnswer,                            // the engine answers it
  kHold,                              // the user decides, by answer(); what is to be sent the engine knows
  kPassUp,                            // the user answers, by reply()
};

struct NPortSettings {
  Wwn port_name, node_name;
  Connection connection = Connection::kPointToPoint;
  std::uint8_t hard_address = 0;  // AL_PA wanted on a loop; 0: none
  std::uint16_t frame_size = 2048;
  std::uint32_t gigabits = 8;
  std::uint32_t fcp_service = 0;    // FcpService: what PRLI and its LS_ACC say
  std::array<Handling, 256> els{};  // by command
  bool hold_aborts = false;         // ABTS of commands received: the user decides, by answer_abort()
  bool log_in_to_loop = false;      // PLOGI and PRLI to all ports of a private loop, by itself
  bool send_rrq = true;             // after an accepted ABTS, when R_A_TOV has passed
  std::uint32_t exchanges = 4096;   // FCP, of both roles together; at most 4096
  base::Duration resource_allocation = std::chrono::seconds(10);  // R_A_TOV, until a fabric says other
  base::Duration error_detect = std::chrono::seconds(2);          // E_D_TOV
};

struct LinkInfo {
  Topology topology = Topology::kFabric;
  PortId id;
  RemotePort peer;  // fabric: the F_Port (its name, the fabric's name); point to point: the other N_Port
  std::uint32_t gigabits = 0;
  bool npiv = false;                // the fabric assigns more addresses
  std::vector<std::uint8_t> al_pa;  // loop: position map
};

enum class LoginState : std::uint8_t { kPlogiPending, kPlogiDone, kPrliPending, kPrliDone, kLogoPending };
struct Login {  // what is known of a remote port
  std::uint8_t vp = 0;
  RemotePort port;
  LoginState state = LoginState::kPlogiPending;
  std::uint32_t service_parameters = 0;  // the remote port's FcpService
  std::uint16_t receive_size = 2048;
  bool prli_from_peer = false;  // who logged in last
};
enum class LoginEvent : std::uint8_t { kPlogi, kPrli, kLoggedOut };

struct Request {  // of an ELS or CT exchange that the user originates
  std::uint32_t tag = 0;
  std::uint8_t vp = 0;
  PortId to;
  base::Duration limit{};  // 0: twice R_A_TOV
};
enum class LoginRequest : std::uint8_t { kPlogi, kPlogiPrli, kPrli, kLogo, kPrlo, kTprlo, kPdisc, kAdisc };

struct ReceivedEls {
  std::uint32_t id = 0;  // for answer() and reply()
  std::uint8_t vp = 0;
  RemotePort from;  // names: of PLOGI itself, else of the login; 0 when there is none
  const FrameHeader* header = nullptr;
  std::span<const std::byte> payload;
  std::uint8_t command() const { return std::to_integer<std::uint8_t>(payload[0]); }
};

struct ExchangeId {  // generation in bits 31..16, index below NPortSettings::exchanges in 15..0
  std::uint32_t raw = 0xffffffff;
  bool operator==(const ExchangeId&) const = default;
  std::uint32_t index() const { return raw & 0xffff; }
};
inline constexpr ExchangeId kNoExchange{};

// --- initiator role

struct Command {
  std::uint32_t tag = 0;
  std::uint8_t vp = 0;
  PortId to;
  std::span<const std::byte> cmnd;  // FCP_CMND, copied
  bool reads = false, writes = false;
  std::uint32_t data_length = 0;
  base::Duration limit{};  // 0: none
};
enum class StartStatus : std::uint8_t { kStarted, kNoneFree, kNotLoggedIn, kLinkDown, kInvalid };

enum class EndReason : std::uint8_t {
  kDone,           // the step; the command: there is an FCP_RSP
  kAborted,        // by abort(); by the initiator's ABTS
  kAbortedByPeer,  // ABTS from the target
  kTimeout,
  kLoggedOut,
  kLinkDown,
  kMissingData,  // a data sequence ended with bytes missing
  kUserFailed,   // fetch() or store() said false
  kProtocol,     // the other port sent what it may not
};
struct CommandEnd {
  EndReason reason = EndReason::kDone;
  std::uint16_t ox_id = 0;
  std::uint32_t data_in = 0, data_out = 0;  // bytes that were received, and sent
  std::span<const std::byte> response;      // FCP_RSP with its information
};
enum class AbortResult : std::uint8_t { kAccepted, kRejected, kTimeout, kNotFound, kLocal };

// --- target role

struct ReceivedCommand {
  ExchangeId id;  // kNoExchange: all are in use; send_bare_response() is what can be done
  std::uint8_t vp = 0;
  const Login* login = nullptr;  // its state tells whether there was a PRLI
  const FrameHeader* header = nullptr;
  std::span<const std::byte> cmnd;
};
struct AutoResponse {  // FCP_RSP that follows the last data by itself
  bool wanted = false;
  std::uint8_t status = 0, flags = 0;  // FcpRsp: residual flags, confirmation requested
  std::uint32_t residual = 0;
};
struct DataStep {
  std::uint32_t tag = 0;
  std::uint32_t offset = 0, length = 0;
  AutoResponse response;   // send_data only
  base::Duration limit{};  // receive_data: 0: twice R_A_TOV
};
enum class StepStatus : std::uint8_t { kTaken, kDead, kNoResources };
struct StepEnd {
  EndReason reason = EndReason::kDone;
  std::uint32_t missing = 0;  // bytes not moved
};
struct ReceivedAbort {
  std::uint32_t id = 0;  // for answer_abort()
  std::uint8_t vp = 0;
  ExchangeId exchange;  // kNoExchange: none that is alive
  const FrameHeader* header = nullptr;
};

// Engine -> user, from poll().
class NPortUser {
 public:
  virtual ~NPortUser() = default;
  virtual void link_up(const LinkInfo& link) = 0;
  virtual void link_down() = 0;          // exchanges have ended, logins are gone (no login_changed for each)
  virtual void loop_initializing() = 0;  // LIP seen or sent; link_up follows
  virtual void virtual_port_changed(std::uint8_t vp, bool up, PortId id) = 0;
  virtual void login_changed(const Login& login,
                             LoginEvent event) = 0;       // the other port, or the engine by itself, began it
  virtual void els_received(const ReceivedEls& els) = 0;  // where Handling is not kAnswer
  virtual void request_answered(std::uint32_t tag, RequestStatus status, std::span<const std::byte> payload) = 0;
  virtual void state_changed(std::uint8_t vp, std::span<const std::byte> pages) = 0;  // RSCN, answered already

  // Data of both roles: `offset` counts from the command's first byte. False ends the step, or the command.
  virtual bool fetch(ExchangeId id, std::uint32_t tag, std::uint32_t offset, std::span<std::byte> to) = 0;
  virtual bool store(ExchangeId id, std::uint32_t tag, std::uint32_t offset, std::span<const std::byte> from) = 0;

  virtual void command_ended(ExchangeId id, std::uint32_t tag, const CommandEnd& end) = 0;
  virtual void abort_done(ExchangeId id, std::uint32_t tag, AbortResult result) = 0;  // of abort(), after command_ended

  virtual bool command_received(const ReceivedCommand& command) = 0;  // false: no room now, offered again
  virtual void step_done(ExchangeId id, std::uint32_t tag, const StepEnd& end) = 0;
  virtual void abort_received(const ReceivedAbort& abort) = 0;  // with hold_aborts
  // The engine ended it: logout, link down, ABTS. After step_done of all its steps. Not told after a response or
  // terminate(): there step_done is the end.
  virtual void exchange_ended(ExchangeId id, EndReason reason) = 0;
};

class NPort {
 public:
  NPort(Wire& wire, const NPortSettings& settings, NPortUser& user);
  ~NPort();
  NPort(const NPort&) = delete;
  NPort& operator=(const NPort&) = delete;
  bool poll(base::Time now);  // bounded; true if anything moved

  // --- link
  void start();                      // light on, initialisation, FLOGI
  void stop();                       // at once: light off, everything forgotten, no up-call
  void bounce(base::Duration dark);  // link_down, then initialisation again
  const LinkInfo* link() const;      // null: not up
  bool logging_in_to_loop() const;   // what log_in_to_loop began is not over
  const NPortSettings& settings() const;
  NPortSettings& settings();  // names, frame_size, exchanges: before start() only
  void add_virtual_port(std::uint8_t vp, Wwn port_name, Wwn node_name);  // -> virtual_port_changed; 1..63
  void remove_virtual_port(std::uint8_t vp);
  PortId id_of(std::uint8_t vp) const;  // 0: not up

  // --- logins and link services. -> request_answered(tag), with the payload that came as answer
  const Login* find_login(std::uint8_t vp, PortId id) const;
  const Login* find_login(std::uint8_t vp, Wwn port_name) const;
  std::vector<Login> logins() const;
  void log_in(const Request& request, LoginRequest what);
  void implicit_logout(std::uint8_t vp, PortId id);  // nothing on the wire; ends its exchanges
  // Any ELS; a PLOGI, PRLI or LOGO that is accepted changes the login as log_in() does.
  void send_els(const Request& request, std::span<const std::byte> payload);
  void send_ct(const Request& request, std::span<const std::byte> payload);
  void answer(std::uint32_t els, bool accept, std::uint8_t reason = 0, std::uint8_t explanation = 0);
  void reply(std::uint32_t els, std::span<const std::byte> payload);

  // --- initiator role
  std::pair<StartStatus, ExchangeId> start_command(const Command& command);
  // -> command_ended(kAborted), abort_done(tag). False: no such command. `wire` false: no ABTS is sent.
  bool abort(ExchangeId id, std::uint32_t tag, bool wire = true);

  // --- target role. -> step_done(tag) each, in order; steps of one exchange may queue
  StepStatus send_data(ExchangeId id, const DataStep& step);
  StepStatus receive_data(ExchangeId id, const DataStep& step);
  // FCP_RSP of `length` bytes, which fetch() gives (offset 0). Asks for FCP_CONF when its flags do; done when that
  // came.
  StepStatus send_response(ExchangeId id, std::uint32_t tag, std::uint32_t length);
  // Ends the exchange without response. `wire`: tells the initiator by ABTS.
  StepStatus terminate(ExchangeId id, std::uint32_t tag, bool wire);
  void send_bare_response(std::uint8_t vp, PortId to, std::uint16_t ox_id, std::span<const std::byte> rsp);
  // `reply`: BA_ACC or BA_RJT as `accept` says; `terminate`: the exchange ends, as exchange_ended(kAborted) says.
  void answer_abort(std::uint32_t abort, bool accept, std::span<const std::byte> reply, bool terminate);
  std::uint32_t initiator_of(ExchangeId id) const;  // S_ID of a command received, 0: dead
  std::uint16_t ox_id_of(ExchangeId id) const;

  std::vector<std::pair<std::string, std::uint64_t>> counters() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace emu::fc
