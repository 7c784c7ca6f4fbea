// The rows that a search may return: a bitmap over the rows of one index block. Where the filter is
// expensive, it holds the rows that may be accepted, and the filter is asked about those that the
// search comes to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "granary/table/row_bitmap.h"

namespace granary {

// Used by one search at a time; not thread-safe.
class AcceptSet {
 public:
  // Sets accepted[i] to 1 or 0 for row rows[i].
  using Decide = std::function<void(std::span<const uint32_t> rows, std::span<uint8_t> accepted)>;

  // All rows are known.
  explicit AcceptSet(RowBitmap rows) : rows_(std::move(rows)) {}
  // Of `rows` those are accepted for which `decide` says so; it is called at most once for each.
  AcceptSet(RowBitmap rows, Decide decide)
      : rows_(std::move(rows)), undecided_(rows_), decide_(std::move(decide)) {}

  size_t size() const { return rows_.size(); }
  bool Accepts(uint32_t row) {
    if (is_lazy() && undecided_.Test(row)) DecideAbout({&row, 1});
    return rows_.Test(row);
  }

  // Whether it pays to call DecideAbout for many rows before each is asked about.
  bool is_lazy() const { return decide_ != nullptr; }
  void DecideAbout(std::span<const uint32_t> rows) {
    if (!is_lazy()) return;
    new_rows_.clear();
    for (const uint32_t row : rows) {
      if (undecided_.Test(row)) new_rows_.push_back(row);
      undecided_.Reset(row);
    }
    accepted_.assign(new_rows_.size(), 0);
    if (!new_rows_.empty()) decide_(new_rows_, accepted_);
    for (size_t i = 0; i < new_rows_.size(); ++i) {
      if (accepted_[i] == 0) rows_.Reset(new_rows_[i]);
    }
  }

 private:
  RowBitmap rows_;  // those that are refused are taken out
  RowBitmap undecided_;
  Decide decide_;
  std::vector<uint32_t> new_rows_;
  std::vector<uint8_t> accepted_;
};

}  // namespace granary
