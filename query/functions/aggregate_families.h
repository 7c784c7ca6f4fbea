// The makers of aggregate functions, one per family, and what they share. Internal to
// aggregate_function.h.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "granary/query/functions/aggregate_function.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/type_rules.h"

namespace granary {

struct AggregateArguments {
  std::string_view name;  // as written, for messages
  std::span<const Value> parameters;
  std::span<const DataType> types;

  // NUMBER_OF_ARGUMENTS_DOESNT_MATCH
  void RequireCount(size_t count) const;
  // ILLEGAL_TYPE_OF_ARGUMENT
  void RequireNumber(size_t index) const;
  // BAD_ARGUMENTS
  void RequireNoParameters() const;
};

using AggregateBinder = std::function<AggregateFunctionPtr(const AggregateArguments&)>;

// By canonical name. A name in lower case stands for all spellings of itself.
using AggregateBinders = std::map<std::string, AggregateBinder, std::less<>>;

void AddNumericAggregates(AggregateBinders& binders);     // count, sum, avg, variances
void AddChoosingAggregates(AggregateBinders& binders);    // min, max, any, argMin ...
void AddCollectingAggregates(AggregateBinders& binders);  // groupArray, quantile, uniqExact ...

// The combinators, around an inner function.
AggregateFunctionPtr WithCondition(AggregateFunctionPtr inner);
AggregateFunctionPtr WithDistinct(AggregateFunctionPtr inner, std::vector<DataType> arguments);

// An aggregate function made of a result type and a maker of states.
AggregateFunctionPtr MakeAggregate(DataType result,
                                   std::function<std::unique_ptr<AggregateStates>()> make_states);

// States that are a vector of `State`s over the values of one argument of physical type T:
// State has Add(T) and Merge(const State&), and holds nothing besides itself.
template <class State, class T>
class ValueStates : public AggregateStates {
 public:
  size_t groups() const override { return states_.size(); }
  void Resize(size_t groups) override {
    if (groups > states_.size()) states_.resize(groups);
  }

  void Add(std::span<const uint32_t> group_of_row, std::span<const ColumnPtr> arguments) override {
    const NumberView<T> values(*arguments[0]);
    for (size_t row = 0; row < group_of_row.size(); ++row) {
      states_[group_of_row[row]].Add(values[row]);
    }
  }

  void AddAll(uint32_t group, size_t rows, std::span<const ColumnPtr> arguments) override {
    const NumberView<T> values(*arguments[0]);
    State state = std::move(states_[group]);
    for (size_t row = 0; row < rows; ++row) state.Add(values[row]);
    states_[group] = std::move(state);
  }

  void Merge(const AggregateStates& other, std::span<const uint32_t> group_map) override {
    const auto& from = static_cast<const ValueStates&>(other).states_;
    for (size_t group = 0; group < from.size(); ++group) {
      states_[group_map[group]].Merge(from[group]);
    }
  }

 protected:
  ChargedVector<State> states_;
};

}  // namespace granary
