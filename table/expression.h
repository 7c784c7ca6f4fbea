// An expression over the columns of a block, as the lower layers see it: something that can be
// evaluated. query/ compiles expressions from SQL text and injects them into Schema; parts/ and
// merge/ only call them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "granary/table/block.h"
#include "granary/table/task_context.h"

namespace granary {

class Expression {
 public:
  virtual ~Expression() = default;

  // One column with as many rows as the block, of type(); may be constant. The block holds at least
  // required_columns(). Throws what the functions throw. May be called from many threads at once.
  virtual ColumnPtr Evaluate(const Block& block) const = 0;

  virtual const DataType& type() const = 0;
  // Canonical SQL text: equal texts mean equal expressions.
  virtual const std::string& text() const = 0;
  // Names of the columns that Evaluate reads, each once, in order of first use.
  virtual const std::vector<std::string>& required_columns() const = 0;
};
using ExpressionPtr = std::shared_ptr<const Expression>;

}  // namespace granary
