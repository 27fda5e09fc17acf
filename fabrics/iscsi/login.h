// The login phase of one connection (RFC 7143 6.3): stages, text, authentication. Takes requests, makes responses;
// knows nothing of sockets, reactors or sessions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fabrics/iscsi/chap.h"
#include "fabrics/iscsi/login_status.h"
#include "fabrics/iscsi/names.h"
#include "fabrics/iscsi/negotiation.h"
#include "fabrics/iscsi/pdu.h"
#include "fabrics/iscsi/settings.h"

namespace iscsi {

// How a connection came.
struct Arrival {
  std::uint16_t portal_group = 1;
  std::string peer, local;  // addresses, with ports
};

// Who logged in to what.
struct LoginIdentity {
  std::string initiator, initiator_alias, target;  // names in lower case; no target in discovery sessions
  bool discovery = false;
  Isid isid{};
  std::uint16_t tsih = 0;  // as asked for: 0 is a new session
  std::uint16_t cid = 0;
  std::uint16_t portal_group = 0;
  std::string peer, local;  // of the first connection
  std::string authentication = "none";
};

// How many may log in where this one does; 0: no limit.
struct SessionLimits {
  std::string portal;  // as configured; empty: by none that is open any more
  std::uint32_t target_sessions = 0, portal_sessions = 0, target_rate = 0, portal_rate = 0;
};

// A login that has come to its end, without what it took to get there: can go to another reactor.
struct LoginResult {
  LoginIdentity identity;
  Parameters parameters;
  std::uint32_t cmd_sn = 0;
  pdu::LoginResponse response;  // the last; the session's numbers are still to be filled in
  std::string text;             // goes with it
  void refuse(LoginStatus status);
};

class Login {
 public:
  // What a peer that has not logged in may cost.
  static constexpr std::size_t kMaxText = 16384;   // of one request, over all its PDUs
  static constexpr std::size_t kMaxKeys = 128;     // likewise
  static constexpr std::size_t kMaxAllKeys = 256;  // of the whole login
  static constexpr unsigned kMaxPdus = 64;         // of the whole login
  static constexpr std::size_t kMaxAnswer = 8192;  // every initiator takes that much (13.12)

  enum class Next : std::uint8_t {
    kMore,         // send the response and wait for the next request
    kAsk,          // nothing is sent yet: proof() is to be judged
    kFullFeature,  // all is agreed; what is left is to make or join the session: result()
    kClose,        // send the response and close
  };

  Login(SettingsRef settings, Arrival arrival);
  Next take(const pdu::LoginRequest& request, std::span<const std::byte> data);
  ChapProof proof() const { return chap_->proof(); }
  Next judged(ChapVerdict verdict);  // after kAsk
  LoginResult result() const { return {identity_, negotiation_.parameters(), cmd_sn_, response_, answer_.text()}; }

  // StatSN is the response's own; ExpCmdSN and MaxCmdSN are right but for the last response, where the session knows.
  pdu::LoginResponse& response() { return response_; }
  const std::string& text() const { return answer_.text(); }
  LoginStatus status() const { return status_; }
  const char* why() const { return why_; }  // for the log
  const LoginIdentity& identity() const { return identity_; }
  const Parameters& parameters() const { return negotiation_.parameters(); }
  std::uint32_t cmd_sn() const { return cmd_sn_; }
  bool redirected() const { return redirection_ != nullptr; }
  SessionLimits limits() const;
  const Settings& settings() const { return *settings_; }

 private:
  void refuse(LoginStatus status);
  enum class Stage : std::uint8_t { kSecurity = 0, kOperational = 1, kFullFeature = 3 };
  bool header_good(const pdu::LoginRequest& request);
  bool first_header_good(const pdu::LoginRequest& request);
  Next answer(const pdu::LoginRequest& request);
  Next change_stage(std::uint8_t flags);
  bool take_text();
  bool identify(const std::vector<KeyValue>& pairs);
  bool identify_target();
  bool take_security(const std::vector<KeyValue>& pairs);
  bool choose_method(std::string_view offer);
  bool take_chap(const ChapKeys& keys);
  bool conclude_chap(Chap::Verdict verdict);
  bool security_done() const { return chap_passed_ || (!chap_ && !authentication_->required); }
  bool admit();
  bool fail(LoginStatus status, const char* why);

  SettingsRef settings_;
  LoginIdentity identity_;
  Negotiation negotiation_{{}, false};
  const Target* target_ = nullptr;
  const Redirection* redirection_ = nullptr;
  const Authentication* authentication_ = nullptr;
  std::unique_ptr<Chap> chap_;
  bool asking_ = false;            // between kAsk and judged()
  std::uint8_t asking_flags_ = 0;  // of the request that waits
  bool chap_passed_ = false, identified_ = false, admitted_ = false, started_ = false;
  Stage stage_ = Stage::kSecurity;
  unsigned pdus_ = 0;
  std::size_t keys_ = 0;
  std::uint32_t initiator_task_tag_ = 0, cmd_sn_ = 0, stat_sn_ = 0;
  std::string gathered_;  // text of a request that came in several PDUs
  TextWriter answer_{kMaxAnswer};
  pdu::LoginResponse response_;
  LoginStatus status_ = LoginStatus::kSuccess;
  const char* why_ = "";
};

}  // namespace iscsi
