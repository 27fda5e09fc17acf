// The record store: a directory and a thread that writes to it, or a map when nothing is to be kept.
#include "scsi_core/metadata_store.h"

#include <map>
#include <mutex>
#include <utility>

#include "hal/worker.h"
#include "scsi_core/metadata_store_file.h"

namespace scsi {

using Answer = std::function<void(base::Result<void>)>;

struct MetadataStore::Impl {
  std::optional<RecordDirectory> directory;
  std::mutex mutex;  // for `memory`: logical units have different home reactors
  std::map<std::pair<std::string, std::string>, Bytes> memory;
  std::optional<hal::Worker> worker;  // last: its destructor finishes the writes that still use the directory

  // Runs `change` on the worker, then `done` with its result on `reactor`.
  void submit(hal::Reactor& reactor, std::function<base::Result<void>()> change, Answer done) {
    auto result = std::make_unique<base::Result<void>>();
    auto* const place = result.release();  // owned by the second function, which always runs after the first
    worker->submit(
        reactor, [change = std::move(change), place] { *place = change(); },
        [done = std::move(done), place] { done(std::move(*std::unique_ptr<base::Result<void>>(place))); });
  }
};

MetadataStore::MetadataStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetadataStore::~MetadataStore() = default;

base::Result<std::unique_ptr<MetadataStore>> MetadataStore::open(std::string directory) {  // NOLINT: once
  auto impl = std::make_unique<Impl>();
  if (!directory.empty()) {
    impl->directory.emplace(TRY(RecordDirectory::open(directory)));
    impl->worker.emplace("metadata");
  }
  return std::unique_ptr<MetadataStore>(new MetadataStore(std::move(impl)));
}

void MetadataStore::save(hal::Reactor& reactor, const std::string& lu, const std::string& kind, Bytes record,
                         Answer done) {
  if (impl_->directory.has_value()) {
    const RecordDirectory& directory = *impl_->directory;
    impl_->submit(
        reactor, [&directory, lu, kind, record = std::move(record)] { return directory.write(lu, kind, record); },
        std::move(done));
    return;
  }
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->memory[{lu, kind}] = std::move(record);
  }
  reactor.post_function([done = std::move(done)] { done({}); });
}

void MetadataStore::erase(hal::Reactor& reactor, const std::string& lu, const std::string& kind, Answer done) {
  if (impl_->directory.has_value()) {
    const RecordDirectory& directory = *impl_->directory;
    impl_->submit(
        reactor, [&directory, lu, kind] { return directory.erase(lu, kind); }, std::move(done));
    return;
  }
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->memory.erase({lu, kind});
  }
  reactor.post_function([done = std::move(done)] { done({}); });
}

void MetadataStore::drain() {
  if (impl_->worker.has_value()) impl_->worker->drain();
}

base::Result<std::optional<MetadataStore::Bytes>> MetadataStore::load(const std::string& lu, const std::string& kind) {
  if (impl_->directory.has_value()) return impl_->directory->read(lu, kind);
  const std::lock_guard lock(impl_->mutex);
  const auto found = impl_->memory.find({lu, kind});
  if (found == impl_->memory.end()) return std::optional<Bytes>();
  return std::optional(found->second);
}

}  // namespace scsi
