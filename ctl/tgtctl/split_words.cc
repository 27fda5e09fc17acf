// Cutting a line into words.
#include "ctl/tgtctl/shell.h"

namespace ctl {

base::Result<std::vector<std::string>> split_words(const std::string& line) {
  std::vector<std::string> words;
  bool inside = false;  // a word, perhaps an empty one in quotes
  char quote = 0;
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    const bool blank = c == ' ' || c == '\t';
    if (quote == 0 && (blank || (c == '#' && !inside))) {
      if (!blank) break;
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    inside = true;
    if (c == quote) {
      quote = 0;
    } else if (quote == 0 && (c == '"' || c == '\'')) {
      quote = c;
    } else if (c == '\\' && quote != '\'') {
      if (++i == line.size()) return base::fail(base::Errc::kInvalid, "nothing stands behind the last \\");
      words.back().push_back(line[i]);
    } else {
      words.back().push_back(c);
    }
  }
  if (quote != 0) return base::fail(base::Errc::kInvalid, std::string("a ") + quote + " is not closed");
  return words;
}

}  // namespace ctl
