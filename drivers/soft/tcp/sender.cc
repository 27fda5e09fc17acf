// Building and sending PDUs.
#include "drivers/soft/tcp/sender.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "base/check.h"
#include "drivers/soft/tcp/crc32c.h"
#include "drivers/soft/tcp/segments.h"

namespace soft::tcp {
namespace {

constexpr std::size_t kMaxVectors = 256;  // per system call; the kernel's limit is 1024
constexpr std::size_t kCacheLine = 64;
constexpr std::uint32_t kMaxFetched = 4096;  // of a PDU; by then the processor has understood where it goes on

void copy_out(std::span<const hal::DmaSpan> segments, std::uint64_t offset, std::uint64_t size, std::byte* to) {
  for_each_part(segments, offset, size, [&](std::span<const std::byte> part) {
    std::memcpy(to, part.data(), part.size());
    to += part.size();
  });
}

}  // namespace

TxPool::~TxPool() {
  free_.for_each([](TxPdu& pdu) {
    static_cast<base::ListHook<TxPdu>&>(pdu).unlink();
    delete &pdu;
  });
}

Sender::~Sender() {
  drop_all([](hal::DataTask&) {});
}

// That of the header; that of the data has its turn when the PDU is sent.
void Sender::add_digests(TxPdu& pdu) {
  if (data_digest_ && pdu.data_size != 0) {
    pdu.digest_due = true;
    pdu.trailer_size += hal::iscsi::kDigestSize;
    if (pdu.own.empty()) fetch_ahead(pdu);
  }
  if (!header_digest_) return;
  Crc32c crc;
  crc.add({pdu.header.data(), hal::iscsi::kHeaderSize});
  const base::le32 digest = crc.digest();
  std::memcpy(pdu.header.data() + hal::iscsi::kHeaderSize, &digest, sizeof digest);
  pdu.header_size += hal::iscsi::kDigestSize;
}

// Its data will be copied in a moment, after the commands that came with its own: the cache can begin.
void Sender::fetch_ahead(const TxPdu& pdu) {
  const std::uint32_t size = std::min(pdu.data_size, kMaxFetched);
  for_each_part(pdu.segments, pdu.data_offset, size, [](std::span<const std::byte> part) {
    for (std::size_t at = 0; at < part.size(); at += kCacheLine) __builtin_prefetch(part.data() + at, 0, 2);
  });
}

// The data becomes the PDU's own, and gets its digest.
void Sender::seal(TxPdu& pdu) {
  own_rest(pdu);
  const std::uint32_t pad = hal::iscsi::padding(pdu.data_size);
  Crc32c crc;
  crc.add(pdu.own.bytes().first(pdu.data_size));
  crc.add({pdu.trailer.data(), pad});
  const base::le32 digest = crc.digest();
  std::memcpy(pdu.trailer.data() + pad, &digest, sizeof digest);
  pdu.digest_due = false;
}

void Sender::own(TxPdu& pdu, std::size_t size) {
  pdu.own = Buffer(memory_, size);
  held_ += pdu.own.bytes().size();
}

void Sender::queue_control(const hal::iscsi::BasicHeader& header, std::span<const std::byte> data) {
  TxPdu& pdu = take();
  std::memcpy(pdu.header.data(), &header, sizeof header);
  pdu.task = nullptr;
  pdu.last_of_put = pdu.with_status = false;
  pdu.data_offset = 0;
  pdu.data_size = static_cast<std::uint32_t>(data.size());
  if (!data.empty()) {
    own(pdu, data.size());
    std::memcpy(pdu.own.bytes().data(), data.data(), data.size());
    pdu.own_segment = {pdu.own.bytes(), {}};
    pdu.segments = {&pdu.own_segment, 1};
  }
  finish(pdu);
  queue_.push_back(pdu);
}

void Sender::own_rest(TxPdu& pdu) {
  if (!pdu.own.empty() || pdu.data_size == 0) return;
  own(pdu, pdu.data_size);
  copy_out(pdu.segments, pdu.data_offset, pdu.data_size, pdu.own.bytes().data());
  pdu.own_segment = {pdu.own.bytes(), {}};
  pdu.segments = {&pdu.own_segment, 1};
  pdu.data_offset = 0;
}

Sender::Released Sender::release_task(hal::DataTask& task) {
  Released released;
  // A put with status keeps all its PDUs: its StatSN is spoken for.
  queue_.for_each([&](TxPdu& pdu) { released.with_status |= pdu.task == &task && pdu.with_status; });
  queue_.for_each([&](TxPdu& pdu) {
    if (pdu.task != &task) return;
    if (pdu.last_of_put) ++released.puts;
    if (!released.with_status && pdu.sent == 0) {
      static_cast<base::ListHook<TxPdu>&>(pdu).unlink();
      give(pdu);
      return;
    }
    own_rest(pdu);
    pdu.task = nullptr;
  });
  return released;
}

// The whole of as many queued PDUs as `out` has room for and a cache for their copies; how many vectors that makes.
std::size_t Sender::gather(std::span<iovec> out) {
  std::size_t copied = 0;
  iovec* next = out.data();
  iovec* const end = next + out.size();
  const auto add = [&next](const std::byte* data, std::size_t size) { *next++ = {const_cast<std::byte*>(data), size}; };
  queue_.find_if([&](TxPdu& pdu) {
    if (next + 2 + pdu.segments.size() > end) return true;
    if (pdu.digest_due) {
      if (copied > kMaxCopied) return true;
      copied += pdu.data_size;
      seal(pdu);
    }
    add(pdu.header.data(), pdu.header_size);
    if (pdu.data_size != 0) {
      for_each_part(pdu.segments, pdu.data_offset, pdu.data_size,
                    [&](std::span<const std::byte> part) { add(part.data(), part.size()); });
    }
    if (pdu.trailer_size != 0) add(pdu.trailer.data(), pdu.trailer_size);
    return false;
  });
  return static_cast<std::size_t>(next - out.data());
}

// Bytes sent, 0 when the socket is full, -1 when it is broken.
long Sender::send_some(int fd) {
  std::array<iovec, kMaxVectors> vectors;
  msghdr message{};
  message.msg_iov = vectors.data();
  message.msg_iovlen = gather(vectors);
  std::size_t sent_before = queue_.front().sent;  // only the first PDU of the queue has sent anything
  for (; sent_before >= message.msg_iov->iov_len; ++message.msg_iov, --message.msg_iovlen) {
    sent_before -= message.msg_iov->iov_len;
  }
  message.msg_iov->iov_base = static_cast<std::byte*>(message.msg_iov->iov_base) + sent_before;
  message.msg_iov->iov_len -= sent_before;
  for (;;) {
    const ssize_t sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) return sent;
    if (sent < 0 && errno == EINTR) continue;
    return sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) ? 0 : -1;
  }
}

}  // namespace soft::tcp
