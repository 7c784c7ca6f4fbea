// Functions of real numbers, in Float64; and what can be asked of floats.
#include <cmath>
#include <numbers>

#include "granary/query/functions/column_access.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/numeric_conversion.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

template <class F>
FunctionBinder UnaryBinder(std::string name, F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireNumber(name, arguments, 0);
    return Function(TypeId::kFloat64, [=](std::span<const ColumnPtr> values, size_t rows) {
      const ColumnPtr numbers = ConvertFixed(values[0], TypeId::kFloat64);
      const NumberView<double> view(*numbers);
      return FillNumbers<double>(TypeId::kFloat64, rows, [&](size_t row) { return f(view[row]); });
    });
  };
}

template <class F>
FunctionBinder BinaryBinder(std::string name, F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireNumber(name, arguments, 0);
    RequireNumber(name, arguments, 1);
    return Function(TypeId::kFloat64, [=](std::span<const ColumnPtr> values, size_t rows) {
      const ColumnPtr left = ConvertFixed(values[0], TypeId::kFloat64);
      const ColumnPtr right = ConvertFixed(values[1], TypeId::kFloat64);
      const NumberView<double> a(*left), b(*right);
      return FillNumbers<double>(TypeId::kFloat64, rows,
                                 [&](size_t row) { return f(a[row], b[row]); });
    });
  };
}

FunctionBinder ConstantBinder(double value) {
  return [=](std::span<const FunctionArgument>, const FunctionContext&) {
    return Function(TypeId::kFloat64, [=](std::span<const ColumnPtr>, size_t rows) {
      return MakeConstant(TypeId::kFloat64, value, rows);
    });
  };
}

template <class F>
FunctionBinder TestBinder(std::string name, F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireNumber(name, arguments, 0);
    return Function(TypeId::kUInt8, [=](std::span<const ColumnPtr> values, size_t rows) {
      const ColumnPtr numbers = ConvertFixed(values[0], TypeId::kFloat64);
      const NumberView<double> view(*numbers);
      return FillNumbers<uint8_t>(TypeId::kUInt8, rows, [&](size_t row) { return f(view[row]); });
    });
  };
}

Function BindSign(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireNumber("sign", arguments, 0);
  return {TypeId::kInt8, [](std::span<const ColumnPtr> values, size_t rows) {
            return VisitFixedType(values[0]->type().id(), [&]<class T>() {
              const NumberView<T> view(*values[0]);
              return FillNumbers<int8_t>(TypeId::kInt8, rows, [&](size_t row) {
                const T value = view[row];
                return static_cast<int8_t>((value > T{}) - (value < T{}));
              });
            });
          }};
}

}  // namespace

void RegisterMath(FunctionRegistry& registry) {
  constexpr auto kPlain = FunctionKind::kPlain;
  const auto add = [&](const char* name, double (*f)(double)) {
    registry.Add({name, 1, 1, UnaryBinder(name, f), kPlain, true});
  };
  add("sqrt", std::sqrt);
  add("cbrt", std::cbrt);
  add("exp", std::exp);
  add("exp2", std::exp2);
  add("exp10", [](double x) { return std::pow(10.0, x); });
  add("log", std::log);
  add("log2", std::log2);
  add("log10", std::log10);
  add("log1p", std::log1p);
  add("sin", std::sin);
  add("cos", std::cos);
  add("tan", std::tan);
  add("asin", std::asin);
  add("acos", std::acos);
  add("atan", std::atan);
  add("sinh", std::sinh);
  add("cosh", std::cosh);
  add("tanh", std::tanh);
  add("asinh", std::asinh);
  add("acosh", std::acosh);
  add("atanh", std::atanh);
  add("erf", std::erf);
  add("erfc", std::erfc);
  add("tgamma", std::tgamma);
  add("degrees", [](double x) { return x * (180 / std::numbers::pi); });
  add("radians", [](double x) { return x * (std::numbers::pi / 180); });
  registry.AddAlias("ln", "log", true);
  registry.Add({"pow", 2, 2, BinaryBinder("pow", [](double a, double b) { return std::pow(a, b); }),
                kPlain, true});
  registry.AddAlias("power", "pow", true);
  registry.Add({"atan2", 2, 2,
                BinaryBinder("atan2", [](double a, double b) { return std::atan2(a, b); }), kPlain,
                true});
  registry.Add({"hypot", 2, 2,
                BinaryBinder("hypot", [](double a, double b) { return std::hypot(a, b); }), kPlain,
                true});
  registry.Add({"pi", 0, 0, ConstantBinder(std::numbers::pi), kPlain, true});
  registry.Add({"e", 0, 0, ConstantBinder(std::numbers::e)});
  registry.Add({"sign", 1, 1, BindSign, kPlain, true});
  registry.Add({"isNaN", 1, 1, TestBinder("isNaN", [](double x) { return std::isnan(x); })});
  registry.Add(
      {"isFinite", 1, 1, TestBinder("isFinite", [](double x) { return std::isfinite(x); })});
  registry.Add(
      {"isInfinite", 1, 1, TestBinder("isInfinite", [](double x) { return std::isinf(x); })});
}

}  // namespace granary
