// The bench and its initiator.
#include "tests/unit/iscsi/bench.h"

namespace iscsi {

using test_support::FakeConnection;
using test_support::SentPdu;

std::string text_of(const Pairs& pairs) {
  std::string text;
  for (const auto& [key, value] : pairs) text += key + "=" + value + '\0';
  return text;
}

std::string value_in(const std::string& text, const std::string& key) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string pair = text.substr(at, text.find('\0', at) - at);
    if (pair.starts_with(key + "=")) return pair.substr(key.size() + 1);
    at += pair.size() + 1;
  }
  return "<none>";
}

std::vector<std::byte> pattern(std::size_t size, std::uint8_t first) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(first + i);
  return bytes;
}

namespace {
std::span<const std::byte> bytes_of(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
}  // namespace

IscsiBench::IscsiBench(std::size_t others) {
  hal::ReactorOptions options;
  options.clock = &clock;
  options.shuffle_seed = 7;
  reactor = hal::Reactor::create(options).value();
  router = std::make_unique<FakeRouter>(*reactor);
  std::vector<scsi::TaskRouter*> routers{router.get()};
  std::vector<hal::Reactor*> reactors{reactor.get()};
  for (std::size_t i = 0; i < others; ++i) {
    other_reactors.push_back(hal::Reactor::create(options).value());
    reactors.push_back(other_reactors.back().get());
    other_routers.push_back(std::make_unique<FakeRouter>(*reactors.back()));
    routers.push_back(other_routers.back().get());
  }
  fabric = std::make_unique<Fabric>(routers, datamover, *reactor, reactors);
  config.portals = {{.address = "10.0.0.1:3260", .tag = 1}};
  Target target;
  target.name = kTarget;
  config.targets = {target};
  EXPECT_TRUE(apply());
}

IscsiBench::~IscsiBench() {
  bool stopped = false;
  router->release_quiet();
  fabric->stop({}, [&](const base::Result<void>& result) { stopped = result.has_value(); });
  settle();
  advance(std::chrono::seconds(2));
  EXPECT_TRUE(stopped) << "the fabric did not stop";
  for (const auto& connection : datamover.connections) EXPECT_TRUE(connection->destroyed);
  fabric.reset();
  router.reset();
  other_routers.clear();
}

base::Result<void> IscsiBench::apply() {
  base::Result<void> outcome = base::fail(base::Errc::kTimeout, "no answer");
  bool answered = false;
  fabric->apply(config, [&](base::Result<void> result) {
    outcome = std::move(result);
    answered = true;
  });
  settle();
  if (!answered) advance(std::chrono::seconds(2));  // what those get who have to leave
  return outcome;
}

void IscsiBench::settle() {
  for (int i = 0; i < 1000; ++i) {
    bool worked = reactor->run_once();
    for (const auto& other : other_reactors) worked = other->run_once() || worked;
    if (!worked) return;
  }
  ADD_FAILURE() << "the reactor does not come to rest";
}

void IscsiBench::advance(base::Duration by) {
  clock.advance(by);
  settle();
}

FakeConnection& IscsiBench::connect(const std::string& peer, std::size_t portal) {
  datamover.connect(portal, peer, "10.0.0.1:3260");
  settle();
  return *datamover.connections.back();
}

bool IscsiBench::alive(const FakeConnection& connection) const { return !connection.terminated; }

std::vector<SessionInfo> IscsiBench::sessions() {
  std::vector<SessionInfo> all;
  fabric->list_sessions([&](std::vector<SessionInfo> list) { all = std::move(list); });
  settle();
  return all;
}

std::vector<std::string> IscsiBench::events() {
  std::vector<std::string> all;
  fabric->list_events([&](const std::vector<EventInfo>& list) {
    for (const EventInfo& event : list) all.push_back(event.event);
  });
  settle();
  return all;
}

FabricCounters IscsiBench::counters() {
  FabricCounters counted;
  fabric->counters([&](FabricCounters result) { counted = result; });
  settle();
  return counted;
}

// --- the initiator ---

pdu::LoginRequest Initiator::login_request(std::uint8_t flags) const {
  pdu::LoginRequest request;
  request.flags = flags;
  request.isid = isid;
  request.tsih = tsih;
  request.cid = cid;
  request.initiator_task_tag = 7;
  request.cmd_sn = cmd_sn;
  request.exp_stat_sn = stat_sn;
  return request;
}

std::uint16_t Initiator::log_in(Pairs operational, bool discovery) {
  Pairs pairs = {{"InitiatorName", name}};
  if (discovery) {
    pairs.emplace_back("SessionType", "Discovery");
  } else {
    pairs.emplace_back("TargetName", kTarget);
  }
  pairs.insert(pairs.end(), operational.begin(), operational.end());
  const std::string text = text_of(pairs);
  connection_->deliver(login_request(0x87), bytes_of(text));
  bench_.settle();
  if (connection_->moved_to != nullptr) connection_ = connection_->moved_to;
  if (connection_->sent.empty()) return 0xffff;
  const SentPdu pdu = connection_->sent.front();
  connection_->sent.pop_front();
  EXPECT_EQ(pdu.opcode(), pdu::Opcode::kLoginResponse);
  const auto& response = pdu.as<pdu::LoginResponse>();
  EXPECT_EQ(response.stat_sn, stat_sn);
  ++stat_sn;
  if (response.status == 0) {
    EXPECT_NE(response.tsih, 0);
    tsih = response.tsih;
    max_cmd_sn = response.max_cmd_sn;
    EXPECT_EQ(response.exp_cmd_sn, cmd_sn);
  }
  return response.status;
}

std::uint16_t Initiator::join(const Initiator& leading, std::uint16_t own_cid, Pairs operational) {
  isid = leading.isid;
  tsih = leading.tsih;
  cid = own_cid;
  after(leading);
  return log_in(std::move(operational));
}

pdu::ScsiCommand Initiator::command(std::uint32_t tag, bool immediate) {
  pdu::ScsiCommand command;
  command.opcode = immediate ? 0x41 : 0x01;
  command.flags = 0x81;  // F, simple
  command.initiator_task_tag = tag;
  command.cmd_sn = cmd_sn;
  command.exp_stat_sn = stat_sn;
  if (!immediate) ++cmd_sn;
  return command;
}

std::uint32_t Initiator::read(std::uint32_t tag, std::uint32_t length) {
  pdu::ScsiCommand request = command(tag);
  request.flags = 0xc1;
  request.expected_data_transfer_length = length;
  request.cdb[0] = 0x28;
  connection_->deliver(request);
  return tag;
}

std::uint32_t Initiator::write(std::uint32_t tag, std::uint32_t length, std::span<const std::byte> data,
                               bool more_follows) {
  pdu::ScsiCommand request = command(tag);
  request.flags = more_follows ? 0x21 : 0xa1;
  request.expected_data_transfer_length = length;
  request.cdb[0] = 0x2a;
  connection_->deliver(request, data);
  return tag;
}

void Initiator::manage(std::uint8_t function, std::uint32_t tag, std::uint32_t referenced,
                       std::uint32_t referenced_cmd_sn, bool immediate) {
  pdu::TaskManagementRequest request;
  request.opcode = immediate ? 0x42 : 0x02;
  request.flags = static_cast<std::uint8_t>(0x80 | function);
  request.initiator_task_tag = tag;
  request.referenced_task_tag = referenced;
  request.ref_cmd_sn = referenced_cmd_sn;
  request.cmd_sn = immediate ? cmd_sn : cmd_sn++;
  request.exp_stat_sn = stat_sn;
  connection_->deliver(request);
}

void Initiator::nop(std::uint32_t tag, std::span<const std::byte> data, bool immediate) {
  pdu::NopOut request;
  request.opcode = immediate ? 0x40 : 0x00;
  request.initiator_task_tag = tag;
  request.target_transfer_tag = pdu::kReservedTag;
  request.cmd_sn = immediate ? cmd_sn : cmd_sn++;
  connection_->deliver(request, data);
}

void Initiator::text(std::uint32_t tag, const std::string& text, bool final, bool more, std::uint32_t ttt) {
  pdu::TextRequest request;
  request.opcode = 0x44;  // immediate
  request.flags = static_cast<std::uint8_t>((final ? 0x80 : 0) | (more ? 0x40 : 0));
  request.initiator_task_tag = tag;
  request.target_transfer_tag = ttt;
  request.cmd_sn = cmd_sn;
  connection_->deliver(request, bytes_of(text));
}

void Initiator::logout(std::uint8_t reason, std::uint16_t whom) {
  pdu::LogoutRequest request;
  request.opcode = 0x46;
  request.flags = static_cast<std::uint8_t>(0x80 | reason);
  request.initiator_task_tag = 0x7777;
  request.cid = whom;
  request.cmd_sn = cmd_sn;
  connection_->deliver(request);
}

int Initiator::opcode_in_front() const {
  return connection_->sent.empty() ? -1 : static_cast<int>(connection_->sent.front().opcode());
}

// StatSN, ExpCmdSN and MaxCmdSN lie at the same place in all PDUs from the target.
void Initiator::check_numbers(const SentPdu& pdu) {
  const auto& header = pdu.as<pdu::ScsiResponse>();
  const auto flags = pdu.header.flags;
  const bool numbered =
      pdu.opcode() == pdu::Opcode::kDataIn ? (flags & pdu::DataIn::kStatus) != 0 : pdu.opcode() != pdu::Opcode::kR2t;
  const bool asked_for = pdu.opcode() != pdu::Opcode::kNopIn || pdu.header.initiator_task_tag != pdu::kReservedTag;
  if (numbered) {
    EXPECT_EQ(header.stat_sn, stat_sn) << "opcode " << std::hex << static_cast<int>(pdu.opcode());
  }
  if (numbered && asked_for) ++stat_sn;
  EXPECT_TRUE(pdu::serial_less_equal(header.exp_cmd_sn, cmd_sn)) << "ExpCmdSN runs ahead";
  EXPECT_TRUE(pdu::serial_less_equal(max_cmd_sn, header.max_cmd_sn)) << "MaxCmdSN went back";
  max_cmd_sn = header.max_cmd_sn;
}

SentPdu Initiator::expect(pdu::Opcode opcode) {
  bench_.settle();
  if (connection_->sent.empty()) {
    ADD_FAILURE() << "nothing was sent, expected opcode " << std::hex << static_cast<int>(opcode);
    return {};
  }
  const SentPdu pdu = connection_->sent.front();
  connection_->sent.pop_front();
  EXPECT_EQ(static_cast<int>(pdu.opcode()), static_cast<int>(opcode));
  check_numbers(pdu);
  return pdu;
}

void Initiator::expect_reject(pdu::RejectReason reason) {
  const SentPdu pdu = expect(pdu::Opcode::kReject);
  EXPECT_EQ(static_cast<int>(pdu.as<pdu::Reject>().reason), static_cast<int>(reason));
  EXPECT_EQ(pdu.data.size(), pdu::kHeaderSize) << "the rejected header is quoted";
}

void Initiator::expect_status(std::uint32_t tag, scsi::Status status) {
  const SentPdu pdu = expect(pdu::Opcode::kScsiResponse);
  EXPECT_EQ(pdu.as<pdu::ScsiResponse>().initiator_task_tag, tag);
  EXPECT_EQ(pdu.as<pdu::ScsiResponse>().status, static_cast<std::uint8_t>(status));
}

void Initiator::expect_management(std::uint32_t tag, std::uint8_t response) {
  const SentPdu pdu = expect(pdu::Opcode::kTaskManagementResponse);
  EXPECT_EQ(pdu.as<pdu::TaskManagementResponse>().initiator_task_tag, tag);
  EXPECT_EQ(pdu.as<pdu::TaskManagementResponse>().response, response);
}

}  // namespace iscsi
