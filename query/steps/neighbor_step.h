// The plan step of a nearest-neighbour search: what is searched and why this way; runs
// NeighborSearchRun and reads the other columns for the rows found.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "granary/query/engine/tables.h"
#include "granary/query/plan/plan.h"
#include "granary/query/search/neighbor_search.h"
#include "granary/query/search/neighbor_shape.h"

namespace granary {

class NeighborStep final : public PlanStep {
 public:
  // Delivers the columns of `header`, which are columns of the table but for the distance under its
  // text; in order of distance, at most `count` rows. `index_name` is empty for an exact search,
  // `reason` then says why. `range` is a condition over the distance alone that no row fulfils
  // beyond one that does not; null: there is none.
  NeighborStep(TablePtr table, Header header, NeighborShape shape, size_t count,
               std::string index_name, std::string reason, RowFilter filter,
               CompiledExpressionPtr range, std::shared_ptr<const QuerySettings> settings);

  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;
  std::vector<std::string> DescribeRecall(StatementContext& context) const override;

 private:
  DistanceQuery MakeQuery(StatementContext& context) const;
  // Null for an exact search. Checks the query vector against the index.
  const DeclaredIndex* FindIndex(const PartSet& parts, const DistanceQuery& query) const;
  NeighborRequest MakeRequest(const PartSet& parts, const DistanceQuery& query) const;
  // Runs the search. Where an index finds fewer rows within the range than are wanted, others may
  // lie in it: then it is repeated exactly, with scan_settings_.
  ChargedVector<RankedRow> Find(const PartSetPtr& parts, NeighborRequest& request,
                                const TaskContext& task,
                                std::optional<NeighborSearchRun>& run) const;
  // Takes away the rows beyond the range; true if there were any.
  bool CutAtRange(ChargedVector<RankedRow>& rows) const;
  struct TimedSearch {
    ChargedVector<RankedRow> rows;
    NeighborStatistics statistics;
    double seconds = 0;
  };
  // The second of two runs, as the first may have to bring files into memory.
  TimedSearch SearchTwice(const PartSetPtr& parts, const NeighborRequest& request,
                          const TaskContext& task) const;
  // What is searched, how, and by which index or why without.
  std::vector<std::string> Details() const;
  // Runs the search to see what it does.
  void DescribeSearch(StatementContext& context, StepDescription& description) const;
  Block Search(StatementContext& context) const;
  Block ReadRows(const ChargedVector<RankedRow>& rows, const GranuleSelection& selection,
                 const TaskContext& task) const;

  TablePtr table_;
  NeighborShape shape_;
  size_t count_;
  std::string index_name_;
  std::string reason_;
  RowFilter filter_;
  CompiledExpressionPtr range_;
  std::shared_ptr<const QuerySettings> settings_;
  QuerySettings scan_settings_;              // the same, but that no graph is walked
  std::vector<std::string> stored_columns_;  // of the header, without the distance
};

}  // namespace granary
