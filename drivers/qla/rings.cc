// The request ring's registers.
#include "drivers/qla/rings.h"

namespace qla {

void RequestRing::reset() {
  std::memset(memory_.bytes.data(), 0xff, memory_.bytes.size());
  in_ = out_ = told_ = 0;
  free_ = mask_;
  closed_ = false;
  shadow_.clear();
}

void RequestRing::close() {
  free_ = 0;
  closed_ = true;
}

bool RequestRing::flush() {
  if (in_ == told_) return false;
  told_ = in_;
  Index value;
  value.raw = in_;
  site_.indices.request_in.write(value);
  ++site_.counters[Count::kDoorbells];
  return true;
}

// Asks the adapter how far it has come. An index that it cannot have reached stops the ring, not us.
std::uint32_t RequestRing::refresh() {
  if (closed_) return 0;
  const std::uint32_t out = shadow_ ? shadow_.read() : site_.indices.request_out.read<Index>().raw;
  if (out > mask_ || ((out - out_) & mask_) > ((told_ - out_) & mask_)) {
    if (out != ~std::uint32_t{0}) site_.fail("the request queue's out index is impossible");
    return 0;
  }
  out_ = out;
  free_ = mask_ - ((in_ - out_) & mask_);
  return free_;
}

}  // namespace qla
