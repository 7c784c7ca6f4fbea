// DELETE FROM: the lightweight delete. Finds the rows, then marks them all in one commit.
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "granary/query/engine/engine.h"
#include "granary/query/planning/sources/source.h"
#include "granary/query/read/matching_rows.h"
#include "granary/query/statements/partition_clause.h"
#include "granary/query/statements/row_condition.h"
#include "granary/query/statements/statement.h"

namespace granary {
namespace {

// The rows to delete, by part. Parts that merges take away meanwhile are looked for in what has
// come in their place; what was found in the others stays found.
class RowsToDelete {
 public:
  RowsToDelete(RowFilter filter, std::optional<std::string> partition_id, StatementContext* context)
      : filter_(std::move(filter)),
        partition_id_(std::move(partition_id)),
        context_(context),
        charge_(context->task().memory(), 0, "") {}

  void Find(const PartSet& parts) {
    std::erase_if(found_, [&](const auto& entry) { return parts.Find(entry.first) == nullptr; });
    PartSet fresh = parts;
    std::erase_if(fresh.parts, [&](const VisiblePart& visible) {
      return found_.contains(visible.part) || !IsWanted(*visible.part);
    });
    size_t bytes = 0;
    for (const VisiblePart& visible : fresh.parts) bytes += visible.part->rows() / 8;
    charge_.Grow(bytes, "the rows to delete");
    const GranuleSelection selection =
        SelectGranules(fresh, filter_.predicate, context_->settings(), {}, context_->task());
    std::vector<RowBitmap> rows = FindMatchingRows(selection, *filter_.condition, context_->task());
    for (const VisiblePart& visible : fresh.parts) found_[visible.part];
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].Count() > 0) found_[selection.parts[i].part] = std::move(rows[i]);
    }
  }

  std::vector<PartDelete> deletes() const {
    std::vector<PartDelete> deletes;
    for (const auto& [part, rows] : found_) {
      if (rows.size() > 0) deletes.push_back({part, rows});
    }
    return deletes;
  }

 private:
  bool IsWanted(const Part& part) const {
    return !partition_id_ || part.name().partition_id == *partition_id_;
  }

  const RowFilter filter_;
  const std::optional<std::string> partition_id_;  // none: all
  StatementContext* const context_;
  std::map<PartPtr, RowBitmap> found_;  // an empty bitmap: none
  MemoryCharge charge_;
};

}  // namespace

PlanPtr RunDelete(const sql::DeleteStatement& statement, StatementContext& context) {
  context.engine().CheckWritable();
  const TablePtr table = ResolveTable(statement.table, context, ErrorCode::kBadArguments);
  PartSetPtr parts = context.Parts(*table);
  std::optional<std::string> partition_id;
  RowFilter filter = CompileRowFilter(statement.where, *table, context);
  if (statement.partition) {
    partition_id = PartitionIdOf(statement.partition, *parts, context);
    if (!partition_id) return nullptr;
  }
  RowsToDelete rows(std::move(filter), std::move(partition_id), &context);
  for (;;) {
    rows.Find(*parts);
    context.task().CheckCancelled();
    if (table->store->CommitDeletes(rows.deletes())) return nullptr;
    parts = table->store->parts();
  }
}

}  // namespace granary
