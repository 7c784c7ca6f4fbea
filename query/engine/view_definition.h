// Views: their definitions as text and tree. A view is stored as a table whose definition is a
// CREATE VIEW statement in canonical form: the columns stand there with their types, but for a view
// with parameters, whose columns depend on their values. Planning a view is in
// planning/sources/views.h.
#pragma once

#include <memory>
#include <string>

#include "granary/query/sql/parser.h"

namespace granary {

using ViewPtr = std::shared_ptr<const sql::CreateViewStatement>;

// Whether a stored definition is that of a view. Throws SYNTAX_ERROR.
bool IsViewDefinition(const std::string& definition);
// `values` stand for placeholders of the query; null: they stay. Throws CORRUPTED_DATA if it is no
// definition of a view.
ViewPtr ParseViewDefinition(const std::string& definition,
                            const sql::PlaceholderValues* values = nullptr);
std::string FormatViewDefinition(const sql::CreateViewStatement& view);

}  // namespace granary
