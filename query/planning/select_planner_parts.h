// What the files of SelectPlanner share. Internal to them.
#pragma once

#include <limits>
#include <memory>
#include <set>
#include <string>

#include "granary/query/sql/ast.h"

namespace granary {

// Of the vectors that are joined; not what a column of a table is called.
inline constexpr const char* kVectorNumber = "#query";
inline constexpr const char* kVector = "#vector";

// a AND b, either of which may be null.
inline sql::ExprPtr Both(const sql::ExprPtr& a, const sql::ExprPtr& b) {
  if (!a || !b) return a ? a : b;
  auto both = std::make_shared<sql::Function>();
  both->name = "and";
  both->arguments = {a, b};
  return both;
}

inline uint64_t SaturatingAdd(uint64_t a, uint64_t b) {
  return a > std::numeric_limits<uint64_t>::max() - b ? std::numeric_limits<uint64_t>::max()
                                                      : a + b;
}

inline sql::ExprPtr ColumnNamed(const std::string& name) {
  auto column = std::make_shared<sql::Identifier>();
  column->parts = {name};
  return column;
}

template <class Expressions>
void AddRequired(const Expressions& expressions, std::set<std::string>& names) {
  for (const auto& expression : expressions) {
    const auto& required = expression->required_columns();
    names.insert(required.begin(), required.end());
  }
}

}  // namespace granary
