// An expression over the columns of a table and others that have one value each, as it is evaluated
// on blocks of the table alone: the condition of a join, for one row of the other side.
#pragma once

#include <map>
#include <string>

#include "granary/query/expressions/expression_compiler.h"

namespace granary {

// `values` has a column of one row for some of the columns that the expression reads; `names` says
// what the others are called in the blocks.
CompiledExpressionPtr BindColumns(CompiledExpressionPtr expression,
                                  std::map<std::string, ColumnPtr> values,
                                  std::map<std::string, std::string> names);

}  // namespace granary
