// An N_Port without an adapter: a host that keeps reads of 4 KiB out, or a disk that answers each from the same memory.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "emu/fc/link.h"
#include "emu/fc/n_port.h"
#include "emu/fc/payloads.h"

namespace bench {

using namespace emu::fc;  // NOLINT: for the programs of this folder
using hal::fc::FcpService;

constexpr std::uint32_t kLength = 4096, kDepth = 32;

class End final : public NPortUser {
 public:
  End(emu::Wire& wire, std::uint64_t name, bool target) : port(wire, settings(name, target), *this) {}
  static NPortSettings settings(std::uint64_t name, bool target) {
    NPortSettings s;
    s.port_name = Wwn{name};
    s.node_name = Wwn{name};
    s.exchanges = 2048;
    s.fcp_service = target ? FcpService::kTarget : FcpService::kInitiator;
    return s;
  }
  void start(std::uint32_t tag) {
    hal::fc::FcpCmnd cmnd;
    cmnd.additional_length = hal::fc::FcpCmnd::ReadData::of(true);
    cmnd.data_length = kLength;
    Command command;
    command.tag = tag;
    command.to = port.link()->peer.id;
    command.cmnd = bytes_of(cmnd);
    command.reads = true;
    command.data_length = kLength;
    port.start_command(command);
  }
  void link_up(const LinkInfo&) override {}
  void link_down() override {}
  void loop_initializing() override {}
  void virtual_port_changed(std::uint8_t, bool, PortId) override {}
  void login_changed(const Login&, LoginEvent) override {}
  void els_received(const ReceivedEls&) override {}
  void request_answered(std::uint32_t, RequestStatus status, std::span<const std::byte>) override {
    logged_in = status == RequestStatus::kAccepted;
  }
  void state_changed(std::uint8_t, std::span<const std::byte>) override {}
  bool fetch(ExchangeId, std::uint32_t, std::uint32_t offset, std::span<std::byte> to) override {
    std::memcpy(to.data(), memory.data() + offset, to.size());
    return true;
  }
  bool store(ExchangeId, std::uint32_t tag, std::uint32_t offset, std::span<const std::byte> from) override {
    std::memcpy(memory.data() + std::size_t{tag} * kLength + offset, from.data(), from.size());
    return true;
  }
  void command_ended(ExchangeId, std::uint32_t tag, const CommandEnd& end) override {
    if (end.data_in != kLength) std::abort();
    ++done;
    start(tag);
  }
  void abort_done(ExchangeId, std::uint32_t, AbortResult) override {}
  bool command_received(const ReceivedCommand& command) override {
    DataStep step;
    step.length = kLength;
    step.response.wanted = true;
    port.send_data(command.id, step);
    return true;
  }
  void step_done(ExchangeId, std::uint32_t, const StepEnd&) override {}
  void abort_received(const ReceivedAbort&) override {}
  void exchange_ended(ExchangeId, EndReason) override {}

  NPort port;
  std::vector<std::byte> memory = std::vector<std::byte>(std::size_t{kDepth} * kLength);
  bool logged_in = false;
  std::uint64_t done = 0;
};

}  // namespace bench
