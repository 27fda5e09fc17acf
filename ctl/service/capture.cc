// Captures: which port, and the pieces of the file.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "ctl/service/service.h"

namespace ctl {
namespace {

// As peers are named: "192.0.2.7", "[2001:db8::7]".
base::Result<std::string> host_name(std::string text) {
  if (text.size() > 2 && text.front() == '[' && text.back() == ']') text = text.substr(1, text.size() - 2);
  std::array<std::byte, sizeof(in6_addr)> address;
  std::array<char, INET6_ADDRSTRLEN> name;
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, text.c_str(), address.data()) != 1) continue;
    inet_ntop(family, address.data(), name.data(), name.size());
    return family == AF_INET ? std::string(name.data()) : "[" + std::string(name.data()) + "]";
  }
  return base::fail(base::Errc::kInvalid, "initiator must be an IP address");
}

}  // namespace

// The address that a portal, named as configured or as opened, really has.
base::Result<std::string> Service::portal_named(const std::string& name) const {
  const std::vector<std::string> opened = machine_.portal_addresses();
  const std::vector<iscsi::Portal>& portals = transactor_.config().portals;
  for (std::size_t i = 0; i < opened.size(); ++i) {
    if (name == opened[i] || (i < portals.size() && name == portals[i].address)) return opened[i];
  }
  const auto& fc_ports = transactor_.config().fc_ports;
  if (std::any_of(fc_ports.begin(), fc_ports.end(), [&](const FcPort& port) { return port.name == name; })) {
    return base::fail(base::Errc::kUnsupported, "only portals can be captured; outboard-emu --capture has FC frames");
  }
  return base::fail(base::Errc::kNotFound, "there is no portal \"" + name + "\"");
}

// Its connections, as they are now.
void Service::peers_of_session(std::int64_t id, std::function<void(base::Result<std::vector<std::string>>)> done) {
  machine_.list_sessions([id, done = std::move(done)](const std::vector<iscsi::SessionInfo>& sessions) {
    std::vector<std::string> peers;
    for (const iscsi::SessionInfo& session : sessions) {
      if (session.id != static_cast<std::uint64_t>(id)) continue;
      for (const iscsi::SessionInfo::Connection& connection : session.connections) peers.push_back(connection.peer);
    }
    if (!peers.empty()) return done(std::move(peers));
    done(base::fail(base::Errc::kNotFound, fmt::format("there is no iSCSI session {} with a connection", id)));
  });
}

void Service::debug_capture_start(const Params& params, Reply reply) {
  hal::CaptureFilter filter;
  const auto fill_in = [&]() -> base::Result<void> {
    if (params.has("port")) filter.local = TRY(portal_named(params.text("port")));
    if (params.has("initiator")) filter.peer_host = TRY(host_name(params.text("initiator")));
    if (params.has("snap")) filter.snap = static_cast<std::uint32_t>(params.integer("snap"));
    return {};
  };
  if (const auto filled = fill_in(); !filled) return reply(tl::unexpected<base::Error>(filled.error()));
  const std::uint64_t buffer = params.has("buffer") ? params.size("buffer") : kCaptureBuffer;
  if (buffer < kLeastCaptureBuffer || buffer > kMostCaptureBuffer) {
    return reply(base::fail(base::Errc::kInvalid, "buffer is 256KiB to 1GiB"));
  }
  if (!params.has("session")) return start_capture(filter, buffer, std::move(reply));
  peers_of_session(params.integer("session"), [this, filter, buffer, reply = std::move(reply)](
                                                  base::Result<std::vector<std::string>> peers) mutable {
    if (!peers) return reply(tl::unexpected<base::Error>(peers.error()));
    filter.peers = std::move(*peers);
    start_capture(filter, buffer, std::move(reply));
  });
}

void Service::start_capture(const hal::CaptureFilter& filter, std::uint64_t buffer, Reply reply) {
  machine_.start_capture(filter, buffer, [reply = std::move(reply)](const base::Result<std::uint64_t>& number) {
    if (!number) return reply(tl::unexpected<base::Error>(number.error()));
    reply(Json{{"id", *number}});
  });
}

void Service::debug_capture_read(const Params& params, Reply reply) {
  const auto piece = machine_.read_capture(static_cast<std::uint64_t>(params.integer("id")));
  if (!piece) return reply(tl::unexpected<base::Error>(piece.error()));
  reply(Json{{"data", base::encode_base64(piece->bytes)},
             {"packets", piece->packets},
             {"lost", piece->lost},
             {"more", piece->more},
             {"ended", piece->ended}});
}

void Service::debug_capture_stop(const Params& params, Reply reply) {
  machine_.stop_capture(static_cast<std::uint64_t>(params.integer("id")),
                        [reply = std::move(reply)](const base::Result<void>& result) {
                          if (!result) return reply(tl::unexpected<base::Error>(result.error()));
                          reply(Json::object());
                        });
}

}  // namespace ctl
