// The searches of a nearest-neighbour join: for each row of its input the nearest rows of a table
// that fulfil the conditions over the table and those that read both sides.
//
// A condition over both sides is tried first on more of the nearest rows than are wanted, found
// without it. Where too few of these pass, the rows of the table that fulfil it are looked for and
// the search is repeated among them; input rows with equal values in what the condition reads do so
// together. Once that is what most input rows need, it is done at once.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "granary/query/engine/tables.h"
#include "granary/query/search/neighbor_batch.h"

namespace granary {

// What is joined how. Columns have the names of the joined rows in the output, and those of the
// input or of the table where they come from.
struct NeighborJoin {
  struct Column {
    std::string name;  // in the output
    std::string from;  // in the input or the table
    DataType type;
  };

  TablePtr table;
  std::vector<Column> table_columns;
  std::vector<Column> input_columns;  // at least those that `vector` and `pairs` read
  DistanceFunction function = DistanceFunction::kL2;
  std::string vector_column;       // of the table
  CompiledExpressionPtr vector;    // the query vector of an input row, over output names
  CompiledExpressionPtr distance;  // its text names the column of the distances
  size_t count = 0;                // k
  std::string index_name;          // empty: exact, for this reason
  std::string reason;
  RowFilter filter;  // of the table's rows

  // Conditions that read both sides, over output names; null: there are none.
  CompiledExpressionPtr pairs;
  CompiledExpressionPtr filtered_pairs;  // those of `filter` AND `pairs`, over output names
  std::map<std::string, std::string> pair_columns;  // of the table that it reads: output to table
};

class NeighborJoinSearch {
 public:
  // What is given outlives the object. `index` is null for exact searches.
  NeighborJoinSearch(PartSetPtr parts, const NeighborJoin& join, const DeclaredIndex* index,
                     const QuerySettings& settings, const TaskContext& task);

  // The best rows for each row of `input` (under output names), best first, at most k; queries[i]
  // is the vector of row i. May be called many times, by one thread at a time.
  std::vector<ChargedVector<RankedRow>> Search(const Block& input,
                                               std::span<const DistanceQuery> queries);

  const GranuleSelection& selection() const { return batch_.selection(); }
  // Of all searches so far, as NeighborBatch has them.
  NeighborStatistics statistics() const;

 private:
  using Ranked = std::vector<ChargedVector<RankedRow>>;

  NeighborBatchRequest RequestFor(size_t count, const RowFilter& filter) const;
  // Tries the nearest rows found without the condition. Returns the input rows that need more.
  std::vector<uint32_t> TryNearest(const Block& input, std::span<const DistanceQuery> queries,
                                   Ranked& nearest);
  // Whether each of the found rows and its input row fulfil the condition.
  std::vector<uint8_t> TestPairs(const Block& input, const Ranked& found) const;
  // Searches for input rows `rows` among the table's rows that fulfil the condition with them.
  void SearchAmongMatching(const Block& input, std::span<const DistanceQuery> queries,
                           std::span<const uint32_t> rows, Ranked& nearest);
  // Input rows with equal values in the columns that the condition reads.
  std::vector<ChargedVector<uint32_t>> GroupByValues(const Block& input,
                                                     std::span<const uint32_t> rows) const;

  const PartSetPtr parts_;
  const NeighborJoin& join_;
  const DeclaredIndex* const index_;
  const QuerySettings& settings_;
  const TaskContext& task_;
  NeighborBatch batch_;                   // without the condition over both sides
  std::vector<std::string> pair_inputs_;  // columns of the input that it reads
  bool tries_nearest_ = true;
  NeighborStatistics among_matching_;
};

}  // namespace granary
