// Text to syntax tree (ast.h), for the dialect of ClickHouse. Recursive descent, with precedence
// climbing for operators; bounded in depth and size, so that no text can exhaust the stack.
//
// Errors: SYNTAX_ERROR names what was met, its line and column, the text there and what was
// expected; TOO_DEEP_RECURSION and TOO_BIG_AST for texts beyond the limits. All functions may be
// called from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "granary/query/sql/ast.h"

namespace granary::sql {

// What stands for placeholders: {name:Type} is parsed as CAST(value, 'Type').
using PlaceholderValues = std::map<std::string, ExprPtr, std::less<>>;

struct ParseLimits {
  uint32_t max_depth = 1000;       // levels of nesting
  uint32_t max_nodes = 1'000'000;  // nodes of the tree, shared ones counted at each use
  const PlaceholderValues* placeholders = nullptr;  // outlives the parser; null: they stay
};

struct ParsedStatement {
  StatementPtr statement;  // null: nothing but spaces, comments and semicolons were left
  size_t next = 0;         // where the rest of the text begins, after the ';'
};

// The first statement of `text` from byte `offset` on, and where the next one begins: for scripts
// of statements separated by ';'. All offsets in the tree count from the beginning of `text`.
ParsedStatement ParseNextStatement(std::string_view text, size_t offset,
                                   const ParseLimits& limits = {});

// The only statement of `text`, with or without a ';' after it. An empty text is a SYNTAX_ERROR.
StatementPtr ParseStatement(std::string_view text, const ParseLimits& limits = {});

// One expression, which may have an alias; nothing may follow.
ExprPtr ParseExpression(std::string_view text, const ParseLimits& limits = {});

}  // namespace granary::sql
