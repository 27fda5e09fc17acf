// The fields of all that is handed over.
#include "ctl/upgrade/state.h"

#include <algorithm>
#include <charconv>

#include "ctl/upgrade/fields.h"

namespace scsi {

template <class Visitor>
void fields(Visitor& visitor, ByteRange& range) {
  visitor("from", range.from);
  visitor("to", range.to);
}

template <class Visitor>
void fields(Visitor& visitor, SenseCode& code) {
  visitor("key", code.key);
  visitor("asc", code.asc);
  visitor("ascq", code.ascq);
}

// Names of initiator ports may be any bytes (Fibre Channel).
template <class Visitor>
void fields(Visitor& visitor, NexusKey& key) {
  const auto raw = std::as_bytes(std::span(key.initiator.name));
  ctl::Bytes name(raw.begin(), raw.end());
  visitor("protocol", key.initiator.protocol);
  visitor("initiator", name);
  visitor("relative_port_id", key.relative_port_id);
  key.initiator.name.assign(reinterpret_cast<const char*>(name.data()), name.size());
}

template <class Visitor>
void fields(Visitor& visitor, MediumState& medium) {
  visitor("descriptor", medium.descriptor);
  visitor("size", medium.size);
  visitor("map_bytes", medium.map_bytes);
  visitor("pages", medium.pages);
  visitor("unflushed", medium.unflushed);
  visitor("suspect", medium.suspect);
  visitor("was_cut", medium.was_cut);
  visitor("direct", medium.direct);
  visitor("memory_alignment", medium.memory_alignment);
  visitor("information", medium.information);
}

template <class Visitor>
void fields(Visitor& visitor, DeviceState& device) {
  visitor("mode_pages", device.mode_pages);
  visitor("saved_mode_pages", device.saved_mode_pages);
  visitor("prevents", device.prevents);
}

template <class Visitor>
void fields(Visitor& visitor, ReservationState& reservations) {
  visitor("record", reservations.record);
  visitor("generation", reservations.generation);
  visitor("reserver", reservations.reserver);
  visitor("lost", reservations.lost);
}

template <class Visitor>
void fields(Visitor& visitor, UnitState& unit) {
  visitor("name", unit.name);
  visitor("stopped", unit.stopped);
  visitor("ejected", unit.ejected);
  visitor("device", unit.device);
  visitor("reservations", unit.reservations);
  visitor("medium", unit.medium);
}

template <class Visitor>
void fields(Visitor& visitor, NexusState::Unit& unit) {
  visitor("lun", unit.lun);
  visitor("attentions", unit.attentions);
}

template <class Visitor>
void fields(Visitor& visitor, NexusState& nexus) {
  visitor("units", nexus.units);
}

}  // namespace scsi

namespace iscsi {

template <class Visitor>
void fields(Visitor& visitor, Parameters& parameters) {
  visitor("header_digest", parameters.header_digest);
  visitor("data_digest", parameters.data_digest);
  visitor("initial_r2t", parameters.initial_r2t);
  visitor("immediate_data", parameters.immediate_data);
  visitor("data_pdu_in_order", parameters.data_pdu_in_order);
  visitor("data_sequence_in_order", parameters.data_sequence_in_order);
  visitor("response_fence", parameters.response_fence);
  visitor("error_recovery_level", parameters.error_recovery_level);
  visitor("protocol_level", parameters.protocol_level);
  visitor("max_connections", parameters.max_connections);
  visitor("max_outstanding_r2t", parameters.max_outstanding_r2t);
  visitor("time2wait", parameters.time2wait);
  visitor("time2retain", parameters.time2retain);
  visitor("initiator_max_data", parameters.initiator_max_data);
  visitor("target_max_data", parameters.target_max_data);
  visitor("max_burst", parameters.max_burst);
  visitor("first_burst", parameters.first_burst);
}

template <class Visitor>
void fields(Visitor& visitor, LoginIdentity& identity) {
  ctl::Bytes isid;
  for (const std::uint8_t each : identity.isid) isid.push_back(std::byte{each});
  visitor("initiator", identity.initiator);
  visitor("initiator_alias", identity.initiator_alias);
  visitor("target", identity.target);
  visitor("discovery", identity.discovery);
  visitor("isid", isid);
  visitor("tsih", identity.tsih);
  visitor("cid", identity.cid);
  visitor("portal_group", identity.portal_group);
  visitor("peer", identity.peer);
  visitor("local", identity.local);
  visitor("authentication", identity.authentication);
  for (std::size_t i = 0; i < std::min(isid.size(), identity.isid.size()); ++i) {
    identity.isid[i] = std::to_integer<std::uint8_t>(isid[i]);
  }
}

template <class Visitor>
void fields(Visitor& visitor, ConnectionState& connection) {
  visitor("id", connection.id);
  visitor("cid", connection.cid);
  visitor("portal_group", connection.portal_group);
  visitor("portal", connection.portal);
  visitor("local", connection.local);
  visitor("peer", connection.peer);
  visitor("socket", connection.socket);
  visitor("parameters", connection.parameters);
  visitor("stat_sn", connection.stat_sn);
  visitor("next_tag", connection.next_tag);
  visitor("ping_tag", connection.ping_tag);
  visitor("late_pings", connection.late_pings);
}

template <class Visitor>
void fields(Visitor& visitor, SessionState& session) {
  visitor("id", session.id);
  visitor("tsih", session.tsih);
  visitor("portal", session.portal);
  visitor("identity", session.identity);
  visitor("parameters", session.parameters);
  visitor("exp_cmd_sn", session.exp_cmd_sn);
  visitor("max_cmd_sn", session.max_cmd_sn);
  visitor("commands", session.commands);
  visitor("read_bytes", session.read_bytes);
  visitor("write_bytes", session.write_bytes);
  visitor("nexus", session.nexus);
  visitor("connections", session.connections);
}

template <class Visitor>
void fields(Visitor& visitor, FabricListener& listener) {
  visitor("address", listener.address);
  visitor("socket", listener.socket);
}

template <class Visitor>
void fields(Visitor& visitor, FabricState& fabric) {
  visitor("listeners", fabric.listeners);
  visitor("sessions", fabric.sessions);
  visitor("next_session", fabric.next_session);
  visitor("next_connection", fabric.next_connection);
  visitor("next_tsih", fabric.next_tsih);
}

}  // namespace iscsi

namespace ctl {

template <class Visitor>
void fields(Visitor& visitor, HandoverState& state) {
  visitor("units", state.units);
  visitor("fabric", state.fabric);
}

std::string text_field(const Json& object, const char* name) {
  const auto at = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

std::uint64_t number_field(const Json& object, const char* name) {
  const auto at = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && at != object.end() && at->is_number_unsigned() ? at->get<std::uint64_t>() : 0;
}

std::string hex_of(const Bytes& bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const std::byte each : bytes) {
    hex += kDigits[std::to_integer<unsigned>(each) >> 4];
    hex += kDigits[std::to_integer<unsigned>(each) & 15];
  }
  return hex;
}

bool bytes_of(const std::string& hex, Bytes& out) {
  if (hex.size() % 2 != 0) return false;
  out.clear();
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(hex.data() + i, hex.data() + i + 2, value, 16);
    if (error != std::errc() || end != hex.data() + i + 2) return false;
    out.push_back(static_cast<std::byte>(value));
  }
  return true;
}

Json state_to_json(HandoverState& state, std::vector<base::Fd>& descriptors) {
  Json out = Json::object();
  FieldWriter writer(out, descriptors);
  fields(writer, state);
  return out;
}

base::Result<HandoverState> state_from_json(const Json& json, std::vector<base::Fd>& descriptors) {
  HandoverState state;
  std::string wrong;
  FieldReader reader(json, descriptors, wrong);
  fields(reader, state);
  if (!wrong.empty()) return base::fail(base::Errc::kInvalid, "what was handed over is not understood: " + wrong);
  for (const iscsi::SessionState& session : state.fabric.sessions) {
    for (const iscsi::ConnectionState& each : session.connections) {
      if (!each.socket) return base::fail(base::Errc::kInvalid, "a connection was handed over without its socket");
    }
  }
  return state;
}

}  // namespace ctl
