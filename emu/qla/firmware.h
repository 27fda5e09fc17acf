// The firmware: its parts, the table of requests, and what the port on the link tells.
#pragma once

#include "emu/qla/aborts.h"
#include "emu/qla/core.h"
#include "emu/qla/initiator.h"
#include "emu/qla/link.h"
#include "emu/qla/mailbox.h"
#include "emu/qla/notify.h"
#include "emu/qla/services.h"
#include "emu/qla/target.h"
#include "emu/qla/vports.h"

namespace emu::qla {

struct Firmware final : fc::NPortUser {
  Firmware(ModelHost& host, const Chip& chip, emu::Wire& wire);

  bool poll();
  void reset();  // by the host, or power on
  void initialize(const wire::InitBlock& init);
  void stop();
  void crash();  // system error: the host is told, and nothing is done any more
  void process(const Request& request);
  void apply_link_services();  // who answers which ELS: by role and options
  wire::LinkStatistics statistics() const;

  unsigned function = 0;  // of the PCI device
  Core core;
  MailboxUnit mailboxes;
  Link link;
  Services services;
  VirtualPorts virtual_ports;
  Initiator initiator;
  Target target;
  Notify notify;
  Aborts aborts;

  // --- from the port on the link
  void link_up(const fc::LinkInfo& info) override { link.link_up(info); }
  void link_down() override;
  void loop_initializing() override { link.loop_initializing(); }
  void virtual_port_changed(std::uint8_t vp, bool up, PortId id) override { link.virtual_port_changed(vp, up, id); }
  void login_changed(const fc::Login& login, fc::LoginEvent event) override { link.login_changed(login, event); }
  void els_received(const fc::ReceivedEls& els) override { notify.received(els); }
  void request_answered(std::uint32_t tag, fc::RequestStatus status, std::span<const std::byte> payload) override {
    services.answered(tag, status, payload);
  }
  void state_changed(std::uint8_t vp, std::span<const std::byte> pages) override { link.state_changed(vp, pages); }
  bool fetch(fc::ExchangeId, std::uint32_t tag, std::uint32_t offset, std::span<std::byte> to) override {
    return (tag & Target::kTagBit) != 0 ? target.fetch(tag, offset, to) : initiator.fetch(tag, offset, to);
  }
  bool store(fc::ExchangeId, std::uint32_t tag, std::uint32_t offset, std::span<const std::byte> from) override {
    return (tag & Target::kTagBit) != 0 ? target.store(tag, offset, from) : initiator.store(tag, offset, from);
  }
  void command_ended(fc::ExchangeId, std::uint32_t tag, const fc::CommandEnd& end) override {
    initiator.ended(tag, end);
  }
  void abort_done(fc::ExchangeId, std::uint32_t tag, fc::AbortResult result) override {
    initiator.abort_done(tag, result);
  }
  bool command_received(const fc::ReceivedCommand& command) override { return target.received(command); }
  void step_done(fc::ExchangeId, std::uint32_t tag, const fc::StepEnd& end) override { target.step_done(tag, end); }
  void abort_received(const fc::ReceivedAbort& abort) override { aborts.received(abort); }
  void exchange_ended(fc::ExchangeId id, fc::EndReason) override { target.ended(id); }

 private:
  bool poll_queue(RequestQueue& queue, const Origin& origin);
  void reset_parts();
  void mailbox_entry(const Request& request);
  friend struct EntryTable;
};

}  // namespace emu::qla
