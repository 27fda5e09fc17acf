// Connects to a server, and makes a PciDevice of the function that it has.
#include "hal/vfio_user/client.h"

#include "hal/vfio_user/served_function.h"
#include "hal/vfio_user/socket.h"

namespace hal::vfio_user {

base::Result<std::unique_ptr<PciDevice>> open(base::Fd connected, const std::string& name) {
  auto function = std::make_unique<ServedFunction>(std::move(connected), name);
  TRY(function->start());
  return function;
}

base::Result<std::unique_ptr<PciDevice>> open(const std::string& path) {
  base::Fd connected = TRY(connect_to(path));
  return open(std::move(connected), "unix:" + path);
}

}  // namespace hal::vfio_user
