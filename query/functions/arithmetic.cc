// plus, minus, multiply, divide, intDiv, modulo, negate, abs and their kin. Operands are brought to
// the type of the result, then one loop per operation and type does the work; integers wrap.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include <fmt/format.h>

#include "granary/query/functions/column_access.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/numeric_conversion.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

// Integer arithmetic modulo 2^bits, also for signed types.
template <class T>
using Wrapping =
    std::conditional_t<std::is_integral_v<T>,
                       std::make_unsigned_t<std::conditional_t<std::is_integral_v<T>, T, int>>, T>;

struct Plus {
  template <class T>
  static T Apply(T a, T b) {
    return static_cast<T>(Wrapping<T>(a) + Wrapping<T>(b));
  }
};
struct Minus {
  template <class T>
  static T Apply(T a, T b) {
    return static_cast<T>(Wrapping<T>(a) - Wrapping<T>(b));
  }
};
struct Multiply {
  template <class T>
  static T Apply(T a, T b) {
    // Unsigned 16-bit factors promote to int, whose overflow is undefined.
    using Wide = std::conditional_t<sizeof(T) < 4, uint32_t, Wrapping<T>>;
    using Factor = std::conditional_t<std::is_integral_v<T>, Wide, T>;
    return static_cast<T>(static_cast<Factor>(a) * static_cast<Factor>(b));
  }
};
struct Divide {
  template <class T>
  static T Apply(T a, T b) {
    return a / b;
  }
};
struct FloatModulo {
  template <class T>
  static T Apply(T a, T b) {
    return std::fmod(a, b);
  }
};

// Divisors are not 0 here; -1 is treated apart because the smallest integer overflows.
struct IntegerDivide {
  template <class T>
  static T Apply(T a, T b) {
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return Minus::Apply(T{0}, a);
    }
    return a / b;
  }
};
struct IntegerModulo {
  template <class T>
  static T Apply(T a, T b) {
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return 0;
    }
    return a % b;
  }
};
struct PositiveModulo {
  template <class T>
  static T Apply(T a, T b) {
    const T rest = IntegerModulo::Apply(a, b);
    if constexpr (std::is_signed_v<T>) {
      if (rest < 0) return b < 0 ? Minus::Apply(rest, b) : Plus::Apply(rest, b);
    }
    return rest;
  }
};
struct OrZeroDivide {
  template <class T>
  static T Apply(T a, T b) {
    return b == 0 ? T{0} : IntegerDivide::Apply(a, b);
  }
};
struct OrZeroQuotient {
  template <class T>
  static T Apply(T a, T b) {
    return b == 0 ? T{0} : a / b;
  }
};
struct OrZeroModulo {
  template <class T>
  static T Apply(T a, T b) {
    return b == 0 ? T{0} : IntegerModulo::Apply(a, b);
  }
};
struct GreatestCommonDivisor {
  template <class T>
  static T Apply(T a, T b) {
    return static_cast<T>(std::gcd(static_cast<Wrapping<T>>(a < 0 ? 0 - Wrapping<T>(a) : a),
                                   static_cast<Wrapping<T>>(b < 0 ? 0 - Wrapping<T>(b) : b)));
  }
};
struct LeastCommonMultiple {
  template <class T>
  static T Apply(T a, T b) {
    const T divisor = GreatestCommonDivisor::Apply(a, b);
    if (divisor == 0) return 0;
    const T product = Multiply::Apply(IntegerDivide::Apply(a, divisor), b);
    return product < 0 ? Minus::Apply(T{0}, product) : product;
  }
};

template <class Op, class T>
ColumnPtr BinaryLoop(const Column& left, const Column& right, size_t rows, const DataType& type) {
  const NumberView<T> a(left), b(right);
  NumberBuffer<T> result(rows);
  T* out = result.data();
  const T* x = a.data();
  const T* y = b.data();
  if (b.is_constant()) {
    const T constant = *y;
    for (size_t row = 0; row < rows; ++row) out[row] = Op::template Apply<T>(a[row], constant);
  } else if (a.is_constant()) {
    const T constant = *x;
    for (size_t row = 0; row < rows; ++row) out[row] = Op::template Apply<T>(constant, y[row]);
  } else {
    for (size_t row = 0; row < rows; ++row) out[row] = Op::template Apply<T>(x[row], y[row]);
  }
  return result.Finish(type);
}

enum class Numbers { kAll, kIntegers, kFloats };

// Calls f<T>() for the types that arithmetic is done in.
template <Numbers numbers, class F>
ColumnPtr VisitArithmeticType(TypeId id, F&& f) {
  if constexpr (numbers != Numbers::kFloats) {
    switch (id) {
      case TypeId::kInt8:
        return f.template operator()<int8_t>();
      case TypeId::kInt16:
        return f.template operator()<int16_t>();
      case TypeId::kInt32:
        return f.template operator()<int32_t>();
      case TypeId::kInt64:
        return f.template operator()<int64_t>();
      case TypeId::kUInt8:
        return f.template operator()<uint8_t>();
      case TypeId::kUInt16:
        return f.template operator()<uint16_t>();
      case TypeId::kUInt32:
        return f.template operator()<uint32_t>();
      case TypeId::kUInt64:
        return f.template operator()<uint64_t>();
      default:
        break;
    }
  }
  if constexpr (numbers != Numbers::kIntegers) {
    if (id == TypeId::kFloat32) return f.template operator()<float>();
    if (id == TypeId::kFloat64) return f.template operator()<double>();
  }
  throw Error(ErrorCode::kLogicalError, "arithmetic in a type that has none");
}

template <class Op, Numbers numbers>
ColumnPtr ApplyIn(const DataType& type, const ColumnPtr& left, const ColumnPtr& right,
                  size_t rows) {
  const ColumnPtr a = ConvertFixed(left, type), b = ConvertFixed(right, type);
  return VisitArithmeticType<numbers>(
      type.id(), [&]<class T>() { return BinaryLoop<Op, T>(*a, *b, rows, type); });
}

// The result type of +, - and * for numbers: wide enough for one more bit, Float64 unless the
// floats are BFloat16.
DataType SumType(const DataType& a, const DataType& b, bool is_signed) {
  const size_t bytes = WiderBytes(std::max(a.fixed_bytes(), b.fixed_bytes()));
  if (a.is_float() || b.is_float()) {
    return bytes <= 4 ? DataType(TypeId::kFloat32) : DataType(TypeId::kFloat64);
  }
  return IntegerType(is_signed, bytes);
}

// The type that integer division is computed in: that of a division of 64-bit integers when the
// operands differ in sign, else the wider operand.
DataType DivisionType(const DataType& a, const DataType& b) {
  if (IsSigned(a) == IsSigned(b)) {
    return IntegerType(IsSigned(a), std::max(a.fixed_bytes(), b.fixed_bytes()));
  }
  const size_t unsigned_bytes = IsSigned(a) ? b.fixed_bytes() : a.fixed_bytes();
  return IntegerType(
      true, std::max(WiderBytes(unsigned_bytes), std::max(a.fixed_bytes(), b.fixed_bytes())));
}

template <class Op>
Function BindSum(const DataType& a, const DataType& b, bool is_signed) {
  const DataType type = SumType(a, b, is_signed);
  return {type, [type](std::span<const ColumnPtr> arguments, size_t rows) {
            return ApplyIn<Op, Numbers::kAll>(type, arguments[0], arguments[1], rows);
          }};
}

// Date + days, DateTime + seconds: computed in Int64, stored as the type of the date.
template <class Op>
Function BindShift(const DataType& date, size_t date_index) {
  return {date, [date, date_index](std::span<const ColumnPtr> arguments, size_t rows) {
            const ColumnPtr shifted = ApplyIn<Op, Numbers::kIntegers>(
                TypeId::kInt64, arguments[date_index], arguments[1 - date_index], rows);
            return ConvertFixed(shifted,
                                date.id() == TypeId::kDate ? TypeId::kUInt16 : TypeId::kUInt32);
          }};
}

Function WithType(DataType type, Function function) {
  return {type, [type, function](std::span<const ColumnPtr> arguments, size_t rows) {
            return Retyped(function.Execute(arguments, rows), type);
          }};
}

void RequireOperands(std::string_view name, std::span<const FunctionArgument> arguments) {
  for (size_t i = 0; i < arguments.size(); ++i) RequireNumber(name, arguments, i);
}

Function BindPlus(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  const DataType& a = arguments[0].type;
  const DataType& b = arguments[1].type;
  if (a.is_date_or_time() && b.is_integer()) return WithType(a, BindShift<Plus>(a, 0));
  if (b.is_date_or_time() && a.is_integer()) return WithType(b, BindShift<Plus>(b, 1));
  RequireOperands("plus", arguments);
  return BindSum<Plus>(a, b, IsSigned(a) || IsSigned(b));
}

Function BindMinus(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  const DataType& a = arguments[0].type;
  const DataType& b = arguments[1].type;
  if (a.is_date_or_time() && b.is_integer()) return WithType(a, BindShift<Minus>(a, 0));
  if (a.is_date_or_time() && a == b) {
    return {TypeId::kInt32, [](std::span<const ColumnPtr> values, size_t rows) {
              return ConvertFixed(
                  ApplyIn<Minus, Numbers::kIntegers>(TypeId::kInt64, values[0], values[1], rows),
                  TypeId::kInt32);
            }};
  }
  RequireOperands("minus", arguments);
  return BindSum<Minus>(a, b, true);
}

Function BindMultiply(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireOperands("multiply", arguments);
  const DataType& a = arguments[0].type;
  const DataType& b = arguments[1].type;
  return BindSum<Multiply>(a, b, IsSigned(a) || IsSigned(b));
}

Function BindDivide(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireOperands("divide", arguments);
  return {TypeId::kFloat64, [](std::span<const ColumnPtr> values, size_t rows) {
            return ApplyIn<Divide, Numbers::kFloats>(TypeId::kFloat64, values[0], values[1], rows);
          }};
}

void RefuseZeros(const Column& divisor, std::string_view function) {
  const Column& stored = StoredRows(divisor);
  VisitFixedType(stored.type().id(), [&]<class T>() {
    bool has_zero = false;
    for (const T value : AsNumbers<T>(stored).values()) has_zero |= static_cast<double>(value) == 0;
    if (has_zero) {
      throw Error(ErrorCode::kIllegalDivision,
                  fmt::format("Division by zero in function {}; use {}OrZero, or if() to leave out "
                              "the rows with a divisor of 0",
                              function, function));
    }
  });
}

// Whether a divisor may be 0 in some row.
bool MayBeZero(const FunctionArgument& divisor) {
  return divisor.constant == nullptr || divisor.constant->ValueAt(0).as_double() == 0;
}

// `work` is the type of the computation, `result` the type shown.
template <class Op, bool refuses_zero>
Function BindIntegerOperation(std::string name, std::span<const FunctionArgument> arguments,
                              DataType work, DataType result) {
  const bool can_fail = (refuses_zero && MayBeZero(arguments[1])) ||
                        CanConversionFail(arguments[0].type, work) ||
                        CanConversionFail(arguments[1].type, work);
  return {result,
          [name = std::move(name), work, result](std::span<const ColumnPtr> values, size_t rows) {
            const ColumnPtr divisor = ConvertFixed(values[1], work);
            if constexpr (refuses_zero) RefuseZeros(*divisor, name);
            return ConvertFixed(ApplyIn<Op, Numbers::kIntegers>(work, values[0], divisor, rows),
                                result);
          },
          can_fail};
}

// ILLEGAL_DIVISION where a quotient does not fit `result`.
void RefuseWideQuotients(const Column& quotients, const DataType& result, const std::string& name) {
  const double limit = std::ldexp(1.0, static_cast<int>(result.fixed_bytes() * 8) - 1);
  const NumberView<double> view(quotients);
  const size_t rows = quotients.is_constant() ? 1 : quotients.size();
  for (size_t row = 0; row < rows; ++row) {
    const double quotient = std::trunc(view[row]);
    if (quotient >= -limit && quotient < limit) continue;
    throw Error(ErrorCode::kIllegalDivision,
                fmt::format("A quotient of function {} is {}, which {} does not hold; use divide",
                            name, view[row], result.name()));
  }
}

// Of floats: their quotient without its fraction.
Function BindIntDivOfFloats(std::string name, DataType result, bool refuses_zero) {
  const auto body = [=](std::span<const ColumnPtr> values, size_t rows) {
    const ColumnPtr divisor = ConvertFixed(values[1], TypeId::kFloat64);
    if (refuses_zero) RefuseZeros(*divisor, name);
    const ColumnPtr quotient =
        ApplyIn<OrZeroQuotient, Numbers::kFloats>(TypeId::kFloat64, values[0], divisor, rows);
    RefuseWideQuotients(*quotient, result, name);
    return ConvertFixed(quotient, result);
  };
  return {result, body, true};
}

template <class Op, bool refuses_zero>
FunctionBinder IntDivBinder(std::string name) {
  return [name](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireOperands(name, arguments);
    const DataType& a = arguments[0].type;
    const DataType& b = arguments[1].type;
    const bool is_signed = a.is_float() || b.is_float() || IsSigned(a) || IsSigned(b);
    const DataType result = IntegerType(is_signed, a.fixed_bytes());
    if (a.is_float() || b.is_float()) return BindIntDivOfFloats(name, result, refuses_zero);
    return BindIntegerOperation<Op, refuses_zero>(name, arguments, DivisionType(a, b), result);
  };
}

Function BindFloatModulo() {
  return {TypeId::kFloat64, [](std::span<const ColumnPtr> values, size_t rows) {
            return ApplyIn<FloatModulo, Numbers::kFloats>(TypeId::kFloat64, values[0], values[1],
                                                          rows);
          }};
}

uint64_t Magnitude(int64_t value) {
  return value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
}
uint64_t Magnitude(uint64_t value) { return value; }

// Of UInt64 and a signed type, which no type holds both: the remainder of the magnitudes, with the
// sign of the dividend. Of 0 it is 0.
template <class A, class B>
ColumnPtr MixedModulo(const ColumnPtr& dividend, const ColumnPtr& divisor, size_t rows) {
  const NumberView<A> a(*dividend);
  const NumberView<B> b(*divisor);
  const DataType type = std::is_signed_v<A> ? TypeId::kInt64 : TypeId::kUInt64;
  return FillNumbers<A>(type, rows, [&](size_t row) -> A {
    if (b[row] == 0) return 0;
    const auto rest = static_cast<A>(Magnitude(a[row]) % Magnitude(b[row]));
    return a[row] < 0 ? 0 - rest : rest;
  });
}

Function BindMixedModulo(std::string name, bool is_dividend_signed, DataType result,
                         bool refuses_zero) {
  const auto body = [=](std::span<const ColumnPtr> values, size_t rows) {
    const DataType from = is_dividend_signed ? TypeId::kInt64 : TypeId::kUInt64;
    const DataType by = is_dividend_signed ? TypeId::kUInt64 : TypeId::kInt64;
    const ColumnPtr dividend = ConvertFixed(values[0], from);
    const ColumnPtr divisor = ConvertFixed(values[1], by);
    if (refuses_zero) RefuseZeros(*divisor, name);
    return ConvertFixed(is_dividend_signed
                            ? MixedModulo<int64_t, uint64_t>(dividend, divisor, rows)
                            : MixedModulo<uint64_t, int64_t>(dividend, divisor, rows),
                        result);
  };
  return {result, body, refuses_zero};
}

// The remainder has the width of the divisor, one step wider if the dividend may be negative.
template <class Op, bool refuses_zero>
FunctionBinder ModuloBinder(std::string name) {
  return [name](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireOperands(name, arguments);
    const DataType& a = arguments[0].type;
    const DataType& b = arguments[1].type;
    if (a.is_float() || b.is_float()) return BindFloatModulo();
    const size_t bytes = IsSigned(a) ? WiderBytes(b.fixed_bytes()) : b.fixed_bytes();
    const DataType result = IntegerType(IsSigned(a), bytes);
    const bool is_mixed =
        IsSigned(a) != IsSigned(b) && (a.id() == TypeId::kUInt64 || b.id() == TypeId::kUInt64);
    if (is_mixed) return BindMixedModulo(name, IsSigned(a), result, refuses_zero);
    return BindIntegerOperation<Op, refuses_zero>(name, arguments, DivisionType(a, b), result);
  };
}

Function BindPositiveModulo(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireOperands("positiveModulo", arguments);
  const DataType& a = arguments[0].type;
  const DataType& b = arguments[1].type;
  for (size_t i = 0; i < 2; ++i) RequireInteger("positiveModulo", arguments, i);
  return BindIntegerOperation<PositiveModulo, true>("positiveModulo", arguments, DivisionType(a, b),
                                                    IntegerType(false, b.fixed_bytes()));
}

template <class Op>
FunctionBinder DivisorBinder(std::string name) {
  return [name](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    for (size_t i = 0; i < 2; ++i) RequireInteger(name, arguments, i);
    const DataType& a = arguments[0].type;
    const DataType& b = arguments[1].type;
    const DataType type = SumType(a, b, IsSigned(a) || IsSigned(b));
    return BindIntegerOperation<Op, false>(name, arguments, type, type);
  };
}

Function BindNegate(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireOperands("negate", arguments);
  const DataType& a = arguments[0].type;
  DataType type = a;
  if (!a.is_float()) {
    type = IntegerType(true, IsSigned(a) ? a.fixed_bytes() : WiderBytes(a.fixed_bytes()));
  } else if (a.id() == TypeId::kBFloat16) {
    type = TypeId::kFloat32;
  }
  return {type, [type, a](std::span<const ColumnPtr> values, size_t rows) {
            // 0 - x would turn 0.0 into 0.0 instead of -0.0.
            const ColumnPtr minus_one =
                MakeConstant(type, type.is_float() ? Value(-1.0) : Value(int64_t{-1}), rows);
            const ColumnPtr negated =
                ApplyIn<Multiply, Numbers::kAll>(type, values[0], minus_one, rows);
            return a.id() == TypeId::kBFloat16 ? ConvertFixed(negated, type) : negated;
          }};
}

template <class T>
ColumnPtr AbsoluteValues(const ColumnPtr& column, size_t rows, const DataType& type) {
  const NumberView<T> view(*column);
  if constexpr (std::is_floating_point_v<T>) {
    return FillNumbers<T>(type, rows, [&](size_t row) { return std::fabs(view[row]); });
  } else {
    using U = std::make_unsigned_t<T>;
    return FillNumbers<U>(type, rows, [&](size_t row) {
      return static_cast<U>(view[row] < 0 ? U{0} - static_cast<U>(view[row])
                                          : static_cast<U>(view[row]));
    });
  }
}

Function BindAbs(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireOperands("abs", arguments);
  const DataType& a = arguments[0].type;
  const DataType work = a.id() == TypeId::kBFloat16 ? DataType(TypeId::kFloat32)
                        : a.id() == TypeId::kBool   ? DataType(TypeId::kUInt8)
                                                    : a;
  const DataType type = work.is_float() ? work : IntegerType(false, work.fixed_bytes());
  return {type, [work, type](std::span<const ColumnPtr> values, size_t rows) {
            const ColumnPtr column = ConvertFixed(values[0], work);
            return VisitArithmeticType<Numbers::kAll>(
                work.id(), [&]<class T>() { return AbsoluteValues<T>(column, rows, type); });
          }};
}

}  // namespace

void RegisterArithmetic(FunctionRegistry& registry) {
  registry.Add({"plus", 2, 2, BindPlus});
  registry.Add({"minus", 2, 2, BindMinus});
  registry.Add({"multiply", 2, 2, BindMultiply});
  registry.Add({"divide", 2, 2, BindDivide});
  registry.Add({"intDiv", 2, 2, IntDivBinder<IntegerDivide, true>("intDiv")});
  registry.Add({"intDivOrZero", 2, 2, IntDivBinder<OrZeroDivide, false>("intDivOrZero")});
  registry.Add({"modulo", 2, 2, ModuloBinder<IntegerModulo, true>("modulo")});
  registry.AddAlias("mod", "modulo", true);
  registry.Add({"moduloOrZero", 2, 2, ModuloBinder<OrZeroModulo, false>("moduloOrZero")});
  registry.Add({"positiveModulo", 2, 2, BindPositiveModulo});
  registry.AddAlias("pmod", "positiveModulo", true);
  registry.Add({"gcd", 2, 2, DivisorBinder<GreatestCommonDivisor>("gcd")});
  registry.Add({"lcm", 2, 2, DivisorBinder<LeastCommonMultiple>("lcm")});
  registry.Add({"negate", 1, 1, BindNegate});
  registry.Add({"abs", 1, 1, BindAbs, FunctionKind::kPlain, true});
}

}  // namespace granary
