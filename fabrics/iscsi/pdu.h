// The wire formats by a short name inside this folder.
#pragma once

#include "hal/port/iscsi_pdu.h"

namespace iscsi {
namespace pdu = hal::iscsi;
}
