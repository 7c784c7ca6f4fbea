#include "granary/query/engine/view_definition.h"

#include <utility>

#include "granary/query/sql/format_ast.h"
#include "granary/table/error.h"

namespace granary {

bool IsViewDefinition(const std::string& definition) {
  return sql::ParseStatement(definition)->kind == sql::StatementKind::kCreateView;
}

ViewPtr ParseViewDefinition(const std::string& definition, const sql::PlaceholderValues* values) {
  sql::ParseLimits limits;
  limits.placeholders = values;
  std::shared_ptr<const sql::Statement> statement = sql::ParseStatement(definition, limits);
  if (statement->kind != sql::StatementKind::kCreateView) {
    throw Error(ErrorCode::kCorruptedData,
                "The stored definition of a view is not a CREATE VIEW statement: " + definition);
  }
  return std::static_pointer_cast<const sql::CreateViewStatement>(std::move(statement));
}

std::string FormatViewDefinition(const sql::CreateViewStatement& view) {
  return sql::FormatStatement(view);
}

}  // namespace granary
