// A key expression that is a column, without a SQL compiler.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "granary/table/expression.h"

namespace granary::testing {

class ColumnExpression final : public Expression {
 public:
  ColumnExpression(std::string column, DataType type)
      : column_(std::move(column)), type_(std::move(type)), required_{column_} {}

  ColumnPtr Evaluate(const Block& block) const override { return block.Get(column_); }
  const DataType& type() const override { return type_; }
  const std::string& text() const override { return column_; }
  const std::vector<std::string>& required_columns() const override { return required_; }

 private:
  std::string column_;
  DataType type_;
  std::vector<std::string> required_;
};

inline ExpressionPtr ColumnRef(std::string column, DataType type) {
  return std::make_shared<ColumnExpression>(std::move(column), std::move(type));
}

}  // namespace granary::testing
