// The load generator's connection. Reads its own copy of the protocol: nothing of the target's code but the headers.
#include "tests/bench/loadgen_session.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace bench {
namespace {

using namespace hal::iscsi;

constexpr std::size_t kReceiveBuffer = std::size_t{512} << 10;  // small enough to stay in a core's cache

// CRC32C as it stands on the wire (RFC 7143 13.1); the load generator runs on x86 only.
__attribute__((target("sse4.2"))) std::uint32_t crc32c(const std::byte* data, std::size_t size) {
  std::uint64_t crc = 0xffffffffu;
  for (; size >= 8; data += 8, size -= 8) {
    std::uint64_t word;
    std::memcpy(&word, data, 8);
    crc = __builtin_ia32_crc32di(crc, word);
  }
  auto narrow = static_cast<std::uint32_t>(crc);
  for (; size != 0; ++data, --size) narrow = __builtin_ia32_crc32qi(narrow, static_cast<std::uint8_t>(*data));
  return ~narrow;
}

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "loadgen: %s\n", why.c_str());
  std::exit(1);
}

}  // namespace

void Histogram::add(std::uint64_t nanoseconds) {
  const std::uint64_t value = std::max<std::uint64_t>(nanoseconds, kSub);
  const auto power = static_cast<unsigned>(63 - __builtin_clzll(value));
  const std::uint64_t sub = (value >> (power - 4)) & (kSub - 1);
  ++buckets_[power * kSub + sub];
  ++count_;
}

std::uint64_t Histogram::quantile(double q) const {
  auto left = static_cast<std::uint64_t>(q * static_cast<double>(count_));
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    if (buckets_[i] > left) {
      const std::size_t power = i / kSub;
      return (std::uint64_t{1} << power) + ((i % kSub) << (power - 4));
    }
    left -= buckets_[i];
  }
  return 0;
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
}

Session::Session(const Load& load, Numbering& numbering)
    : load_(load),
      numbering_(numbering),
      cid_(++numbering.last_cid),
      random_(numbering.isid + cid_),
      slots_(load.depth),
      payload_(load.block_bytes),
      in_(kReceiveBuffer),
      headers_(load.depth * std::size_t{64} + 1024) {
  for (std::size_t i = 0; i < payload_.size(); ++i) payload_[i] = std::byte(i * 31);
}

Session::~Session() {
  if (fd_ >= 0) close(fd_);
}

std::string Session::text_value(const std::string& text, const std::string& key) const {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\0', at), text.size());
    const std::string pair = text.substr(at, end - at);
    if (pair.rfind(key + "=", 0) == 0) return pair.substr(key.size() + 1);
    at = end + 1;
  }
  return {};
}

std::string Session::login_text() const {
  const std::string digest = load_.digests ? "CRC32C" : "None";
  std::string text = "InitiatorName=iqn.2026-01.test.loadgen:" + std::to_string(numbering_.isid % 1000000);
  text += '\0';
  text += "TargetName=" + load_.target + '\0' + "SessionType=Normal" + '\0' + "HeaderDigest=" + digest + '\0' +
          "DataDigest=" + digest + '\0' + "MaxRecvDataSegmentLength=262144" + '\0';
  if (numbering_.tsih != 0) return text;
  return text + "InitialR2T=No" + '\0' + "ImmediateData=Yes" + '\0' + "MaxBurstLength=1048576" + '\0' +
         "FirstBurstLength=262144" + '\0' + "MaxOutstandingR2T=4" + '\0' + "ErrorRecoveryLevel=0" + '\0' +
         "MaxConnections=" + std::to_string(load_.connections) + '\0';
}

void Session::login() {
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(load_.port);
  inet_pton(AF_INET, load_.host.c_str(), &address.sin_addr);
  if (connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    die("connect: " + std::string(strerror(errno)));
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  std::string text = login_text();
  LoginRequest request;
  request.flags = 0x87;  // transit, operational -> full feature
  const std::uint64_t isid = numbering_.isid;
  request.isid = {0x80,
                  static_cast<std::uint8_t>(isid),
                  static_cast<std::uint8_t>(isid >> 8),
                  static_cast<std::uint8_t>(isid >> 16),
                  0,
                  1};
  request.tsih = numbering_.tsih;
  request.cid = cid_;
  request.initiator_task_tag = 1;
  request.cmd_sn = numbering_.cmd_sn;
  std::string answer;
  for (int turn = 0; turn < 8; ++turn) {
    request.data_segment_length = static_cast<std::uint32_t>(text.size());
    std::string wire(reinterpret_cast<const char*>(&request), sizeof request);
    wire += text + std::string(padding(static_cast<std::uint32_t>(text.size())), '\0');
    if (send(fd_, wire.data(), wire.size(), 0) != static_cast<ssize_t>(wire.size())) die("login could not be sent");
    LoginResponse response;
    if (recv(fd_, &response, sizeof response, MSG_WAITALL) != sizeof response) die("no login response");
    const std::uint32_t size = response.data_segment_length;
    std::string data(size + padding(size), '\0');
    if (size != 0 && recv(fd_, data.data(), data.size(), MSG_WAITALL) != static_cast<ssize_t>(data.size())) {
      die("login response cut short");
    }
    if (response.status != 0) die("login refused with status " + std::to_string(response.status));
    answer += data.substr(0, size);
    exp_stat_sn_ = response.stat_sn + 1;
    if (cid_ == 1) numbering_.max_cmd_sn = response.max_cmd_sn;
    request.exp_stat_sn = exp_stat_sn_;
    if ((response.flags & 0x83) == 0x83) {
      numbering_.tsih = response.tsih;
      fcntl(fd_, F_SETFL, fcntl(fd_, F_GETFL) | O_NONBLOCK);
      if (const auto v = text_value(answer, "FirstBurstLength"); !v.empty())
        first_burst_ = static_cast<std::uint32_t>(std::stoul(v));
      if (const auto v = text_value(answer, "MaxRecvDataSegmentLength"); !v.empty())
        peer_segment_ = static_cast<std::uint32_t>(std::stoul(v));
      immediate_ = text_value(answer, "ImmediateData") != "No";
      initial_r2t_ = text_value(answer, "InitialR2T") == "Yes";
      unit_attention_ = cid_ == 1;
      return;
    }
    text.clear();
  }
  die("login did not end");
}

void Session::queue(const void* header, const std::byte* data, std::uint32_t size) {
  Header& place = headers_[header_next_++ % headers_.size()];
  std::memcpy(place.bytes.data(), header, 48);
  if (load_.digests) place.digest = crc32c(place.bytes.data(), 48);
  out_.push_back({place.bytes.data(), load_.digests ? std::size_t{52} : std::size_t{48}});
  if (size == 0) return;
  out_.push_back({const_cast<std::byte*>(data), size});  // sizes are multiples of four
  if (!load_.digests) return;
  place.data_digest = crc32c(data, size);
  out_.push_back({&place.data_digest, 4});
}

void Session::issue(std::uint32_t index, std::uint64_t now) {
  Slot& slot = slots_[index];
  slot.busy = true;
  slot.started = now;
  ++in_flight_;
  const std::uint64_t places = load_.span_bytes / load_.block_bytes;
  const std::uint64_t place = load_.sequential ? next_sequential_++ % places : random_.below(places);
  const std::uint64_t lba = place * (load_.block_bytes / 512);
  ScsiCommand pdu;
  pdu.flags = static_cast<std::uint8_t>((load_.write ? 0x20 : 0x40) | 0x01);
  pdu.lun[1] = load_.lun;
  pdu.initiator_task_tag = std::uint32_t{cid_} << 16 | index;
  pdu.expected_data_transfer_length = load_.block_bytes;
  pdu.cmd_sn = numbering_.cmd_sn++;
  pdu.exp_stat_sn = exp_stat_sn_;
  pdu.cdb[0] = load_.write ? 0x2a : 0x28;
  const base::be32 lba32 = static_cast<std::uint32_t>(lba);
  std::memcpy(&pdu.cdb[2], &lba32, 4);
  const base::be16 blocks = static_cast<std::uint16_t>(load_.block_bytes / 512);
  std::memcpy(&pdu.cdb[7], &blocks, 2);
  std::uint32_t unsolicited = 0;
  if (load_.write && immediate_) unsolicited = std::min({load_.block_bytes, first_burst_, peer_segment_});
  pdu.data_segment_length = unsolicited;
  // After immediate data, unsolicited Data-Out would be allowed; asking for R2T is what initiators do for large writes.
  pdu.flags = static_cast<std::uint8_t>(pdu.flags | 0x80);
  queue(&pdu, payload_.data(), unsolicited);
}

void Session::data_out(const R2t& r2t) {
  std::uint32_t offset = r2t.buffer_offset, left = r2t.desired_data_transfer_length, sn = 0;
  while (left != 0) {
    const std::uint32_t size = std::min(left, peer_segment_);
    DataOut pdu;
    pdu.initiator_task_tag = r2t.initiator_task_tag;
    pdu.target_transfer_tag = r2t.target_transfer_tag;
    pdu.lun = r2t.lun;
    pdu.exp_stat_sn = exp_stat_sn_;
    pdu.data_sn = sn++;
    pdu.buffer_offset = offset;
    pdu.data_segment_length = size;
    pdu.flags = size == left ? 0x80 : 0;
    queue(&pdu, payload_.data() + offset, size);
    offset += size;
    left -= size;
  }
}

bool Session::send_queued() {
  if (out_start_ == out_.size()) return false;
  msghdr message{};
  message.msg_iov = out_.data() + out_start_;
  message.msg_iovlen = std::min<std::size_t>(out_.size() - out_start_, 512);
  ssize_t sent = sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) {
    if (errno == EAGAIN) return false;
    die("send: " + std::string(strerror(errno)));
  }
  while (sent > 0) {
    iovec& first = out_[out_start_];
    const auto part = std::min<std::size_t>(first.iov_len, static_cast<std::size_t>(sent));
    first.iov_base = static_cast<std::byte*>(first.iov_base) + part;
    first.iov_len -= part;
    sent -= static_cast<ssize_t>(part);
    if (first.iov_len == 0) ++out_start_;
  }
  if (out_start_ == out_.size()) {
    out_.clear();
    out_start_ = 0;
  }
  return true;
}

void Session::finished(std::uint32_t tag, bool good, std::uint64_t now) {
  const std::uint32_t index = tag & 0xffff;
  if (tag >> 16 != cid_ || index >= slots_.size() || !slots_[index].busy) die("an answer to no command");
  slots_[index].busy = false;
  slots_[index].free_from = now + load_.round_trip_ns;
  --in_flight_;
  // One command meets the unit attention condition of a new I_T nexus; it is neither counted nor an error.
  if (!good && std::exchange(unit_attention_, false)) return;
  ++completed;
  if (!good) ++errors;
  latency.add(now + load_.round_trip_ns - slots_[index].started);
}

void Session::pdu(const BasicHeader& header, std::uint64_t now) {
  const auto number = [&](std::size_t offset) {
    base::be32 value;
    std::memcpy(&value, reinterpret_cast<const char*>(&header) + offset, 4);
    return std::uint32_t{value};
  };
  const std::uint32_t max = number(32);
  if (serial_less(numbering_.max_cmd_sn, max)) numbering_.max_cmd_sn = max;
  switch (OpcodeBits::get(header.opcode)) {
    case Opcode::kDataIn:
      if ((header.flags & DataIn::kStatus) != 0) {
        exp_stat_sn_ = number(24) + 1;
        finished(header.initiator_task_tag, reinterpret_cast<const DataIn&>(header).status == 0, now);
      }
      break;
    case Opcode::kScsiResponse:
      exp_stat_sn_ = number(24) + 1;
      finished(header.initiator_task_tag, reinterpret_cast<const ScsiResponse&>(header).status == 0, now);
      break;
    case Opcode::kR2t:
      data_out(reinterpret_cast<const R2t&>(header));
      break;
    case Opcode::kNopIn:
      break;
    default:
      die("unexpected PDU " + std::to_string(header.opcode));
  }
}

bool Session::receive(std::uint64_t now) {
  if (in_start_ != 0) {
    std::memmove(in_.data(), in_.data() + in_start_, in_end_ - in_start_);
    in_end_ -= in_start_;
    in_start_ = 0;
  }
  const ssize_t got = recv(fd_, in_.data() + in_end_, in_.size() - in_end_, MSG_DONTWAIT);
  if (got < 0) {
    if (errno == EAGAIN) return false;
    die("receive: " + std::string(strerror(errno)));
  }
  if (got == 0) die("the target closed the connection");
  in_end_ += static_cast<std::size_t>(got);
  for (;;) {
    const std::size_t part = std::min(skip_, in_end_ - in_start_);
    skip_ -= part;
    in_start_ += part;
    if (skip_ != 0) break;
    // A PDU counts once its last byte is here; its data is received, never looked at.
    if (std::exchange(in_pdu_, false)) pdu(header_, now);
    if (in_end_ - in_start_ < sizeof header_) break;
    std::memcpy(&header_, in_.data() + in_start_, sizeof header_);
    in_start_ += sizeof header_;
    in_pdu_ = true;
    const std::uint32_t size = header_.data_segment_length;
    skip_ = std::size_t{header_.total_ahs_length} * 4 + size + padding(size);
    if (load_.digests) skip_ += size != 0 ? 8 : 4;
  }
  return true;
}

bool Session::poll(std::uint64_t now) {
  bool worked = receive(now);
  if (!stopping_) {
    for (std::uint32_t i = 0; i < slots_.size(); ++i) {
      if (!slots_[i].busy && now >= slots_[i].free_from && serial_less_equal(numbering_.cmd_sn, numbering_.max_cmd_sn))
        issue(i, now);
    }
  }
  while (send_queued()) worked = true;
  return worked;
}

}  // namespace bench
