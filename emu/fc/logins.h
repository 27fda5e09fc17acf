// The login table: what a port knows of the ports that it, or they, logged in to.
#pragma once

#include <cstdint>
#include <unordered_map>

#include "emu/fc/n_port.h"

namespace emu::fc {

class Logins {
 public:
  // Stays where it is until it is removed.
  Login* find(std::uint8_t vp, std::uint32_t id) {
    const std::uint32_t key = key_of(vp, id);
    if (last_ != nullptr && last_key_ == key) return last_;
    const auto found = table_.find(key);
    if (found == table_.end()) return nullptr;
    last_key_ = key;
    return last_ = &found->second;
  }
  Login* find_name(std::uint8_t vp, Wwn port_name) {
    for (auto& [key, login] : table_) {
      if (login.vp == vp && login.port.port_name == port_name) return &login;
    }
    return nullptr;
  }
  Login& add(std::uint8_t vp, std::uint32_t id) {
    Login& login = table_[key_of(vp, id)];
    login.vp = vp;
    login.port.id.raw = id;
    return login;
  }
  void remove(std::uint8_t vp, std::uint32_t id) {
    last_ = nullptr;
    table_.erase(key_of(vp, id));
  }
  template <class F>
  void for_each(F&& fn) {
    for (auto& [key, login] : table_) fn(login);
  }
  template <class F>
  void remove_if(F&& condition) {
    last_ = nullptr;
    std::erase_if(table_, [&](const auto& item) { return condition(item.second); });
  }
  std::size_t count() const { return table_.size(); }

 private:
  static std::uint32_t key_of(std::uint8_t vp, std::uint32_t id) { return std::uint32_t{vp} << 24 | id; }
  std::unordered_map<std::uint32_t, Login> table_;
  Login* last_ = nullptr;
  std::uint32_t last_key_ = 0;
};

}  // namespace emu::fc
