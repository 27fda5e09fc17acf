// The three readers: each turns one format into a draft.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "ctl/import/draft.h"
#include "ctl/import/statements.h"

namespace ctl {

inline constexpr std::size_t kMaxImportText = std::size_t{16} << 20;  // of all files together

base::Result<void> read_targetcli(std::string_view text, const std::string& origin, Draft& draft);
base::Result<void> read_tgt_admin(std::string_view text, const std::string& origin, Draft& draft);
base::Result<void> read_scst(std::string_view text, const std::string& origin, Draft& draft);

}  // namespace ctl
