// The plan step of a nearest-neighbour join: for each row of its input the k nearest rows of a
// table.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "granary/query/plan/plan.h"
#include "granary/query/search/neighbor_join_search.h"
#include "granary/query/search/neighbor_shape.h"

namespace granary {

class NeighborJoinStep final : public PlanStep {
 public:
  // Delivers the columns of the input, then those of the table, then the distance: the rows of an
  // input row nearest first, input rows in their order.
  NeighborJoinStep(PlanPtr input, NeighborJoin join, std::shared_ptr<const QuerySettings> settings);

  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;
  std::vector<std::string> DescribeRecall(StatementContext& context) const override;

 private:
  class Stream;

  std::vector<std::string> Details() const;
  const DeclaredIndex* FindIndex(const PartSet& parts) const;
  // The input columns of `input` under their names in the output.
  Block Renamed(const Block& input) const;
  // One for each row. Throws INCORRECT_QUERY for vectors of another length than the index's.
  std::vector<DistanceQuery> QueriesOf(const Block& renamed, const DeclaredIndex* index,
                                       StatementContext& context) const;
  // `input` is renamed; nearest[i] are the rows for row i.
  Block Join(const Block& input, const std::vector<ChargedVector<RankedRow>>& nearest,
             const GranuleSelection& selection, const TaskContext& task) const;

  const NeighborJoin join_;
  const std::shared_ptr<const QuerySettings> settings_;
};

}  // namespace granary
