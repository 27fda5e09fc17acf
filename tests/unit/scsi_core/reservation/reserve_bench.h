// A target whose one disk knows the reservation commands and one command of each class that reservations tell apart.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "scsi_core/device_server.h"
#include "scsi_core/metadata_store.h"
#include "scsi_core/reservation/table.h"
#include "tests/support/fake_store.h"
#include "tests/support/loop_target.h"

namespace scsi::test {

using test_support::LoopCommand;
using test_support::LoopNexus;
using test_support::LoopTarget;
using test_support::Reply;
using test_support::Request;

// Outlives the server.
struct ServerLog {
  std::vector<NexusKey> lost;  // nexus_lost: their PREVENT is taken back
};

std::unique_ptr<DeviceServer> make_reserve_server(ServerLog& log);

// --- commands ---

Request test_unit_ready();                            // allowed under any reservation
Request read_block(std::uint8_t lba);                 // READ(6) of one block
Request write_block(std::uint8_t lba, char content);  // WRITE(6) of one block
Request mode_sense();                                 // for registrants only
Request reserve_6();
Request release_6();
Request reserve_10();
Request release_10();

struct OutFields {
  ReserveAction action = ReserveAction::kRegister;
  std::uint64_t key = 0, service_key = 0;
  ReservationType type = ReservationType::kNone;
  std::uint8_t flags = 0;  // byte 20: SPEC_I_PT 8, ALL_TG_PT 4, APTPL 1
  std::vector<std::byte> rest{};
};
Request reserve_out(const OutFields& fields);
Request register_and_move(std::uint64_t key, std::uint64_t service_key, std::uint8_t flags, std::uint16_t relative_port,
                          const std::vector<std::byte>& transport_id);
Request reserve_in(std::uint8_t action, std::uint16_t allocation = 4096);

std::vector<std::byte> transport_ids(const std::vector<TransportId>& ids);  // with their length in front

// --- what PERSISTENT RESERVE IN says ---

struct FullStatus {  // of READ FULL STATUS
  std::uint64_t key;
  bool holder;
  std::uint8_t type;
  std::uint16_t relative_port;
  TransportId initiator;
};

struct ReserveBench {
  explicit ReserveBench(std::size_t reactors = 1, MetadataStore* records = nullptr, std::uint64_t seed = 1);
  ~ReserveBench();
  // Logs in through a target (and so a target port) and clears the unit attentions.
  LoopNexus& login(const std::string& name, std::size_t reactor = 0, const std::string& target = kTarget);
  Reply run(LoopNexus& nexus, Request request);  // until it is over, however long the record store takes
  bool enroll(LoopNexus& nexus, std::uint64_t key, bool persist = false);
  bool reserve(LoopNexus& nexus, std::uint64_t key, ReservationType type);
  std::uint32_t generation(LoopNexus& by);
  std::vector<std::uint64_t> keys(LoopNexus& by);
  std::vector<FullStatus> full_status(LoopNexus& by);
  ReservationType type(LoopNexus& by);

  static constexpr const char* kTarget = "iqn.2026-01.test:target";
  test_support::FakeMedium medium{64};
  ServerLog log;
  MetadataStore* const metadata;
  LoopTarget target;

 private:
  Reply good_in(LoopNexus& by, std::uint8_t action);
  std::vector<LoopNexus*> elsewhere_;  // through other targets than the LoopTarget's own
};

}  // namespace scsi::test
