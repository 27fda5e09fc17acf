// Broadcasts over the reactors. They allocate: configuration, task management and fences only.
#include "scsi_core/engine/fleet.h"

#include <algorithm>

#include "base/check.h"
#include "scsi_core/engine/router.h"

namespace scsi {

Fleet::Fleet(std::vector<hal::Reactor*> reactors, const CoreOptions& options)
    : options_(options), reactors_(std::move(reactors)) {
  for (std::size_t i = 0; i < reactors_.size(); ++i) {
    routers_.push_back(std::make_unique<Router>(*this, i, *reactors_[i]));
  }
}

Fleet::~Fleet() = default;

std::size_t Fleet::index_of(const hal::Reactor& reactor) const {
  const auto at = std::find(reactors_.begin(), reactors_.end(), &reactor);
  CHECK(at != reactors_.end());
  return static_cast<std::size_t>(at - reactors_.begin());
}

void Fleet::on_each(hal::Reactor& origin, const std::function<void(std::size_t)>& work, std::function<void()> done) {
  ask_each(
      origin,
      [work](std::size_t index, const Answer& answer) {
        work(index);
        answer();
      },
      std::move(done));
}

void Fleet::ask_each(hal::Reactor& origin, const std::function<void(std::size_t, Answer)>& work,
                     std::function<void()> done) {
  struct Pending {
    std::size_t left;
    std::function<void()> done;
  };
  auto* const pending = new Pending{size(), std::move(done)};  // deleted by the last answer
  const Answer answer = [pending, &origin] {
    origin.post_function([pending] {
      if (--pending->left != 0) return;
      const std::unique_ptr<Pending> last(pending);
      if (last->done) last->done();
    });
  };
  std::size_t own = size();
  for (std::size_t i = 0; i < size(); ++i) {
    if (reactors_[i] == &origin) {
      own = i;
    } else {
      reactors_[i]->post_function([work, i, answer] { work(i, answer); });
    }
  }
  if (own != size()) work(own, answer);
}

}  // namespace scsi
