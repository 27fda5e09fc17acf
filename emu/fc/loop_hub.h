// A hub: makes its wires one arbitrated loop. What one port sends, the next lit one hears.
#pragma once

#include <cstdint>
#include <vector>

#include "emu/wire.h"

namespace emu::fc {

class LoopHub {
 public:
  void add(Wire& wire);  // lights it
  bool poll();           // bounded

 private:
  struct Port {
    Wire* wire = nullptr;
    bool was_up = false;
    std::vector<std::byte> waiting;  // had no credit at the next port
  };
  Wire* next_of(std::size_t port);
  bool forward(std::size_t port);
  std::vector<Port> ports_;
};

}  // namespace emu::fc
