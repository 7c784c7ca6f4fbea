// A column of fixed stride in the memory map of its file, with one bit per verified page.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "granary/parts/stored_part.h"

namespace granary {

class StoredPart::VectorColumn final : public StoredVectors {
 public:
  VectorColumn(const StoredPart& part, const ManifestColumn& column, std::vector<uint64_t> sums);

  const VectorRows& rows() const override { return rows_; }
  void VerifyRows(uint64_t first_row, uint64_t count) const override;
  const std::shared_ptr<const FileMap>& map() const { return map_; }

 private:
  bool IsVerified(size_t page) const {
    return (verified_[page / 64].load(std::memory_order_acquire) >> (page % 64)) & 1;
  }
  void VerifyPages(size_t first, size_t end) const;

  const StoredPart& part_;
  const ManifestColumn& column_;
  const std::vector<uint64_t> sums_;
  const std::shared_ptr<const FileMap> map_;
  std::span<const std::byte> stream_;
  VectorRows rows_;
  mutable std::vector<std::atomic<uint64_t>> verified_;
};

}  // namespace granary
