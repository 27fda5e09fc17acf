// Logins, link services and Common Transport that the host asks for, each an entry that is answered when the exchange
// ends.
#pragma once

#include <vector>

#include "emu/qla/core.h"

namespace emu::qla {

class Services {
 public:
  explicit Services(Core& core) : core_(core) {}
  void reset();
  void log_io(const Request& request);
  void ct(const Request& request);
  void els(const Request& request);
  void answered(std::uint32_t tag, fc::RequestStatus status, std::span<const std::byte> payload);

 private:
  enum class Kind : std::uint8_t { kLogIo, kCt, kEls };
  struct Pending {
    bool used = false;
    Kind kind = Kind::kLogIo;
    Origin origin;
    wire::Entry entry;
    Segments receive;
    std::uint64_t receive_at = 0;  // where the answer begins in `receive`
  };
  static constexpr std::size_t kMost = 1024, kMaxPayload = 65536;

  std::optional<std::uint32_t> keep(Kind kind, const Request& request);
  void log_in(const Request& request, wire::LogIo entry);
  void log_out(const Request& request, wire::LogIo entry);
  void finish_log_io(const Origin& origin, wire::LogIo entry, const fc::Login* login);
  void fail_log_io(const Origin& origin, wire::LogIo entry, wire::LogIoError error, std::uint32_t detail = 0);
  bool claim(const Request& request, const wire::LogIo& entry);
  void log_io_answered(Pending& pending, fc::RequestStatus status, std::span<const std::byte> payload);
  bool from_us_to_a_server(const wire::ElsPassThrough& entry);
  wire::Completion deliver(Pending& pending, fc::RequestStatus status, std::span<const std::byte> payload,
                           std::uint32_t room);
  Core& core_;
  std::vector<Pending> pending_;
  std::vector<std::byte> scratch_;
};

}  // namespace emu::qla
