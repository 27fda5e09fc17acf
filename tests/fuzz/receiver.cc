// Fuzzes the cutting of a TCP stream into PDUs: however the stream is cut into reads, the same PDUs come out of it.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "drivers/soft/tcp/receiver.h"
#include "hal/dma.h"
#include "tests/fuzz/input.h"
#include "tests/support/require.h"

namespace {

using soft::tcp::Receiver;

// Writes down what it is told, in a form that does not depend on where reads ended.
struct Recorder final : soft::tcp::PduSink {
  explicit Recorder(bool streams_data) : streams(streams_data) {}
  void number(std::uint64_t value) {
    const auto bytes = std::as_bytes(std::span(&value, 1));
    log.insert(log.end(), bytes.begin(), bytes.end());
  }
  void bytes(std::span<const std::byte> data) {
    number(data.size());
    log.insert(log.end(), data.begin(), data.end());
  }
  void pdu_received(const hal::ControlPdu& pdu) override {
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
  const bool streams;
  std::array<std::byte, 37> place{};
  static constexpr std::size_t kNothing = ~std::size_t{0};
  std::size_t before_last = kNothing;  // size of the log before a PDU that was told without its padding
  std::vector<std::byte> payload, log;
};

bool same(const Recorder& whole, const Recorder& cut) {
  if (whole.log == cut.log) return true;
  return cut.before_last == whole.log.size() && std::equal(whole.log.begin(), whole.log.end(), cut.log.begin());
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
  const auto stream = std::as_bytes(input.bytes(input.left()));
  const bool header_digest = (mode & 1) != 0, data_digest = (mode & 2) != 0;
  static hal::DmaPool pool(std::size_t{8} << 20);  // making one costs more than an input
  {
    Recorder whole(false), cut((mode & 4) != 0);
    Receiver one(whole, pool), many(cut, pool);
    one.set_limits(header_digest, data_digest, 8192);
    many.set_limits(header_digest, data_digest, 8192);
    one.consume(stream);
    for (std::size_t at = 0, i = 0; at < stream.size(); ++i) {
      const std::size_t part =
          std::min<std::size_t>(1 + (cuts.empty() ? 0 : cuts[i % cuts.size()]), stream.size() - at);
      feed(many, stream.subspan(at, part));
      at += part;
    }
    REQUIRE(same(whole, cut));
  }
  REQUIRE(pool.in_use() == 0);
  return 0;
}
