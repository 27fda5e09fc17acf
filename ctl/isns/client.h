// Registers our targets with one iSNS server (RFC 4171), keeps the registration alive, and answers what it asks.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/log_budget.h"
#include "ctl/isns/info.h"
#include "ctl/isns/message.h"
#include "fabrics/iscsi/service.h"
#include "hal/reactor.h"

namespace ctl::isns {

inline constexpr base::Logger kLog{"isns"};

// The way to a server: one TCP connection at a time, and a UDP socket where the server reaches us.
class Link {
 public:
  class Events {
   public:
    virtual ~Events() = default;
    virtual void connected() = 0;
    virtual void received(std::span<const std::byte> bytes) = 0;
    virtual void closed(const std::string& why) = 0;  // whatever the reason; nothing follows
    // A datagram from the server's address; the answer, or nothing.
    virtual std::vector<std::byte> asked(std::span<const std::byte> datagram) = 0;
  };
  virtual ~Link() = default;
  virtual void set_events(Events& events) = 0;
  virtual void connect() = 0;  // answered by connected() or closed(), not from inside
  virtual void send(std::span<const std::byte> message) = 0;
  virtual void close() = 0;                         // nothing follows
  virtual std::string local_address() const = 0;    // of the connection: "192.0.2.1:40000"
  virtual std::uint16_t datagram_port() const = 0;  // where ESI and SCN come to
};

// What is to be registered.
struct Offer {
  struct Node {
    std::string name, alias;
    std::vector<std::uint16_t> portal_groups;
    bool operator==(const Node&) const = default;
  };
  std::vector<iscsi::Portal> portals;  // as opened
  std::vector<Node> nodes;
  bool operator==(const Offer&) const = default;
};
Offer offer_of(const iscsi::FabricConfig& fabric, const std::vector<std::string>& addresses);

// A round: connect, some messages one after the other, close. Rounds register everything, refresh it, take it back, or
// only ask who shares discovery domains with our targets.
class Client final : private Link::Events {
 public:
  Client(hal::Reactor& reactor, iscsi::IsnsServer server, std::unique_ptr<Link> link);
  // Registers this in place of what was registered before.
  void offer(Offer offer);
  // Deregisters; `done` once the server has answered, or 2 s later.
  void stop(std::function<void()> done);
  const iscsi::IsnsServer& server() const { return server_; }
  State state() const { return state_; }
  Info info() const;
  // Empty until the server has told, and without access_control.
  const std::optional<Members>& members() const { return members_; }
  void on_members(std::function<void()> told) { told_ = std::move(told); }
  std::uint64_t inquiries() const { return inquiries_; }          // ESI answered
  std::uint64_t notifications() const { return notifications_; }  // SCN taken

 private:
  struct Request {
    Function function;
    std::vector<std::byte> message;
    std::uint16_t transaction;
    std::string node = {};  // whose initiators are asked for
  };
  void connected() override;
  void received(std::span<const std::byte> bytes) override;
  void closed(const std::string& why) override;
  std::vector<std::byte> asked(std::span<const std::byte> datagram) override;

  void begin_round();
  void send_next();
  void round_over();
  void failed(const std::string& why);
  void take_answer(const MessageReader::Message& message);
  void take_period(std::span<const std::byte> attributes);
  void timer();
  void finish_stop();
  // client_messages.cc
  void queue_registration();
  void queue_portals(std::vector<MessageWriter>& messages, const std::string& local) const;
  void queue_nodes(std::vector<MessageWriter>& messages, const std::string& local) const;
  MessageWriter opening() const;
  void queue(Function function, const MessageWriter& message, std::uint16_t flags);
  // client_members.cc
  void queue_queries();
  void take_initiators(const std::string& node, std::span<const std::byte> attributes);
  void members_heard();
  void domains_changed();

  hal::Reactor& reactor_;
  const iscsi::IsnsServer server_;
  std::unique_ptr<Link> link_;
  std::string entity_;
  State state_ = State::kIdle;
  Offer offer_;
  std::string registered_source_;  // the node in whose name the entity was registered; empty: nothing is registered
  bool fresh_ = true;              // replace what the server has of us
  bool stopping_ = false;
  std::function<void()> stopped_;
  std::deque<Request> requests_;
  bool ask_only_ = false, ask_again_ = false;  // the next round; another one right behind this
  bool registers_ = false;                     // this round
  base::Time refresh_at_{};
  Members heard_;  // in this round
  std::optional<Members> members_;
  std::function<void()> told_;
  std::string last_error_;
  base::Time error_at_{};
  MessageReader reader_;
  std::uint16_t next_transaction_ = 1;
  base::Duration period_;
  base::Duration retry_{};
  std::uint64_t inquiries_ = 0, notifications_ = 0;
  hal::Timer timer_{[](void* self) { static_cast<Client*>(self)->timer(); }, this};
  base::LogBudget log_budget_;
};

}  // namespace ctl::isns
