#include "granary/query/functions/aggregate_function.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

#include "granary/query/functions/aggregate_families.h"
#include "granary/query/functions/function_registry.h"

namespace granary {
namespace {

class BoundAggregate final : public AggregateFunction {
 public:
  BoundAggregate(DataType result, std::function<std::unique_ptr<AggregateStates>()> make_states)
      : result_(std::move(result)), make_states_(std::move(make_states)) {}
  const DataType& result_type() const override { return result_; }
  std::unique_ptr<AggregateStates> MakeStates() const override { return make_states_(); }

 private:
  DataType result_;
  std::function<std::unique_ptr<AggregateStates>()> make_states_;
};

const AggregateBinders& Binders() {
  static const AggregateBinders* const binders = [] {
    auto* all = new AggregateBinders;
    AddNumericAggregates(*all);
    AddChoosingAggregates(*all);
    AddCollectingAggregates(*all);
    return all;
  }();
  return *binders;
}

const AggregateBinder* FindBinder(std::string_view name) {
  const AggregateBinders& binders = Binders();
  if (const auto it = binders.find(name); it != binders.end()) return &it->second;
  std::string lower(name);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto it = binders.find(lower);
  return it != binders.end() ? &it->second : nullptr;
}

// A name taken apart into function and combinators.
struct ParsedName {
  const AggregateBinder* binder = nullptr;
  bool has_condition = false;
  bool is_distinct = false;
};

ParsedName ParseName(std::string_view name) {
  ParsedName parsed;
  parsed.binder = FindBinder(name);
  if (parsed.binder == nullptr && name.ends_with("If")) {
    parsed.has_condition = true;
    name.remove_suffix(2);
    parsed.binder = FindBinder(name);
  }
  constexpr std::string_view kDistinct = "Distinct";
  if (parsed.binder == nullptr && name.ends_with(kDistinct)) {
    parsed.is_distinct = true;
    name.remove_suffix(kDistinct.size());
    parsed.binder = FindBinder(name);
  }
  return parsed;
}

// Takes the condition off the arguments.
std::span<const DataType> CheckCondition(std::string_view name,
                                         std::span<const DataType> arguments) {
  if (arguments.empty()) {
    throw Error(ErrorCode::kNumberOfArgumentsDoesntMatch,
                fmt::format("Aggregate function {} needs a condition as its last argument", name));
  }
  const DataType& type = arguments.back();
  if (type.id() != TypeId::kUInt8 && type.id() != TypeId::kBool) {
    throw Error(ErrorCode::kIllegalTypeOfArgument,
                fmt::format("The last argument of aggregate function {} is a condition: it must "
                            "be UInt8 or Bool, not {}",
                            name, type.name()));
  }
  return arguments.first(arguments.size() - 1);
}

}  // namespace

void AggregateArguments::RequireCount(size_t count) const {
  if (types.size() == count) return;
  throw Error(ErrorCode::kNumberOfArgumentsDoesntMatch,
              fmt::format("Aggregate function {} takes {} argument{}, not {}", name, count,
                          count == 1 ? "" : "s", types.size()));
}

void AggregateArguments::RequireNumber(size_t index) const {
  if (IsNumberOrBool(types[index])) return;
  throw Error(ErrorCode::kIllegalTypeOfArgument,
              fmt::format("Illegal type {} of argument {} of aggregate function {}, expected a "
                          "number",
                          types[index].name(), index + 1, name));
}

void AggregateArguments::RequireNoParameters() const {
  if (parameters.empty()) return;
  throw Error(ErrorCode::kBadArguments,
              fmt::format("Aggregate function {} takes no parameters", name));
}

AggregateFunctionPtr MakeAggregate(DataType result,
                                   std::function<std::unique_ptr<AggregateStates>()> make_states) {
  return std::make_shared<BoundAggregate>(std::move(result), std::move(make_states));
}

bool IsAggregateFunction(std::string_view name) { return ParseName(name).binder != nullptr; }

AggregateFunctionPtr BindAggregateFunction(std::string_view name, std::span<const Value> parameters,
                                           std::span<const DataType> arguments, bool distinct) {
  const ParsedName parsed = ParseName(name);
  if (parsed.binder == nullptr) {
    throw Error(ErrorCode::kUnknownAggregateFunction,
                fmt::format("Unknown aggregate function {}{}", name,
                            CloseNamesHint(name, AggregateFunctionNames())));
  }
  const std::span<const DataType> inner =
      parsed.has_condition ? CheckCondition(name, arguments) : arguments;
  distinct |= parsed.is_distinct;
  AggregateFunctionPtr function;
  // count(DISTINCT ...) needs no rows kept for a second pass.
  if (distinct && !inner.empty() && parsed.binder == &Binders().find("count")->second) {
    function = (*FindBinder("uniqExact"))({name, parameters, inner});
  } else {
    function = (*parsed.binder)({name, parameters, inner});
    if (distinct) function = WithDistinct(function, {inner.begin(), inner.end()});
  }
  return parsed.has_condition ? WithCondition(function) : function;
}

std::vector<std::string> AggregateFunctionNames() {
  std::vector<std::string> names;
  for (const auto& [name, binder] : Binders()) names.push_back(name);
  return names;
}

}  // namespace granary
