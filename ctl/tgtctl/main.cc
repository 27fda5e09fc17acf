// tgtctl: a thin client. Exit codes: 0 done, 1 refused, 2 usage, 3 no daemon, 4 the outcome is not known.
#include <cstdio>
#include <cstring>

#include "ctl/libtgt/client.h"
#include "ctl/libtgt/san.h"
#include "ctl/tgtctl/capture_command.h"
#include "ctl/tgtctl/command_line.h"
#include "ctl/tgtctl/completion.h"
#include "ctl/tgtctl/exit_codes.h"
#include "ctl/tgtctl/import_command.h"
#include "ctl/tgtctl/output.h"
#include "ctl/tgtctl/progress_bar.h"
#include "ctl/tgtctl/san_output.h"
#include "ctl/tgtctl/secrets.h"

namespace ctl {
namespace {

void print(FILE* to, const std::string& text) {
  fputs(text.c_str(), to);
  fflush(to);
}

base::Result<void> fill_in(Invocation& invocation) {
  if (!invocation.text_param.empty()) {
    invocation.params[invocation.text_param] = TRY(read_text_file(invocation.text_file));
  }
  for (const SecretSource& source : invocation.secrets) {
    invocation.params[source.param] = TRY(read_secret(source)).reveal();
  }
  return {};
}

std::string as_json(const Json& result) { return result.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"; }

int run_san(const SanInvocation& san) {
  const auto answer = san_command(san.socket, san.words);
  if (answer) {
    print(stdout, san.json ? as_json(*answer) : format_san(*answer));
    return 0;
  }
  switch (answer.error().code) {
    case base::Errc::kNotFound:
    case base::Errc::kDenied:
      return fail(answer.error(), kNoDaemon);
    case base::Errc::kInvalid:
      return fail(answer.error(), kRefused);
    default:
      return fail(answer.error(), kUnknown);
  }
}

base::Result<Json> call(Client& client, const Invocation& invocation) {
  ProgressBar bar(invocation.progress);
  bar.watch(client);
  return client.call(invocation.method->name, invocation.params);
}

int run(int argc, const char* const* argv) {
  if (argc > 1 && std::strcmp(argv[1], "__complete") == 0) {
    return run_completion(std::vector<std::string>(argv + 2, argv + argc));
  }
  CommandLine line = parse_command_line(argc, argv);
  print(line.exit_code == 0 ? stdout : stderr, line.output);
  if (line.san) return run_san(*line.san);
  if (line.import) return run_import(*line.import);
  if (line.top) return run_top(*line.top);
  if (line.events) return run_events(*line.events);
  if (line.shell) return run_shell(*line.shell);
  if (line.capture) return run_capture(*line.capture);
  if (!line.invocation) return line.exit_code;
  Invocation& invocation = *line.invocation;
  if (const auto filled = fill_in(invocation); !filled) return fail(filled.error(), kRefused);
  auto client = Client::connect(invocation.socket);
  if (!client) return fail(client.error(), kNoDaemon);
  const auto result = call(*client, invocation);
  if (!result) return fail(result.error(), client->broken() ? kUnknown : kRefused);
  print(stdout, invocation.json ? as_json(*result) : format_result(*invocation.method, *result));
  return 0;
}

}  // namespace
}  // namespace ctl

int main(int argc, char** argv) { return ctl::run(argc, argv); }
