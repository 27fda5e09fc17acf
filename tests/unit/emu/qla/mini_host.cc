// Driving a model by its registers.
#include "tests/unit/emu/qla/mini_host.h"

namespace emu::qla {

void MiniHost::start_command(std::uint16_t command_code, const Inputs& inputs) {
  for (unsigned i = 0; i < regs::kMailboxes; ++i) {
    const auto found = inputs.find(i);
    regs::Mailbox value;
    value.raw = i == 0 ? command_code : found == inputs.end() ? std::uint16_t{0} : found->second;
    bar.write(value, i);
  }
  command(regs::Command::kSetHostInterrupt);
}

bool MiniHost::take_event() {
  const auto status = bar.read<regs::HostStatus>();
  if (!status.get<regs::HostStatus::RiscInterrupt>()) return false;
  const auto code = status.get<regs::HostStatus::Code>();
  MailboxValues values;
  for (unsigned i = 0; i < regs::kMailboxes; ++i) values[i] = mailbox_register(i);
  switch (code) {
    case regs::InterruptCode::kRomMailboxDone:
    case regs::InterruptCode::kRomMailboxFailed:
    case regs::InterruptCode::kMailboxDone:
    case regs::InterruptCode::kMailboxFailed:
      answer = values;
      answer_code = code;
      break;
    case regs::InterruptCode::kAsyncEvent:
      async_events.push_back(values);
      break;
    default:
      drain();
      break;
  }
  command(regs::Command::kClearRiscInterrupt);
  return true;
}

void MiniHost::drain() {
  const auto one = [&](std::uint32_t ring, std::uint32_t& out, std::uint32_t in, std::vector<wire::Entry>& to) {
    while (out != in) {
      to.push_back(get<wire::Entry>(ring + out * 64));
      put(ring + out * 64 + 60, wire::kEntryTaken);
      out = (out + 1) % kRing;
    }
  };
  one(kResponses, response_out_, index<regs::ResponseIn, regs::PageResponseIn>(), responses);
  one(kAtios, atio_out_, index<regs::AtioIn, regs::PageAtioIn>(), atios);
  set_index<regs::ResponseOut, regs::PageResponseOut>(response_out_);
  set_index<regs::AtioOut, regs::PageAtioOut>(atio_out_);
}

void MiniHost::step() {
  host.poll();
  while (take_event()) host.poll();
}

MailboxValues MiniHost::mailbox(regs::MailboxCommand command_code, const Inputs& inputs) {
  answer.reset();
  start_command(static_cast<std::uint16_t>(command_code), inputs);
  for (int i = 0; i < 10 && !answer; ++i) step();
  EXPECT_TRUE(answer.has_value()) << static_cast<int>(command_code);
  return answer.value_or(MailboxValues{});
}

void MiniHost::reset_chip() {
  regs::ControlStatus control;
  control.set<regs::ControlStatus::SoftReset>(true).set<regs::ControlStatus::WriteBurst>(3);
  bar.write(control);
  for (int i = 0; i < 3; ++i) host.poll();
  EXPECT_FALSE(bar.read<regs::ControlStatus>().get<regs::ControlStatus::SoftReset>());
  EXPECT_EQ(mailbox_register(0), 0);
  command(regs::Command::kSetRiscReset);
  command(regs::Command::kReleasePause);
  command(regs::Command::kClearRiscReset);
  request_in_ = response_out_ = atio_out_ = 0;
}

void MiniHost::load() {
  reset_chip();
  EXPECT_EQ(mailbox(regs::MailboxCommand::kExecuteFirmware)[0], 0x4000);
}

wire::InitBlock MiniHost::init_block(Role role) const {
  wire::InitBlock init{};
  init.version = 1;
  init.frame_size = 2048;
  init.execution_throttle = 0x800;
  init.exchange_count = role == Role::kTarget ? 0xFFFF : 0;
  init.port_name = std::bit_cast<wire::Bytes8>(base::be64(0x2100001122334400));
  init.request_address = at(kRequests);
  init.response_address = at(kResponses);
  init.atio_address = at(kAtios);
  init.request_length = init.response_length = init.atio_length = static_cast<std::uint16_t>(kRing);
  init.options1 = role == Role::kTarget ? 0x4036 : 0x6006;
  init.options2 = wire::InitBlock::Connection::set(role == Role::kTarget ? 0x4000 : 0, connection);
  init.options3 = 0x4100;
  return init;
}

MailboxValues MiniHost::initialize(const wire::InitBlock& init) {
  wire::MultiIdBlock block{};
  block.init = init;
  put(kInit, block);
  return mailbox(regs::MailboxCommand::kInitializeMultiId, address(kInit));
}

void MiniHost::bring_up(Role role) {
  load();
  wire::InitBlock init = init_block(role);
  // The name that is burnt in.
  regs::FlashAddress where;
  std::array<base::le32, 2> name;
  for (unsigned i = 0; i < 2; ++i) {
    where.raw = chip.flash.data + chip.flash.nvram + 5 + i;
    bar.write(where);
    while (!bar.read<regs::FlashAddress>().get<regs::FlashAddress::Done>()) {
    }
    name[i] = bar.read<regs::FlashData>().raw;
  }
  init.port_name = std::bit_cast<wire::Bytes8>(name);
  init.node_name = init.port_name;
  EXPECT_EQ(initialize(init)[0], 0x4000);
}

void MiniHost::post(const std::vector<wire::Entry>& entries) {
  for (const wire::Entry& entry : entries) {
    put(kRequests + request_in_ * 64, entry);
    request_in_ = (request_in_ + 1) % kRing;
  }
  set_index<regs::RequestIn, regs::PageRequestIn>(request_in_);
}

}  // namespace emu::qla
