// Packets with descriptors, and the messages made of them.
#include "ctl/upgrade/channel.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace ctl {
namespace {

constexpr std::size_t kPerPacket = 200;  // descriptors; the kernel takes 253
constexpr std::size_t kMaxPacket = 256;  // bytes of text
constexpr timeval kSendLimit{2, 0};
constexpr const char* kMore = "descriptors";  // kind of the packets behind the first of a message

base::Result<base::Fd> memory_of(const std::string& text) {
  base::Fd memory(memfd_create("outboard-handover", MFD_CLOEXEC));
  if (!memory) return base::fail_errno("memfd_create");
  for (std::size_t at = 0; at < text.size();) {
    const ssize_t written = write(memory.get(), text.data() + at, text.size() - at);
    if (written <= 0) return base::fail_errno("write what is handed over");
    at += static_cast<std::size_t>(written);
  }
  return memory;
}

base::Result<std::string> text_of(const base::Fd& memory, std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t at = 0; at < size;) {
    const ssize_t got = pread(memory.get(), text.data() + at, size - at, static_cast<off_t>(at));
    if (got <= 0) return base::fail_errno("read what was handed over");
    at += static_cast<std::size_t>(got);
  }
  return text;
}

tl::unexpected<base::Error> not_understood(const char* what) {
  return base::fail(base::Errc::kInvalid, fmt::format("the other outboardd sent something strange: {}", what));
}

// As many as `count`; `control` is large enough.
long receive(int socket, std::span<char> bytes, std::size_t count, std::vector<base::Fd>& descriptors) {
  std::array<char, CMSG_SPACE(sizeof(int) * (kPerPacket + 1))> control{};
  iovec part{bytes.data(), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = CMSG_SPACE(sizeof(int) * count);
  const ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
  if (got < 0) return got;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t number = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < number; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      descriptors.emplace_back(fd);
    }
  }
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
    errno = EMSGSIZE;
    return -1;
  }
  return got;
}

}  // namespace

bool send_with_descriptors(int socket, std::span<const char> bytes, std::span<const int> descriptors) {
  std::array<char, CMSG_SPACE(sizeof(int) * (kPerPacket + 1))> control{};
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(header), descriptors.data(), descriptors.size_bytes());
  }
  return sendmsg(socket, &message, MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

long receive_with_descriptor(int socket, std::span<char> bytes, base::Fd& descriptor) {
  std::vector<base::Fd> all;
  const long got = receive(socket, bytes, 1, all);
  if (!all.empty()) descriptor = std::move(all.front());
  return got;
}

base::Result<std::pair<base::Fd, base::Fd>> HandoverChannel::make_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) return base::fail_errno("socketpair");
  return std::pair(base::Fd(ends[0]), base::Fd(ends[1]));
}

base::Result<void> HandoverChannel::send(const std::string& kind, const Json& value,
                                         std::span<const base::Fd> descriptors) {
  (void)setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &kSendLimit, sizeof kSendLimit);
  const std::string text = print_json(value);
  const base::Fd memory = TRY(memory_of(text));
  const std::string head = fmt::format("{} {} {}", kind, text.size(), descriptors.size());
  if (!send_with_descriptors(socket_.get(), head, std::array{memory.get()})) {
    return base::fail_errno("send to the other outboardd");
  }
  while (!descriptors.empty()) {
    std::vector<int> some;
    for (const base::Fd& each : descriptors.first(std::min(kPerPacket, descriptors.size()))) some.push_back(each.get());
    if (!send_with_descriptors(socket_.get(), std::string_view(kMore), some)) {
      return base::fail_errno("send descriptors to the other outboardd");
    }
    descriptors = descriptors.subspan(some.size());
  }
  return {};
}

base::Result<std::optional<HandoverMessage>> HandoverChannel::receive() {
  for (;;) {
    pollfd ready{socket_.get(), POLLIN, 0};
    if (poll(&ready, 1, 0) <= 0) return std::optional<HandoverMessage>();
    std::array<char, kMaxPacket> bytes;
    std::vector<base::Fd> descriptors;
    const long got = ctl::receive(socket_.get(), bytes, kPerPacket, descriptors);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return base::fail_errno("hear the other outboardd");
    if (got == 0) return base::fail(base::Errc::kIo, "the other outboardd has ended");
    TRY(take_packet({bytes.data(), static_cast<std::size_t>(got)}, std::move(descriptors)));
    if (partial_ && missing_ == 0) return std::exchange(partial_, std::nullopt);
  }
}

base::Result<void> HandoverChannel::take_packet(std::string_view text, std::vector<base::Fd> descriptors) {
  if (partial_) {
    if (text != kMore || descriptors.empty() || descriptors.size() > missing_) return not_understood("descriptors");
    missing_ -= descriptors.size();
    for (base::Fd& each : descriptors) partial_->descriptors.push_back(std::move(each));
    return {};
  }
  const std::string copy(text);
  std::array<char, 32> kind{};
  std::size_t size = 0, count = 0;
  if (sscanf(copy.c_str(), "%31s %zu %zu", kind.data(), &size, &count) != 3 || descriptors.size() != 1) {
    return not_understood("the head of a message");
  }
  if (size > kMaxValue || count > kMaxDescriptors) return not_understood("its size");
  auto value = parse_json(TRY(text_of(descriptors.front(), size)));
  if (!value) return not_understood("no JSON");
  partial_ = HandoverMessage{kind.data(), std::move(*value), {}};
  missing_ = count;
  return {};
}

base::Result<HandoverMessage> HandoverChannel::wait(base::Duration limit, const char* what) {
  const base::Time deadline = base::RealClock().now() + limit;
  for (;;) {
    if (auto message = TRY(receive())) return std::move(*message);
    const auto left = deadline - base::RealClock().now();
    if (left <= base::Duration::zero()) {
      return base::fail(base::Errc::kTimeout, fmt::format("the other outboardd did not {} in time", what));
    }
    pollfd ready{socket_.get(), POLLIN, 0};
    (void)poll(&ready, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
  }
}

}  // namespace ctl
