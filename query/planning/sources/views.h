// Views in FROM: the query of a view stands where its name does, as a subquery that sees nothing of
// the statement but its settings.
#pragma once

#include <string>
#include <vector>

#include "granary/query/planning/planner.h"
#include "granary/query/planning/sources/source.h"

namespace granary {

// The view that stands in FROM, by its name or as a call; null if something else does.
TablePtr FindView(const sql::TableExpression& expression, StatementContext& context);

// A view: its query with the columns that it was declared with. `call` gives the values
// of its parameters, v(p = 1); null if the name stands alone. Throws what planning the query
// throws, with the name of the view; UNKNOWN_QUERY_PARAMETER for parameters without a value or
// values without a parameter, BAD_QUERY_PARAMETER for values of another type, TOO_DEEP_RECURSION if the
// view reads itself.
Source ViewSource(const TablePtr& view, const sql::Function* call, Planner& planner,
                  const PlannerScope& scope, bool is_alone);

// The same of a definition, without placeholders, that may not be stored yet.
Source ViewQuerySource(const std::string& name, const sql::CreateViewStatement& view,
                       Planner& planner, const PlannerScope& scope, bool is_alone);

// Throws TOO_DEEP_RECURSION if the view is one of those whose queries it stands in.
void CheckEnds(const std::string& view, const std::vector<std::string>& views);

}  // namespace granary
