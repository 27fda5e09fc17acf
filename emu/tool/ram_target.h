// A disk of memory behind an N_Port engine, without adapter and driver: the other end for one model on its own, in any
// topology.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "emu/fc/n_port.h"
#include "emu/tool/ram_disk.h"

namespace emu::tool {

class RamTarget final : private fc::NPortUser {
 public:
  // connection: whether it takes part in a loop.
  RamTarget(Wire& wire, hal::fc::Wwn name, fc::Connection connection, std::uint32_t mebibytes);
  void start() { port_.start(); }
  bool poll(base::Time now) { return port_.poll(now); }
  const fc::NPort& port() const { return port_; }

 private:
  enum Tag : std::uint32_t { kData = 1, kResponse, kEnd };                     // of steps
  enum Request : std::uint32_t { kPeer = 1, kNameServer, kTypes, kFeatures };  // in the order of registration
  struct Task {
    RamDisk::Answer answer;
    std::uint32_t length = 0;  // of data, as the initiator allows
    std::vector<std::byte> response;
  };

  void link_up(const fc::LinkInfo& link) override;
  void link_down() override { tasks_.clear(); }
  void loop_initializing() override {}
  void virtual_port_changed(std::uint8_t, bool, hal::fc::PortId) override {}
  void login_changed(const fc::Login&, fc::LoginEvent) override {}
  void els_received(const fc::ReceivedEls&) override {}  // the engine answers all
  void request_answered(std::uint32_t tag, fc::RequestStatus status, std::span<const std::byte> payload) override;
  void state_changed(std::uint8_t, std::span<const std::byte>) override {}
  bool fetch(fc::ExchangeId id, std::uint32_t tag, std::uint32_t offset, std::span<std::byte> to) override;
  bool store(fc::ExchangeId id, std::uint32_t tag, std::uint32_t offset, std::span<const std::byte> from) override;
  void command_ended(fc::ExchangeId, std::uint32_t, const fc::CommandEnd&) override {}
  void abort_done(fc::ExchangeId, std::uint32_t, fc::AbortResult) override {}
  bool command_received(const fc::ReceivedCommand& command) override;
  void step_done(fc::ExchangeId id, std::uint32_t tag, const fc::StepEnd& end) override;
  void abort_received(const fc::ReceivedAbort&) override {}  // the engine answers
  void exchange_ended(fc::ExchangeId id, fc::EndReason) override { tasks_.erase(id.raw); }

  void manage(fc::ExchangeId id);  // task management
  void begin(fc::ExchangeId id, const hal::fc::FcpCmnd& command, Task& task);
  void respond(fc::ExchangeId id);
  void log_in_to_peer();
  void register_with_fabric(std::uint32_t step);

  RamDisk disk_;
  fc::NPort port_;
  std::unordered_map<std::uint32_t, Task> tasks_;  // by exchange
};

}  // namespace emu::tool
