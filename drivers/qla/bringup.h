// Bring-up of the adapter as tables of steps: from reset to a firmware that runs, and from light to an address.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "drivers/qla/dump.h"
#include "drivers/qla/logins.h"
#include "drivers/qla/mailbox.h"
#include "drivers/qla/memory.h"
#include "drivers/qla/pairs.h"
#include "drivers/qla/rings.h"

namespace qla {

class BringupUser {
 public:
  virtual ~BringupUser() = default;
  virtual void adapter_still() = 0;  // it has been reset: it touches no memory, and what it knew is gone
};

enum class Progress : std::uint8_t { kWait, kNext, kFailed };

class Bringup {
 public:
  enum class Outcome : std::uint8_t { kRunning, kDone, kFailed };
  struct Step {
    const char* name;
    void (Bringup::*enter)();
    Progress (Bringup::*poll)();
    base::Duration limit;  // since the step began or last moved()
  };
  struct LostLogin {
    std::size_t port;  // in the order of watch_logins()
    hal::fc::LoginId login;
  };
  struct Firmware {
    std::uint16_t major = 0, minor = 0, patch = 0, attributes = 0;
    std::uint32_t memory_end = 0;
    std::uint16_t target_exchanges = 0, exchanges = 0, virtual_ports = 0;
  };

  Bringup(Device& device, MailboxPort& mailbox, const Memory& memory, RequestRing& requests, Pairs& pairs,
          BringupUser& user)
      : device_(device), mailbox_(mailbox), memory_(memory), requests_(requests), pairs_(pairs), user_(user) {}

  void watch_logins(const Logins& logins) { logins_.push_back(&logins); }  // of the next port, before all else
  void begin_reset(Dump* dump);  // ends with a firmware that takes queue entries
  void begin_link();             // ends with link()
  void begin_off();              // ends with an adapter in reset
  void cancel() { steps_ = {}; }
  bool running() const { return !steps_.empty(); }
  bool waits() const;  // for a moment that is not here yet: a timer may wake us
  Outcome poll();
  const char* step() const { return running() ? steps_[at_].name : ""; }
  const std::string& error() const { return error_; }

  const Firmware& firmware() const { return firmware_; }
  const hal::fc::Link& link() const { return link_; }
  hal::fc::Wwn port_name() const { return port_name_; }
  hal::fc::Wwn node_name() const { return node_name_; }
  const std::string& model() const { return model_; }
  // Logins that the firmware did not know any more, as the link's sequence found.
  const std::vector<LostLogin>& lost_logins() const { return lost_logins_; }
  bool pairs_work() const { return pairs_work_; }  // the firmware has queues beyond the first
  bool multi_id() const { return multi_id_; }      // the firmware was initialised for virtual ports
  static std::span<const Step> reset_steps();
  static std::span<const Step> link_steps();

 private:
  void begin(std::span<const Step> steps);
  void enter();
  // One of many pieces is done: the next one has the step's whole limit, however slow all of them are.
  void moved() { deadline_ = device_.reactor.now() + steps_[at_].limit; }
  Outcome failed(const std::string& why);
  Progress mailbox_answered();
  void retry_in(base::Duration time) { retry_at_ = device_.reactor.now() + time; }
  void send(MailboxCall& call) { mailbox_.issue(call); }
  void host_command(regs::Command command);
  void nothing() {}
  Progress done() { return Progress::kNext; }

  // bringup_reset.cc
  void stop_dma();
  Progress dma_stopped();
  void soft_reset();
  Progress soft_reset_done();
  void release_risc();
  Progress boot_code_ready();
  void tell_still();
  void begin_dump();
  Progress poll_dump();
  void begin_nvram();
  Progress poll_nvram();
  Progress take_nvram();
  bool second_function() const { return device_.pci.identity().interrupt_pin > 1; }
  // bringup_flash.cc
  void begin_layout();
  Progress poll_layout();
  bool take_layout(std::span<const std::byte> table);
  void begin_images();
  Progress poll_images();
  // bringup_firmware.cc
  void register_test();
  Progress register_test_done();
  void begin_firmware();
  Progress poll_firmware();
  Progress firmware_read();
  Progress begin_segment();
  void next_piece();
  void read_flash(std::uint32_t address, std::uint32_t dwords);
  void load_piece();
  void verify_checksum();
  void execute();
  void ask_version();
  Progress take_version();
  void ask_resources();
  Progress take_resources();
  // bringup_init.cc
  void set_options();
  void initialize();
  Progress initialized();
  // bringup_pairs.cc
  void halt_pairs();
  Progress pairs_there();
  void begin_pairs();
  void create_response();
  void create_request();
  void create(std::uint16_t kind, hal::DmaSpan ring, std::uint32_t entries);
  Progress poll_pairs();
  // bringup_link.cc
  Progress mailbox_free();
  void ask_state();
  Progress poll_state();
  void ask_timeouts();
  Progress timeouts_done();
  void send_marker();
  void ask_id();
  Progress poll_id();
  void ask_rate();
  Progress take_rate();
  void ask_peer_name();
  Progress take_peer_name();
  void begin_logins();
  Progress poll_logins();
  bool ask_next_login();

  Device& device_;
  MailboxPort& mailbox_;
  const Memory& memory_;
  RequestRing& requests_;
  Pairs& pairs_;
  std::vector<std::unique_ptr<QueuePair>>::const_iterator pair_;  // that is being made
  bool creating_response_ = false, pairs_work_ = false;
  std::vector<const Logins*> logins_;
  BringupUser& user_;
  std::span<const Step> steps_;
  std::size_t at_ = 0;
  base::Time deadline_{}, retry_at_{};
  MailboxCall call_;
  std::string error_;
  Dump* dump_ = nullptr;

  // Dwords of flash, from its base: as the chip's row has them, or the layout table.
  std::uint32_t firmware_at_ = 0, nvram_at_ = 0;
  struct Image {
    std::uint32_t firmware = 0, status = 0;  // 0: the layout does not name it
    bool active = false;
    std::uint16_t generation = 0;
  };
  std::array<Image, 2> images_;
  std::size_t image_ = 0;
  std::vector<std::uint32_t> nvram_;
  bool flash_read_out_ = false;
  hal::fc::Wwn port_name_, node_name_;
  std::string model_;
  std::uint16_t login_retry_ = 8, hard_address_ = 0x7c;

  enum class Load : std::uint8_t { kHead, kRead, kWrite } load_ = Load::kHead;
  std::uint32_t segment_ = 0, source_ = 0, target_ = 0, left_ = 0, piece_ = 0, entry_point_ = 0;
  Firmware firmware_;
  std::uint32_t dump_at_ = 0;

  hal::fc::Link link_;
  bool marker_sent_ = false;
  bool multi_id_ = false;
  std::size_t port_ = 0;  // whose logins are being asked about
  hal::fc::LoginId login_ = 0;
  std::uint16_t asked_nport_ = 0;
  std::vector<LostLogin> lost_logins_;
};

}  // namespace qla
