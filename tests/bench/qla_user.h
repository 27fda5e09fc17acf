// A user of a port of drivers/qla that answers each command at once, from or to the same 4 KiB.
#pragma once

#include <cstdint>
#include <cstdio>
#include <span>
#include <string>

#include "hal/port/fc_port.h"

namespace bench {

struct User final : hal::fc::FcPortUser, hal::fc::FcQueueUser {
  User(hal::fc::FcPort& its_port, hal::DmaSpan memory)
      : port(&its_port), queue(its_port.queues().at(0)), segment(memory) {
    queue->set_user(*this);
    port->start(*this);
  }
  void link_up(const hal::fc::Link& now) override {
    up = true;
    link = now;
  }
  void link_down() override {}
  void link_service_received(const hal::fc::LinkService& service) override { port->answer(service.id, {}); }
  void logged_in(hal::fc::LoginId login, const hal::fc::RemotePort&, std::uint32_t) override {
    port->open_login(login);
    ++logins;
  }
  void login_ended(hal::fc::LoginId) override {}
  void login_answered(hal::fc::PortId, base::Result<void>) override {}
  void ct_answered(std::uint32_t, hal::fc::CtStatus, std::span<const std::byte>) override {}
  void state_changed(std::span<const std::byte>) override {}
  void state_change_reported(base::Result<void>) override {}
  void adapter_failed(const std::string& reason, bool) override {
    std::fprintf(stderr, "failed: %s\n", reason.c_str());
  }
  void command_received(hal::fc::Exchange& exchange) override {
    hal::fc::ExchangeData data;
    data.segments = std::span(&segment, 1);
    data.length = 4096;
    data.with_status = exchange.reads;
    exchange.reads ? queue->send_data(exchange, data) : queue->receive_data(exchange, data);
  }
  void data_done(hal::fc::Exchange& exchange, hal::fc::DataStatus) override {
    if (exchange.writes) queue->send_response(exchange, {});
  }
  void abort_received(hal::fc::Exchange&) override {}
  void exchange_ended(hal::fc::Exchange&) override {}
  hal::fc::FcPort* port;
  hal::fc::FcQueue* queue;
  hal::DmaSpan segment;
  hal::fc::Link link;
  bool up = false;
  int logins = 0;
};

}  // namespace bench
