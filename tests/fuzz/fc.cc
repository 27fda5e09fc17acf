// Fuzzes what a hostile port can send to an N_Port engine and to a switch: frames of any kind, link services as their
// standard has them in one frame or in pieces, whole logins before them; and the link may go dark. Whatever comes, each
// command of ours ends once, and the port still works for others.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "emu/fc/switch/switch.h"
#include "tests/fuzz/input.h"
#include "tests/support/require.h"
#include "tests/unit/emu/fc/station.h"

namespace {

using namespace emu::fc;  // NOLINT: a program of one file
using hal::fc::Els;
using hal::fc::FrameType;
using hal::fc::LoginPayload;
using hal::fc::RCtl;

constexpr std::uint32_t kFPort = 0xfffffe, kNames = 0xfffffc;

// Plays the other end of a link by hand, well enough to be believed; then sends what the input says.
class Attacker {
 public:
  explicit Attacker(emu::Wire& wire) : wire_(wire) { wire.light(true); }

  void listen() {  // remembers identifiers, answers FLOGI, PLOGI and PRLI
    while (const auto got = wire_.receive()) {
      const auto header = take<FrameHeader>(*got);
      if (!header) continue;
      last_ = *header;
      const auto payload = got->subspan(sizeof(FrameHeader));
      if (header->r_ctl == RCtl::kElsReply && id == 0 && command_of(payload) == Els::kLsAcc) id = header->d_id;
      if (header->r_ctl != RCtl::kElsRequest || silent) continue;
      const std::uint8_t command = command_of(payload);
      if (command == Els::kFlogi) reply(*header, bytes_of(login_payload(Els::kLsAcc, names, 2048, 0x8800)));
      if (command == Els::kPlogi) reply(*header, bytes_of(login_payload(Els::kLsAcc, names, 2048, 0x8800)));
      if (command == Els::kPrli) reply(*header, bytes_of(prli(Els::kLsAcc, 0x32)));
    }
  }
  void request(std::uint32_t to, std::uint8_t type, std::span<const std::byte> payload) {
    FrameHeader header;
    header.r_ctl = type == FrameType::kEls ? RCtl::kElsRequest : RCtl::kUnsolicitedControl;
    header.d_id = to;
    header.s_id = id;
    header.type = type;
    header.f_ctl = 0x290000;
    header.ox_id = ++ox_id_;
    header.rx_id = 0xffff;
    send(header, payload);
  }
  void reply(const FrameHeader& to, std::span<const std::byte> payload) {
    FrameHeader header = to;
    header.r_ctl = RCtl::kElsReply;
    header.d_id = to.s_id;
    header.s_id = to.d_id;
    header.f_ctl = 0x980000;
    send(header, payload);
  }
  void send(const FrameHeader& header, std::span<const std::byte> payload) {
    std::vector<std::byte> frame(bytes_of(header).begin(), bytes_of(header).end());
    frame.insert(frame.end(), payload.begin(), payload.end());
    frame.resize((frame.size() + 3) & ~std::size_t{3});
    wire_.send(frame);
  }
  void from_input(Input& input, std::uint32_t peer) {
    FrameHeader header = last_;  // of what they sent last: live identifiers
    const std::uint8_t kind = input.byte();
    header.d_id = (kind & 0x40) != 0 ? kNames : (kind & 0x80) != 0 ? kFPort : peer;
    header.s_id = id;
    if ((kind & 0x20) != 0) header.ox_id = input.word();
    if ((kind & 0x10) != 0) header.rx_id = input.word();
    header.f_ctl = std::uint32_t{input.byte()} << 16 | input.byte();
    header.seq_cnt = static_cast<std::uint16_t>(input.byte() & 3);
    static constexpr std::array<std::uint8_t, 12> kRCtl = {0x01, 0x03, 0x05, 0x06, 0x07, 0x22,
                                                           0x23, 0x02, 0x81, 0x84, 0x85, 0x32};
    const std::uint8_t which = kind & 0xf;
    header.r_ctl = which < kRCtl.size() ? kRCtl[which] : input.byte();
    header.type = header.r_ctl >= 0x80   ? FrameType::kBasicLinkService
                  : header.r_ctl >= 0x20 ? FrameType::kEls
                  : (kind & 0x40) != 0   ? FrameType::kCt
                                         : FrameType::kFcp;
    header.parameter = std::uint32_t{input.byte()} << 9;
    send(header, std::as_bytes(input.bytes(input.byte())));
  }

  // A link service whose fields the input chooses; short in one of 32.
  std::vector<std::byte> link_service(Input& input) const {
    static constexpr std::uint8_t kCommands[] = {
        Els::kPlogi, Els::kPdisc, Els::kPrli, Els::kPrlo, Els::kTprlo, Els::kLogo, Els::kAdisc, Els::kRrq,
        Els::kRec,   Els::kRscn,  Els::kRtv,  Els::kRls,  Els::kRnid,  Els::kEcho, Els::kTest,  Els::kFdisc};
    const std::uint8_t which = input.byte(), how = input.byte();
    const std::uint8_t command = kCommands[which & 15];
    std::vector<std::byte> out;
    const auto put = [&out](const auto& value) { out.assign(bytes_of(value).begin(), bytes_of(value).end()); };
    switch (command) {
      case Els::kPlogi:
      case Els::kPdisc:
      case Els::kFdisc: {
        LoginPayload login = login_payload(command, names, 2048, 0x8800);
        if ((how & 3) == 1) login.port_name = 0;
        if ((how & 3) == 2) login.class3.options = 0;
        put(login);
        break;
      }
      case Els::kPrli:
      case Els::kPrlo:
      case Els::kTprlo: {
        hal::fc::ProcessLogin process = prli(command, command == Els::kTprlo ? id : how);
        if ((how & 3) == 1) process.page.type = how;
        process.page.flags = static_cast<std::uint16_t>((how & 0xf0) << 8);
        put(process);
        break;
      }
      case Els::kLogo:
        put(logo(hal::fc::PortId{id}, names.port));
        break;
      case Els::kAdisc:
        put(adisc(command, hal::fc::PortId{id}, names));
        break;
      case Els::kRrq:
      case Els::kRec: {
        hal::fc::ExchangeQuery query;
        query.command = command;
        query.originator = id;
        query.ox_id = last_.ox_id;  // of what they sent last
        query.rx_id = (how & 1) != 0 ? std::uint16_t{last_.rx_id} : std::uint16_t{0xffff};
        put(query);
        break;
      }
      case Els::kRscn:
        put(hal::fc::PortRscn{});
        if ((how & 3) == 1) out[3] = std::byte{how};
        break;
      default: {
        Els head;
        head.command = command;
        put(head);
        const auto more = std::as_bytes(input.bytes(how & 31));
        out.insert(out.end(), more.begin(), more.end());
      }
    }
    if (how >= 0xf8) out.resize(out.size() - std::min<std::size_t>(out.size(), how & 7));
    return out;
  }
  // A frame of the last request.
  FrameHeader of_request(std::uint32_t to, std::uint8_t r_ctl, std::uint8_t type, std::uint32_t f_ctl) const {
    FrameHeader header;
    header.r_ctl = r_ctl;
    header.d_id = to;
    header.s_id = id;
    header.type = type;
    header.f_ctl = f_ctl;
    header.ox_id = ox_id_;
    header.rx_id = 0xffff;
    return header;
  }
  // A request in two frames; `whole` false: the second never comes.
  void request_in_pieces(std::uint32_t to, std::span<const std::byte> payload, bool whole) {
    ++ox_id_;
    FrameHeader header = of_request(to, RCtl::kElsRequest, FrameType::kEls, 0x200000);
    const std::size_t cut = payload.size() / 8 * 4;
    send(header, payload.first(cut));
    header.f_ctl = 0x290000;
    header.seq_cnt = 1;
    if (whole) send(header, payload.subspan(cut));
  }
  void abort_request(std::uint32_t to) {  // the last one
    send(of_request(to, RCtl::kAbts, FrameType::kBasicLinkService, 0x090000), {});
  }
  void light(bool on) { wire_.light(on); }

  LoginNames names{Wwn{0x5000000000000001}, Wwn{0x5000000000000002}};
  std::uint32_t id = 0;
  bool silent = false;

 private:
  emu::Wire& wire_;
  FrameHeader last_;
  std::uint16_t ox_id_ = 0;
};

struct World {
  explicit World(bool with_switch) : through(with_switch) {
    for (auto& link : links) link.poll(now);
    if (with_switch) {
      attacker = std::make_unique<Attacker>(links[1].end(0));
      fabric.add_port(links[0].end(1));
      fabric.add_port(links[1].end(1));
    } else {
      attacker = std::make_unique<Attacker>(links[0].end(1));
    }
    ours.port.settings().resource_allocation = std::chrono::milliseconds(500);
    ours.port.settings().exchanges = 32;
    ours.port.start();
  }
  void step(std::int64_t milliseconds = 1) {
    now += std::chrono::milliseconds(milliseconds);
    for (int i = 0; i < 3; ++i) {
      for (auto& link : links) link.poll(now);
      ours.port.poll(now);
      if (through) fabric.poll(now);
      attacker->listen();
    }
  }
  std::uint32_t peer() const { return ours.port.id_of(0).raw; }
  void log_in() {
    step();
    if (through) {
      LoginPayload flogi = login_payload(Els::kFlogi, attacker->names, 2048, 0);
      attacker->request(kFPort, FrameType::kEls, bytes_of(flogi));
      step();
      attacker->request(kNames, FrameType::kEls, bytes_of(login_payload(Els::kPlogi, attacker->names, 2048, 0x8800)));
    } else {
      attacker->id = ours.info.peer.id.raw;
    }
    step();
    attacker->request(peer(), FrameType::kEls, bytes_of(login_payload(Els::kPlogi, attacker->names, 2048, 0x8800)));
    step();
    attacker->request(peer(), FrameType::kEls, bytes_of(prli(Els::kPrli, 0x22)));
    step();
  }

  bool through;
  base::Time now{std::chrono::seconds(1)};
  std::array<Link, 2> links{Link(LinkOptions{"a", 16, 1}), Link(LinkOptions{"b", 16, 2})};
  static SwitchOptions options() {
    SwitchOptions given;
    given.resource_allocation = std::chrono::seconds(1);
    return given;
  }
  Switch fabric{options()};
  std::unique_ptr<Attacker> attacker;
  Station ours{links[0].end(0), 0x2100000000000001, Station::Role::kBoth, Connection::kPointToPoint, 1 << 16};
};

void link_service(World& world, Input& input, std::uint8_t what) {
  Attacker& attacker = *world.attacker;
  if (what == 0xff) {  // the light goes out, and the logins with it
    attacker.light(false);
    world.step();
    attacker.light(true);
    attacker.id = 0;
    return world.log_in();
  }
  if (what == 0xfe) return attacker.abort_request(world.peer());
  const std::vector<std::byte> payload = attacker.link_service(input);
  if (what >= 0xfc) return attacker.request_in_pieces(world.peer(), payload, what == 0xfc);
  attacker.request(world.peer(), FrameType::kEls, payload);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::uint8_t mode = input.byte();
  World world((mode & 1) != 0);
  if ((mode & 2) != 0) world.ours.port.settings().hold_aborts = true;
  if ((mode & 4) != 0) world.ours.response_flags = hal::fc::FcpRsp::kConfirmationRequested;
  if ((mode & 8) != 0) world.ours.port.settings().els.fill(Handling::kHold);
  if ((mode & 16) != 0) world.ours.port.settings().els.fill(Handling::kPassUp);
  world.log_in();
  world.attacker->silent = (mode & 32) != 0;
  std::uint32_t held = 0, aborts = 0;
  while (!input.empty()) {
    const std::uint8_t what = input.byte();
    if (what >= 0xfa) {
      link_service(world, input, what);
    } else if (what < 0xc0) {
      world.attacker->from_input(input, world.peer());
    } else if (what < 0xd0) {
      world.step((what & 0xf) * 20 + 1);
    } else if (what < 0xe0) {
      world.ours.start(PortId{world.attacker->id}, (what & 1) != 0, 0, std::uint32_t{input.byte()} * 100);
    } else if (what < 0xe8 && !world.ours.ios.empty()) {
      const Station::Io& io = *world.ours.ios.rbegin()->second;
      world.ours.port.abort(io.id, io.tag, (what & 1) != 0);
    } else if (what < 0xf0 && held < world.ours.els_ids.size()) {
      world.ours.port.answer(world.ours.els_ids[held++], (what & 1) != 0, 9, 0);
    } else if (what < 0xf8 && aborts < world.ours.aborts.size()) {
      const hal::fc::BaAcc reply{};
      world.ours.port.answer_abort(world.ours.aborts[aborts++].id, true, bytes_of(reply), (what & 1) != 0);
    } else {
      world.ours.port.implicit_logout(0, PortId{world.attacker->id});
    }
    world.step();
  }
  for (const auto& [tag, io] : world.ours.ios) {
    if (io->ended == 0) world.ours.port.abort(io->id, tag);
  }
  const auto over = [&] {
    return std::all_of(world.ours.ios.begin(), world.ours.ios.end(),
                       [](const auto& io) { return io.second->ended != 0; });
  };
  for (int i = 0; i < 60 && !over(); ++i) world.step(100);  // ABTS twice, each for twice R_A_TOV
  world.step(100);                                          // nothing ends a second time
  for (const auto& [tag, io] : world.ours.ios) REQUIRE(io->ended == 1);
  return 0;
}
