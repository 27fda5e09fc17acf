// IP addresses: from where initiators may come ("192.0.2.7", "192.0.2.0/24", "2001:db8::/32"), and where they are sent.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace iscsi {

// An IPv4 address is held as the IPv6 address that stands for it (RFC 4291 2.5.5.2), so that a peer that reached a
// socket of both kinds is found by either.
using Address = std::array<std::uint8_t, 16>;
std::optional<Address> parse_address(std::string_view text);  // "192.0.2.7", "2001:db8::1", "[2001:db8::1]"
// Of a peer as datamovers tell it: "192.0.2.7:3260", "[2001:db8::1%eth0]:3260".
std::optional<Address> address_of_peer(std::string_view peer);

class Subnet {
 public:
  // Nothing when it is no address, or has bits behind its prefix.
  static std::optional<Subnet> parse(std::string_view text);
  bool contains(const Address& address) const;

 private:
  Address address_{};
  unsigned bits_ = 128;
};

// Whether one of `subnets`, all well formed, has the peer.
bool any_contains(std::span<const std::string> subnets, std::string_view peer);

// "192.0.2.7:3260", "[2001:db8::7]:3260", "storage.example.org:3260": what an initiator can connect to (RFC 7143 13.8).
bool names_portal(std::string_view text);

}  // namespace iscsi
