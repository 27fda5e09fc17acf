// The factory.
#include "scsi_core/backstores/backstores.h"

#include "scsi_core/backstores/file.h"
#include "scsi_core/backstores/null.h"
#include "scsi_core/backstores/ram.h"

namespace scsi {

base::Result<std::unique_ptr<Backstore>> make_backstore(const BackstoreConfig& config) {
  switch (config.kind) {
    case BackstoreConfig::Kind::kRam:
      return RamStore::create({.size = config.size,
                               .block_size = config.block_size,
                               .thin = config.thin,
                               .memory_limit = config.memory_limit});
    case BackstoreConfig::Kind::kNull:
      return NullStore::create(config.size, config.block_size, config.thin);
    case BackstoreConfig::Kind::kFile: {
      FileOptions options;
      options.path = config.path;
      options.size = config.size;
      options.block_size = config.block_size;
      options.thin = config.thin;
      return FileStore::create(options);
    }
  }
  return base::fail(base::Errc::kInvalid, "unknown kind of backstore");
}

}  // namespace scsi
