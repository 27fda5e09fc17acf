// A QLogic card of few lines for counting instructions: takes what it is given at once, completes it at once, moves no
// data, and brings as many commands as it is told.
#pragma once

#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "drivers/qla/adapter.h"
#include "hal/reactor.h"

namespace bench {

using namespace qla;

struct Card final : hal::MmioTrap {
  std::uint64_t read(std::uint32_t offset, unsigned) override {
    if (offset >= 0x80 && offset < 0xc0) return out[(offset - 0x80) / 2];
    switch (offset) {
      case 0x00:
        return 0x80000000u;
      case 0x20:
        return request_out;
      case 0x24:
        return response_in;
      case 0x3c:
        return atio_in;
      case 0x44:
        return pending ? std::uint32_t{out[0]} << 16 | 0x8000u | code : 0u;
      default:
        return 0;
    }
  }
  void write(std::uint32_t offset, unsigned, std::uint64_t value) override {
    if (offset >= 0x80 && offset < 0xc0) in[(offset - 0x80) / 2] = static_cast<std::uint16_t>(value);
    if (offset == 0x08 && (value & 1) != 0) out = {};
    if (offset == 0x48 && value >> 28 == 5) mailbox();
    if (offset == 0x48 && value >> 28 == 0xa) pending = false;
    if (offset == 0x1c) request_in = static_cast<std::uint32_t>(value);
  }
  void mailbox() {
    out = in;
    out[0] = 0x4000;
    if (in[0] == 0x60) {
      const std::uint64_t block =
          std::uint64_t{in[6]} << 48 | std::uint64_t{in[7]} << 32 | std::uint64_t{in[2]} << 16 | in[3];
      std::memcpy(static_cast<void*>(&icb), reinterpret_cast<const void*>(block), sizeof icb);
    }
    if (in[0] == 0x69) out[1] = 3;
    event(0x10);
  }
  void event(std::uint8_t what) {
    code = what;
    pending = true;
  }
  template <class T>
  static T take(std::uint64_t ring, std::uint32_t& index, std::uint32_t length) {
    T entry;
    std::memcpy(static_cast<void*>(&entry), reinterpret_cast<const std::byte*>(ring) + std::size_t{index} * 64, 64);
    index = (index + 1) % length;
    return entry;
  }
  template <class T>
  static void put(std::uint64_t ring, std::uint32_t& index, std::uint32_t length, const T& entry) {
    std::memcpy(reinterpret_cast<std::byte*>(ring) + std::size_t{index} * 64, static_cast<const void*>(&entry), 64);
    index = (index + 1) % length;
  }
  template <class T>
  void respond(const T& entry) {
    put(icb.response_address, response_in, icb.response_length, entry);
  }
  template <class T>
  void notify(const T& entry) {
    put(icb.atio_address, atio_in, icb.atio_length, entry);
  }

  void poll() {
    while (request_out != request_in) {
      auto entry = take<wire::Ctio7Done>(icb.request_address, request_out, icb.request_length);
      if (entry.head.type == static_cast<std::uint8_t>(wire::EntryType::kNotifyAck)) {
        wire::NotifyAck ack;
        std::memcpy(static_cast<void*>(&ack), static_cast<const void*>(&entry), 64);
        ack.status = wire::kNotifyAckOk;
        respond(ack);
      }
      const auto type = static_cast<wire::EntryType>(entry.head.type);
      if (type == wire::EntryType::kLogIo || type == wire::EntryType::kCtPassThrough) respond(entry);  // well done
      if (entry.head.type != static_cast<std::uint8_t>(wire::EntryType::kCtio7)) continue;
      if (wire::CtioFlags::SendStatus::get(entry.flags)) {
        ++ended;
        errors += (entry.reserved34 & 0xff) != 0 ? 1u : 0u;  // SCSI status on the way out
      }
      entry.status = static_cast<std::uint16_t>(wire::CtioStatus::kOk);
      respond(entry);
    }
  }
  void command(bool write, std::uint32_t lba = 0) {
    const std::uint8_t opcode = write ? 0x2a : 0x28;
    send({opcode, 0, static_cast<std::uint8_t>(lba >> 24), static_cast<std::uint8_t>(lba >> 16),
          static_cast<std::uint8_t>(lba >> 8), static_cast<std::uint8_t>(lba), 0, 0, 8},
         write ? 1 : 2, 4096);
  }
  void send(const wire::Bytes<16>& cdb, std::uint8_t flags, std::uint32_t length) {
    wire::Atio7 atio{};
    atio.type = static_cast<std::uint8_t>(wire::EntryType::kAtio7);
    atio.count = 1;
    atio.attribute_length = 0x38;
    atio.exchange = ++begun;
    atio.header.s_id = 0x010100u;
    atio.header.ox_id = static_cast<std::uint16_t>(begun);
    atio.flags = flags;
    atio.cdb = cdb;
    atio.data_length = length;
    notify(atio);
  }
  void link_service(std::uint8_t els) {
    wire::ImmediateNotify entry{};
    entry.head.type = static_cast<std::uint8_t>(wire::EntryType::kImmediateNotify);
    entry.head.count = 1;
    entry.nport = 1;
    entry.status = 0x46;
    entry.subcode = els;
    entry.port_id = 0x010100u;
    entry.port_name = {0x21, 0, 0, 0, 0, 0, 0, 1};
    if (els == 0x20) entry.detail[0] = 0x22;  // PRLI: initiator function, read XFER_RDY disabled
    notify(entry);
  }

  std::array<std::uint16_t, 32> in{}, out{};
  bool pending = false;
  std::uint8_t code = 0;
  std::uint32_t request_in = 0, request_out = 0, response_in = 0, atio_in = 0;
  std::uint32_t begun = 0, ended = 0, errors = 0;
  wire::InitBlock icb{};
};

struct Pci final : hal::PciDevice {
  explicit Pci(Card& its) : card(its) {
    id.vendor = 0x1077;
    id.device = 0x2532;
    id.interrupt_pin = 1;
  }
  ~Pci() override { close(event_fd); }
  const hal::PciIdentity& identity() const override { return id; }
  base::Result<std::uint32_t> config_read(std::uint16_t, unsigned) override { return 0u; }
  base::Result<void> config_write(std::uint16_t, unsigned, std::uint32_t) override { return {}; }
  base::Result<hal::Mmio> map_bar(hal::Bar) override { return hal::Mmio(card, 0x4000); }
  base::Result<void> enable_dma() override { return {}; }
  void disable_dma() override {}
  unsigned interrupt_vectors(hal::InterruptKind kind) const override {
    return kind == hal::InterruptKind::kMsi ? 1 : 0;
  }
  base::Result<void> set_interrupts(hal::InterruptKind, unsigned) override { return {}; }
  base::Result<int> interrupt_fd(unsigned) const override { return event_fd; }
  void unmask_intx() override {}
  base::Result<void> reset() override { return {}; }
  bool gone() const override { return false; }
  Card& card;
  hal::PciIdentity id;
  int event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);  // never signalled: nobody sleeps here
};

inline Options card_options() {
  Options options;
  options.port_name.raw = 0x2100000000000001;
  options.firmware.resize(128);  // two segments of a head and 8 dwords
  for (const std::size_t at : {0u, 64u}) {
    options.firmware[at + 9] = std::byte{0x10};
    options.firmware[at + 15] = std::byte{16};
    options.firmware[at + 19] = std::byte{8};
  }
  return options;
}

// From power to a login. `run` lets so many milliseconds pass.
template <class Run>
void bring_up(Card& card, Run&& run) {
  run(500);
  card.out[0] = 0x8011;
  card.event(0x12);
  run(2000);
  for (const std::uint8_t els : {std::uint8_t{0x03}, std::uint8_t{0x20}}) {
    card.link_service(els);
    run(10);
  }
}

}  // namespace bench
