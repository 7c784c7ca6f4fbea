#include "granary/parts/insert_task.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "granary/parts/part_writer.h"
#include "granary/parts/sort_rows.h"

namespace granary {
namespace {

class InsertTask {
 public:
  InsertTask(const std::shared_ptr<TableDirectory>& directory, const TableDefinition& table,
             const InsertOptions& options, const std::function<uint64_t()>& next_block,
             const TaskContext& context)
      : directory_(directory),
        table_(table),
        options_(options),
        next_block_(next_block),
        context_(context) {}

  std::vector<PartPtr> Run(const Block& block) {
    CheckIndexRows(block);
    const std::vector<ColumnPtr> keys = Evaluate(table_.schema->partition_key, block);
    if (keys.empty()) return {WritePart(block, {})};
    std::vector<PartPtr> parts;
    const std::vector<ChargedVector<uint32_t>> groups = GroupEqualRows(keys, block.rows());
    for (const ChargedVector<uint32_t>& rows : groups) {
      context_.CheckCancelled();
      std::vector<Value> partition;
      for (const ColumnPtr& key : keys) partition.push_back(key->ValueAt(rows[0]));
      parts.push_back(
          WritePart(groups.size() == 1 ? block : Gather(block, rows), std::move(partition)));
    }
    return parts;
  }

 private:
  static std::vector<ColumnPtr> Evaluate(const std::vector<ExpressionPtr>& expressions,
                                         const Block& block) {
    std::vector<ColumnPtr> columns;
    for (const ExpressionPtr& expression : expressions) {
      columns.push_back(expression->Evaluate(block)->Materialize());
    }
    return columns;
  }

  void CheckIndexRows(const Block& block) const {
    for (const DeclaredIndex& index : table_.indexes) {
      context_.CheckCancelled();
      const ColumnPtr values = index.declaration.expression->Evaluate(block)->Materialize();
      try {
        index.index->CheckRows(*values, options_.first_row);
      } catch (Error& error) {
        error.AddContext(fmt::format("inserting into {}, index {}", table_.schema->table_name,
                                     index.declaration.name));
        throw;
      }
    }
  }

  Block Gather(const Block& block, std::span<const uint32_t> rows) const {
    std::vector<NamedColumn> columns(block.columns());
    context_.executor().ParallelFor(
        columns.size(), [&](size_t i) { columns[i].column = columns[i].column->Gather(rows); });
    return Block(std::move(columns));
  }

  PartPtr WritePart(const Block& rows, std::vector<Value> partition) {
    const auto order = SortOrder(Evaluate(table_.schema->sorting_key, rows));
    const Block sorted = order ? Gather(rows, *order) : rows;
    PartWriterOptions options = WriterOptions(std::move(partition));
    try {
      return WriteSorted(sorted, options);
    } catch (const Error& error) {
      const auto needs_memory = [](const DeclaredIndex& index) {
        return index.index->vector_search() != nullptr;
      };
      if (error.code() != ErrorCode::kMemoryLimitExceeded ||
          std::erase_if(options.indexes, needs_memory) == 0) {
        throw;
      }
      context_.Warn(fmt::format(
          "A part of table {} is written without its vector index and will be searched by "
          "scanning, until a merge or ALTER TABLE ... MATERIALIZE INDEX builds the index: {}",
          table_.schema->table_name, error.message()));
    }
    options.name.min_block = options.name.max_block = next_block_();
    return WriteSorted(sorted, options);
  }

  PartPtr WriteSorted(const Block& rows, const PartWriterOptions& options) const {
    PartWriter writer(directory_, options, context_);
    writer.Append(rows);
    return writer.Finish();
  }

  PartWriterOptions WriterOptions(std::vector<Value> partition) const {
    std::vector<DataType> types;
    for (const ExpressionPtr& key : table_.schema->partition_key) types.push_back(key->type());
    PartWriterOptions options;
    options.name.partition_id = PartitionId(partition, types);
    options.name.min_block = options.name.max_block = next_block_();
    options.partition = std::move(partition);
    options.schema = table_.schema;
    options.index_rows = IndexRowCheck::kAlreadyDone;
    for (const DeclaredIndex& index : table_.indexes) {
      const auto& excluded = options_.exclude_indexes;
      const bool is_excluded =
          std::find(excluded.begin(), excluded.end(), index.declaration.name) != excluded.end();
      if (options_.materialize_indexes && !is_excluded) options.indexes.push_back(index);
    }
    return options;
  }

  const std::shared_ptr<TableDirectory>& directory_;
  const TableDefinition& table_;
  const InsertOptions& options_;
  const std::function<uint64_t()>& next_block_;
  const TaskContext& context_;
};

}  // namespace

std::vector<PartPtr> WriteInsertedParts(const std::shared_ptr<TableDirectory>& directory,
                                        const TableDefinition& table, const Block& block,
                                        const InsertOptions& options,
                                        const std::function<uint64_t()>& next_block,
                                        const TaskContext& context) {
  return InsertTask(directory, table, options, next_block, context).Run(block);
}

InferredDimensions InferFromBlock(const std::vector<DeclaredIndex>& indexes, const Block& block,
                                  uint64_t first_row) {
  const auto first_length = [&](const VectorSearchAbility& search) -> std::optional<size_t> {
    const std::string& column = search.column;
    const ColumnPtr rows = block.Get(column)->Materialize();
    const size_t looked_at = search.allows_empty ? rows->size() : 1;
    for (size_t row = 0; row < looked_at; ++row) {
      const size_t length = AsArrays(*rows).Length(row);
      if (length > 0) return length;
    }
    if (search.allows_empty) return std::nullopt;
    throw Error(ErrorCode::kIncorrectData,
                fmt::format("Row {}: column {} is empty, but its vector index is declared without "
                            "dimensions and takes them from the first vector",
                            first_row, column));
  };
  return InferMissing(indexes, first_length);
}

}  // namespace granary
