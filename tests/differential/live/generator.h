// Makes a table with its rows, statements over it and changes of it.
#pragma once

#include <string>
#include <vector>

#include "expression.h"
#include "random.h"
#include "signatures.h"

namespace granary::differential {

struct Callables {
  std::vector<CallableFunction> functions;
  std::vector<CallableAggregate> aggregates;
  std::vector<std::string> formats;  // for output, that both have
};

class Generator {
 public:
  // `callables` outlives the generator.
  Generator(const Callables& callables, uint64_t seed);

  // CREATE TABLE plain and the INSERTs into it, one part each.
  std::vector<std::string> MakeTable();
  // A SELECT over `plain`.
  Query MakeQuery();
  // A condition over the rows of `plain`; not always one that Granary takes.
  ExprPtr MakeCondition();
  // DELETE or UPDATE, and queries of the expressions in it.
  struct ChangeOfRows {
    std::string sql;
    std::vector<Query> expressions;
  };
  ChangeOfRows MakeChange();

 private:
  struct Leaf {
    std::string name;
    DataType type;
  };

  ExprPtr MakeExpression(size_t depth, bool only_constants = false);
  ExprPtr MakeCall(size_t depth, bool only_constants);
  ExprPtr MakeLambdaCall(const CallableFunction& function, size_t depth);
  ExprPtr MakeForm(size_t depth, bool only_constants);
  ExprPtr MakeArgument(const Slot& slot, size_t depth, bool only_constants);
  ExprPtr MakeLeaf(const std::vector<std::string>& types, bool only_constants);
  ExprPtr MakeOperand(const std::vector<std::string>& types, size_t depth, bool only_constants);
  // Compiled, to know its type.
  ExprPtr Finish(std::string shape, std::vector<ExprPtr> arguments, bool is_exact = true);
  ExprPtr Constant(std::string text);

  Query ScalarStatement();
  Query FilterStatement();
  Query AggregateStatement();
  Query GroupStatement();
  Query ShapeStatement();
  Query SubqueryStatement();
  Query NeighborStatement();
  Query FormatStatement();

  struct AggregateCall {
    std::string shape;
    std::vector<ExprPtr> arguments;
    bool is_exact = true;
    bool depends_on_order = false;
  };
  // Its arguments are $first, $first+1 ...
  AggregateCall MakeAggregate(size_t first);
  std::string Source(bool in_order);

  const Callables& callables_;
  Random random_;
  std::vector<Leaf> columns_;
  std::vector<Leaf> variables_;  // of the lambdas around what is being made
};

}  // namespace granary::differential
