// The target's role: commands received become ATIOs, CTIOs move data and send responses.
#pragma once

#include <vector>

#include "emu/qla/core.h"
#include "emu/qla/protection.h"

namespace emu::qla {

class Target {
 public:
  // Tags of this role's steps, so that fetch() and store() know whose they are.
  static constexpr std::uint32_t kTagBit = 0x80000000;

  explicit Target(Core& core) : core_(core) { exchanges_.resize(8192); }
  void reset();
  bool received(const fc::ReceivedCommand& command);
  void ctio(const Request& request);
  void aborted(fc::ExchangeId id);  // ABTS: what was withheld of it comes now
  void ended(fc::ExchangeId id);
  bool is_alive(fc::ExchangeId id) const { return core_.port.initiator_of(id) != 0; }
  bool is_finished(fc::ExchangeId id) const { return exchanges_[id.index() % exchanges_.size()].finished; }

  bool fetch(std::uint32_t tag, std::uint32_t offset, std::span<std::byte> to);
  bool store(std::uint32_t tag, std::uint32_t offset, std::span<const std::byte> from);
  void step_done(std::uint32_t tag, const fc::StepEnd& end);
  void lose_completions(unsigned count) { to_lose_ = count; }
  std::size_t outstanding() const { return steps_.size() - free_.size(); }

 private:
  struct Exchange {  // as it was given to the host
    fc::ExchangeId id;
    std::uint32_t initiator = 0;
    std::uint32_t data_length = 0;
    std::uint16_t ox_id = 0;
    std::uint8_t attribute = 0;
    bool finished = false;  // by the host: a response or a termination was asked for
    bool aborted = false;   // ABTS received
  };
  struct Step {  // one CTIO
    bool used = false;
    Origin origin;
    wire::Entry entry;
    fc::ExchangeId id;
    Segments data;
    Protection protection;      // then `data` is not used
    std::uint32_t base = 0;     // offset of data's first byte in the command's
    bool in_host = false;       // fetch() reads `data`, else `response`
    bool then_respond = false;  // data out first
    std::array<std::byte, 64> response;
    std::uint32_t response_size = 0;
  };
  struct Withheld {
    fc::ExchangeId id;
    Origin origin;
    wire::Entry entry;
  };
  static constexpr std::size_t kMost = 8192;

  bool acceptable(const wire::CtioHead& head, fc::ExchangeId id, wire::CtioStatus& status);
  bool place(const Request& request, Step& step, const wire::Ctio7Mode0& entry);
  const char* gather(const Request& request, Step& step, const wire::Ctio7Mode0& entry);
  fc::StepStatus start(Step& step, std::uint32_t tag, const wire::CtioHead& head);
  fc::StepStatus start_response(Step& step, std::uint32_t tag, const wire::CtioHead& head);
  static std::uint8_t rsp_flags(const wire::CtioHead& head);
  static hal::fc::FcpRsp rsp_of(const wire::CtioHead& head);  // without response information and sense
  void build_response(Step& step, const wire::CtioHead& head);
  void bare_response(const Request& request);
  std::optional<std::uint32_t> take();
  void release(std::uint32_t tag);
  void complete(const Origin& origin, const wire::Entry& entry, wire::CtioStatus status, std::uint32_t residual = 0,
                const Protection::Error* error = nullptr);
  Core& core_;
  std::vector<Exchange> exchanges_;
  std::vector<Step> steps_;
  std::vector<std::uint32_t> free_;
  std::vector<Withheld> withheld_;
  unsigned to_lose_ = 0;
};

}  // namespace emu::qla
