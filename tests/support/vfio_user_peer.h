// The raw other end of a vfio-user connection: messages right or wrong, byte by byte, over a socket pair.
#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "hal/vfio_user/protocol.h"

namespace test_support {

namespace vu = hal::vfio_user;

class VfioUserPeer {
 public:
  VfioUserPeer() {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) std::abort();
    mine_ = base::Fd(pair[0]);
    theirs_ = base::Fd(pair[1]);
  }
  base::Fd take_other_end() { return std::move(theirs_); }
  int fd() const { return mine_.get(); }

  void send_bytes(std::span<const std::byte> bytes, std::span<const int> fds = {}) {
    iovec piece{const_cast<std::byte*>(bytes.data()), bytes.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(64 * sizeof(int))] = {};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    if (!fds.empty()) {
      message.msg_control = control;
      message.msg_controllen = CMSG_SPACE(fds.size_bytes());
      cmsghdr* const at = CMSG_FIRSTHDR(&message);
      at->cmsg_level = SOL_SOCKET;
      at->cmsg_type = SCM_RIGHTS;
      at->cmsg_len = CMSG_LEN(fds.size_bytes());
      std::memcpy(CMSG_DATA(at), fds.data(), fds.size_bytes());
    }
    (void)!sendmsg(mine_.get(), &message, MSG_NOSIGNAL);
  }
  static std::vector<std::byte> message(vu::Command command, std::span<const std::byte> payload,
                                        std::uint32_t flags = 0, std::uint16_t id = 7) {
    const vu::Header header{id, static_cast<std::uint16_t>(command),
                            static_cast<std::uint32_t>(sizeof header + payload.size()), flags, 0};
    std::vector<std::byte> bytes(sizeof header + payload.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    if (!payload.empty()) std::memcpy(bytes.data() + sizeof header, payload.data(), payload.size());
    return bytes;
  }
  void send(vu::Command command, std::span<const std::byte> payload = {}, std::span<const int> fds = {},
            std::uint32_t flags = 0) {
    send_bytes(message(command, payload, flags), fds);
  }
  template <class T>
  void send_struct(vu::Command command, const T& value, std::span<const int> fds = {}, std::uint32_t flags = 0) {
    send(command, std::as_bytes(std::span(&value, 1)), fds, flags);
  }

  struct Reply {
    vu::Header header;
    std::vector<std::byte> payload;
    base::Fd fd;
    bool failed() const { return vu::Header::Failed::get(header.flags); }
    template <class T>
    T as(std::size_t offset = 0) const {
      T value{};
      if (payload.size() >= offset + sizeof value) std::memcpy(&value, payload.data() + offset, sizeof value);
      return value;
    }
  };
  // The next whole message that is there.
  std::optional<Reply> receive() {
    Reply reply;
    alignas(cmsghdr) char control[CMSG_SPACE(4 * sizeof(int))];
    iovec piece{&reply.header, sizeof reply.header};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (recvmsg(mine_.get(), &message, MSG_DONTWAIT) != sizeof reply.header) return std::nullopt;
    if (cmsghdr* const at = CMSG_FIRSTHDR(&message); at != nullptr && at->cmsg_type == SCM_RIGHTS) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(at), sizeof fd);
      reply.fd = base::Fd(fd);
    }
    reply.payload.resize(reply.header.size - sizeof reply.header);
    const ssize_t n = recv(mine_.get(), reply.payload.data(), reply.payload.size(), MSG_DONTWAIT);
    if (!reply.payload.empty() && n != static_cast<ssize_t>(reply.payload.size())) return std::nullopt;
    return reply;
  }
  bool closed() const {  // by the other end, with nothing left to read
    char byte;
    const ssize_t n = recv(mine_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno == ECONNRESET);  // reset: before it had read all
  }
  void no_more() { shutdown(mine_.get(), SHUT_WR); }

 private:
  base::Fd mine_, theirs_;
};

}  // namespace test_support
