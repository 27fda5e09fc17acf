// Unix sockets by path, for both ends of vfio-user.
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace hal::vfio_user {

// Blocking; kNotFound when nobody listens there.
base::Result<base::Fd> connect_to(const std::string& path);
// Non-blocking, mode 0600. A stale socket file is replaced, one that answers is not.
base::Result<base::Fd> listen_at(const std::string& path);

}  // namespace hal::vfio_user
