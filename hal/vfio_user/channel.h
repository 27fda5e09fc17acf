// One end of a vfio-user connection: whole messages with their file descriptors over a non-blocking Unix socket.
//
// One thread. Whatever the peer sends, a channel is either at the start of a message, inside one, or broken for ever.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "hal/vfio_user/protocol.h"

struct msghdr;

namespace hal::vfio_user {

struct Message {
  Header header;
  std::span<const std::byte> payload;  // valid until the next receive()
  std::vector<base::Fd> fds;
  Command command() const { return static_cast<Command>(static_cast<std::uint16_t>(header.command)); }
  bool is_reply() const { return Header::Type::get(header.flags) == kReplyType; }
};

// Copies the fixed part off the payload's front; false: too short.
template <class T>
bool take(std::span<const std::byte>& payload, T& value) {
  if (payload.size() < sizeof value) return false;
  std::memcpy(&value, payload.data(), sizeof value);
  payload = payload.subspan(sizeof value);
  return true;
}

class Channel {
 public:
  static constexpr std::size_t kMaxWaiting = std::size_t{8} << 20;  // bytes for a peer that does not read

  explicit Channel(base::Fd socket);  // makes it non-blocking
  int fd() const { return socket_.get(); }
  bool open() const { return open_; }
  const std::string& why() const { return why_; }  // once it is not open; empty: the peer closed it

  // True with a message; false: no whole one is there, or the channel is no longer open.
  bool receive(Message& message);
  // Sends as much as the socket takes and keeps the rest; `fds` stay the caller's. A peer that takes nothing is broken
  // off at kMaxWaiting.
  void send(Header header, std::span<const std::byte> fixed, std::span<const std::byte> data = {},
            std::span<const int> fds = {});
  void flush();
  bool flush_all(base::Duration limit);               // waits; false: the peer did not read within the time
  bool sending() const { return !waiting_.empty(); }  // flush() when the socket is writable again
  // Until something can be read, while what waits is sent; false: the time ran out.
  bool wait(base::Duration limit);
  void close(std::string why);

 private:
  enum class Part : std::uint8_t { kWhole, kMore, kEnd };
  Part read_some(std::byte* to, std::size_t size);
  void take_fds(msghdr& message);
  bool header_ok();
  // How much of the pieces the socket took; with descriptors it is given a second to take some.
  std::size_t try_send(std::span<const std::span<const std::byte>> pieces, std::span<const int> fds);
  bool writable(base::Duration limit);

  base::Fd socket_;
  bool open_ = true;
  std::string why_;
  std::vector<std::byte> in_;
  std::size_t have_ = 0;  // bytes of the message that is being received
  std::vector<base::Fd> fds_;
  std::vector<std::byte> waiting_;
  std::size_t sent_ = 0;  // bytes of waiting_ that are gone
};

}  // namespace hal::vfio_user
