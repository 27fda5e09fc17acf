// Fuzzes iSCSI key=value text: the reader, every key's negotiation, numbers and binary values, and text exchanges of
// the full feature phase cut into pieces. The text is the input's as it is, or made of the table's keys.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

#include "fabrics/iscsi/negotiation.h"
#include "fabrics/iscsi/text.h"
#include "fabrics/iscsi/text_exchange.h"
#include "fabrics/iscsi/value.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/text_input.h"
#include "tests/support/require.h"

namespace {

using namespace iscsi;

constexpr std::size_t kLimit = 8192;

// What we write must be text that our own reader takes, to its end.
void check_answer(std::string_view text, std::size_t limit) {
  REQUIRE(text.size() <= limit);
  TextReader reader(text);
  KeyValue pair;
  TextReader::Step step;
  while ((step = reader.next(pair)) == TextReader::Step::kPair) REQUIRE(!pair.key.empty() && pair.key.size() <= 63);
  REQUIRE(step == TextReader::Step::kEnd);
}

constexpr TargetKeys kNarrow = {.header_digest = DigestUse::kRequired,
                                .data_digest = DigestUse::kNone,
                                .initial_r2t = true,
                                .immediate_data = false,
                                .max_recv_data_segment_length = 1024,
                                .max_burst_length = 4096,
                                .first_burst_length = 512,
                                .max_outstanding_r2t = 1,
                                .default_time2wait = 9,
                                .default_time2retain = 8};

// Whatever was offered: what the target does not want is not agreed to.
void check_narrow(const Negotiation& negotiation) {
  const Parameters& now = negotiation.parameters();
  REQUIRE(!now.data_digest && now.max_outstanding_r2t == 1);
  REQUIRE((negotiation.refusal() == nullptr) == now.header_digest);
  REQUIRE(now.initial_r2t);
  REQUIRE(now.max_burst <= 4096 || now.max_burst == Parameters().max_burst);
  REQUIRE(now.first_burst <= 512 || now.first_burst == std::min(Parameters().first_burst, now.max_burst));
  REQUIRE(!negotiation.offered(Key::kDefaultTime2Wait) || now.time2wait >= 9 ||
          now.time2wait == Parameters().time2wait);
}

void check_parameters(const Parameters& now) {
  constexpr std::uint32_t kMax = (1 << 24) - 1;
  REQUIRE(now.initiator_max_data >= 512 && now.initiator_max_data <= kMax);
  REQUIRE(now.max_burst >= 512 && now.max_burst <= kMax);
  REQUIRE(now.first_burst >= 512 && now.first_burst <= now.max_burst);
  REQUIRE(now.max_outstanding_r2t >= 1 && now.max_outstanding_r2t <= hal::DataTask::kMaxR2t);
  REQUIRE(now.max_connections >= 1 && now.max_connections <= kMaxSessionConnections);
  REQUIRE(now.error_recovery_level <= kMaxErrorRecoveryLevel);
  REQUIRE(now.error_recovery_level == 0 || (now.data_pdu_in_order && now.data_sequence_in_order));
}

void check_value(std::string_view value) {
  std::array<std::byte, 24> out;
  if (const auto size = decode_binary(value, out)) {
    REQUIRE(*size <= out.size());
    std::array<std::byte, 24> again;
    const auto back = decode_binary(encode_hex(std::span(out).first(*size)), again);
    if (*size != 0) REQUIRE(back == size && std::equal(out.begin(), out.begin() + *size, again.begin()));
  }
  parse_number(value);
  for (std::string_view list = value; !list.empty();) {
    const std::size_t before = list.size();
    next_element(list);
    REQUIRE(list.size() < before);
  }
}

void negotiate(std::uint8_t mode, std::span<const std::byte> text, std::size_t limit) {
  constexpr std::array kPlaces = {kInSecurity, kInOperational, kInFullFeature, kInOperational};
  Negotiation negotiation({}, (mode & 4) != 0);
  if ((mode & 0x20) != 0) negotiation.set_max_connections(kMaxSessionConnections);
  if ((mode & 0x40) != 0) negotiation.set_error_recovery_level(kMaxErrorRecoveryLevel);
  if ((mode & 0x80) != 0) negotiation.set_joining();
  if ((mode & 3) == 3) negotiation.set_target(kNarrow);
  TextWriter answer(limit);
  TextReader reader(text);
  KeyValue pair;
  while (reader.next(pair) == TextReader::Step::kPair) {
    check_value(pair.value);
    if (!negotiation.offer(pair, kPlaces[mode & 3], answer)) return;
  }
  negotiation.finish(answer);
  check_answer(answer.text(), limit);  // as far as it went
  check_parameters(negotiation.parameters());
  if ((mode & 3) == 3) check_narrow(negotiation);
}

SettingsRef settings(std::uint8_t mode) {
  FabricConfig config;
  config.listing = {.forbidden = (mode & 0x20) != 0, .other_portal_groups = (mode & 0x40) == 0};
  for (int i = 0; i < 5; ++i) {
    Target target;
    target.name = "iqn.2026-01.test:target" + std::to_string(i);
    target.portal_groups = {1, 2};
    if (i == 2) target.initiators = {"iqn.*:H?st*"};
    if (i == 3) target.initiators = {"*t:?o*x", "iqn.2026-01.test:other", "iqn.2026-01.test:host?"};
    if (i == 4) target.portal_groups = {3};
    config.targets.push_back(target);
  }
  const std::vector<Portal> portals = {
      {"10.0.0.1:3260", 1}, {"[fe80::1]:3260", 2}, {"0.0.0.0:3261", 1}, {"[::]:3261", 2}, {"192.0.2.1", 1}};
  return SettingsRef(std::make_unique<Settings>(config, portals));
}

void exchange(std::uint8_t mode, Input& input) {
  LoginIdentity identity;
  identity.initiator = "iqn.2026-01.test:host";
  identity.target = "iqn.2026-01.test:target0";
  identity.discovery = (mode & 4) != 0;
  identity.portal_group = 1;
  const TextContext context{settings(mode), identity, "10.0.0.1:3260"};
  TextExchange exchange(1, {}, identity.discovery);
  std::string answer;
  const std::size_t room = 1u + 4u * input.byte();
  for (int i = 0; i < 200 && !input.empty(); ++i) {
    const bool more_follows = (input.byte() & 1) != 0;
    const std::string made = (mode & 16) != 0 ? next_pairs(input, 8) : std::string();
    const auto text =
        (mode & 16) != 0 ? std::as_bytes(std::span(made)) : std::as_bytes(input.bytes(std::size_t{4} * input.byte()));
    if (!exchange.take(text, more_follows, context)) return;
    const TextExchange::Piece piece = exchange.next(room);
    REQUIRE(piece.text.size() <= room);
    REQUIRE(!(more_follows && !piece.text.empty()));
    answer += piece.text;
    if (exchange.exhausted() && !more_follows) break;
  }
  for (int i = 0; i < 10'000 && !exchange.exhausted(); ++i) {
    if (!exchange.take({}, false, context)) return;
    answer += exchange.next(room).text;
  }
  if (exchange.exhausted()) check_answer(answer, answer.size());
  check_parameters(exchange.parameters());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::uint8_t mode = input.byte();
  if ((mode & 8) != 0) {
    exchange(mode, input);
  } else if ((mode & 16) != 0) {
    const std::string text = next_pairs(input, 40);
    const std::size_t room = input.byte();
    negotiate(mode, std::as_bytes(std::span(text)), room == 0 ? kLimit : room);
  } else {
    negotiate(mode, std::as_bytes(input.bytes(input.left())), kLimit);
  }
  return 0;
}
