// A column of fixed stride in the memory map of its file, with one bit per verified page.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "granary/parts/stored_part.h"

namespace granary {

class StoredPart::VectorColumn final : public StoredVectors {
 public:
  // `numbers` are the page checksums and behind them, if the layout has it, the bitmap of the rows
  // that have a vector.
  VectorColumn(const StoredPart& part, const ManifestColumn& column, std::vector<uint64_t> numbers);

  const VectorRows& rows() const override { return rows_; }
  void VerifyRows(uint64_t first_vector, uint64_t count) const override;
  const PresentRows* present() const override { return present_ ? &*present_ : nullptr; }
  const std::shared_ptr<const FileMap>& map() const { return map_; }

 private:
  bool IsVerified(size_t page) const {
    return (verified_[page / 64].load(std::memory_order_acquire) >> (page % 64)) & 1;
  }
  void VerifyPages(size_t first, size_t end) const;
  void ReadPresentRows(std::span<const uint64_t> words);

  const StoredPart& part_;
  const ManifestColumn& column_;
  std::vector<uint64_t> sums_;
  const std::shared_ptr<const FileMap> map_;
  std::span<const std::byte> stream_;
  VectorRows rows_;
  std::optional<PresentRows> present_;
  mutable std::vector<std::atomic<uint64_t>> verified_;
};

}  // namespace granary
