// Places of the fields of Fibre Channel frames, link services and Common Transport, typed in again from FC-FS-4,
// FC-LS-3, FC-GS-7 and FCP-4; and values that drivers of other hands use.
#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>

#include "hal/port/fc_ct.h"
#include "hal/port/fc_els.h"
#include "hal/port/fc_frame.h"

namespace hal::fc {
namespace {

struct PlacedField {
  const char* name;
  std::size_t offset, size;  // as the struct has it
  std::size_t byte, width;   // as the standard has it
};
#define FIELD(type, member, byte, width) \
  PlacedField { #type "." #member, offsetof(type, member), sizeof(type::member), byte, width }

constexpr PlacedField kFields[] = {
    // FC-FS-4 table 20, words 0 to 5
    FIELD(FrameHeader, r_ctl, 0, 1),
    FIELD(FrameHeader, d_id, 1, 3),
    FIELD(FrameHeader, cs_ctl, 4, 1),
    FIELD(FrameHeader, s_id, 5, 3),
    FIELD(FrameHeader, type, 8, 1),
    FIELD(FrameHeader, f_ctl, 9, 3),
    FIELD(FrameHeader, seq_id, 12, 1),
    FIELD(FrameHeader, df_ctl, 13, 1),
    FIELD(FrameHeader, seq_cnt, 14, 2),
    FIELD(FrameHeader, ox_id, 16, 2),
    FIELD(FrameHeader, rx_id, 18, 2),
    FIELD(FrameHeader, parameter, 20, 4),
    // Basic Link Services
    FIELD(BaAcc, seq_id_validity, 0, 1),
    FIELD(BaAcc, seq_id, 1, 1),
    FIELD(BaAcc, ox_id, 4, 2),
    FIELD(BaAcc, rx_id, 6, 2),
    FIELD(BaAcc, low_seq_cnt, 8, 2),
    FIELD(BaAcc, high_seq_cnt, 10, 2),
    FIELD(BaRjt, reason, 1, 1),
    FIELD(BaRjt, explanation, 2, 1),
    FIELD(BaRjt, vendor, 3, 1),
    // FCP-4 clause 9
    FIELD(FcpCmnd, lun, 0, 8),
    FIELD(FcpCmnd, command_reference_number, 8, 1),
    FIELD(FcpCmnd, priority_attribute, 9, 1),
    FIELD(FcpCmnd, task_management_flags, 10, 1),
    FIELD(FcpCmnd, additional_length, 11, 1),
    FIELD(FcpCmnd, cdb, 12, 16),
    FIELD(FcpCmnd, data_length, 28, 4),
    FIELD(FcpXferRdy, data_offset, 0, 4),
    FIELD(FcpXferRdy, burst_length, 4, 4),
    FIELD(FcpRsp, status_qualifier, 8, 2),
    FIELD(FcpRsp, flags, 10, 1),
    FIELD(FcpRsp, status, 11, 1),
    FIELD(FcpRsp, residual, 12, 4),
    FIELD(FcpRsp, sense_length, 16, 4),
    FIELD(FcpRsp, response_length, 20, 4),
    FIELD(FcpRspInfo, code, 3, 1),
    // FC-LS-3: logins
    FIELD(LoginPayload, command, 0, 1),
    FIELD(LoginPayload, common, 4, 16),
    FIELD(LoginPayload, port_name, 20, 8),
    FIELD(LoginPayload, node_name, 28, 8),
    FIELD(LoginPayload, class1, 36, 16),
    FIELD(LoginPayload, class2, 52, 16),
    FIELD(LoginPayload, class3, 68, 16),
    FIELD(LoginPayload, auxiliary, 84, 16),
    FIELD(LoginPayload, vendor_version, 100, 16),
    FIELD(CommonServiceParameters, highest_version, 0, 1),
    FIELD(CommonServiceParameters, lowest_version, 1, 1),
    FIELD(CommonServiceParameters, credit, 2, 2),
    FIELD(CommonServiceParameters, features, 4, 2),
    FIELD(CommonServiceParameters, receive_size, 6, 2),
    FIELD(CommonServiceParameters, total_sequences, 8, 2),
    FIELD(CommonServiceParameters, relative_offsets, 10, 2),
    FIELD(CommonServiceParameters, error_detect_time, 12, 4),
    FIELD(ClassServiceParameters, options, 0, 2),
    FIELD(ClassServiceParameters, initiator_control, 2, 2),
    FIELD(ClassServiceParameters, recipient_control, 4, 2),
    FIELD(ClassServiceParameters, receive_size, 6, 2),
    FIELD(ClassServiceParameters, concurrent_sequences, 8, 2),
    FIELD(ClassServiceParameters, end_to_end_credit, 10, 2),
    FIELD(ClassServiceParameters, open_sequences, 13, 1),
    FIELD(LsRjt, command, 0, 1),
    FIELD(LsRjt, reason, 5, 1),
    FIELD(LsRjt, explanation, 6, 1),
    FIELD(LsRjt, vendor, 7, 1),
    FIELD(ProcessLogin, command, 0, 1),
    FIELD(ProcessLogin, page_length, 1, 1),
    FIELD(ProcessLogin, payload_length, 2, 2),
    FIELD(ProcessLogin, page, 4, 16),
    FIELD(ProcessPage, type, 0, 1),
    FIELD(ProcessPage, type_extension, 1, 1),
    FIELD(ProcessPage, flags, 2, 2),
    FIELD(ProcessPage, originator, 4, 4),
    FIELD(ProcessPage, responder, 8, 4),
    FIELD(ProcessPage, parameters, 12, 4),
    FIELD(Logo, port_id, 5, 3),
    FIELD(Logo, port_name, 8, 8),
    FIELD(Adisc, hard_address, 5, 3),
    FIELD(Adisc, port_name, 8, 8),
    FIELD(Adisc, node_name, 16, 8),
    FIELD(Adisc, port_id, 25, 3),
    FIELD(Rscn, page_length, 1, 1),
    FIELD(Rscn, payload_length, 2, 2),
    FIELD(RscnPage, qualifier_format, 0, 1),
    FIELD(RscnPage, port_id, 1, 3),
    FIELD(PortRscn, page, 4, 4),
    FIELD(Scr, function, 7, 1),
    FIELD(ExchangeQuery, originator, 5, 3),
    FIELD(ExchangeQuery, ox_id, 8, 2),
    FIELD(ExchangeQuery, rx_id, 10, 2),
    FIELD(RecAcc, ox_id, 4, 2),
    FIELD(RecAcc, rx_id, 6, 2),
    FIELD(RecAcc, originator, 9, 3),
    FIELD(RecAcc, responder, 13, 3),
    FIELD(RecAcc, transferred, 16, 4),
    FIELD(RecAcc, status, 20, 4),
    FIELD(RtvAcc, resource_allocation_time, 4, 4),
    FIELD(RtvAcc, error_detect_time, 8, 4),
    FIELD(RtvAcc, qualifier, 12, 4),
    FIELD(RlsAcc, link_failures, 4, 4),
    FIELD(RlsAcc, losses_of_sync, 8, 4),
    FIELD(RlsAcc, losses_of_signal, 12, 4),
    FIELD(RlsAcc, primitive_errors, 16, 4),
    FIELD(RlsAcc, invalid_words, 20, 4),
    FIELD(RlsAcc, invalid_crcs, 24, 4),
    FIELD(Rnid, format, 4, 1),
    FIELD(RnidAcc, format, 4, 1),
    FIELD(RnidAcc, common_length, 5, 1),
    FIELD(RnidAcc, specific_length, 7, 1),
    FIELD(RnidAcc, port_name, 8, 8),
    FIELD(RnidAcc, node_name, 16, 8),
    // FC-GS-7
    FIELD(CtHeader, revision, 0, 1),
    FIELD(CtHeader, in_id, 1, 3),
    FIELD(CtHeader, service, 4, 1),
    FIELD(CtHeader, subtype, 5, 1),
    FIELD(CtHeader, options, 6, 1),
    FIELD(CtHeader, command, 8, 2),
    FIELD(CtHeader, size, 10, 2),
    FIELD(CtHeader, fragment, 12, 1),
    FIELD(CtHeader, reason, 13, 1),
    FIELD(CtHeader, explanation, 14, 1),
    FIELD(CtHeader, vendor, 15, 1),
    FIELD(NsPortId, port_id, 1, 3),
    FIELD(NsScope, domain, 1, 1),
    FIELD(NsScope, area, 2, 1),
    FIELD(NsScope, type, 3, 1),
    FIELD(NsPortTypeScope, port_type, 0, 1),
    FIELD(NsPortTypeScope, domain, 1, 1),
    FIELD(NsPortTypeScope, area, 2, 1),
    FIELD(NsEntry, control, 0, 1),
    FIELD(NsEntry, port_id, 1, 3),
    FIELD(NsEntry, name, 8, 8),
    FIELD(NsPortName, port_id, 1, 3),
    FIELD(NsPortName, name, 4, 8),
    FIELD(NsFc4Types, port_id, 1, 3),
    FIELD(NsFc4Types, types, 4, 32),
    FIELD(NsFc4Features, port_id, 1, 3),
    FIELD(NsFc4Features, features, 6, 1),
    FIELD(NsFc4Features, type, 7, 1),
    FIELD(NsClassOfService, classes, 4, 4),
    FIELD(NsPortTypeOf, port_type, 4, 1),
    FIELD(NsSymbolicPortName, length, 4, 1),
    FIELD(NsSymbolicNodeName, length, 8, 1),
    FIELD(NsAll, port_type, 0, 1),
    FIELD(NsAll, port_id, 1, 3),
    FIELD(NsAll, port_name, 4, 8),
    FIELD(NsAll, symbolic_port_length, 12, 1),
    FIELD(NsAll, symbolic_port, 13, 255),
    FIELD(NsAll, node_name, 268, 8),
    FIELD(NsAll, symbolic_node_length, 276, 1),
    FIELD(NsAll, symbolic_node, 277, 255),
    FIELD(NsAll, initial_process_associator, 532, 8),
    FIELD(NsAll, node_ip, 540, 16),
    FIELD(NsAll, classes, 556, 4),
    FIELD(NsAll, types, 560, 32),
    FIELD(NsAll, port_ip, 592, 16),
    FIELD(NsAll, fabric_port_name, 608, 8),
    FIELD(NsAll, hard_address, 617, 3),
    FIELD(PortSpeeds, capabilities, 0, 2),
    FIELD(PortSpeeds, operating, 2, 2),
};

TEST(FcLayout, FieldsAreWhereTheStandardsPutThem) {
  for (const PlacedField& field : kFields) {
    EXPECT_EQ(field.offset, field.byte) << field.name;
    EXPECT_EQ(field.size, field.width) << field.name;
  }
}

TEST(FcLayout, FrameControlBits) {
  EXPECT_EQ(FrameHeader::ExchangeResponder::kMask, 0x800000u);
  EXPECT_EQ(FrameHeader::SequenceRecipient::kMask, 0x400000u);
  EXPECT_EQ(FrameHeader::FirstSequence::kMask, 0x200000u);
  EXPECT_EQ(FrameHeader::LastSequence::kMask, 0x100000u);
  EXPECT_EQ(FrameHeader::EndSequence::kMask, 0x080000u);
  EXPECT_EQ(FrameHeader::PriorityEnable::kMask, 0x020000u);
  EXPECT_EQ(FrameHeader::TransferInitiative::kMask, 0x010000u);
  EXPECT_EQ(FrameHeader::AbortCondition::kMask, 0x000030u);
  EXPECT_EQ(FrameHeader::RelativeOffset::kMask, 0x000008u);
  EXPECT_EQ(FrameHeader::FillBytes::kMask, 0x000003u);
}

TEST(FcLayout, CommandBytesAndCodes) {
  EXPECT_EQ(Els::kPlogi, 0x03);
  EXPECT_EQ(Els::kFlogi, 0x04);
  EXPECT_EQ(Els::kLogo, 0x05);
  EXPECT_EQ(Els::kPrli, 0x20);
  EXPECT_EQ(Els::kPrlo, 0x21);
  EXPECT_EQ(Els::kTprlo, 0x24);
  EXPECT_EQ(Els::kPdisc, 0x50);
  EXPECT_EQ(Els::kFdisc, 0x51);
  EXPECT_EQ(Els::kAdisc, 0x52);
  EXPECT_EQ(Els::kRscn, 0x61);
  EXPECT_EQ(Els::kScr, 0x62);
  EXPECT_EQ(NameServer::kGpnFt, 0x0172);
  EXPECT_EQ(NameServer::kGnnFt, 0x0173);
  EXPECT_EQ(NameServer::kRftId, 0x0217);
  EXPECT_EQ(NameServer::kRffId, 0x021f);
  EXPECT_EQ(NameServer::kRnnId, 0x0213);
  EXPECT_EQ(NameServer::kRsnnNn, 0x0239);
  EXPECT_EQ(NameServer::kGfpnId, 0x011c);
  EXPECT_EQ(FabricConfiguration::kGpsc, 0x0127);
}

// A PLOGI as a frame analyser shows it: bytes written by hand.
TEST(FcLayout, FrameHeaderIsReadFromBytes) {
  const unsigned char bytes[24] = {0x22, 0x01, 0x02, 0x03, 0x00, 0x04, 0x05, 0x06, 0x01, 0x29, 0x00, 0x00,
                                   0x07, 0x00, 0x00, 0x08, 0x12, 0x34, 0xff, 0xff, 0x00, 0x00, 0x10, 0x00};
  FrameHeader header;
  std::memcpy(&header, bytes, sizeof(header));
  EXPECT_EQ(header.r_ctl, RCtl::kElsRequest);
  EXPECT_EQ(header.d_id, 0x010203u);
  EXPECT_EQ(header.s_id, 0x040506u);
  EXPECT_TRUE(FrameHeader::FirstSequence::get(header.f_ctl));
  EXPECT_TRUE(FrameHeader::EndSequence::get(header.f_ctl));
  EXPECT_TRUE(FrameHeader::TransferInitiative::get(header.f_ctl));
  EXPECT_FALSE(FrameHeader::ExchangeResponder::get(header.f_ctl));
  EXPECT_EQ(header.seq_cnt, 8u);
  EXPECT_EQ(header.ox_id, 0x1234u);
  EXPECT_EQ(header.parameter, 0x1000u);
}

TEST(FcLayout, ResourceAllocationTimeIsOneWordOfTwoHalves) {
  LoginPayload payload;
  payload.set_resource_allocation_time(0x12345678);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(&payload);
  EXPECT_EQ(bytes[12], 0x12);
  EXPECT_EQ(bytes[15], 0x78);
  EXPECT_EQ(payload.resource_allocation_time(), 0x12345678u);
}

}  // namespace
}  // namespace hal::fc
