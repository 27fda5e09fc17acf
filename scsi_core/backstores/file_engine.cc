// Slots, and the registry of engines by reactor.
#include "scsi_core/backstores/file_engine.h"

#include <algorithm>
#include <mutex>

#include "base/check.h"
#include "scsi_core/backstores/file_channel.h"

namespace scsi {
namespace {

std::mutex engines_mutex;
std::vector<std::unique_ptr<FileEngine>> engines;  // of all reactors

void channel_done(IoOp& op) {
  auto& slot = static_cast<IoSlot&>(op);
  slot.channel->completed(slot);
}

}  // namespace

IoSlot::IoSlot() : IoOp(&channel_done) {}

base::Result<FileEngine::Ref> FileEngine::Ref::of(hal::Reactor& reactor, MakeIoQueue make_queue) {
  const std::lock_guard lock(engines_mutex);
  const auto found = std::find_if(engines.begin(), engines.end(), [&](const std::unique_ptr<FileEngine>& engine) {
    return &engine->reactor_ == &reactor && engine->make_queue_ == make_queue;
  });
  FileEngine* engine = found != engines.end() ? found->get() : nullptr;
  if (engine == nullptr) {
    auto queue = TRY(make_queue(reactor));
    engine = new FileEngine(reactor, make_queue, std::move(queue));
    engines.emplace_back(engine);
  }
  ++engine->channels_;
  return Ref(engine);
}

FileEngine::Ref::~Ref() {
  if (engine_ == nullptr) return;
  const std::lock_guard lock(engines_mutex);
  if (--engine_->channels_ != 0) return;
  std::erase_if(engines, [this](const std::unique_ptr<FileEngine>& engine) { return engine.get() == engine_; });
}

FileEngine::FileEngine(hal::Reactor& reactor, MakeIoQueue make_queue, std::unique_ptr<IoQueue> queue)
    : reactor_(reactor),
      make_queue_(make_queue),
      queue_(std::move(queue)),
      slots_(std::make_unique<IoSlot[]>(IoQueue::kDepth)) {
  free_.reserve(IoQueue::kDepth);
  for (std::uint32_t i = IoQueue::kDepth; i > 0; --i) free_.push_back(&slots_[i - 1]);
}

void FileEngine::start(FileChannel& channel, StoreRequest& request) {
  if (free_.empty()) {
    request.cookie = reinterpret_cast<std::uintptr_t>(&channel);
    waiting_.push_back(request);
    return;
  }
  IoSlot& slot = *free_.back();
  free_.pop_back();
  channel.begin(slot, request);
}

void FileEngine::free(IoSlot& slot) {
  free_.push_back(&slot);
  if (waiting_.empty()) return;
  StoreRequest& next = *waiting_.pop_front();
  start(*reinterpret_cast<FileChannel*>(next.cookie), next);
}

}  // namespace scsi
