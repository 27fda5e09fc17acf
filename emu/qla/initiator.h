// The initiator's role: commands, task management and aborts from the request queue, status entries back.
#pragma once

#include <vector>

#include "emu/qla/core.h"
#include "emu/qla/protection.h"

namespace emu::qla {

class Initiator {
 public:
  explicit Initiator(Core& core) : core_(core) {}
  void reset();
  void command7(const Request& request);
  void command6(const Request& request);
  void command_crc2(const Request& request);
  void task_management(const Request& request);
  void abort(const Request& request);
  void marker(const Request& request);

  bool fetch(std::uint32_t tag, std::uint32_t offset, std::span<std::byte> to);
  bool store(std::uint32_t tag, std::uint32_t offset, std::span<const std::byte> from);
  void ended(std::uint32_t tag, const fc::CommandEnd& end);
  void abort_done(std::uint32_t tag, fc::AbortResult result);
  std::size_t outstanding() const { return slots_.size() - free_.size(); }

 private:
  struct Slot {
    bool used = false;
    Origin origin;
    std::uint32_t handle = 0;
    fc::ExchangeId id;
    Segments data;
    Protection protection;  // then `data` is not used
    std::uint32_t byte_count = 0;
    bool writes = false;
    std::uint64_t response_address = 0;  // command type 6: the FCP_RSP goes there too
    std::uint16_t response_room = 0;
  };
  struct Aborting {
    bool used = false;
    Origin origin;
    wire::Abort entry;
  };
  static constexpr std::size_t kMost = 8192;

  std::optional<std::uint32_t> take(const Request& request);
  void release(std::uint32_t tag);
  bool check(const Request& request, std::uint16_t flags, std::uint16_t reserved, const char* what);
  void start_from_memory(std::uint32_t tag, const wire::Command6& entry);
  void start(std::uint32_t tag, std::uint16_t nport, PortId port_id, std::uint8_t vp, std::uint16_t timeout,
             std::span<const std::byte> cmnd, std::uint16_t flags);
  void fail(std::uint32_t tag, wire::Completion completion);
  void report(const Slot& slot, wire::Status status, std::span<const std::uint8_t> info);
  Core& core_;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<Aborting> aborting_;
};

}  // namespace emu::qla
