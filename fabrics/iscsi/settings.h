// The configuration as one reactor's logins and sessions read it: a private copy, never changed, counted references.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "fabrics/iscsi/service.h"

namespace iscsi {

class Settings {
 public:
  // `portals`: as opened, with their real ports.
  Settings(FabricConfig config, std::vector<Portal> portals);
  ~Settings();  // wipes the secrets
  Settings(const Settings&) = delete;
  Settings& operator=(const Settings&) = delete;

  const FabricConfig& config() const { return config_; }
  const std::vector<Portal>& portals() const { return portals_; }
  const Target* find_target(std::string_view name) const;  // `name` in lower case
  // `peer`: the address that it comes from, with a port.
  static bool permits(const Target& target, std::string_view initiator, std::string_view peer);
  // Where a login to `target` is to go instead that came to our address `local` in this portal group; or null.
  const Redirection* redirection(const Target& target, std::uint16_t portal_group, std::string_view local) const;
  // The portal that has this address of ours; or null.
  const Portal* portal_at(std::uint16_t portal_group, std::string_view local) const;
  static bool offers(const Target& target, std::uint16_t portal_group);
  // Who the port of a target in one of its portal groups is to the SCSI core.
  static scsi::TargetPortIdentity port_identity(const Target& target, std::uint16_t portal_group);

 private:
  friend class SettingsRef;
  FabricConfig config_;
  std::vector<Portal> portals_;
  std::unordered_map<std::string_view, const Target*> by_name_;
  std::uint32_t users_ = 0;
};

// Keeps a Settings alive; on one reactor only.
class SettingsRef {
 public:
  SettingsRef() = default;
  explicit SettingsRef(std::unique_ptr<Settings> settings) : settings_(settings.release()) { hold(); }
  SettingsRef(const SettingsRef& other) : settings_(other.settings_) { hold(); }
  SettingsRef(SettingsRef&& other) noexcept : settings_(std::exchange(other.settings_, nullptr)) {}
  SettingsRef& operator=(SettingsRef other) noexcept {
    std::swap(settings_, other.settings_);
    return *this;
  }
  ~SettingsRef() {
    if (settings_ != nullptr && --settings_->users_ == 0) delete settings_;
  }
  const Settings& operator*() const { return *settings_; }
  const Settings* operator->() const { return settings_; }
  explicit operator bool() const { return settings_ != nullptr; }

 private:
  void hold() {
    if (settings_ != nullptr) ++settings_->users_;
  }
  Settings* settings_ = nullptr;
};

}  // namespace iscsi
