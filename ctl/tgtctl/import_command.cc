// What `tgtctl import` does with what was read: files, or one transaction of the daemon.
#include "ctl/tgtctl/import_command.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>

#include "ctl/config/toml.h"
#include "ctl/files.h"
#include "ctl/import/import.h"
#include "ctl/libtgt/client.h"
#include "ctl/tgtctl/exit_codes.h"
#include "ctl/tgtctl/output.h"
#include "ctl/tgtctl/progress_bar.h"
#include "hal/port/fc_port.h"

namespace ctl {
namespace {

constexpr std::size_t kMaxFile = std::size_t{16} << 20;

void print(FILE* to, const std::string& text) {
  fputs(text.c_str(), to);
  fflush(to);
}

int fail(const std::string& text, int code) {
  print(stderr, "tgtctl: " + text + "\n");
  return code;
}

base::Result<std::map<std::string, std::string>> devices(const std::vector<std::string>& words) {
  std::map<std::string, std::string> out;
  for (const std::string& word : words) {
    const std::size_t at = word.find('=');
    const auto wwpn = hal::fc::parse_wwn(word.substr(0, at));
    if (at == std::string::npos || !wwpn) {
      return base::fail(base::Errc::kInvalid, "--fc-device is WWPN=ADDRESS, e.g. 21:00:00:24:ff:00:00:01=0000:3b:00.0");
    }
    out[to_string(*wwpn)] = word.substr(at + 1);
  }
  return out;
}

base::Result<Imported> read_source(const ImportInvocation& invocation) {
  ImportOptions options;
  options.format = TRY(parse_import_format(invocation.format));
  options.fc_devices = TRY(devices(invocation.fc_devices));
  std::string text = invocation.file == "-" ? TRY(read_all(STDIN_FILENO, "standard input", kMaxFile))
                                            : TRY(read_named_file(invocation.file, kMaxFile, false));
  auto imported =
      import_config(text, invocation.file == "-" ? "standard input" : invocation.file, options, this_machine());
  explicit_bzero(text.data(), text.size());
  return imported;
}

// A file that is there already stays as it is.
base::Result<void> write_file(const std::string& path, std::string_view text, mode_t mode) {
  const Fd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode));
  if (!fd) return base::fail_errno("make " + path);
  while (!text.empty()) {
    const ssize_t n = write(fd.get(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return base::fail_errno("write " + path);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  if (fsync(fd.get()) != 0) return base::fail_errno("write " + path);
  return {};
}

base::Result<void> write_files(const ImportInvocation& invocation, const Config& config) {
  if (!config.users.empty()) {
    const std::string& wished = invocation.secrets_output;
    const Secret secrets(write_secrets(config));
    TRY(write_file(wished.empty() ? invocation.output + ".secrets" : wished, secrets.reveal(), 0600));
  }
  return write_file(invocation.output, write_config(config), 0644);
}

Json as_json(const Imported& imported) {
  Json findings = Json::array();
  for (const Finding& found : imported.findings.list()) {
    findings.push_back({{"file", found.place.file},
                        {"line", found.place.line},
                        {"path", found.place.path},
                        {"what", found.what},
                        {"why", found.why},
                        {"instead", found.instead}});
  }
  return {{"format", import_format_name(imported.format)},
          {"config", write_config(imported.config)},
          {"findings", std::move(findings)},
          {"unlisted_findings", imported.findings.unlisted()}};
}

// Empty: it serves nothing that would go.
base::Result<std::string> in_the_way(Client& client) {
  const Json status = TRY(client.call("status", Json::object()));
  for (const char* const key : {"logical_units", "targets", "fc_ports"}) {
    const auto found = status.find(key);
    if (found != status.end() && found->is_number() && *found != 0) {
      return "outboardd serves something already: --replace makes it serve only what is imported";
    }
  }
  return std::string();
}

int apply(const ImportInvocation& invocation, const Imported& imported) {
  auto client = Client::connect(invocation.socket);
  if (!client) return fail(client.error().text, kNoDaemon);
  if (!invocation.replace && !invocation.dry_run) {
    const auto obstacle = in_the_way(*client);
    if (!obstacle) return fail(obstacle.error().text, client->broken() ? kUnknown : kRefused);
    if (!obstacle->empty()) return fail(*obstacle, kRefused);
  }
  Json params = {
      {"text", write_config(imported.config)}, {"origin", "imported configuration"}, {"dry_run", invocation.dry_run}};
  if (!imported.config.users.empty()) params["secrets"] = write_secrets(imported.config);
  const Method& method = *find_method("apply");
  const auto result = [&] {
    ProgressBar bar(invocation.progress);
    bar.watch(*client);
    return client->call(method.name, params);
  }();
  if (!result) return fail(result.error().text, client->broken() ? kUnknown : kRefused);
  print(stdout, invocation.json ? print_json(*result) + "\n" : format_result(method, *result));
  return 0;
}

}  // namespace

int run_import(const ImportInvocation& invocation) {
  const auto imported = read_source(invocation);
  if (!imported) return fail(imported.error().text, kRefused);
  const bool to_output = invocation.output.empty() && !invocation.apply;
  const std::string report = format_import(*imported, invocation.file);
  // Standard output is the TOML's when nothing else was said, and the result's with --apply --json.
  print(to_output || invocation.json ? stderr : stdout, report);
  if (invocation.strict && (!imported->findings.list().empty() || imported->findings.unlisted() != 0)) {
    return fail("--strict: not everything can be taken over as it was; nothing was done", kRefused);
  }
  if (invocation.apply) return apply(invocation, *imported);
  if (invocation.json) print(stdout, as_json(*imported).dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
  if (to_output) {
    if (!invocation.json) print(stdout, write_config(imported->config));
    if (!imported->config.users.empty())
      print(stderr, "secrets are written only with --output or given with --apply\n");
    return 0;
  }
  const auto written = write_files(invocation, imported->config);
  return written ? 0 : fail(written.error().text, kRefused);
}

}  // namespace ctl
