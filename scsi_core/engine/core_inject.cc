// Fault rules: `tgtctl debug inject`.
#include <algorithm>

#include "scsi_core/engine/core_impl.h"

namespace scsi {

std::vector<std::unique_ptr<ActiveRule>>::iterator Core::Impl::find_rule(std::uint32_t id) {
  return std::find_if(rules.begin(), rules.end(), [&](const auto& active) { return active->rule.id == id; });
}

void Core::Impl::publish_rules(std::function<void()> done) {
  std::vector<ActiveRule*> all;
  for (const auto& active : rules) all.push_back(active.get());
  for (const auto& [name, lu] : units) {
    const bool any =
        std::any_of(all.begin(), all.end(), [unit = lu.get()](const ActiveRule* rule) { return rule->lu == unit; });
    if (any) {
      lu->flags.fetch_or(kLuInjecting, std::memory_order_relaxed);
    } else {
      lu->flags.fetch_and(~std::uint32_t{kLuInjecting}, std::memory_order_relaxed);
    }
  }
  fleet.on_each(
      control, [this, all](std::size_t index) { fleet.router(index).injector().set_rules(all); }, std::move(done));
}

// The rules are read until every reactor has put them away.
void Core::Impl::drop_rules_of(const LogicalUnit& lu) {
  auto* const dropped = new std::vector<std::unique_ptr<ActiveRule>>;
  for (auto& active : rules) {
    if (active->lu == &lu) dropped->push_back(std::move(active));
  }
  std::erase_if(rules, [](const auto& active) { return active == nullptr; });
  publish_rules([dropped] { delete dropped; });
}

void Core::inject(InjectRule rule, std::function<void(base::Result<std::uint32_t>)> done) {
  LogicalUnit* const lu = impl_->find(rule.lu);
  if (lu == nullptr) {
    return impl_->control.post_function([done = std::move(done), name = rule.lu] {
      done(base::fail(base::Errc::kNotFound, "there is no logical unit " + name));
    });
  }
  auto active = std::make_unique<ActiveRule>();
  rule.id = impl_->next_rule++;
  active->rule = rule;
  active->lu = lu;
  active->left = rule.count;
  impl_->rules.push_back(std::move(active));
  impl_->publish_rules([done = std::move(done), id = rule.id] { done(id); });
}

void Core::remove_inject(std::uint32_t id, Done done) {
  const auto at = impl_->find_rule(id);
  if (at == impl_->rules.end()) {
    return impl_->answer(std::move(done), base::fail(base::Errc::kNotFound, "there is no such rule"));
  }
  ActiveRule* const dropped = at->release();
  impl_->rules.erase(at);
  impl_->publish_rules([dropped, done = std::move(done)] {
    delete dropped;
    done({});
  });
}

void Core::list_injects(std::function<void(std::vector<InjectRule>)> done) {
  std::vector<InjectRule> rules;
  for (const auto& active : impl_->rules) {
    rules.push_back(active->rule);
    if (active->rule.count != 0) rules.back().left = active->left.load(std::memory_order_relaxed);
  }
  impl_->control.post_function([done = std::move(done), rules = std::move(rules)] { done(rules); });
}

}  // namespace scsi
