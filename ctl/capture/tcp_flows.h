// IP packets with TCP segments made of captured pieces of connections.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hal/port/capture.h"

namespace ctl {

struct IpEnd {  // one end of a connection
  std::array<std::byte, 16> address{};
  bool v6 = false;
  std::uint16_t port = 0;
  auto operator<=>(const IpEnd&) const = default;
};
std::optional<IpEnd> parse_ip_end(const std::string& text);  // "192.0.2.1:3260", "[2001:db8::1]:3260"

class TcpFlows {
 public:
  // Those made of one record, in order: `head` is the IP and TCP headers. Of a record that leaves bytes out, they tell
  // its whole length; the TCP checksum is then of what is there.
  using Packet = std::pair<std::vector<std::byte>, std::span<const std::byte>>;  // head, payload
  // `ring`: which ring it was in. A connection that moved to another reactor goes on where it was.
  std::vector<Packet> packets(std::size_t ring, const hal::CaptureRecord& record, std::span<const std::byte> body);

 private:
  using Key = std::pair<std::size_t, std::uint32_t>;  // ring, connection
  using Ends = std::pair<IpEnd, IpEnd>;               // local, peer
  struct Flow {
    std::uint32_t sent = 0, received = 0;  // next sequence number of each direction
  };
  struct Stream {  // one connection object of the datamover's
    Ends ends;
    std::uint32_t sent_base = 0, received_base = 0;  // sequence numbers of its offset 0
  };
  enum Flags : std::uint8_t { kFin = 1, kSyn = 2, kPush = 8, kAck = 16 };
  void open(const Key& key, hal::CaptureEvent event, std::span<const std::byte> body, std::vector<Packet>& out);
  void close(const Key& key, std::vector<Packet>& out);
  static Packet segment(const Ends& ends, bool from_us, std::uint32_t sequence, std::uint32_t acknowledged,
                        std::uint8_t flags, std::span<const std::byte> payload = {}, std::size_t left_out = 0);

  std::map<Key, Stream> streams_;
  std::map<Ends, Flow> flows_;
};

}  // namespace ctl
