// The factory.
#include "scsi_core/backstores/backstores.h"

#include "scsi_core/backstores/file.h"
#include "scsi_core/backstores/null.h"
#include "scsi_core/backstores/protected.h"
#include "scsi_core/backstores/ram.h"
#include "scsi_core/medium_state.h"

namespace scsi {
namespace {

base::Result<std::unique_ptr<Backstore>> make_ram(const RamOptions& options, MediumState* inherited) {
  return inherited != nullptr ? RamStore::adopt(options, *inherited) : RamStore::create(options);
}

base::Result<std::unique_ptr<Backstore>> make_data(const BackstoreConfig& config, MediumState* inherited,
                                                   Filling* filling) {
  switch (config.kind) {
    case BackstoreConfig::Kind::kRam:
      return make_ram({.size = config.size,
                       .block_size = config.block_size,
                       .thin = config.thin,
                       .memory_limit = config.memory_limit},
                      inherited);
    case BackstoreConfig::Kind::kNull:
      return NullStore::create(config.size, config.block_size, config.thin);
    case BackstoreConfig::Kind::kFile: {
      FileOptions options;
      options.path = config.path;
      options.size = config.size;
      options.block_size = config.block_size;
      options.thin = config.thin;
      options.inherited = inherited;
      options.filling = filling;
      return FileStore::create(options);
    }
  }
  return base::fail(base::Errc::kInvalid, "unknown kind of backstore");
}

// Not past the page cache: eight bytes are less than a device writes.
base::Result<std::unique_ptr<Backstore>> make_information(const BackstoreConfig& config, std::uint64_t blocks,
                                                          MediumState* inherited) {
  const std::uint64_t bytes = blocks * kProtectionBytes;
  switch (config.kind) {
    case BackstoreConfig::Kind::kRam:
      return make_ram({.size = bytes, .block_size = kProtectionBytes, .thin = config.thin}, inherited);
    case BackstoreConfig::Kind::kNull:
      return NullStore::create(bytes, kProtectionBytes, config.thin);
    case BackstoreConfig::Kind::kFile: {
      FileOptions options;
      options.path = config.protection_path.empty() ? config.path + kProtectionSuffix : config.protection_path;
      options.size = bytes;
      options.block_size = kProtectionBytes;
      options.thin = config.thin;
      options.inherited = inherited;
      options.direct = false;
      return FileStore::create(options);
    }
  }
  return base::fail(base::Errc::kInvalid, "unknown kind of backstore");
}

}  // namespace

base::Result<std::unique_ptr<Backstore>> make_backstore(const BackstoreConfig& config, MediumState* inherited,
                                                        Filling* filling) {
  auto data = TRY(make_data(config, inherited, filling));
  if (!config.protection) return data;
  auto information = TRY(
      make_information(config, data->geometry().blocks, inherited != nullptr ? inherited->information.get() : nullptr));
  return std::unique_ptr<Backstore>(std::make_unique<ProtectedStore>(std::move(data), std::move(information)));
}

}  // namespace scsi
