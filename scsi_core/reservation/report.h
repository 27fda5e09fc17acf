// Parameter data of PERSISTENT RESERVE IN (SPC-5 6.16).
#pragma once

#include <cstdint>

#include "base/cursor.h"
#include "scsi_core/reservation/table.h"

namespace scsi {

// Each writes the whole; `out` keeps what fits, and the lengths inside tell of the whole.
void report_keys(const ReservationTable& table, base::Writer& out);
void report_reservation(const ReservationTable& table, base::Writer& out);
void report_capabilities(const ReservationTable& table, base::Writer& out);
void report_full_status(const ReservationTable& table, base::Writer& out);

}  // namespace scsi
