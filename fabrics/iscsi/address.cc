// Parsing and comparing of addresses.
#include "fabrics/iscsi/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "hal/port/address_text.h"

namespace iscsi {
namespace {

constexpr unsigned kMappedBits = 96;  // in front of an IPv4 address

bool bit(const Address& address, unsigned number) { return (address[number / 8] >> (7 - number % 8) & 1) != 0; }

}  // namespace

std::optional<Address> parse_address(std::string_view text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  text = text.substr(0, text.find('%'));  // the zone of a link-local address
  const std::string word(text);
  Address address{};
  if (inet_pton(AF_INET6, word.c_str(), address.data()) == 1) return address;
  address = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (inet_pton(AF_INET, word.c_str(), address.data() + kMappedBits / 8) == 1) return address;
  return std::nullopt;
}

std::optional<Address> address_of_peer(std::string_view peer) { return parse_address(hal::host_of(peer)); }

std::optional<Subnet> Subnet::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view host = text.substr(0, slash);
  const auto address = parse_address(host);
  if (!address) return std::nullopt;
  Subnet subnet;
  subnet.address_ = *address;
  if (slash == std::string_view::npos) return subnet;
  const std::string_view prefix = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(prefix.data(), prefix.data() + prefix.size(), subnet.bits_);
  const unsigned before = host.find(':') == std::string_view::npos ? kMappedBits : 0;
  if (error != std::errc() || end != prefix.data() + prefix.size() || subnet.bits_ > 128 - before) return std::nullopt;
  subnet.bits_ += before;
  for (unsigned i = subnet.bits_; i < 128; ++i) {
    if (bit(*address, i)) return std::nullopt;
  }
  return subnet;
}

bool Subnet::contains(const Address& address) const {
  const auto whole = static_cast<std::ptrdiff_t>(bits_ / 8);
  if (!std::equal(address.begin(), address.begin() + whole, address_.begin())) return false;
  for (unsigned i = bits_ / 8 * 8; i < bits_; ++i) {
    if (bit(address, i) != bit(address_, i)) return false;
  }
  return true;
}

bool any_contains(std::span<const std::string> subnets, std::string_view peer) {
  const auto address = address_of_peer(peer);
  return address && std::any_of(subnets.begin(), subnets.end(), [&](const std::string& text) {
           const auto subnet = Subnet::parse(text);
           return subnet && subnet->contains(*address);
         });
}

bool names_portal(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view host = text.substr(0, colon), port = text.substr(colon + 1);
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (error != std::errc() || end != port.data() + port.size() || number == 0) return false;
  if (host.starts_with('[')) return host.ends_with(']') && host.size() > 2 && parse_address(host).has_value();
  constexpr std::string_view kInNames = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
  return !host.empty() && host.size() <= 253 && host.find_first_not_of(kInNames) == std::string_view::npos;
}

}  // namespace iscsi
