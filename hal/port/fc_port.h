// FcPort: what a Fibre Channel adapter in target mode can do, in the field's words. Above it, fabrics/fcp decides who
// may log in and carries commands to the SCSI core; below it, an adapter (drivers/qla) or software moves frames, data
// and responses.
//
// A port has a control part (FcPort: link, logins, link services, name server requests), on one reactor, and one or
// more queues (FcQueue: exchanges), each on a reactor of its own. Down-calls never call back from inside; answers come
// from the poll loop, each exactly once. Names: FC-FS-4, FC-LS-3, FC-GS-7, FCP-4.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "hal/dma.h"
#include "hal/protection.h"
#include "hal/reactor.h"

namespace hal::fc {

struct Wwn {  // Worldwide_Name, as a number: first byte on the wire is the most significant
  std::uint64_t raw = 0;
  auto operator<=>(const Wwn&) const = default;
};
std::string to_string(Wwn name);                     // "21:00:00:24:ff:00:00:01"
base::Result<Wwn> parse_wwn(std::string_view text);  // with colons, or 16 hex digits

struct PortId {  // N_Port_ID: domain, area, port, 24 bits
  std::uint32_t raw = 0;
  auto operator<=>(const PortId&) const = default;
};
inline constexpr PortId kNameServer{0xfffffc}, kFabricController{0xfffffd}, kFabricPort{0xfffffe};

struct RemotePort {
  PortId id;
  Wwn port_name, node_name;
  bool operator==(const RemotePort&) const = default;
};

enum class Topology : std::uint8_t { kFabric, kPointToPoint, kPrivateLoop, kPublicLoop };
struct Link {
  Topology topology = Topology::kFabric;
  PortId id;
  Wwn fabric_name;  // of the F_Port's switch; 0 without one
  RemotePort peer;  // point to point: who is at the other end, with the address that a PLOGI of ours gives it
  std::uint32_t gigabits = 0;
  bool operator==(const Link&) const = default;
};

// --- control part
// -------------------------------------------------------------------------------------------------------

enum class LinkServiceKind : std::uint8_t { kPlogi, kPrli, kLogo, kPrlo, kTprlo, kPdisc, kAdisc };
// A request of a remote port that asks for a decision. The adapter holds its exchange until answer().
struct LinkService {
  std::uint32_t id = 0;  // slot and generation: names it in answer()
  LinkServiceKind kind = LinkServiceKind::kPlogi;
  RemotePort from;
  std::uint32_t service_parameters = 0;  // PRLI: word 3 of the FCP page (FCP-4 6.3.3)
};
struct LinkServiceAnswer {
  bool accept = true;
  std::uint8_t reason = 0, explanation = 0;  // LS_RJT (FC-LS-3 tables 8, 9)
  std::uint32_t service_parameters = 0;      // PRLI accept: ours
};

// A process login (PRLI) of a remote initiator; a small number, unique until release_login().
using LoginId = std::uint16_t;

enum class CtStatus : std::uint8_t { kDone, kTimeout, kNotLoggedIn, kLinkDown, kFailed };

// Driver -> user; from the poll loop of the control reactor.
class FcPortUser {
 public:
  virtual ~FcPortUser() = default;
  virtual void link_up(const Link& link) = 0;
  // Logins stay until login_ended says otherwise: a short loss of light ends no nexus.
  virtual void link_down() = 0;
  virtual void link_service_received(const LinkService& service) = 0;  // -> answer()
  // The initiator's process login is complete. Its commands are answered BUSY until open_login().
  virtual void logged_in(LoginId login, const RemotePort& initiator, std::uint32_t service_parameters) = 0;
  // LOGO, PRLO, a new PLOGI or PRLI of the port, link down for too long, adapter lost. All transfers of its exchanges
  // are answered kFailed; the user drops the exchanges, then calls release_login(). It comes before the
  // link_service_received of the request that ends the login; the user may keep that one until the login is released.
  virtual void login_ended(LoginId login) = 0;
  virtual void login_answered(PortId port, base::Result<void> result) = 0;  // of log_in()
  virtual void ct_answered(std::uint32_t id, CtStatus status, std::span<const std::byte> reply) = 0;
  virtual void state_changed(std::span<const std::byte> pages) = 0;   // RSCN: affected port pages, 4 bytes each
  virtual void state_change_reported(base::Result<void> result) = 0;  // of report_state_change()
  // The adapter does not work (firmware crash, removal); `recovers`: the driver is bringing it up again.
  virtual void adapter_failed(const std::string& reason, bool recovers) = 0;
};

struct PortInfo {     // for people
  std::string name;   // "qla0"
  std::string model;  // "QLE2560", "ISP2532"
  std::string firmware;
  std::string state;  // name of the bring-up step, or "online", "offline", "failed: why"
  Wwn port_name, node_name;
  bool link = false;
  Link where;
  std::uint32_t logins = 0, queues = 1;
  std::vector<std::pair<std::string, std::uint64_t>> counters;
};

// User -> driver. Every member on the control reactor unless said otherwise.
class FcQueue;
class FcPort {
 public:
  virtual ~FcPort() = default;
  virtual Reactor& reactor() = 0;
  virtual std::vector<FcQueue*> queues() = 0;  // fixed from construction
  // NPIV: further ports on the same link, with names of their own, on the same reactor; fixed from construction. Each
  // is started and stopped for itself, works while this one is on the link, and is stopped when this one goes.
  virtual std::vector<FcPort*> virtual_ports() { return {}; }
  // The queue that all exchanges of a login come by, of `queues` queues: an I_T nexus lives on one reactor.
  static std::size_t queue_of(LoginId login, std::size_t queues) { return login % queues; }
  virtual void start(FcPortUser& user) = 0;  // begins bring-up, link_up when there is light; again after stop()
  // Ends all logins (login_ended for each), takes the port off the link; `done` when all are released and the adapter
  // is still. Link services that are not answered by now never are.
  virtual void stop(std::function<void()> done) = 0;

  virtual void answer(std::uint32_t link_service, const LinkServiceAnswer& answer) = 0;
  virtual void open_login(LoginId login) = 0;     // all queues' users know it: commands may come
  virtual void end_login(LoginId login) = 0;      // LOGO to the initiator, then login_ended
  virtual void release_login(LoginId login) = 0;  // after login_ended, when its exchanges have ended

  virtual void log_in(PortId port) = 0;  // PLOGI to a well-known address or to Link::peer -> login_answered
  // A CT request (FC-GS-7, whole CT_IU) to a well-known port -> ct_answered(id). At most kMaxCt out.
  static constexpr std::size_t kMaxCt = 8, kMaxCtBytes = 8192;
  virtual base::Result<void> send_ct(std::uint32_t id, PortId server, std::span<const std::byte> request,
                                     base::Duration limit) = 0;
  virtual void register_state_changes() = 0;  // SCR to the fabric controller
  // In a fabric: an RSCN of ours to the fabric controller, which tells those who see us that something of this port's
  // FC-4 has changed (FC-LS-3, RSCN: changed port attribute) -> state_change_reported. One at a time.
  virtual void report_state_change() = 0;
  virtual PortInfo info() const = 0;
  virtual std::string dump(std::string_view what) const = 0;  // "registers", "rings", "events"
};

// --- exchanges
// ----------------------------------------------------------------------------------------------------------

// An FCP exchange: a slot of its queue, in its place from command_received until exchange_ended.
struct Exchange {
  std::uint32_t index = 0;  // below FcQueue::exchange_count(): the user's own part is an array of its own
  LoginId login = 0;
  std::uint16_t ox_id = 0, rx_id = 0xffff;
  std::array<std::uint8_t, 8> lun{};
  std::uint8_t command_reference_number = 0;
  std::uint8_t task_attribute = 0;  // FCP-4 table 26: 0 simple, 1 head of queue, 2 ordered, 4 ACA
  std::uint8_t priority = 0;
  std::uint8_t task_management_flags = 0;  // not 0: a task management request, and no command
  bool reads = false, writes = false;      // RDDATA, WRDATA
  std::uint32_t data_length = 0;           // FCP_DL
  std::uint16_t cdb_length = 16;           // with ADDITIONAL_FCP_CDB
  std::array<std::uint8_t, 16 + 4 * 63> cdb{};
  ProtectionFault fault;  // with kProtection
};

enum class DataStatus : std::uint8_t {
  kDone,
  kTerminated,
  kFailed,
  kProtection,  // a check failed: Exchange::fault; no status was sent, and the exchange lives
};

struct ExchangeData {                    // one step: FCP_DATA in, or FCP_XFER_RDY and FCP_DATA out
  std::span<const DmaSpan> segments;     // stay in place, the array too, until the answer
  std::uint32_t offset = 0, length = 0;  // at the port: with protection information where it has it
  bool with_status = false;              // last FCP_DATA in: FCP_RSP with GOOD and the residual follows by itself
  std::uint8_t residual_flags = 0;       // kOver, kUnder
  std::uint32_t residual = 0;
  const ProtectionTransfer* protection = nullptr;  // where FcQueue::offloads_protection(); `segments`: the data alone
};

struct ExchangeResponse {                                     // FCP_RSP (FCP-4 9.5)
  static constexpr std::uint8_t kOver = 0x04, kUnder = 0x08;  // FCP_RESID_OVER, FCP_RESID_UNDER of byte 10
  std::uint8_t status = 0;
  std::uint8_t residual_flags = 0;
  std::uint32_t residual = 0;
  bool has_code = false;             // FCP_RSP_INFO: of a task management request, or of an FCP_CMND with wrong fields
  std::uint8_t code = 0;             // FCP-4 table 34
  std::span<const std::byte> sense;  // copied
};

// Driver -> user; from the poll loop of the queue's reactor.
class FcQueueUser {
 public:
  virtual ~FcQueueUser() = default;
  virtual void command_received(Exchange& exchange) = 0;  // cannot be refused
  // Answers to send_data and receive_data, in their order. A send_data `with_status` that comes back kDone was the end:
  // the slot goes back when this returns.
  virtual void data_done(Exchange& exchange, DataStatus status) = 0;
  // ABTS. The user ends the exchange (drop, or a response that is already out); BA_ACC goes when it has ended.
  virtual void abort_received(Exchange& exchange) = 0;
  virtual void exchange_ended(Exchange& exchange) = 0;  // answer to send_response and drop; the slot goes back
};

class FcQueue {
 public:
  virtual ~FcQueue() = default;
  virtual Reactor& reactor() = 0;
  virtual std::uint32_t exchange_count() const = 0;
  virtual void set_user(FcQueueUser& user) = 0;               // once, before FcPort::start
  virtual bool offloads_protection() const { return false; }  // once the port is online
  static constexpr std::uint32_t kMaxData = 4;                // send_data and receive_data out for one exchange
  virtual void send_data(Exchange& exchange, const ExchangeData& data) = 0;
  virtual void receive_data(Exchange& exchange, const ExchangeData& data) = 0;
  virtual void terminate_data(Exchange& exchange) = 0;  // hastens the answers that are owed; adds none
  virtual void send_response(Exchange& exchange, const ExchangeResponse& response) = 0;  // no transfer may be out
  virtual void drop(Exchange& exchange) = 0;  // ends it in the adapter without a response; no transfer may be out
};

}  // namespace hal::fc
