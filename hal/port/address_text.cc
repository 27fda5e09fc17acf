// Cutting addresses at their last colon.
#include "hal/port/address_text.h"

namespace hal {

std::string_view host_of(std::string_view address) { return address.substr(0, address.rfind(':')); }

std::string_view port_of(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  return colon == std::string_view::npos ? address : address.substr(colon + 1);
}

}  // namespace hal
