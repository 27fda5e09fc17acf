// Fuzzes the login phase: any sequence of Login Requests, to an open target, to one that asks for CHAP, or to
// discovery. What must hold: it ends within its bounds, its answers are text, and nobody gets past CHAP, for no input
// can know the challenge.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "base/log.h"
#include "fabrics/iscsi/login.h"
#include "tests/fuzz/input.h"
#include "tests/support/require.h"

namespace {

using namespace iscsi;

constexpr std::string_view kOpen = "iqn.2026-01.test:open";
constexpr std::string_view kGuarded = "iqn.2026-01.test:guarded";

SettingsRef settings(bool discovery_guarded) {
  Authentication guarded;
  guarded.required = true;
  guarded.accounts = {{.user = "alice",
                       .secret = "correct horse battery",
                       .mutual_user = "target",
                       .mutual_secret = "staple of the target"}};
  FabricConfig config;
  Target target;
  target.name = kOpen;
  config.targets.push_back(target);
  target.name = kGuarded;
  target.authentication = guarded;
  target.initiators = {"iqn.2026-01.test:*"};
  config.targets.push_back(target);
  if (discovery_guarded) config.discovery = guarded;
  return SettingsRef(std::make_unique<Settings>(config, std::vector<Portal>{{"10.0.0.1:3260", 1}}));
}

void check_text(std::string_view text) {
  REQUIRE(text.size() <= Login::kMaxAnswer);
  TextReader reader(text);
  KeyValue pair;
  TextReader::Step step;
  while ((step = reader.next(pair)) == TextReader::Step::kPair) {
  }
  REQUIRE(step == TextReader::Step::kEnd);
}

void check_identity(const Login& login, bool discovery_guarded) {
  const LoginIdentity& who = login.identity();
  REQUIRE(normalized_name(who.initiator) == who.initiator);
  REQUIRE(who.discovery ? !discovery_guarded : who.target == kOpen);
  REQUIRE(who.authentication == "none");
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  base::set_log_level(base::LogLevel::kOff);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const bool discovery_guarded = (input.byte() & 1) != 0;
  Login login(settings(discovery_guarded), {.portal_group = 1, .peer = "10.0.0.9:50000", .local = "10.0.0.1:3260"});
  for (unsigned i = 0; i <= Login::kMaxPdus; ++i) {
    if (input.empty()) break;
    pdu::LoginRequest request;
    const std::uint8_t how = input.byte();
    request.flags = input.byte();
    request.isid = {0, 2, 0x3d, 0, 0, 1};
    if ((how & 1) != 0) {  // any header at all
      const auto header = input.bytes(sizeof request);
      std::memcpy(&request, header.data(), header.size());
    }
    const auto text = std::as_bytes(input.bytes(input.word() & 0x1fff));
    const Login::Next next = login.take(request, text);
    check_text(login.text());
    if (next == Login::Next::kFullFeature) check_identity(login, discovery_guarded);
    if (next != Login::Next::kMore) break;
    REQUIRE(i < Login::kMaxPdus);
  }
  return 0;
}
