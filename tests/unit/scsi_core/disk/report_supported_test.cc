// REPORT SUPPORTED OPERATION CODES over all opcodes and service actions, against what the disk then really does.
#include <map>
#include <set>
#include <utility>

#include "scsi_core/logical_unit.h"
#include "tests/unit/scsi_core/disk/bench.h"

namespace scsi {
namespace {

Cdb rsoc(std::uint8_t options, std::uint8_t opcode = 0, std::uint16_t action = 0, std::uint32_t length = 65535) {
  Cdb cdb = cdb_12(0xa3, 0x0c, 0, length);
  cdb[2] = options;
  cdb[3] = opcode;
  cdb[4] = static_cast<std::uint8_t>(action >> 8);
  cdb[5] = static_cast<std::uint8_t>(action);
  return cdb;
}
constexpr std::uint8_t kTimeouts = 0x80;

struct Listed {
  bool has_actions;
  unsigned length;
};
std::map<std::pair<unsigned, unsigned>, Listed> all_commands(Bench& bench, std::uint8_t timeouts) {
  std::map<std::pair<unsigned, unsigned>, Listed> listed;
  const Bytes data = bench.in(rsoc(timeouts), 65535).data;
  EXPECT_EQ(number(data, 0, 4) + 4, data.size());
  for (std::size_t at = 4; at < data.size(); at += timeouts ? 20 : 8) {
    const std::uint64_t flags = number(data, at + 5, 1);
    EXPECT_EQ((flags & 2) != 0, timeouts != 0);
    if (timeouts) {
      EXPECT_EQ(number(data, at + 8, 2), 10u);
      EXPECT_GT(number(data, at + 16, 4), 0u);
    }
    if ((flags & 1) == 0) {
      EXPECT_EQ(number(data, at + 2, 2), 0u) << "a SERVICE ACTION without SERVACTV";
    }
    listed[{number(data, at, 1), number(data, at + 2, 2)}] = {(flags & 1) != 0,
                                                              static_cast<unsigned>(number(data, at + 6, 2))};
  }
  return listed;
}

TEST(DiskReportSupported, AllCommandsAreTheTable) {
  Bench bench;
  const auto plain = all_commands(bench, 0);
  EXPECT_EQ(plain.size(), bench.lu().opcodes().rows().size());
  for (const OpcodeRow& row : bench.lu().opcodes().rows()) {
    const auto found = plain.find({row.opcode, row.service_action});
    ASSERT_NE(found, plain.end()) << row.name;
    EXPECT_EQ(found->second.length, row.length);
    EXPECT_EQ(found->second.has_actions, row.sa_byte != 0);
  }
  EXPECT_EQ(all_commands(bench, kTimeouts).size(), plain.size());
}

// One command: 256 opcodes x 32 service actions x options 1, 2, 3, with and without timeouts.
TEST(DiskReportSupported, EveryOpcodeAndServiceActionIsAnsweredAsTheStandardAsks) {
  Bench bench;
  const auto listed = all_commands(bench, 0);
  std::set<unsigned> opcodes, with_actions;
  for (const auto& [key, command] : listed) {
    opcodes.insert(key.first);
    if (command.has_actions) with_actions.insert(key.first);
  }
  const auto expect = [&](const Reply& reply, unsigned opcode, unsigned action, bool supported, bool timeouts) {
    ASSERT_TRUE(reply.good()) << opcode << "/" << action;
    EXPECT_EQ(number(reply.data, 1, 1) & 7, supported ? 3u : 1u) << opcode << "/" << action;
    if (!supported) return;
    const unsigned length = listed.at({opcode, action}).length;
    EXPECT_EQ(number(reply.data, 1, 1) & 0x80, timeouts ? 0x80u : 0u);
    EXPECT_EQ(number(reply.data, 2, 2), length);
    EXPECT_EQ(number(reply.data, 4, 1), opcode);
    EXPECT_EQ(reply.data.size(), 4 + length + (timeouts ? 12u : 0u));
  };
  for (unsigned opcode = 0; opcode < 256; ++opcode) {
    const auto code = static_cast<std::uint8_t>(opcode);
    for (const std::uint8_t timeouts : {std::uint8_t{0}, kTimeouts}) {
      const auto ask = [&](unsigned option, unsigned action) {
        return bench.in(rsoc(static_cast<std::uint8_t>(option | timeouts), code, static_cast<std::uint16_t>(action)),
                        255);
      };
      if (with_actions.contains(opcode)) {
        expect_invalid_cdb(ask(1, 0), 2, 2);
      } else {
        expect(ask(1, 0), opcode, 0, opcodes.contains(opcode), timeouts != 0);
      }
      for (const unsigned action :
           {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 0x0au, 0x0cu, 0x0du, 0x10u, 0x12u, 0x13u, 0x1fu, 0x100u}) {
        const bool supported = listed.contains({opcode, action});
        if (opcodes.contains(opcode) && !with_actions.contains(opcode)) {
          expect_invalid_cdb(ask(2, action), 2, 2);
        } else {
          expect(ask(2, action), opcode, action, supported, timeouts != 0);
        }
        expect(ask(3, action), opcode, action, supported, timeouts != 0);
      }
    }
  }
  for (std::uint8_t option = 4; option < 8; ++option) expect_invalid_cdb(bench.in(rsoc(option), 255), 2, 2);
}

// What is not supported ends with INVALID COMMAND OPERATION CODE or, where the opcode is known, INVALID FIELD.
TEST(DiskReportSupported, WhatIsNotListedIsRefused) {
  Bench bench;
  const auto listed = all_commands(bench, 0);
  std::set<unsigned> opcodes;
  for (const auto& [key, command] : listed) opcodes.insert(key.first);
  for (unsigned opcode = 0; opcode < 256; ++opcode) {
    Cdb cdb(16);
    cdb[0] = static_cast<std::uint8_t>(opcode);
    if (!opcodes.contains(opcode)) {
      EXPECT_EQ(bench.run(cdb).sense, kInvalidCommandOperationCode) << opcode;
      continue;
    }
    for (unsigned action = 0; action < 32; ++action) {
      if (listed.begin()->second.has_actions || listed.contains({opcode, action})) continue;
      if (!listed.contains({opcode, 0}) || listed.at({opcode, 0}).has_actions) {
        cdb[1] = static_cast<std::uint8_t>(action);
        expect_invalid_cdb(bench.run(cdb), 1, 4);
      }
    }
  }
}

// The usage data is the truth: a bit that it shows as zero is refused at that very bit, one by one.
TEST(DiskReportSupported, BitsOutsideTheUsageDataAreRefusedWhereTheyStand) {
  Bench bench;
  for (const OpcodeRow& row : bench.lu().opcodes().rows()) {
    for (unsigned byte = 1; byte < row.length; ++byte) {
      for (int bit = 0; bit < 8; ++bit) {
        const bool action = row.sa_byte == 1 && byte == 1 && bit < 5;
        if (action || row.usage[byte] >> bit & 1) continue;
        Cdb cdb(row.length);
        cdb[0] = row.opcode;
        if (row.sa_byte == 1) cdb[1] = static_cast<std::uint8_t>(row.service_action);
        cdb[byte] |= static_cast<std::uint8_t>(1 << bit);
        SCOPED_TRACE(row.name);
        if (byte == row.length - 1u && (bit < 2 || bit >= 6 || bit == 2)) {
          // CONTROL: obsolete and vendor bits, NACA; the engine looks at NACA at least.
          if (bit == 2) expect_invalid_cdb(bench.run(cdb), byte, bit);
          continue;
        }
        expect_invalid_cdb(bench.run(cdb), byte, bit);
      }
    }
  }
}

TEST(DiskReportSupported, TaskManagementFunctionsAreAllThatTheCoreKnows) {
  Bench bench;
  Cdb cdb = cdb_12(0xa3, 0x0d, 0, 64);
  EXPECT_EQ(bench.in(cdb, 64).data, bytes_of({0xde, 0x07, 0, 0}));
  cdb[2] = 0x80;
  const Bytes extended = bench.in(cdb, 64).data;
  ASSERT_EQ(extended.size(), 16u);
  EXPECT_EQ(number(extended, 0, 4), 0xde07000cu);
}

}  // namespace
}  // namespace scsi
