// Core::add_disk: checks that the medium can be a disk, reads what was saved for it, and hands it to the engine.
#include <memory>
#include <string>

#include "hal/worker.h"
#include "scsi_core/core.h"
#include "scsi_core/disk/disk.h"
#include "scsi_core/engine/core_impl.h"

namespace scsi {
namespace {

base::Result<void> check(const LuConfig& config, const StoreGeometry& geometry, bool has_protection) {
  const auto wrong = [&](const char* text) { return base::fail(base::Errc::kInvalid, config.name + ": " + text); };
  if (geometry.block_size != 512 && geometry.block_size != 4096) return wrong("a block is 512 or 4096 bytes");
  if (geometry.blocks == 0) return wrong("the medium has no blocks");
  if (geometry.blocks > ~std::uint64_t{0} / geometry.block_size) return wrong("the medium is too large");
  if (config.protection_type > 3) return wrong("the types of protection are 1, 2 and 3");
  if ((config.protection_type != 0) != has_protection) {
    return wrong("the medium must hold protection information if the logical unit has it, and only then");
  }
  const std::uint32_t physical = config.physical_block_size;
  if (physical != 0 && (physical < geometry.block_size || physical > 1u << 20 || (physical & (physical - 1)) != 0)) {
    return wrong("a physical block is a power of two of bytes, from a logical block to 1 MiB");
  }
  if (config.vendor.size() > 8 || config.product.size() > 16 || config.revision.size() > 4 ||
      config.serial.size() > 36) {
    return wrong("the vendor has at most 8 characters, the product 16, the revision 4, the serial number 36");
  }
  for (const std::string* text : {&config.vendor, &config.product, &config.revision, &config.serial}) {
    for (const char c : *text) {
      if (c < 0x20 || c > 0x7e) return wrong("the INQUIRY strings are printable ASCII");
    }
  }
  return {};
}

// What the worker makes of it.
struct Making {
  LuConfig config;
  std::unique_ptr<Backstore> store;
  std::unique_ptr<DeviceServer> server;
  Done done;
};

}  // namespace

void Core::add_disk(LuConfig config, std::unique_ptr<Backstore> store, Done done) {
  if (auto valid = check(config, store->geometry(), store->protection() != nullptr); !valid)
    return impl_->answer(std::move(done), std::move(valid));
  const CoreOptions& options = impl_->fleet.options();
  const auto making = std::make_shared<Making>(Making{std::move(config), std::move(store), nullptr, std::move(done)});
  const auto make = [making, metadata = options.metadata] {
    making->server = make_disk_server(making->config, *making->store, metadata);
  };
  const auto made = [this, making] {
    add(std::move(making->config), std::move(making->store), std::move(making->server), std::move(making->done));
  };
  if (options.worker != nullptr) return options.worker->submit(impl_->control, make, made);
  make();
  made();
}

}  // namespace scsi
