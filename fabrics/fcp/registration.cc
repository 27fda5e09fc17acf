// The steps of the registration.
#include "fabrics/fcp/registration.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/cursor.h"
#include "hal/port/fc_ct.h"

namespace fcp {
namespace {

using hal::fc::CtHeader;
using hal::fc::NameServer;

constexpr base::Duration kAnswerLimit = std::chrono::seconds(10);  // of the name server
constexpr base::Duration kLoginLimit = std::chrono::seconds(30);
constexpr base::Duration kFirstPause = std::chrono::seconds(1), kLongestPause = std::chrono::seconds(30);
constexpr std::size_t kMaxSymbol = 255;

void put_header(base::Writer& out, NameServer::Command command) {
  CtHeader header;
  header.command = command;
  out.put(header);
}

void put_types(base::Writer& out, const Names& names) {
  put_header(out, NameServer::kRftId);
  hal::fc::NsFc4Types types;
  types.port_id = names.id.raw;
  types.types[hal::fc::FrameType::kFcp / 32] = 1U << (hal::fc::FrameType::kFcp % 32);
  out.put(types);
}

void put_features(base::Writer& out, const Names& names) {
  put_header(out, NameServer::kRffId);
  hal::fc::NsFc4Features features;
  features.port_id = names.id.raw;
  features.features = NameServer::kFeatureTarget;
  features.type = hal::fc::FrameType::kFcp;
  out.put(features);
}

void put_node_name(base::Writer& out, const Names& names) {
  put_header(out, NameServer::kRnnId);
  hal::fc::NsPortName node;
  node.port_id = names.id.raw;
  node.name = names.node.raw;
  out.put(node);
}

void put_symbolic_node(base::Writer& out, const Names& names) {
  put_header(out, NameServer::kRsnnNn);
  hal::fc::NsSymbolicNodeName symbol;
  const std::string_view text = std::string_view(names.symbolic_node).substr(0, kMaxSymbol);
  symbol.node_name = names.node.raw;
  symbol.length = static_cast<std::uint8_t>(text.size());
  out.put(symbol);
  out.text(text);
}

void put_symbolic_port(base::Writer& out, const Names& names) {
  put_header(out, NameServer::kRspnId);
  hal::fc::NsSymbolicPortName symbol;
  const std::string_view text = std::string_view(names.symbolic_port).substr(0, kMaxSymbol);
  symbol.port_id = names.id.raw;
  symbol.length = static_cast<std::uint8_t>(text.size());
  out.put(symbol);
  out.text(text);
}

const char* text_of(hal::fc::CtStatus status) {
  switch (status) {
    case hal::fc::CtStatus::kDone:
      break;
    case hal::fc::CtStatus::kTimeout:
      return "no answer";
    case hal::fc::CtStatus::kNotLoggedIn:
      return "not logged in";
    case hal::fc::CtStatus::kLinkDown:
      return "the link is down";
    case hal::fc::CtStatus::kFailed:
      return "the adapter could not send it";
  }
  return "done";
}

}  // namespace

// A step without a request logs in. What initiators do not look for may be refused.
struct Registration::Step {
  const char* name;
  void (*put)(base::Writer& out, const Names& names);
  bool needed;
};
const Registration::Step Registration::kSteps[] = {
    {"log in to the name server", nullptr, true},
    {"RFT_ID", &put_types, true},
    {"RFF_ID", &put_features, true},
    {"RNN_ID", &put_node_name, false},
    {"RSNN_NN", &put_symbolic_node, false},
    {"RSPN_ID", &put_symbolic_port, false},
};
const std::size_t Registration::kStepCount = std::size(kSteps);

void Registration::start(Names names) {
  names_ = std::move(names);
  active_ = true;
  tries_ = 0;
  at_ = 0;
  run();
}

void Registration::stop(const char* state) {
  active_ = waits_ = false;
  timer_.disarm();
  state_ = state;
}

void Registration::run() {
  const Step& step = kSteps[at_];
  if (at_ == 0) ++tries_;
  state_ = step.name;
  waits_ = true;
  hal::Reactor& reactor = port_.reactor();
  timer_.arm(reactor.timers(), reactor.now() + kLoginLimit);
  if (step.put == nullptr) {
    port_.log_in(hal::fc::kNameServer);
    return;
  }
  base::Writer out(request_);
  step.put(out, names_);
  // CT_IUs are whole words.
  out.fill((4 - out.wanted() % 4) % 4);
  const auto sent =
      port_.send_ct(++request_id_, hal::fc::kNameServer, std::span(request_).first(out.wanted()), kAnswerLimit);
  if (!sent) failed(sent.error().text);
}

void Registration::login_answered(const base::Result<void>& result) {
  if (!active_ || !waits_ || at_ != 0) return;
  if (!result) return failed(result.error().text);
  next();
}

void Registration::ct_answered(std::uint32_t id, hal::fc::CtStatus status, std::span<const std::byte> reply) {
  if (!active_ || !waits_ || at_ == 0 || id != request_id_) return;
  if (status != hal::fc::CtStatus::kDone) return failed(text_of(status));
  base::Reader reader(reply);
  const auto header = reader.read<CtHeader>();
  if (!header) return failed("a CT answer of less than its header");
  if (header->command == CtHeader::kAccept) return next();
  if (header->command != CtHeader::kReject)
    return failed(fmt::format("CT answer {:04x}", std::uint16_t{header->command}));
  if (!kSteps[at_].needed && header->reason != CtHeader::kLogicalBusy) return next();
  failed(fmt::format("rejected, reason {:02x}, explanation {:02x}", header->reason, header->explanation));
}

void Registration::next() {
  timer_.disarm();
  waits_ = false;
  if (++at_ < kStepCount) return run();
  at_ = 0;
  state_ = "registered";
  port_.register_state_changes();
  host_.registered(tries_);
}

void Registration::failed(const std::string& why) {
  waits_ = false;
  const char* const step = kSteps[at_].name;
  const bool final = tries_ >= kMaxTries;
  state_ = fmt::format("{}: {}: {}", final ? "failed" : "waiting to try again", step, why);
  at_ = 0;
  timer_.disarm();
  if (!final) {
    hal::Reactor& reactor = port_.reactor();
    const base::Duration pause = std::min(kFirstPause * (1 << std::min(tries_ - 1, 5U)), kLongestPause);
    timer_.arm(reactor.timers(), reactor.now() + pause);
  }
  host_.registration_failed(step, why, final);
}

void Registration::due(void* context) {
  auto& self = *static_cast<Registration*>(context);
  if (self.waits_) return self.failed("no answer from the adapter");
  self.run();
}

}  // namespace fcp
