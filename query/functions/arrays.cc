// Making, joining and cutting arrays: array, range, arrayConcat, arraySlice ...
#include <algorithm>

#include <fmt/format.h>

#include "granary/query/functions/array_rows.h"
#include "granary/query/functions/byte_set.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/row_bytes.h"
#include "granary/query/functions/row_selection.h"
#include "granary/query/functions/slice_range.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

void CheckElements(uint64_t elements, std::string_view function) {
  if (elements <= kArrayElementsMax) return;
  throw Error(ErrorCode::kArgumentOutOfBound,
              fmt::format("A call of function {} would make {} array elements, more than the {} "
                          "that are allowed",
                          function, elements, kArrayElementsMax));
}

// Columns one after the other, of which elements can be picked; constant ones keep one row.
class StackedColumns {
 public:
  StackedColumns(std::span<const ColumnPtr> columns, const DataType& type) {
    for (const ColumnPtr& column : columns) {
      first_.push_back(total_);
      step_.push_back(column->is_constant() ? 0 : 1);
      stored_.push_back(CastColumn(StoredRows(column), type));
      total_ += stored_.back()->size();
    }
    stacked_ = Concatenate(type, stored_);
  }
  uint64_t Number(size_t column, uint64_t row) const {
    return first_[column] + row * step_[column];
  }
  const Column& stacked() const { return *stacked_; }

 private:
  std::vector<uint64_t> first_, step_;
  std::vector<ColumnPtr> stored_;
  uint64_t total_ = 0;
  ColumnPtr stacked_;
};

Function BindArray(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  const DataType element = CommonTypeOrThrow(arguments, "an array");
  return {DataType::Array(element), [element](std::span<const ColumnPtr> values, size_t rows) {
            if (values.empty()) return MakeConstant(DataType::Array(element), ValueArray{}, rows);
            const StackedColumns stack(values, element);
            ArrayPicker picker(rows);
            for (size_t row = 0; row < rows; ++row) {
              for (size_t i = 0; i < values.size(); ++i) picker.Pick(stack.Number(i, row));
              picker.EndRow();
            }
            return picker.Finish(stack.stacked());
          }};
}

FunctionBinder EmptyArrayBinder(DataType element) {
  return [element](std::span<const FunctionArgument>, const FunctionContext&) {
    const DataType type = DataType::Array(element);
    return Function(
        type, [type](std::span<const ColumnPtr>, size_t rows) { return MakeDefaults(type, rows); });
  };
}

// array[index], from 1 or from the end with -1; the default where there is no such element.
Function BindArrayElement(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  const DataType element = RequireArray("arrayElement", arguments, 0);
  RequireInteger("arrayElement", arguments, 1);
  const bool is_unsigned = arguments[1].type.id() == TypeId::kUInt64;
  return {element, [element, is_unsigned](std::span<const ColumnPtr> values, size_t rows) {
            const ArrayView arrays(*values[0]);
            const auto indexes = ReadNumbers<int64_t>(*values[1], rows);
            std::vector<uint32_t> picked(rows), is_missing(rows);
            for (size_t row = 0; row < rows; ++row) {
              const int64_t length = static_cast<int64_t>(arrays.Length(row));
              const int64_t index = indexes[row];
              const int64_t offset = index > 0 ? index - 1 : length + std::max(index, -length - 1);
              const bool is_beyond = is_unsigned && index < 0;
              is_missing[row] = index == 0 || offset < 0 || offset >= length || is_beyond;
              if (!is_missing[row]) {
                picked[row] =
                    static_cast<uint32_t>(arrays.Begin(row) + static_cast<uint64_t>(offset));
              }
            }
            const bool any_missing = std::count(is_missing.begin(), is_missing.end(), 1u) > 0;
            if (!any_missing) return arrays.elements()->Gather(picked);
            const ColumnPtr defaults = MakeDefaults(element, rows);
            if (arrays.elements()->size() == 0) return defaults;
            return ChooseRows(element, std::array{arrays.elements()->Gather(picked), defaults},
                              is_missing);
          }};
}

Function BindArrayConcat(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  std::vector<DataType> elements;
  for (size_t i = 0; i < arguments.size(); ++i) {
    elements.push_back(RequireArray("arrayConcat", arguments, i));
  }
  const DataType element = CommonTypeOrThrow(elements, "arrayConcat");
  return {DataType::Array(element), [element](std::span<const ColumnPtr> values, size_t rows) {
            std::vector<std::shared_ptr<const ArrayColumn>> arrays;
            std::vector<ColumnPtr> flat;
            for (const ColumnPtr& value : values) {
              arrays.push_back(DenseArrays(value, element));
              flat.push_back(arrays.back()->elements());
            }
            const StackedColumns stack(flat, element);
            ArrayPicker picker(rows);
            for (size_t row = 0; row < rows; ++row) {
              for (size_t i = 0; i < arrays.size(); ++i) {
                picker.PickRange(stack.Number(i, arrays[i]->Begin(row)),
                                 stack.Number(i, arrays[i]->End(row)));
              }
              picker.EndRow();
            }
            return picker.Finish(stack.stacked());
          }};
}

FunctionBinder PushBinder(std::string name, bool at_front) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    const DataType element =
        CommonTypeOrThrow(std::array{RequireArray(name, arguments, 0), arguments[1].type}, name);
    return Function(DataType::Array(element), [=](std::span<const ColumnPtr> values, size_t rows) {
      const auto arrays = DenseArrays(values[0], element);
      const StackedColumns stack(std::array{arrays->elements(), values[1]}, element);
      ArrayPicker picker(rows);
      for (size_t row = 0; row < rows; ++row) {
        if (at_front) picker.Pick(stack.Number(1, row));
        picker.PickRange(arrays->Begin(row), arrays->End(row));
        if (!at_front) picker.Pick(stack.Number(1, row));
        picker.EndRow();
      }
      return picker.Finish(stack.stacked());
    });
  };
}

// A function that picks elements of its only array: pick(begin, end, row, picker).
template <class Pick>
Function PickingFunction(const DataType& element, Pick pick) {
  return {DataType::Array(element), [=](std::span<const ColumnPtr> values, size_t rows) {
            const auto arrays = DenseArrays(values[0], element);
            ArrayPicker picker(rows);
            for (size_t row = 0; row < rows; ++row) {
              pick(arrays->Begin(row), arrays->End(row), *arrays->elements(), picker);
              picker.EndRow();
            }
            return picker.Finish(*arrays->elements());
          }};
}

template <class Pick>
FunctionBinder PickBinder(std::string name, Pick pick) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    return PickingFunction(RequireArray(name, arguments, 0), pick);
  };
}

void PickReversed(uint64_t begin, uint64_t end, const Column&, ArrayPicker& picker) {
  for (uint64_t i = end; i > begin; --i) picker.Pick(i - 1);
}

// Each value once, where it first stands.
void PickDistinct(uint64_t begin, uint64_t end, const Column& elements, ArrayPicker& picker) {
  ByteSet seen;
  std::string bytes;
  CancelCheck check;
  for (uint64_t i = begin; i < end; ++i) {
    bytes.clear();
    AppendRowBytes(elements, i, bytes);
    if (seen.Insert(bytes)) picker.Pick(i);
    check.After(16 + bytes.size());
  }
}

void PickCompact(uint64_t begin, uint64_t end, const Column& elements, ArrayPicker& picker) {
  CancelCheck check;
  for (uint64_t i = begin; i < end; ++i) {
    if (i == begin || elements.Compare(i, elements, i - 1) != 0) picker.Pick(i);
    check.After(4);
  }
}

// reverse takes strings and arrays.
Function BindReverse(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  if (arguments[0].type.is_array()) {
    return PickingFunction(arguments[0].type.element(), PickReversed);
  }
  RequireString("reverse", arguments, 0);
  return {TypeId::kString, [](std::span<const ColumnPtr> values, size_t rows) {
            const StringView texts(*values[0]);
            StringBuffer result(rows);
            for (size_t row = 0; row < rows; ++row) {
              const std::string_view text = texts[row];
              char* const out = result.AppendBytes(text.size());
              ForStretches(text.size(), [&](size_t begin, size_t end) {
                std::reverse_copy(text.end() - end, text.end() - begin, out + begin);
              });
              result.EndRow();
            }
            return result.Finish();
          }};
}

Function BindArraySlice(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  const DataType element = RequireArray("arraySlice", arguments, 0);
  for (size_t i = 1; i < arguments.size(); ++i) RequireInteger("arraySlice", arguments, i);
  return {DataType::Array(element), [element](std::span<const ColumnPtr> values, size_t rows) {
            const auto arrays = DenseArrays(values[0], element);
            const auto positions = ReadNumbers<int64_t>(*values[1], rows);
            ChargedVector<int64_t> lengths(rows, kToTheEnd);
            if (values.size() > 2) lengths = ReadNumbers<int64_t>(*values[2], rows);
            ArrayPicker picker(rows);
            for (size_t row = 0; row < rows; ++row) {
              const SliceRange range = TakeSlice(arrays->Length(row), positions[row], lengths[row]);
              picker.PickRange(arrays->Begin(row) + range.begin, arrays->Begin(row) + range.end);
              picker.EndRow();
            }
            return picker.Finish(*arrays->elements());
          }};
}

// arrayResize(array, size[, fill]); a negative size keeps elements at the end.
Function BindArrayResize(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  DataType element = RequireArray("arrayResize", arguments, 0);
  RequireInteger("arrayResize", arguments, 1);
  if (arguments.size() > 2) {
    element = CommonTypeOrThrow(std::array{element, arguments[2].type}, "arrayResize");
  }
  const auto body = [element](std::span<const ColumnPtr> values, size_t rows) {
    const auto arrays = DenseArrays(values[0], element);
    const auto sizes = ReadNumbers<int64_t>(*values[1], rows);
    const ColumnPtr fill = values.size() > 2 ? values[2] : MakeDefaults(element, rows);
    const StackedColumns stack(std::array{arrays->elements(), fill}, element);
    ArrayPicker picker(rows);
    uint64_t total = 0;
    for (size_t row = 0; row < rows; ++row) {
      const bool from_end = sizes[row] < 0;
      const uint64_t size =
          from_end ? 0 - static_cast<uint64_t>(sizes[row]) : static_cast<uint64_t>(sizes[row]);
      CheckElements(size, "arrayResize");
      CheckElements(total += size, "arrayResize");
      const uint64_t begin = arrays->Begin(row), end = arrays->End(row);
      const uint64_t kept = std::min(size, end - begin);
      if (!from_end) picker.PickRange(begin, begin + kept);
      for (uint64_t i = kept; i < size; ++i) picker.Pick(stack.Number(1, row));
      if (from_end) picker.PickRange(end - kept, end);
      picker.EndRow();
    }
    return picker.Finish(stack.stacked());
  };
  return {DataType::Array(element), body, true};
}

Function BindArrayWithConstant(std::span<const FunctionArgument> arguments,
                               const FunctionContext&) {
  RequireInteger("arrayWithConstant", arguments, 0);
  const DataType element = arguments[1].type;
  const auto body = [element](std::span<const ColumnPtr> values, size_t rows) {
    const auto sizes = ReadNumbers<int64_t>(*values[0], rows);
    const ColumnPtr stored = StoredRows(values[1]);
    const uint64_t step = values[1]->is_constant() ? 0 : 1;
    ArrayPicker picker(rows);
    uint64_t total = 0;
    for (size_t row = 0; row < rows; ++row) {
      if (sizes[row] < 0) {
        throw Error(
            ErrorCode::kTooLargeArraySize,
            fmt::format("arrayWithConstant cannot make an array of {} elements", sizes[row]));
      }
      CheckElements(static_cast<uint64_t>(sizes[row]), "arrayWithConstant");
      CheckElements(total += static_cast<uint64_t>(sizes[row]), "arrayWithConstant");
      for (int64_t i = 0; i < sizes[row]; ++i) picker.Pick(row * step);
      picker.EndRow();
    }
    return picker.Finish(*stored);
  };
  return {DataType::Array(element), body, true};
}

// How many numbers from `begin` by `step` come before `end`.
uint64_t RangeLength(int64_t begin, int64_t end, int64_t step) {
  if (step == 0) {
    throw Error(ErrorCode::kArgumentOutOfBound, "The step of function range cannot be 0");
  }
  const bool is_empty = step > 0 ? begin >= end : begin <= end;
  if (is_empty) return 0;
  const uint64_t distance = step > 0 ? static_cast<uint64_t>(end) - static_cast<uint64_t>(begin)
                                     : static_cast<uint64_t>(begin) - static_cast<uint64_t>(end);
  const uint64_t stride = step > 0 ? static_cast<uint64_t>(step) : 0 - static_cast<uint64_t>(step);
  return (distance - 1) / stride + 1;
}

// Numbers beyond Int64 cannot be ends of ranges that fit into memory.
void RefuseHugeNumbers(const Column& column, size_t rows) {
  if (column.type().id() != TypeId::kUInt64) return;
  for (const int64_t number : ReadNumbers<int64_t>(column, rows)) {
    if (number < 0) CheckElements(static_cast<uint64_t>(number), "range");
  }
}

Function BindRange(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  std::vector<DataType> types;
  for (size_t i = 0; i < arguments.size(); ++i) {
    RequireInteger("range", arguments, i);
    types.push_back(arguments[i].type);
  }
  const DataType element = CommonTypeOrThrow(types, "range");
  const auto body = [element](std::span<const ColumnPtr> values, size_t rows) {
    for (const ColumnPtr& value : values) RefuseHugeNumbers(*value, rows);
    ChargedVector<int64_t> begins(rows, 0), steps(rows, 1);
    const auto ends = ReadNumbers<int64_t>(*values[values.size() > 1 ? 1 : 0], rows);
    if (values.size() > 1) begins = ReadNumbers<int64_t>(*values[0], rows);
    if (values.size() > 2) steps = ReadNumbers<int64_t>(*values[2], rows);
    ChargedVector<uint64_t> end_offsets(rows);
    uint64_t total = 0;
    for (size_t row = 0; row < rows; ++row) {
      const uint64_t length = RangeLength(begins[row], ends[row], steps[row]);
      CheckElements(length, "range");
      CheckElements(end_offsets[row] = total += length, "range");
    }
    NumberBuffer<int64_t> numbers(total);
    CancelCheck check;
    for (size_t row = 0, i = 0; row < rows; ++row) {
      uint64_t number = static_cast<uint64_t>(begins[row]);
      for (; i < end_offsets[row]; ++i, number += static_cast<uint64_t>(steps[row])) {
        numbers[i] = static_cast<int64_t>(number);
        check.After(1);
      }
    }
    return std::make_shared<ArrayColumn>(CastColumn(numbers.Finish(TypeId::kInt64), element),
                                         std::move(end_offsets));
  };
  return {DataType::Array(element), body, true};
}

Function BindArrayEnumerate(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  const DataType element = RequireArray("arrayEnumerate", arguments, 0);
  return {DataType::Array(TypeId::kUInt32),
          [element](std::span<const ColumnPtr> values, size_t rows) {
            const auto arrays = DenseArrays(values[0], element);
            NumberBuffer<uint32_t> numbers(arrays->elements()->size());
            CancelCheck check;
            for (size_t row = 0; row < rows; ++row) {
              for (uint64_t i = arrays->Begin(row); i < arrays->End(row); ++i) {
                numbers[i] = static_cast<uint32_t>(i - arrays->Begin(row) + 1);
                check.After(1);
              }
            }
            return std::make_shared<ArrayColumn>(numbers.Finish(TypeId::kUInt32), arrays,
                                                 arrays->end_offsets(), rows, 0);
          }};
}

// One level of Array(Array(T)) at a time, until T is no array.
Function BindArrayFlatten(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  DataType element = RequireArray("arrayFlatten", arguments, 0);
  while (element.is_array()) element = element.element();
  return {DataType::Array(element), [](std::span<const ColumnPtr> values, size_t rows) {
            ColumnPtr column = DenseArrays(values[0], values[0]->type().element());
            while (AsArrays(*column).elements()->type().is_array()) {
              const ArrayColumn& outer = AsArrays(*column);
              const auto inner = DenseArrays(outer.elements(), outer.elements()->type().element());
              ChargedVector<uint64_t> end_offsets(rows);
              for (size_t row = 0; row < rows; ++row) {
                end_offsets[row] = outer.End(row) == 0 ? 0 : inner->End(outer.End(row) - 1);
              }
              column = std::make_shared<ArrayColumn>(inner->elements(), std::move(end_offsets));
            }
            return column;
          }};
}

}  // namespace

void RegisterArrays(FunctionRegistry& registry) {
  constexpr size_t kAnyNumber = FunctionDefinition::kAnyNumber;
  registry.Add({"array", 0, kAnyNumber, BindArray});
  registry.Add({"arrayElement", 2, 2, BindArrayElement});
  registry.Add({"arrayConcat", 1, kAnyNumber, BindArrayConcat});
  registry.Add({"arrayPushBack", 2, 2, PushBinder("arrayPushBack", false)});
  registry.Add({"arrayPushFront", 2, 2, PushBinder("arrayPushFront", true)});
  registry.Add({"arrayPopBack", 1, 1,
                PickBinder("arrayPopBack",
                           [](uint64_t begin, uint64_t end, const Column&, ArrayPicker& picker) {
                             if (end > begin) picker.PickRange(begin, end - 1);
                           })});
  registry.Add(
      {"arrayPopFront", 1, 1,
       PickBinder("arrayPopFront", [](uint64_t begin, uint64_t end, const Column&,
                                      ArrayPicker& picker) { picker.PickRange(begin + 1, end); })});
  registry.Add({"reverse", 1, 1, BindReverse, FunctionKind::kPlain, true});
  registry.Add({"arrayReverse", 1, 1, PickBinder("arrayReverse", PickReversed)});
  registry.Add({"arrayDistinct", 1, 1, PickBinder("arrayDistinct", PickDistinct)});
  registry.Add({"arrayCompact", 1, 1, PickBinder("arrayCompact", PickCompact)});
  registry.Add({"arraySlice", 2, 3, BindArraySlice});
  registry.Add({"arrayResize", 2, 3, BindArrayResize});
  registry.Add({"arrayWithConstant", 2, 2, BindArrayWithConstant});
  registry.Add({"range", 1, 3, BindRange});
  registry.Add({"arrayEnumerate", 1, 1, BindArrayEnumerate});
  registry.Add({"arrayFlatten", 1, 1, BindArrayFlatten});
  registry.AddAlias("flatten", "arrayFlatten", true);
  for (const TypeId id :
       {TypeId::kInt8, TypeId::kInt16, TypeId::kInt32, TypeId::kInt64, TypeId::kUInt8,
        TypeId::kUInt16, TypeId::kUInt32, TypeId::kUInt64, TypeId::kFloat32, TypeId::kFloat64,
        TypeId::kString, TypeId::kDate, TypeId::kDateTime}) {
    registry.Add({"emptyArray" + DataType(id).name(), 0, 0, EmptyArrayBinder(id)});
  }
}

}  // namespace granary
