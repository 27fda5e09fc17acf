// All queues of an adapter: the pair, the priority queue and the ATIO queue of the initialisation block, and the queues
// that the host creates later, each by its number.
#pragma once

#include <vector>

#include "emu/qla/events.h"
#include "emu/qla/rings.h"

namespace emu::qla {

struct Origin;

class Queues {
 public:
  Queues(ModelHost& host, const Chip& chip);
  void reset();
  void initialize(const wire::InitBlock& init);
  bool poll(Events& events);  // entries that waited for room, and news

  // `number` is below the chip's count of queues.
  RequestQueue& request(unsigned number) { return requests_[number].ring; }
  EntryQueue& response(unsigned number) { return responses_[number].ring; }
  const RequestQueue& request(unsigned number) const { return requests_[number].ring; }
  const EntryQueue& response(unsigned number) const { return responses_[number].ring; }
  unsigned count() const { return static_cast<unsigned>(requests_.size()); }
  unsigned used() const { return used_; }  // one more than the highest number
  void create_request(unsigned number, const RingPlace& place, std::uint8_t response);
  void create_response(unsigned number, const RingPlace& place, const QueueInterrupt& interrupt);
  bool answers(unsigned response) const;  // some request queue's entries are answered there
  Origin origin(unsigned request) const;  // of entries that come by that queue

  RequestQueue priority;
  EntryQueue atios;

 private:
  struct Requests {
    RequestQueue ring;
    std::uint8_t response = 0;
  };
  struct Responses {
    EntryQueue ring;
    QueueInterrupt interrupt;
  };
  std::vector<Requests> requests_;
  std::vector<Responses> responses_;
  QueueInterrupt atio_interrupt_;
  bool events_only_;  // a chip whose queues know no messages of their own
  unsigned used_ = 1;
};

}  // namespace emu::qla
