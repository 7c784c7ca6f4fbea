// From CREATE TABLE to a Schema: types are looked up, expressions compiled, settings and keys
// checked. A definition is the canonical text of a CREATE TABLE statement: everything is written
// out (granularity of indexes, types of columns, settings that differ from the defaults), so that
// it makes the same schema in any session, at any time.
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
// The same from the definition's text.
SchemaPtr CompileSchema(const std::string& definition);

std::shared_ptr<const sql::CreateTableStatement> ParseDefinition(const std::string& definition);
std::string FormatDefinition(const sql::CreateTableStatement& statement);

// An index with its granularity written out; UNKNOWN kinds are INCORRECT_QUERY.
sql::IndexDefinition CanonicalIndex(const sql::IndexDefinition& index,
                                    const SkipIndexRegistry& registry);

// Columns of a table as names for expressions.
ExpressionScope ScopeOf(const Schema& schema);

}  // namespace granary
