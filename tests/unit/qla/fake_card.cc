// Registers of the scripted adapter.
#include "tests/unit/qla/fake_card.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

using namespace qla;

namespace {

constexpr std::uint32_t kPages = 0x8000;  // where BAR4's first page is to this file

std::byte* at(std::uint64_t iova) { return reinterpret_cast<std::byte*>(iova); }
std::uint32_t swapped(std::uint32_t value) {
  const base::be32 wire = value;
  std::uint32_t raw;
  std::memcpy(&raw, &wire, 4);
  return raw;
}

}  // namespace

struct FakeCard::Pci final : hal::PciDevice {
  explicit Pci(FakeCard& its) : card(its) {
    id.address = "fake";
    id.vendor = 0x1077;
    id.device = its.device;
    id.interrupt_pin = 1;
  }
  ~Pci() override { card.bus_master = false; }
  const hal::PciIdentity& identity() const override { return id; }
  base::Result<std::uint32_t> config_read(std::uint16_t, unsigned) override { return 0u; }
  base::Result<void> config_write(std::uint16_t, unsigned, std::uint32_t) override { return {}; }
  base::Result<hal::Mmio> map_bar(hal::Bar bar) override {
    if (bar == hal::Bar::k4) return hal::Mmio(card, kPages + 0x1000).window(kPages, 0x1000);
    return hal::Mmio(card, 0x4000);
  }
  base::Result<void> enable_dma() override {
    card.bus_master = true;
    return {};
  }
  void disable_dma() override {
    card.cut_off |= card.bus_master && card.running_;
    card.bus_master = false;
  }
  unsigned interrupt_vectors(hal::InterruptKind kind) const override {
    if (card.paged()) return kind == hal::InterruptKind::kMsix ? 2 : 0;
    return kind == hal::InterruptKind::kMsi ? 1 : 0;
  }
  base::Result<void> set_interrupts(hal::InterruptKind, unsigned) override { return {}; }
  base::Result<int> interrupt_fd(unsigned vector) const override { return vector == 0 ? card.fd_ : card.other_fd_; }
  void unmask_intx() override {}
  base::Result<void> reset() override { return {}; }
  bool gone() const override { return card.gone; }
  FakeCard& card;
  hal::PciIdentity id;
};

FakeCard::FakeCard(std::uint16_t device_id) : FakeCard(device_id, std::vector<std::uint32_t>(0x100000, 0xffffffff)) {
  put_nvram(regs::kFlashNvram, 3);
  put_firmware(regs::kFlashFirmware, 0x100000);
}

FakeCard::FakeCard(std::uint16_t device_id, std::vector<std::uint32_t> burnt)
    : device(device_id),
      flash(std::move(burnt)),
      fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      other_fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

void FakeCard::put_nvram(std::uint32_t at, std::uint8_t last_of_name) {
  wire::Nvram nvram{};
  std::memcpy(nvram.id.data(), "ISP ", 4);
  nvram.nvram_version = 1;
  nvram.port_name = {0x21, 0, 0, 0x24, 0xff, 1, 2, last_of_name};
  std::memcpy(nvram.model_name.data(), "QLE2560 ", 8);
  std::array<std::uint32_t, 128> dwords;
  std::memcpy(dwords.data(), static_cast<const void*>(&nvram), sizeof nvram);
  std::uint32_t sum = 0;
  for (const std::uint32_t dword : dwords) sum += dword;
  dwords[127] -= sum;
  std::copy(dwords.begin(), dwords.end(), flash.begin() + at);
}

void FakeCard::put_firmware(std::uint32_t at, std::uint32_t entry_point) {
  for (const std::uint32_t segment : {0u, 1u}) {
    const std::uint32_t head[8] = {0, 0, entry_point + segment * 0x10000, 16, 8, 7, 0, 1};
    for (std::uint32_t i = 0; i < 16; ++i) flash[at + segment * 16 + i] = swapped(i < 8 ? head[i] : i);
  }
}

FakeCard::~FakeCard() {
  close(fd_);
  close(other_fd_);
}

std::unique_ptr<hal::PciDevice> FakeCard::open() { return std::make_unique<Pci>(*this); }

void FakeCard::mailbox() {
  const std::uint16_t number = in_[0];
  commands.push_back(number);
  if (std::find(silent.begin(), silent.end(), number) != silent.end()) return;
  Event event;
  event.mailboxes = true;
  event.out = in_;
  event.out[0] = 0x4000;
  const std::uint64_t buffer =
      std::uint64_t{in_[6]} << 48 | std::uint64_t{in_[7]} << 32 | std::uint64_t{in_[2]} << 16 | in_[3];
  switch (static_cast<regs::MailboxCommand>(number)) {
    case regs::MailboxCommand::kDumpRam: {
      const std::uint32_t from = (std::uint32_t{in_[8]} << 16 | in_[1]) - flash_base();
      const std::uint32_t count = std::uint32_t{in_[4]} << 16 | in_[5];
      if (std::size_t{from} + count <= flash.size()) std::memcpy(at(buffer), &flash[from], std::size_t{count} * 4);
      break;
    }
    case regs::MailboxCommand::kLoadRam:
      if (loaded_at == 0) loaded_at = std::uint32_t{in_[8]} << 16 | in_[1];
      break;
    case regs::MailboxCommand::kInitialize:
    case regs::MailboxCommand::kInitializeMultiId:  // begins with the same block
      std::memcpy(static_cast<void*>(&icb_), at(buffer), sizeof icb_);
      running_ = true;
      request_in_ = request_out_ = response_in_ = atio_in_ = 0;
      break;
    case regs::MailboxCommand::kGetFirmwareState:
      event.out[1] = 3;
      break;
    case regs::MailboxCommand::kGetAdapterId:
      event.out[2] = 0x0203;
      event.out[3] = 0x01;
      event.out[6] = 3;
      break;
    case regs::MailboxCommand::kDataRate:
      event.out[1] = 4;
      break;
    default:
      break;
  }
  if (const auto found = answers.find(number); found != answers.end()) found->second(in_, event.out);
  const bool ok = event.out[0] == 0x4000;
  event.code = running_ ? (ok ? regs::InterruptCode::kMailboxDone : regs::InterruptCode::kMailboxFailed)
                        : (ok ? regs::InterruptCode::kRomMailboxDone : regs::InterruptCode::kRomMailboxFailed);
  events_.push_back(event);
  present();
}

void FakeCard::present() {
  if (presented_ || events_.empty()) return;
  const Event& event = events_.front();
  presented_ = true;
  if (event.mailboxes) out_ = event.out;
  host_status_ = std::uint32_t{out_[0]} << 16 | 0x8000u | static_cast<std::uint32_t>(event.code);
  const std::uint64_t one = 1;
  if (plain_[0x0c] == 8 && ::write(fd_, &one, sizeof one) != 8) ADD_FAILURE();
}

void FakeCard::event(regs::InterruptCode code, std::initializer_list<std::uint16_t> mailboxes) {
  Event event;
  event.code = code;
  event.mailboxes = mailboxes.size() != 0;
  std::copy(mailboxes.begin(), mailboxes.end(), event.out.begin());
  events_.push_back(event);
  present();
}

void FakeCard::put(std::uint64_t ring, std::uint32_t length, std::uint32_t& in, const wire::Entry& entry) {
  ASSERT_TRUE(running_ && bus_master);
  std::memcpy(at(ring) + std::size_t{in} * 64, static_cast<const void*>(&entry), 64);
  in = (in + 1) % length;
}

void FakeCard::atio(const wire::Entry& entry) { put(icb_.atio_address, icb_.atio_length, atio_in_, entry); }
void FakeCard::response(const wire::Entry& entry) {
  put(icb_.response_address, icb_.response_length, response_in_, entry);
  if (wire::InitBlock::ResponseShadow::get(icb_.options2))
    std::memcpy(at(icb_.response_address) + std::size_t{icb_.response_length} * 64, &response_in_, 4);
}

void FakeCard::take_requests() {
  while (request_out_ != request_in_) {
    wire::Entry entry{};
    std::memcpy(static_cast<void*>(&entry), at(icb_.request_address) + std::size_t{request_out_} * 64, 64);
    requests.push_back(entry);
    request_out_ = (request_out_ + 1) % icb_.request_length;
  }
  if (wire::InitBlock::RequestShadow::get(icb_.options2))
    std::memcpy(at(icb_.request_address) + std::size_t{icb_.request_length} * 64, &request_out_, 4);
}

wire::Entry FakeCard::next_request() {
  if (requests.empty()) {
    ADD_FAILURE() << "the driver sent nothing";
    return {};
  }
  const wire::Entry entry = requests.front();
  requests.pop_front();
  return entry;
}

// The window's place of an index. What a later chip has in its pages is in the window no more.
std::uint32_t FakeCard::place(std::uint32_t offset) const {
  constexpr std::uint32_t kIndices[] = {0x1c, 0x20, 0x24, 0x28, 0x3c, 0x40};
  if (offset >= kPages && offset < kPages + sizeof kIndices) return kIndices[(offset - kPages) / 4];
  EXPECT_TRUE(!paged() || std::find(std::begin(kIndices), std::end(kIndices), offset) == std::end(kIndices)) << offset;
  return offset;
}

std::uint64_t FakeCard::read(std::uint32_t offset, unsigned width) {
  offset = place(offset);
  if (offset == 0x20 || offset == 0x24) ++index_reads;
  if (gone) return ~std::uint64_t{0} >> (64 - 8 * width);
  if (offset >= 0x80 && offset < 0xc0) return out_[(offset - 0x80) / 2];
  switch (offset) {
    case 0x00:
      if (flash_looks_left_ > 0) --flash_looks_left_;
      return flash_looks_left_ > 0 ? flash_address_ & 0x7fffffff : flash_address_;
    case 0x04:
      return flash_data_;
    case 0x08:
      return 0;
    case 0x10:
      return presented_ ? 8 : 0;
    case 0x1c:
      return request_in_;
    case 0x20:
      return request_out_;
    case 0x24:
      return response_in_;
    case 0x3c:
      return atio_in_;
    case 0x44:
      return host_status_;
    case 0x48:
      return 0;
    default:
      return plain_[offset];
  }
}

void FakeCard::write(std::uint32_t offset, unsigned, std::uint64_t wide) {
  offset = place(offset);
  const auto value = static_cast<std::uint32_t>(wide);
  if (offset >= 0x80 && offset < 0xc0) {
    in_[(offset - 0x80) / 2] = static_cast<std::uint16_t>(value);
    return;
  }
  plain_[offset] = value;
  switch (offset) {
    case 0x00: {
      const std::uint32_t from = value - flash_base();
      flash_data_ = from < flash.size() ? flash[from] : 0xffffffff;
      flash_address_ = value | 0x80000000u;
      flash_looks_left_ = flash_looks;
      break;
    }
    case 0x08:
      if ((value & 1) == 0) break;
      ++resets;
      running_ = presented_ = false;
      events_.clear();
      in_ = out_ = {};
      host_status_ = 0;
      break;
    case 0x1c:
      if (value != request_in_) ++doorbells;
      request_in_ = value;
      if (running_ && consumes) take_requests();
      break;
    case 0x28:
      response_out = value;
      break;
    case 0x40:
      atio_out = value;
      break;
    case 0x48:
      if (value >> 28 == 5) mailbox();
      if (value >> 28 == 0xa && presented_) {
        presented_ = false;
        host_status_ = 0;
        events_.pop_front();
        present();
      }
      break;
    default:
      break;
  }
}
