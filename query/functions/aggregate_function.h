// Aggregate functions: count, sum, quantile(0.9) ... A bound AggregateFunction is immutable and
// makes states; one AggregateStates holds the states of many groups, side by side, so that a
// GROUP BY feeds a block with one virtual call. What states hold is charged to the task that they
// are fed for (memory_tracker.h).
//
// The combinators -If (a last argument that says which rows count) and -Distinct (each combination
// of arguments once) apply to every function: sumIf, count(DISTINCT x), avgDistinctIf.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/table/column.h"

namespace granary {

// States of groups 0 .. groups() - 1. Not thread-safe; different objects are independent.
class AggregateStates {
 public:
  virtual ~AggregateStates() = default;

  virtual size_t groups() const = 0;
  // Adds fresh groups up to `groups`; never shrinks.
  virtual void Resize(size_t groups) = 0;
  // Row r of the arguments goes to group group_of_row[r] < groups(). Arguments have the bound types
  // and as many rows as group_of_row; they may be constant.
  virtual void Add(std::span<const uint32_t> group_of_row,
                   std::span<const ColumnPtr> arguments) = 0;
  // All `rows` rows go to one group.
  virtual void AddAll(uint32_t group, size_t rows, std::span<const ColumnPtr> arguments) = 0;
  // Adds what group g of `other` has seen to group group_map[g] < groups() of this; `other` is of
  // the same function. Functions that depend on order (any, groupArray) take the rows of `other`
  // as coming after.
  virtual void Merge(const AggregateStates& other, std::span<const uint32_t> group_map) = 0;
  // One row per group, of the function's result type. Groups that saw no row give what ClickHouse
  // gives: 0, nan for avg, the default value for min.
  virtual ColumnPtr Finish() const = 0;
};

class AggregateFunction {
 public:
  virtual ~AggregateFunction() = default;
  virtual const DataType& result_type() const = 0;
  virtual std::unique_ptr<AggregateStates> MakeStates() const = 0;
};
using AggregateFunctionPtr = std::shared_ptr<const AggregateFunction>;

// Whether `name` is an aggregate function, combinators included (sumIf).
bool IsAggregateFunction(std::string_view name);

// Binds `name(parameters)(DISTINCT? arguments)`; count(*) has no arguments. Throws
// UNKNOWN_AGGREGATE_FUNCTION with close names, NUMBER_OF_ARGUMENTS_DOESNT_MATCH,
// ILLEGAL_TYPE_OF_ARGUMENT, BAD_ARGUMENTS (of parameters).
AggregateFunctionPtr BindAggregateFunction(std::string_view name, std::span<const Value> parameters,
                                           std::span<const DataType> arguments,
                                           bool distinct = false);

// Names without combinators, aliases included, sorted.
std::vector<std::string> AggregateFunctionNames();

}  // namespace granary
