// Aligned columns for people.
#pragma once

#include <string>
#include <vector>

namespace ctl {

// Without control characters: it may come from peers.
std::string printable(std::string text);
// Three digits and a unit: "1.25 ms", "830 us"; "12.5 GB", "0".
std::string short_time(double nanoseconds);
std::string short_bytes(double bytes);
// Three digits and a letter: "184k", "2.31M", "0".
std::string short_number(double number);

// The first row is the heading. Cells lose control characters (they may come from peers); numbers align to the right.
std::string format_table(const std::vector<std::vector<std::string>>& rows);

}  // namespace ctl
