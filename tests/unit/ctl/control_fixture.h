// A whole control plane over a fake machine: service, transactions, store and dispatcher on one reactor.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "ctl/rpc/dispatcher.h"
#include "ctl/service/service.h"
#include "tests/unit/ctl/fake_machine.h"
#include "tests/unit/ctl/temporary_directory.h"

namespace ctl {

struct ControlFixture : testing::Test {
  base::ManualClock clock;
  TemporaryDirectory parent;
  std::unique_ptr<hal::Reactor> reactor = hal::Reactor::create([this] {
                                            hal::ReactorOptions options;
                                            options.clock = &clock;
                                            options.shuffle_seed = 1;
                                            return options;
                                          }())
                                              .value();
  FakeMachine machine{*reactor};
  std::unique_ptr<Store> store = Store::open(parent / "state").value();
  hal::Worker worker{"test"};
  Transactor transactor{*reactor, machine, *store, worker};
  Service service{*reactor, machine, *store, transactor, {"0.0-test", clock.now(), {"core 1"}}};
  Dispatcher dispatcher{service, *reactor};

  void settle() {
    while (reactor->run_once()) {
    }
  }
  // Calls a method; the worker's fsync is the only thing that is waited for.
  base::Result<Json> call(const std::string& method, const Json& params = Json::object()) {
    const Method* const found = find_method(method);
    if (found == nullptr) return base::fail(base::Errc::kNotFound, "no such method");
    const auto checked = Params::from_json(found->params, params);
    if (!checked) return tl::unexpected<base::Error>(checked.error());
    std::optional<base::Result<Json>> out;
    (service.*found->handler)(*checked, [&](base::Result<Json> result) { out = std::move(result); });
    for (int i = 0; i < 2'000'000 && !out; ++i) reactor->run_once();
    if (!out) return base::fail(base::Errc::kTimeout, "no answer");
    return std::move(*out);
  }
};

}  // namespace ctl
