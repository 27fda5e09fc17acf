// Fuzzes the cutting of a TCP stream into PDUs: however the stream is cut into reads, the same PDUs come out of it. The
// stream is the input's as it is, or PDUs with lengths, padding and digests that fit; with a login (opcode 3) digests
// begin, at once or when the reader has been told to go on.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "drivers/soft/tcp/crc32c.h"
#include "drivers/soft/tcp/receiver.h"
#include "hal/dma.h"
#include "tests/fuzz/input.h"
#include "tests/support/require.h"

namespace {

using soft::tcp::Receiver;

constexpr std::uint32_t kMaxData = 8192;

// Writes down what it is told, in a form that does not depend on where reads ended.
struct Recorder final : soft::tcp::PduSink {
  explicit Recorder(std::uint8_t mode) : streams((mode & 4) != 0), mode_(mode) {}
  void number(std::uint64_t value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    log.insert(log.end(), bytes.begin(), bytes.end());
  }
  void bytes(std::span<const std::byte> data) {
    number(data.size());
    log.insert(log.end(), data.begin(), data.end());
  }
  void pdu_received(const hal::ControlPdu& pdu) override {
    if (hal::iscsi::OpcodeBits::get(pdu.header.opcode) == hal::iscsi::Opcode::kLoginRequest) {
      if ((mode_ & 16) != 0) receiver->stop();
      if ((mode_ & 32) != 0) receiver->set_limits(true, true, kMaxData);
    }
    before_last = kNothing;
    number(1);
    bytes(std::as_bytes(std::span(&pdu.header, 1)));
    bytes(pdu.ahs);
    bytes(pdu.data);
    number(pdu.data_digest_error ? 1 : 0);
  }
  bool payload_begins(const hal::iscsi::DataOut& header) override {
    if (!streams) return false;
    payload.assign(std::as_bytes(std::span(&header, 1)).begin(), std::as_bytes(std::span(&header, 1)).end());
    return true;
  }
  std::span<std::byte> payload_place(std::uint32_t left) override {
    return std::span(place).first(std::min<std::size_t>(left, place.size()));
  }
  void payload_arrived(std::uint32_t size) override {
    REQUIRE(size <= place.size());
    payload.insert(payload.end(), place.begin(), place.begin() + size);
  }
  void payload_ended() override {  // as pdu_received would have said it, but before its padding is here
    before_last = (payload.size() % 4 != 0) ? log.size() : kNothing;
    number(1);
    bytes(std::span(payload).first(sizeof(hal::iscsi::BasicHeader)));
    bytes({});
    bytes(std::span(payload).subspan(sizeof(hal::iscsi::BasicHeader)));
    number(0);
  }
  void stream_broken(hal::CloseReason reason, const hal::iscsi::BasicHeader&) override {
    number(100 + static_cast<std::uint64_t>(reason));
  }
  Receiver* receiver = nullptr;
  bool streams;
  std::array<std::byte, 37> place{};
  static constexpr std::size_t kNothing = ~std::size_t{0};
  std::size_t before_last = kNothing;  // size of the log before a PDU that was told without its padding
  std::vector<std::byte> payload, log;

 private:
  std::uint8_t mode_;
};

bool same(const Recorder& whole, const Recorder& cut) {
  if (whole.log == cut.log) return true;
  return cut.before_last == whole.log.size() && std::equal(whole.log.begin(), whole.log.end(), cut.log.begin());
}

void append_digest(std::vector<std::byte>& out, std::size_t from, bool spoil) {
  soft::tcp::Crc32c crc;
  crc.add(std::span(out).subspan(from));
  const base::le32 digest = crc.digest();
  const auto bytes = std::as_bytes(std::span(&digest, 1));
  out.insert(out.end(), bytes.begin(), bytes.end());
  if (spoil) out.back() ^= std::byte{1};
}

// PDUs as a host makes them: opcode, what is peculiar, length of the data, and what of it the input says.
std::vector<std::byte> make_stream(Input& input, std::uint8_t mode) {
  std::vector<std::byte> out;
  bool header_digest = (mode & 1) != 0, data_digest = (mode & 2) != 0;
  while (!input.empty() && out.size() < 65536) {
    hal::iscsi::BasicHeader header;
    header.opcode = input.byte();
    const std::uint8_t how = input.byte();
    header.flags = input.byte();
    const std::uint32_t length = (how & 8) != 0 ? input.word() & 0x3fffu : input.byte() & 0x3fu;
    header.data_segment_length = length;
    header.total_ahs_length = how & 7;
    const std::size_t at = out.size();
    const auto raw = std::as_bytes(std::span(&header, 1));
    out.insert(out.end(), raw.begin(), raw.end());
    out.resize(out.size() + (how & 7u) * 4, std::byte{how});
    if (header_digest) append_digest(out, at, (how & 0x30) == 0x30);
    const std::size_t data_at = out.size();
    const auto given = std::as_bytes(input.bytes(std::min<std::size_t>(length, how >> 6)));
    out.insert(out.end(), given.begin(), given.end());
    out.resize(data_at + length + hal::iscsi::padding(length), std::byte{how});
    if (data_digest && length != 0) append_digest(out, data_at, (how & 0x30) == 0x20);
    const bool login = hal::iscsi::OpcodeBits::get(header.opcode) == hal::iscsi::Opcode::kLoginRequest;
    if (login && (mode & 32) != 0) header_digest = data_digest = true;
  }
  return out;
}

void go_on(Receiver& receiver) {
  while (receiver.stopped()) receiver.resume();
}

void feed(Receiver& receiver, std::span<const std::byte> bytes) {
  const auto direct = receiver.direct_place();
  if (!direct.empty()) {
    const std::size_t here = std::min(direct.size(), bytes.size());
    std::memcpy(direct.data(), bytes.data(), here);
    receiver.direct_arrived(here);
    bytes = bytes.subspan(here);
  }
  receiver.consume(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::uint8_t mode = input.byte();
  const auto cuts = input.bytes(7);
  std::vector<std::byte> stream;
  if ((mode & 8) != 0) {
    stream = make_stream(input, mode);
  } else {
    const auto raw = std::as_bytes(input.bytes(input.left()));
    stream.assign(raw.begin(), raw.end());
  }
  const bool header_digest = (mode & 1) != 0, data_digest = (mode & 2) != 0;
  static hal::DmaPool pool(std::size_t{8} << 20);  // making one costs more than an input
  {
    Recorder whole(mode), cut(mode);
    whole.streams = false;
    Receiver one(whole, pool), many(cut, pool);
    whole.receiver = &one;
    cut.receiver = &many;
    one.set_limits(header_digest, data_digest, kMaxData);
    many.set_limits(header_digest, data_digest, kMaxData);
    one.consume(stream);
    go_on(one);
    for (std::size_t at = 0, i = 0; at < stream.size(); ++i) {
      const std::uint8_t cut_at = cuts.empty() ? 0 : cuts[i % cuts.size()];
      // 0xff: to the end of the PDU at hand.
      const auto rest = cut_at == 0xff ? many.to_next_pdu() : std::nullopt;
      const std::size_t wanted = rest && *rest != 0 ? *rest : 1u + cut_at;
      const std::size_t part = std::min<std::size_t>(wanted, stream.size() - at);
      const bool stopped = many.stopped();
      feed(many, std::span(stream).subspan(at, part));
      if (rest == part && !stopped && !many.stopped()) REQUIRE(many.to_next_pdu() == 0u);
      at += part;
      if ((cut_at & 1) != 0) go_on(many);
    }
    go_on(many);
    REQUIRE(same(whole, cut));
  }
  REQUIRE(pool.in_use() == 0);
  return 0;
}
