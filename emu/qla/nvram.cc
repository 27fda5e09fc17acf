// NVRAM as an adapter has it from the factory.
#include "emu/qla/nvram.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace emu::qla {

namespace wire = ::qla::wire;

wire::Bytes8 to_bytes(hal::fc::Wwn name) { return std::bit_cast<wire::Bytes8>(base::be64(name.raw)); }
hal::fc::Wwn to_wwn(const wire::Bytes8& bytes) { return {std::bit_cast<base::be64>(bytes)}; }

wire::Nvram make_nvram(const Chip& chip, const Factory& factory) {
  wire::Nvram nvram{};
  nvram.id = {'I', 'S', 'P', ' '};
  nvram.nvram_version = 1;
  nvram.version = 1;
  nvram.frame_size = 2048;
  nvram.execution_throttle = 0xFFFF;
  nvram.hard_address = 124;
  nvram.port_name = to_bytes(factory.port_name);
  nvram.node_name = to_bytes(factory.node_name);
  nvram.login_retry = 8;
  nvram.options1 = 0x6006;
  nvram.options2 = 0x1020;  // loop preferred, else point-to-point
  nvram.options3 = 0x4000;  // data rate: automatic
  nvram.host_options = 0xC00;
  nvram.reset_delay = 5;
  nvram.max_luns = 128;
  nvram.port_down_retry = 30;
  nvram.link_down_timeout = 30;
  std::copy_n(chip.model.begin(), std::min<std::size_t>(chip.model.size(), 15), nvram.model_name.begin());
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < sizeof nvram; i += 4) {
    base::le32 word;
    std::memcpy(&word, reinterpret_cast<const std::byte*>(&nvram) + i, 4);
    sum += word;
  }
  nvram.checksum = (0 - sum) ^ (factory.good_nvram ? 0 : 1);
  return nvram;
}

}  // namespace emu::qla
