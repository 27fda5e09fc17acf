// Asks RADIUS servers whether CHAP responses are right: one datagram a question, sent again a few times, then the next
// server. On the control reactor; nothing blocks.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/log_budget.h"
#include "ctl/radius/packet.h"
#include "fabrics/iscsi/chap_verifier.h"
#include "fabrics/iscsi/service.h"
#include "hal/reactor.h"

namespace ctl::radius {

// How datagrams get to the servers; what comes back goes to Client::received.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual base::Result<void> open(const std::vector<std::string>& servers) = 0;  // in place of those before
  virtual void send(std::size_t server, std::span<const std::byte> packet) = 0;  // may be lost
};

class Client final : public iscsi::ChapVerifier {
 public:
  static constexpr std::size_t kMaxAsked = 256;  // questions at a time; identifiers are a byte
  Client(hal::Reactor& reactor, Transport& transport) : reactor_(reactor), transport_(transport) {}
  ~Client() override;

  // From now on; questions that are open are answered kUnknown.
  base::Result<void> use(iscsi::RadiusServers servers, std::string secret);
  void verify(iscsi::ChapProof proof, std::function<void(iscsi::ChapVerdict)> done) override;
  void give_up() override;
  bool has_secret(std::string_view secret) const { return secret_ == secret; }
  void received(std::size_t server, std::span<const std::byte> packet);
  std::size_t asked() const { return asked_; }

 private:
  struct Question {  // its place is its identifier
    explicit Question(Client& owner) : client(owner) {}
    Client& client;
    std::uint8_t identifier = 0;
    std::size_t server = 0;  // whom it was sent to last
    std::size_t servers_tried = 0;
    unsigned sent = 0;  // to that server
    Authenticator authenticator{};
    iscsi::ChapProof proof;
    std::vector<std::byte> packet;
    std::function<void(iscsi::ChapVerdict)> done;
    hal::Timer timer{[](void* self) { static_cast<Question*>(self)->client.late(*static_cast<Question*>(self)); },
                     this};
  };
  bool make_packet(Question& question);
  void send(Question& question);
  void late(Question& question);
  void finish(Question& question, iscsi::ChapVerdict verdict);
  void answer_later(std::function<void(iscsi::ChapVerdict)> done, iscsi::ChapVerdict verdict);
  void complain(std::size_t server, const char* what);

  hal::Reactor& reactor_;
  Transport& transport_;
  iscsi::RadiusServers servers_;
  std::string secret_;
  std::size_t preferred_ = 0;  // the server that answered last
  std::array<std::unique_ptr<Question>, kMaxAsked> questions_;
  std::size_t asked_ = 0;
  std::uint8_t next_identifier_ = 0;
  base::LogBudget log_budget_;
};

}  // namespace ctl::radius
