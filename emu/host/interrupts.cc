// Interrupts: who is told, and what waits until it is unmasked (PCI 3.0 sections 2.2.6 and 6.8).
#include "emu/host/interrupts.h"

#include <unistd.h>

namespace emu {
namespace {

void signal(const base::Fd& fd) {
  const std::uint64_t one = 1;
  // A counter that is full is as good as one that is told again; a client that closed its end does not listen.
  if (fd) (void)!write(fd.get(), &one, sizeof one);
}

}  // namespace

Interrupts::Interrupts(unsigned msix_vectors) : table_(std::size_t{msix_vectors} * 4) { reset(); }

void Interrupts::choose(hal::InterruptKind kind, std::vector<base::Fd> vectors) {
  kind_ = kind;
  vectors_.clear();
  for (base::Fd& fd : vectors) vectors_.push_back({std::move(fd)});
  if (kind == hal::InterruptKind::kMsix) {
    for (std::size_t i = 3; i < table_.size(); i += 4) table_[i] &= ~1u;
  }
  evaluate_level();
}

void Interrupts::replace(unsigned vector, base::Fd fd) {
  if (vector >= vectors_.size()) vectors_.resize(vector + 1u);
  vectors_[vector].fd = std::move(fd);
  evaluate_level();
}

void Interrupts::mask(unsigned vector, bool masked) {
  if (vector >= vectors_.size()) return;
  vectors_[vector].masked = masked;
  if (kind_ == hal::InterruptKind::kIntx) return evaluate_level();
  if (vectors_[vector].pending) deliver(vectors_[vector]);
}

void Interrupts::mask_messages(bool masked) {
  messages_masked_ = masked;
  if (masked || kind_ != hal::InterruptKind::kMsix) return;
  for (Vector& vector : vectors_) {
    if (vector.pending) deliver(vector);
  }
}

void Interrupts::disable_intx(bool disabled) {
  intx_disabled_ = disabled;
  evaluate_level();
}

void Interrupts::trigger(unsigned vector) {
  if (vector < vectors_.size()) signal(vectors_[vector].fd);
}

void Interrupts::raise(unsigned vector) {
  if (kind_ != hal::InterruptKind::kMsi && kind_ != hal::InterruptKind::kMsix) return;
  if (vector < vectors_.size() && vectors_[vector].fd) deliver(vectors_[vector]);
}

void Interrupts::deliver(Vector& vector) {
  vector.pending = vector.masked || (messages_masked_ && kind_ == hal::InterruptKind::kMsix);
  if (!vector.pending) signal(vector.fd);
}

void Interrupts::set_level(bool asserted) {
  level_ = asserted;
  evaluate_level();
}

void Interrupts::evaluate_level() {
  if (kind_ != hal::InterruptKind::kIntx || vectors_.empty()) return;
  Vector& line = vectors_.front();
  if (!level_ || intx_disabled_ || line.masked || !line.fd) return;
  line.masked = true;
  signal(line.fd);
}

void Interrupts::reset() {
  level_ = messages_masked_ = intx_disabled_ = false;
  for (std::size_t i = 3; i < table_.size(); i += 4) table_[i] |= 1;
  for (Vector& vector : vectors_) vector.pending = false;
}

std::uint32_t Interrupts::table_read(std::uint32_t offset) const {
  return offset / 4 < table_.size() ? table_[offset / 4] : ~0u;
}

void Interrupts::table_write(std::uint32_t offset, std::uint32_t value) {
  const std::uint32_t word = offset / 4;
  if (word >= table_.size()) return;
  const bool control = word % 4 == 3;
  table_[word] = control ? value & 1 : value;
  if (control && kind_ == hal::InterruptKind::kMsix) mask(word / 4, (value & 1) != 0);
}

std::uint32_t Interrupts::pending_read(std::uint32_t offset) const {
  std::uint32_t bits = 0;
  for (std::uint32_t i = 0; i < 32; ++i) {
    const std::size_t vector = std::size_t{offset / 4} * 32 + i;
    if (vector < vectors_.size() && vectors_[vector].pending) bits |= 1u << i;
  }
  return bits;
}

}  // namespace emu
