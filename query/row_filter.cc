#include "granary/query/row_filter.h"

#include "granary/query/planner.h"
#include "granary/query/predicate_lowering.h"
#include "granary/query/schema_compiler.h"

namespace granary {

ExpressionScope RowScope(const Table& table, StatementContext& context) {
  ExpressionScope scope = ScopeOf(*context.Parts(table)->schema);
  scope.qualifiers = {table.name, "default." + table.name};
  scope.parameters = &context.parameters();
  scope.elements_max = context.settings().max_expanded_ast_elements;
  scope.context = context.functions();
  scope.run_subquery = [&context](const sql::Query& query) {
    return RunToBlock(*Planner(&context).PlanQuery(query), context);
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
