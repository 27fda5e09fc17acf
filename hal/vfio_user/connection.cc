// A client's requests: the loop around them, version negotiation, and our own requests for its memory.
#include "hal/vfio_user/connection.h"

#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

namespace hal::vfio_user {
namespace {

constexpr base::Logger kLog("vfio-user");
constexpr int kMessagesPerWakeup = 4096;  // then the reactor's other work gets a turn
constexpr std::size_t kMostPutOff = 1024;
constexpr base::Duration kPatience = std::chrono::milliseconds(500);  // for the client's memory

std::uint32_t errno_of(base::Errc code) {
  switch (code) {
    case base::Errc::kInvalid:
      return EINVAL;
    case base::Errc::kNotFound:
      return ENOENT;
    case base::Errc::kExists:
      return EEXIST;
    case base::Errc::kBusy:
      return EBUSY;
    case base::Errc::kNoMemory:
      return ENOMEM;
    case base::Errc::kNoSpace:
      return ENOSPC;
    case base::Errc::kIo:
      return EIO;
    case base::Errc::kTimeout:
      return ETIMEDOUT;
    case base::Errc::kUnsupported:
      return ENOTSUP;
    case base::Errc::kDenied:
      return EPERM;
  }
  return EIO;
}

}  // namespace

Connection::Later::Later(Connection& c)
    : Deferred([](Deferred& d) { static_cast<Later&>(d).connection.run_put_off(); }), connection(c) {}

Connection::Connection(Reactor& reactor, base::Fd socket, Backend& backend, Owner& owner, std::string name)
    : reactor_(reactor),
      channel_(std::move(socket)),
      backend_(backend),
      owner_(owner),
      name_(std::move(name)),
      later_(*this) {
  backend_.client_came(*this);
  if (auto watched = reactor_.watch(channel_.fd(), EPOLLIN, *this); !watched.has_value()) channel_.close("no epoll");
  after();
}

Connection::~Connection() {
  if (later_.linked()) later_.unlink();
  reactor_.unwatch(channel_.fd(), *this);
  backend_.client_left();
}

void Connection::close(std::string why) {
  channel_.close(std::move(why));
  after();
}

void Connection::fd_ready(std::uint32_t) {
  channel_.flush();
  drain();
  after();
}

void Connection::drain() {
  Message message;
  for (int i = 0; i < kMessagesPerWakeup && channel_.receive(message); ++i) handle(message);
}

void Connection::run_put_off() {
  while (!put_off_.empty() && channel_.open()) {
    PutOff next = std::move(put_off_.front());
    put_off_.pop_front();
    Message message{next.header, next.payload, std::move(next.fds)};
    handle(message);
  }
  after();
}

void Connection::after() {
  if (ended_) return;
  if (!channel_.open()) {
    ended_ = true;
    if (channel_.why().empty()) {
      kLog.info("{}: the client is gone", name_);
    } else {
      kLog.warn("{}: the connection ended: {}", name_, channel_.why());
    }
    return owner_.connection_ended();
  }
  if (channel_.sending() == watching_writes_) return;
  watching_writes_ = channel_.sending();
  const std::uint32_t events = EPOLLIN | (watching_writes_ ? std::uint32_t{EPOLLOUT} : 0u);
  if (!reactor_.rewatch(channel_.fd(), events, *this).has_value()) channel_.close("no epoll");
}

void Connection::handle(Message& message) {
  if (message.is_reply()) return;  // to a request of ours that has been given up
  reply_.clear();
  reply_fd_ = -1;
  const auto command = static_cast<std::size_t>(message.command());
  base::Result<void> done;
  if (negotiated_ != (message.command() != Command::kVersion)) {
    done = base::fail(base::Errc::kInvalid, "the version is negotiated first, and once");
  } else if (command >= kHandlers.size() || kHandlers[command] == nullptr) {
    done = unsupported(message);
  } else {
    done = (this->*kHandlers[command])(message);
  }
  if (!done.has_value()) kLog.debug("{}: command {} refused: {}", name_, command, done.error().text);
  answer(message.header, done);
  if (!negotiated_) channel_.close("the version could not be negotiated");
}

void Connection::answer(const Header& request, const base::Result<void>& done) {
  if (Header::NoReply::get(request.flags)) return;
  Header header = request;
  header.flags = Header::Type::of(kReplyType) | Header::Failed::of(!done.has_value());
  header.error = done.has_value() ? 0u : errno_of(done.error().code);
  if (!done.has_value()) return channel_.send(header, {});
  channel_.send(header, {}, reply_, std::span(&reply_fd_, reply_fd_ >= 0 ? 1 : 0));
}

base::Result<void> Connection::unsupported(Message&) {
  return base::fail(base::Errc::kUnsupported, "this command is not supported");
}

base::Result<void> Connection::version(Message& message) {
  Version proposed;
  if (!take(message.payload, proposed)) return base::fail(base::Errc::kInvalid, "the version message is too short");
  if (proposed.major != 0) return base::fail(base::Errc::kUnsupported, "only version 0 of the protocol is spoken here");
  client_ = TRY(read_capabilities(message.payload));
  put(Version{0, std::min<std::uint16_t>(proposed.minor, 1)});
  const std::string ours = write_capabilities({.max_msg_fds = kMaxFds, .write_multiple = client_.write_multiple});
  const auto text = std::as_bytes(std::span(ours));
  reply_.insert(reply_.end(), text.begin(), text.end());
  negotiated_ = true;
  return {};
}

bool Connection::put_off(Message& message) {
  if (put_off_.size() >= kMostPutOff) {
    channel_.close("too many requests while the client's memory is read");
    return false;
  }
  put_off_.push_back({message.header, {message.payload.begin(), message.payload.end()}, std::move(message.fds)});
  if (!later_.linked()) reactor_.defer(later_);
  return true;
}

base::Result<void> Connection::ask(Command command, const DmaAccess& access, std::span<const std::byte> data,
                                   Message& reply) {
  if (!client_answers_) return base::fail(base::Errc::kTimeout, "the client does not serve its memory");
  Header header{next_id_++, static_cast<std::uint16_t>(command), 0, 0, 0};
  channel_.send(header, std::as_bytes(std::span(&access, 1)), data);
  const base::RealClock clock;
  for (const base::Time end = clock.now() + kPatience; channel_.open();) {
    while (channel_.receive(reply)) {
      if (!reply.is_reply()) {
        if (!put_off(reply)) break;
      } else if (reply.header.id == header.id && reply.header.command == header.command) {
        if (!Header::Failed::get(reply.header.flags)) return {};
        return base::fail(base::Errc::kIo, "the client refused access to its memory");
      }
    }
    const base::Duration left = end - clock.now();
    if (left <= base::Duration::zero() || !channel_.wait(left)) break;
  }
  client_answers_ = false;  // else every access would wait
  return base::fail(base::Errc::kTimeout, "the client does not serve its memory");
}

base::Result<void> Connection::read(std::uint64_t address, std::span<std::byte> to) {
  while (!to.empty()) {
    const std::size_t part = std::min<std::size_t>(to.size(), client_.max_data_xfer_size);
    Message reply;
    DmaAccess got;
    TRY(ask(Command::kDmaRead, {address, part}, {}, reply));
    if (!take(reply.payload, got) || got.count != part || reply.payload.size() != part) {
      return base::fail(base::Errc::kIo, "the client's answer with its memory is wrong");
    }
    std::memcpy(to.data(), reply.payload.data(), part);
    to = to.subspan(part);
    address += part;
  }
  return {};
}

base::Result<void> Connection::write(std::uint64_t address, std::span<const std::byte> from) {
  while (!from.empty()) {
    const std::size_t part = std::min<std::size_t>(from.size(), client_.max_data_xfer_size);
    Message reply;
    TRY(ask(Command::kDmaWrite, {address, part}, from.first(part), reply));
    from = from.subspan(part);
    address += part;
  }
  return {};
}

}  // namespace hal::vfio_user
