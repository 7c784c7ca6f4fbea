// if, multiIf, greatest, least, isNull. Branches that may fail never get here for rows that do not
// take them: the compiler sees to that (ConditionalNode).
#include <algorithm>
#include <limits>

#include "granary/query/functions/column_access.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/families.h"
#include "granary/query/functions/numeric_conversion.h"
#include "granary/query/functions/row_selection.h"
#include "granary/query/functions/type_rules.h"

namespace granary {
namespace {

void RequireCondition(std::string_view name, std::span<const FunctionArgument> arguments,
                      size_t index) {
  if (!IsConditionType(arguments[index].type)) {
    ThrowIllegalType(name, index, arguments[index].type, "a number or Bool as condition");
  }
}

ColumnPtr ChooseConverted(const DataType& type, std::span<const ColumnPtr> branches,
                          std::span<const uint32_t> choice) {
  std::vector<ColumnPtr> converted;
  for (const ColumnPtr& branch : branches) converted.push_back(CastColumn(branch, type));
  return ChooseRows(type, converted, choice);
}

// Conditions and branches in turn, and at last the branch for all others: `if` is the case of one
// condition.
FunctionBinder MultiIfBinder(std::string name) {
  return [name](std::span<const FunctionArgument> arguments, const FunctionContext&) {
    if (arguments.size() % 2 == 0) {
      throw Error(ErrorCode::kNumberOfArgumentsDoesntMatch,
                  "Function " + name +
                      " takes an odd number of arguments: conditions with their "
                      "values, and a value for everything else");
    }
    std::vector<FunctionArgument> results;
    for (size_t i = 0; i + 1 < arguments.size(); i += 2) {
      RequireCondition(name, arguments, i);
      results.push_back(arguments[i + 1]);
    }
    results.push_back(arguments.back());
    const DataType type = CommonTypeOrThrow(results, "the branches of " + name);
    return Function(type, [type](std::span<const ColumnPtr> values, size_t rows) {
      const size_t conditions = values.size() / 2;
      std::vector<uint32_t> choice(rows, static_cast<uint32_t>(conditions));
      std::vector<uint8_t> mask(rows);
      std::vector<ColumnPtr> branches(conditions + 1, values.back());
      for (size_t i = conditions; i-- > 0;) {
        ReadTruth(*values[2 * i], mask);
        branches[i] = values[2 * i + 1];
        for (size_t row = 0; row < rows; ++row) {
          choice[row] = mask[row] ? static_cast<uint32_t>(i) : choice[row];
        }
      }
      return ChooseConverted(type, branches, choice);
    });
  };
}

// The type of the smallest or largest of the arguments. Of UInt64 and signed integers the smallest
// is an Int64, as one of them is, and the largest a UInt64.
DataType ExtremeType(const std::string& name, std::span<const FunctionArgument> arguments,
                     bool is_largest) {
  std::vector<DataType> types;
  bool are_integers = true;
  for (const FunctionArgument& argument : arguments) {
    types.push_back(argument.type);
    are_integers &= argument.type.is_integer() || argument.type.id() == TypeId::kBool;
  }
  if (!are_integers || CommonType(types))
    return CommonTypeOrThrow(types, "the arguments of " + name);
  return is_largest ? TypeId::kUInt64 : TypeId::kInt64;
}

// As `type`, an ExtremeType: what that does not hold is not the extreme, and becomes the nearest
// number that it holds.
ColumnPtr ClampedTo(const DataType& type, const ColumnPtr& value, size_t rows) {
  if (type.id() == TypeId::kUInt64 && IsSigned(value->type())) {
    const ColumnPtr numbers = ConvertFixed(value, TypeId::kInt64);
    const NumberView<int64_t> view(*numbers);
    return FillNumbers<uint64_t>(type, rows, [&](size_t row) {
      return static_cast<uint64_t>(std::max<int64_t>(view[row], 0));
    });
  }
  if (type.id() == TypeId::kInt64 && value->type().id() == TypeId::kUInt64) {
    constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    const NumberView<uint64_t> view(*value);
    return FillNumbers<int64_t>(
        type, rows, [&](size_t row) { return static_cast<int64_t>(std::min(view[row], kMax)); });
  }
  return CastColumn(value, type);
}

// The largest argument, or the smallest.
FunctionBinder ExtremeBinder(std::string name, bool is_largest) {
  return [name, is_largest](std::span<const FunctionArgument> arguments,
                            const FunctionContext& context) {
    const DataType type = ExtremeType(name, arguments, is_largest);
    const std::array pair{FunctionArgument{type, {}}, FunctionArgument{type, {}}};
    const Function is_better =
        BuiltinFunctions().Bind(is_largest ? "greater" : "less", pair, context);
    return Function(type, [type, is_better](std::span<const ColumnPtr> values, size_t rows) {
      ColumnPtr best = ClampedTo(type, values[0], rows);
      std::vector<uint8_t> mask(rows);
      for (const ColumnPtr& value : values.subspan(1)) {
        const ColumnPtr other = ClampedTo(type, value, rows);
        ReadTruth(*is_better.Execute(std::array{other, best}, rows), mask);
        const std::vector<uint32_t> choice(mask.begin(), mask.end());
        best = ChooseRows(type, std::array{best, other}, choice);
      }
      return best;
    });
  };
}

// There are no NULLs.
FunctionBinder NullTestBinder(uint8_t result) {
  return [result](std::span<const FunctionArgument>, const FunctionContext&) {
    return Function(TypeId::kUInt8, [result](std::span<const ColumnPtr>, size_t rows) {
      return MakeConstant(TypeId::kUInt8, uint64_t{result}, rows);
    });
  };
}

}  // namespace

void RegisterConditionals(FunctionRegistry& registry) {
  constexpr size_t kAnyNumber = FunctionDefinition::kAnyNumber;
  registry.Add({"if", 3, 3, MultiIfBinder("if"), FunctionKind::kPlain, true});
  registry.Add({"multiIf", 3, kAnyNumber, MultiIfBinder("multiIf"), FunctionKind::kPlain, true});
  registry.Add(
      {"greatest", 1, kAnyNumber, ExtremeBinder("greatest", true), FunctionKind::kPlain, true});
  registry.Add({"least", 1, kAnyNumber, ExtremeBinder("least", false), FunctionKind::kPlain, true});
  registry.Add({"isNull", 1, 1, NullTestBinder(0), FunctionKind::kPlain, true});
  registry.Add({"isNotNull", 1, 1, NullTestBinder(1)});
}

}  // namespace granary
