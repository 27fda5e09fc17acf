// The registers of a page of queue indices.
#include "emu/qla/pages.h"

#include <fmt/format.h>

namespace emu::qla {

struct PageTable {
  struct Row {
    std::uint32_t offset;
    bool first_only;  // in page 0 and no other
    std::uint32_t (*read)(Queues&, unsigned page);
    void (*write)(Queues&, unsigned page, std::uint32_t);
  };
  static constexpr Row kRows[] = {
      {regs::PageRequestIn::kOffset, false, [](Queues& q, unsigned page) { return q.request(page).in(); },
       [](Queues& q, unsigned page, std::uint32_t v) { q.request(page).doorbell(v); }},
      {regs::PageRequestOut::kOffset, false, [](Queues& q, unsigned page) { return q.request(page).out(); },
       [](Queues& q, unsigned page, std::uint32_t v) { q.request(page).set_out(v); }},
      {regs::PageResponseIn::kOffset, false, [](Queues& q, unsigned page) { return q.response(page).in(); },
       [](Queues& q, unsigned page, std::uint32_t v) { q.response(page).set_in(v); }},
      {regs::PageResponseOut::kOffset, false, [](Queues& q, unsigned page) { return q.response(page).out(); },
       [](Queues& q, unsigned page, std::uint32_t v) { q.response(page).host_took(v); }},
      {regs::PageAtioIn::kOffset, true, [](Queues& q, unsigned) { return q.atios.in(); },
       [](Queues& q, unsigned, std::uint32_t v) { q.atios.set_in(v); }},
      {regs::PageAtioOut::kOffset, true, [](Queues& q, unsigned) { return q.atios.out(); },
       [](Queues& q, unsigned, std::uint32_t v) { q.atios.host_took(v); }},
  };
  static const Row* find(const Queues& queues, std::uint32_t offset, unsigned width) {
    const std::uint32_t page = offset / regs::kQueuePage, at = offset % regs::kQueuePage;
    if (width != 4 || at % 4 != 0 || at / 4 >= std::size(kRows) || page >= queues.count()) return nullptr;
    const Row& row = kRows[at / 4];
    return row.first_only && page != 0 ? nullptr : &row;
  }
};

std::uint32_t QueuePages::read(std::uint32_t offset, unsigned width) {
  Queues& queues = firmware_.core.queues;
  if (const PageTable::Row* row = PageTable::find(queues, offset, width))
    return row->read(queues, offset / regs::kQueuePage);
  firmware_.core.host.fault(fmt::format("read of {} bytes at {:05x} of the queue pages", width, offset));
  return 0xFFFFFFFF;
}

void QueuePages::write(std::uint32_t offset, unsigned width, std::uint32_t value) {
  Queues& queues = firmware_.core.queues;
  const PageTable::Row* row = PageTable::find(queues, offset, width);
  if (row == nullptr)
    return firmware_.core.host.fault(fmt::format("write of {} bytes at {:05x} of the queue pages", width, offset));
  row->write(queues, offset / regs::kQueuePage, value);
}

}  // namespace emu::qla
