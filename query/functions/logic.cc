// and, or, xor, not: of numbers, where everything but 0 is true.
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/row_selection.h"
#include "granary/query/functions/type_rules.h"
#include "granary/query/functions/wide_loop.h"

namespace granary {
namespace {

struct And {
  static uint8_t Apply(uint8_t a, uint8_t b) { return a & b; }
};
struct Or {
  static uint8_t Apply(uint8_t a, uint8_t b) { return a | b; }
};
struct Xor {
  static uint8_t Apply(uint8_t a, uint8_t b) { return a ^ b; }
};

// Bool as soon as one argument is, else UInt8.
DataType TruthType(std::string_view name, std::span<const FunctionArgument> arguments) {
  DataType type = TypeId::kUInt8;
  for (size_t i = 0; i < arguments.size(); ++i) {
    RequireNumber(name, arguments, i);
    if (arguments[i].type.id() == TypeId::kBool) type = TypeId::kBool;
  }
  return type;
}

template <class Op>
FunctionBinder LogicBinder(std::string name) {
  return [name](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    const DataType type = TruthType(name, arguments);
    return Function(type, [type](std::span<const ColumnPtr> values, size_t rows) {
      NumberBuffer<uint8_t> result(rows);
      std::vector<uint8_t> mask(rows);
      uint8_t* out = result.data();
      const uint8_t* other = mask.data();
      ReadTruth(*values[0], {out, rows});
      for (const ColumnPtr& value : values.subspan(1)) {
        ReadTruth(*value, mask);
        ForEachRowWide(rows, [=](size_t row) { out[row] = Op::Apply(out[row], other[row]); });
      }
      return result.Finish(type);
    });
  };
}

Function BindNot(std::span<const FunctionArgument> arguments, const FunctionContext&) {
  const DataType type = TruthType("not", arguments);
  return {type, [type](std::span<const ColumnPtr> values, size_t rows) {
            std::vector<uint8_t> mask(rows);
            ReadTruth(*values[0], mask);
            return FillNumbers<uint8_t>(type, rows, [&](size_t row) { return mask[row] ^ 1; });
          }};
}

}  // namespace

void RegisterLogic(FunctionRegistry& registry) {
  constexpr size_t kAnyNumber = FunctionDefinition::kAnyNumber;
  registry.Add({"and", 2, kAnyNumber, LogicBinder<And>("and"), FunctionKind::kPlain, true});
  registry.Add({"or", 2, kAnyNumber, LogicBinder<Or>("or"), FunctionKind::kPlain, true});
  registry.Add({"xor", 2, kAnyNumber, LogicBinder<Xor>("xor"), FunctionKind::kPlain, true});
  registry.Add({"not", 1, 1, BindNot, FunctionKind::kPlain, true});
}

}  // namespace granary
