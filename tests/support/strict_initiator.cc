// Framing and sending; what is held against the standard.
#include "tests/support/strict_initiator.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "drivers/soft/tcp/crc32c.h"
#include "tests/support/require.h"

namespace pdu = hal::iscsi;
using pdu::BasicHeader;
using pdu::Opcode;

namespace {

constexpr std::size_t kMostUnsent = 1 << 20;  // beyond what the socket takes from us

template <class T>
const T& as(const BasicHeader& header) {
  return reinterpret_cast<const T&>(header);
}

base::le32 digest_of(std::span<const std::byte> one, std::span<const std::byte> two = {}) {
  soft::tcp::Crc32c crc;
  crc.add(one);
  crc.add(two);
  return crc.digest();
}

void append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
  to.insert(to.end(), bytes.begin(), bytes.end());
}

bool says(std::string_view text, std::string_view pair) {  // one of the key=value pairs
  for (std::size_t at = text.find(pair); at != std::string_view::npos; at = text.find(pair, at + 1)) {
    const bool begins = at == 0 || text[at - 1] == '\0', ends = text.substr(at + pair.size()).starts_with('\0');
    if (begins && ends) return true;
  }
  return false;
}

std::string_view text_of(std::span<const std::byte> data) {
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

}  // namespace

StrictInitiator::~StrictInitiator() { close(fd_); }

// --- sending ---

void StrictInitiator::send_pdu(const BasicHeader& header, std::span<const std::byte> data,
                               std::span<const std::byte> ahs, Spoil spoil) {
  BasicHeader own = header;
  own.data_segment_length = static_cast<std::uint32_t>(data.size());
  own.total_ahs_length = static_cast<std::uint8_t>(ahs.size() / 4);
  const auto bytes = std::as_bytes(std::span(&own, 1));
  note_sent(own, data);
  append(out_, bytes);
  append(out_, ahs);
  if (header_digest_) {
    auto digest = digest_of(bytes, ahs);
    if (spoil == Spoil::kHeaderDigest || spoil == Spoil::kBoth) digest = digest ^ 1;
    append(out_, std::as_bytes(std::span(&digest, 1)));
  }
  if (!data.empty()) {
    const std::array<std::byte, 4> zeros{};
    const auto pad = std::span(zeros).first(pdu::padding(static_cast<std::uint32_t>(data.size())));
    append(out_, data);
    append(out_, pad);
    if (data_digest_) {
      auto digest = digest_of(data, pad);
      if (spoil == Spoil::kDataDigest || spoil == Spoil::kBoth) digest = digest ^ 0x80000000;
      append(out_, std::as_bytes(std::span(&digest, 1)));
    }
  }
  flush();
}

void StrictInitiator::send_raw(std::span<const std::byte> bytes) {
  raw_ = true;
  append(out_, bytes);
  flush();
}

void StrictInitiator::note_sent(const BasicHeader& header, std::span<const std::byte> data) {
  const Opcode opcode = pdu::OpcodeBits::get(header.opcode);
  if (opcode == Opcode::kScsiCommand) {
    Asked& asked = asked_[header.initiator_task_tag];
    ++asked.commands;
    asked.wrong_data = false;
    const std::uint64_t length = as<pdu::ScsiCommand>(header).expected_data_transfer_length;
    // The read length of a bidirectional command stands elsewhere.
    const bool both = pdu::ScsiCommand::Read::get(header.flags) && pdu::ScsiCommand::Write::get(header.flags);
    asked.most_data = std::max(asked.most_data, both ? std::uint64_t{1} << 32 : length);
  }
  // RFC 7144 5: QUERY TASK and those after it.
  if (opcode == Opcode::kTaskManagementRequest && (header.flags & 0x7f) >= 9) queries_ = true;
  const bool texts = opcode == Opcode::kTextRequest || opcode == Opcode::kLoginRequest;
  if (!texts) return;
  const std::string_view text = text_of(data);
  if (text.find("MaxRecv") != std::string_view::npos || pdu::TextRequest::Continue::get(header.flags)) {
    limit_known_ = false;
  }
}

void StrictInitiator::sent_wrong_data(std::uint32_t tag) {
  Asked& asked = asked_[tag];
  if (!raw_ && asked.commands == 1) asked.wrong_data = true;
}

void StrictInitiator::flush() {
  if (cut) out_.clear();
  while (!out_.empty() && !closed_) {
    const ssize_t sent = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      if (errno != EAGAIN) out_.clear();  // the target has closed
      break;
    }
    out_.erase(out_.begin(), out_.begin() + sent);
  }
  if (out_.size() > kMostUnsent) out_.resize(kMostUnsent);
}

// --- receiving ---

void StrictInitiator::read_answers() {
  flush();
  if (deaf || cut) return;
  std::array<std::byte, 65536> chunk;
  ssize_t got;
  while ((got = recv(fd_, chunk.data(), chunk.size(), 0)) > 0) {
    append(in_, std::span(chunk).first(static_cast<std::size_t>(got)));
  }
  if (got == 0 || errno != EAGAIN) closed_ = true;
  while (take_pdu()) {
  }
}

bool StrictInitiator::take_pdu() {
  BasicHeader header;
  if (in_.size() < sizeof header) return false;
  std::memcpy(&header, in_.data(), sizeof header);
  REQUIRE(header.total_ahs_length == 0);
  const std::uint32_t length = header.data_segment_length;
  REQUIRE(!limit_known_ || length <= limit_);
  const std::size_t digest_size = sizeof(base::le32), padded = length + pdu::padding(length);
  const std::size_t data_at = sizeof header + (header_digest_ ? digest_size : 0);
  const std::size_t whole = data_at + padded + (data_digest_ && length != 0 ? digest_size : 0);
  if (in_.size() < whole) return false;
  const std::span<const std::byte> all = in_;
  const auto digest_fits = [&](std::size_t at, std::span<const std::byte> over) {
    const base::le32 digest = digest_of(over);
    return std::memcmp(&digest, all.data() + at, sizeof digest) == 0;
  };
  if (header_digest_) REQUIRE(digest_fits(sizeof header, all.first(sizeof header)));
  if (data_digest_ && length != 0) REQUIRE(digest_fits(data_at + padded, all.subspan(data_at, padded)));
  for (std::size_t i = length; i < padded; ++i) REQUIRE(all[data_at + i] == std::byte{0});
  const std::vector<std::byte> data(all.begin() + static_cast<std::ptrdiff_t>(data_at),
                                    all.begin() + static_cast<std::ptrdiff_t>(data_at + length));
  in_.erase(in_.begin(), in_.begin() + static_cast<std::ptrdiff_t>(whole));
  if (recovers_ && loses && loses(header)) return true;
  const bool known = again(header);
  check(header, data);
  if (heard && !known) heard(header, data);
  return true;
}

void StrictInitiator::check(const BasicHeader& header, std::span<const std::byte> data) {
  check_numbers(header);
  switch (static_cast<Opcode>(header.opcode)) {
    case Opcode::kLoginResponse:
      return check_login(header, data);
    case Opcode::kDataIn:
      REQUIRE(full_feature_);
      REQUIRE(data.size() == header.data_segment_length);
      return check_data_in(as<pdu::DataIn>(header));
    case Opcode::kScsiResponse:
      REQUIRE(full_feature_);
      return check_response(as<pdu::ScsiResponse>(header), data);
    case Opcode::kR2t:
      REQUIRE(full_feature_ && data.empty());
      return check_r2t(as<pdu::R2t>(header));
    case Opcode::kReject:
      REQUIRE(full_feature_);
      return check_reject(as<pdu::Reject>(header), data);
    case Opcode::kNopIn:
      REQUIRE(full_feature_);
      if (header.initiator_task_tag == pdu::kReservedTag) ping_ = as<pdu::NopIn>(header).target_transfer_tag;
      return;
    case Opcode::kTextResponse:
      REQUIRE(full_feature_);
      text_tag_ = as<pdu::TextResponse>(header).target_transfer_tag;
      REQUIRE((text_tag_ == pdu::kReservedTag) == pdu::Final::get(header.flags));
      return;
    case Opcode::kTaskManagementResponse:
      REQUIRE(full_feature_ && (header.specific[0] <= 6 || header.specific[0] == 0xff ||
                                (header.specific[0] == 7 && (queries_ || raw_))));
      return;
    case Opcode::kLogoutResponse:
      REQUIRE(full_feature_ && as<pdu::LogoutResponse>(header).response <= 3);
      return;
    case Opcode::kAsyncMessage:
      REQUIRE(full_feature_);
      return;
    default:
      BROKEN("an opcode that no target sends");
  }
}

namespace {

bool has_no_status(const BasicHeader& header) {
  return static_cast<Opcode>(header.opcode) == Opcode::kDataIn && (header.flags & pdu::DataIn::kStatus) == 0;
}

bool shows_next(const BasicHeader& header) {
  const auto opcode = static_cast<Opcode>(header.opcode);
  return opcode == Opcode::kR2t || (opcode == Opcode::kNopIn && header.initiator_task_tag == pdu::kReservedTag);
}

}  // namespace

// A response that has come already: a replica, as SNACK asks for.
bool StrictInitiator::again(const BasicHeader& header) const {
  if (!loses || !recovers_ || has_no_status(header) || shows_next(header)) return false;
  const std::uint32_t stat_sn = as<pdu::ScsiResponse>(header).stat_sn;
  return pdu::serial_less(stat_sn, stat_sn_) || ahead_.count(stat_sn) != 0;
}

StrictInitiator::Missing StrictInitiator::missing_statuses() const {
  if (stat_sn_ == next_stat_sn_) return {stat_sn_, 0};
  std::uint32_t end = stat_sn_;
  while (end != next_stat_sn_ && ahead_.count(end) == 0) ++end;
  return {stat_sn_, end - stat_sn_};
}

// False: not a number that may come now.
bool StrictInitiator::take_stat_sn(std::uint32_t stat_sn, bool shows_only) {
  if (!any_response_) stat_sn_ = next_stat_sn_ = stat_sn;
  any_response_ = true;
  const std::uint32_t next = stat_sn + (shows_only ? 0u : 1u);
  if (recovers_ && pdu::serial_less(stat_sn, stat_sn_)) return true;
  if (stat_sn != stat_sn_ && !(recovers_ && loses)) return false;
  if (pdu::serial_less(next_stat_sn_, next)) next_stat_sn_ = next;
  if (!shows_only) ahead_.insert(stat_sn);
  while (ahead_.erase(stat_sn_) != 0) ++stat_sn_;
  return true;
}

// RFC 7143 4.2.2: StatSN counts responses; R2T and our own NOP-In show the next one; ExpCmdSN and MaxCmdSN only grow.
void StrictInitiator::check_numbers(const BasicHeader& header) {
  const auto& at = as<pdu::ScsiResponse>(header);  // the three lie at the same place in all PDUs
  const auto opcode = static_cast<Opcode>(header.opcode);
  if (!has_no_status(header)) REQUIRE(take_stat_sn(at.stat_sn, shows_next(header)));
  if (opcode == Opcode::kLoginResponse) {
    const auto& login = as<pdu::LoginResponse>(header);
    if (login.status != 0) return;
  }
  REQUIRE(!any_window_ || pdu::serial_less_equal(exp_cmd_sn_, at.exp_cmd_sn));
  REQUIRE(!any_window_ || pdu::serial_less_equal(max_cmd_sn_, at.max_cmd_sn));
  exp_cmd_sn_ = at.exp_cmd_sn;
  max_cmd_sn_ = at.max_cmd_sn;
  any_window_ = full_feature_;  // while logging in the window is not open yet
  REQUIRE(pdu::serial_less_equal(exp_cmd_sn_, max_cmd_sn_ + 1));
}

void StrictInitiator::check_login(const BasicHeader& header, std::span<const std::byte> data) {
  const auto& login = as<pdu::LoginResponse>(header);
  REQUIRE(!full_feature_);
  login_text_ += text_of(data);
  if (login.status != 0 || !pdu::LoginRequest::Transit::get(login.flags)) return;
  if (pdu::LoginRequest::NextStage::get(login.flags) != 3) return;
  REQUIRE(login.tsih != 0);
  full_feature_ = true;
  header_digest_ = says(login_text_, "HeaderDigest=CRC32C");
  data_digest_ = says(login_text_, "DataDigest=CRC32C");
  any_order_ = says(login_text_, "DataPDUInOrder=No") && says(login_text_, "DataSequenceInOrder=No");
  recovers_ = tsih_ != 0 || says(login_text_, "ErrorRecoveryLevel=1") || says(login_text_, "ErrorRecoveryLevel=2");
  raw_ = raw_ || recovers_;  // what is asked for may have been asked on another connection
  tsih_ = login.tsih;
}

void StrictInitiator::answered(std::uint32_t tag, std::uint8_t status) {
  Asked& asked = asked_[tag];
  ++statuses_[status];
  asked.data_sn = asked.r2t_sn = 0;
  if (raw_) return;
  REQUIRE(asked.commands > 0);
  --asked.commands;
}

void StrictInitiator::check_data_in(const pdu::DataIn& header) {
  Asked& asked = asked_[header.initiator_task_tag];
  const std::uint64_t end = std::uint64_t{header.buffer_offset} + header.data_segment_length;
  REQUIRE(raw_ || (asked.commands > 0 && end <= asked.most_data));
  // A tag may be used again after its command was aborted.
  REQUIRE(recovers_ || header.data_sn == asked.data_sn || header.data_sn == 0);
  asked.data_sn = header.data_sn + 1;
  if ((header.flags & pdu::DataIn::kStatus) == 0) {
    REQUIRE(header.status == 0 && header.residual_count == 0);
    return;
  }
  REQUIRE((header.flags & pdu::DataIn::kFinal) != 0);
  REQUIRE(header.status != 0x02);  // sense data need a response of their own
  answered(header.initiator_task_tag, header.status);
}

void StrictInitiator::check_response(const pdu::ScsiResponse& header, std::span<const std::byte> data) {
  const bool over = (header.flags & pdu::ScsiResponse::kOverflow) != 0;
  const bool under = (header.flags & pdu::ScsiResponse::kUnderflow) != 0;
  REQUIRE(!(over && under) && (header.flags & 0x80) != 0 && header.response <= 1);
  REQUIRE((header.residual_count != 0) <= (over || under));
  Asked& asked = asked_[header.initiator_task_tag];
  REQUIRE(!std::exchange(asked.wrong_data, false) || raw_ || header.response != 0 || header.status != 0);
  if (under && !raw_) REQUIRE(header.residual_count <= asked.most_data);
  if (header.response == 0) {
    const bool sense = header.status == 0x02;
    REQUIRE(sense == !data.empty());
    if (sense) {
      REQUIRE(data.size() >= 2 + 8);
      REQUIRE((static_cast<std::size_t>(data[0]) << 8 | static_cast<std::size_t>(data[1])) == data.size() - 2);
    }
  }
  answered(header.initiator_task_tag, header.status);
}

void StrictInitiator::check_r2t(const pdu::R2t& header) {
  Asked& asked = asked_[header.initiator_task_tag];
  const std::uint64_t end = std::uint64_t{header.buffer_offset} + header.desired_data_transfer_length;
  REQUIRE(raw_ || (asked.commands > 0 && end <= asked.most_data));
  REQUIRE(header.desired_data_transfer_length != 0 && header.target_transfer_tag != pdu::kReservedTag);
  REQUIRE(recovers_ || header.r2t_sn == asked.r2t_sn || header.r2t_sn == 0);
  asked.r2t_sn = header.r2t_sn + 1;
  r2ts.push_back({header.initiator_task_tag, header.target_transfer_tag, header.buffer_offset,
                  header.desired_data_transfer_length, 0});
}

void StrictInitiator::check_reject(const pdu::Reject& header, std::span<const std::byte> data) {
  REQUIRE(header.reason >= 0x02 && header.reason <= 0x0c);
  REQUIRE(header.tag == pdu::kReservedTag && data.size() >= pdu::kHeaderSize);
}

std::uint64_t StrictInitiator::statuses(std::uint8_t status) const {
  const auto found = statuses_.find(status);
  return found == statuses_.end() ? 0 : found->second;
}
