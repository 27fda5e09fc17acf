// The initiator's end of a connection: sends whatever it is told to, and holds every PDU that comes back against
// RFC 7143: framing, digests, numbers, lengths, and that nothing is answered that was not asked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "hal/port/iscsi_pdu.h"

class StrictInitiator {
 public:
  explicit StrictInitiator(int fd) : fd_(fd) {}  // owns it
  ~StrictInitiator();
  StrictInitiator(const StrictInitiator&) = delete;
  StrictInitiator& operator=(const StrictInitiator&) = delete;

  enum class Spoil : std::uint8_t { kNothing, kHeaderDigest, kDataDigest, kBoth };  // those that there are
  // Sends a PDU: lengths, padding and digests are set here.
  template <class T>
  void send(const T& header, std::span<const std::byte> data = {}, std::span<const std::byte> ahs = {},
            Spoil spoil = Spoil::kNothing) {
    static_assert(sizeof(T) == hal::iscsi::kHeaderSize);
    send_pdu(reinterpret_cast<const hal::iscsi::BasicHeader&>(header), data, ahs, spoil);
  }
  void send_raw(std::span<const std::byte> bytes);
  void read_answers();  // what has come, unless `deaf`
  bool closed() const { return closed_; }
  bool full_feature() const { return full_feature_; }
  // The session's, once logged in; to join it, and to send PDUs again: then numbers may come a second time.
  std::uint16_t tsih() const { return tsih_; }
  void joins(std::uint16_t tsih) { tsih_ = tsih; }
  bool recovers() const { return recovers_; }
  bool header_digest() const { return header_digest_; }
  bool data_digest() const { return data_digest_; }
  // Wrong data went out for the command with this tag: it must not end with GOOD. Only where it is known which it is.
  void sent_wrong_data(std::uint32_t tag);
  bool window_open() const { return hal::iscsi::serial_less_equal(cmd_sn, max_cmd_sn_); }
  // Called for every PDU that came and is right; where `loses` is set, not for a response that comes a second time.
  std::function<void(const hal::iscsi::BasicHeader&, std::span<const std::byte>)> heard;
  // From error recovery level 1 on: true if this PDU was damaged on its way; it counts as not received. Statuses may be
  // missing then, until they are asked for and come again.
  std::function<bool(const hal::iscsi::BasicHeader&)> loses;
  struct Missing {
    std::uint32_t first, count;
  };
  Missing missing_statuses() const;  // the first run that is known to be; count 0: none is

  struct R2t {
    std::uint32_t initiator_task_tag, target_transfer_tag, offset, length, data_sn;
    bool in_pieces = false;  // who sends from the middle says so: what is left has holes
  };
  std::deque<R2t> r2ts;      // not answered yet, oldest first
  std::uint32_t cmd_sn = 1;  // of the next command
  bool deaf = false;
  bool cut = false;  // the network is gone: what is sent is lost, and nothing comes, not even an end
  std::uint32_t exp_stat_sn() const { return stat_sn_; }
  bool any_order() const { return any_order_; }             // of the data that we send (RFC 7143 13.18, 13.19)
  std::uint32_t exp_cmd_sn() const { return exp_cmd_sn_; }  // as last told
  std::uint32_t last_ping() const { return ping_; }         // TTT of the last NOP-In that wants an answer
  std::uint32_t text_tag() const { return text_tag_; }      // TTT of the last Text Response
  std::uint64_t statuses(std::uint8_t status) const;        // SCSI responses with this status so far

 private:
  struct Asked {                 // by initiator task tag
    std::uint64_t commands = 0;  // sent and not answered: the most that may be answered
    std::uint64_t most_data = 0;
    std::uint32_t data_sn = 0, r2t_sn = 0;
    bool wrong_data = false;
  };
  void send_pdu(const hal::iscsi::BasicHeader& header, std::span<const std::byte> data, std::span<const std::byte> ahs,
                Spoil spoil);
  void note_sent(const hal::iscsi::BasicHeader& header, std::span<const std::byte> data);
  void flush();
  bool take_pdu();
  void check(const hal::iscsi::BasicHeader& header, std::span<const std::byte> data);
  void check_numbers(const hal::iscsi::BasicHeader& header);
  bool take_stat_sn(std::uint32_t stat_sn, bool shows_next);
  bool again(const hal::iscsi::BasicHeader& header) const;
  void check_login(const hal::iscsi::BasicHeader& header, std::span<const std::byte> data);
  void check_data_in(const hal::iscsi::DataIn& header);
  void check_response(const hal::iscsi::ScsiResponse& header, std::span<const std::byte> data);
  void check_r2t(const hal::iscsi::R2t& header);
  void check_reject(const hal::iscsi::Reject& header, std::span<const std::byte> data);
  void answered(std::uint32_t tag, std::uint8_t status);

  int fd_;
  std::vector<std::byte> in_, out_;
  bool closed_ = false, full_feature_ = false, header_digest_ = false, data_digest_ = false;
  bool recovers_ = false;  // an error recovery level above 0, or joined a session: PDUs may come again
  std::uint16_t tsih_ = 0;
  bool any_order_ = false;
  bool raw_ = false;         // bytes went out that were not made here: what was asked is not known any more
  bool queries_ = false;     // a task management function that has the response "function succeeded" was sent
  bool limit_known_ = true;  // of what we said we can receive
  std::string login_text_;
  bool any_response_ = false, any_window_ = false;
  std::uint32_t stat_sn_ = 0, exp_cmd_sn_ = 0, max_cmd_sn_ = 0;
  std::uint32_t next_stat_sn_ = 0;  // behind the highest that was seen
  std::set<std::uint32_t> ahead_;   // of those that have come, behind a missing one
  std::uint32_t ping_ = hal::iscsi::kReservedTag, text_tag_ = hal::iscsi::kReservedTag;
  std::uint32_t limit_ = 8192;
  std::map<std::uint32_t, Asked> asked_;
  std::map<std::uint8_t, std::uint64_t> statuses_;
};
