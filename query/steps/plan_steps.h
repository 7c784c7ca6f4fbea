// The steps of a plan that work on blocks of any origin: filter, project, sort, limit, union ...
// Steps that read tables are in scan.h and neighbor_search.h, GROUP BY is in aggregate.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "granary/query/expressions/expression_compiler.h"
#include "granary/query/plan/plan.h"
#include "granary/query/steps/sort.h"

namespace granary {

// A block that is known when planning; SELECT 1 reads a row without columns.
class BlockStep final : public PlanStep {
 public:
  BlockStep(Header header, Block block, std::string title);
  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;

 private:
  Block block_;
  std::string title_;
};

// Rows for which the condition is true.
class FilterStep final : public PlanStep {
 public:
  FilterStep(PlanPtr input, CompiledExpressionPtr condition, std::string what);
  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;

 private:
  CompiledExpressionPtr condition_;
  std::string what_;
};

// The rows of `block` that `condition` is true for.
Block FilterBlock(const Block& block, const Expression& condition);

// A column of the output: an expression under a name.
struct Projection {
  std::string name;
  CompiledExpressionPtr expression;
};

// Computes columns; those of the input are gone.
class ProjectStep final : public PlanStep {
 public:
  ProjectStep(PlanPtr input, std::vector<Projection> columns, std::string what);
  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;

 private:
  ExpressionList columns_;  // of the header
  std::string what_;
};

// Picks columns of the input by name and gives them new names; a column may be picked twice.
class RenameStep final : public PlanStep {
 public:
  struct Column {
    std::string from;
    std::string to;
  };
  RenameStep(PlanPtr input, std::vector<Column> columns);
  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;

 private:
  std::vector<Column> columns_;
};

// The first row of each combination of the columns.
class DistinctStep final : public PlanStep {
 public:
  DistinctStep(PlanPtr input, std::vector<std::string> columns);
  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;

 private:
  std::vector<std::string> columns_;
};

class SortStep final : public PlanStep {
 public:
  // Only the first `limit` rows are delivered.
  SortStep(PlanPtr input, std::vector<SortKey> keys, std::optional<uint64_t> limit);
  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;

 private:
  std::vector<SortKey> keys_;
  std::optional<uint64_t> limit_;
};

struct RowLimit {
  uint64_t offset = 0;
  std::optional<uint64_t> limit;  // nothing: all
};

class LimitStep final : public PlanStep {
 public:
  // With tie keys, rows that are equal in them to the last row within the limit come too; the input
  // is sorted by them.
  LimitStep(PlanPtr input, RowLimit limit, std::vector<SortKey> tie_keys = {});
  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;

 private:
  RowLimit limit_;
  std::vector<SortKey> tie_keys_;
};

// LIMIT ... BY: a limit for each combination of the columns.
class LimitByStep final : public PlanStep {
 public:
  LimitByStep(PlanPtr input, RowLimit limit, std::vector<std::string> columns);
  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;

 private:
  RowLimit limit_;
  std::vector<std::string> columns_;
};

// The rows of the inputs, one input after the other. All inputs have this header.
class UnionStep final : public PlanStep {
 public:
  UnionStep(Header header, std::vector<PlanPtr> inputs);
  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;
};

}  // namespace granary
