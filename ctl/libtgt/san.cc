// One line to outboard-emu, one line of JSON back.
#include "ctl/libtgt/san.h"

#include <algorithm>

#include "ctl/libtgt/line_socket.h"

namespace ctl {

base::Result<Json> san_command(const std::string& path, const std::vector<std::string>& words,
                               std::chrono::milliseconds limit) {
  std::string line;
  for (const std::string& word : words) line += (line.empty() ? "" : " ") + word;
  if (line.empty() || std::ranges::any_of(line, [](char c) { return c == '\n' || c == '\0'; })) {
    return base::fail(base::Errc::kInvalid, "a command is one line of words");
  }
  LineSocket socket = TRY(LineSocket::connect(path, "outboard-emu"));
  const auto deadline = std::chrono::steady_clock::now() + limit;
  TRY(socket.send(line + "\n", deadline));
  auto answer = TRY(parse_json(TRY(socket.read_line(deadline))));
  const auto ok = answer.is_object() ? answer.find("ok") : answer.end();
  if (ok == answer.end() || !ok->is_boolean()) {
    return base::fail(base::Errc::kIo, "outboard-emu did not say whether it did it");
  }
  if (!*ok) {
    const Json why = answer.value("error", Json());
    return base::fail(base::Errc::kInvalid, why.is_string() ? why.get<std::string>() : "refused without a reason");
  }
  answer.erase(ok);
  return answer;
}

}  // namespace ctl
