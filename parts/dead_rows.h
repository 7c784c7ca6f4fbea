// The delete mask of a part: which of its rows are dead. Parts never change; a DELETE commits a new
// mask beside the part (TableStore::CommitDeletes), queries see the mask of their part set, merges
// leave the dead rows out.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "granary/table/row_bitmap.h"

namespace granary {

// Immutable; used from any thread.
class DeadRows {
 public:
  // One bit per row of the part.
  explicit DeadRows(RowBitmap rows) : rows_(std::move(rows)), count_(rows_.Count()) {}

  const RowBitmap& rows() const { return rows_; }
  uint64_t count() const { return count_; }
  uint64_t CountRange(uint64_t first, uint64_t count) const {
    return rows_.CountRange(first, count);
  }
  // For Block::Filter: 1 for each of the rows [first, first + count) that is alive.
  std::vector<uint8_t> LiveMask(uint64_t first, size_t count) const {
    std::vector<uint8_t> mask(count);
    for (size_t row = 0; row < count; ++row) {
      mask[row] = static_cast<uint8_t>(!rows_.Test(first + row));
    }
    return mask;
  }

 private:
  const RowBitmap rows_;
  const uint64_t count_;
};
using DeadRowsPtr = std::shared_ptr<const DeadRows>;

}  // namespace granary
