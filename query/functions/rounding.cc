// floor, ceil, trunc, round(x[, digits]): digits behind the point, or before it if negative. The
// result has the type of x. Halves of floats go to the even neighbour, those of integers away from
// 0.
#include <cmath>

#include "granary/query/functions/column_access.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/numeric_conversion.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

// Float() rounds to a whole number; Integer() to a multiple of `step`.
struct Floor {
  template <class T>
  static T Float(T x) {
    return std::floor(x);
  }
  template <class T>
  static T Integer(T x, T step) {
    const T rest = x % step;
    return static_cast<T>(x - rest - (rest < 0 ? step : 0));
  }
};
struct Ceil {
  template <class T>
  static T Float(T x) {
    return std::ceil(x);
  }
  template <class T>
  static T Integer(T x, T step) {
    const T rest = x % step;
    return static_cast<T>(x - rest + (rest > 0 ? step : 0));
  }
};
struct Trunc {
  template <class T>
  static T Float(T x) {
    return std::trunc(x);
  }
  template <class T>
  static T Integer(T x, T step) {
    return static_cast<T>(x - x % step);
  }
};
struct Round {
  template <class T>
  static T Float(T x) {
    return std::nearbyint(x);
  }
  template <class T>
  static T Integer(T x, T step) {
    const T rest = x % step;
    if (rest >= step - step / 2) return static_cast<T>(x - rest + step);
    if (-rest >= step - step / 2) return static_cast<T>(x - rest - step);
    return static_cast<T>(x - rest);
  }
};

template <class Op, class T>
T RoundFloat(T x, int64_t digits) {
  if (digits == 0) return Op::Float(x);
  const double scale = std::pow(10.0, static_cast<double>(std::abs(digits)));
  const T scaled = digits > 0 ? static_cast<T>(x * scale) : static_cast<T>(x / scale);
  if (!std::isfinite(scaled)) return x;
  const T rounded = Op::Float(scaled);
  return digits > 0 ? static_cast<T>(rounded / scale) : static_cast<T>(rounded * scale);
}

template <class Op, class T>
T RoundInteger(T x, int64_t digits) {
  // In 128 bits, so that steps beyond the range and sums above it are no special cases.
  constexpr int64_t kDigitsMax = 20;
  if (digits >= 0) return x;
  __int128 step = 1;
  for (int64_t i = 0; i < std::min(-digits, kDigitsMax); ++i) step *= 10;
  return static_cast<T>(Op::template Integer<__int128>(x, step));
}

template <class Op>
FunctionBinder RoundingBinder(std::string name) {
  return [name](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    RequireNumber(name, arguments, 0);
    int64_t digits = 0;
    if (arguments.size() > 1) {
      RequireInteger(name, arguments, 1);
      const ColumnPtr& constant = RequireConstant(name, 1, arguments[1]);
      digits = ReadNumbers<int64_t>(*constant, 1)[0];
      digits = std::clamp<int64_t>(digits, -400, 400);
    }
    const DataType result = arguments[0].type;
    const DataType work = result.id() == TypeId::kBFloat16 ? DataType(TypeId::kFloat32)
                          : result.id() == TypeId::kBool   ? DataType(TypeId::kUInt8)
                                                           : result;
    return Function(result, [=](std::span<const ColumnPtr> values, size_t rows) {
      const ColumnPtr numbers = ConvertFixed(values[0], work);
      const ColumnPtr rounded = VisitFixedType(work.id(), [&]<class T>() -> ColumnPtr {
        const NumberView<T> view(*numbers);
        return FillNumbers<T>(work, rows, [&](size_t row) -> T {
          if constexpr (std::is_floating_point_v<T>) {
            return RoundFloat<Op>(view[row], digits);
          } else if constexpr (std::is_integral_v<T>) {
            return RoundInteger<Op>(view[row], digits);
          } else {
            return view[row];
          }
        });
      });
      return ConvertFixed(rounded, result);
    });
  };
}

}  // namespace

void RegisterRounding(FunctionRegistry& registry) {
  constexpr auto kPlain = FunctionKind::kPlain;
  registry.Add({"floor", 1, 2, RoundingBinder<Floor>("floor"), kPlain, true});
  registry.Add({"ceil", 1, 2, RoundingBinder<Ceil>("ceil"), kPlain, true});
  registry.AddAlias("ceiling", "ceil", true);
  registry.Add({"trunc", 1, 2, RoundingBinder<Trunc>("trunc"), kPlain, true});
  registry.AddAlias("truncate", "trunc", true);
  registry.Add({"round", 1, 2, RoundingBinder<Round>("round"), kPlain, true});
}

}  // namespace granary
