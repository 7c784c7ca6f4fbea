#include "granary/query/statements/row_condition.h"

#include "granary/query/engine/schema_compiler.h"
#include "granary/query/expressions/predicate_lowering.h"
#include "granary/query/planning/planner.h"

namespace granary {

ExpressionScope RowScope(const Table& table, StatementContext& context) {
  ExpressionScope scope = ScopeOf(*context.Parts(table)->schema);
  scope.qualifiers = {table.name, "default." + table.name};
  scope.parameters = &context.parameters();
  scope.elements_max = context.settings().max_expanded_ast_elements;
  scope.context = context.functions();
  scope.run_subquery = [&context](const sql::Query& query) {
    Planner planner(&context);
    return planner.RunSubquery(query, planner.TopScope());
  };
  return scope;
}

RowFilter CompileRowFilter(const sql::ExprPtr& condition, const Table& table,
                           StatementContext& context) {
  ExpressionScope scope = RowScope(table, context);
  scope.AddAliases(condition);
  RowFilter filter;
  const CompiledExpressionPtr compiled = CompileCondition(*condition, scope);
  filter.condition = compiled;
  filter.predicate = LowerPredicate(*compiled);
  return filter;
}

}  // namespace granary
