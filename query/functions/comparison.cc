// equals, notEquals, less, lessOrEquals, greater, greaterOrEquals. Numbers compare by mathematical
// value whatever their types; a literal in quotes is read as the type of the other side.
#include <limits>

#include <fmt/format.h>

#include "granary/query/functions/column_access.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/numeric_conversion.h"
#include "granary/query/functions/type_rules.h"
#include "granary/query/functions/wide_loop.h"

namespace granary {
namespace {

struct Equal {
  template <class T>
  static bool Apply(const T& a, const T& b) {
    return a == b;
  }
  static bool FromOrder(int order) { return order == 0; }
};
struct NotEqual {
  template <class T>
  static bool Apply(const T& a, const T& b) {
    return a != b;
  }
  static bool FromOrder(int order) { return order != 0; }
};
struct Less {
  template <class T>
  static bool Apply(const T& a, const T& b) {
    return a < b;
  }
  static bool FromOrder(int order) { return order < 0; }
};
struct LessOrEqual {
  template <class T>
  static bool Apply(const T& a, const T& b) {
    return a <= b;
  }
  static bool FromOrder(int order) { return order <= 0; }
};

// An Int64, a UInt64 or a double without loss.
using ExactNumber = long double;
static_assert(std::numeric_limits<ExactNumber>::digits >= 64,
              "64-bit integers and doubles need a common type to be compared in");

// The operands of an operation exchanged.
template <class Op>
struct Swapped {
  template <class T>
  static bool Apply(const T& a, const T& b) {
    return Op::Apply(b, a);
  }
};

template <class Op, class T>
ColumnPtr CompareWithConstant(const T* values, T constant, size_t rows) {
  NumberBuffer<uint8_t> result(rows);
  uint8_t* out = result.data();
  ForEachRowWide(rows, [=](size_t row) { out[row] = Op::Apply(values[row], constant); });
  return result.Finish(TypeId::kUInt8);
}

template <class Op, class T>
ColumnPtr CompareNumbers(const Column& left, const Column& right, size_t rows) {
  const NumberView<T> a(left), b(right);
  const T* x = a.data();
  const T* y = b.data();
  if (a.is_constant() && b.is_constant()) {
    const auto result = static_cast<uint8_t>(Op::Apply(*x, *y));
    return FillNumbers<uint8_t>(TypeId::kUInt8, rows, [=](size_t) { return result; });
  }
  if (b.is_constant()) return CompareWithConstant<Op>(x, *y, rows);
  if (a.is_constant()) return CompareWithConstant<Swapped<Op>>(y, *x, rows);
  return FillNumbers<uint8_t>(TypeId::kUInt8, rows,
                              [=](size_t row) { return Op::Apply(x[row], y[row]); });
}

template <class Op>
ColumnPtr CompareExactly(const ColumnPtr& left, const ColumnPtr& right, size_t rows) {
  const auto a = ReadNumbers<ExactNumber>(*left, rows), b = ReadNumbers<ExactNumber>(*right, rows);
  return FillNumbers<uint8_t>(TypeId::kUInt8, rows,
                              [&](size_t row) { return Op::Apply(a[row], b[row]); });
}

template <class Op>
ColumnPtr CompareStrings(const Column& left, const Column& right, size_t rows) {
  const StringView a(left), b(right);
  return FillNumbers<uint8_t>(TypeId::kUInt8, rows,
                              [&](size_t row) { return Op::Apply(a[row], b[row]); });
}

template <class Op>
ColumnPtr CompareArrays(const Column& left, const Column& right, size_t rows) {
  const Column& a = StoredRows(left);
  const Column& b = StoredRows(right);
  const size_t a_step = left.is_constant() ? 0 : 1, b_step = right.is_constant() ? 0 : 1;
  return FillNumbers<uint8_t>(TypeId::kUInt8, rows, [&](size_t row) {
    return Op::FromOrder(a.Compare(row * a_step, b, row * b_step));
  });
}

// The type of fixed size that both can be compared in; nothing if it takes exact numbers.
std::optional<DataType> NumericComparisonType(const DataType& a, const DataType& b) {
  if (a == b && a.id() != TypeId::kBFloat16) return a;
  const bool has_float = a.is_float() || b.is_float();
  const bool has_wide_integer =
      (!a.is_float() && a.fixed_bytes() == 8) || (!b.is_float() && b.fixed_bytes() == 8);
  if (has_float) {
    if (has_wide_integer) return std::nullopt;
    return DataType(TypeId::kFloat64);
  }
  return CommonType(std::array{a, b});
}

template <class Op>
Function Comparison(DataType type) {
  return {TypeId::kUInt8, [type](std::span<const ColumnPtr> arguments, size_t rows) {
            const ColumnPtr a = CastColumn(arguments[0], type), b = CastColumn(arguments[1], type);
            if (type.is_string()) return CompareStrings<Op>(*a, *b, rows);
            if (type.is_array()) return CompareArrays<Op>(*a, *b, rows);
            return VisitFixedType(type.id(), [&]<class T>() -> ColumnPtr {
              if constexpr (std::is_same_v<T, BFloat16>) {
                throw Error(ErrorCode::kLogicalError, "BFloat16 is compared as Float64");
              } else {
                return CompareNumbers<Op, T>(*a, *b, rows);
              }
            });
          }};
}

template <class Op>
Function ExactComparison() {
  return {TypeId::kUInt8, [](std::span<const ColumnPtr> arguments, size_t rows) {
            return CompareExactly<Op>(arguments[0], arguments[1], rows);
          }};
}

// One side, known when the statement is compiled, replaced by `value`.
Function WithArgument(Function function, size_t index, ColumnPtr value) {
  return {function.result_type(),
          [function, index, value](std::span<const ColumnPtr> arguments, size_t rows) {
            std::array<ColumnPtr, 2> replaced{arguments[0], arguments[1]};
            replaced[index] = std::make_shared<ConstantColumn>(value, rows);
            return function.Execute(replaced, rows);
          }};
}

// A number of another type that the column's own type holds exactly is compared in that type.
ColumnPtr InTypeOfOther(const FunctionArgument& constant, const DataType& other) {
  const bool useful = constant.constant != nullptr && IsNumberOrBool(other) &&
                      other.id() != TypeId::kBFloat16 && constant.type != other;
  return useful ? ConvertExactly(constant.constant, other) : nullptr;
}

[[noreturn]] void ThrowIncomparable(std::string_view name, const DataType& a, const DataType& b) {
  throw Error(ErrorCode::kIllegalTypeOfArgument,
              fmt::format("Illegal types of arguments ({}, {}) of function {}: they cannot be "
                          "compared; convert one of them",
                          a.name(), b.name(), name));
}

template <class Op>
class ComparisonBinder {
 public:
  ComparisonBinder(std::string name, bool swapped) : name_(std::move(name)), swapped_(swapped) {}

  Function operator()(std::span<const FunctionArgument> arguments, const FunctionContext&) const {
    const Function function = Bind(arguments[swapped_], arguments[!swapped_]);
    if (!swapped_) return function;
    return {function.result_type(), [function](std::span<const ColumnPtr> values, size_t rows) {
              return function.Execute(std::array{values[1], values[0]}, rows);
            }};
  }

 private:
  Function Bind(const FunctionArgument& a, const FunctionArgument& b) const {
    if (a.type.is_string() != b.type.is_string()) {
      return a.type.is_string() ? BindText(a, b, 0) : BindText(b, a, 1);
    }
    if (IsNumberOrBool(a.type) && IsNumberOrBool(b.type)) return BindNumbers(a, b);
    const bool time_and_number = (a.type.id() == TypeId::kDateTime && b.type.is_number()) ||
                                 (b.type.id() == TypeId::kDateTime && a.type.is_number());
    if (time_and_number) return ExactComparison<Op>();
    if (const auto type = CommonType(std::array{a.type, b.type}); type && !type->is_nothing()) {
      return Comparison<Op>(type->id() == TypeId::kBFloat16 ? DataType(TypeId::kFloat64) : *type);
    }
    ThrowIncomparable(name_, a.type, b.type);
  }

  Function BindNumbers(const FunctionArgument& a, const FunctionArgument& b) const {
    if (const ColumnPtr constant = InTypeOfOther(b, a.type)) {
      return WithArgument(Comparison<Op>(a.type), 1, constant);
    }
    if (const ColumnPtr constant = InTypeOfOther(a, b.type)) {
      return WithArgument(Comparison<Op>(b.type), 0, constant);
    }
    if (const auto type = NumericComparisonType(a.type, b.type)) return Comparison<Op>(*type);
    return ExactComparison<Op>();
  }

  // `text` is argument `index`.
  Function BindText(const FunctionArgument& text, const FunctionArgument& other,
                    size_t index) const {
    if (text.constant == nullptr) ThrowIncomparable(name_, text.type, other.type);
    const DataType type = WidestForLiteral(other.type);
    ColumnPtr value = ConvertExactly(text.constant, type);
    if (value == nullptr) {
      throw Error(ErrorCode::kTypeMismatch,
                  fmt::format("Cannot convert string '{}' to type {}",
                              text.constant->ValueAt(0).as_string(), type.name()));
    }
    const std::array arguments{FunctionArgument{index == 0 ? type : other.type, {}},
                               FunctionArgument{index == 0 ? other.type : type, {}}};
    return WithArgument(Bind(arguments[0], arguments[1]), index, std::move(value));
  }

  // '300' may be compared with a UInt8, though it is none.
  static DataType WidestForLiteral(const DataType& type) {
    return type.is_integer() ? IntegerType(IsSigned(type), 8) : type;
  }

  std::string name_;
  bool swapped_;
};

}  // namespace

void RegisterComparisons(FunctionRegistry& registry) {
  registry.Add({"equals", 2, 2, ComparisonBinder<Equal>("equals", false)});
  registry.Add({"notEquals", 2, 2, ComparisonBinder<NotEqual>("notEquals", false)});
  registry.Add({"less", 2, 2, ComparisonBinder<Less>("less", false)});
  registry.Add({"greater", 2, 2, ComparisonBinder<Less>("greater", true)});
  registry.Add({"lessOrEquals", 2, 2, ComparisonBinder<LessOrEqual>("lessOrEquals", false)});
  registry.Add({"greaterOrEquals", 2, 2, ComparisonBinder<LessOrEqual>("greaterOrEquals", true)});
}

}  // namespace granary
