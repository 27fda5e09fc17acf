// A text negotiation in the full feature phase (RFC 7143 6.4, 11.10): gathers a request, makes the answer in pieces.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "fabrics/iscsi/discovery.h"
#include "fabrics/iscsi/login.h"
#include "fabrics/iscsi/negotiation.h"

namespace iscsi {

// Who asks, and by which of our addresses.
struct TextContext {
  SettingsRef settings;
  const LoginIdentity& identity;
  std::string local_address;
};

// One exchange: begins with a request whose TTT is reserved, ends with a response whose F bit is set or with a Reject,
// which undoes all of it.
class TextExchange {
 public:
  static constexpr std::size_t kMaxText = 65536;  // of one request, over its PDUs
  static constexpr std::size_t kMaxKeys = 256;
  static constexpr std::size_t kMaxAnswer = 16384;  // without the listing of targets
  static constexpr unsigned kMaxIdle = 64;          // requests in a row that bring nothing

  TextExchange(std::uint32_t initiator_task_tag, const Parameters& parameters, bool discovery)
      : initiator_task_tag_(initiator_task_tag), negotiation_(parameters, discovery) {}
  // Takes one request; false: Reject with protocol error.
  bool take(std::span<const std::byte> data, bool more_follows, const TextContext& context);
  struct Piece {
    std::string text;
    bool more = false;  // C bit: the initiator has to ask for the rest
  };
  Piece next(std::size_t room);
  // All is said on our side; with the initiator's F bit the exchange is over.
  bool exhausted() const { return !gathering_ && at_ == answer_.text().size() && (!listing_ || listing_->done()); }
  std::uint32_t initiator_task_tag() const { return initiator_task_tag_; }
  const Parameters& parameters() const { return negotiation_.parameters(); }
  std::uint32_t target_transfer_tag = 0;  // of the last response

 private:
  bool take_text(const TextContext& context);
  void declare(const TextContext& context);
  bool list_targets(std::string_view value, const TextContext& context);

  std::uint32_t initiator_task_tag_;
  Negotiation negotiation_;
  bool gathering_ = false, begun_ = false;
  unsigned idle_ = 0;
  std::string gathered_;
  TextWriter answer_{kMaxAnswer};
  std::size_t at_ = 0;  // of the answer, sent
  std::unique_ptr<TargetListing> listing_;
};

}  // namespace iscsi
