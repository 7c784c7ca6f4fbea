// has, indexOf, countEqual, hasAll, hasAny, arrayUniq, arrayReduce, and the sums over arrays.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "granary/query/functions/aggregate_function.h"
#include "granary/query/functions/array_rows.h"
#include "granary/query/functions/byte_set.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/constant_set.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/row_bytes.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

// f(matches, begin, end) over one UInt8 per element: whether it equals the value sought.
template <class T, class F>
FunctionBinder SearchBinder(std::string name, DataType type, F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext& context) {
    const DataType element = RequireArray(name, arguments, 0);
    if (element.is_nothing()) {
      return Function(
          type, [=](std::span<const ColumnPtr>, size_t rows) { return MakeDefaults(type, rows); });
    }
    const std::array pair{FunctionArgument{element, nullptr}, arguments[1]};
    const Function equals = BuiltinFunctions().Bind("equals", pair, context);
    return Function(type, [=](std::span<const ColumnPtr> values, size_t rows) {
      const auto arrays = DenseArrays(values[0], element);
      const size_t elements = arrays->elements()->size();
      const ColumnPtr sought =
          values[1]->is_constant()
              ? std::make_shared<ConstantColumn>(StoredRows(values[1]), elements)
              : values[1]->Gather(RowsOfElements(*arrays));
      const ColumnPtr matches =
          equals.Execute(std::array<ColumnPtr, 2>{arrays->elements(), sought}, elements)
              ->Materialize();
      const uint8_t* match = AsNumbers<uint8_t>(*matches).data();
      return FillNumbers<T>(type, rows, [&](size_t row) {
        return f(match + arrays->Begin(row), match + arrays->End(row));
      });
    });
  };
}

bool IsNaN(const Column& values, size_t row) {
  return values.type().is_float() && std::isnan(values.ValueAt(row).as_double());
}

// f(bytes) for the elements of a row.
template <class F>
void ForEachElement(const ArrayColumn& arrays, size_t row, F&& f) {
  std::string bytes;
  CancelCheck check;
  for (uint64_t i = arrays.Begin(row); i < arrays.End(row); ++i) {
    bytes.clear();
    AppendRowBytes(*arrays.elements(), i, bytes);
    f(i, bytes);
    check.After(16 + bytes.size());
  }
}

ByteSet SetOf(const ArrayColumn& arrays, size_t row, bool keeps_nan = true) {
  ByteSet set;
  ForEachElement(arrays, row, [&](uint64_t element, std::string_view bytes) {
    if (keeps_nan || !IsNaN(*arrays.elements(), element)) set.Insert(bytes);
  });
  return set;
}

// Whether all elements of the row are in the set, or any of them is.
bool AreIn(const ByteSet& set, const ArrayColumn& arrays, size_t row, bool all) {
  bool are_in = all;
  ForEachElement(arrays, row, [&](uint64_t, std::string_view bytes) {
    if (set.Contains(bytes) != all) are_in = !all;
  });
  return are_in;
}

// Which is equal to nothing.
ColumnPtr WithoutNaN(const ColumnPtr& values) {
  ChargedVector<uint32_t> rows;
  CancelCheck check;
  for (uint32_t row = 0; row < values->size(); ++row) {
    check.After(16);
    if (!IsNaN(*values, row)) PushBackLong(rows, row);
  }
  return values->Gather(rows);
}

// Whether arrays have an element of each of these sets.
ColumnPtr HaveOneOfEach(const std::vector<ConstantSet>& sets, const ArrayColumn& arrays,
                        size_t rows) {
  ChargedVector<uint8_t> have(rows, 1);
  for (const ConstantSet& set : sets) {
    const ColumnPtr matches = set.Contains(*arrays.elements(), false);
    const uint8_t* match = AsNumbers<uint8_t>(*matches).data();
    for (size_t row = 0; row < rows; ++row) {
      const uint8_t* end = match + arrays.End(row);
      have[row] &= FindTruth(match + arrays.Begin(row), end, 1) != end ? 1 : 0;
    }
  }
  return std::make_shared<NumberColumn<uint8_t>>(TypeId::kUInt8, std::move(have));
}

// The arrays are looked through once for each.
bool HasFewElements(const ColumnPtr& array) {
  constexpr size_t kFewElements = 8;
  return ArrayView(*array).Length(0) <= kFewElements;
}

// Of the elements of a constant array: one set of all, or a set of each.
std::vector<ConstantSet> SetsOf(const ColumnPtr& array, const DataType& element, bool each) {
  const auto sought = DenseArrays(StoredRows(array), element);
  std::vector<ConstantSet> sets;
  const auto add = [&](const ColumnPtr& values) {
    const ColumnPtr equal_to_some = WithoutNaN(values);
    sets.emplace_back(element, std::span(&equal_to_some, 1));
  };
  if (each) {
    for (size_t i = 0; i < sought->elements()->size(); ++i) add(sought->elements()->Slice(i, 1));
  } else {
    add(sought->elements());
  }
  return sets;
}

// hasAll(array, values), hasAny(array, values)
FunctionBinder SubsetBinder(std::string name, bool needs_all) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    const DataType element = CommonTypeOrThrow(
        std::array{RequireArray(name, arguments, 0), RequireArray(name, arguments, 1)}, name);
    const bool is_set = arguments[1].constant != nullptr;
    if (is_set && (!needs_all || HasFewElements(arguments[1].constant))) {
      return Function(TypeId::kUInt8,
                      [element, sets = SetsOf(arguments[1].constant, element, needs_all)](
                          std::span<const ColumnPtr> values, size_t rows) {
                        return HaveOneOfEach(sets, *DenseArrays(values[0], element), rows);
                      });
    }
    return Function(TypeId::kUInt8, [=](std::span<const ColumnPtr> values, size_t rows) {
      const auto arrays = DenseArrays(values[0], element), sought = DenseArrays(values[1], element);
      return FillNumbers<uint8_t>(TypeId::kUInt8, rows, [&](size_t row) {
        return AreIn(SetOf(*arrays, row, /*keeps_nan=*/false), *sought, row, needs_all);
      });
    });
  };
}

Function BindArrayUniq(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  const DataType element = RequireArray("arrayUniq", arguments, 0);
  return {TypeId::kUInt32, [element](std::span<const ColumnPtr> values, size_t rows) {
            const auto arrays = DenseArrays(values[0], element);
            return FillNumbers<uint32_t>(TypeId::kUInt32, rows, [&](size_t row) {
              return static_cast<uint32_t>(SetOf(*arrays, row).size());
            });
          }};
}

// An aggregate function over the elements of each row.
ColumnPtr AggregateRows(const AggregateFunction& aggregate,
                        std::span<const std::shared_ptr<const ArrayColumn>> arrays, size_t rows) {
  const auto states = aggregate.MakeStates();
  states->Resize(rows);
  const ChargedVector<uint32_t> row_of_element = RowsOfElements(*arrays[0]);
  std::vector<ColumnPtr> elements(arrays.size());
  ForStretches(row_of_element.size(), [&](size_t begin, size_t end) {
    for (size_t i = 0; i < arrays.size(); ++i) {
      elements[i] = arrays[i]->elements()->Slice(begin, end - begin);
    }
    states->Add(std::span(row_of_element).subspan(begin, end - begin), elements);
  });
  return states->Finish();
}

// quantile(0.5) into name and parameters.
std::pair<std::string, std::vector<Value>> ParseAggregate(const std::string& text) {
  const size_t open = text.find('(');
  std::vector<Value> parameters;
  if (open == text.npos) return {text, parameters};
  if (!text.ends_with(')')) {
    throw Error(ErrorCode::kBadArguments,
                fmt::format("arrayReduce cannot read the aggregate function '{}'", text));
  }
  const std::string list = "[" + text.substr(open + 1, text.size() - open - 2) + "]";
  const ColumnPtr levels =
      CastColumn(MakeConstant(TypeId::kString, list, 1), DataType::Array(TypeId::kFloat64));
  const Value values = levels->ValueAt(0);
  for (const Value& level : values.as_array()) {
    const double number = level.as_double();
    const bool is_whole = number >= 0 && number < 0x1p53 && number == std::floor(number);
    parameters.push_back(is_whole ? Value(static_cast<uint64_t>(number)) : level);
  }
  return {text.substr(0, open), parameters};
}

Function BindArrayReduce(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireString("arrayReduce", arguments, 0);
  const auto [name, parameters] =
      ParseAggregate(RequireConstant("arrayReduce", 0, arguments[0])->ValueAt(0).as_string());
  std::vector<DataType> types;
  for (size_t i = 1; i < arguments.size(); ++i) {
    types.push_back(RequireArray("arrayReduce", arguments, i));
  }
  const AggregateFunctionPtr aggregate = BindAggregateFunction(name, parameters, types);
  return {aggregate->result_type(),
          [=](std::span<const ColumnPtr> values, size_t rows) {
            std::vector<std::shared_ptr<const ArrayColumn>> arrays;
            for (size_t i = 1; i < values.size(); ++i) {
              arrays.push_back(DenseArrays(values[i], types[i - 1]));
              RequireEqualLengths(*arrays[0], *arrays.back(), "arrayReduce");
            }
            return AggregateRows(*aggregate, arrays, rows);
          },
          arguments.size() > 2};
}

// arraySum and its kin: an aggregate of the elements, or of a lambda's results for them.
FunctionBinder AggregateBinder(std::string name, std::string aggregate_name) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    const DataType element = RequireArray(name, arguments, 0);
    if (element.is_nothing()) ThrowIllegalType(name, 0, arguments[0].type, "an array with a type");
    const AggregateFunctionPtr aggregate =
        BindAggregateFunction(aggregate_name, {}, std::array{element});
    return Function(aggregate->result_type(), [=](std::span<const ColumnPtr> values, size_t rows) {
      return AggregateRows(*aggregate, std::array{DenseArrays(values[0], element)}, rows);
    });
  };
}

Function BindArrayProduct(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  const DataType element = RequireArray("arrayProduct", arguments, 0);
  if (!IsNumberOrBool(element)) {
    ThrowIllegalType("arrayProduct", 0, arguments[0].type, "an array of numbers");
  }
  return {TypeId::kFloat64, [](std::span<const ColumnPtr> values, size_t rows) {
            const auto arrays = DenseArrays(values[0], TypeId::kFloat64);
            const double* numbers = AsNumbers<double>(*arrays->elements()).data();
            return FillNumbers<double>(TypeId::kFloat64, rows, [&](size_t row) {
              double product = 1;
              CancelCheck check;
              for (uint64_t i = arrays->Begin(row); i < arrays->End(row); ++i) {
                product *= numbers[i];
                check.After(1);
              }
              return product;
            });
          }};
}

}  // namespace

void RegisterArraySearch(FunctionRegistry& registry) {
  constexpr auto kHigherOrder = FunctionKind::kHigherOrder;
  constexpr size_t kAnyNumber = FunctionDefinition::kAnyNumber;
  registry.Add(
      {"has", 2, 2,
       SearchBinder<uint8_t>("has", TypeId::kUInt8, [](const uint8_t* begin, const uint8_t* end) {
         return FindTruth(begin, end, 1) != end;
       })});
  registry.Add({"indexOf", 2, 2,
                SearchBinder<uint64_t>("indexOf", TypeId::kUInt64,
                                       [](const uint8_t* begin, const uint8_t* end) {
                                         const uint8_t* found = FindTruth(begin, end, 1);
                                         return found == end ? 0 : found - begin + 1;
                                       })});
  registry.Add({"countEqual", 2, 2,
                SearchBinder<uint64_t>("countEqual", TypeId::kUInt64,
                                       [](const uint8_t* begin, const uint8_t* end) {
                                         return CountTrue(begin, end);
                                       })});
  registry.Add({"hasAll", 2, 2, SubsetBinder("hasAll", true)});
  registry.Add({"hasAny", 2, 2, SubsetBinder("hasAny", false)});
  registry.Add({"arrayUniq", 1, 1, BindArrayUniq});
  registry.Add({"arrayReduce", 2, kAnyNumber, BindArrayReduce});
  const auto add_aggregate = [&](const char* name, const char* aggregate) {
    registry.Add({name, 1, kAnyNumber, AggregateBinder(name, aggregate), kHigherOrder});
  };
  add_aggregate("arraySum", "sum");
  add_aggregate("arrayAvg", "avg");
  add_aggregate("arrayMin", "min");
  add_aggregate("arrayMax", "max");
  registry.Add({"arrayProduct", 1, kAnyNumber, BindArrayProduct, kHigherOrder});
}

}  // namespace granary
