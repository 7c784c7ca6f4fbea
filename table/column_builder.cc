#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "granary/table/column.h"
#include "granary/table/long_vector.h"

namespace granary {
namespace {

[[noreturn]] void ThrowMismatch(const DataType& type) {
  throw Error(ErrorCode::kTypeMismatch,
              "A value of another kind was given for type " + type.name());
}

[[noreturn]] void ThrowOutOfRange(const Value& value, const DataType& type) {
  const DataType wide = value.is_uint()  ? TypeId::kUInt64
                        : value.is_int() ? TypeId::kInt64
                                         : TypeId::kFloat64;
  throw Error(ErrorCode::kTypeMismatch,
              "The value " + ValueToSql(value, wide) + " does not fit into type " + type.name());
}

template <class T>
T ConvertNumber(const Value& value, const DataType& type) {
  if (!value.is_number()) ThrowMismatch(type);
  if constexpr (std::is_same_v<T, BFloat16>) {
    return BFloat16(static_cast<float>(value.as_double()));
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<T>(value.as_double());
  } else {
    Value low, high;
    if constexpr (std::is_signed_v<T>) {
      low = int64_t{std::numeric_limits<T>::min()};
      high = int64_t{std::numeric_limits<T>::max()};
    } else {
      low = uint64_t{0};
      high = uint64_t{std::numeric_limits<T>::max()};
    }
    if (CompareValues(value, low) < 0 || CompareValues(value, high) > 0) {
      ThrowOutOfRange(value, type);
    }
    if (value.is_uint()) return static_cast<T>(value.as_uint());
    if (value.is_int()) return static_cast<T>(value.as_int());
    if (std::floor(value.as_double()) != value.as_double()) ThrowOutOfRange(value, type);
    return static_cast<T>(value.as_double());
  }
}

const Column& ConstantValue(const Column& column) {
  return *static_cast<const ConstantColumn&>(column).value();
}

void AppendShifted(ChargedVector<uint64_t>& to, const uint64_t* offsets, size_t count,
                   uint64_t shift) {
  GrowLong(to, count);
  ForStretches(count, [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) to.push_back(offsets[i] + shift);
  });
}

template <class T>
class NumberBuilder final : public ColumnBuilder {
 public:
  explicit NumberBuilder(DataType type) : type_(std::move(type)) {}

  size_t size() const override { return values_.size(); }
  void Reserve(size_t rows) override { ReserveLong(values_, values_.size() + rows); }
  void Append(const Value& value) override { values_.push_back(ConvertNumber<T>(value, type_)); }
  void AppendDefault() override { values_.push_back(T{}); }
  void AppendRange(const Column& column, size_t first_row, size_t count) override {
    if (column.is_constant()) {
      return AppendCopies(values_, count, AsNumbers<T>(ConstantValue(column)).data()[0]);
    }
    AppendLong(values_, AsNumbers<T>(column).data() + first_row, count);
  }
  void AppendGather(const Column& column, std::span<const uint32_t> rows) override {
    if (column.is_constant()) return AppendRange(column, 0, rows.size());
    const T* from = AsNumbers<T>(column).data();
    const size_t old_size = values_.size();
    AppendCopies(values_, rows.size(), T{});
    T* to = values_.data() + old_size;
    ForStretches(rows.size(), [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) to[i] = from[rows[i]];
    });
  }
  ColumnPtr Finish() override {
    return MakeCharged<NumberColumn<T>>(type_, std::exchange(values_, {}));
  }

 private:
  DataType type_;
  ChargedVector<T> values_;
};

class StringBuilder final : public ColumnBuilder {
 public:
  size_t size() const override { return offsets_.size(); }
  void Reserve(size_t rows) override { offsets_.reserve(offsets_.size() + rows); }
  void Append(const Value& value) override {
    if (!value.is_string()) ThrowMismatch(TypeId::kString);
    AppendText(value.as_string());
  }
  void AppendDefault() override { offsets_.push_back(chars_.size()); }
  void AppendRange(const Column& column, size_t first_row, size_t count) override {
    if (column.is_constant()) {
      const std::string_view text = AsStrings(ConstantValue(column)).At(0);
      CancelCheck check;
      for (size_t i = 0; i < count; ++i) {
        AppendText(text);
        check.After(1 + text.size() / 8);
      }
      return;
    }
    if (count == 0) return;
    const StringColumn& strings = AsStrings(column);
    const uint64_t begin =
        first_row == 0 ? strings.first_offset() : strings.end_offsets()[first_row - 1];
    const uint64_t end = strings.end_offsets()[first_row + count - 1];
    const uint64_t shift = chars_.size() - begin;
    chars_.Append({strings.chars() + begin, end - begin});
    AppendShifted(offsets_, strings.end_offsets() + first_row, count, shift);
  }
  void AppendGather(const Column& column, std::span<const uint32_t> rows) override {
    if (column.is_constant()) return AppendRange(column, 0, rows.size());
    const StringColumn& strings = AsStrings(column);
    CancelCheck check;
    for (const uint32_t row : rows) {
      AppendText(strings.At(row));
      check.After(1 + strings.At(row).size() / 8);
    }
  }
  ColumnPtr Finish() override {
    chars_.Trim();
    return MakeCharged<StringColumn>(std::exchange(offsets_, {}), std::exchange(chars_, {}));
  }

 private:
  void AppendText(std::string_view text) {
    chars_.Append(text);
    offsets_.push_back(chars_.size());
  }

  ChargedVector<uint64_t> offsets_;
  ChargedBytes chars_;
};

class ArrayBuilder final : public ColumnBuilder {
 public:
  explicit ArrayBuilder(const DataType& type)
      : type_(type), elements_(ColumnBuilder::Create(type.element())) {}

  size_t size() const override { return offsets_.size(); }
  void Reserve(size_t rows) override { offsets_.reserve(offsets_.size() + rows); }
  void Append(const Value& value) override {
    if (!value.is_array()) ThrowMismatch(type_);
    for (const Value& element : value.as_array()) elements_->Append(element);
    EndRow();
  }
  void AppendDefault() override { EndRow(); }
  void AppendRange(const Column& column, size_t first_row, size_t count) override {
    if (column.is_constant()) {
      for (size_t i = 0; i < count; ++i) AppendRow(AsArrays(ConstantValue(column)), 0);
      return;
    }
    if (count == 0) return;
    const ArrayColumn& arrays = AsArrays(column);
    const uint64_t begin = arrays.Begin(first_row);
    const uint64_t end = arrays.End(first_row + count - 1);
    const uint64_t shift = elements_->size() - begin;
    elements_->AppendRange(*arrays.elements(), begin, end - begin);
    AppendShifted(offsets_, arrays.end_offsets() + first_row, count, shift);
  }
  void AppendGather(const Column& column, std::span<const uint32_t> rows) override {
    if (column.is_constant()) return AppendRange(column, 0, rows.size());
    CancelCheck check;
    for (const uint32_t row : rows) {
      AppendRow(AsArrays(column), row);
      check.After(1 + AsArrays(column).Length(row));
    }
  }
  ColumnPtr Finish() override {
    return MakeCharged<ArrayColumn>(elements_->Finish(), std::exchange(offsets_, {}));
  }

 private:
  void AppendRow(const ArrayColumn& arrays, size_t row) {
    elements_->AppendRange(*arrays.elements(), arrays.Begin(row), arrays.Length(row));
    EndRow();
  }
  void EndRow() { offsets_.push_back(elements_->size()); }

  DataType type_;
  std::unique_ptr<ColumnBuilder> elements_;
  ChargedVector<uint64_t> offsets_;
};

}  // namespace

std::unique_ptr<ColumnBuilder> ColumnBuilder::Create(const DataType& type) {
  if (type.is_array()) return std::make_unique<ArrayBuilder>(type);
  if (type.is_string()) return std::make_unique<StringBuilder>();
  return VisitFixedType(type.id(), [&]<class T>() -> std::unique_ptr<ColumnBuilder> {
    return std::make_unique<NumberBuilder<T>>(type);
  });
}

}  // namespace granary
