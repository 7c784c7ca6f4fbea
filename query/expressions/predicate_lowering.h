// From a compiled condition to the predicate that primary key, partition values and pruning indexes
// understand (table/predicate.h).
#pragma once

#include "granary/query/expressions/expression_compiler.h"
#include "granary/table/predicate.h"

namespace granary {

// What is known of the rows for which `condition` is true. Errs only towards more rows: whatever
// it cannot express is opaque. Comparisons of any deterministic expression with constants become
// atoms under the expression's text; so do IN with constant sets and LIKE 'prefix%'.
Predicate LowerPredicate(const CompiledExpression& condition);

}  // namespace granary
