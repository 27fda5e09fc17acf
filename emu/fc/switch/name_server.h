// The name server of a fabric: a database of its ports, and the answers to CT requests (FC-GS-7 clause 5).
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "emu/fc/switch/zoning.h"
#include "hal/port/fc_ct.h"
#include "hal/port/fc_port.h"

namespace emu::fc {

struct NsObject {  // what is registered of a port
  std::uint8_t port_type = hal::fc::NameServer::kNPort;
  hal::fc::Wwn port_name, node_name, fabric_port_name;
  std::uint32_t classes = 0x08;  // class 3
  std::array<std::uint32_t, 8> types{};
  std::array<std::uint32_t, 32> features{};
  std::string symbolic_port, symbolic_node;
  bool has_type(std::uint8_t type) const { return (types[type / 32] >> (type % 32) & 1) != 0; }
};

class NameServer {
 public:
  explicit NameServer(const Zoning& zoning) : zoning_(zoning) {}
  void add(std::uint32_t id, const NsObject& object) { objects_[id] = object; }
  void remove(std::uint32_t id) { objects_.erase(id); }
  const NsObject* find(std::uint32_t id) const;
  const std::map<std::uint32_t, NsObject>& objects() const { return objects_; }

  // The whole answer, accept or reject. `changed`: the port of that address is to be announced (0: none).
  std::vector<std::byte> answer(std::uint32_t requester, std::span<const std::byte> request, std::uint32_t& changed);

 private:
  struct Result {                              // of one request
    std::uint8_t reason = 0, explanation = 0;  // reason 0: accepted
    std::vector<std::byte> objects;
  };
  struct Query {
    std::uint32_t requester = 0, id = 0;
    hal::fc::Wwn requester_name;
    std::uint16_t command = 0;
    std::span<const std::byte> body;
  };
  static Result no(std::uint8_t explanation, std::uint8_t reason = hal::fc::CtHeader::kUnableToPerform);
  Result run(const Query& query, std::uint32_t& changed);
  Result get_by_id(const Query& query) const;
  Result get_by_name(const Query& query) const;
  Result list(const Query& query) const;
  Result next(const Query& query) const;
  Result register_object(const Query& query, std::uint32_t& changed);
  bool visible(const Query& query, const NsObject& object) const;

  const Zoning& zoning_;
  std::map<std::uint32_t, NsObject> objects_;
};

}  // namespace emu::fc
