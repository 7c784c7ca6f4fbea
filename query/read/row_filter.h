// The rows that a query or a mutation is about.
#pragma once

#include "granary/query/expressions/expression_compiler.h"
#include "granary/table/predicate.h"

namespace granary {

// The rows of a WHERE clause: the condition, and what of it lower layers understand.
struct RowFilter {
  CompiledExpressionPtr condition;  // null: all rows
  Predicate predicate;
};

}  // namespace granary
