// Framing: exact reads, so that descriptors belong to the message whose bytes they came with (unix(7), SCM_RIGHTS).
#include "hal/vfio_user/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace hal::vfio_user {
namespace {

constexpr base::Duration kPatience = std::chrono::seconds(1);  // with a peer that does not read

bool would_block(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

}  // namespace

Channel::Channel(base::Fd socket) : socket_(std::move(socket)), in_(4096) {
  const int flags = fcntl(socket_.get(), F_GETFL);
  if (flags < 0 || fcntl(socket_.get(), F_SETFL, flags | O_NONBLOCK) != 0) close("the socket cannot be used");
}

void Channel::close(std::string why) {
  if (!open_) return;
  open_ = false;
  why_ = std::move(why);
  fds_.clear();
  waiting_.clear();
  if (socket_) shutdown(socket_.get(), SHUT_RDWR);
}

bool Channel::header_ok() {
  Header header;
  std::memcpy(&header, in_.data(), sizeof header);
  if (header.size >= sizeof header && header.size <= kMaxMessage && Header::Type::get(header.flags) <= kReplyType) {
    if (in_.size() < header.size) in_.resize(header.size);
    return true;
  }
  close("a message header is wrong");
  return false;
}

bool Channel::receive(Message& message) {
  while (open_) {
    const bool in_header = have_ < sizeof(Header);
    Header header;
    if (!in_header) std::memcpy(&header, in_.data(), sizeof header);
    const std::size_t whole = in_header ? sizeof(Header) : std::size_t{header.size};
    if (have_ < whole) {
      const Part part = read_some(in_.data() + have_, whole - have_);
      if (part != Part::kWhole) return false;
      if (in_header && !header_ok()) return false;
      continue;
    }
    have_ = 0;
    message.header = header;
    message.payload = std::span(in_).subspan(sizeof header, whole - sizeof header);
    message.fds = std::exchange(fds_, {});
    return true;
  }
  return false;
}

// Reads until the `size` bytes are there, or nothing more is.
Channel::Part Channel::read_some(std::byte* to, std::size_t size) {
  while (size > 0) {
    iovec piece{to, size};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFds * sizeof(int))> control;
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t n = recvmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && would_block(errno)) return Part::kMore;
    if (n <= 0) {
      close(n < 0 ? std::strerror(errno) : have_ > 0 ? "the peer went away inside a message" : "");
      return Part::kEnd;
    }
    take_fds(message);
    if (!open_) return Part::kEnd;
    have_ += static_cast<std::size_t>(n);
    to += n;
    size -= static_cast<std::size_t>(n);
  }
  return Part::kWhole;
}

void Channel::take_fds(msghdr& message) {
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at)) {
    if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(at) + i * sizeof fd, sizeof fd);
      fds_.emplace_back(fd);
    }
  }
  if ((message.msg_flags & MSG_CTRUNC) != 0 || fds_.size() > kMaxFds) {
    close("too many file descriptors with one message");
  }
}

std::size_t Channel::try_send(std::span<const std::span<const std::byte>> pieces, std::span<const int> fds) {
  std::array<iovec, 3> parts;
  std::size_t used = 0;
  for (const auto& piece : pieces) {
    if (!piece.empty()) parts[used++] = {const_cast<std::byte*>(piece.data()), piece.size()};
  }
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxFds * sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = used;
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(fds.size_bytes());
    cmsghdr* const at = CMSG_FIRSTHDR(&message);
    at->cmsg_level = SOL_SOCKET;
    at->cmsg_type = SCM_RIGHTS;
    at->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(at), fds.data(), fds.size_bytes());
  }
  while (true) {
    const ssize_t n = sendmsg(socket_.get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (!would_block(errno)) {
      close(std::strerror(errno));
      return 0;
    }
    if (fds.empty()) return 0;
    if (!writable(kPatience)) {
      close("the peer does not read");
      return 0;
    }
  }
}

void Channel::send(Header header, std::span<const std::byte> fixed, std::span<const std::byte> data,
                   std::span<const int> fds) {
  CHECK(fds.size() <= kMaxFds);
  header.size = static_cast<std::uint32_t>(sizeof header + fixed.size() + data.size());
  const std::array pieces{std::as_bytes(std::span(&header, 1)), fixed, data};
  // Descriptors go with the first byte and cannot wait in our memory: what is before them goes first.
  if (!fds.empty() && !flush_all(kPatience)) close("the peer does not read");
  if (!open_) return;
  std::size_t done = sending() ? 0 : try_send(pieces, fds);
  if (!open_) return;
  for (const auto& piece : pieces) {
    const std::size_t skip = std::min(done, piece.size());
    done -= skip;
    waiting_.insert(waiting_.end(), piece.begin() + static_cast<std::ptrdiff_t>(skip), piece.end());
  }
  if (waiting_.size() - sent_ > kMaxWaiting) close("the peer does not read");
}

bool Channel::flush_all(base::Duration limit) {
  for (flush(); open_ && sending(); flush()) {
    if (!writable(limit)) return false;
  }
  return true;
}

bool Channel::writable(base::Duration limit) {
  pollfd waited{socket_.get(), POLLOUT, 0};
  return ::poll(&waited, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(limit).count())) > 0;
}

void Channel::flush() {
  while (open_ && sending()) {
    const ssize_t n =
        ::send(socket_.get(), waiting_.data() + sent_, waiting_.size() - sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && would_block(errno)) return;
    if (n < 0) return close(std::strerror(errno));
    sent_ += static_cast<std::size_t>(n);
    if (sent_ < waiting_.size()) continue;
    waiting_.clear();
    sent_ = 0;
  }
}

bool Channel::wait(base::Duration limit) {
  const base::RealClock clock;
  const base::Time end = clock.now() + limit;
  while (open_) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - clock.now()).count();
    if (left <= 0) return false;
    pollfd waited{socket_.get(), static_cast<short>(POLLIN | (sending() ? POLLOUT : 0)), 0};
    if (::poll(&waited, 1, static_cast<int>(left)) < 0 && errno != EINTR) return false;
    if ((waited.revents & POLLOUT) != 0) flush();
    if ((waited.revents & ~POLLOUT) != 0) return true;
  }
  return false;
}

}  // namespace hal::vfio_user
