// The socket between two daemons: messages of a kind, a JSON value and descriptors, in order.
//
// Both ends are ours, of one user; still every length and count is checked. A value goes in memory of its own (memfd),
// descriptors in packets of a few hundred, so a message may be large.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "ctl/rpc/json.h"

namespace ctl {

// One packet over a Unix socket. False, and errno, when it could not be sent.
bool send_with_descriptors(int socket, std::span<const char> bytes, std::span<const int> descriptors);
// As recvmsg(2); at most one descriptor.
long receive_with_descriptor(int socket, std::span<char> bytes, base::Fd& descriptor);

struct HandoverMessage {
  std::string kind;
  Json value;
  std::vector<base::Fd> descriptors;
};

class HandoverChannel {
 public:
  static constexpr std::size_t kMaxValue = std::size_t{1} << 30;  // bytes of JSON
  static constexpr std::size_t kMaxDescriptors = std::size_t{1} << 20;

  explicit HandoverChannel(base::Fd socket) : socket_(std::move(socket)) {}
  // Two ends of one.
  static base::Result<std::pair<base::Fd, base::Fd>> make_pair();
  int fd() const { return socket_.get(); }
  // Waits for the other side to take it, but not long.
  base::Result<void> send(const std::string& kind, const Json& value, std::span<const base::Fd> descriptors = {});
  // What has come by now: a whole message, nullopt while there is none. Errc::kIo: the other side has closed.
  base::Result<std::optional<HandoverMessage>> receive();
  // Waits for one.
  base::Result<HandoverMessage> wait(base::Duration limit, const char* what);

 private:
  base::Result<void> take_packet(std::string_view text, std::vector<base::Fd> descriptors);

  base::Fd socket_;
  std::optional<HandoverMessage> partial_;
  std::size_t missing_ = 0;  // descriptors of `partial_`
};

}  // namespace ctl
