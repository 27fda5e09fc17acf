// The hosts of the harness `session`: four connections, of sessions of their own or of one session together.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tests/support/session_world.h"
#include "tests/support/strict_initiator.h"

struct Hosts {
  static constexpr std::size_t kMost = 4;

  explicit Hosts(SessionWorld& target) : world(target) {}

  // How a connection logs in: bits 0 and 1 where to and what for, 2 a higher error recovery level; 3 it joins the
  // session of the connection in its place or, where there is none, the last that logged in; 5 another CID; 6 it joins
  // under a name of its own. `by_itself`: the login is for the input to send.
  void connect(std::size_t which, std::uint8_t variant, bool by_itself, std::uint8_t who) {
    remember(which);
    all[which].reset();
    world.settle();
    all[which] = std::make_unique<StrictInitiator>(world.connect(which == 0 ? "10.0.0.9:50000" : "10.0.0.8:50000"));
    world.settle();
    const bool joins = (variant & 8) != 0 && session_.tsih != 0;
    if (joins) {
      if (session_.recovers) all[which]->joins(session_.tsih);
      all[which]->cmd_sn = session_.cmd_sn;
      if ((variant & 64) == 0) who = session_.who;
    }
    names_[which] = who;
    if (!by_itself) log_in(which, variant, joins ? session_.tsih : std::uint16_t{0});
    settle();
    remember(which);
  }

  void settle() {
    // What a host reads lets the target go on.
    for (int i = 0; i < 3; ++i) {
      world.settle();
      for (const auto& host : all) {
        if (host != nullptr) host->read_answers();
      }
    }
  }

  // CmdSN is the session's: what one connection has sent counts for all of them.
  void share_numbers(std::size_t which) {
    if (all[which] == nullptr || !all[which]->full_feature()) return;
    const std::uint16_t tsih = all[which]->tsih();
    for (const auto& host : all) {
      if (host != nullptr && host->full_feature() && host->tsih() == tsih) host->cmd_sn = all[which]->cmd_sn;
    }
    if (session_.tsih == tsih) session_.cmd_sn = all[which]->cmd_sn;
  }

  SessionWorld& world;
  std::array<std::unique_ptr<StrictInitiator>, kMost> all;

 private:
  void remember(std::size_t which) {
    const StrictInitiator* const host = all[which].get();
    if (host == nullptr || !host->full_feature()) return;
    session_ = {host->tsih(), host->cmd_sn, names_[which], host->recovers()};
  }

  static std::string text_of(std::initializer_list<std::string_view> pairs) {
    std::string text;
    for (const std::string_view pair : pairs) text.append(pair).push_back('\0');
    return text;
  }

  static std::string login_text(std::uint8_t variant, const std::string& host) {
    switch (variant & 3) {
      case 1:
        return text_of({host, "TargetName=iqn.2026-01.test:open", "HeaderDigest=CRC32C", "DataDigest=CRC32C",
                        "InitialR2T=No", "FirstBurstLength=4096", "MaxBurstLength=8192", "MaxOutstandingR2T=2",
                        "MaxConnections=3", (variant & 4) != 0 ? "ErrorRecoveryLevel=1" : "ErrorRecoveryLevel=0"});
      case 2:
        if ((variant & 4) != 0) {
          return text_of({host, "TargetName=iqn.2026-01.test:open", "DataPDUInOrder=No", "DataSequenceInOrder=No",
                          "ErrorRecoveryLevel=0", "InitialR2T=No", "FirstBurstLength=4096", "MaxBurstLength=8192",
                          "MaxOutstandingR2T=4"});
        }
        return text_of({host, "SessionType=Discovery"});
      case 3:
        return text_of({host, "TargetName=iqn.2026-01.test:guarded"});
      default:
        if ((variant & 4) != 0) {
          return text_of({host, "TargetName=iqn.2026-01.test:open", "InitialR2T=No", "ErrorRecoveryLevel=2",
                          "MaxBurstLength=1024", "MaxRecvDataSegmentLength=512", "MaxConnections=2"});
        }
        return text_of({host, "TargetName=iqn.2026-01.test:open", "InitialR2T=No", "ImmediateData=Yes"});
    }
  }

  void log_in(std::size_t which, std::uint8_t variant, std::uint16_t tsih) {
    StrictInitiator& initiator = *all[which];
    hal::iscsi::LoginRequest request;
    request.flags = 0x87;  // operational negotiation, then full feature phase
    request.isid = {0, 2, 0x3d, 0, 0, names_[which]};
    request.cmd_sn = initiator.cmd_sn;
    request.initiator_task_tag = 1;
    request.cid = static_cast<std::uint16_t>((variant & 32) != 0 ? 2 : which < 2 ? 1 : which + 1);
    request.tsih = tsih;
    const std::string name = "InitiatorName=iqn.2026-01.test:host" + std::string(names_[which] == 1 ? "1" : "2");
    const std::string text = login_text(variant, name);
    initiator.send(request, std::as_bytes(std::span(text)));
  }

  std::array<std::uint8_t, kMost> names_{};  // who logged in there
  struct {
    std::uint16_t tsih = 0;
    std::uint32_t cmd_sn = 1;
    std::uint8_t who = 1;
    bool recovers = false;  // PDUs may come again
  } session_;               // that a connection joins
};
