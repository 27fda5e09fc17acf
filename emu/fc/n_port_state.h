// The inside of an N_Port engine: its parts, and how frames and up-calls go between them. For n_port*.cc only.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>
#include <vector>

#include "emu/fc/fcp.h"
#include "emu/fc/logins.h"
#include "emu/fc/loop_port.h"
#include "emu/fc/n_port.h"
#include "emu/fc/payloads.h"
#include "emu/fc/services.h"

namespace emu::fc {

enum class LinkPhase : std::uint8_t {
  kOff,    // not started, or no light
  kDark,   // bounce(): light comes back at `at`
  kLoop,   // loop initialisation, or waiting whether there is a loop
  kFlogi,  // FLOGI is out, or about to be
  kUp,
};

// What an exchange that the engine began is for; part of Services' context.
enum class Purpose : std::uint8_t {
  kUser,
  kUserCt,
  kLogin,
  kLoginPrli,
  kFlogi,
  kFdisc,
  kSilent,
  kLoopPlogi,
  kLoopPrli
};

struct VirtualPort {
  bool wanted = false, up = false, asked = false;
  LoginNames names;
  std::uint32_t id = 0;
};

struct NPort::State final : ServicesUser, FcpSupport {
  State(Wire& wire, const NPortSettings& settings, NPortUser& user);

  // --- n_port.cc: poll, dispatch of frames
  bool poll(base::Time time);
  void frame(std::span<const std::byte> bytes);
  void basic_link_service(std::uint8_t vp, const FrameHeader& header);
  int vp_of(std::uint32_t d_id) const;  // -1: not ours
  void lip();
  void unknown_initiator(std::uint8_t vp, std::uint32_t id) override;
  void recover_qualifier(const FcpExchange& exchange) override;
  void clear(bool tell);

  // --- n_port_link.cc: bring-up
  void link_poll();
  void begin();  // light on both ends: loop initialisation or FLOGI
  void send_flogi();
  void flogi_answered(RequestStatus status, const FrameHeader* header, std::span<const std::byte> payload);
  void flogi_received(std::uint32_t id, const FrameHeader& header, std::span<const std::byte> payload);
  void point_to_point(const LoginNames& peer);
  void fabric_found(std::uint32_t id, const hal::fc::LoginPayload& parameters);
  void loop_ready();
  void up();
  void down();
  void send_fdisc(std::uint8_t vp);
  void fdisc_answered(std::uint8_t vp, RequestStatus status, const FrameHeader* header,
                      std::span<const std::byte> payload);

  // --- n_port_els.cc: requests received
  void request_received(std::uint32_t id, const FrameHeader& header, std::span<const std::byte> payload) override;
  void els(std::uint32_t id, std::uint8_t vp, const FrameHeader& header, std::span<const std::byte> payload);
  bool begins_well(std::uint32_t id, std::uint8_t vp, const FrameHeader& header, std::span<const std::byte> payload);
  void accept(std::uint32_t id, std::uint8_t vp, const FrameHeader& header, std::span<const std::byte> payload);
  void accept_prli(std::uint32_t id, std::uint8_t vp, const FrameHeader& header, std::span<const std::byte> payload);
  void accept_prlo(std::uint32_t id, std::uint8_t vp, const FrameHeader& header, std::span<const std::byte> payload);
  void accept_rec(std::uint32_t id, const FrameHeader& header, std::span<const std::byte> payload);
  // The answer to an ELS of `payload` is out: the login follows.
  void accepted(std::uint8_t vp, std::uint32_t peer, std::span<const std::byte> request);
  void reject(std::uint32_t id, std::uint8_t reason, std::uint8_t explanation);

  // --- n_port_login.cc: requests sent
  void log_in(const Request& request, LoginRequest what);
  void send_els(const Request& request, std::span<const std::byte> payload, Purpose purpose);
  void request(const Request& request, std::uint8_t type, Purpose purpose, std::span<const std::byte> payload);
  void drain();
  void login_event(const Login& login, LoginEvent event);
  void answer_later(std::uint32_t tag, RequestStatus status);
  void give_up_requests(std::uint8_t vp);  // whoever asked through a port that is no more hears so now
  void request_ended(std::uint64_t context, RequestStatus status, const FrameHeader* header,
                     std::span<const std::byte> payload) override;
  // The answer to an ELS that we sent changes the login.
  void follow(std::uint8_t vp, std::uint32_t peer, std::span<const std::byte> sent, std::span<const std::byte> answer);
  void logged_in(std::uint8_t vp, std::uint32_t peer, const hal::fc::LoginPayload& parameters);
  void logged_out(std::uint8_t vp, std::uint32_t peer, bool port);  // port: LOGO, else PRLO
  void end_exchanges(std::uint8_t vp, std::uint32_t peer, EndReason reason);
  LoginNames names(std::uint8_t vp) const { return vports[vp].names; }

  struct Sent {  // a request that is out
    Purpose purpose = Purpose::kUser;
    Request request;
    std::vector<std::byte> payload;
  };
  struct HeldEls {
    std::uint8_t vp;
    std::vector<std::byte> payload;
  };

  Wire& wire;
  NPortSettings settings;
  NPortUser& user;
  Logins logins;
  Services services;
  FcpExchanges fcp;
  LoopPort loop;

  base::Time now{}, at{};  // at: when the phase goes on
  LinkPhase phase = LinkPhase::kOff;
  bool started = false, bouncing = false, flogi_out = false;
  std::uint16_t flogi_tries = 0;
  base::Time next_expiry{};
  LinkInfo info;
  LoginNames n2n_peer;  // of a FLOGI received while ours was out
  std::array<VirtualPort, 64> vports;
  std::uint8_t top_vp = 0;
  std::uint64_t next_context = 1;
  std::unordered_map<std::uint64_t, Sent> sent;
  std::unordered_map<std::uint32_t, HeldEls> held;
  std::deque<std::function<void()>> later;  // up-calls that a down-call owes
  std::uint64_t bad_frames = 0, not_ours = 0, els_in = 0, els_rejected = 0, link_losses = 0;
};

}  // namespace emu::fc
