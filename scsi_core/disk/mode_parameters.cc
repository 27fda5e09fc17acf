// Checks a mode parameter list byte by byte against what may change; never looks past its end.
#include "scsi_core/disk/mode_parameters.h"

#include "base/cursor.h"
#include "scsi_core/sense_codes.h"

namespace scsi::disk {
namespace {

using SubpageFormat = base::Flag8<6>;
using Code = base::Bits8<5, 0>;

Outcome length_error() { return Outcome::check(kParameterListLengthError); }

Outcome invalid(std::size_t byte, int bit = -1) {
  return Outcome::invalid_parameter(static_cast<std::uint16_t>(byte), bit);
}

struct Head {
  std::uint8_t medium_type = 0;
  bool long_lba = false;
  std::size_t size = 0;
  std::size_t descriptors = 0;  // bytes
};

// MODE DATA LENGTH and the device-specific parameter are ignored (SPC-5 7.5.5, SBC-4 6.5.1).
bool read_head(std::span<const std::byte> list, bool ten, Head& head) {
  base::Reader in(list);
  if (ten) {
    const auto wire = in.read<ModeHeader10>();
    if (!wire) return false;
    head = {wire->medium_type, LongLba::get(wire->long_lba), sizeof(ModeHeader10), wire->block_descriptor_length};
  } else {
    const auto wire = in.read<ModeHeader6>();
    if (!wire) return false;
    head = {wire->medium_type, false, sizeof(ModeHeader6), wire->block_descriptor_length};
  }
  return true;
}

// One block descriptor or none; it may say only what is so already, or leave the number of blocks open.
Outcome check_block_descriptor(std::span<const std::byte> list, const Head& head, const ModeSelection& selection) {
  const std::size_t length_at =
      selection.ten ? offsetof(ModeHeader10, block_descriptor_length) : offsetof(ModeHeader6, block_descriptor_length);
  if (head.descriptors == 0) return Outcome::good();
  const std::size_t size = head.long_lba ? sizeof(LongBlockDescriptor) : sizeof(ShortBlockDescriptor);
  if (head.descriptors != size) return invalid(length_at);
  if (list.size() < head.size + size) return length_error();
  base::Reader in(list.subspan(head.size));
  std::uint64_t blocks = 0, length = 0, all = 0;
  std::size_t length_field = 0;
  if (head.long_lba) {
    const auto wire = *in.read<LongBlockDescriptor>();
    blocks = wire.number_of_logical_blocks, length = wire.logical_block_length, all = ~std::uint64_t{0};
    length_field = offsetof(LongBlockDescriptor, logical_block_length);
  } else {
    const auto wire = *in.read<ShortBlockDescriptor>();
    blocks = wire.number_of_logical_blocks, length = wire.logical_block_length, all = 0xffff'ffff;
    length_field = offsetof(ShortBlockDescriptor, logical_block_length);
  }
  if (blocks != 0 && blocks != all && blocks != selection.blocks) return invalid(head.size);
  if (length != selection.block_size) return invalid(head.size + length_field);
  return Outcome::good();
}

// The most significant bit of `wrong`.
int top_bit(unsigned wrong) { return 31 - __builtin_clz(wrong); }

// Applies the page at list[at]; `at` moves behind it.
Outcome apply_page(std::span<const std::byte> list, std::size_t& at, const ModePages::Image& changeable,
                   ModePages::Image& image) {
  const auto byte = [&](std::size_t offset) { return std::to_integer<std::uint8_t>(list[at + offset]); };
  const std::size_t left = list.size() - at;
  const bool sub = SubpageFormat::get(byte(0));
  const std::size_t header = sub ? 4 : 2;
  if (left < header) return length_error();
  const ModePage* page = ModePages::find(Code::get(byte(0)), sub ? byte(1) : std::uint8_t{0});
  if (page == nullptr || (page->subpage != 0) != sub) return invalid(at, Code::kHi);
  const std::size_t told = sub ? static_cast<std::size_t>(byte(2) << 8 | byte(3)) : byte(1);
  if (told != page->length - header) return invalid(at + header - (sub ? 2 : 1));
  if (left < page->length) return length_error();
  for (std::size_t i = header; i < page->length; ++i) {
    std::uint8_t& now = image[page->at + i];
    const unsigned wrong = (now ^ byte(i)) & ~unsigned{changeable[page->at + i]} & 0xff;
    if (wrong != 0) return invalid(at + i, top_bit(wrong));
    now = byte(i);
    constexpr std::uint8_t kReservedInterlock = 1;
    using Interlock = mode::UnitAttentionInterlock;
    if (page->at + i == Interlock::kAt && Interlock::get(image) == kReservedInterlock) return invalid(at + i, 5);
  }
  at += page->length;
  return Outcome::good();
}

}  // namespace

Outcome apply_mode_parameters(std::span<const std::byte> list, const ModeSelection& selection,
                              ModePages::Image& image) {
  Head head;
  if (!read_head(list, selection.ten, head)) return length_error();
  if (head.medium_type != 0) {
    return invalid(selection.ten ? offsetof(ModeHeader10, medium_type) : offsetof(ModeHeader6, medium_type));
  }
  if (const Outcome o = check_block_descriptor(list, head, selection); o.status != Status::kGood) return o;
  const ModePages::Image& changeable = ModePages::changeable(selection.protection);
  for (std::size_t at = head.size + head.descriptors; at < list.size();) {
    if (const Outcome o = apply_page(list, at, changeable, image); o.status != Status::kGood) return o;
  }
  return Outcome::good();
}

}  // namespace scsi::disk
