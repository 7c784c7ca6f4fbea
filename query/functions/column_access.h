// How function bodies read their arguments and write their results: views that treat a constant
// column like any other (step 0), and buffers that become columns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "granary/table/column.h"
#include "granary/table/task_context.h"

namespace granary {

// The column itself, or the single row of a constant one.
inline const Column& StoredRows(const Column& column) {
  return column.is_constant() ? *static_cast<const ConstantColumn&>(column).value() : column;
}
inline ColumnPtr StoredRows(const ColumnPtr& column) {
  return column->is_constant() ? static_cast<const ConstantColumn&>(*column).value() : column;
}

template <class T>
class NumberView {
 public:
  explicit NumberView(const Column& column)
      : data_(AsNumbers<T>(StoredRows(column)).data()), step_(column.is_constant() ? 0 : 1) {}
  T operator[](size_t row) const { return data_[row * step_]; }
  const T* data() const { return data_; }
  bool is_constant() const { return step_ == 0; }

 private:
  const T* data_;
  size_t step_;
};

class StringView {
 public:
  explicit StringView(const Column& column)
      : column_(&AsStrings(StoredRows(column))), step_(column.is_constant() ? 0 : 1) {}
  std::string_view operator[](size_t row) const { return column_->At(row * step_); }
  bool is_constant() const { return step_ == 0; }

 private:
  const StringColumn* column_;
  size_t step_;
};

class ArrayView {
 public:
  explicit ArrayView(const Column& column)
      : column_(&AsArrays(StoredRows(column))), step_(column.is_constant() ? 0 : 1) {}
  uint64_t Begin(size_t row) const { return column_->Begin(row * step_); }
  uint64_t End(size_t row) const { return column_->End(row * step_); }
  size_t Length(size_t row) const { return column_->Length(row * step_); }
  const ColumnPtr& elements() const { return column_->elements(); }
  const ArrayColumn& column() const { return *column_; }
  bool is_constant() const { return step_ == 0; }

 private:
  const ArrayColumn* column_;
  size_t step_;
};

// Any integer, Bool or float column as Ts, one value at a time; for arguments that are not hot.
template <class T>
ChargedVector<T> ReadNumbers(const Column& column, size_t rows) {
  ChargedVector<T> values(rows);
  VisitFixedType(column.type().id(), [&]<class From>() {
    const NumberView<From> view(column);
    for (size_t row = 0; row < rows; ++row) values[row] = static_cast<T>(view[row]);
  });
  return values;
}

// Room for `size` numbers, not initialised.
template <class T>
class NumberBuffer {
 public:
  explicit NumberBuffer(size_t size) : data_(MakeChargedArray<T>(size)), size_(size) {}
  T* data() { return data_.get(); }
  T& operator[](size_t row) { return data_.get()[row]; }
  ColumnPtr Finish(DataType type) {
    T* data = data_.get();
    return std::make_shared<NumberColumn<T>>(std::move(type), std::move(data_), data, size_);
  }

 private:
  std::shared_ptr<T[]> data_;
  size_t size_;
};

// Strings written one after the other.
class StringBuffer {
 public:
  explicit StringBuffer(size_t rows) { end_offsets_.reserve(rows); }
  void Append(std::string_view text) { chars_.Append(text); }
  void Append(char c) { chars_.Append(c); }
  // Room for `bytes` more, to be filled before the next call.
  char* AppendBytes(size_t bytes) { return chars_.Extend(bytes); }
  // As many as will be appended, where that is known.
  void ReserveBytes(size_t bytes) { chars_.Reserve(chars_.size() + bytes); }
  void EndRow() { end_offsets_.push_back(chars_.size()); }
  void AppendRow(std::string_view text) {
    Append(text);
    EndRow();
  }
  size_t bytes() const { return chars_.size(); }
  ColumnPtr Finish() {
    chars_.Trim();
    return std::make_shared<StringColumn>(std::move(end_offsets_), std::move(chars_));
  }

 private:
  ChargedVector<uint64_t> end_offsets_;
  ChargedBytes chars_;
};

// result[row] = f(row) for every row.
template <class T, class F>
ColumnPtr FillNumbers(DataType type, size_t rows, F&& f) {
  NumberBuffer<T> result(rows);
  T* out = result.data();
  ForStretches(rows, [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) out[row] = f(row);
  });
  return result.Finish(std::move(type));
}

}  // namespace granary
