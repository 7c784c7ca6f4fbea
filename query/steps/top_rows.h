// ORDER BY ... LIMIT k of a table: finds the first k rows by their keys alone, and reads the other
// columns for these. Where the first key is that of the table, pieces are read in the order of the
// best row that they may have, and none any more once k better rows are known.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "granary/query/engine/tables.h"
#include "granary/query/plan/plan.h"
#include "granary/query/read/row_filter.h"
#include "granary/query/steps/sort.h"

namespace granary {

class TopRowsStep final : public PlanStep {
 public:
  // What the rows are sorted by: an expression over columns of the table, whose text `key` names.
  struct Key {
    CompiledExpressionPtr expression;  // deterministic
    SortKey key;
  };

  // Delivers the first `count` rows in the order of the keys, equal ones in the order of the table.
  // `header` are columns of the table. `notes` are shown by EXPLAIN.
  TopRowsStep(TablePtr table, Header header, RowFilter filter, std::vector<Key> keys, size_t count,
              std::shared_ptr<const QuerySettings> settings, std::vector<std::string> notes);
  BlockStreamPtr Open(StatementContext& context) const override;
  StepDescription Describe(StatementContext& context, bool with_indexes) const override;

 private:
  Block Run(StatementContext& context) const;
  // The code of the best row that each piece may have, or nothing if that is not known.
  std::vector<uint64_t> BestCodes(const class TablePieces& pieces) const;
  // Whether the table is sorted by the first key.
  bool IsTableKey(const Schema& schema) const;

  TablePtr table_;
  RowFilter filter_;
  std::vector<Key> keys_;
  std::vector<SortKey> sort_keys_;  // of keys_, then the place
  size_t count_;
  std::shared_ptr<const QuerySettings> settings_;
  std::vector<std::string> notes_;
  std::vector<std::string> read_columns_;  // what the keys read, and the place
};

}  // namespace granary
