// Fuzzes what an adapter may say to drivers/qla: ring entries, events, mailbox answers and CT payloads of any content,
// for a port and a virtual port that are on the link and have an initiator each. Whatever comes, each port keeps its
// contract with its user and can be stopped.
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "base/log.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/qla_user.h"
#include "tests/unit/qla/fake_card.h"

namespace {

using namespace qla;
using std::chrono::milliseconds;

constexpr std::array<std::uint32_t, 2> kAddress = {0x010203, 0x010204};  // what the fake card and we give the ports
constexpr std::uint32_t kInitiator = 0x010400;

template <class T>
wire::Entry to_entry(const T& typed) {
  wire::Entry entry;
  static_assert(sizeof typed == sizeof entry);
  std::memcpy(static_cast<void*>(&entry), static_cast<const void*>(&typed), sizeof entry);
  return entry;
}
template <class T>
T as(const wire::Entry& entry) {
  T typed;
  static_assert(sizeof typed == sizeof entry);
  std::memcpy(static_cast<void*>(&typed), static_cast<const void*>(&entry), sizeof entry);
  return typed;
}

wire::Entry login_request(std::uint8_t vp, std::uint8_t els, std::uint32_t from, std::uint16_t nport) {
  wire::ImmediateNotify notify{};
  notify.head.type = static_cast<std::uint8_t>(wire::EntryType::kImmediateNotify);
  notify.head.count = 1;
  notify.vp = vp;
  notify.status = 0x46;
  notify.subcode = els;
  notify.nport = nport;
  notify.port_id = from;
  notify.port_name = {0x21, 0, 0, 0, 0, 0, vp, static_cast<std::uint8_t>(from >> 8 | from)};
  if (els == 0x20) notify.detail[0] = 0x22;
  return to_entry(notify);
}

wire::Entry command(std::uint8_t vp, std::uint32_t from, std::uint32_t exchange, std::uint8_t operation) {
  wire::Atio7 atio{};
  atio.type = static_cast<std::uint8_t>(wire::EntryType::kAtio7);
  atio.count = 1;
  atio.attribute_length = 0x38;
  atio.exchange = exchange;
  atio.header.d_id = kAddress[vp];
  atio.header.s_id = from;
  atio.cdb[0] = operation;
  return to_entry(atio);
}

// Bytes of the input laid over an entry that is right, so that most of it stays plausible.
wire::Entry entry_from(Input& input, const wire::Entry& base) {
  wire::Entry entry = base;
  auto* const bytes = reinterpret_cast<std::uint8_t*>(&entry);
  for (std::uint8_t changes = input.byte() % 8; changes > 0; --changes) bytes[input.byte() % 60] = input.byte();
  bytes[63] = 1;  // a signature is never that of a taken entry
  return entry;
}

// A port and a virtual port on a scripted adapter, from its first register on: always the same, so that every input
// begins where the link is up and an initiator is logged in to both.
class World {
 public:
  World() : card_(0x2532, std::move(flash())) {
    hal::ReactorOptions settings;
    settings.clock = &clock_;
    settings.shuffle_seed = 1;
    reactor_ = hal::Reactor::create(settings).value();
    Options options;
    options.exchanges = options.virtual_exchanges = QlaUser::kExchanges;
    options.logins = QlaUser::kLogins;
    options.virtual_ports.push_back({"vp1", {0x2101000000000001}, {}});
    card_.answers[static_cast<std::uint16_t>(regs::MailboxCommand::kFirmwareVersion)] = [](const auto&, auto& out) {
      out[6] = 4;  // virtual ports
    };
    card_.answers[static_cast<std::uint16_t>(regs::MailboxCommand::kGetResourceCounts)] = [](const auto&, auto& out) {
      out[11] = 63;
    };
    port_ = Adapter::create(card_.open(), *reactor_, options).value();
    hal::fc::FcPort* const ports[] = {port_.get(), port_->virtual_ports().at(0)};
    for (std::size_t i = 0; i < users.size(); ++i) {
      users[i].port = ports[i];
      ports[i]->queues()[0]->set_user(users[i]);
      ports[i]->start(users[i]);
    }
    REQUIRE(until([&] { return card_.ready(); }));
    card_.event(regs::InterruptCode::kAsyncEvent, {0x8011, 4});
    REQUIRE(until([&] { return users[0].up; }));
    begin_virtual_port();
    for (std::uint8_t vp = 0; vp < 2; ++vp) log_in(vp);
  }
  ~World() { flash() = std::move(card_.flash); }

  void one(std::uint8_t what, Input& input);
  void run(int rounds, base::Duration each) {
    for (int i = 0; i < rounds; ++i) {
      clock_.advance(each);
      reactor_->run_once();
    }
  }
  void stop() {
    card_.answers.clear();
    card_.consumes = true;
    bool stopped = false;
    port_->stop([&] { stopped = true; });
    for (int i = 0; i < 300 && !stopped; ++i) run(1, milliseconds(100));
    REQUIRE(stopped);
    for (const QlaUser& user : users) {
      for (const bool there : user.logins) REQUIRE(!there);
    }
  }
  std::array<QlaUser, 2> users;

 private:
  // Filled once: nothing here writes to it.
  static std::vector<std::uint32_t>& flash() {
    static std::vector<std::uint32_t> made = std::move(FakeCard().flash);
    return made;
  }
  template <class Condition>
  bool until(Condition condition) {
    for (int i = 0; i < 1000; ++i) {
      if (condition()) return true;
      run(1, milliseconds(10));
    }
    return false;
  }
  bool take(wire::EntryType type, wire::Entry& entry) {
    while (!card_.requests.empty()) {
      entry = card_.requests.front();
      card_.requests.pop_front();
      if (entry.head.type == static_cast<std::uint8_t>(type)) return true;
    }
    return false;
  }
  void begin_virtual_port() {
    wire::Entry entry;
    REQUIRE(until([&] { return take(wire::EntryType::kVpConfiguration, entry); }));
    card_.response(entry);
    wire::ReportId report{};
    report.head.type = static_cast<std::uint8_t>(wire::EntryType::kReportId);
    report.head.count = 1;
    report.acquired = report.vp = report.format = 1;
    report.port_id = kAddress[1];
    card_.response(to_entry(report));
    REQUIRE(until([&] { return users[1].up; }));
  }
  void log_in(std::uint8_t vp) {
    for (const std::uint8_t els : std::initializer_list<std::uint8_t>{0x03, 0x20}) {
      card_.atio(login_request(vp, els, kInitiator, static_cast<std::uint16_t>(5 + vp)));
      wire::Entry entry;
      REQUIRE(until([&] { return take(wire::EntryType::kNotifyAck, entry); }));
      auto ack = as<wire::NotifyAck>(entry);
      ack.status = wire::kNotifyAckOk;
      card_.response(to_entry(ack));
    }
    REQUIRE(until([&] { return users[vp].logins[0]; }));
  }
  void answer(Input& input);

  base::ManualClock clock_;
  std::unique_ptr<hal::Reactor> reactor_;
  FakeCard card_;
  std::unique_ptr<Adapter> port_;
  wire::Entry last_{};
  std::uint32_t exchange_ = 0x100;
};

// An answer to what the driver sent: as it went out, with bytes of the input over it; before a CT answer, its payload.
void World::answer(Input& input) {
  if (!card_.requests.empty()) {
    last_ = card_.requests.front();
    card_.requests.pop_front();
    if (last_.head.type == static_cast<std::uint8_t>(wire::EntryType::kCtPassThrough)) {
      const auto ct = as<wire::CtPassThrough>(last_);
      const auto payload = input.bytes(std::min<std::size_t>(input.byte(), ct.segments[1].length));
      std::memcpy(reinterpret_cast<void*>(std::uint64_t{ct.segments[1].address}), payload.data(), payload.size());
    }
  }
  if (card_.ready()) card_.response(entry_from(input, last_));
}

void World::one(std::uint8_t what, Input& input) {
  const std::uint8_t vp = what >> 4 & 1;
  const std::uint32_t from = kInitiator + (what >> 5);
  switch (what & 15) {
    case 0:
      return card_.event(static_cast<regs::InterruptCode>(input.byte()), {input.word(), input.word(), input.word()});
    case 1:
      return card_.event(regs::InterruptCode::kAsyncEvent,
                         {std::uint16_t(0x8000 | input.byte()), input.word(), input.word(), input.word()});
    case 2:
      card_.answers[input.byte()] = [mailbox = input.byte() % regs::kMailboxes, word = input.word()](
                                        const auto&, auto& out) { out[mailbox] = word; };
      return;
    case 3:
    case 4:
      return answer(input);
    case 5:
    case 6: {
      static constexpr std::uint8_t kEls[] = {0x03, 0x20, 0x05, 0x21, 0x50, 0x52};
      if (!card_.ready()) return;
      const auto nport = static_cast<std::uint16_t>(5 + vp + 2 * (what >> 5));
      return card_.atio(entry_from(input, login_request(vp, kEls[input.byte() % std::size(kEls)], from, nport)));
    }
    case 7:
    case 8:
    case 9:
      if (card_.ready()) card_.atio(entry_from(input, command(vp, from, ++exchange_, input.byte())));
      return;
    case 10:
      card_.consumes = (what & 32) != 0;
      return;
    case 11:
      return users[vp].ask(what);
    case 12:
      return users[vp].end(what >> 5);
    case 13: {  // an ABTS of one of the last commands
      wire::AbtsReceived abts{};
      abts.type = static_cast<std::uint8_t>(wire::EntryType::kAbtsReceived);
      abts.count = 1;
      abts.vp = vp;
      abts.exchange = exchange_ + 1000;
      abts.exchange_to_abort = exchange_ - (what >> 5);
      if (card_.ready()) card_.response(entry_from(input, to_entry(abts)));
      return;
    }
    default:
      return run(1 + (what >> 5), milliseconds((what & 16) != 0 ? 500 : 1));
  }
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  base::set_log_level(base::LogLevel::kOff);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  World world;
  while (!input.empty()) {
    world.one(input.byte(), input);
    world.run(1, std::chrono::microseconds(200));
  }
  world.stop();
  return 0;
}
