// Makes and removes the media under test.
#include "tests/contract/backstore/stores.h"

#include <gtest/gtest.h>

namespace scsi::test {

std::vector<StoreKind> all_stores() {
  using Kind = BackstoreConfig::Kind;
  return {
      {.name = "Ram512", .kind = Kind::kRam},
      {.name = "Ram4096", .kind = Kind::kRam, .block_size = 4096},
      {.name = "RamSetAside", .kind = Kind::kRam, .thin = false},
      {.name = "Null", .kind = Kind::kNull, .keeps_data = false},
  };
}

Medium::Medium(const StoreKind& kind, std::uint64_t size) {
  config_.kind = kind.kind;
  config_.size = size;
  config_.block_size = kind.block_size;
  config_.thin = kind.thin;
}

Medium::~Medium() = default;

std::unique_ptr<Backstore> Medium::open() {
  auto made = make_backstore(config_);
  if (!made.has_value()) {
    ADD_FAILURE() << made.error().text;
    std::abort();
  }
  return std::move(*made);
}

}  // namespace scsi::test
