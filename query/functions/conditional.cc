// if, multiIf, greatest, least, isNull. Branches that may fail never get here for rows that do not
// take them: the compiler sees to that (ConditionalNode).
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/functions/families.h"
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
    std::vector<DataType> types;
    for (size_t i = 0; i + 1 < arguments.size(); i += 2) {
      RequireCondition(name, arguments, i);
      types.push_back(arguments[i + 1].type);
    }
    types.push_back(arguments.back().type);
    const DataType type = CommonTypeOrThrow(types, "the branches of " + name);
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

// The extreme by `comparison`, which says whether the second argument is to be kept.
FunctionBinder ExtremeBinder(std::string name, std::string comparison) {
  return [name, comparison](std::span<const FunctionArgument> arguments,
                            const FunctionContext& context) {
    std::vector<DataType> types;
    for (const FunctionArgument& argument : arguments) types.push_back(argument.type);
    const DataType type = CommonTypeOrThrow(types, "the arguments of " + name);
    const std::array pair{FunctionArgument{type, {}}, FunctionArgument{type, {}}};
    const Function is_better = BuiltinFunctions().Bind(comparison, pair, context);
    return Function(type, [type, is_better](std::span<const ColumnPtr> values, size_t rows) {
      ColumnPtr best = CastColumn(values[0], type);
      std::vector<uint8_t> mask(rows);
      for (const ColumnPtr& value : values.subspan(1)) {
        const ColumnPtr other = CastColumn(value, type);
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
  registry.Add({"greatest", 1, kAnyNumber, ExtremeBinder("greatest", "greater"),
                FunctionKind::kPlain, true});
  registry.Add(
      {"least", 1, kAnyNumber, ExtremeBinder("least", "less"), FunctionKind::kPlain, true});
  registry.Add({"isNull", 1, 1, NullTestBinder(0), FunctionKind::kPlain, true});
  registry.Add({"isNotNull", 1, 1, NullTestBinder(1)});
}

}  // namespace granary
