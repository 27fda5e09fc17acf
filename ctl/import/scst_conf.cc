// Parser of scst.conf.
#include <fmt/format.h>

#include "base/log.h"
#include "ctl/import/statements.h"

namespace ctl {
namespace {

constexpr std::size_t kMaxWords = 64;

class Parser {
 public:
  Parser(std::string_view text, const std::string& file) : text_(text), file_(file) {}
  base::Result<std::vector<Statement>> run();

 private:
  bool read_word(std::string& out);
  base::Result<void> end_statement();
  base::Result<void> open();
  base::Result<void> close();
  base::Result<void> character(char c);
  tl::unexpected<base::Error> fault(const char* what) const {
    return base::fail(base::Errc::kInvalid, fmt::format("{}:{}: {}", base::escaped(file_, 300), line_, what));
  }

  std::string_view text_;
  const std::string& file_;
  std::size_t at_ = 0, statements_ = 0;
  unsigned line_ = 1;
  Statement current_;
  std::vector<Statement> root_, open_;
};

// A word, or text in double quotes; a backslash takes the next character as it is. False: a quote is not closed.
bool Parser::read_word(std::string& out) {
  const bool quoted = text_[at_] == '"';
  if (quoted) ++at_;
  for (; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '\n') return !quoted;
    if (quoted && c == '"') {
      ++at_;
      return true;
    }
    if (!quoted && (c == ' ' || c == '\t' || c == '\r' || c == '{' || c == '}' || c == '#')) return true;
    if (c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n') ++at_;
    out.push_back(text_[at_]);
  }
  return !quoted;
}

base::Result<void> Parser::end_statement() {
  if (current_.words.empty()) return {};
  if (++statements_ > kMaxStatements) return fault("too many statements");
  current_.file = file_;
  (open_.empty() ? root_ : open_.back().inner).push_back(std::move(current_));
  current_ = {};
  return {};
}

base::Result<void> Parser::open() {
  if (current_.words.empty()) return fault("a brace without a name before it");
  if (++statements_ > kMaxStatements) return fault("too many statements");
  if (open_.size() >= kMaxNesting) return fault("braces are nested too deeply");
  current_.file = file_;
  current_.block = true;
  open_.push_back(std::move(current_));
  current_ = {};
  return {};
}

base::Result<void> Parser::close() {
  TRY(end_statement());
  if (open_.empty()) return fault("this brace closes nothing");
  Statement closed = std::move(open_.back());
  open_.pop_back();
  (open_.empty() ? root_ : open_.back().inner).push_back(std::move(closed));
  return {};
}

base::Result<void> Parser::character(char c) {
  switch (c) {
    case '\n':
      TRY(end_statement());
      ++line_;
      break;
    case '#':
      at_ = std::min(text_.find('\n', at_), text_.size());
      return {};
    case '{':
      TRY(open());
      break;
    case '}':
      TRY(close());
      break;
    case ' ':
    case '\t':
    case '\r':
      break;
    default: {
      if (current_.words.empty()) current_.line = line_;
      if (current_.words.empty() && c == '[')
        return fault("this is the form of SCST 1; scstadmin of SCST 2 or newer converts it");
      if (current_.words.size() >= kMaxWords) return fault("a statement has too many words");
      std::string word;
      if (!read_word(word)) return fault("a quote is not closed");
      current_.words.push_back(std::move(word));
      return {};
    }
  }
  ++at_;
  return {};
}

base::Result<std::vector<Statement>> Parser::run() {
  while (at_ < text_.size()) TRY(character(text_[at_]));
  TRY(end_statement());
  if (!open_.empty()) {
    line_ = open_.back().line;
    return fault("this brace is not closed");
  }
  return std::move(root_);
}

}  // namespace

base::Result<std::vector<Statement>> parse_scst_conf(std::string_view text, const std::string& file) {
  return Parser(text, file).run();
}

}  // namespace ctl
