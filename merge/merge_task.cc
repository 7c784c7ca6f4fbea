#include "granary/merge/merge_task.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "granary/merge/sorted_cursor.h"
#include "granary/parts/part_reader.h"

namespace granary {
namespace {

// Bytes of a block on the heap; columns of fixed stride are views of the memory map.
size_t HeapBytes(const Block& block, const Part& part) {
  size_t bytes = 0;
  for (const NamedColumn& column : block.columns()) {
    const PartColumnInfo* info = part.FindColumn(column.name);
    if (info == nullptr || !info->dimensions) bytes += column.column->byte_size();
  }
  return bytes;
}

std::vector<std::string> ColumnNames(const Schema& schema) {
  std::vector<std::string> names;
  for (const ColumnDeclaration& column : schema.columns) names.push_back(column.name);
  return names;
}

// The rows of a part, front to back; the block handed out last is charged to the tracker.
class PartInput final : public SortedInput {
 public:
  PartInput(PartPtr part, const Schema& schema, const TaskContext& context)
      : part_(std::move(part)),
        reader_(part_, ColumnNames(schema), context),
        context_(context),
        step_(std::max<size_t>(1, schema.settings.merge_max_block_size / part_->granule_rows())) {}

  std::optional<Block> Next() override {
    context_.CheckCancelled();
    charge_.Release();
    const size_t end = std::min(granule_ + step_, part_->granule_count());
    if (granule_ == end) return std::nullopt;
    Block block = reader_.Read({granule_, end});
    granule_ = end;
    charge_ = MemoryCharge(context_.memory(), HeapBytes(block, *part_), "the inputs of a merge");
    return block;
  }

 private:
  const PartPtr part_;
  PartReader reader_;
  const TaskContext& context_;
  const size_t step_;  // granules
  size_t granule_ = 0;
  MemoryCharge charge_;
};

SortedCursor OpenCursor(const Schema& schema, std::span<const PartPtr> inputs,
                        const TaskContext& context) {
  std::vector<std::unique_ptr<SortedInput>> sources;
  for (const PartPtr& part : inputs) {
    sources.push_back(std::make_unique<PartInput>(part, schema, context));
  }
  return SortedCursor(std::move(sources), schema.sorting_key, schema.settings.merge_max_block_size);
}

bool IsOverVectors(const PartSet& base, const std::string& index_name) {
  const DeclaredIndex* index = base.FindIndex(index_name);
  return index != nullptr && index->index->vector_search() != nullptr;
}

// Without what needs memory in proportion to the part.
MergeWriterOptions WithoutGraphs(MergeWriterOptions options, const PartSet& base) {
  std::erase_if(options.indexes,
                [&](const std::string& name) { return IsOverVectors(base, name); });
  return options;
}

PartPtr WriteWithinMemoryLimit(TableStore& store, const PartSetPtr& base,
                               std::span<const PartPtr> inputs, const TaskContext& context) {
  const MergeWriterOptions options{IndexesToMerge(*base), IndexRowCheck::kSkipIndex};
  Progress& progress = context.progress();
  const uint64_t rows_before = progress.rows_done;
  progress.rows_total += MergeWorkRows(*base, inputs, options);
  try {
    return WriteMergedPart(store, base, inputs, options, context);
  } catch (const Error& error) {
    const MergeWriterOptions reduced = WithoutGraphs(options, *base);
    const bool smaller = reduced.indexes.size() < options.indexes.size();
    if (error.code() != ErrorCode::kMemoryLimitExceeded || !smaller) throw;
    context.Warn("A merge of table " + base->schema->table_name +
                 " builds no vector index for its result, which will be searched by scanning: " +
                 error.message());
    progress.rows_done = rows_before;
    progress.rows_total -= MergeWorkRows(*base, inputs, options);
    progress.rows_total += MergeWorkRows(*base, inputs, reduced);
    return WriteMergedPart(store, base, inputs, reduced, context);
  }
}

uint64_t CountRows(std::span<const PartPtr> parts) {
  uint64_t rows = 0;
  for (const PartPtr& part : parts) rows += part->rows();
  return rows;
}

// Guards published data: whatever went wrong, a result with other rows is not committed.
void CheckNothingLost(std::span<const PartPtr> inputs, uint64_t rows_written) {
  if (rows_written == CountRows(inputs)) return;
  throw Error(ErrorCode::kLogicalError,
              "A merge from part " + inputs.front()->name_text() + " on wrote " +
                  std::to_string(rows_written) + " rows instead of " +
                  std::to_string(CountRows(inputs)) + " and is discarded");
}

}  // namespace

std::vector<std::string> IndexesToMerge(const PartSet& base) {
  std::vector<std::string> names;
  if (!base.schema->settings.materialize_skip_indexes_on_merge) return names;
  for (const DeclaredIndex& index : base.indexes) names.push_back(index.declaration.name);
  return names;
}

uint64_t MergeWorkRows(const PartSet& base, std::span<const PartPtr> inputs,
                       const MergeWriterOptions& options) {
  const auto graphs = std::count_if(options.indexes.begin(), options.indexes.end(),
                                    [&](const auto& name) { return IsOverVectors(base, name); });
  return CountRows(inputs) * (1 + static_cast<uint64_t>(graphs));
}

PartPtr WriteMergedPart(TableStore& store, const PartSetPtr& base, std::span<const PartPtr> inputs,
                        const MergeWriterOptions& options, const TaskContext& context) {
  Progress& progress = context.progress();
  const uint64_t rows_before = progress.rows_done;
  const std::unique_ptr<PartWriter> writer = store.NewMergeWriter(base, inputs, options, context);
  SortedCursor cursor = OpenCursor(*base->schema, inputs, context);
  while (const std::optional<MergedBlock> merged = cursor.Next()) {
    const MemoryCharge charge(context.memory(), merged->copied_bytes, "the output of a merge");
    writer->Append(merged->block);
    progress.rows_done += merged->block.rows();
    progress.bytes_done += merged->block.byte_size();
  }
  CheckNothingLost(inputs, writer->rows());
  PartPtr part = writer->Finish();
  progress.rows_done = rows_before + MergeWorkRows(*base, inputs, options);
  return part;
}

bool MergeParts(TableStore& store, const PartSetPtr& base, std::span<const PartPtr> inputs,
                const TaskContext& context) {
  const PartPtr merged = WriteWithinMemoryLimit(store, base, inputs, context);
  context.CheckCancelled();
  if (merged == nullptr) return store.CommitMerge(base, inputs, {});
  return store.CommitMerge(base, inputs, {&merged, 1});
}

}  // namespace granary
