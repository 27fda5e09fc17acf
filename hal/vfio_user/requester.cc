// Requests and their answers.
#include "hal/vfio_user/requester.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/log.h"

namespace hal::vfio_user {
namespace {

constexpr base::Logger kLog("vfio-user");

base::Errc errc_of(std::uint32_t error) {
  switch (error) {
    case EINVAL:
      return base::Errc::kInvalid;
    case ENOENT:
      return base::Errc::kNotFound;
    case EEXIST:
      return base::Errc::kExists;
    case ENOMEM:
      return base::Errc::kNoMemory;
    case ENOSPC:
      return base::Errc::kNoSpace;
    case ENOTSUP:
      return base::Errc::kUnsupported;
    default:
      return base::Errc::kIo;
  }
}

}  // namespace

Header Requester::header(const Request& request, bool wants_reply) {
  const std::uint32_t flags = Header::NoReply::of(!wants_reply);
  return {next_id_++, static_cast<std::uint16_t>(request.command), 0, flags, 0};
}

base::Result<void> Requester::lost() {
  if (!reported_) {
    reported_ = true;
    kLog.warn("{}: the device is gone{}{}", name_, channel_.why().empty() ? "" : ": ", channel_.why());
  }
  return base::fail(base::Errc::kIo, name_ + " is gone");
}

// Until the answer to `asked` is in `message`. Requests of the server are refused: all our memory came with files.
base::Result<void> Requester::await(const Header& asked, Message& message) {
  const base::RealClock clock;
  const base::Time end = clock.now() + kPatience;
  while (channel_.open()) {
    while (channel_.receive(message)) {
      if (message.is_reply() && message.header.id == asked.id && message.header.command == asked.command) return {};
      if (message.is_reply()) continue;
      Header refused = message.header;
      refused.flags = Header::Type::of(kReplyType) | Header::Failed::of(true);
      refused.error = std::uint32_t{ENOTSUP};
      channel_.send(refused, {});
    }
    const base::Duration left = end - clock.now();
    if (!channel_.open()) break;
    if (left <= base::Duration::zero() || !channel_.wait(left)) channel_.close("it does not answer");
  }
  return lost();
}

base::Result<std::vector<std::byte>> Requester::ask(const Request& request, base::Fd* fd) {
  const std::lock_guard lock(mutex_);
  const Header asked = header(request, true);
  channel_.send(asked, request.fixed, request.data, request.fds);
  Message message;
  TRY(await(asked, message));
  if (Header::Failed::get(message.header.flags)) {
    return base::fail(errc_of(message.header.error), name_ + " refused a request");
  }
  if (fd != nullptr && !message.fds.empty()) *fd = std::move(message.fds.front());
  return std::vector<std::byte>(message.payload.begin(), message.payload.end());
}

void Requester::post(const Request& request) {
  const std::lock_guard lock(mutex_);
  channel_.send(header(request, false), request.fixed, request.data, request.fds);
  if (channel_.sending() && !channel_.flush_all(kPatience)) channel_.close("it does not read");
  if (!channel_.open()) (void)lost();
}

bool Requester::gone() {
  const std::lock_guard lock(mutex_);
  char byte;
  if (channel_.open() && recv(channel_.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) channel_.close("");
  if (!channel_.open()) (void)lost();
  return !channel_.open();
}

base::Result<Capabilities> Requester::negotiate() {
  const Version proposed{0, 1};
  const std::string ours = write_capabilities({.max_msg_fds = kMaxFds});
  const auto reply = TRY(ask({.command = Command::kVersion,
                              .fixed = std::as_bytes(std::span(&proposed, 1)),
                              .data = std::as_bytes(std::span(ours))}));
  std::span<const std::byte> payload = reply;
  Version agreed;
  if (!take(payload, agreed) || agreed.major != 0 || agreed.minor > proposed.minor) {
    return base::fail(base::Errc::kUnsupported, name_ + " speaks another version of vfio-user");
  }
  return read_capabilities(payload);
}

}  // namespace hal::vfio_user
