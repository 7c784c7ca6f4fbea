// Expressions and statements as trees of text, so that what differs can be cut down to its cause.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../answer.h"
#include "granary/table/types.h"

namespace granary::differential {

struct Expr;
using ExprPtr = std::shared_ptr<const Expr>;

struct Expr {
  // Text with $0, $1 ... in place of the arguments; that of a leaf has none.
  std::string shape;
  std::vector<ExprPtr> arguments;
  // Nothing, and is_typed is false, if Granary refuses the expression.
  DataType type;
  bool is_typed = false;
  bool is_constant = false;
  // Reads variables of a lambda around it (or is a lambda), so that it cannot stand alone.
  bool is_bound = false;
  bool is_exact = true;

  bool is_leaf() const { return arguments.empty(); }
  std::string Text() const;
};

// A piece of a statement. Statements stay valid without their optional pieces.
struct Section {
  std::string shape;
  std::vector<ExprPtr> expressions;
  bool is_optional = false;

  std::string Text() const;
};

struct Query {
  std::vector<Section> sections;
  std::string format;
  bool is_ordered = true;
  bool is_exact = true;

  Statement AsStatement() const;
};

// `SELECT expression` for each row of the table, or for one row if it is constant.
Query ScalarQuery(const ExprPtr& expression);

}  // namespace granary::differential
