#include "granary/parts/present_rows.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace granary {
namespace {

constexpr uint64_t kWordRows = 64;

// Calls visit(row) for the set rows of [first, first + count), ascending.
template <class Visit>
void ForEachRow(const RowBitmap& rows, uint64_t first, uint64_t count, Visit visit) {
  for (uint64_t row = first; row < first + count;) {
    const uint64_t bits = std::min(kWordRows - row % kWordRows, first + count - row);
    uint64_t word = rows.words()[row / kWordRows] >> (row % kWordRows);
    if (bits < kWordRows) word &= (uint64_t{1} << bits) - 1;
    for (; word != 0; word &= word - 1) visit(row + static_cast<uint64_t>(std::countr_zero(word)));
    row += bits;
  }
}

}  // namespace

PresentRows::PresentRows(RowBitmap rows) : rows_(std::move(rows)) {
  uint32_t vectors = 0;
  before_.reserve(rows_.words().size() + 1);
  for (const uint64_t word : rows_.words()) {
    before_.push_back(vectors);
    vectors += static_cast<uint32_t>(std::popcount(word));
  }
  before_.push_back(vectors);
}

uint64_t PresentRows::VectorOf(uint64_t row) const {
  const uint64_t below = (uint64_t{1} << (row % kWordRows)) - 1;
  if (below == 0) return before_[row / kWordRows];
  return before_[row / kWordRows] +
         static_cast<uint64_t>(std::popcount(rows_.words()[row / kWordRows] & below));
}

uint32_t PresentRows::RowOf(uint64_t vector) const {
  const auto next = std::upper_bound(before_.begin(), before_.end(), vector);
  const auto word = static_cast<size_t>(next - before_.begin()) - 1;
  uint64_t bits = rows_.words()[word];
  for (uint64_t skipped = before_[word]; skipped < vector; ++skipped) bits &= bits - 1;
  return static_cast<uint32_t>(word * kWordRows) + static_cast<uint32_t>(std::countr_zero(bits));
}

RowBitmap PresentRows::VectorsOf(const RowBitmap& rows, uint64_t first, uint64_t count) const {
  const uint64_t base = VectorOf(first);
  RowBitmap vectors(VectorOf(first + count) - base);
  ForEachRow(rows, first, count, [&](uint64_t row) {
    if (Has(row)) vectors.Set(VectorOf(row) - base);
  });
  return vectors;
}

}  // namespace granary
