// Text negotiation after login.
#include "fabrics/iscsi/text_exchange.h"

#include <algorithm>

#include "fabrics/iscsi/names.h"

namespace iscsi {

bool TextExchange::take(std::span<const std::byte> data, bool more_follows, const TextContext& context) {
  if (data.size() > kMaxText - gathered_.size()) return false;
  if (data.empty() && (more_follows || exhausted()) && ++idle_ > kMaxIdle) return false;
  gathered_.append(reinterpret_cast<const char*>(data.data()), data.size());
  gathering_ = more_follows;
  return more_follows || take_text(context);
}

bool TextExchange::take_text(const TextContext& context) {
  const std::string text = std::move(gathered_);
  gathered_.clear();
  if (text.empty() && begun_) return true;  // asks for the rest of the answer
  if (!exhausted()) return false;
  answer_.clear();
  at_ = 0;
  TextReader reader(text);
  KeyValue pair;
  for (std::size_t keys = 0;; ++keys) {
    const TextReader::Step step = reader.next(pair);
    if (step == TextReader::Step::kEnd) break;
    if (step == TextReader::Step::kMalformed || keys == kMaxKeys) return false;
    if (!negotiation_.offer(pair, kInFullFeature, answer_)) return false;
    if (pair.key == info_of(Key::kSendTargets).name && !list_targets(pair.value, context)) return false;
  }
  negotiation_.finish(answer_);
  if (!begun_) declare(context);
  begun_ = true;
  return answer_.fits();
}

// A target may have been given another setting since the login.
void TextExchange::declare(const TextContext& context) {
  if (context.identity.discovery) return;
  const Target* const target = context.settings->find_target(context.identity.target);
  if (target == nullptr) return;
  negotiation_.set_target(target->keys);
  negotiation_.declare(answer_);
}

// Appendix C: "All" in discovery sessions only, a name in both, nothing means the session's own target.
bool TextExchange::list_targets(std::string_view value, const TextContext& context) {
  std::optional<std::string> only;
  if (value == "All") {
    if (!context.identity.discovery) return false;
  } else if (value.empty()) {
    if (context.identity.discovery) return false;
    only = context.identity.target;
  } else {
    only = normalized_name(value).value_or("");
    if (!context.identity.discovery && *only != context.identity.target)
      only = "";  // other targets are none of this session's business
  }
  listing_ = std::make_unique<TargetListing>(context.settings, context.identity, context.local_address, only);
  return true;
}

TextExchange::Piece TextExchange::next(std::size_t room) {
  Piece piece;
  if (gathering_) return piece;
  piece.text = answer_.text().substr(at_, room);
  at_ += piece.text.size();
  if (listing_ && piece.text.size() < room) piece.text += listing_->next(room - piece.text.size());
  piece.more = !exhausted();
  return piece;
}

}  // namespace iscsi
