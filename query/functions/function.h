// A function bound to argument types: what is left of `plus` once it is known that it adds a
// UInt8 to an Int32. FunctionRegistry (function_registry.h) makes them from a name and arguments;
// compiled expressions call them, a block of rows at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "granary/table/column.h"
#include "granary/table/task_context.h"

namespace granary {

struct DistanceKernels;

// What functions may know of the statement they run in. References outlive what is bound with them.
struct FunctionContext {
  // The instant that now() stands for in a statement. Nothing: that of each evaluation, for
  // expressions that live longer than a statement (DEFAULT now()).
  std::optional<std::chrono::system_clock::time_point> now;
  const Clock* clock = nullptr;  // null: SystemClock()
  uint64_t seed = 0;             // of rand()
  std::string current_database = "default";
  const DistanceKernels* kernels = nullptr;  // null: BestDistanceKernels()
};

// An argument as binding sees it.
struct FunctionArgument {
  DataType type;
  ColumnPtr constant;  // the value as a column of one row, if it is known; else null
};

// Immutable; may be called from many threads at once.
class Function {
 public:
  // One column of result_type() with `rows` rows, constant or not. The arguments have `rows` rows
  // each and the types the function was bound for; any of them may be constant columns, but not
  // all of them unless `rows` is 1 or there are none. Throws what the function's errors are.
  using Body = std::function<ColumnPtr(std::span<const ColumnPtr> arguments, size_t rows)>;

  Function(DataType result_type, Body body, bool can_fail = false)
      : result_type_(std::move(result_type)), body_(std::move(body)), can_fail_(can_fail) {}

  const DataType& result_type() const { return result_type_; }
  // Whether Execute may throw because of a row's values. Such a function is only given the rows
  // that `if`, AND and OR leave to it.
  bool can_fail() const { return can_fail_; }

  // Of a function whose value may differ from row to row though all arguments are constant (rand).
  void set_varies_by_row() { varies_by_row_ = true; }

  // As Body, without its restriction on constants: a function of constants only is computed once
  // and its result is constant.
  ColumnPtr Execute(std::span<const ColumnPtr> arguments, size_t rows) const;

 private:
  DataType result_type_;
  Body body_;
  bool can_fail_;
  bool varies_by_row_ = false;
};

}  // namespace granary
