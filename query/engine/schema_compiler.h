// From CREATE TABLE to a Schema: types are looked up, expressions compiled, settings and keys
// checked. A definition is the canonical text of a CREATE TABLE statement: everything is written
// out (granularity of indexes, types of columns, settings that differ from the defaults), so that
// it makes the same schema in any session, at any time.
//
// A view is stored as a table whose definition is a CREATE VIEW statement. It has no parts, and its
// schema has no columns: what a view is stands in view_definition.h.
#pragma once

#include <memory>
#include <string>

#include "granary/query/expressions/expression_compiler.h"
#include "granary/query/sql/ast.h"
#include "granary/skipindex/registry.h"
#include "granary/table/schema.h"

namespace granary {

// The canonical form of a statement with columns (no `AS other`). Throws UNKNOWN_STORAGE,
// NOT_IMPLEMENTED, UNKNOWN_TYPE, UNKNOWN_SETTING and all that CompileSchema throws.
std::shared_ptr<const sql::CreateTableStatement> Canonicalize(
    const sql::CreateTableStatement& statement, const SkipIndexRegistry& registry,
    const TableSettings& defaults);

// The schema of a canonical statement. Throws UNKNOWN_IDENTIFIER, DUPLICATE_COLUMN, BAD_ARGUMENTS,
// ILLEGAL_COLUMN, ...
SchemaPtr CompileSchema(const sql::CreateTableStatement& statement);
// The same from the text of a definition, of a table or view.
SchemaPtr CompileSchema(const std::string& definition);

// Of a table. Throws CORRUPTED_DATA if it is anything else.
std::shared_ptr<const sql::CreateTableStatement> ParseDefinition(const std::string& definition);
std::string FormatDefinition(const sql::CreateTableStatement& statement);

// The name in a definition, of a table or view.
std::string NameInDefinition(const std::string& definition);
// The same definition under another name.
std::string RenamedDefinition(const std::string& definition, const std::string& name);

// An index with its granularity written out; UNKNOWN kinds are INCORRECT_QUERY.
sql::IndexDefinition CanonicalIndex(const sql::IndexDefinition& index,
                                    const SkipIndexRegistry& registry);

// Columns of a table as names for expressions.
ExpressionScope ScopeOf(const Schema& schema);

}  // namespace granary
