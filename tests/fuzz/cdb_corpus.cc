// Checks that the seeds of `cdb` hold every opcode and service action of the disk's tables, in a CDB that passes the
// check of its reserved bits. Says which are missing. cdb_corpus DIRECTORY
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

#include "scsi_core/disk/opcode_table.h"
#include "tests/fuzz/cdb_input.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const scsi::OpcodeTable& short_cdbs = scsi::disk::opcodes(true);  // the larger one
  const scsi::OpcodeTable& long_cdbs = scsi::disk::opcodes(true, 2);
  std::set<const scsi::OpcodeRow*> missing;
  for (const scsi::OpcodeRow& row : short_cdbs.rows()) missing.insert(&row);
  for (const scsi::OpcodeRow& row : long_cdbs.rows()) {
    if (row.opcode == scsi::kVariableLengthCdb) missing.insert(&row);
  }
  const std::size_t all = missing.size();
  for (const auto& seed : std::filesystem::directory_iterator(argv[1])) {
    std::ifstream file(seed.path(), std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
    Input input(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    for (std::size_t i = 0; i < kCdbSteps && !input.empty(); ++i) {
      CdbStep step = next_cdb_step(input);
      if (step.kind != CdbStep::Kind::kSend) continue;
      std::vector<std::uint8_t>& cdb = step.request.cdb;
      const auto length = static_cast<std::uint16_t>(cdb.size());
      if (cdb.size() < 32) cdb.resize(32);
      const scsi::OpcodeTable& table = cdb[0] == scsi::kVariableLengthCdb ? long_cdbs : short_cdbs;
      bool bad_service_action = false;
      const scsi::OpcodeRow* const row = table.find(cdb.data(), length, bad_service_action);
      if (row != nullptr && row->allows(cdb.data())) missing.erase(row);
    }
  }
  for (const scsi::OpcodeRow* row : missing) {
    std::printf("no seed for %s (%02xh/%02xh)\n", row->name, unsigned{row->opcode}, unsigned{row->service_action});
  }
  std::printf("%zu of %zu opcodes and service actions have seeds\n", all - missing.size(), all);
  return missing.empty() ? 0 : 1;
}
