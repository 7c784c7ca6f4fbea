#include "granary/merge/merge_task.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "granary/merge/sorted_cursor.h"
#include "granary/parts/part_reader.h"

namespace granary {
namespace {

std::vector<std::string> ColumnNames(const Schema& schema) {
  std::vector<std::string> names;
  for (const ColumnDeclaration& column : schema.columns) names.push_back(column.name);
  return names;
}

// The rows of a part that go into a merge, front to back; writes down which others it drops.
class PartInput final : public SortedInput {
 public:
  // `dropped` has a bit per row of the part and outlives the object, as does `transform`, which may
  // be null.
  PartInput(const VisiblePart& visible, const Schema& schema, const RowTransform* transform,
            RowBitmap* dropped, const TaskContext& context)
      : part_(visible.part),
        dead_(visible.dead),
        transform_(transform),
        dropped_(dropped),
        reader_(part_, ColumnNames(schema), context),
        context_(context),
        step_(std::max<size_t>(1, schema.settings.merge_max_block_size / part_->granule_rows())) {}

  std::optional<Block> Next() override {
    while (granule_ < part_->granule_count()) {
      context_.CheckCancelled();
      const GranuleRange granules{granule_, std::min(granule_ + step_, part_->granule_count())};
      granule_ = granules.end;
      Block block = ReadLive(granules);
      if (transform_ != nullptr && block.rows() > 0) block = Transform(block, granules);
      if (block.rows() > 0) return block;
    }
    return std::nullopt;
  }

 private:
  Block ReadLive(GranuleRange granules) {
    const uint64_t first = part_->FirstRow(granules.begin);
    const size_t rows = part_->RowsIn(granules);
    const size_t live =
        dead_ == nullptr ? rows : rows - static_cast<size_t>(dead_->CountRange(first, rows));
    if (live == 0) return Block();
    const Block block = reader_.Read(granules);
    return live == rows ? block : block.Filter(dead_->LiveMask(first, rows), live);
  }

  Block Transform(const Block& live, GranuleRange granules) {
    std::vector<uint8_t> kept(live.rows(), 1);
    Block block = transform_->Apply(*part_, live, kept);
    if (block.rows() < live.rows()) DropRows(kept, part_->FirstRow(granules.begin));
    return block;
  }

  // Rows of the part that were alive, from `row` on, and are not kept.
  void DropRows(std::span<const uint8_t> kept, uint64_t row) {
    for (const uint8_t is_kept : kept) {
      while (dead_ != nullptr && dead_->rows().Test(row)) ++row;
      if (is_kept == 0) dropped_->Set(row);
      ++row;
    }
  }

  const PartPtr part_;
  const DeadRowsPtr dead_;
  const RowTransform* const transform_;
  RowBitmap* const dropped_;
  PartReader reader_;
  const TaskContext& context_;
  const size_t step_;  // granules
  size_t granule_ = 0;
};

// The parts as `base` shows them. All must be in it.
std::vector<VisiblePart> FindInputs(const PartSet& base, std::span<const PartPtr> inputs) {
  std::vector<VisiblePart> visible;
  for (const PartPtr& part : inputs) visible.push_back(*base.Find(part));
  return visible;
}

// `rows` gets the rows that are dropped, and outlives the cursor.
SortedCursor OpenCursor(const Schema& schema, std::span<const VisiblePart> inputs,
                        const RowTransform* transform, MergeRowMap& rows,
                        const TaskContext& context) {
  std::vector<std::unique_ptr<SortedInput>> sources;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].dead != nullptr) {
      rows.dropped(i) = inputs[i].dead->rows();
    } else if (transform != nullptr) {
      rows.dropped(i) = RowBitmap(inputs[i].part->rows());
    }
    sources.push_back(
        std::make_unique<PartInput>(inputs[i], schema, transform, &rows.dropped(i), context));
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

MergeOutput WriteWithinMemoryLimit(TableStore& store, const PartSetPtr& base,
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

uint64_t CountLiveRows(const PartSet& base, std::span<const PartPtr> parts) {
  uint64_t rows = 0;
  for (const PartPtr& part : parts) rows += base.Find(part)->live_rows();
  return rows;
}

// Guards published data: whatever went wrong, a result with other rows is not committed.
void CheckNothingLost(std::span<const PartPtr> inputs, const MergeRowMap& map,
                      uint64_t rows_written) {
  uint64_t rows = 0;
  for (size_t i = 0; i < inputs.size(); ++i) rows += inputs[i]->rows() - map.dropped(i).Count();
  if (rows_written == rows && rows_written == map.output_rows()) return;
  throw Error(ErrorCode::kLogicalError, "A merge from part " + inputs.front()->name_text() +
                                            " on wrote " + std::to_string(rows_written) +
                                            " rows instead of " + std::to_string(rows) +
                                            " and is discarded");
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
  return CountLiveRows(base, inputs) * (1 + static_cast<uint64_t>(graphs));
}

MergeOutput WriteMergedPart(TableStore& store, const PartSetPtr& base,
                            std::span<const PartPtr> inputs, const MergeWriterOptions& options,
                            const TaskContext& context, const RowTransform* transform) {
  const TaskScope scope(&context);
  Progress& progress = context.progress();
  const uint64_t rows_before = progress.rows_done;
  const std::unique_ptr<PartWriter> writer = store.NewMergeWriter(base, inputs, options, context);
  MergeOutput output{{inputs.begin(), inputs.end()}, nullptr, MergeRowMap(inputs.size())};
  const std::vector<VisiblePart> visible = FindInputs(*base, inputs);
  SortedCursor cursor = OpenCursor(*base->schema, visible, transform, output.rows, context);
  MemoryCharge map_charge(context.memory(), 0, "the row numbers of a merge");
  while (const std::optional<MergedBlock> merged = cursor.Next()) {
    writer->Append(merged->block);
    for (const MergeRun& run : merged->runs) output.rows.Append(run.input, run.rows);
    map_charge.Grow(output.rows.byte_size() - map_charge.bytes(), "the row numbers of a merge");
    progress.rows_done += merged->block.rows();
    progress.bytes_done += merged->block.byte_size();
  }
  CheckNothingLost(inputs, output.rows, writer->rows());
  output.part = writer->Finish();
  progress.rows_done = rows_before + MergeWorkRows(*base, inputs, options);
  return output;
}

bool MergeParts(TableStore& store, const PartSetPtr& base, std::span<const PartPtr> inputs,
                const TaskContext& context) {
  const MergeOutput merged = WriteWithinMemoryLimit(store, base, inputs, context);
  context.CheckCancelled();
  return store.CommitMerge(base, {&merged, 1});
}

}  // namespace granary
