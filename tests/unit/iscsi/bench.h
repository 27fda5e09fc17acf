// A whole iSCSI fabric on one reactor under a manual clock, a fake datamover below it, a fake SCSI core above it; and
// an initiator that keeps its own numbers.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "fabrics/iscsi/service.h"
#include "tests/support/fake_datamover.h"
#include "tests/unit/iscsi/fake_router.h"

namespace iscsi {

namespace pdu = hal::iscsi;
using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string text_of(const Pairs& pairs);
std::string value_in(const std::string& text, const std::string& key);  // "<none>" when it is not there

inline constexpr const char* kTarget = "iqn.2026-01.test:disk";
inline constexpr const char* kHost = "iqn.2026-01.test:host";

struct IscsiBench {
  // So many reactors besides the one that also has the control part.
  explicit IscsiBench(std::size_t others = 0);
  ~IscsiBench();
  base::Result<void> apply();  // `config`
  void settle();
  void advance(base::Duration by);
  test_support::FakeConnection& connect(const std::string& peer = "10.0.0.9:50000", std::size_t portal = 0);
  std::vector<SessionInfo> sessions();
  std::vector<std::string> events();  // their names
  FabricCounters counters();
  bool alive(const test_support::FakeConnection& connection) const;

  base::ManualClock clock;
  std::unique_ptr<hal::Reactor> reactor;
  std::vector<std::unique_ptr<hal::Reactor>> other_reactors;
  test_support::FakeDatamover datamover;
  std::unique_ptr<FakeRouter> router;
  std::vector<std::unique_ptr<FakeRouter>> other_routers;
  std::unique_ptr<Fabric> fabric;
  FabricConfig config;
};

// Speaks as an initiator on one connection; knows what StatSN, ExpCmdSN and MaxCmdSN must be.
class Initiator {
 public:
  Initiator(IscsiBench& bench, test_support::FakeConnection& connection) : bench_(bench), connection_(&connection) {}
  std::string name = kHost;
  std::array<std::uint8_t, 6> isid = {0, 2, 0x3d, 0, 0, 1};
  std::uint16_t tsih = 0, cid = 1;
  std::uint32_t cmd_sn = 100, stat_sn = 1;  // the next of ours; what the next response must carry
  std::uint32_t max_cmd_sn = 0;             // as last told

  test_support::FakeConnection& connection() { return *connection_; }
  // Logs in as a further connection of another's session. Requests are sent by one after the other: `after` says whose
  // CmdSN goes on.
  std::uint16_t join(const Initiator& leading, std::uint16_t own_cid, Pairs operational = {});
  void after(const Initiator& other) { cmd_sn = other.cmd_sn; }
  pdu::LoginRequest login_request(std::uint8_t flags) const;
  // One request straight to the full feature phase; the response's status.
  std::uint16_t log_in(Pairs operational = {}, bool discovery = false);
  void must_log_in(Pairs operational = {}, bool discovery = false) { ASSERT_EQ(log_in(operational, discovery), 0); }

  pdu::ScsiCommand command(std::uint32_t tag, bool immediate = false);  // takes a CmdSN unless immediate
  std::uint32_t read(std::uint32_t tag, std::uint32_t length);
  std::uint32_t write(std::uint32_t tag, std::uint32_t length, std::span<const std::byte> data = {},
                      bool more_follows = false);
  void manage(std::uint8_t function, std::uint32_t tag, std::uint32_t referenced = pdu::kReservedTag,
              std::uint32_t referenced_cmd_sn = 0, bool immediate = true);
  void nop(std::uint32_t tag, std::span<const std::byte> data = {}, bool immediate = false);
  void text(std::uint32_t tag, const std::string& text, bool final = true, bool more = false,
            std::uint32_t ttt = pdu::kReservedTag);
  void logout(std::uint8_t reason = 0) { logout(reason, cid); }
  void logout(std::uint8_t reason, std::uint16_t whom);

  // The next PDU that was sent, which must be of this kind; numbers checked.
  test_support::SentPdu expect(pdu::Opcode opcode);
  void expect_reject(pdu::RejectReason reason);
  void expect_nothing() {
    EXPECT_TRUE(connection_->sent.empty()) << "unexpected opcode " << std::hex << opcode_in_front();
  }
  void expect_status(std::uint32_t tag, scsi::Status status = scsi::Status::kGood);
  void expect_management(std::uint32_t tag, std::uint8_t response);

 private:
  int opcode_in_front() const;
  void check_numbers(const test_support::SentPdu& pdu);
  IscsiBench& bench_;
  test_support::FakeConnection* connection_;
};

std::vector<std::byte> pattern(std::size_t size, std::uint8_t first = 1);

}  // namespace iscsi
