// Places of the fields of the disk's CDBs and parameter data, typed in again from SPC-5 and SBC-4.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <string>

#include "scsi_core/disk/cdb.h"
#include "scsi_core/disk/mode_parameters.h"

namespace scsi {
namespace {

struct Field {
  const char* name;
  std::size_t offset, size;  // as the struct has it
  std::size_t byte, width;   // as the standard has it
};
#define FIELD(type, member, byte, width) \
  Field { #type "." #member, offsetof(cdb::type, member), sizeof(cdb::type::member), byte, width }

constexpr Field kFields[] = {
    FIELD(ReadWrite6, logical_block_address, 1, 3),
    FIELD(ReadWrite6, transfer_length, 4, 1),
    FIELD(ReadWrite6, control, 5, 1),
    FIELD(Medium10, logical_block_address, 2, 4),
    FIELD(Medium10, group_number, 6, 1),
    FIELD(Medium10, transfer_length, 7, 2),
    FIELD(Medium10, control, 9, 1),
    FIELD(Medium12, logical_block_address, 2, 4),
    FIELD(Medium12, transfer_length, 6, 4),
    FIELD(Medium12, group_number, 10, 1),
    FIELD(Medium12, control, 11, 1),
    FIELD(Medium16, logical_block_address, 2, 8),
    FIELD(Medium16, transfer_length, 10, 4),
    FIELD(Medium16, group_number, 14, 1),
    FIELD(Medium16, control, 15, 1),
    FIELD(Medium32, control, 1, 1),
    FIELD(Medium32, group_number, 6, 1),
    FIELD(Medium32, additional_cdb_length, 7, 1),
    FIELD(Medium32, service_action, 8, 2),
    FIELD(Medium32, flags, 10, 1),
    FIELD(Medium32, logical_block_address, 12, 8),
    FIELD(Medium32, expected_initial_logical_block_reference_tag, 20, 4),
    FIELD(Medium32, expected_logical_block_application_tag, 24, 2),
    FIELD(Medium32, logical_block_application_tag_mask, 26, 2),
    FIELD(Medium32, transfer_length, 28, 4),
    FIELD(CompareAndWrite, logical_block_address, 2, 8),
    FIELD(CompareAndWrite, number_of_logical_blocks, 13, 1),
    FIELD(CompareAndWrite, group_number, 14, 1),
    FIELD(CompareAndWrite, control, 15, 1),
    FIELD(WriteAtomic16, logical_block_address, 2, 8),
    FIELD(WriteAtomic16, atomic_boundary, 10, 2),
    FIELD(WriteAtomic16, transfer_length, 12, 2),
    FIELD(WriteAtomic16, group_number, 14, 1),
    FIELD(WriteAtomic16, control, 15, 1),
    FIELD(Unmap, group_number, 6, 1),
    FIELD(Unmap, parameter_list_length, 7, 2),
    FIELD(Unmap, control, 9, 1),
    FIELD(ServiceActionIn16, starting_logical_block_address, 2, 8),
    FIELD(ServiceActionIn16, allocation_length, 10, 4),
    FIELD(ServiceActionIn16, control, 15, 1),
    FIELD(ReadDefectData10, flags, 2, 1),
    FIELD(ReadDefectData10, allocation_length, 7, 2),
    FIELD(ReadDefectData12, flags, 1, 1),
    FIELD(ReadDefectData12, address_descriptor_index, 2, 4),
    FIELD(ReadDefectData12, allocation_length, 6, 4),
    FIELD(StartStopUnit, flags, 1, 1),
    FIELD(StartStopUnit, power_condition_modifier, 3, 1),
    FIELD(StartStopUnit, action, 4, 1),
    FIELD(PreventAllow, prevent, 4, 1),
    FIELD(Inquiry, flags, 1, 1),
    FIELD(Inquiry, page_code, 2, 1),
    FIELD(Inquiry, allocation_length, 3, 2),
    FIELD(RequestSense, flags, 1, 1),
    FIELD(RequestSense, allocation_length, 4, 1),
    FIELD(ReportLuns, select_report, 2, 1),
    FIELD(ReportLuns, allocation_length, 6, 4),
    FIELD(ReportLuns, control, 11, 1),
    FIELD(ModeSense6, flags, 1, 1),
    FIELD(ModeSense6, page, 2, 1),
    FIELD(ModeSense6, subpage_code, 3, 1),
    FIELD(ModeSense6, allocation_length, 4, 1),
    FIELD(ModeSense10, flags, 1, 1),
    FIELD(ModeSense10, page, 2, 1),
    FIELD(ModeSense10, subpage_code, 3, 1),
    FIELD(ModeSense10, allocation_length, 7, 2),
    FIELD(ModeSelect6, flags, 1, 1),
    FIELD(ModeSelect6, parameter_list_length, 4, 1),
    FIELD(ModeSelect10, flags, 1, 1),
    FIELD(ModeSelect10, parameter_list_length, 7, 2),
    FIELD(ReportSupported, options, 2, 1),
    FIELD(ReportSupported, requested_operation_code, 3, 1),
    FIELD(ReportSupported, requested_service_action, 4, 2),
    FIELD(ReportSupported, allocation_length, 6, 4),
    FIELD(ReportSupported, control, 11, 1),
};

TEST(CdbLayout, FieldsLieWhereTheStandardPutsThem) {
  for (const Field& field : kFields) {
    EXPECT_EQ(field.offset, field.byte) << field.name;
    EXPECT_EQ(field.size, field.width) << field.name;
  }
}

struct BitField {
  const char* name;
  unsigned hi, lo;  // as the alias has it
  unsigned standard_hi, standard_lo;
};
#define BITS(alias, hi, lo) \
  BitField { #alias, cdb::alias::kHi, cdb::alias::kLo, hi, lo }

constexpr BitField kBits[] = {
    BITS(Protect, 7, 5),
    BITS(Dpo, 4, 4),
    BITS(Fua, 3, 3),
    BITS(BytChk, 2, 1),
    BITS(Anchor, 4, 4),
    BITS(UnmapBit, 3, 3),
    BITS(Ndob, 0, 0),
    BITS(Immed, 1, 1),
    BITS(StartImmed, 0, 0),
    BITS(ServiceAction, 4, 0),
    BITS(GroupNumber, 5, 0),
    BITS(ReqPList, 4, 4),
    BITS(ReqGList, 3, 3),
    BITS(DefectFormat, 2, 0),
    BITS(PowerCondition, 7, 4),
    BITS(NoFlush, 2, 2),
    BITS(LoadEject, 1, 1),
    BITS(Start, 0, 0),
    BITS(Prevent, 1, 0),
    BITS(Evpd, 0, 0),
    BITS(Desc, 0, 0),
    BITS(LlbAa, 4, 4),
    BITS(Dbd, 3, 3),
    BITS(PageControl, 7, 6),
    BITS(PageCode, 5, 0),
    BITS(PageFormat, 4, 4),
    BITS(SavePages, 0, 0),
    BITS(Rctd, 7, 7),
    BITS(ReportingOptions, 2, 0),
};

TEST(CdbLayout, BitsLieWhereTheStandardPutsThem) {
  for (const BitField& field : kBits) {
    EXPECT_EQ(field.hi, field.standard_hi) << field.name;
    EXPECT_EQ(field.lo, field.standard_lo) << field.name;
  }
}

TEST(CdbLayout, NumbersAreBigEndian) {
  const std::uint8_t bytes[16] = {0x8a, 0x18, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06,
                                  0x07, 0x08, 0x11, 0x12, 0x13, 0x14, 0x3f, 0x00};
  cdb::Medium16 cdb;
  std::memcpy(&cdb, bytes, sizeof(cdb));
  EXPECT_EQ(cdb.logical_block_address, 0x0102030405060708u);
  EXPECT_EQ(cdb.transfer_length, 0x11121314u);
  EXPECT_EQ(cdb.group_number, 0x3f);
}

TEST(ModeParameterLayout, HeadersAndBlockDescriptorsAreAsInTheStandards) {
  using namespace disk;  // NOLINT
  EXPECT_EQ(offsetof(ModeHeader6, medium_type), 1u);
  EXPECT_EQ(offsetof(ModeHeader6, device_specific), 2u);
  EXPECT_EQ(offsetof(ModeHeader6, block_descriptor_length), 3u);
  EXPECT_EQ(offsetof(ModeHeader10, medium_type), 2u);
  EXPECT_EQ(offsetof(ModeHeader10, device_specific), 3u);
  EXPECT_EQ(offsetof(ModeHeader10, long_lba), 4u);
  EXPECT_EQ(offsetof(ModeHeader10, block_descriptor_length), 6u);
  EXPECT_EQ(offsetof(ShortBlockDescriptor, logical_block_length), 5u);
  EXPECT_EQ(offsetof(LongBlockDescriptor, logical_block_length), 12u);
}

// Bytes of the pages: {page, subpage, offset in the page, value of the default, changeable bits}.
struct PageByte {
  std::uint8_t page, subpage;
  std::size_t byte;
  std::uint8_t value, changeable;
};
constexpr PageByte kPageBytes[] = {
    {0x01, 0x00, 1, 0x0a, 0x00}, {0x01, 0x00, 2, 0xc0, 0x00},  // AWRE, ARRE
    {0x08, 0x00, 1, 0x12, 0x00}, {0x08, 0x00, 2, 0x04, 0x04},  // WCE
    {0x0a, 0x00, 1, 0x0a, 0x00}, {0x0a, 0x00, 2, 0x00, 0x04},  // D_SENSE
    {0x0a, 0x00, 3, 0x10, 0x00},                               // QUEUE ALGORITHM MODIFIER
    {0x0a, 0x00, 4, 0x00, 0x38}, {0x0a, 0x00, 5, 0x00, 0x40},  // UA_INTLCK_CTRL, SWP; TAS
    {0x0a, 0x01, 1, 0x01, 0x00}, {0x0a, 0x01, 3, 0x1c, 0x00},
    {0x1c, 0x00, 1, 0x0a, 0x00}, {0x1c, 0x00, 2, 0x08, 0x00},  // DEXCPT
};

TEST(ModePageLayout, BytesAreAsInTheStandards) {
  for (const PageByte& at : kPageBytes) {
    const disk::ModePage* page = disk::ModePages::find(at.page, at.subpage);
    ASSERT_NE(page, nullptr);
    const std::string where =
        std::to_string(at.page) + "/" + std::to_string(at.subpage) + " " + std::to_string(at.byte);
    EXPECT_EQ(disk::ModePages(true).defaults[page->at + at.byte], at.value) << where;
    EXPECT_EQ(disk::ModePages::changeable()[page->at + at.byte], at.changeable) << where;
    const bool tags = at.page == 0x0a && at.subpage == 0 && at.byte == 5;  // ATO, with protection information
    EXPECT_EQ(disk::ModePages::changeable(true)[page->at + at.byte], at.changeable | (tags ? 0x80 : 0)) << where;
  }
}

}  // namespace
}  // namespace scsi
