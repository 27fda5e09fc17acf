// MODE SENSE (6) and (10): header, block descriptor and pages out of one image (SPC-5 6.12, 7.5).
#include "scsi_core/disk/access.h"
#include "scsi_core/disk/commands.h"
#include "scsi_core/disk/data_in.h"
#include "scsi_core/disk/mode_parameters.h"

namespace scsi::disk {
namespace {

enum PageControlValue : std::uint8_t { kCurrent = 0, kChangeable = 1, kDefault = 2, kSaved = 3 };
using PageSaveable = base::Flag8<7>;
using DpoFua = base::Flag8<4>;
using WriteProtect = base::Flag8<7>;

// Home reactor: takes a copy of the values asked for.
void copy_pages(Command& c) {
  const ModePages& modes = server(c).modes();
  auto& image = c.scratch_as<ModePages::Image>();
  switch (cdb::PageControl::get(wire<cdb::ModeSense6>(c).page)) {
    case kChangeable:
      image = ModePages::changeable(modes.protection);
      break;
    case kDefault:
      image = modes.defaults;
      break;
    case kSaved:
      image = modes.saved;
      break;
    default:
      image = modes.current;
      break;
  }
}

bool selected(const ModePage& page, std::uint8_t code, std::uint8_t subpage) {
  return (code == kAllModePages || page.code == code) && (subpage == kAllSubpages || page.subpage == subpage);
}

std::uint8_t device_specific(const Command& c) {
  constexpr std::uint32_t kProtected = kLuWriteProtected | kLuSoftwareWriteProtected;
  const bool is_protected =
      (c.core.lu->flags.load(std::memory_order_relaxed) & kProtected) != 0 || c.core.itl->read_only;
  return static_cast<std::uint8_t>(WriteProtect::of(is_protected) | DpoFua::of(true));
}

void put_block_descriptor(Command& c, base::Writer& out, bool long_lba) {
  const std::uint64_t blocks = c.core.lu->blocks.load(std::memory_order_relaxed);
  const auto length = static_cast<std::uint32_t>(block_size(c));
  if (long_lba) return out.put(LongBlockDescriptor{blocks, {}, length});
  out.put(ShortBlockDescriptor{static_cast<std::uint32_t>(std::min<std::uint64_t>(blocks, 0xffff'ffff)), 0, length});
}

// The page headers are the same for all page control values; a page can be saved or not, whatever its values.
void put_pages(Command& c, base::Writer& out) {
  const auto& cdb = wire<cdb::ModeSense6>(c);
  const auto& image = c.scratch_as<ModePages::Image>();
  const ModePages::Image& names = ModePages::layout();
  for (const ModePage& page : ModePages::pages()) {
    if (!selected(page, cdb::PageCode::get(cdb.page), cdb.subpage_code)) continue;
    out.put(static_cast<std::uint8_t>(names[page.at] | PageSaveable::of(page.savable)));
    out.bytes(std::as_bytes(std::span(names).subspan(page.at + 1u, page.header() - 1u)));
    out.bytes(std::as_bytes(std::span(image).subspan(page.at + page.header(), page.length - page.header())));
  }
}

void answer_6(Command& c) {
  const auto& cdb = wire<cdb::ModeSense6>(c);
  const bool descriptor = !cdb::Dbd::get(cdb.flags);
  DataIn data;
  data.out().put(
      ModeHeader6{0, 0, device_specific(c), static_cast<std::uint8_t>(descriptor ? sizeof(ShortBlockDescriptor) : 0)});
  if (descriptor) put_block_descriptor(c, data.out(), false);
  put_pages(c, data.out());
  data.out().patch(0, static_cast<std::uint8_t>(data.out().wanted() - 1));
  data.reply(c, cdb.allocation_length);
}

void answer_10(Command& c) {
  const auto& cdb = wire<cdb::ModeSense10>(c);
  const bool descriptor = !cdb::Dbd::get(cdb.flags);
  const bool long_lba = descriptor && cdb::LlbAa::get(cdb.flags);
  const std::size_t length = !descriptor ? 0 : long_lba ? sizeof(LongBlockDescriptor) : sizeof(ShortBlockDescriptor);
  DataIn data;
  data.out().put(ModeHeader10{0, 0, device_specific(c), LongLba::of(long_lba), 0, static_cast<std::uint16_t>(length)});
  if (descriptor) put_block_descriptor(c, data.out(), long_lba);
  put_pages(c, data.out());
  data.patch_length<be16>(0);
  data.reply(c, cdb.allocation_length);
}

void start(Command& c, Step answer) {
  const auto& cdb = wire<cdb::ModeSense6>(c);  // bytes 2 and 3 are the same in both
  const auto pages = ModePages::pages();
  const auto has = [&](std::uint8_t code, std::uint8_t subpage) {
    return std::any_of(pages.begin(), pages.end(), [&](const ModePage& p) { return selected(p, code, subpage); });
  };
  if (!has(cdb::PageCode::get(cdb.page), kAllSubpages)) {
    return finish(c, Outcome::invalid_cdb_field(offsetof(cdb::ModeSense6, page), cdb::PageCode::kHi));
  }
  if (!has(cdb::PageCode::get(cdb.page), cdb.subpage_code)) {
    return finish(c, Outcome::invalid_cdb_field(offsetof(cdb::ModeSense6, subpage_code)));
  }
  at_home(c, &copy_pages, answer);
}

}  // namespace

void mode_sense_6(Command& c) { start(c, &answer_6); }
void mode_sense_10(Command& c) { start(c, &answer_10); }

}  // namespace scsi::disk
