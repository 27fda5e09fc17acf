// Mailbox command 1F: queues beyond those of the initialisation block, made and deleted.
#include <fmt/format.h>

#include "emu/qla/firmware.h"

namespace emu::qla {
namespace {

using Options = regs::CreateQueue;
// Bits 4 and 5, another requester's identity, are those of virtual functions, which there are none of.
constexpr std::uint16_t kKnown =
    Options::Shadow::kMask | Options::Handshake::kMask | Options::Response::kMask | Options::Delete::kMask;

struct Wanted {
  std::uint16_t options;
  unsigned number;
  RingPlace place;
  unsigned response, vector;
};

// Null: nothing is wrong.
const char* wrong_with(const Core& core, const Wanted& wanted) {
  const bool response = Options::Response::get(wanted.options), erase = Options::Delete::get(wanted.options);
  if ((wanted.options & ~kKnown) != 0) return "reserved options are set";
  if (wanted.number == 0 || wanted.number >= core.queues.count()) return "there is no such number";
  const bool there =
      response ? core.queues.response(wanted.number).configured() : core.queues.request(wanted.number).configured();
  if (erase && !there) return "deletes what is not there";
  if (erase && response && core.queues.answers(wanted.number)) return "deletes a response queue that is in use";
  if (erase) return nullptr;
  if (there) return "is there already";
  if (wanted.place.length < 2 || wanted.place.base % wire::kEntryBytes != 0) return "length or address";
  if (wanted.place.index >= wanted.place.length) return "index beyond the ring";
  if (wanted.place.shadow && !core.chip.shadow) return "this chip keeps no index in host memory";
  if (response) return wanted.vector < core.chip.identity.msix_vectors ? nullptr : "vector beyond the table";
  const bool answered = wanted.response < core.queues.count() && core.queues.response(wanted.response).configured();
  return answered ? nullptr : "its response queue is not there";
}

void remove(Core& core, const Wanted& wanted) {
  if (Options::Response::get(wanted.options)) {
    core.queues.response(wanted.number).reset();
  } else {
    core.queues.request(wanted.number).reset();
  }
}

MailboxAnswer create_queue(Firmware& firmware, MailboxCall& call) {
  Core& core = firmware.core;
  if (core.queues.count() == 1) return MailboxStatus::kInvalidCommand;
  const bool response = Options::Response::get(call[1]);
  const Wanted wanted{call[1],
                      call[4],
                      {call.address(), call[5], response ? call[8] : call[9], Options::Shadow::get(call[1])},
                      call[10],
                      call[14]};
  if (const char* wrong = wrong_with(core, wanted)) {
    core.host.fault(fmt::format("{} queue {}: {}", response ? "response" : "request", wanted.number, wrong));
    return MailboxStatus::kParameterError;
  }
  core.count("queues created or deleted");
  if (Options::Delete::get(wanted.options)) {
    remove(core, wanted);
  } else if (response) {
    core.queues.create_response(wanted.number, wanted.place,
                                {static_cast<std::uint16_t>(wanted.vector), Options::Handshake::get(wanted.options)});
  } else {
    core.queues.create_request(wanted.number, wanted.place, static_cast<std::uint8_t>(wanted.response));
  }
  return MailboxStatus::kOk;
}

constexpr MailboxRow kRows[] = {
    {MailboxCommand::kCreateQueue, "create queue", kInRunning, 0, create_queue},
};

}  // namespace

std::span<const MailboxRow> queue_commands() { return kRows; }

}  // namespace emu::qla
