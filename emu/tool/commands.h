// The commands that a running outboard-emu takes: one line in, one line of JSON out.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "emu/tool/san.h"

namespace emu::tool {

class Commands {
 public:
  Commands(San& san, std::function<void()> stop) : san_(san), stop_(std::move(stop)) {}
  // {"ok":true,...} or {"ok":false,"error":"..."}. `help` lists them.
  std::string run(std::string_view line);

 private:
  San& san_;
  std::function<void()> stop_;
};

}  // namespace emu::tool
