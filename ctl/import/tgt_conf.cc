// Parser of targets.conf.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "ctl/import/readers.h"
#include "ctl/import/statements.h"

namespace ctl {
namespace {

constexpr std::size_t kMaxIncludes = 256, kMaxIncludeDepth = 8, kMaxWords = 64, kMaxWildParts = 2;
constexpr std::string_view kBlank = " \t\r\f\v";

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// Up to an unescaped #; a backslash before one is dropped.
std::string without_comment(std::string_view line) {
  std::string out;
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '#') {
      out.push_back(line[++i]);
    } else if (line[i] == '#') {
      break;
    } else {
      out.push_back(line[i]);
    }
  }
  return out;
}

void split_words(std::string_view text, std::vector<std::string>& words) {
  while (!(text = trimmed(text)).empty() && words.size() < kMaxWords) {
    const std::size_t end = std::min(text.find_first_of(kBlank), text.size());
    words.emplace_back(unquoted(text.substr(0, end)));
    text.remove_prefix(end);
  }
}

class Parser {
 public:
  explicit Parser(const MachineFacts& machine) : machine_(machine) {}
  base::Result<void> file(std::string_view text, const std::string& name);
  std::vector<Statement> take() { return std::move(root_); }

 private:
  base::Result<void> line(std::string_view text, const std::string& file, unsigned number);
  base::Result<void> tag(std::string_view text, const std::string& file, unsigned number);
  base::Result<void> include(std::string_view pattern, const std::string& file, unsigned number);
  std::vector<Statement>& here() { return open_.empty() ? root_ : open_.back().inner; }
  base::Result<void> count(const std::string& file, unsigned number);

  const MachineFacts& machine_;
  std::vector<Statement> root_,
      open_;  // open_: blocks that are not closed yet, each waiting to be put into the one before
  std::size_t statements_ = 0, includes_ = 0, depth_ = 0, bytes_ = 0;
};

tl::unexpected<base::Error> fault(const std::string& file, unsigned number, const std::string& what) {
  return base::fail(base::Errc::kInvalid, fmt::format("{}:{}: {}", base::escaped(file, 300), number, what));
}

base::Result<void> Parser::count(const std::string& file, unsigned number) {
  if (++statements_ > kMaxStatements) return fault(file, number, "too many statements");
  return {};
}

base::Result<void> Parser::file(std::string_view text, const std::string& name) {
  bytes_ += text.size();
  if (bytes_ > kMaxImportText) return base::fail(base::Errc::kInvalid, "the files are too large together");
  const std::size_t blocks = open_.size();
  std::string joined;
  unsigned number = 0, first = 0;
  bool comment = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view one = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), end + 1));
    ++number;
    if (one.starts_with("/*")) comment = true;
    if (comment) {
      comment = one.find("*/") == std::string_view::npos;
      continue;
    }
    if (joined.empty()) first = number;
    const std::string bare = without_comment(one);
    one = trimmed(bare);
    if (one.ends_with('\\')) {
      one.remove_suffix(1);
      joined.append(one).push_back(' ');
      continue;
    }
    joined.append(one);
    TRY(line(trimmed(joined), name, first));
    joined.clear();
  }
  if (open_.size() != blocks)
    return fault(name, number, fmt::format("<{}> is not closed", base::escaped(open_.back().word(0), 60)));
  return {};
}

base::Result<void> Parser::line(std::string_view text, const std::string& file, unsigned number) {
  if (text.empty()) return {};
  if (text.starts_with("<<")) return fault(file, number, "this form of text is not understood");
  if (text.front() == '<' && text.back() == '>') return tag(trimmed(text.substr(1, text.size() - 2)), file, number);
  if (text.front() == '<') return fault(file, number, "a tag ends with >");
  TRY(count(file, number));
  Statement made;
  made.file = file;
  made.line = number;
  const std::size_t end = std::min(text.find_first_of(" \t="), text.size());
  made.words.emplace_back(text.substr(0, end));
  std::string_view value = trimmed(text.substr(end));
  if (value.starts_with('=')) value = trimmed(value.substr(1));
  if (made.words[0] == "include" || made.words[0] == "Include") return include(unquoted(value), file, number);
  split_words(unquoted(value), made.words);
  here().push_back(std::move(made));
  return {};
}

base::Result<void> Parser::tag(std::string_view text, const std::string& file, unsigned number) {
  if (text.starts_with('/')) {
    const std::string_view name = trimmed(text.substr(1));
    if (open_.empty() || open_.back().word(0) != name) return fault(file, number, "this tag closes nothing");
    Statement closed = std::move(open_.back());
    open_.pop_back();
    here().push_back(std::move(closed));
    return {};
  }
  TRY(count(file, number));
  const bool empty = text.ends_with('/') && text.find_first_of(kBlank) == std::string_view::npos;
  Statement made;
  made.file = file;
  made.line = number;
  made.block = true;
  split_words(empty ? text.substr(0, text.size() - 1) : text, made.words);
  if (made.words.empty()) return fault(file, number, "a tag without a name");
  if (empty) {
    here().push_back(std::move(made));
    return {};
  }
  if (open_.size() >= kMaxNesting) return fault(file, number, "tags are nested too deeply");
  open_.push_back(std::move(made));
  return {};
}

base::Result<void> Parser::include(std::string_view pattern, const std::string& file, unsigned number) {
  if (++includes_ > kMaxIncludes) return fault(file, number, "too many includes");
  if (depth_ >= kMaxIncludeDepth) return fault(file, number, "includes are nested too deeply");
  std::string path(pattern);
  if (path.empty() || path.size() >= 4096 || path.find('\0') != std::string::npos)
    return fault(file, number, "include needs a path");
  if (path.front() != '/') path = file.substr(0, file.rfind('/') + 1) + path;
  std::size_t wild = 0;  // a pattern in many places of a path could keep us busy for hours
  for (std::size_t at = 0; at < path.size();) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    wild += path.substr(at, end - at).find_first_of("*?[") != std::string::npos ? 1u : 0u;
    at = end + 1;
  }
  if (wild > kMaxWildParts) return fault(file, number, "include has too many wildcards");
  for (const std::string& found : machine_.files(path)) {
    if (++includes_ > kMaxIncludes) return fault(file, number, "too many includes");
    const std::string text = TRY(machine_.read(found, kMaxImportText));
    ++depth_;
    TRY(this->file(text, found));
    --depth_;
  }
  return {};
}

}  // namespace

const std::string& Statement::word(std::size_t index) const {
  static const std::string none;
  return index < words.size() ? words[index] : none;
}

std::string Statement::rest(std::size_t index) const {
  std::string out;
  for (; index < words.size(); ++index) out += (out.empty() ? "" : " ") + words[index];
  return out;
}

base::Result<std::vector<Statement>> parse_tgt_conf(std::string_view text, const std::string& file,
                                                    const MachineFacts& machine) {
  Parser parser(machine);
  TRY(parser.file(text, file));
  return parser.take();
}

}  // namespace ctl
