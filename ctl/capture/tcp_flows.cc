// Headers (RFC 791, 8200, 9293) and the sequence numbers of each flow.
#include "ctl/capture/tcp_flows.h"

#include <arpa/inet.h>

#include <bit>
#include <charconv>
#include <cstring>
#include <string_view>

#include "base/endian.h"

namespace ctl {
namespace {

using base::be16;
using base::be32;

struct Ipv4Header {
  std::uint8_t version = 0x45, service = 0;
  be16 length, id, fragment = 0x4000;  // do not fragment
  std::uint8_t hops = 64, protocol = 6;
  be16 checksum;
  std::array<std::byte, 4> source{}, destination{};
};
static_assert(sizeof(Ipv4Header) == 20);

struct Ipv6Header {
  be32 version = std::uint32_t{6} << 28;
  be16 length;
  std::uint8_t next = 6, hops = 64;
  std::array<std::byte, 16> source{}, destination{};
};
static_assert(sizeof(Ipv6Header) == 40);

struct TcpHeader {
  be16 source, destination;
  be32 sequence, acknowledged;
  std::uint8_t offset = 5 << 4, flags = 0;
  be16 window = 65535, checksum, urgent;
};
static_assert(sizeof(TcpHeader) == 20);

// Of a SYN: maximum segment size; windows count 16 KiB, so that none of ours is ever full.
constexpr std::array<std::uint8_t, 8> kSynOptions = {2, 4, 0xff, 0xd7, 3, 3, 14, 0};

// One's complement sum of 16-bit words (RFC 1071); every part but the last has an even length.
class Checksum {
 public:
  template <class T>
  void add(const T& value) {
    add(std::as_bytes(std::span(&value, 1)));
  }
  void add(std::span<const std::byte> bytes) {
    for (; bytes.size() >= 4; bytes = bytes.subspan(4)) {
      std::uint32_t word;
      std::memcpy(&word, bytes.data(), sizeof word);
      sum_ += word;
    }
    std::uint32_t rest = 0;
    if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
    sum_ += rest;
  }
  be16 value() const {  // words are added as they lie in memory, and so is the sum
    std::uint64_t sum = sum_;
    while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
    return std::bit_cast<be16>(static_cast<std::uint16_t>(~sum));
  }

 private:
  std::uint64_t sum_ = 0;
};

template <class Header>
void append(std::vector<std::byte>& out, const Header& header) {
  const auto bytes = std::as_bytes(std::span(&header, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
}

template <class Header>
Header ip_header(const IpEnd& from, const IpEnd& to, std::size_t size) {
  Header header;
  header.length = static_cast<std::uint16_t>(size);
  std::memcpy(header.source.data(), from.address.data(), header.source.size());
  std::memcpy(header.destination.data(), to.address.data(), header.destination.size());
  return header;
}

}  // namespace

std::optional<IpEnd> parse_ip_end(const std::string& text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  IpEnd end;
  const char* const last = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, last, end.port);
  if (error != std::errc() || stop != last) return std::nullopt;
  std::string host = text.substr(0, colon);
  end.v6 = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (end.v6) host = host.substr(1, host.size() - 2);
  if (inet_pton(end.v6 ? AF_INET6 : AF_INET, host.c_str(), end.address.data()) != 1) return std::nullopt;
  return end;
}

std::vector<TcpFlows::Packet> TcpFlows::packets(std::size_t ring, const hal::CaptureRecord& record,
                                                std::span<const std::byte> body) {
  using enum hal::CaptureEvent;
  std::vector<Packet> out;
  const Key key{ring, record.connection};
  if (record.event == kOpened || record.event == kContinued) {
    open(key, record.event, body, out);
    return out;
  }
  const auto found = streams_.find(key);
  if (found == streams_.end()) return out;  // its beginning was lost
  if (record.event == kClosed) {
    close(key, out);
    return out;
  }
  Stream& stream = found->second;
  Flow& flow = flows_[stream.ends];
  const bool from_us = record.event == kSent;
  const std::uint32_t at =
      (from_us ? stream.sent_base : stream.received_base) + static_cast<std::uint32_t>(record.offset);
  out.push_back(
      segment(stream.ends, from_us, at, from_us ? flow.received : flow.sent, kPush | kAck, body, record.left_out));
  (from_us ? flow.sent : flow.received) = at + record.size + record.left_out;
  return out;
}

void TcpFlows::open(const Key& key, hal::CaptureEvent event, std::span<const std::byte> body,
                    std::vector<Packet>& out) {
  const std::string_view text(reinterpret_cast<const char*>(body.data()), body.size());
  const std::size_t space = text.find(' ');
  const auto local = parse_ip_end(std::string(text.substr(0, space)));
  const auto peer = parse_ip_end(std::string(text.substr(space == std::string_view::npos ? text.size() : space + 1)));
  if (!local || !peer || local->v6 != peer->v6) return;
  const Ends ends{*local, *peer};
  const auto [flow, fresh] = flows_.try_emplace(ends);
  if (fresh && event == hal::CaptureEvent::kOpened) {
    flow->second = {1, 1};
    out.push_back(segment(ends, false, 0, 0, kSyn));
    out.push_back(segment(ends, true, 0, 1, kSyn | kAck));
    out.push_back(segment(ends, false, 1, 1, kAck));
  }
  if (!fresh) std::erase_if(streams_, [&](const auto& each) { return each.second.ends == ends; });
  streams_[key] = {ends, flow->second.sent, flow->second.received};
}

// Who closed first is not told apart.
void TcpFlows::close(const Key& key, std::vector<Packet>& out) {
  const Ends ends = streams_[key].ends;
  const Flow flow = flows_[ends];
  out.push_back(segment(ends, false, flow.received, flow.sent, kFin | kAck));
  out.push_back(segment(ends, true, flow.sent, flow.received + 1, kFin | kAck));
  out.push_back(segment(ends, false, flow.received + 1, flow.sent + 1, kAck));
  streams_.erase(key);
  flows_.erase(ends);
}

TcpFlows::Packet TcpFlows::segment(const Ends& ends, bool from_us, std::uint32_t sequence, std::uint32_t acknowledged,
                                   std::uint8_t flags, std::span<const std::byte> payload, std::size_t left_out) {
  const auto& [local, peer] = ends;
  const IpEnd& from = from_us ? local : peer;
  const IpEnd& to = from_us ? peer : local;
  const std::span<const std::uint8_t> options =
      (flags & kSyn) != 0 ? std::span<const std::uint8_t>(kSynOptions) : std::span<const std::uint8_t>();
  TcpHeader tcp;
  tcp.source = from.port;
  tcp.destination = to.port;
  tcp.sequence = sequence;
  tcp.acknowledged = acknowledged;
  tcp.offset = static_cast<std::uint8_t>((sizeof tcp + options.size()) / 4 << 4);
  tcp.flags = flags;
  const std::size_t size = sizeof tcp + options.size() + payload.size() + left_out;
  Checksum sum;
  sum.add(std::span<const std::byte>(from.address).first(from.v6 ? 16 : 4));
  sum.add(std::span<const std::byte>(to.address).first(to.v6 ? 16 : 4));
  sum.add(be32(static_cast<std::uint32_t>(size)));
  sum.add(be32(6));
  sum.add(tcp);
  sum.add(std::as_bytes(options));
  sum.add(payload);
  tcp.checksum = sum.value();
  std::vector<std::byte> head;
  if (from.v6) {
    append(head, ip_header<Ipv6Header>(from, to, size));
  } else {
    auto ip = ip_header<Ipv4Header>(from, to, sizeof(Ipv4Header) + size);
    Checksum over;
    over.add(ip);
    ip.checksum = over.value();
    append(head, ip);
  }
  append(head, tcp);
  const auto more = std::as_bytes(options);
  head.insert(head.end(), more.begin(), more.end());
  return {std::move(head), payload};
}

}  // namespace ctl
