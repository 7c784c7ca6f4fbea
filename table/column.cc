#include "granary/table/column.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <xxhash.h>

#include "granary/table/long_vector.h"

namespace granary {
namespace {

// Owns vectors that a column views.
template <class T, class Allocator>
std::shared_ptr<const void> Own(std::vector<T, Allocator> values, const T** data) {
  auto owner = MakeCharged<const std::vector<T, Allocator>>(std::move(values));
  *data = owner->data();
  return owner;
}

uint64_t Mix(uint64_t hash, uint64_t value) {
  uint64_t x = (hash ^ value) * 0x9E3779B97F4A7C15;
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93;
  return x ^ (x >> 32);
}

template <class T>
uint64_t HashBits(T value) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    return HashBits(static_cast<float>(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(value)) return 0x7FF8;
    return std::bit_cast<uint64_t>(static_cast<double>(value == 0 ? T{0} : value));
  } else {
    return static_cast<uint64_t>(value);
  }
}

template <class T>
int CompareElements(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    const bool a_nan = std::isnan(a), b_nan = std::isnan(b);
    if (a_nan || b_nan) return a_nan == b_nan ? 0 : a_nan ? 1 : -1;
  } else if constexpr (std::is_same_v<T, BFloat16>) {
    return CompareElements(static_cast<float>(a), static_cast<float>(b));
  }
  return a < b ? -1 : b < a ? 1 : 0;
}

template <class T>
Value ElementValue(T value) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    return static_cast<double>(static_cast<float>(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    return static_cast<double>(value);
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<int64_t>(value);
  } else {
    return static_cast<uint64_t>(value);
  }
}

// Rows with mask != 0, as row numbers.
ChargedVector<uint32_t> KeptRows(std::span<const uint8_t> mask, size_t kept) {
  ChargedVector<uint32_t> rows = FilledVector<uint32_t>(kept + 1);
  size_t count = 0;
  ForStretches(mask.size(), [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) {
      rows[count] = static_cast<uint32_t>(row);
      count += mask[row] != 0;
    }
  });
  rows.resize(kept);
  return rows;
}

}  // namespace

// NumberColumn

template <class T>
NumberColumn<T>::NumberColumn(DataType type, std::vector<T> values)
    : Column(std::move(type), values.size()) {
  owner_ = Own(std::move(values), &data_);
}

template <class T>
NumberColumn<T>::NumberColumn(DataType type, ChargedVector<T> values)
    : Column(std::move(type), values.size()) {
  owner_ = Own(std::move(values), &data_);
}

template <class T>
NumberColumn<T>::NumberColumn(DataType type, std::shared_ptr<const void> owner, const T* data,
                              size_t size)
    : Column(std::move(type), size), owner_(std::move(owner)), data_(data) {}

template <class T>
Value NumberColumn<T>::ValueAt(size_t row) const {
  return ElementValue(data_[row]);
}

template <class T>
ColumnPtr NumberColumn<T>::Slice(size_t first_row, size_t count) const {
  return MakeCharged<NumberColumn<T>>(type(), owner_, data_ + first_row, count);
}

template <class T>
ColumnPtr NumberColumn<T>::Filter(std::span<const uint8_t> mask, size_t kept) const {
  ChargedVector<T> values = FilledVector<T>(kept + 1);
  size_t count = 0;
  ForStretches(mask.size(), [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) {
      values[count] = data_[row];
      count += mask[row] != 0;
    }
  });
  values.resize(kept);
  return MakeCharged<NumberColumn<T>>(type(), std::move(values));
}

template <class T>
ColumnPtr NumberColumn<T>::Gather(std::span<const uint32_t> rows) const {
  const auto owner = MakeChargedArray<T>(rows.size());
  T* const values = owner.get();
  ForStretches(rows.size(), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) values[i] = data_[rows[i]];
  });
  return MakeCharged<NumberColumn<T>>(type(), std::shared_ptr<const void>(owner, values), values,
                                      rows.size());
}

template <class T>
int NumberColumn<T>::Compare(size_t row, const Column& other, size_t other_row) const {
  if (other.is_constant()) return -other.Compare(other_row, *this, row);
  return CompareElements(data_[row], AsNumbers<T>(other).data()[other_row]);
}

template <class T>
void NumberColumn<T>::HashInto(std::span<uint64_t> hashes) const {
  ForStretches(hashes.size(), [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) hashes[row] = Mix(hashes[row], HashBits(data_[row]));
  });
}

template <class T>
ColumnPtr NumberColumn<T>::Materialize() const {
  return Slice(0, size());
}

template class NumberColumn<int8_t>;
template class NumberColumn<int16_t>;
template class NumberColumn<int32_t>;
template class NumberColumn<int64_t>;
template class NumberColumn<uint8_t>;
template class NumberColumn<uint16_t>;
template class NumberColumn<uint32_t>;
template class NumberColumn<uint64_t>;
template class NumberColumn<float>;
template class NumberColumn<double>;
template class NumberColumn<BFloat16>;

// StringColumn

namespace {
template <class Offsets, class Chars>
struct StringMemory {
  Offsets end_offsets;
  Chars chars;
};

template <class Offsets, class Chars>
std::shared_ptr<const void> OwnStrings(Offsets end_offsets, Chars chars, const uint64_t** offsets,
                                       const char** begin) {
  using Memory = StringMemory<Offsets, Chars>;
  auto owner = MakeCharged<const Memory>(Memory{std::move(end_offsets), std::move(chars)});
  *offsets = owner->end_offsets.data();
  *begin = owner->chars.data();
  return owner;
}
}  // namespace

StringColumn::StringColumn(std::vector<uint64_t> end_offsets, std::vector<char> chars)
    : Column(TypeId::kString, end_offsets.size()), first_offset_(0) {
  owner_ = OwnStrings(std::move(end_offsets), std::move(chars), &offsets_, &chars_);
}

StringColumn::StringColumn(ChargedVector<uint64_t> end_offsets, ChargedBytes chars)
    : Column(TypeId::kString, end_offsets.size()), first_offset_(0) {
  owner_ = OwnStrings(std::move(end_offsets), std::move(chars), &offsets_, &chars_);
}

StringColumn::StringColumn(std::shared_ptr<const void> owner, const uint64_t* end_offsets,
                           size_t size, uint64_t first_offset, const char* chars)
    : Column(TypeId::kString, size),
      owner_(std::move(owner)),
      offsets_(end_offsets),
      first_offset_(first_offset),
      chars_(chars) {}

size_t StringColumn::byte_size() const {
  const size_t chars = size() == 0 ? 0 : offsets_[size() - 1] - first_offset_;
  return chars + size() * sizeof(uint64_t);
}

Value StringColumn::ValueAt(size_t row) const { return std::string(At(row)); }

ColumnPtr StringColumn::Slice(size_t first_row, size_t count) const {
  const uint64_t first = first_row == 0 ? first_offset_ : offsets_[first_row - 1];
  return MakeCharged<StringColumn>(owner_, offsets_ + first_row, count, first, chars_);
}

ColumnPtr StringColumn::Filter(std::span<const uint8_t> mask, size_t kept) const {
  return Gather(KeptRows(mask, kept));
}

ColumnPtr StringColumn::Gather(std::span<const uint32_t> rows) const {
  ChargedVector<uint64_t> offsets = FilledVector<uint64_t>(rows.size());
  uint64_t total = 0;
  ForStretches(rows.size(), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) offsets[i] = total += At(rows[i]).size();
  });
  ChargedBytes chars;
  chars.Reserve(total);
  char* out = chars.Extend(total);
  CancelCheck check;
  for (const uint32_t row : rows) {
    const std::string_view text = At(row);
    if (!text.empty()) std::memcpy(out, text.data(), text.size());
    out += text.size();
    check.After(1 + text.size() / 8);
  }
  return MakeCharged<StringColumn>(std::move(offsets), std::move(chars));
}

int StringColumn::Compare(size_t row, const Column& other, size_t other_row) const {
  if (other.is_constant()) return -other.Compare(other_row, *this, row);
  const int order = At(row).compare(AsStrings(other).At(other_row));
  return order < 0 ? -1 : order > 0;
}

void StringColumn::HashInto(std::span<uint64_t> hashes) const {
  CancelCheck check;
  for (size_t row = 0; row < hashes.size(); ++row) {
    const std::string_view text = At(row);
    hashes[row] = Mix(hashes[row], XXH3_64bits(text.data(), text.size()));
    check.After(1 + text.size() / 8);
  }
}

ColumnPtr StringColumn::Materialize() const { return Slice(0, size()); }

// ArrayColumn

namespace {
ColumnPtr WrittenOut(ColumnPtr column) {
  return column->is_constant() ? column->Materialize() : std::move(column);
}
}  // namespace

ArrayColumn::ArrayColumn(ColumnPtr elements, std::vector<uint64_t> end_offsets)
    : Column(DataType::Array(elements->type()), end_offsets.size()),
      elements_(WrittenOut(std::move(elements))),
      first_offset_(0) {
  owner_ = Own(std::move(end_offsets), &offsets_);
}

ArrayColumn::ArrayColumn(ColumnPtr elements, ChargedVector<uint64_t> end_offsets)
    : Column(DataType::Array(elements->type()), end_offsets.size()),
      elements_(std::move(elements)),
      first_offset_(0) {
  owner_ = Own(std::move(end_offsets), &offsets_);
}

ArrayColumn::ArrayColumn(ColumnPtr elements, std::shared_ptr<const void> owner,
                         const uint64_t* end_offsets, size_t size, uint64_t first_offset)
    : Column(DataType::Array(elements->type()), size),
      elements_(WrittenOut(std::move(elements))),
      owner_(std::move(owner)),
      offsets_(end_offsets),
      first_offset_(first_offset) {}

std::shared_ptr<const ArrayColumn> ArrayColumn::Uniform(ColumnPtr elements, size_t length,
                                                        size_t rows) {
  ChargedVector<uint64_t> offsets(rows);
  for (size_t row = 0; row < rows; ++row) offsets[row] = (row + 1) * length;
  return MakeCharged<const ArrayColumn>(std::move(elements), std::move(offsets));
}

std::optional<size_t> ArrayColumn::UniformLength() const {
  if (size() == 0) return std::nullopt;
  const size_t length = Length(0);
  uint64_t expected = first_offset_;
  bool uniform = true;
  for (size_t row = 0; row < size(); ++row) uniform &= offsets_[row] == (expected += length);
  if (!uniform) return std::nullopt;
  return length;
}

VectorRows ArrayColumn::Vectors(size_t dimensions) const {
  const auto view = [&]<class T>(VectorElement element) {
    const T* data = AsNumbers<T>(*elements_).data() + first_offset_;
    return VectorRows{reinterpret_cast<const std::byte*>(data), dimensions * sizeof(T), size(),
                      dimensions, element};
  };
  switch (elements_->type().id()) {
    case TypeId::kFloat32:
      return view.operator()<float>(VectorElement::kFloat32);
    case TypeId::kFloat64:
      return view.operator()<double>(VectorElement::kFloat64);
    case TypeId::kBFloat16:
      return view.operator()<BFloat16>(VectorElement::kBFloat16);
    default:
      throw Error(ErrorCode::kLogicalError, type().name() + " does not hold vectors of floats");
  }
}

size_t ArrayColumn::byte_size() const {
  const uint64_t used = size() == 0 ? 0 : End(size() - 1) - first_offset_;
  const size_t elements = used == elements_->size()
                              ? elements_->byte_size()
                              : elements_->Slice(first_offset_, used)->byte_size();
  return elements + size() * sizeof(uint64_t);
}

Value ArrayColumn::ValueAt(size_t row) const {
  ValueArray array;
  array.reserve(Length(row));
  for (uint64_t i = Begin(row); i < End(row); ++i) array.push_back(elements_->ValueAt(i));
  return array;
}

ColumnPtr ArrayColumn::Slice(size_t first_row, size_t count) const {
  const uint64_t first = first_row == 0 ? first_offset_ : offsets_[first_row - 1];
  return MakeCharged<ArrayColumn>(elements_, owner_, offsets_ + first_row, count, first);
}

ColumnPtr ArrayColumn::Filter(std::span<const uint8_t> mask, size_t kept) const {
  return Gather(KeptRows(mask, kept));
}

ColumnPtr ArrayColumn::Gather(std::span<const uint32_t> rows) const {
  const auto elements = ColumnBuilder::Create(elements_->type());
  ChargedVector<uint64_t> offsets = FilledVector<uint64_t>(rows.size());
  uint64_t total = 0;
  ForStretches(rows.size(), [&](size_t begin, size_t end) {
    for (size_t i = begin; i < end; ++i) offsets[i] = total += Length(rows[i]);
  });
  elements->Reserve(total);
  CancelCheck check;
  for (const uint32_t row : rows) {
    elements->AppendRange(*elements_, Begin(row), Length(row));
    check.After(1 + Length(row));
  }
  return MakeCharged<ArrayColumn>(elements->Finish(), std::move(offsets));
}

int ArrayColumn::Compare(size_t row, const Column& other, size_t other_row) const {
  if (other.is_constant()) return -other.Compare(other_row, *this, row);
  const ArrayColumn& array = AsArrays(other);
  const size_t common = std::min(Length(row), array.Length(other_row));
  CancelCheck check;
  for (size_t i = 0; i < common; ++i) {
    const int order =
        elements_->Compare(Begin(row) + i, *array.elements_, array.Begin(other_row) + i);
    if (order != 0) return order;
    check.After(4);
  }
  return CompareElements(Length(row), array.Length(other_row));
}

void ArrayColumn::HashInto(std::span<uint64_t> hashes) const {
  ChargedVector<uint64_t> element_hashes = FilledVector<uint64_t>(elements_->size());
  elements_->HashInto(element_hashes);
  for (size_t row = 0; row < hashes.size(); ++row) {
    uint64_t hash = Mix(hashes[row], Length(row));
    const uint64_t* const hash_of = element_hashes.data() + Begin(row);
    ForStretches(Length(row), [&](size_t begin, size_t end) {
      for (size_t i = begin; i < end; ++i) hash = Mix(hash, hash_of[i]);
    });
    hashes[row] = hash;
  }
}

ColumnPtr ArrayColumn::Materialize() const {
  return MakeCharged<ArrayColumn>(elements_->Materialize(), owner_, offsets_, size(),
                                  first_offset_);
}

// ConstantColumn

ConstantColumn::ConstantColumn(ColumnPtr value, size_t size)
    : Column(value->type(), size), value_(WrittenOut(std::move(value))) {}

ColumnPtr ConstantColumn::Slice(size_t, size_t count) const {
  return MakeCharged<ConstantColumn>(value_, count);
}

ColumnPtr ConstantColumn::Filter(std::span<const uint8_t>, size_t kept) const {
  return MakeCharged<ConstantColumn>(value_, kept);
}

ColumnPtr ConstantColumn::Gather(std::span<const uint32_t> rows) const {
  return MakeCharged<ConstantColumn>(value_, rows.size());
}

int ConstantColumn::Compare(size_t, const Column& other, size_t other_row) const {
  if (!other.is_constant()) return value_->Compare(0, other, other_row);
  return value_->Compare(0, *static_cast<const ConstantColumn&>(other).value_, 0);
}

void ConstantColumn::HashInto(std::span<uint64_t> hashes) const {
  // The value mixes with what is there, which differs from row to row.
  for (size_t row = 0; row < hashes.size(); ++row) value_->HashInto(hashes.subspan(row, 1));
}

ColumnPtr ConstantColumn::Materialize() const {
  const auto builder = ColumnBuilder::Create(type());
  builder->Reserve(size());
  builder->AppendRange(*this, 0, size());
  return builder->Finish();
}

// Free functions

ColumnPtr MakeConstant(const DataType& type, const Value& value, size_t rows) {
  const auto builder = ColumnBuilder::Create(type);
  builder->Append(value);
  return MakeCharged<ConstantColumn>(builder->Finish(), rows);
}

ColumnPtr MakeDefaults(const DataType& type, size_t rows) {
  const auto builder = ColumnBuilder::Create(type);
  builder->AppendDefault();
  return MakeCharged<ConstantColumn>(builder->Finish(), rows);
}

ColumnPtr Concatenate(const DataType& type, std::span<const ColumnPtr> columns) {
  if (columns.size() == 1) return columns[0];
  const auto builder = ColumnBuilder::Create(type);
  size_t rows = 0;
  for (const ColumnPtr& column : columns) rows += column->size();
  builder->Reserve(rows);
  for (const ColumnPtr& column : columns) {
    CheckTaskCancelled();
    builder->AppendRange(*column, 0, column->size());
  }
  return builder->Finish();
}

ColumnPtr Retyped(const ColumnPtr& column, DataType type) {
  if (column->is_constant()) {
    const auto& constant = static_cast<const ConstantColumn&>(*column);
    return MakeCharged<ConstantColumn>(Retyped(constant.value(), std::move(type)), column->size());
  }
  if (type.is_array()) {
    const ArrayColumn& array = AsArrays(*column);
    return MakeCharged<ArrayColumn>(Retyped(array.elements(), type.element()), column,
                                    array.end_offsets(), array.size(), array.first_offset());
  }
  std::shared_ptr<Column> copy = std::const_pointer_cast<Column>(column->Slice(0, column->size()));
  copy->type_ = std::move(type);
  return copy;
}

Value DefaultValue(const DataType& type) {
  if (type.is_array()) return ValueArray{};
  if (type.is_string()) return std::string();
  if (type.is_float()) return 0.0;
  if (type.is_signed_integer()) return int64_t{0};
  return uint64_t{0};
}

}  // namespace granary
