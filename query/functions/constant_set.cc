#include "granary/query/functions/constant_set.h"

#include <algorithm>
#include <bit>

#include "granary/query/functions/column_access.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/grouped_rows.h"
#include "granary/query/functions/wide_loop.h"
#include "granary/table/long_vector.h"

namespace granary {
namespace {

constexpr size_t kFewValues = 8;
constexpr size_t kNanosecondsPerComparison = 8;
constexpr size_t kNanosecondsPerConversion = 500;

ColumnPtr SortedDistinct(const ColumnPtr& column) {
  ChargedVector<uint32_t> rows = RowNumbers(column->size());
  CancelCheck check;
  std::sort(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) {
    check.After(kNanosecondsPerComparison);
    return column->Compare(a, *column, b) < 0;
  });
  const auto end = std::unique(rows.begin(), rows.end(), [&](uint32_t a, uint32_t b) {
    check.After(kNanosecondsPerComparison);
    return column->Compare(a, *column, b) == 0;
  });
  rows.erase(end, rows.end());
  return column->Gather(rows);
}

void AppendConverted(const ColumnPtr& column, ColumnBuilder& values, const DataType& type) {
  if (column->type() == type) return values.AppendRange(*column, 0, column->size());
  CancelCheck check;
  for (size_t row = 0; row < column->size(); ++row) {
    check.After(kNanosecondsPerConversion);
    const ColumnPtr value = ConvertExactly(column->Slice(row, 1), type);
    if (value != nullptr) values.AppendRange(*value, 0, 1);
  }
}

}  // namespace

ConstantSet::ConstantSet(const DataType& type, std::span<const ColumnPtr> columns) {
  auto values = ColumnBuilder::Create(type);
  for (const ColumnPtr& column : columns) AppendConverted(column->Materialize(), *values, type);
  values_ = SortedDistinct(values->Finish());
  hashes_ = FilledVector<uint64_t>(values_->size());
  values_->HashInto(hashes_);
  slots_ = FilledVector<uint32_t>(std::bit_ceil(values_->size() * 2 + 1));
  ForStretches(hashes_.size(), [&](size_t begin, size_t end) {
    for (size_t index = begin; index < end; ++index) {
      size_t slot = hashes_[index] & (slots_.size() - 1);
      while (slots_[slot] != 0) slot = (slot + 1) & (slots_.size() - 1);
      slots_[slot] = static_cast<uint32_t>(index + 1);
    }
  });
}

template <class Equals>
ColumnPtr ConstantSet::Probe(const Column& column, bool negated, Equals&& equals) const {
  ChargedVector<uint64_t> hashes = FilledVector<uint64_t>(column.size());
  column.HashInto(hashes);
  const size_t mask = slots_.size() - 1;
  return FillNumbers<uint8_t>(TypeId::kUInt8, column.size(), [&](size_t row) {
    for (size_t slot = hashes[row] & mask; slots_[slot] != 0; slot = (slot + 1) & mask) {
      const uint32_t index = slots_[slot] - 1;
      if (hashes_[index] == hashes[row] && equals(row, index)) return !negated;
    }
    return negated;
  });
}

// For few values: comparing each row with all of them is a loop that compilers make vector code of.
template <class T>
ColumnPtr ContainsFew(const T* rows, size_t count, const T* values, size_t value_count,
                      bool negated) {
  NumberBuffer<uint8_t> result(count);
  uint8_t* out = result.data();
  ForEachRowWide(count, [=](size_t row) { out[row] = uint8_t{negated}; });
  for (const T value : std::span(values, value_count)) {
    ForEachRowWide(count, [=](size_t row) { out[row] ^= rows[row] == value ? 1 : 0; });
  }
  return result.Finish(TypeId::kUInt8);
}

ColumnPtr ConstantSet::Contains(const Column& column, bool negated) const {
  if (column.is_constant()) {
    return std::make_shared<ConstantColumn>(Contains(StoredRows(column), negated), column.size());
  }
  const DataType& type = column.type();
  if (type.is_string()) {
    const StringColumn& rows = AsStrings(column);
    const StringColumn& values = AsStrings(*values_);
    return Probe(column, negated,
                 [&](size_t row, size_t index) { return rows.At(row) == values.At(index); });
  }
  if (type.is_array() || type.is_float()) {
    return Probe(column, negated, [&](size_t row, size_t index) {
      return column.Compare(row, *values_, index) == 0;
    });
  }
  return VisitFixedType(type.id(), [&]<class T>() {
    const T* rows = AsNumbers<T>(column).data();
    const T* values = AsNumbers<T>(*values_).data();
    if (values_->size() <= kFewValues) {
      return ContainsFew(rows, column.size(), values, values_->size(), negated);
    }
    return Probe(column, negated,
                 [=](size_t row, size_t index) { return rows[row] == values[index]; });
  });
}

}  // namespace granary
