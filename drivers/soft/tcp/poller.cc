// One round of all TCP connections of a reactor.
#include "drivers/soft/tcp/poller.h"

#include "base/check.h"

namespace soft::tcp {
namespace {

// How long a connection without data keeps being read each round. Long enough for a peer on the same machine to answer.
constexpr base::Duration kHotFor = std::chrono::microseconds(100);
constexpr std::size_t kReceiveArea = hal::DmaPool::kLargest;

}  // namespace

TcpPoller::TcpPoller(hal::Reactor& reactor, TcpPollers& pollers)
    : reactor_(reactor), pollers_(pollers), receive_area_(reactor.dma().take(kReceiveArea).bytes) {
  CHECK(!receive_area_.empty());  // taken at start, when the pool is whole
  reactor_.add(*this);
}

TcpPoller::~TcpPoller() {
  CHECK(hot_.empty() && dirty_.empty());
  if (linked()) reactor_.remove(*this);
  reactor_.dma().give(receive_area_.data());
}

bool TcpPoller::poll() {
  bool worked = serve_dirty();
  // Each goes back before it is read, so that it may take itself off, or be destroyed by what it causes.
  base::IntrusiveList<TcpConnection, HotTag> batch;
  while (TcpConnection* connection = hot_.pop_front()) batch.push_back(*connection);
  while (TcpConnection* connection = batch.pop_front()) {
    hot_.push_back(*connection);
    if (connection->read_some()) {
      worked = true;
      connection->serve();
    } else if (reactor_.now() - connection->last_active() > kHotFor) {
      static_cast<base::ListHook<HotTag>*>(connection)->unlink();
    }
  }
  return serve_dirty() || worked;
}

bool TcpPoller::serve_dirty() {
  if (dirty_.empty()) return false;
  base::IntrusiveList<TcpConnection, DirtyTag> batch;
  while (TcpConnection* connection = dirty_.pop_front()) batch.push_back(*connection);
  while (TcpConnection* connection = batch.pop_front()) connection->serve();
  return true;
}

}  // namespace soft::tcp
