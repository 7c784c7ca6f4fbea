// Bitwise functions of integers.
#include <algorithm>
#include <bit>

#include "granary/query/functions/column_access.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/numeric_conversion.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

struct And {
  template <class T>
  static T Apply(T a, T b) {
    return static_cast<T>(a & b);
  }
};
struct Or {
  template <class T>
  static T Apply(T a, T b) {
    return static_cast<T>(a | b);
  }
};
struct Xor {
  template <class T>
  static T Apply(T a, T b) {
    return static_cast<T>(a ^ b);
  }
};

struct ShiftLeft {
  template <class T>
  static T Apply(T a, int64_t bits) {
    return static_cast<T>(static_cast<uint64_t>(a) << bits);
  }
};
struct ShiftRight {
  template <class T>
  static T Apply(T a, int64_t bits) {
    return static_cast<T>(a >> bits);
  }
};

// Calls f with the physical type of an integer.
template <class F>
ColumnPtr VisitInteger(TypeId id, F&& f) {
  return VisitFixedType(id, [&]<class T>() -> ColumnPtr {
    if constexpr (std::is_integral_v<T>) {
      return f.template operator()<T>();
    } else {
      throw Error(ErrorCode::kLogicalError, "bits of a float");
    }
  });
}

template <class Op>
FunctionBinder BitwiseBinder(std::string name) {
  return [name](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    for (size_t i = 0; i < 2; ++i) RequireInteger(name, arguments, i);
    const DataType& a = arguments[0].type;
    const DataType& b = arguments[1].type;
    const DataType type =
        IntegerType(IsSigned(a) || IsSigned(b), std::max(a.fixed_bytes(), b.fixed_bytes()));
    return Function(type, [type](std::span<const ColumnPtr> values, size_t rows) {
      const ColumnPtr left = ConvertFixed(values[0], type), right = ConvertFixed(values[1], type);
      return VisitInteger(type.id(), [&]<class T>() {
        const NumberView<T> x(*left), y(*right);
        return FillNumbers<T>(type, rows, [&](size_t row) { return Op::Apply(x[row], y[row]); });
      });
    });
  };
}

// In the wider of both types; a shift by the width of the first or more leaves nothing.
template <class Op>
FunctionBinder ShiftBinder(std::string name) {
  return [name](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    for (size_t i = 0; i < 2; ++i) RequireInteger(name, arguments, i);
    const DataType& shifted = arguments[0].type;
    const DataType& by = arguments[1].type;
    const DataType type = IntegerType(IsSigned(shifted) || IsSigned(by),
                                      std::max(shifted.fixed_bytes(), by.fixed_bytes()));
    const auto width = static_cast<int64_t>(shifted.fixed_bytes() * 8);
    return Function(type, [type, width](std::span<const ColumnPtr> values, size_t rows) {
      const ColumnPtr numbers = ConvertFixed(values[0], type);
      const ColumnPtr bits = ConvertFixed(values[1], TypeId::kInt64);
      return VisitInteger(type.id(), [&]<class T>() {
        const NumberView<T> x(*numbers);
        const NumberView<int64_t> count(*bits);
        return FillNumbers<T>(type, rows, [&](size_t row) {
          return count[row] < 0 || count[row] >= width ? T{0} : Op::Apply(x[row], count[row]);
        });
      });
    });
  };
}

Function BindBitNot(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  RequireInteger("bitNot", arguments, 0);
  const DataType type = IntegerType(IsSigned(arguments[0].type), arguments[0].type.fixed_bytes());
  return {type, [type](std::span<const ColumnPtr> values, size_t rows) {
            return VisitInteger(type.id(), [&]<class T>() {
              const NumberView<T> x(*values[0]);
              return FillNumbers<T>(type, rows,
                                    [&](size_t row) { return static_cast<T>(~x[row]); });
            });
          }};
}

// UInt8 results of one or two integers taken as 64 bits of their own type.
template <class F>
FunctionBinder CountBinder(std::string name, F f) {
  return [=](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    for (size_t i = 0; i < arguments.size(); ++i) RequireInteger(name, arguments, i);
    return Function(TypeId::kUInt8, [=](std::span<const ColumnPtr> values, size_t rows) {
      const auto bits_of = [&](const ColumnPtr& column) {
        return VisitInteger(column->type().id(), [&]<class T>() {
          const NumberView<T> view(*column);
          return FillNumbers<uint64_t>(TypeId::kUInt64, rows, [&](size_t row) {
            return static_cast<uint64_t>(static_cast<std::make_unsigned_t<T>>(view[row]));
          });
        });
      };
      const ColumnPtr left = bits_of(values[0]);
      const ColumnPtr right = bits_of(values.back());
      const uint64_t* a = AsNumbers<uint64_t>(*left).data();
      const uint64_t* b = AsNumbers<uint64_t>(*right).data();
      return FillNumbers<uint8_t>(TypeId::kUInt8, rows,
                                  [=](size_t row) { return f(a[row], b[row]); });
    });
  };
}

}  // namespace

void RegisterBits(FunctionRegistry& registry) {
  registry.Add({"bitAnd", 2, 2, BitwiseBinder<And>("bitAnd")});
  registry.Add({"bitOr", 2, 2, BitwiseBinder<Or>("bitOr")});
  registry.Add({"bitXor", 2, 2, BitwiseBinder<Xor>("bitXor")});
  registry.Add({"bitNot", 1, 1, BindBitNot});
  registry.Add({"bitShiftLeft", 2, 2, ShiftBinder<ShiftLeft>("bitShiftLeft")});
  registry.Add({"bitShiftRight", 2, 2, ShiftBinder<ShiftRight>("bitShiftRight")});
  registry.Add({"bitCount", 1, 1, CountBinder("bitCount", [](uint64_t a, uint64_t) {
                  return static_cast<uint8_t>(std::popcount(a));
                })});
  registry.Add({"bitTest", 2, 2, CountBinder("bitTest", [](uint64_t a, uint64_t bit) {
                  return static_cast<uint8_t>(bit < 64 ? a >> bit & 1 : 0);
                })});
  registry.Add(
      {"bitHammingDistance", 2, 2, CountBinder("bitHammingDistance", [](uint64_t a, uint64_t b) {
         return static_cast<uint8_t>(std::popcount(a ^ b));
       })});
}

}  // namespace granary
