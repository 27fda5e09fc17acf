// Opening and closing of portals.
#include "fabrics/iscsi/portals.h"

#include <fcntl.h>

#include <algorithm>

namespace iscsi {

base::Result<void> Portals::change(const std::vector<Portal>& wanted) {
  std::vector<Open*> kept(wanted.size(), nullptr);
  std::vector<std::unique_ptr<Open>> fresh(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto same = std::find_if(open_.begin(), open_.end(), [&](const auto& open) {
      return open->portal.address == wanted[i].address && std::find(kept.begin(), kept.end(), open.get()) == kept.end();
    });
    if (same != open_.end()) {
      kept[i] = same->get();
      continue;
    }
    fresh[i] = std::make_unique<Open>();
    fresh[i]->host = &host_;
    fresh[i]->portal = wanted[i];
    fresh[i]->listener = TRY(datamover_.listen(control_, wanted[i].address, *fresh[i]));
    if (paused_) fresh[i]->listener->pause(true);
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (kept[i] == nullptr) continue;
    const auto old = std::find_if(open_.begin(), open_.end(), [&](const auto& each) { return each.get() == kept[i]; });
    fresh[i] = std::move(*old);
    open_.erase(old);
    fresh[i]->portal = wanted[i];
  }
  open_ = std::move(fresh);
  return {};
}

void Portals::pause(bool paused) {
  paused_ = paused;
  for (const auto& open : open_) open->listener->pause(paused);
}

std::vector<FabricListener> Portals::hand_over() const {
  std::vector<FabricListener> all;
  for (const auto& open : open_) {
    base::Fd copy(fcntl(open->listener->descriptor(), F_DUPFD_CLOEXEC, 0));
    if (copy) all.push_back({open->portal.address, std::move(copy)});
  }
  return all;
}

std::vector<Portal> Portals::opened() const {
  std::vector<Portal> all;
  for (const auto& open : open_) {
    all.push_back(open->portal);
    all.back().address = open->listener->address();
  }
  return all;
}

}  // namespace iscsi
