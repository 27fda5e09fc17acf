// From an edit to a stored configuration.
#include "ctl/transactor.h"

#include <malloc.h>

#include "ctl/config/check.h"
#include "ctl/log.h"

namespace ctl {
namespace {
constexpr auto kStoreLimit = std::chrono::seconds(60);
constexpr std::size_t kMaxLogged = 20;  // changes of one transaction

void report_to_log(const Transactor::Report& report) {
  for (std::size_t i = 0; report.applied && i < report.changes.size(); ++i) {
    if (i == kMaxLogged) {
      kLog.info("changed: {} more", report.changes.size() - i);
      break;
    }
    kLog.info("changed: {}", base::escaped(format_change(report.changes[i]), 500));
  }
  for (const std::string& note : report.notes) kLog.error("{}", note);
}

}  // namespace

void Transactor::start(Config config, bool stored, Finished finished) {
  busy_ = true;
  auto plan = [&]() -> base::Result<Plan> {
    TRY(draw_identities(config));
    TRY(check(config));
    TRY(machine_.validate(config));
    PlanOptions options;
    options.tolerant = true;
    return make_plan(machine_, Config(), config, options);
  }();
  if (!plan) return finish(finished, tl::unexpected<base::Error>(plan.error()));
  carry_out(std::move(*plan), std::move(config), {}, !stored, std::move(finished));
}

void Transactor::submit(Edit edit, Options options, Finished finished) {
  if (waiting_.size() >= kMaxWaiting) {
    return finished(base::fail(base::Errc::kBusy, "too many changes are waiting"));
  }
  waiting_.push_back({std::move(edit), options, std::move(finished)});
  next();
}

bool Transactor::hold() { return !std::exchange(busy_, true); }

void Transactor::release() {
  busy_ = false;
  next();
}

base::Result<void> Transactor::prepare(const Pending& pending, Config& after) const {
  TRY(pending.edit(after));
  keep_identities(config_, after);
  Config whole = after;
  TRY(draw_identities(whole));
  TRY(check(whole));
  TRY(machine_.validate(whole));
  if (!pending.options.dry_run) after = std::move(whole);  // a dry run shows what was asked for, not what was drawn
  return {};
}

void Transactor::next() {
  if (busy_ || waiting_.empty()) return;
  busy_ = true;
  const Pending pending = std::move(waiting_.front());
  waiting_.pop_front();
  Config after = config_;
  if (const auto prepared = prepare(pending, after); !prepared) {
    return finish(pending.finished, tl::unexpected<base::Error>(prepared.error()));
  }
  PlanOptions options;
  options.allow_shrink = pending.options.allow_shrink;
  for (const LogicalUnit& lu : config_.logical_units) {
    if (machine_.why_absent(lu.unit.name)) options.absent.insert(lu.unit.name);
  }
  auto plan = make_plan(machine_, config_, after, options);
  if (!plan) return finish(pending.finished, tl::unexpected<base::Error>(plan.error()));
  Report report;
  report.changes = diff(config_, after);
  if (pending.options.dry_run) return finish(pending.finished, std::move(report));
  carry_out(std::move(*plan), std::move(after), std::move(report), true, pending.finished);
}

Transactor::Progress Transactor::progress() const {
  const Part steps = sequencer_.steps();
  return {sequencer_.current(), {steps_before_ + steps.done, steps_in_all_}, sequencer_.bytes(), waiting_.size()};
}

Action Transactor::save(const Config& config) {
  return [this, config](Done done) {
    auto* const result = new base::Result<void>();  // freed by the second function, which runs after the first
    worker_.submit(
        control_, [this, config, result] { *result = store_.save(config); },
        [result, done = std::move(done)] { done(std::move(*std::unique_ptr<base::Result<void>>(result))); });
  };
}

// The last of the reversible steps: what follows it is in force even after a crash.
Step Transactor::store_step(const Config& before, const Config& after) {
  return {"store the configuration", kStoreLimit, save(after), save(before)};
}

void Transactor::carry_out(Plan plan, Config after, Report report, bool store, Finished finished) {
  if (store && after != config_) plan.steps.push_back(store_step(config_, after));
  steps_before_ = 0;
  steps_in_all_ = plan.steps.size() + plan.removals.size();
  auto finish_steps = [this, removals = std::move(plan.removals), after = std::move(after), report = std::move(report),
                       finished = std::move(finished)](Sequencer::Outcome outcome) mutable {
    if (!outcome.result) return finish(finished, tl::unexpected<base::Error>(outcome.result.error()));
    config_ = std::move(after);
    report.applied = true;
    report.notes = std::move(outcome.notes);
    remove_old(std::move(removals), std::move(report), std::move(finished));
  };
  sequencer_.run(std::move(plan.steps), std::move(finish_steps));
}

void Transactor::remove_old(std::vector<Step> removals, Report report, Finished finished) {
  if (removals.empty()) return finish(finished, std::move(report));
  steps_before_ = steps_in_all_ - removals.size();
  sequencer_.run(std::move(removals), [this, report = std::move(report),
                                       finished = std::move(finished)](const Sequencer::Outcome& outcome) mutable {
    report.notes.insert(report.notes.end(), outcome.notes.begin(), outcome.notes.end());
    finish(finished, std::move(report));
  });
}

void Transactor::finish(const Finished& finished, base::Result<Report> result) {
  if (result) report_to_log(*result);
  if (result && told_) told_(*result);
  busy_ = false;
  finished(std::move(result));
  next();
  // Texts, trees and copies of a large configuration go back to the machine once they are freed.
  if (!busy_) control_.post_function([] { malloc_trim(0); });
}

}  // namespace ctl
