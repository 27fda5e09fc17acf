// What is registered, cut into messages (RFC 4171 5.6.5.1).
#include <algorithm>
#include <utility>

#include "ctl/isns/client.h"
#include "fabrics/iscsi/address.h"

namespace ctl::isns {
namespace {

constexpr std::size_t kEnough = 32768;  // of one message: the answer repeats it
// Everything that happens to initiators which this target may see.
constexpr std::uint32_t kScnEvents = 0x80 /* initiators */ | 0x10 /* removed */ | 0x08 /* added */ |
                                     0x04 /* updated */ | 0x02 /* removed from a domain */ | 0x01 /* added to one */;

struct Place {
  Address address;
  std::uint32_t port;
};

bool is_ipv4(const Address& address) {
  constexpr Address kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kMapped.begin(), kMapped.begin() + 12, address.begin());
}

// A portal as an initiator reaches it: one that listens everywhere does so where we talk to the server from, too.
std::optional<Place> place_of(const std::string& portal, const std::string& local) {
  const std::size_t colon = portal.rfind(':');
  const std::string host = portal.substr(0, colon);
  const auto from = iscsi::address_of_peer(local);
  auto address = iscsi::address_of_peer(portal);
  if (!address || colon == std::string::npos) return std::nullopt;
  if (host == "0.0.0.0" || host == "[::]") {
    if (!from || is_ipv4(*from) != (host == "0.0.0.0")) return std::nullopt;
    address = from;
  }
  return Place{*address, static_cast<std::uint32_t>(std::strtoul(portal.c_str() + colon + 1, nullptr, 10))};
}

}  // namespace

// Source, message key and the entity itself; objects follow.
MessageWriter Client::opening() const {
  MessageWriter out;
  out.put(Tag::kIscsiName, offer_.nodes.front().name);
  out.put(Tag::kEntityIdentifier, entity_);
  out.delimiter();
  out.put(Tag::kEntityIdentifier, entity_);
  out.put(Tag::kEntityProtocol, kIscsiProtocol);
  out.put(Tag::kRegistrationPeriod,
          static_cast<std::uint32_t>(std::chrono::ceil<std::chrono::seconds>(server_.period).count()));
  return out;
}

void Client::queue_registration() {
  const std::string local = link_->local_address();
  std::vector<MessageWriter> messages{opening()};
  queue_portals(messages, local);
  queue_nodes(messages, local);
  bool first = true;
  for (const MessageWriter& message : messages) {
    if (!message.fits()) {
      kLog.warn("iSNS server {}: more portals than one message takes: not all is registered", server_.address);
      continue;
    }
    queue(Function::kRegister, message, first && fresh_ ? kReplace : 0);
    first = false;
  }
  if (!fresh_) return;
  for (const Offer::Node& node : offer_.nodes) {
    MessageWriter out;
    out.put(Tag::kIscsiName, node.name);
    out.put(Tag::kIscsiName, node.name);
    out.delimiter();
    out.put(Tag::kScnBitmap, kScnEvents);
    queue(Function::kRegisterScn, out, 0);
  }
}

void Client::queue_portals(std::vector<MessageWriter>& messages, const std::string& local) const {
  const auto from = iscsi::address_of_peer(local);
  for (const iscsi::Portal& portal : offer_.portals) {
    const auto place = place_of(portal.address, local);
    if (!place) continue;
    if (messages.back().size() > kEnough) messages.push_back(opening());
    MessageWriter& out = messages.back();
    out.put(Tag::kPortalAddress, place->address);
    out.put(Tag::kPortalPort, place->port);
    // The socket where inquiries come to is of the kind that the server's address is.
    if (from && is_ipv4(*from) == is_ipv4(place->address) && link_->datagram_port() != 0) {
      const std::uint32_t port = kUdpPort | link_->datagram_port();
      out.put(Tag::kEsiInterval, static_cast<std::uint32_t>(
                                     std::chrono::ceil<std::chrono::seconds>(
                                         std::max<base::Duration>(server_.inquiry_interval, std::chrono::seconds(1)))
                                         .count()));
      out.put(Tag::kEsiPort, port);
      out.put(Tag::kScnPort, port);
    }
  }
}

void Client::queue_nodes(std::vector<MessageWriter>& messages, const std::string& local) const {
  for (const Offer::Node& node : offer_.nodes) {
    if (messages.back().size() > kEnough) messages.push_back(opening());
    MessageWriter& out = messages.back();
    out.put(Tag::kIscsiName, node.name);
    out.put(Tag::kIscsiNodeType, kTargetNode);
    if (!node.alias.empty()) out.put(Tag::kIscsiAlias, node.alias);
    for (const iscsi::Portal& portal : offer_.portals) {
      const auto place = place_of(portal.address, local);
      const bool offered =
          std::find(node.portal_groups.begin(), node.portal_groups.end(), portal.tag) != node.portal_groups.end();
      if (!place) continue;
      out.put(Tag::kGroupIscsiName, node.name);
      out.put(Tag::kGroupPortalAddress, place->address);
      out.put(Tag::kGroupPortalPort, place->port);
      if (offered) {
        out.put(Tag::kPortalGroupTag, std::uint32_t{portal.tag});
      } else {
        out.put(Tag::kPortalGroupTag, std::span<const std::byte>());  // null: not to be reached by it (3.4)
      }
    }
  }
}

void Client::queue(Function function, const MessageWriter& message, std::uint16_t flags) {
  const std::uint16_t transaction = next_transaction_++;
  requests_.push_back(
      {function,
       message.take(static_cast<std::uint16_t>(function), static_cast<std::uint16_t>(kFromClient | flags), transaction),
       transaction});
}

}  // namespace ctl::isns
