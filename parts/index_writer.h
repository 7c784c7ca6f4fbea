// Builds the sub-indexes of one declared index of a part being written. Not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "granary/parts/column_writer.h"
#include "granary/parts/part.h"
#include "granary/parts/part_writer.h"
#include "granary/parts/stream_writer.h"
#include "granary/table/block.h"
#include "granary/table/task_context.h"

namespace granary {

class IndexWriter {
 public:
  // `vectors` is the writer of the column that the index searches; null for other indexes.
  IndexWriter(DeclaredIndex index, const Schema& schema, IndexRowCheck row_check,
              ColumnWriter* vectors, uint64_t seed);

  // The rows of whole granules (or of the last one), after the columns have been written. Returns
  // false, having warned, if the part cannot have this index; the writer is then useless.
  bool Append(const Block& rows, const TaskContext& context);
  // Ends the last index block. Once, last.
  void Finish(const TaskContext& context);

  StreamWriter& stream() { return stream_; }
  PartIndex Describe() const;

 private:
  bool is_vector_index() const { return index_.index->vector_search() != nullptr; }
  bool RowsAreGood(const ColumnPtr& values, const TaskContext& context);
  void AddGranule(const ColumnPtr& values, size_t first_row, size_t rows,
                  const TaskContext& context);
  void EndBlock(const TaskContext& context);
  void BuildSubIndex(PartIndexBlock& block, const TaskContext& context);

  const DeclaredIndex index_;
  const size_t granule_rows_;
  const size_t block_bytes_max_;
  const IndexRowCheck row_check_;
  ColumnWriter* const vectors_;
  StreamWriter stream_;
  PartIndex described_;

  // Of the index block being filled.
  std::unique_ptr<SubIndexBuilder> builder_;
  PartIndexBlock block_;
  uint64_t first_vector_ = 0;
  uint64_t block_bytes_ = 0;
};

}  // namespace granary
