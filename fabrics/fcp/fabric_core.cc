// The fabric over the real SCSI core: one task router per data reactor.
#include "fabrics/fcp/service.h"

namespace fcp {
namespace {

std::vector<scsi::TaskRouter*> routers_of(scsi::Core& core, std::size_t count) {
  std::vector<scsi::TaskRouter*> routers;
  for (std::size_t i = 0; i < count; ++i) routers.push_back(&core.router(i));
  return routers;
}

}  // namespace

// NOLINTNEXTLINE(performance-unnecessary-value-param): asked for its size before it goes on
Fabric::Fabric(scsi::Core& core, hal::Reactor& control, std::vector<hal::Reactor*> data)
    : Fabric(routers_of(core, data.size()), control, data) {}

}  // namespace fcp
