// The FCP exchanges of a port, of both roles: a fixed array, whose elements send what they owe as credit allows.
//
// OX_ID and RX_ID of ours: index in bits 11..0, generation in 14..12. An exchange that ended while frames of it may
// still be under way rests for R_A_TOV, so that they find nobody.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "base/intrusive_list.h"
#include "emu/fc/logins.h"
#include "emu/fc/n_port.h"
#include "emu/fc/services.h"

namespace emu::fc {

struct FcpExchange : base::ListHook<FcpExchange> {  // hook: something to send
  enum class State : std::uint8_t {
    kFree,
    kCommand,     // initiator: from start_command to FCP_RSP
    kAborting,    // initiator: ABTS is out
    kResting,     // not used again before `deadline`
    kOffered,     // target: the user had no room for the command
    kOpen,        // target: the user's
    kConfirming,  // target: FCP_RSP is out, FCP_CONF awaited
    kAborted,     // target: ABTS came, the user decides
  };
  State state = State::kFree;
  bool originator = false, doomed = false;
  EndReason reason = EndReason::kDone;  // of the end that is under way
  std::uint8_t vp = 0, seq_id = 0;
  std::uint16_t index = 0, generation = 0;
  std::uint32_t local = 0, remote = 0;
  std::uint16_t ox_id = 0, rx_id = 0xffff;
  std::uint16_t payload_limit = 2048;
  std::uint16_t seq_cnt = 0;  // of the data sequence that is being sent
  base::Time deadline{};      // zero: none
  // initiator
  std::uint32_t tag = 0, abort_tag = 0;
  bool reads = false, writes = false, send_command = false, tell_abort = false, rrq = false;
  std::uint8_t abts_tries = 0;
  std::uint16_t cmnd_length = 0;
  std::uint32_t data_length = 0, data_in = 0, data_out = 0;
  std::uint32_t burst_at = 0, burst_end = 0;  // asked for by FCP_XFER_RDY
  // target: steps in order, by index + 1
  std::uint16_t first_step = 0, last_step = 0;
  std::uint64_t birth = 0;  // tells which of two with the same OX_ID is the later

  ExchangeId id() const { return {std::uint32_t{generation} << 16 | index}; }
  std::uint16_t wire_id() const { return static_cast<std::uint16_t>((generation & 7) << 12 | index); }
};

struct FcpStep {
  enum class Kind : std::uint8_t { kDataIn, kDataOut, kResponse, kTerminate };
  Kind kind = Kind::kDataIn;
  bool asked = false;      // kDataOut: FCP_XFER_RDY is out
  bool confirm = false;    // FCP_CONF was asked for
  bool wire = false;       // kTerminate: by ABTS
  std::uint16_t next = 0;  // index + 1
  std::uint32_t tag = 0, offset = 0, length = 0, moved = 0;
  AutoResponse response;
  base::Duration limit{};
};

struct FcpCounters {
  std::uint64_t commands_out = 0, commands_in = 0, data_frames_out = 0, data_frames_in = 0, responses = 0,
                aborts_out = 0, aborts_in = 0, strays = 0, bad = 0, no_exchange = 0, resting = 0;
};

class FcpSupport {  // what the exchanges need of their port
 public:
  virtual ~FcpSupport() = default;
  virtual void unknown_initiator(std::uint8_t vp, std::uint32_t id) = 0;  // a command without PLOGI: LOGO
  virtual void recover_qualifier(const FcpExchange& exchange) = 0;        // RRQ
};

class FcpExchanges {
 public:
  FcpExchanges(Wire& wire, const NPortSettings& settings, NPortUser& user, Services& services, Logins& logins,
               FcpSupport& support);
  ~FcpExchanges();
  void resize();  // to settings.exchanges; none in use
  bool poll(base::Time now);
  bool transmit();  // true: something is left that had no credit
  void frame_received(std::uint8_t vp, const FrameHeader& header, std::span<const std::byte> payload);
  void abts_received(std::uint8_t vp, const FrameHeader& header);
  void abts_answered(const FrameHeader& header, bool accepted);
  template <class Condition>
  void doom(Condition&& condition, EndReason reason) {  // ends them at the next poll()
    for (FcpExchange& x : exchanges_) {
      if (x.state == FcpExchange::State::kFree || x.doomed || !condition(x)) continue;
      x.doomed = any_doomed_ = true;
      x.reason = reason;
    }
  }
  void bury();   // the doomed, now; for use inside the port's poll()
  void clear();  // silently

  std::pair<StartStatus, ExchangeId> start_command(const Command& command, std::uint32_t local, const Login& login);
  bool abort(ExchangeId id, std::uint32_t tag, bool wire);
  StepStatus step(ExchangeId id, const FcpStep& step);
  void answer_abort(std::uint32_t abort, bool accept, std::span<const std::byte> reply, bool terminate);
  const FcpExchange* find(ExchangeId id) const;
  // An exchange that the REC of `remote` names; null: none.
  const FcpExchange* find_by_wire(std::uint32_t remote, std::uint16_t ox_id, std::uint16_t rx_id) const;
  const FcpCounters& counters() const { return counters_; }

 private:
  using State = FcpExchange::State;
  struct Abort {
    bool used = false;
    std::uint32_t generation = 0;
    ExchangeId exchange;
    FrameHeader header;
  };
  struct Offer {  // a command that the user had no room for
    ExchangeId id;
    FrameHeader header;
    std::vector<std::byte> cmnd;
  };

  FcpExchange* allocate();
  void retire(FcpExchange& x, bool clean);
  FcpExchange* ours(std::uint16_t wire_id, std::uint32_t remote, bool originator);
  FcpExchange* live(ExchangeId id);
  void want_transmit(FcpExchange& x);
  FrameHeader header(const FcpExchange& x, std::uint8_t r_ctl, std::uint32_t f_ctl) const;
  bool send(const FrameHeader& header, std::span<const std::byte> payload);
  void send_abts(const FcpExchange& x);

  // initiator: fcp_initiator.cc
  bool transmit_command(FcpExchange& x);
  bool transmit_burst(FcpExchange& x);
  void xfer_rdy_frame(FcpExchange& x, const FrameHeader& header, std::span<const std::byte> payload);
  void data_in_frame(FcpExchange& x, const FrameHeader& header, std::span<const std::byte> payload);
  void response_frame(FcpExchange& x, const FrameHeader& header, std::span<const std::byte> payload);
  void begin_abort(FcpExchange& x, EndReason reason, bool wire);
  void end_command(FcpExchange& x, EndReason reason, std::span<const std::byte> response, bool clean,
                   AbortResult abort = AbortResult::kLocal);

  // target: fcp_target.cc
  void command_frame(std::uint8_t vp, const FrameHeader& header, std::span<const std::byte> payload);
  bool offer_again();
  bool transmit_steps(FcpExchange& x);  // false: no credit
  bool transmit_data_in(FcpExchange& x, FcpStep& step, bool& failed);
  bool transmit_response(FcpExchange& x, FcpStep& step, bool& failed);
  void data_out_frame(FcpExchange& x, const FrameHeader& header, std::span<const std::byte> payload);
  void end_step(FcpExchange& x, EndReason reason);
  void end_exchange(FcpExchange& x, EndReason reason);
  void end_steps(FcpExchange& x, EndReason reason);
  FcpStep& first(const FcpExchange& x) { return steps_[x.first_step - 1u]; }
  void release_step(FcpExchange& x);

  void expire(FcpExchange& x);
  void end_doomed(FcpExchange& x);

  Wire& wire_;
  const NPortSettings& settings_;
  NPortUser& user_;
  Services& services_;
  Logins& logins_;
  FcpSupport& support_;
  base::Time now_{}, next_scan_{};
  bool any_doomed_ = false;
  std::uint64_t births_ = 0;
  std::unique_ptr<FcpExchange[]> memory_;
  std::span<FcpExchange> exchanges_;  // never resized while in use
  std::vector<std::uint16_t> free_;
  std::vector<std::array<std::byte, 304>> cmnds_;  // by index
  std::vector<FcpStep> steps_;
  std::vector<std::uint16_t> free_steps_;
  base::IntrusiveList<FcpExchange> sending_;
  std::deque<Offer> offers_;
  std::array<Abort, 128> aborts_;
  FcpCounters counters_;
};

}  // namespace emu::fc
