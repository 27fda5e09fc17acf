// A disk on a RAM, fake or failing medium behind a loop port, with short words for CDBs and what must come back.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "scsi_core/backstore.h"
#include "scsi_core/sense_codes.h"
#include "tests/support/log_guard.h"
#include "tests/support/loop_target.h"

namespace scsi {

using test_support::LoopNexus;
using test_support::LoopTarget;
using test_support::Reply;
using test_support::Request;

using Cdb = std::vector<std::uint8_t>;
using Bytes = std::vector<std::byte>;

// A medium in a vector, with everything a test may want to go wrong. Answers from the poll loop.
struct FakeMedium {
  std::uint32_t block_size = 512;
  std::uint64_t blocks = 4096;
  bool lends = false;
  std::size_t lend_at_most = ~std::size_t{0};  // bytes a call
  bool volatile_cache = true;
  bool thin = true;
  StoreStatus fail_with = StoreStatus::kGood;  // requests that touch [fail_from, fail_to)
  StoreOp fail_op = StoreOp::kRead;
  std::uint64_t fail_from = 0, fail_to = 0;

  Bytes bytes;
  std::vector<bool> mapped;  // by block
  struct Seen {
    StoreOp op;
    std::uint64_t offset, length;
    bool fua;
  };
  std::vector<Seen> requests;  // in order
  int lent = 0;
};

class Bench {
 public:
  explicit Bench(FakeMedium medium = {}, LuConfig config = {}, std::size_t reactors = 1,
                 MetadataStore* metadata = nullptr);

  LoopTarget& target() { return target_; }
  FakeMedium& medium() { return *medium_; }
  LoopNexus& host() { return *host_; }
  LoopNexus& login(const std::string& name, std::size_t reactor = 0);  // without unit attentions
  LogicalUnit& lu();

  Reply run(const Cdb& cdb) { return target_.run(*host_, {.cdb = cdb}); }
  Reply in(const Cdb& cdb, std::size_t length) { return target_.run(*host_, {.cdb = cdb, .in = length}); }
  Reply out(const Cdb& cdb, Bytes data) { return target_.run(*host_, {.cdb = cdb, .out = std::move(data)}); }
  Reply run(LoopNexus& nexus, const Cdb& cdb) { return target_.run(nexus, {.cdb = cdb}); }

 private:
  std::shared_ptr<FakeMedium> medium_;
  LoopTarget target_;
  LoopNexus* host_ = nullptr;
};

// --- CDBs ---

std::vector<std::uint8_t> opcodes(std::initializer_list<int> values);  // for range-for over a list

Cdb cdb_6(std::uint8_t opcode, std::uint32_t lba, std::uint8_t blocks);
Cdb cdb_10(std::uint8_t opcode, std::uint8_t flags, std::uint32_t lba, std::uint16_t blocks);
Cdb cdb_12(std::uint8_t opcode, std::uint8_t flags, std::uint32_t lba, std::uint32_t blocks);
Cdb cdb_16(std::uint8_t opcode, std::uint8_t flags, std::uint64_t lba, std::uint32_t blocks);
Cdb compare_and_write_cdb(std::uint64_t lba, std::uint8_t blocks, std::uint8_t flags = 0);
Cdb write_atomic_cdb(std::uint64_t lba, std::uint16_t blocks, std::uint8_t flags = 0);

// --- data ---

Bytes pattern(std::size_t length, std::uint64_t seed);
Bytes bytes_of(std::initializer_list<int> values);
std::uint64_t number(const Bytes& data, std::size_t at, std::size_t width);  // big-endian

// --- sense data, fixed or descriptor format ---

struct SenseView {
  SenseCode code;
  bool has_information = false;
  std::uint64_t information = 0;
  bool has_pointer = false, in_cdb = false, has_bit = false;
  unsigned byte = 0, bit = 0;
};
SenseView sense_of(const Reply& reply);

void expect_check(const Reply& reply, SenseCode code);
void expect_check(const Reply& reply, SenseCode code, std::uint64_t information);
// INVALID FIELD IN CDB or PARAMETER LIST with its field pointer; bit -1: none is told.
void expect_invalid_cdb(const Reply& reply, unsigned byte, int bit = -1);
void expect_invalid_parameter(const Reply& reply, unsigned byte, int bit = -1);

}  // namespace scsi
