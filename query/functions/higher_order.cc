// arrayMap, arrayFilter, arraySort ... The first argument holds the lambda's results, aligned with
// the elements of the arrays behind it; without a lambda there is just one array.
#include <algorithm>
#include <limits>

#include "granary/query/functions/array_rows.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/grouped_rows.h"
#include "granary/query/functions/row_selection.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

constexpr size_t kNanosecondsPerComparison = 8;

// The array whose elements the function is about: the first behind the lambda's results.
size_t DataIndex(size_t arguments) { return arguments > 1 ? 1 : 0; }

const DataType& RequireConditions(std::string_view name,
                                  std::span<const FunctionArgument> arguments) {
  const DataType& element = RequireArray(name, arguments, 0);
  if (!element.is_nothing() && !IsConditionType(element)) {
    ThrowIllegalType(name, 0, element, "a number or Bool for each element");
  }
  return element;
}

// The truth of each element of an array of numbers.
struct Conditions {
  std::shared_ptr<const ArrayColumn> arrays;
  ChargedVector<uint8_t> mask;

  explicit Conditions(const ColumnPtr& column) {
    arrays = DenseArrays(column, column->type().element());
    mask = FilledVector<uint8_t>(arrays->elements()->size());
    ReadTruth(*arrays->elements(), mask);
  }
  const uint8_t* Begin(size_t row) const { return mask.data() + arrays->Begin(row); }
  const uint8_t* End(size_t row) const { return mask.data() + arrays->End(row); }
};

Function BindArrayMap(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireArray("arrayMap", arguments, 0);
  return {arguments[0].type, [](std::span<const ColumnPtr> values, size_t) { return values[0]; }};
}

Function BindArrayFilter(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireConditions("arrayFilter", arguments);
  const DataType element = RequireArray("arrayFilter", arguments, DataIndex(arguments.size()));
  return {DataType::Array(element), [element](std::span<const ColumnPtr> values, size_t rows) {
            const Conditions conditions(values[0]);
            const auto arrays = DenseArrays(values[DataIndex(values.size())], element);
            ArrayPicker picker(rows);
            CancelCheck check;
            for (size_t row = 0; row < rows; ++row) {
              for (uint64_t i = arrays->Begin(row); i < arrays->End(row); ++i) {
                if (conditions.mask[i]) picker.Pick(i);
                check.After(1);
              }
              picker.EndRow();
            }
            return picker.Finish(*arrays->elements());
          }};
}

// f(begin, end) over the truth of a row's elements.
template <class T, class F>
FunctionBinder CountBinder(std::string name, DataType type, F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireConditions(name, arguments);
    return Function(type, [=](std::span<const ColumnPtr> values, size_t rows) {
      const Conditions conditions(values[0]);
      return FillNumbers<T>(type, rows, [&](size_t row) {
        return static_cast<T>(f(conditions.Begin(row), conditions.End(row)));
      });
    });
  };
}

// The first or last element for which the lambda is true, or the default.
FunctionBinder FindBinder(std::string name, bool last) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireConditions(name, arguments);
    const DataType element = RequireArray(name, arguments, DataIndex(arguments.size()));
    return Function(element, [=](std::span<const ColumnPtr> values, size_t rows) {
      const Conditions conditions(values[0]);
      const auto arrays = DenseArrays(values[DataIndex(values.size())], element);
      if (arrays->elements()->size() == 0) return MakeDefaults(element, rows);
      std::vector<uint32_t> picked(rows), is_missing(rows);
      for (size_t row = 0; row < rows; ++row) {
        const uint8_t* begin = conditions.Begin(row);
        const uint8_t* end = conditions.End(row);
        const uint8_t* found = last ? FindLastTrue(begin, end) : FindTruth(begin, end, 1);
        is_missing[row] = found == end;
        if (found != end) picked[row] = static_cast<uint32_t>(found - conditions.mask.data());
      }
      return ChooseRows(element,
                        std::array{arrays->elements()->Gather(picked), MakeDefaults(element, rows)},
                        is_missing);
    });
  };
}

// Stable, NaN last in both directions.
FunctionBinder SortBinder(std::string name, bool descending) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    const DataType key = RequireArray(name, arguments, 0);
    const DataType element = RequireArray(name, arguments, DataIndex(arguments.size()));
    return Function(
        DataType::Array(element), [=](std::span<const ColumnPtr> values, size_t rows) -> ColumnPtr {
          const auto keys = DenseArrays(values[0], key);
          const auto arrays = DenseArrays(values[DataIndex(values.size())], element);
          const Column& key_values = *keys->elements();
          const ColumnPtr nan =
              key.is_float() ? CastColumn(MakeConstant(TypeId::kFloat64,
                                                       std::numeric_limits<double>::quiet_NaN(), 1),
                                          key)
                             : nullptr;
          const auto is_nan = [&](uint32_t row) {
            return nan != nullptr && key_values.Compare(row, *nan, 0) == 0;
          };
          CancelCheck check;
          const auto is_before = [&](uint32_t a, uint32_t b) {
            check.After(kNanosecondsPerComparison);
            const int order = key_values.Compare(a, key_values, b);
            if (order == 0) return a < b;
            if (!descending) return order < 0;
            return is_nan(b) || (order > 0 && !is_nan(a));
          };
          ChargedVector<uint32_t> order = RowNumbers(key_values.size());
          for (size_t row = 0; row < rows; ++row) {
            std::sort(order.begin() + static_cast<int64_t>(arrays->Begin(row)),
                      order.begin() + static_cast<int64_t>(arrays->End(row)), is_before);
          }
          return std::make_shared<ArrayColumn>(arrays->elements()->Gather(order), arrays,
                                               arrays->end_offsets(), rows, 0);
        });
  };
}

// A running function over the numbers of each row, of one element type: f(previous, current).
template <class F>
FunctionBinder RunningBinder(std::string name, DataType (*element_type)(const DataType&), F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    const DataType& argument = RequireArray(name, arguments, 0);
    if (!IsNumberOrBool(argument)) {
      ThrowIllegalType(name, 0, arguments[0].type, "an array of numbers");
    }
    const DataType element = element_type(argument);
    return Function(DataType::Array(element), [=](std::span<const ColumnPtr> values, size_t rows) {
      const auto arrays = DenseArrays(values[0], element);
      const ColumnPtr results = VisitFixedType(element.id(), [&]<class T>() -> ColumnPtr {
        NumberBuffer<T> result(arrays->elements()->size());
        const T* in = AsNumbers<T>(*arrays->elements()).data();
        for (size_t row = 0; row < rows; ++row) {
          f(in + arrays->Begin(row), in + arrays->End(row), result.data() + arrays->Begin(row));
        }
        return result.Finish(element);
      });
      return std::make_shared<ArrayColumn>(results, arrays, arrays->end_offsets(), rows, 0);
    });
  };
}

template <class T>
T AddWrapping(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
  } else {
    return T(a + b);
  }
}

template <class T>
T SubtractWrapping(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<uint64_t>(a) - static_cast<uint64_t>(b));
  } else {
    return T(a - b);
  }
}

struct CumulativeSum {
  template <class T>
  void operator()(const T* in, const T* end, T* out) const {
    T sum{};
    ForStretches(static_cast<size_t>(end - in), [&](size_t first, size_t last) {
      for (size_t i = first; i < last; ++i) out[i] = sum = AddWrapping(sum, in[i]);
    });
  }
};

struct Differences {
  template <class T>
  void operator()(const T* in, const T* end, T* out) const {
    T previous = in == end ? T{} : *in;
    ForStretches(static_cast<size_t>(end - in), [&](size_t first, size_t last) {
      for (size_t i = first; i < last; previous = in[i++]) {
        out[i] = SubtractWrapping(in[i], previous);
      }
    });
  }
};

DataType SumElement(const DataType& type) {
  if (type.is_float()) return TypeId::kFloat64;
  return IntegerType(IsSigned(type), 8);
}

DataType DifferenceElement(const DataType& type) {
  if (type.is_float()) return TypeId::kFloat64;
  return IntegerType(true, WiderBytes(type.fixed_bytes()));
}

}  // namespace

void RegisterHigherOrder(FunctionRegistry& registry) {
  constexpr size_t kAnyNumber = FunctionDefinition::kAnyNumber;
  constexpr auto kHigherOrder = FunctionKind::kHigherOrder;
  const auto add = [&](const char* name, size_t min_arguments, FunctionBinder binder) {
    registry.Add({name, min_arguments, kAnyNumber, std::move(binder), kHigherOrder});
  };
  add("arrayMap", 2, BindArrayMap);
  add("arrayFilter", 2, BindArrayFilter);
  add("arrayExists", 1,
      CountBinder<uint8_t>("arrayExists", TypeId::kUInt8,
                           [](const uint8_t* begin, const uint8_t* end) {
                             return FindTruth(begin, end, 1) != end;
                           }));
  add("arrayAll", 1,
      CountBinder<uint8_t>("arrayAll", TypeId::kUInt8,
                           [](const uint8_t* begin, const uint8_t* end) {
                             return FindTruth(begin, end, 0) == end;
                           }));
  add("arrayCount", 1,
      CountBinder<uint32_t>(
          "arrayCount", TypeId::kUInt32,
          [](const uint8_t* begin, const uint8_t* end) { return CountTrue(begin, end); }));
  add("arrayFirstIndex", 2,
      CountBinder<uint32_t>("arrayFirstIndex", TypeId::kUInt32,
                            [](const uint8_t* begin, const uint8_t* end) {
                              const uint8_t* found = FindTruth(begin, end, 1);
                              return found == end ? 0 : found - begin + 1;
                            }));
  add("arrayLastIndex", 2,
      CountBinder<uint32_t>("arrayLastIndex", TypeId::kUInt32,
                            [](const uint8_t* begin, const uint8_t* end) {
                              const uint8_t* found = FindLastTrue(begin, end);
                              return found == end ? 0 : found - begin + 1;
                            }));
  add("arrayFirst", 2, FindBinder("arrayFirst", false));
  add("arrayLast", 2, FindBinder("arrayLast", true));
  add("arraySort", 1, SortBinder("arraySort", false));
  add("arrayReverseSort", 1, SortBinder("arrayReverseSort", true));
  add("arrayCumSum", 1, RunningBinder("arrayCumSum", SumElement, CumulativeSum()));
  add("arrayDifference", 1, RunningBinder("arrayDifference", DifferenceElement, Differences()));
}

}  // namespace granary
