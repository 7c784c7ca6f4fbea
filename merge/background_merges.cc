#include "granary/merge/background_merges.h"

#include <algorithm>
#include <utility>

#include "granary/merge/insert_pressure.h"
#include "granary/merge/merge_scheduler.h"
#include "granary/merge/merge_task.h"

namespace granary {
namespace {

using TablePtr = MergeScheduler::TablePtr;

std::vector<std::string> PartitionIds(const PartSet& set) {
  std::vector<std::string> ids;
  for (const VisiblePart& visible : set.parts) {
    const std::string& id = visible.part->name().partition_id;
    if (ids.empty() || ids.back() != id) ids.push_back(id);
  }
  return ids;
}

// Parts of the partition up to a block number.
std::vector<PartPtr> PartsOf(const PartSet& set, const std::string& partition_id,
                             uint64_t last_block) {
  std::vector<PartPtr> parts;
  for (const VisiblePart& visible : set.parts) {
    const PartName& name = visible.part->name();
    if (name.partition_id == partition_id && name.max_block <= last_block) {
      parts.push_back(visible.part);
    }
  }
  return parts;
}

uint64_t StoredBytes(const std::vector<PartPtr>& parts) {
  uint64_t bytes = 0;
  for (const PartPtr& part : parts) bytes += part->stored_bytes();
  return bytes;
}

// OPTIMIZE rewrites a single part of which more is dead, so that a table takes little more space
// than its live rows afterwards; less is not worth building its graphs anew. FINAL leaves none.
constexpr double kDeadShareMax = 0.1;

bool HasDeadRows(const PartSet& set, const PartPtr& part, bool is_final) {
  const double most = is_final ? 0 : kDeadShareMax * static_cast<double>(part->rows());
  return static_cast<double>(set.Find(part)->dead_rows()) > most;
}

bool LacksAnIndex(const PartSet& set, const Part& part) {
  return set.schema->settings.materialize_skip_indexes_on_merge &&
         std::any_of(set.indexes.begin(), set.indexes.end(),
                     [&](const DeclaredIndex& index) { return part.LacksIndex(index); });
}

// Neighbours in groups of at most `group_parts`; without a group of one, unless that is all.
std::vector<std::vector<PartPtr>> GroupsToMerge(const std::vector<PartPtr>& parts,
                                                size_t group_parts) {
  std::vector<std::vector<PartPtr>> groups;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i % group_parts == 0) groups.emplace_back();
    groups.back().push_back(parts[i]);
  }
  if (groups.size() > 1 && groups.back().size() == 1) groups.pop_back();
  return groups;
}

// Merges what a partition has up to a block number into one part, in rounds of at most
// max_parts_to_merge_at_once neighbours, so that memory stays bounded. The partition is claimed.
void MergeIntoOne(MergeScheduler& scheduler, const TablePtr& table, const std::string& id,
                  uint64_t last_block, const TaskContext& context) {
  while (true) {
    const PartSetPtr base = table->store->parts();
    const std::vector<PartPtr> parts = PartsOf(*base, id, last_block);
    const size_t at_once = std::max<uint64_t>(base->schema->settings.max_parts_to_merge_at_once, 2);
    bool all_committed = true;
    for (const std::vector<PartPtr>& group : GroupsToMerge(parts, at_once)) {
      const MergeScheduler::JobGuard job(scheduler, table, group, false, context);
      all_committed &= MergeParts(*table->store, base, group, context);
    }
    if (all_committed && parts.size() <= at_once) return;
    context.CheckCancelled();
  }
}

void OptimizePartition(MergeScheduler& scheduler, const TablePtr& table, const std::string& id,
                       bool is_final, const TaskContext& context) {
  const MergeScheduler::ClaimGuard claim(scheduler, table, {id}, context);
  const PartSetPtr set = table->store->parts();
  const std::vector<PartPtr> parts = PartsOf(*set, id, UINT64_MAX);
  if (parts.empty()) return;
  const bool is_rewritten = HasDeadRows(*set, parts.front(), is_final) ||
                            (is_final && LacksAnIndex(*set, *parts.front()));
  if (parts.size() == 1 && !is_rewritten) return;
  if (!is_final && StoredBytes(parts) > set->schema->settings.max_bytes_to_merge) {
    context.Warn("The parts of partition " + id + " of table " + set->schema->table_name +
                 " are larger than max_bytes_to_merge and were not merged; OPTIMIZE TABLE ... "
                 "FINAL merges them");
    return;
  }
  MergeIntoOne(scheduler, table, id, parts.back()->name().max_block, context);
}

}  // namespace

BackgroundMerges::BackgroundMerges(BackgroundMergesOptions options)
    : scheduler_(std::make_shared<MergeScheduler>(std::move(options))) {
  scheduler_->StartThreads();
}

BackgroundMerges::~BackgroundMerges() { scheduler_->Close(); }

void BackgroundMerges::AddTable(std::shared_ptr<TableStore> store) {
  scheduler_->AddTable(std::move(store));
}

void BackgroundMerges::RemoveTable(const TableStore& store) { scheduler_->RemoveTable(store); }

void BackgroundMerges::Stop(const TableStore* store) { scheduler_->Stop(store); }

void BackgroundMerges::Start(const TableStore* store) { scheduler_->Start(store); }

void BackgroundMerges::Wait(const TableStore* store, const TaskContext& context) {
  scheduler_->Wait(store, context);
}

void BackgroundMerges::DelayInsert(const TableStore& store, const TaskContext& context) {
  const auto start = context.clock().Monotonic();
  while (context.clock().Monotonic() - start < InsertDelay(*store.parts())) {
    scheduler_->Sleep(context);
  }
}

void BackgroundMerges::Optimize(const std::shared_ptr<TableStore>& store,
                                const OptimizeOptions& options, const TaskContext& context) {
  const TablePtr table = scheduler_->FindForStatement(*store);
  for (const std::string& id : PartitionIds(*store->parts())) {
    if (!options.partition_id || *options.partition_id == id) {
      OptimizePartition(*scheduler_, table, id, options.final, context);
    }
  }
}

void BackgroundMerges::MutateIndex(const std::shared_ptr<TableStore>& store,
                                   std::string_view index_name, IndexMutation mutation,
                                   const TaskContext& context) {
  const TablePtr table = scheduler_->FindForStatement(*store);
  const MergeScheduler::ClaimGuard claim(*scheduler_, table, {}, context);
  while (true) {
    const PartSetPtr base = store->parts();
    const std::vector<PartPtr> parts = PartsToMutate(*base, index_name, mutation);
    if (parts.empty()) return;
    const MergeScheduler::JobGuard job(*scheduler_, table, parts, true, context);
    if (granary::MutateIndex(*store, base, parts, index_name, mutation, context)) return;
    context.CheckCancelled();
  }
}

void BackgroundMerges::MutateRows(const std::shared_ptr<TableStore>& store, RowMutation& mutation,
                                  const TaskContext& context) {
  const TablePtr table = scheduler_->FindForStatement(*store);
  const MergeScheduler::ClaimGuard claim(*scheduler_, table, {}, context);
  while (true) {
    const PartSetPtr base = store->parts();
    const std::vector<PartPtr> parts = mutation.Begin(base);
    if (parts.empty()) return;
    const MergeScheduler::JobGuard job(*scheduler_, table, parts, true, context);
    if (granary::MutateRows(*store, base, parts, mutation, context)) return;
    context.CheckCancelled();
  }
}

void BackgroundMerges::Wake() { scheduler_->Wake(); }

std::vector<RunningMerge> BackgroundMerges::running() const { return scheduler_->running(); }

}  // namespace granary
