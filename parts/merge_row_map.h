// Where the rows of the inputs of a merge have gone: what a DELETE needs that commits while the
// merge runs. It marks rows of the inputs; the map says which rows of the output these became.
//
// A merge keeps the order of each input, so that the sequence of inputs that the output's rows come
// from says it all. Sequences of one input are held as two varints: two bytes per row at worst, and
// a few bytes in all where inputs do not overlap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "granary/parts/dead_rows.h"
#include "granary/table/row_bitmap.h"

namespace granary {

// Filled by one thread.
class MergeRowMap {
 public:
  MergeRowMap() = default;
  explicit MergeRowMap(size_t inputs) : dropped_(inputs) {}

  // Rows of an input that are not in the output: one bit per row of the part; empty if there are
  // none. Those are dead rows, and rows that a mutation deletes.
  RowBitmap& dropped(size_t input) { return dropped_[input]; }
  const RowBitmap& dropped(size_t input) const { return dropped_[input]; }
  size_t inputs() const { return dropped_.size(); }

  // The next rows of the output are the next ones of this input that were not dropped.
  void Append(uint32_t input, uint64_t rows);

  uint64_t output_rows() const { return output_rows_; }
  size_t byte_size() const { return sequences_.capacity(); }

  // The rows of the output that are dead if those of `dead` are, one for each input (null: none).
  RowBitmap Carry(std::span<const DeadRowsPtr> dead) const;

 private:
  void Flush();

  std::vector<RowBitmap> dropped_;
  std::vector<uint8_t> sequences_;  // input, rows; both varints
  uint64_t output_rows_ = 0;
  // The sequence that may still grow.
  uint32_t last_input_ = 0;
  uint64_t last_rows_ = 0;
};

}  // namespace granary
