// Asks the daemon for pieces of a capture until a signal or the time ends it.
#include "ctl/tgtctl/capture_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>
#include <vector>

#include "base/base64.h"
#include "base/fd.h"
#include "ctl/libtgt/client.h"
#include "ctl/tgtctl/exit_codes.h"

namespace ctl {
namespace {

constexpr auto kPause = std::chrono::milliseconds(50);

std::atomic<bool> asked_to_end{false};

// Data of initiators is in it: for its owner only. What was in the file goes, as with tcpdump.
base::Result<base::Fd> open_file(const std::string& name) {
  base::Fd fd(name == "-" ? dup(STDOUT_FILENO) : open(name.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) return base::fail_errno("open " + name);
  return fd;
}

base::Result<void> write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return base::fail_errno("write the capture");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

struct Piece {
  std::uint64_t packets = 0, lost = 0;
  bool more = false, ended = false;
};

base::Result<Piece> write_piece(Client& client, const Json& id, int file) {
  const Json piece = TRY(client.call("debug.capture_read", {{"id", id}}));
  const std::string data = piece.value("data", std::string());
  std::vector<std::byte> bytes(data.size() / 4 * 3);
  const auto size = base::decode_base64(data, bytes);
  if (!size) return base::fail(base::Errc::kIo, "the daemon's answer is not a piece of a capture");
  TRY(write_all(file, std::span(bytes).first(*size)));
  return Piece{piece.value("packets", std::uint64_t{0}), piece.value("lost", std::uint64_t{0}),
               piece.value("more", false), piece.value("ended", true)};
}

base::Result<Piece> capture(Client& client, const CaptureInvocation& invocation, int file) {
  Json params = Json::object();
  if (!invocation.port.empty()) params["port"] = invocation.port;
  if (!invocation.initiator.empty()) params["initiator"] = invocation.initiator;
  if (invocation.session) params["session"] = *invocation.session;
  if (invocation.snap != 0) params["snap"] = invocation.snap;
  if (!invocation.buffer.empty()) params["buffer"] = invocation.buffer;
  const Json begun = TRY(client.call("debug.capture_start", params));
  const Json id = begun.value("id", Json());
  fprintf(stderr, "capturing%s\n", invocation.seconds == 0 ? " until Ctrl-C" : "");
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(invocation.seconds);
  while (!asked_to_end && (invocation.seconds == 0 || std::chrono::steady_clock::now() < end)) {
    const Piece piece = TRY(write_piece(client, id, file));
    if (!piece.more) std::this_thread::sleep_for(kPause);
  }
  TRY(client.call("debug.capture_stop", {{"id", id}}));
  for (;;) {
    const Piece piece = TRY(write_piece(client, id, file));
    if (piece.ended) return piece;
  }
}

}  // namespace

int run_capture(const CaptureInvocation& invocation) {
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { asked_to_end = true; });
  auto client = Client::connect(invocation.socket);
  if (!client) return fail(client.error(), kNoDaemon);
  const auto file = open_file(invocation.file);
  if (!file) return fail(file.error(), kRefused);
  const auto last = capture(*client, invocation, file->get());
  if (!last) return fail(last.error(), client->broken() ? kUnknown : kRefused);
  FILE* const to = invocation.file == "-" ? stderr : stdout;
  const std::string text = invocation.json ? print_json({{"packets", last->packets}, {"lost", last->lost}})
                                           : fmt::format("{} packets captured, {} lost", last->packets, last->lost);
  fprintf(to, "%s\n", text.c_str());
  return 0;
}

}  // namespace ctl
