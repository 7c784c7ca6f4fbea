// The productions of the grammar that are used across files; each consumes what it names from the
// token stream or throws SYNTAX_ERROR. The entry points for everybody else are in parser.h.
//
//   parse_operators.cc   expressions: aliases, lambdas, operators by precedence
//   parse_primary.cc     operands: literals, names, calls, parentheses, arrays, types
//   parse_special.cc     operands with a syntax of their own: CASE, CAST(x AS T), INTERVAL, ...
//   parse_query.cc       SELECT and what stands in FROM
//   parse_insert.cc      INSERT and where its data ends
//   parse_create.cc      CREATE TABLE, VIEW and INDEX
//   parse_alter.cc       ALTER TABLE
//   parse_statement.cc   all other statements, and the choice among them
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "granary/query/sql/ast.h"
#include "granary/query/sql/token_stream.h"

namespace granary::sql {

// ---- Expressions --------------------------------------------------------------------------------

// How tightly operators bind, from loosest to tightest.
enum Precedence {
  kLoosest,
  kOr,
  kAnd,
  kNot,
  kIsNull,
  kBetween,
  kComparison,
  kConcatenation,
  kAdditive,
  kMultiplicative,
};

// An expression with an optional `AS alias`.
ExprPtr ParseExpr(TokenStream& tokens);
ExprPtr ParseExprWithoutAlias(TokenStream& tokens);
// The alias at the current token becomes that of `expr`, which the parser has just made.
void SetAlias(TokenStream& tokens, const ExprPtr& expr);
// One or more, separated by commas.
std::vector<ExprPtr> ParseExprList(TokenStream& tokens);
// What stands behind PARTITION.
PartitionName ParsePartition(TokenStream& tokens);
// Operators that bind at least as tightly as `loosest`, and their operands.
ExprPtr ParseOperators(TokenStream& tokens, Precedence loosest);
// What an operator applies to, without [..] and :: after it.
ExprPtr ParsePrimary(TokenStream& tokens);
// The special form at the current token, or nullptr if there is none.
ExprPtr ParseSpecialForm(TokenStream& tokens);
// name(arguments) or name(parameters)(arguments), at the name.
std::shared_ptr<Function> ParseCall(TokenStream& tokens);
// A literal, which may have a sign.
std::shared_ptr<const Literal> ParseLiteral(TokenStream& tokens, std::string_view what);
// The number at the current token, past its sign.
ExprPtr ParseNumber(TokenStream& tokens, bool negative);
bool AtNumber(const TokenStream& tokens, const Token& token);
// A type as canonical text.
std::string ParseType(TokenStream& tokens);

// The size of a tree, from what is below its root.
struct TreeSize {
  uint64_t height = 1;
  uint64_t nodes = 1;

  void Add(const ExprPtr& child);  // may be null
  void Add(const std::vector<ExprPtr>& children);
  void Add(const QueryPtr& child);  // may be null
};
// Writes the size into the root; throws if it is beyond the limits.
template <class T>
void SetSize(const TokenStream& tokens, const TreeSize& size, T& root) {
  tokens.CheckSize(size.height, size.nodes);
  root.height = static_cast<uint32_t>(size.height);
  root.node_count = static_cast<uint32_t>(size.nodes);
}
ExprPtr MakeCall(const TokenStream& tokens, size_t offset, std::string_view name,
                 std::vector<ExprPtr> arguments);

// ---- Queries and parts of statements ------------------------------------------------------------

// Whether SELECT or WITH stands `ahead` tokens after the current one.
bool AtSelect(const TokenStream& tokens, size_t ahead = 0);
QueryPtr ParseQuery(TokenStream& tokens);
TableExpression ParseTableExpression(TokenStream& tokens);
std::unique_ptr<ExplainStatement> ParseExplain(TokenStream& tokens);

TableName ParseTableName(TokenStream& tokens);
// (a, b)
std::vector<std::string> ParseNamesInParens(TokenStream& tokens, std::string_view what);
// name = value, ...
std::vector<SettingChange> ParseSettings(TokenStream& tokens);
// name expression TYPE kind(arguments) GRANULARITY g
IndexDefinition ParseIndexDefinition(TokenStream& tokens);
// From TYPE on.
void ParseIndexType(TokenStream& tokens, IndexDefinition& index);
// name CHECK expression
ConstraintDefinition ParseConstraintDefinition(TokenStream& tokens);
// column = expression, ...
std::vector<Assignment> ParseAssignments(TokenStream& tokens);

// ---- Statements, at their first word ------------------------------------------------------------

StatementPtr ParseInsert(TokenStream& tokens);
StatementPtr ParseCreate(TokenStream& tokens);
StatementPtr ParseAlter(TokenStream& tokens);

}  // namespace granary::sql
