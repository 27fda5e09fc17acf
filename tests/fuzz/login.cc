// Fuzzes the login phase: any sequence of Login Requests, or requests made of the steps of a login with keys of the
// table, by a peer that knows a secret and uses it or not. The targets: open, guarded by CHAP, judged by RADIUS,
// elsewhere, closed to this peer; discovery is open or guarded.
//
// What must hold: it ends within its bounds, its answers are text, and nobody gets past CHAP but who gave the right
// response, and nobody to a target that is not for him.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "base/log.h"
#include "fabrics/iscsi/login.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/text_input.h"
#include "tests/fuzz/text_value.h"
#include "tests/support/require.h"

namespace {

using namespace iscsi;

constexpr std::string_view kOpen = "iqn.2026-01.test:open", kGuarded = "iqn.2026-01.test:guarded",
                           kRadius = "iqn.2026-01.test:radius", kClosed = "iqn.2026-01.test:closed",
                           kMoved = "iqn.2026-01.test:moved", kGone = "iqn.2026-01.test:gone",
                           kOther = "iqn.2026-01.test:other-group";
constexpr std::array kTargets = {kOpen, kGuarded, kRadius, kClosed, kMoved, kGone, kOther, std::string_view("iqn.x")};
constexpr std::string_view kUser = "alice", kSecret = "correct horse battery";

Authentication guard(bool radius) {
  Authentication guard;
  guard.required = true;
  guard.radius = radius;
  guard.accounts = {{.user = std::string(kUser),
                     .secret = std::string(kSecret),
                     .mutual_user = "target",
                     .mutual_secret = "staple of the target"},
                    {.user = "bob", .secret = "a secret of bob's", .mutual_user = "", .mutual_secret = ""}};
  return guard;
}

SettingsRef settings(bool discovery_guarded) {
  FabricConfig config;
  for (const std::string_view name : kTargets) {
    if (name == kTargets.back()) continue;
    Target target;
    target.name = name;
    target.max_connections = kMaxSessionConnections;
    target.error_recovery_level = kMaxErrorRecoveryLevel;
    if (name == kOpen) target.alias = "the open one";
    if (name == kOpen && discovery_guarded) target.keys.header_digest = DigestUse::kRequired;
    if (name == kGuarded || name == kRadius) target.authentication = guard(name == kRadius);
    if (name == kGuarded) target.initiators = {"iqn.2026-01.test:*"};
    if (name == kClosed) target.initiator_addresses = {"192.0.2.0/24"};
    if (name == kMoved || name == kGone) target.redirection = {"192.0.2.7:3260", name == kGone};
    if (name == kOther) target.portal_groups = {2};
    config.targets.push_back(target);
  }
  if (discovery_guarded) config.discovery = guard(false);
  return SettingsRef(std::make_unique<Settings>(
      config, std::vector<Portal>{{.address = "10.0.0.1:3260", .tag = 1, .max_sessions = 3}}));
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

struct Peer {
  explicit Peer(bool discovery_is_guarded) : discovery_guarded(discovery_is_guarded) {}
  const bool discovery_guarded;
  Login login{settings(discovery_guarded), {.portal_group = 1, .peer = "10.0.0.9:50000", .local = "10.0.0.1:3260"}};
  std::uint8_t stage = 0;
  bool right = false;    // the response last sent was the right one, for alice, or was found right
  bool partial = false;  // more of the request is to come
  bool proven = false;

  // The leading request's names, and steps of CHAP, as the bits say; then whatever keys.
  std::string steps(Input& input) {
    const std::uint8_t what = input.byte();
    std::string text;
    const auto add = [&text](std::string_view key, std::string_view value) {
      text.append(key).append("=").append(value).push_back('\0');
    };
    if ((what & 1) != 0) {
      add("InitiatorName", "iqn.2026-01.test:host");
      if ((what & 2) != 0) add("SessionType", "Discovery");
      if ((what & 2) == 0) add("TargetName", pick(input, kTargets));
    }
    if ((what & 4) != 0) add("AuthMethod", "CHAP,None");
    if ((what & 8) != 0) add("CHAP_A", "8,7,6,5");
    if ((what & 0x10) != 0) {
      add("CHAP_N", kUser);
      add("CHAP_R", response(input));
    }
    if ((what & 0x20) != 0) {
      add("CHAP_I", "7");
      add("CHAP_C", (what & 0x40) != 0 ? value_of(login.text(), "CHAP_C") : "0x0123456789abcdef");
    }
    return text + next_pairs(input, 12);
  }
  std::string response(Input& input) {
    std::array<std::byte, 1024> challenge{};
    const auto size = decode_binary(value_of(login.text(), "CHAP_C"), challenge);
    const auto algorithm = parse_number(value_of(login.text(), "CHAP_A"));
    const auto identifier = parse_number(value_of(login.text(), "CHAP_I"));
    if (!size || !algorithm || !identifier) return "0x00";
    const auto digest =
        ChapDigest::compute(static_cast<ChapAlgorithm>(*algorithm), static_cast<std::uint8_t>(*identifier), kSecret,
                            std::span<const std::byte>(challenge).first(*size));
    std::string text = encode_hex(digest->bytes());
    right = (input.byte() & 3) != 3;
    if (!right) text.back() = text.back() == '0' ? '1' : '0';
    return text;
  }
  Login::Next take(Input& input) {
    pdu::LoginRequest request;
    const std::uint8_t how = input.byte();
    request.flags = input.byte();
    request.isid = {0, 2, 0x3d, 0, 0, 1};
    std::string made;
    std::span<const std::byte> text;
    right = right && partial;
    if ((how & 2) != 0) {
      const std::uint8_t flags = request.flags;
      request.flags = static_cast<std::uint8_t>(stage << 2 | ((flags & 4) != 0 ? 0x40 : 0));
      if ((flags & 3) != 0) request.flags = static_cast<std::uint8_t>(0x80 | stage << 2 | (flags & 3));
      if ((how & 4) != 0) request.tsih = 7;
      if ((how & 8) != 0) request.flags = flags;
      made = steps(input);
      text = std::as_bytes(std::span(made));
    } else {
      if ((how & 1) != 0) {  // any header at all
        const auto header = input.bytes(sizeof request);
        std::memcpy(&request, header.data(), header.size());
      }
      text = std::as_bytes(input.bytes(input.word() & 0x1fff));
    }
    Login::Next next = login.take(request, text);
    if (next == Login::Next::kAsk) {
      REQUIRE(login.proof().user.size() <= Chap::kMaxUser);
      const auto verdict = static_cast<ChapVerdict>(input.byte() % 3);
      right = verdict == ChapVerdict::kRight;
      next = login.judged(verdict);
    }
    partial = pdu::LoginRequest::Continue::get(request.flags);
    if (login.status() == LoginStatus::kSuccess && right && !partial) proven = true;
    if (pdu::LoginRequest::Transit::get(login.response().flags)) {
      stage = pdu::LoginRequest::NextStage::get(login.response().flags);
    }
    return next;
  }
  void check_identity() const {
    const LoginIdentity& who = login.identity();
    REQUIRE(normalized_name(who.initiator) == who.initiator);
    const bool guarded = who.discovery ? discovery_guarded : who.target == kGuarded || who.target == kRadius;
    // What joins a session stays where that one is, and is not sent elsewhere.
    const bool stays = who.tsih != 0 && (who.target == kMoved || who.target == kGone);
    REQUIRE(who.discovery || guarded || stays || who.target == kOpen);
    if (guarded) REQUIRE(proven);
    REQUIRE((who.authentication != "none") == guarded);
    const LoginResult result = login.result();
    REQUIRE(result.identity.initiator == who.initiator && result.text == login.text());
    REQUIRE(who.discovery || login.limits().portal_sessions == 3);
  }
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  base::set_log_level(base::LogLevel::kOff);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  Peer peer((input.byte() & 1) != 0);
  for (unsigned i = 0; i <= Login::kMaxPdus; ++i) {
    if (input.empty()) break;
    const Login::Next next = peer.take(input);
    check_text(peer.login.text());
    if (next == Login::Next::kFullFeature) peer.check_identity();
    if (next != Login::Next::kMore) break;
    REQUIRE(i < Login::kMaxPdus);
  }
  return 0;
}
