// CDBs of SPC-5 and SBC-4 that the disk answers, byte for byte; Bits name the fields inside bytes.
#pragma once

#include <cstdint>

#include "base/bits.h"
#include "base/endian.h"

namespace scsi::cdb {

using base::be16;
using base::be24;
using base::be32;
using base::be64;

// Byte 1 of the medium access commands (SBC-4 5.x); the service action of those that have one is bits 4..0.
using Protect = base::Bits8<7, 5>;  // RDPROTECT, WRPROTECT, VRPROTECT, ORPROTECT
using Dpo = base::Flag8<4>;
using Fua = base::Flag8<3>;
using BytChk = base::Bits8<2, 1>;   // VERIFY, WRITE AND VERIFY
using Anchor = base::Flag8<4>;      // WRITE SAME; UNMAP: bit 0
using UnmapBit = base::Flag8<3>;    // WRITE SAME
using Ndob = base::Flag8<0>;        // WRITE SAME(16)
using Immed = base::Flag8<1>;       // SYNCHRONIZE CACHE, PRE-FETCH
using StartImmed = base::Flag8<0>;  // START STOP UNIT
using ServiceAction = base::Bits8<4, 0>;
using GroupNumber = base::Bits8<5, 0>;

// READ(6), WRITE(6): a 21-bit address, and 0 blocks means 256.
struct ReadWrite6 {
  std::uint8_t operation_code;
  be24 logical_block_address;  // bits 20..0
  std::uint8_t transfer_length;
  std::uint8_t control;
};
static_assert(sizeof(ReadWrite6) == 6 && alignof(ReadWrite6) == 1);

// READ, WRITE, WRITE AND VERIFY, VERIFY, PRE-FETCH, SYNCHRONIZE CACHE, WRITE SAME (10).
struct Medium10 {
  std::uint8_t operation_code;
  std::uint8_t flags;
  be32 logical_block_address;
  std::uint8_t group_number;
  be16 transfer_length;
  std::uint8_t control;
};
static_assert(sizeof(Medium10) == 10 && alignof(Medium10) == 1);

// READ, WRITE, WRITE AND VERIFY, VERIFY (12).
struct Medium12 {
  std::uint8_t operation_code;
  std::uint8_t flags;
  be32 logical_block_address;
  be32 transfer_length;
  std::uint8_t group_number;
  std::uint8_t control;
};
static_assert(sizeof(Medium12) == 12 && alignof(Medium12) == 1);

// READ, WRITE, WRITE AND VERIFY, VERIFY, PRE-FETCH, SYNCHRONIZE CACHE, WRITE SAME, ORWRITE (16).
struct Medium16 {
  std::uint8_t operation_code;
  std::uint8_t flags;
  be64 logical_block_address;
  be32 transfer_length;
  std::uint8_t group_number;
  std::uint8_t control;
};
static_assert(sizeof(Medium16) == 16 && alignof(Medium16) == 1);

// READ, WRITE, WRITE AND VERIFY, VERIFY, WRITE SAME (32): with protection type 2 only.
struct Medium32 {
  std::uint8_t operation_code;  // variable length
  std::uint8_t control;
  std::uint8_t reserved[4];
  std::uint8_t group_number;
  std::uint8_t additional_cdb_length;
  be16 service_action;
  std::uint8_t flags;
  std::uint8_t reserved11;
  be64 logical_block_address;
  be32 expected_initial_logical_block_reference_tag;
  be16 expected_logical_block_application_tag;
  be16 logical_block_application_tag_mask;
  be32 transfer_length;
};
static_assert(sizeof(Medium32) == 32 && alignof(Medium32) == 1);

struct CompareAndWrite {
  std::uint8_t operation_code;
  std::uint8_t flags;
  be64 logical_block_address;
  std::uint8_t reserved[3];
  std::uint8_t number_of_logical_blocks;
  std::uint8_t group_number;
  std::uint8_t control;
};
static_assert(sizeof(CompareAndWrite) == 16);

struct WriteAtomic16 {
  std::uint8_t operation_code;
  std::uint8_t flags;
  be64 logical_block_address;
  be16 atomic_boundary;
  be16 transfer_length;
  std::uint8_t group_number;
  std::uint8_t control;
};
static_assert(sizeof(WriteAtomic16) == 16);

struct Unmap {
  std::uint8_t operation_code;
  std::uint8_t flags;
  std::uint8_t reserved[4];
  std::uint8_t group_number;
  be16 parameter_list_length;
  std::uint8_t control;
};
static_assert(sizeof(Unmap) == 10);

// READ CAPACITY(16), GET LBA STATUS.
struct ServiceActionIn16 {
  std::uint8_t operation_code;
  std::uint8_t service_action;
  be64 starting_logical_block_address;
  be32 allocation_length;
  std::uint8_t flags;
  std::uint8_t control;
};
static_assert(sizeof(ServiceActionIn16) == 16);

struct ReadDefectData10 {
  std::uint8_t operation_code;
  std::uint8_t reserved1;
  std::uint8_t flags;
  std::uint8_t reserved3[4];
  be16 allocation_length;
  std::uint8_t control;
};
static_assert(sizeof(ReadDefectData10) == 10);

struct ReadDefectData12 {
  std::uint8_t operation_code;
  std::uint8_t flags;
  be32 address_descriptor_index;
  be32 allocation_length;
  std::uint8_t reserved;
  std::uint8_t control;
};
static_assert(sizeof(ReadDefectData12) == 12);
using ReqPList = base::Flag8<4>;
using ReqGList = base::Flag8<3>;
using DefectFormat = base::Bits8<2, 0>;

struct StartStopUnit {
  std::uint8_t operation_code;
  std::uint8_t flags;
  std::uint8_t reserved;
  std::uint8_t power_condition_modifier;
  std::uint8_t action;
  std::uint8_t control;
};
static_assert(sizeof(StartStopUnit) == 6);
using PowerCondition = base::Bits8<7, 4>;
using NoFlush = base::Flag8<2>;
using LoadEject = base::Flag8<1>;
using Start = base::Flag8<0>;

struct PreventAllow {
  std::uint8_t operation_code;
  std::uint8_t reserved[3];
  std::uint8_t prevent;
  std::uint8_t control;
};
static_assert(sizeof(PreventAllow) == 6);
using Prevent = base::Bits8<1, 0>;

struct Inquiry {
  std::uint8_t operation_code;
  std::uint8_t flags;
  std::uint8_t page_code;
  be16 allocation_length;
  std::uint8_t control;
};
static_assert(sizeof(Inquiry) == 6);
using Evpd = base::Flag8<0>;

struct RequestSense {
  std::uint8_t operation_code;
  std::uint8_t flags;
  std::uint8_t reserved[2];
  std::uint8_t allocation_length;
  std::uint8_t control;
};
static_assert(sizeof(RequestSense) == 6);
using Desc = base::Flag8<0>;

struct ReportLuns {
  std::uint8_t operation_code;
  std::uint8_t reserved1;
  std::uint8_t select_report;
  std::uint8_t reserved3[3];
  be32 allocation_length;
  std::uint8_t reserved10;
  std::uint8_t control;
};
static_assert(sizeof(ReportLuns) == 12);

struct ModeSense6 {
  std::uint8_t operation_code;
  std::uint8_t flags;
  std::uint8_t page;
  std::uint8_t subpage_code;
  std::uint8_t allocation_length;
  std::uint8_t control;
};
static_assert(sizeof(ModeSense6) == 6);

struct ModeSense10 {
  std::uint8_t operation_code;
  std::uint8_t flags;
  std::uint8_t page;
  std::uint8_t subpage_code;
  std::uint8_t reserved[3];
  be16 allocation_length;
  std::uint8_t control;
};
static_assert(sizeof(ModeSense10) == 10);
using LlbAa = base::Flag8<4>;
using Dbd = base::Flag8<3>;
using PageControl = base::Bits8<7, 6>;
using PageCode = base::Bits8<5, 0>;

struct ModeSelect6 {
  std::uint8_t operation_code;
  std::uint8_t flags;
  std::uint8_t reserved[2];
  std::uint8_t parameter_list_length;
  std::uint8_t control;
};
static_assert(sizeof(ModeSelect6) == 6);

struct ModeSelect10 {
  std::uint8_t operation_code;
  std::uint8_t flags;
  std::uint8_t reserved[5];
  be16 parameter_list_length;
  std::uint8_t control;
};
static_assert(sizeof(ModeSelect10) == 10);
using PageFormat = base::Flag8<4>;
using SavePages = base::Flag8<0>;

// REPORT SUPPORTED OPERATION CODES, REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (the latter uses byte 2 bit 7 only).
struct ReportSupported {
  std::uint8_t operation_code;
  std::uint8_t service_action;
  std::uint8_t options;
  std::uint8_t requested_operation_code;
  be16 requested_service_action;
  be32 allocation_length;
  std::uint8_t reserved;
  std::uint8_t control;
};
static_assert(sizeof(ReportSupported) == 12);
using Rctd = base::Flag8<7>;  // and REPD
using ReportingOptions = base::Bits8<2, 0>;

}  // namespace scsi::cdb
