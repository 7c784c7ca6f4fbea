// Columns: typed, immutable sequences of values in memory, shared by pointer.
//
// There are four shapes: NumberColumn<T> (every fixed-size type), StringColumn, ArrayColumn and
// ConstantColumn (one value, repeated). Columns may own their memory or keep alive whatever does (a
// memory map, another column, a caller's buffer): slices and views cost nothing. Everything here is
// const after construction and may be used from any thread.
//
// What the functions here make is charged to the task it is made for (memory_tracker.h) until it is
// freed; memory that a caller brings is the caller's.
//
// Hot loops take the concrete class and its raw pointer (AsNumbers<T>(column).data()); virtual
// calls are per column, never per row. ValueAt and Compare are for slow paths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "granary/table/charged_bytes.h"
#include "granary/table/memory_tracker.h"
#include "granary/table/types.h"
#include "granary/table/value.h"
#include "granary/table/vector_rows.h"

namespace granary {

class Column;
using ColumnPtr = std::shared_ptr<const Column>;

class Column {
 public:
  virtual ~Column() = default;

  const DataType& type() const { return type_; }
  size_t size() const { return size_; }
  // Bytes of the values, as charged to a memory limit (a constant counts once).
  virtual size_t byte_size() const = 0;
  virtual bool is_constant() const { return false; }

  virtual Value ValueAt(size_t row) const = 0;
  // Shares memory with this column.
  virtual ColumnPtr Slice(size_t first_row, size_t count) const = 0;
  // The rows with mask[row] != 0; mask has size() entries, of which `kept` are not 0.
  virtual ColumnPtr Filter(std::span<const uint8_t> mask, size_t kept) const = 0;
  // rows[i] < size(); rows may repeat and come in any order.
  virtual ColumnPtr Gather(std::span<const uint32_t> rows) const = 0;
  // -1, 0 or 1; `other` has the same type. NaN sorts after every number and equals itself.
  virtual int Compare(size_t row, const Column& other, size_t other_row) const = 0;
  // Mixes each row's value into hashes[row]; equal values hash equally whatever the column shape.
  virtual void HashInto(std::span<uint64_t> hashes) const = 0;
  // A column that is not constant: itself, or the value written out.
  virtual ColumnPtr Materialize() const = 0;

 protected:
  Column(DataType type, size_t size) : type_(std::move(type)), size_(size) {}

 private:
  friend ColumnPtr Retyped(const ColumnPtr&, DataType);
  DataType type_;
  size_t size_;
};

// `data` points into memory that `owner` keeps alive.
template <class T>
class NumberColumn final : public Column {
 public:
  NumberColumn(DataType type, std::vector<T> values);
  NumberColumn(DataType type, ChargedVector<T> values);
  NumberColumn(DataType type, std::shared_ptr<const void> owner, const T* data, size_t size);

  const T* data() const { return data_; }
  std::span<const T> values() const { return {data_, size()}; }

  size_t byte_size() const override { return size() * sizeof(T); }
  Value ValueAt(size_t row) const override;
  ColumnPtr Slice(size_t first_row, size_t count) const override;
  ColumnPtr Filter(std::span<const uint8_t> mask, size_t kept) const override;
  ColumnPtr Gather(std::span<const uint32_t> rows) const override;
  int Compare(size_t row, const Column& other, size_t other_row) const override;
  void HashInto(std::span<uint64_t> hashes) const override;
  ColumnPtr Materialize() const override;

 private:
  std::shared_ptr<const void> owner_;
  const T* data_;
};

// Row r is chars[offsets[r - 1] .. offsets[r]), with offsets[-1] == `first_offset`.
class StringColumn final : public Column {
 public:
  StringColumn(std::vector<uint64_t> end_offsets, std::vector<char> chars);
  StringColumn(ChargedVector<uint64_t> end_offsets, ChargedBytes chars);
  // A view: offsets count from `chars`, the first string starts at `first_offset`.
  StringColumn(std::shared_ptr<const void> owner, const uint64_t* end_offsets, size_t size,
               uint64_t first_offset, const char* chars);

  std::string_view At(size_t row) const {
    const uint64_t begin = row == 0 ? first_offset_ : offsets_[row - 1];
    return {chars_ + begin, static_cast<size_t>(offsets_[row] - begin)};
  }
  const uint64_t* end_offsets() const { return offsets_; }
  uint64_t first_offset() const { return first_offset_; }
  const char* chars() const { return chars_; }

  size_t byte_size() const override;
  Value ValueAt(size_t row) const override;
  ColumnPtr Slice(size_t first_row, size_t count) const override;
  ColumnPtr Filter(std::span<const uint8_t> mask, size_t kept) const override;
  ColumnPtr Gather(std::span<const uint32_t> rows) const override;
  int Compare(size_t row, const Column& other, size_t other_row) const override;
  void HashInto(std::span<uint64_t> hashes) const override;
  ColumnPtr Materialize() const override;

 private:
  std::shared_ptr<const void> owner_;
  const uint64_t* offsets_;
  uint64_t first_offset_;
  const char* chars_;
};

// Row r is elements[offsets[r - 1] .. offsets[r]), with offsets[-1] == `first_offset`. The elements
// are never a constant column: one that is given is written out.
class ArrayColumn final : public Column {
 public:
  ArrayColumn(ColumnPtr elements, std::vector<uint64_t> end_offsets);
  ArrayColumn(ColumnPtr elements, ChargedVector<uint64_t> end_offsets);
  ArrayColumn(ColumnPtr elements, std::shared_ptr<const void> owner, const uint64_t* end_offsets,
              size_t size, uint64_t first_offset);
  // Every row has `length` elements; elements has rows * length values.
  static std::shared_ptr<const ArrayColumn> Uniform(ColumnPtr elements, size_t length, size_t rows);

  const ColumnPtr& elements() const { return elements_; }
  const uint64_t* end_offsets() const { return offsets_; }
  uint64_t first_offset() const { return first_offset_; }
  uint64_t Begin(size_t row) const { return row == 0 ? first_offset_ : offsets_[row - 1]; }
  uint64_t End(size_t row) const { return offsets_[row]; }
  size_t Length(size_t row) const { return static_cast<size_t>(End(row) - Begin(row)); }
  // The common length if all rows (at least one) have the same, else nothing.
  std::optional<size_t> UniformLength() const;
  // The rows as vectors; only for float arrays with UniformLength() == dimensions.
  VectorRows Vectors(size_t dimensions) const;

  size_t byte_size() const override;
  Value ValueAt(size_t row) const override;
  ColumnPtr Slice(size_t first_row, size_t count) const override;
  ColumnPtr Filter(std::span<const uint8_t> mask, size_t kept) const override;
  ColumnPtr Gather(std::span<const uint32_t> rows) const override;
  int Compare(size_t row, const Column& other, size_t other_row) const override;
  void HashInto(std::span<uint64_t> hashes) const override;
  ColumnPtr Materialize() const override;

 private:
  ColumnPtr elements_;
  std::shared_ptr<const void> owner_;
  const uint64_t* offsets_;
  uint64_t first_offset_;
};

// The single row of `value`, `size` times.
class ConstantColumn final : public Column {
 public:
  ConstantColumn(ColumnPtr value, size_t size);

  // A column of one row, not constant itself.
  const ColumnPtr& value() const { return value_; }

  bool is_constant() const override { return true; }
  size_t byte_size() const override { return value_->byte_size(); }
  Value ValueAt(size_t) const override { return value_->ValueAt(0); }
  ColumnPtr Slice(size_t first_row, size_t count) const override;
  ColumnPtr Filter(std::span<const uint8_t> mask, size_t kept) const override;
  ColumnPtr Gather(std::span<const uint32_t> rows) const override;
  int Compare(size_t row, const Column& other, size_t other_row) const override;
  void HashInto(std::span<uint64_t> hashes) const override;
  ColumnPtr Materialize() const override;

 private:
  ColumnPtr value_;
};

// The concrete column; `column` must be one (not constant) of the right physical type.
template <class T>
const NumberColumn<T>& AsNumbers(const Column& column) {
  return static_cast<const NumberColumn<T>&>(column);
}
inline const StringColumn& AsStrings(const Column& column) {
  return static_cast<const StringColumn&>(column);
}
inline const ArrayColumn& AsArrays(const Column& column) {
  return static_cast<const ArrayColumn&>(column);
}

// `rows` times `value`, as a constant column. Throws TYPE_MISMATCH if the value is not one of
// `type` (numbers are converted if they fit).
ColumnPtr MakeConstant(const DataType& type, const Value& value, size_t rows);
// `rows` default values (0, '', []), as a constant column.
ColumnPtr MakeDefaults(const DataType& type, size_t rows);
// All rows of the columns, in order; the columns have one type.
ColumnPtr Concatenate(const DataType& type, std::span<const ColumnPtr> columns);
// The same memory under another type of the same physical representation (UInt16 as Date).
ColumnPtr Retyped(const ColumnPtr& column, DataType type);
// The default value of a type as a Value.
Value DefaultValue(const DataType& type);

// Grows a column row by row or run by run. Not thread-safe.
class ColumnBuilder {
 public:
  virtual ~ColumnBuilder() = default;
  static std::unique_ptr<ColumnBuilder> Create(const DataType& type);

  virtual size_t size() const = 0;
  virtual void Reserve(size_t rows) = 0;
  // Throws TYPE_MISMATCH if the value is not one of the type; numbers are converted if they fit.
  virtual void Append(const Value& value) = 0;
  virtual void AppendDefault() = 0;
  // Rows [first_row, first_row + count) of a column of the same type, constant or not.
  virtual void AppendRange(const Column& column, size_t first_row, size_t count) = 0;
  // The rows in the given order.
  virtual void AppendGather(const Column& column, std::span<const uint32_t> rows) = 0;
  // Hands the rows over and starts anew.
  virtual ColumnPtr Finish() = 0;
};

}  // namespace granary
