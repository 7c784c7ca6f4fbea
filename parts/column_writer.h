// Writes one column of a part: as frames with marks, or, while all rows are float arrays of one
// length or empty, as vectors of fixed stride with page checksums. A column of vectors that meets a
// row of another length is written again as frames. Not thread-safe; columns may be written in
// parallel.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "granary/parts/frame.h"
#include "granary/parts/manifest.h"
#include "granary/parts/stream_writer.h"
#include "granary/parts/table_directory.h"
#include "granary/table/column.h"
#include "granary/table/row_bitmap.h"
#include "granary/table/schema.h"
#include "granary/table/task_context.h"

namespace granary {

class ColumnWriter {
 public:
  // `number` is the column's position in the part.
  ColumnWriter(const PartDirectory& directory, const ColumnDeclaration& declaration, size_t number,
               size_t granule_rows, uint64_t data_seed, uint64_t places_seed);

  // Rows that start at a granule boundary; only in the last call may they end elsewhere. The column
  // is not constant.
  void Append(const ColumnPtr& rows, const TaskContext& context);

  // From now on the data goes to a file of its own. Once.
  void MoveToFile();

  // All vectors so far, as long as the view lives (StreamWriter::View); nothing if the column is
  // not stored as vectors. Rows that are empty have none; dimensions are 0 as long as all are.
  struct Vectors {
    StreamWriter::View view;
    VectorRows rows;
  };
  std::optional<Vectors> WrittenVectors();
  // Of rows [first_row, first_row + count), in a column of vectors.
  uint64_t CountVectors(uint64_t first_row, uint64_t count) const {
    return present_ ? present_->CountRange(first_row, count) : count;
  }
  bool has_empty_rows() const { return present_.has_value(); }

  // Ends the last frame and makes the marks or checksums. Once, after the last Append.
  void Finish();

  // Bytes of one vector; 0 if the column is not stored as vectors.
  size_t row_bytes() const { return dimensions_ * declaration_.type.element().fixed_bytes(); }

  StreamWriter& data() { return *data_; }
  StreamWriter& places() { return places_; }
  // What the manifest says of the column, but for the places of its streams.
  ManifestColumn Describe() const;

 private:
  // Whether the rows can join those written as vectors.
  bool AreVectors(const ArrayColumn& rows) const;
  void AppendVectors(const ArrayColumn& rows, const TaskContext& context);
  void AddPresent(const ArrayColumn& rows);
  void AppendFrames(const Column& rows, const TaskContext& context);
  void EndFrame();
  void RewriteAsFrames(const TaskContext& context);
  ColumnPtr VectorsAsColumn(const Vectors& vectors, uint64_t first_row, size_t rows,
                            uint64_t first_vector) const;
  std::string FilePath() const;

  const PartDirectory& directory_;
  const ColumnDeclaration declaration_;
  const size_t number_;
  const size_t granule_rows_;
  const uint64_t data_seed_;
  uint64_t rows_ = 0;
  uint64_t raw_bytes_ = 0;
  bool to_file_ = false;
  std::unique_ptr<StreamWriter> data_;
  StreamWriter places_;

  // Of a column of vectors.
  bool is_vectors_;
  size_t dimensions_ = 0;  // 0 until the first row that is not empty
  uint64_t vectors_ = 0;
  std::optional<RowBitmap> present_;  // rows that are not empty; nothing: all
  std::optional<PageChecksums> page_checksums_;

  // Of a column of frames.
  FrameEncoder encoder_;
  ByteWriter raw_;
  std::vector<Mark> marks_;
};

}  // namespace granary
