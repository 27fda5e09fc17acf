// Answers requests to the name server.
#include "emu/fc/switch/name_server.h"

#include <algorithm>

#include "emu/fc/payloads.h"

namespace emu::fc {

using hal::fc::CtHeader;
using hal::fc::NsEntry;
using hal::fc::NsName;
using hal::fc::NsPortId;
using hal::fc::Wwn;
using Command = hal::fc::NameServer;

namespace {

template <class T>
void put(std::vector<std::byte>& to, const T& value) {
  const auto bytes = bytes_of(value);
  to.insert(to.end(), bytes.begin(), bytes.end());
}

void put_text(std::vector<std::byte>& to, const std::string& text) {
  put(to, static_cast<std::uint8_t>(text.size()));
  const auto bytes = std::as_bytes(std::span(text));
  to.insert(to.end(), bytes.begin(), bytes.end());
}

// The bytes after the fixed part of a symbolic name.
std::string text_of(std::span<const std::byte> body, std::size_t fixed, std::size_t length) {
  const auto bytes = body.subspan(fixed).first(std::min(length, body.size() - fixed));
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

hal::fc::NsAll all_of(std::uint32_t id, const NsObject& object) {
  hal::fc::NsAll all;
  all.port_type = object.port_type;
  all.port_id = id;
  all.port_name = object.port_name.raw;
  all.node_name = object.node_name.raw;
  all.symbolic_port_length = static_cast<std::uint8_t>(object.symbolic_port.size());
  std::copy(object.symbolic_port.begin(), object.symbolic_port.end(), all.symbolic_port.begin());
  all.symbolic_node_length = static_cast<std::uint8_t>(object.symbolic_node.size());
  std::copy(object.symbolic_node.begin(), object.symbolic_node.end(), all.symbolic_node.begin());
  all.classes = object.classes;
  std::copy(object.types.begin(), object.types.end(), all.types.begin());
  all.fabric_port_name = object.fabric_port_name.raw;
  return all;
}

}  // namespace

const NsObject* NameServer::find(std::uint32_t id) const {
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : &found->second;
}

NameServer::Result NameServer::no(std::uint8_t explanation, std::uint8_t reason) { return {reason, explanation, {}}; }

bool NameServer::visible(const Query& query, const NsObject& object) const {
  return zoning_.visible(query.requester_name, object.port_name);
}

std::vector<std::byte> NameServer::answer(std::uint32_t requester, std::span<const std::byte> request,
                                          std::uint32_t& changed) {
  changed = 0;
  const auto header = take<CtHeader>(request);
  if (!header) return {};
  Query query;
  query.requester = requester;
  query.command = header->command;
  query.body = request.subspan(sizeof(CtHeader));
  if (const NsObject* const own = find(requester)) query.requester_name = own->port_name;
  Result result = run(query, changed);

  CtHeader answer = *header;
  const std::size_t most = std::size_t{header->size} * 4;
  answer.size = 0;
  answer.command = result.reason == 0 ? CtHeader::kAccept : CtHeader::kReject;
  answer.reason = result.reason;
  answer.explanation = result.explanation;
  if (most != 0 && result.objects.size() > most) {  // the rest is only counted
    answer.size = static_cast<std::uint16_t>((result.objects.size() - most) / 4);
    result.objects.resize(most);
  }
  std::vector<std::byte> out;
  put(out, answer);
  out.insert(out.end(), result.objects.begin(), result.objects.end());
  return out;
}

NameServer::Result NameServer::run(const Query& query, std::uint32_t& changed) {
  switch (query.command) {
    case Command::kGaNxt:
      return next(query);
    case Command::kGpnId:
    case Command::kGnnId:
    case Command::kGcsId:
    case Command::kGftId:
    case Command::kGspnId:
    case Command::kGptId:
    case Command::kGfpnId:
    case Command::kGffId:
      return get_by_id(query);
    case Command::kGidPn:
    case Command::kGidNn:
    case Command::kGpnNn:
    case Command::kGsnnNn:
      return get_by_name(query);
    case Command::kGidFt:
    case Command::kGpnFt:
    case Command::kGnnFt:
    case Command::kGidPt:
      return list(query);
    case Command::kRpnId:
    case Command::kRnnId:
    case Command::kRcsId:
    case Command::kRftId:
    case Command::kRspnId:
    case Command::kRptId:
    case Command::kRffId:
    case Command::kRsnnNn:
    case Command::kDaId:
      return register_object(query, changed);
    default:
      return no(CtHeader::kNoExplanation, CtHeader::kCommandNotSupported);
  }
}

// --- queries

NameServer::Result NameServer::get_by_id(const Query& query) const {
  const auto at = take<NsPortId>(query.body);
  if (!at) return no(0, CtHeader::kInvalidSize);
  const NsObject* const object = find(at->port_id);
  if (object == nullptr || !visible(query, *object)) return no(CtHeader::kPortIdNotRegistered);
  Result result;
  switch (query.command) {
    case Command::kGpnId:
      put(result.objects, NsName{object->port_name.raw});
      break;
    case Command::kGnnId:
      put(result.objects, NsName{object->node_name.raw});
      break;
    case Command::kGfpnId:
      put(result.objects, NsName{object->fabric_port_name.raw});
      break;
    case Command::kGcsId:
      put(result.objects, base::be32(object->classes));
      break;
    case Command::kGptId:
      put(result.objects, base::be32(std::uint32_t{object->port_type} << 24));
      break;
    case Command::kGftId:
      for (const std::uint32_t word : object->types) put(result.objects, base::be32(word));
      break;
    case Command::kGspnId:
      put_text(result.objects, object->symbolic_port);
      break;
    default:  // GFF_ID
      for (const std::uint32_t word : object->features) put(result.objects, base::be32(word));
      break;
  }
  result.objects.resize((result.objects.size() + 3) & ~std::size_t{3});
  return result;
}

NameServer::Result NameServer::get_by_name(const Query& query) const {
  const auto name = take<NsName>(query.body);
  if (!name) return no(0, CtHeader::kInvalidSize);
  Result result;
  for (const auto& [id, object] : objects_) {
    const bool by_port = query.command == Command::kGidPn;
    if ((by_port ? object.port_name : object.node_name).raw != name->name || !visible(query, object)) continue;
    if (query.command == Command::kGsnnNn) {
      put_text(result.objects, object.symbolic_node);
      break;
    }
    if (query.command == Command::kGpnNn) {
      put(result.objects, NsEntry{0, id, 0, object.port_name.raw});
    } else {
      put(result.objects, NsPortId{0, id});
    }
  }
  if (result.objects.empty()) {
    return no(query.command == Command::kGidPn ? CtHeader::kPortNameNotRegistered : CtHeader::kNodeNameNotRegistered);
  }
  if (query.command == Command::kGidNn) result.objects[result.objects.size() - 4] = std::byte{NsEntry::kLast};
  if (query.command == Command::kGpnNn) result.objects[result.objects.size() - 16] = std::byte{NsEntry::kLast};
  result.objects.resize((result.objects.size() + 3) & ~std::size_t{3});
  return result;
}

NameServer::Result NameServer::list(const Query& query) const {
  const auto scope = take<hal::fc::NsScope>(query.body);
  if (!scope) return no(0, CtHeader::kInvalidSize);
  const bool names = query.command == Command::kGpnFt || query.command == Command::kGnnFt;
  const std::uint8_t wanted = query.command == Command::kGidPt ? scope->flags : scope->type;  // flags: the port type
  Result result;
  for (const auto& [id, object] : objects_) {
    if (scope->domain != 0 && scope->domain != id >> 16) continue;
    if (scope->area != 0 && scope->area != (id >> 8 & 0xff)) continue;
    bool match = object.has_type(wanted);
    if (query.command == Command::kGidPt) {
      match = wanted == Command::kAnyNx || wanted == object.port_type;
    }
    if (!match || !visible(query, object)) continue;
    if (!names) put(result.objects, NsPortId{0, id});
    if (names) {
      put(result.objects,
          NsEntry{0, id, 0, query.command == Command::kGpnFt ? object.port_name.raw : object.node_name.raw});
    }
  }
  if (result.objects.empty()) {
    return no(query.command == Command::kGidPt ? CtHeader::kPortTypeNotRegistered : CtHeader::kFc4TypesNotRegistered);
  }
  result.objects[result.objects.size() - (names ? sizeof(NsEntry) : sizeof(NsPortId))] = std::byte{NsEntry::kLast};
  return result;
}

NameServer::Result NameServer::next(const Query& query) const {
  const auto at = take<NsPortId>(query.body);
  if (!at) return no(0, CtHeader::kInvalidSize);
  const auto first = objects_.upper_bound(at->port_id);
  const auto try_from = [&](auto begin, auto end) -> const std::pair<const std::uint32_t, NsObject>* {
    for (; begin != end; ++begin) {
      if (visible(query, begin->second)) return &*begin;
    }
    return nullptr;
  };
  const auto* found = try_from(first, objects_.end());
  if (found == nullptr) found = try_from(objects_.begin(), first);
  if (found == nullptr) return no(CtHeader::kDatabaseEmpty);
  Result result;
  put(result.objects, all_of(found->first, found->second));
  return result;
}

// --- registration

NameServer::Result NameServer::register_object(const Query& query, std::uint32_t& changed) {
  if (query.command == Command::kRsnnNn) {
    const auto symbolic = take<hal::fc::NsSymbolicNodeName>(query.body);
    if (!symbolic) return no(0, CtHeader::kInvalidSize);
    bool any = false;
    for (auto& [id, object] : objects_) {
      if (object.node_name.raw != symbolic->node_name) continue;
      if ((id ^ query.requester) >> 8 != 0) continue;  // another port's node
      object.symbolic_node = text_of(query.body, sizeof(*symbolic), symbolic->length);
      any = true;
    }
    return any ? Result{} : no(CtHeader::kNodeNameNotRegistered);
  }
  const auto at = take<NsPortId>(query.body);
  if (!at) return no(0, CtHeader::kInvalidSize);
  const std::uint32_t id = at->port_id;
  const auto found = objects_.find(id);
  if (found == objects_.end()) return no(CtHeader::kPortIdNotRegistered);
  if ((id ^ query.requester) >> 8 != 0) return no(CtHeader::kAccessDenied);
  NsObject& object = found->second;
  switch (query.command) {
    case Command::kRftId:
      if (const auto types = take<hal::fc::NsFc4Types>(query.body)) {
        std::copy(types->types.begin(), types->types.end(), object.types.begin());
        changed = id;
        return {};
      }
      break;
    case Command::kRffId:
      if (const auto features = take<hal::fc::NsFc4Features>(query.body)) {
        const unsigned shift = 4 * (features->type % 8u);
        std::uint32_t& word = object.features[features->type / 8u];
        const std::uint32_t value = (word & ~(0xfu << shift)) | std::uint32_t{features->features & 0xfu} << shift;
        if (word != value) changed = id;
        word = value;
        return {};
      }
      break;
    case Command::kRpnId:
    case Command::kRnnId:
      if (const auto name = take<hal::fc::NsPortName>(query.body)) {
        (query.command == Command::kRpnId ? object.port_name : object.node_name) = Wwn{name->name};
        return {};
      }
      break;
    case Command::kRcsId:
      if (const auto classes = take<hal::fc::NsClassOfService>(query.body)) {
        object.classes = classes->classes;
        return {};
      }
      break;
    case Command::kRptId:
      if (const auto type = take<hal::fc::NsPortTypeOf>(query.body)) {
        object.port_type = type->port_type;
        return {};
      }
      break;
    case Command::kRspnId:
      if (const auto symbolic = take<hal::fc::NsSymbolicPortName>(query.body)) {
        object.symbolic_port = text_of(query.body, sizeof(*symbolic), symbolic->length);
        return {};
      }
      break;
    default: {  // DA_ID: nothing is left but that the port is there
      NsObject bare;
      bare.port_name = object.port_name;
      bare.node_name = object.node_name;
      bare.fabric_port_name = object.fabric_port_name;
      object = bare;
      changed = id;
      return {};
    }
  }
  return no(0, CtHeader::kInvalidSize);
}

}  // namespace emu::fc
