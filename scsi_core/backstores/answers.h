// Answers that a channel owes at once: called from the poll loop, in order, never from inside submit().
#pragma once

#include "base/intrusive_list.h"
#include "hal/reactor.h"
#include "scsi_core/backstore.h"

namespace scsi {

// Member of a channel; lives and runs on the channel's reactor.
class Answers : private hal::Deferred {
 public:
  explicit Answers(hal::Reactor& reactor) : hal::Deferred(&Answers::run), reactor_(reactor) {}
  ~Answers() {
    if (linked()) unlink();
  }
  void add(StoreRequest& request) {
    owed_.push_back(request);
    if (!linked()) reactor_.defer(*this);
  }
  void add(StoreRequest& request, StoreStatus status, std::uint64_t bad_offset = 0) {
    request.status = status;
    request.bad_offset = bad_offset;
    add(request);
  }
  bool empty() const { return owed_.empty(); }

 private:
  static void run(hal::Deferred& deferred) {
    auto& self = static_cast<Answers&>(deferred);
    base::IntrusiveList<StoreRequest> batch;  // what is added meanwhile waits for the next round
    while (StoreRequest* request = self.owed_.pop_front()) batch.push_back(*request);
    while (StoreRequest* request = batch.pop_front()) request->done(*request);
  }
  hal::Reactor& reactor_;
  base::IntrusiveList<StoreRequest> owed_;
};

}  // namespace scsi
