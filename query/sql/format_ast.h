// Syntax trees to text. Every text here parses back to a tree that formats to the same text.
#pragma once

#include <functional>
#include <string>

#include "granary/query/sql/ast.h"

namespace granary::sql {

// SQL on one line with operators in infix form, nested operators in parentheses:
// "(a + 1) > length(s)". Includes the alias.
std::string FormatExpr(const Expr& expr);

// With operators as function calls, "greater(plus(a, 1), length(s))". Aliases, its own and those
// inside, are left out. Equal texts mean equal expressions.
std::string ColumnName(const Expr& expr);

// What the column that an identifier names is called in results.
using ResolvedName = std::function<std::string(const Identifier&)>;

// The name of a result column without alias, as ClickHouse makes it: as ColumnName, but columns are
// called by their names alone, as they are, and what has an alias inside the expression by that. No
// key and no SQL: `a b` and plus(a, 1) may be names of columns.
std::string ResultName(const Expr& expr, const ResolvedName& resolved_name);

// SQL on one line.
std::string FormatQuery(const Query& query);

// The statement as SQL, without a ';'. CREATE TABLE and VIEW are laid out over several lines, as
// SHOW CREATE TABLE shows it; everything else is one line. Inline data of an INSERT is not part of
// it.
std::string FormatStatement(const Statement& statement);

// `name` as it must be written to be read as one identifier: plain, or in backticks.
std::string QuoteIdentifier(const std::string& name);

}  // namespace granary::sql
