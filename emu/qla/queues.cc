// The queues by number, and how the host is told of them.
#include "emu/qla/queues.h"

#include <fmt/format.h>

#include <algorithm>

#include "emu/qla/core.h"

namespace emu::qla {

using Init = wire::InitBlock;

Queues::Queues(ModelHost& host, const Chip& chip)
    : priority(host, "priority queue"), atios(host, "ATIO queue"), events_only_(chip.queues == 1) {
  for (unsigned number = 0; number < chip.queues; ++number) {
    const std::string of = number == 0 ? "" : fmt::format(" {}", number);
    requests_.push_back({RequestQueue(host, "request queue" + of)});
    responses_.push_back({EntryQueue(host, "response queue" + of), {}});
  }
}

void Queues::reset() {
  for (Requests& queue : requests_) queue.ring.reset();
  for (Responses& queue : responses_) queue.ring.reset();
  priority.reset();
  atios.reset();
  used_ = 1;
}

void Queues::initialize(const Init& init) {
  const bool handshake = events_only_ || Init::MsixHandshake::get(init.options2);
  request(0).configure(
      {init.request_address, init.request_length, init.request_out, Init::RequestShadow::get(init.options2)});
  response(0).configure(
      {init.response_address, init.response_length, init.response_in, Init::ResponseShadow::get(init.options2)});
  priority.configure({init.priority_address, init.priority_length, init.priority_out});
  atios.configure({init.atio_address, init.atio_length, init.atio_in});
  responses_[0].interrupt = {init.response_vector, handshake};
  atio_interrupt_ = {init.atio_vector, handshake};
}

void Queues::create_request(unsigned number, const RingPlace& place, std::uint8_t response) {
  requests_[number].ring.configure(place);
  requests_[number].response = response;
  used_ = std::max(used_, number + 1);
}

void Queues::create_response(unsigned number, const RingPlace& place, const QueueInterrupt& interrupt) {
  responses_[number].ring.configure(place);
  responses_[number].interrupt = interrupt;
  used_ = std::max(used_, number + 1);
}

bool Queues::answers(unsigned response) const {
  return std::any_of(requests_.begin(), requests_.end(),
                     [&](const Requests& queue) { return queue.ring.configured() && queue.response == response; });
}

Origin Queues::origin(unsigned request) const {
  return {static_cast<std::uint8_t>(request), requests_[request].response};
}

bool Queues::poll(Events& events) {
  bool moved = atios.poll();
  if (atios.take_news()) events.post_atios(atio_interrupt_);
  for (unsigned number = 0; number < used_; ++number) {
    Responses& queue = responses_[number];
    moved |= queue.ring.poll();
    if (queue.ring.take_news()) events.post_responses(queue.interrupt);
  }
  return moved;
}

}  // namespace emu::qla
