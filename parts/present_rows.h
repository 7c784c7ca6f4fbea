// Which rows of a part have a vector. Their vectors are numbered from 0, in the order of the rows.
#pragma once

#include <cstdint>
#include <vector>

#include "granary/table/row_bitmap.h"

namespace granary {

// Immutable.
class PresentRows {
 public:
  explicit PresentRows(RowBitmap rows);

  const RowBitmap& rows() const { return rows_; }
  uint64_t vectors() const { return before_.back(); }
  bool Has(uint64_t row) const { return rows_.Test(row); }
  // The vectors of rows before this one: the number of its own, if it has one. row may be rows().
  uint64_t VectorOf(uint64_t row) const;
  // How many of rows [first, first + count) have one.
  uint64_t CountIn(uint64_t first, uint64_t count) const {
    return VectorOf(first + count) - VectorOf(first);
  }
  // The row of a vector.
  uint32_t RowOf(uint64_t vector) const;
  // Of `rows`, numbered as those of the part, those in [first, first + count) with a vector, as
  // numbers of vectors from that of row `first` on.
  RowBitmap VectorsOf(const RowBitmap& rows, uint64_t first, uint64_t count) const;

 private:
  RowBitmap rows_;
  std::vector<uint32_t> before_;  // vectors before each word of the bitmap, and of all
};

}  // namespace granary
