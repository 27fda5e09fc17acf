// The parts of an address with a port, as text: "192.0.2.7:3260", "[2001:db8::7]:3260".
#pragma once

#include <string_view>

namespace hal {

std::string_view host_of(std::string_view address);  // what stands before the last colon; IPv6 keeps its brackets
std::string_view port_of(std::string_view address);  // and what stands behind it

}  // namespace hal
