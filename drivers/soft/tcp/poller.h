// What all TCP connections of one reactor share: the receive area, the send pool, and who has work.
#pragma once

#include "base/intrusive_list.h"
#include "drivers/soft/tcp/connection.h"
#include "hal/dma.h"
#include "hal/reactor.h"

namespace soft::tcp {

class TcpPoller;

// The pollers of all reactors. Any thread; each asks for the poller of its own reactor.
class TcpPollers {
 public:
  virtual ~TcpPollers() = default;
  virtual TcpPoller& poller(hal::Reactor& reactor) = 0;
};

class TcpPoller final : public hal::Poller {
 public:
  TcpPoller(hal::Reactor& reactor, TcpPollers& pollers);
  ~TcpPoller() override;
  TcpPollers& pollers() { return pollers_; }
  hal::Reactor& reactor() { return reactor_; }
  TxPool& tx_pool() { return tx_pool_; }
  std::span<std::byte> receive_area() { return receive_area_; }
  // What is captured goes there; null, nearly always: nothing is.
  void set_capture(hal::CaptureRing* ring) { capture_ = ring; }
  hal::CaptureRing* capture() const { return capture_; }
  // Hot: had data lately; read each round without asking the kernel which descriptors are ready.
  void hot(TcpConnection& connection) { hot_.push_back(connection); }
  // Dirty: has answers to give or PDUs to send.
  void dirty(TcpConnection& connection) { dirty_.push_back(connection); }

  bool poll() override;
  bool try_sleep() override { return dirty_.empty(); }

 private:
  bool serve_dirty();

  hal::Reactor& reactor_;
  TcpPollers& pollers_;
  std::span<std::byte> receive_area_;
  hal::CaptureRing* capture_ = nullptr;
  TxPool tx_pool_;
  base::IntrusiveList<TcpConnection, HotTag> hot_;
  base::IntrusiveList<TcpConnection, DirtyTag> dirty_;
};

}  // namespace soft::tcp
