// Null disk.
#include "scsi_core/backstores/null.h"

#include "scsi_core/backstores/answers.h"
#include "scsi_core/backstores/segments.h"
#include "scsi_core/backstores/zero_area.h"

namespace scsi {
namespace {

class NullChannel final : public StoreChannel {
 public:
  NullChannel(NullStore& store, hal::Reactor& reactor) : store_(store), answers_(reactor) {}
  void submit(StoreRequest& request) override {
    if (!inside(request.offset, request.length)) {
      return answers_.add(request, StoreStatus::kGone, std::max(request.offset, store_.size()));
    }
    if (request.op == StoreOp::kRead) zero_segments(request.segments, 0, request.length);
    answers_.add(request, StoreStatus::kGood);
  }
  std::uint64_t lend_for_read(std::uint64_t offset, std::uint64_t length, std::span<hal::DmaSpan> out,
                              std::uint32_t& segments) override {
    segments = 0;
    return inside(offset, length) ? lend_zeros(length, out, segments) : 0;
  }

 private:
  bool inside(std::uint64_t offset, std::uint64_t length) const {
    const std::uint64_t size = store_.size();
    return offset <= size && length <= size - offset;
  }
  NullStore& store_;
  Answers answers_;
};

}  // namespace

base::Result<std::unique_ptr<Backstore>> NullStore::create(std::uint64_t size, std::uint32_t block_size, bool thin) {
  if (!is_block_size(block_size)) {
    return base::fail(base::Errc::kInvalid, "block size of a null disk must be 512 or 4096");
  }
  if (size == 0 || size % block_size != 0) {
    return base::fail(base::Errc::kInvalid, "size of a null disk must be whole blocks");
  }
  return std::unique_ptr<Backstore>(new NullStore(size, block_size, thin));
}

StoreGeometry NullStore::geometry() const {
  StoreGeometry geometry;
  geometry.block_size = block_size_;
  geometry.blocks = size() / block_size_;
  geometry.physical_exponent = 0;
  geometry.thin = thin_;
  return geometry;
}

base::Result<std::unique_ptr<StoreChannel>> NullStore::open_channel(hal::Reactor& reactor) {
  return std::unique_ptr<StoreChannel>(new NullChannel(*this, reactor));
}

base::Result<void> NullStore::resize(std::uint64_t blocks) {
  if (blocks == 0 || blocks > ~std::uint64_t{0} / block_size_) {
    return base::fail(base::Errc::kInvalid, "size of a null disk must be at least 1 block");
  }
  size_.store(blocks * block_size_, std::memory_order_release);
  return {};
}

base::Result<StoreExtent> NullStore::extent_at(std::uint64_t offset) {
  if (offset >= size()) return base::fail(base::Errc::kInvalid, "offset beyond the end of the null disk");
  return StoreExtent{offset, size() - offset, !thin_};
}

}  // namespace scsi
