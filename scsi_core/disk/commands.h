// The commands of the disk and of an empty LUN, by the file that holds them; each is entered from its opcode row with
// the CDB already checked against the usage mask, the reservation, the medium and write protection.
#pragma once

#include "scsi_core/command.h"

namespace scsi::disk {

// read.cc
void read_6(Command& c);
void read(Command& c);  // 10, 12, 16
// write.cc
void write_6(Command& c);
void write(Command& c);         // 10, 12, 16
void write_atomic(Command& c);  // 16
// verify.cc
void verify(Command& c);            // 10, 12, 16
void write_and_verify(Command& c);  // 10, 12, 16
// compare_and_write.cc
void compare_and_write(Command& c);
// or_write.cc
void or_write(Command& c);
// write_same.cc
void write_same(Command& c);  // 10, 16
// protected_*.cc: the same of a unit with protection information
void protected_read(Command& c);               // 6, 10, 12, 16, 32
void protected_write(Command& c);              // 6, 10, 12, 16, 32
void protected_write_atomic(Command& c);       // 16
void protected_write_and_verify(Command& c);   // 10, 12, 16, 32
void protected_verify(Command& c);             // 10, 12, 16, 32
void protected_write_same(Command& c);         // 10, 16, 32
void protected_compare_and_write(Command& c);  // 16
// provisioning.cc
void unmap(Command& c);
void get_lba_status(Command& c);
// capacity.cc
void read_capacity_10(Command& c);
void read_capacity_16(Command& c);
void read_defect_data_10(Command& c);
void read_defect_data_12(Command& c);
// cache.cc
void synchronize_cache(Command& c);  // 10, 16
void prefetch(Command& c);           // 10, 16
// medium.cc
void start_stop_unit(Command& c);
void prevent_allow_medium_removal(Command& c);
// primary.cc
void test_unit_ready(Command& c);
void request_sense(Command& c);
void report_luns(Command& c);
// inquiry.cc
void inquiry(Command& c);
// report_supported.cc
void report_supported_operation_codes(Command& c);
void report_supported_task_management_functions(Command& c);
// mode_sense.cc
void mode_sense_6(Command& c);
void mode_sense_10(Command& c);
// mode_select.cc
void mode_select_6(Command& c);
void mode_select_10(Command& c);

}  // namespace scsi::disk
