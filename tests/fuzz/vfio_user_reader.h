// The client's reading end in a thread of its own, for what a server waits for: it takes what comes and serves its
// memory, until it is told to end.
#pragma once

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "tests/support/require.h"
#include "tests/support/vfio_user_peer.h"

namespace vfio_user_input {

// What was read so far, cut into messages.
class Heard {
 public:
  // All that is there; false: the server has closed.
  bool take(int fd) {
    std::byte chunk[65536];
    ssize_t n;
    while ((n = recv(fd, chunk, sizeof chunk, MSG_DONTWAIT)) > 0) bytes_.insert(bytes_.end(), chunk, chunk + n);
    return n < 0 && errno == EAGAIN;
  }
  template <class Use>
  void each(Use&& use) {
    hal::vfio_user::Header header;
    std::size_t at = 0;
    for (; bytes_.size() - at >= sizeof header; at += header.size) {
      std::memcpy(&header, bytes_.data() + at, sizeof header);
      REQUIRE(header.size >= sizeof header && header.size <= hal::vfio_user::kMaxMessage);
      if (bytes_.size() - at < header.size) break;
      use(header, std::span(bytes_).subspan(at + sizeof header, header.size - sizeof header));
    }
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(at));
  }

 private:
  std::vector<std::byte> bytes_;
};

// `use` is called in the thread; nobody else uses `heard` until this has ended.
class Reader {
 public:
  template <class Use>
  Reader(test_support::VfioUserPeer& peer, Heard& heard, std::chrono::milliseconds pause, Use use)
      : thread_([this, &peer, &heard, pause, use] {
          std::this_thread::sleep_for(pause);
          for (bool more = true; more;) {
            pollfd waited[2] = {{peer.fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
            REQUIRE(poll(waited, 2, -1) > 0);
            more = waited[1].revents == 0 && heard.take(peer.fd());
            heard.each(use);
          }
        }) {}
  ~Reader() {
    REQUIRE(eventfd_write(stop_.get(), 1) == 0);
    thread_.join();
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

 private:
  base::Fd stop_{eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::thread thread_;
};

}  // namespace vfio_user_input
