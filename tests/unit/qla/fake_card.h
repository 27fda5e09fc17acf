// A scripted adapter for unit tests of drivers/qla: registers and rings, without a firmware behind them. It answers
// mailbox commands by a table, hands out what the test puts into its rings, and keeps what the driver sent.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "drivers/qla/regs.h"
#include "drivers/qla/wire.h"
#include "hal/pci.h"

struct FakeCard final : hal::MmioTrap {
  using Mailboxes = std::array<std::uint16_t, qla::regs::kMailboxes>;
  using Answer = std::function<void(const Mailboxes& in, Mailboxes& out)>;

  explicit FakeCard(std::uint16_t device = 0x2532);
  FakeCard(std::uint16_t device, std::vector<std::uint32_t> burnt);  // with that flash, which takes long to fill
  ~FakeCard() override;
  std::unique_ptr<hal::PciDevice> open();

  const std::uint16_t device;  // of later ones the indices are in a page of BAR4, and flash has a table
  bool paged() const { return device != 0x2532; }
  std::uint32_t flash_base() const { return paged() ? qla::regs::kFlashData83 : qla::regs::kFlashData; }
  void put_firmware(std::uint32_t at, std::uint32_t entry_point);
  void put_nvram(std::uint32_t at, std::uint8_t last_of_name);

  // What the test may change.
  std::map<std::uint16_t, Answer> answers;  // by mailbox command; without one it is 4000
  std::vector<std::uint16_t> silent;        // commands that are never answered
  std::vector<std::uint32_t> flash;         // from dword 0 of the chip's flash address
  bool gone = false;
  unsigned flash_looks = 1;  // at the flash address register until a dword is there
  bool consumes = true;      // takes requests from the ring at once

  // What the driver did.
  std::vector<std::uint16_t> commands;
  std::deque<qla::wire::Entry> requests;
  int resets = 0, doorbells = 0;
  bool bus_master = false;
  bool cut_off = false;  // bus mastership was taken away while the firmware ran
  std::uint32_t atio_out = 0, response_out = 0;
  int index_reads = 0;          // of those that a chip may keep in host memory
  std::uint32_t loaded_at = 0;  // by the first piece of firmware

  void event(qla::regs::InterruptCode code, std::initializer_list<std::uint16_t> mailboxes = {});
  void atio(const qla::wire::Entry& entry);
  void response(const qla::wire::Entry& entry);
  void take_requests();
  bool ready() const { return running_ && bus_master; }  // its rings may be used
  qla::wire::Entry next_request();                       // fails the test when there is none

  std::uint64_t read(std::uint32_t offset, unsigned width) override;
  void write(std::uint32_t offset, unsigned width, std::uint64_t value) override;

 private:
  struct Pci;
  struct Event {
    qla::regs::InterruptCode code{};
    Mailboxes out{};
    bool mailboxes = false;
  };
  std::uint32_t place(std::uint32_t offset) const;
  void mailbox();
  void present();
  void put(std::uint64_t ring, std::uint32_t length, std::uint32_t& in, const qla::wire::Entry& entry);

  std::map<std::uint32_t, std::uint32_t> plain_;  // registers that only keep what is written
  Mailboxes in_{}, out_{};
  std::deque<Event> events_;
  unsigned flash_looks_left_ = 0;
  bool presented_ = false, running_ = false;
  std::uint32_t host_status_ = 0, flash_address_ = 0, flash_data_ = 0, control_ = 0;
  std::uint32_t request_in_ = 0, request_out_ = 0, response_in_ = 0, atio_in_ = 0;
  qla::wire::InitBlock icb_{};
  int fd_ = -1, other_fd_ = -1;
};
