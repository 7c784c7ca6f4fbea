// The rows that a search may return: a bitmap over the rows of one index block, filled granule by
// granule when a row of it is first asked about, so that an expensive filter is evaluated only
// where the search goes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "granary/table/row_bitmap.h"

namespace granary {

// Used by one search at a time; not thread-safe.
class AcceptSet {
 public:
  // Sets in `rows` the accepted rows of granule `granule`: rows
  // [granule * granule_rows, min((granule + 1) * granule_rows, size)).
  using FillGranule = std::function<void(size_t granule, RowBitmap& rows)>;

  // All rows are known. granule_rows is at least 1.
  explicit AcceptSet(RowBitmap rows) : rows_(std::move(rows)) {}
  // No row is known yet; `fill` is called at most once per granule.
  AcceptSet(size_t rows, size_t granule_rows, FillGranule fill)
      : rows_(rows),
        unknown_((rows + granule_rows - 1) / granule_rows, true),
        granule_rows_(granule_rows),
        fill_(std::move(fill)) {}

  size_t size() const { return rows_.size(); }
  bool Accepts(size_t row) {
    if (fill_) Know(row / granule_rows_);
    return rows_.Test(row);
  }
  // The exact set; fills what is not known yet.
  const RowBitmap& AllRows() {
    for (size_t granule = 0; granule < unknown_.size(); ++granule) Know(granule);
    return rows_;
  }

 private:
  void Know(size_t granule) {
    if (!unknown_.Test(granule)) return;
    unknown_.Reset(granule);
    fill_(granule, rows_);
  }

  RowBitmap rows_;
  RowBitmap unknown_;
  size_t granule_rows_ = 1;
  FillGranule fill_;
};

}  // namespace granary
