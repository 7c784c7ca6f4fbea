// Building arrays out of the elements of other arrays.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "granary/query/functions/column_access.h"
#include "granary/query/functions/function.h"
#include "granary/table/long_vector.h"

namespace granary {

// Elements of the most arrays that one call on one block may make.
inline constexpr uint64_t kArrayElementsMax = 500'000'000;

// The argument as an array column that is not constant, whose elements are of `element` type and
// begin at 0 without gaps; those of an array of Nothing are defaults.
std::shared_ptr<const ArrayColumn> DenseArrays(const ColumnPtr& column, const DataType& element);

// Rows made by picking elements of one column by number.
class ArrayPicker {
 public:
  explicit ArrayPicker(size_t rows) { end_offsets_.reserve(rows); }

  void Pick(uint64_t element) {
    PushBackLong(picked_, static_cast<uint32_t>(element));
    check_.After(1);
  }
  void PickRange(uint64_t begin, uint64_t end) {
    for (uint64_t i = begin; i < end; ++i) Pick(i);
  }
  void EndRow() { end_offsets_.push_back(picked_.size()); }
  ColumnPtr Finish(const Column& elements) {
    return std::make_shared<ArrayColumn>(elements.Gather(picked_), std::move(end_offsets_));
  }

 private:
  ChargedVector<uint32_t> picked_;
  ChargedVector<uint64_t> end_offsets_;
  CancelCheck check_;
};

// For each element the number of the row it belongs to.
ChargedVector<uint32_t> RowsOfElements(const ArrayColumn& arrays);

// The first byte that is `truth`, 0 or 1, or `end`: of the truth of elements.
const uint8_t* FindTruth(const uint8_t* begin, const uint8_t* end, uint8_t truth);
// The last byte that is 1, or `end`.
const uint8_t* FindLastTrue(const uint8_t* begin, const uint8_t* end);
// How many bytes of 0s and 1s are 1.
size_t CountTrue(const uint8_t* begin, const uint8_t* end);

// SIZES_OF_ARRAYS_DONT_MATCH unless both have arrays of equal length in every row.
void RequireEqualLengths(const ArrayColumn& first, const ArrayColumn& other,
                         std::string_view function);

}  // namespace granary
