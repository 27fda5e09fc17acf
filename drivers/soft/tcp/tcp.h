// The Datamover over kernel TCP sockets.
#pragma once

#include <memory>

#include "hal/port/datamover.h"

namespace soft::tcp {

// Sockets are non-blocking; one object serves all reactors. Outlives its listeners and connections.
std::unique_ptr<hal::Datamover> make_datamover();

}  // namespace soft::tcp
