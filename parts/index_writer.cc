#include "granary/parts/index_writer.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "granary/parts/format.h"
#include "granary/parts/frame.h"
#include "granary/parts/sub_index_frame.h"

namespace granary {
namespace {

// Passes bytes on and computes the checksums of their pages.
class ChecksummingSink final : public ByteSink {
 public:
  ChecksummingSink(ByteSink& out, uint64_t seed) : out_(out), checksums_(seed) {}

  void Append(std::span<const std::byte> bytes) override {
    checksums_.Append(bytes);
    out_.Append(bytes);
  }
  std::vector<uint64_t> Finish() { return checksums_.Finish(); }

 private:
  ByteSink& out_;
  PageChecksums checksums_;
};

}  // namespace

IndexWriter::IndexWriter(DeclaredIndex index, const Schema& schema, IndexRowCheck row_check,
                         ColumnWriter* vectors, uint64_t seed)
    : index_(std::move(index)),
      granule_rows_(schema.settings.index_granularity),
      block_bytes_max_(schema.settings.index_block_bytes_max),
      row_check_(row_check),
      vectors_(vectors),
      stream_(seed) {
  described_.name = index_.declaration.name;
  described_.kind = index_.declaration.kind;
  described_.identity = index_.identity();
}

bool IndexWriter::Append(const Block& rows, const TaskContext& context) {
  const bool needs_values = !is_vector_index() || row_check_ != IndexRowCheck::kAlreadyDone;
  ColumnPtr values;
  if (needs_values) values = index_.declaration.expression->Evaluate(rows)->Materialize();
  if (!RowsAreGood(values, context)) return false;
  for (size_t row = 0; row < rows.rows(); row += granule_rows_) {
    AddGranule(values, row, std::min(granule_rows_, rows.rows() - row), context);
  }
  return true;
}

bool IndexWriter::RowsAreGood(const ColumnPtr& values, const TaskContext& context) {
  if (row_check_ == IndexRowCheck::kAlreadyDone) return true;
  try {
    index_.index->CheckRows(*values, block_.first_row + block_.rows);
    return true;
  } catch (Error& error) {
    if (row_check_ == IndexRowCheck::kFail) {
      error.AddContext("building index " + index_.declaration.name);
      throw;
    }
    context.Warn(fmt::format("A part is written without index {}, which cannot hold its rows: {}",
                             index_.declaration.name, error.message()));
    return false;
  }
}

void IndexWriter::AddGranule(const ColumnPtr& values, size_t first_row, size_t rows,
                             const TaskContext& context) {
  if (!builder_) builder_ = index_.index->NewBuilder();
  if (is_vector_index()) {
    block_bytes_ += rows * vectors_->row_bytes();
  } else {
    const ColumnPtr granule = values->Slice(first_row, rows);
    block_bytes_ += granule->byte_size();
    builder_->AddGranule(*granule);
  }
  ++block_.granules.end;
  block_.rows += rows;
  const bool is_full =
      block_.granules.size() >= index_.declaration.granularity || block_bytes_ >= block_bytes_max_;
  if (is_full) EndBlock(context);
}

void IndexWriter::EndBlock(const TaskContext& context) {
  BuildSubIndex(block_, context);
  described_.blocks.push_back(block_);
  PartIndexBlock next;
  next.granules = {block_.granules.end, block_.granules.end};
  next.first_row = block_.first_row + block_.rows;
  block_ = next;
  block_bytes_ = 0;
  builder_.reset();
}

void IndexWriter::BuildSubIndex(PartIndexBlock& block, const TaskContext& context) {
  stream_.AlignTo(kStreamAlignment);
  block.payload_offset = stream_.size();
  ChecksummingSink sink(stream_, stream_.seed() + block.payload_offset);
  SubIndexInput input{.rows = block.rows, .vectors = nullptr, .context = &context};
  if (is_vector_index()) {
    const std::optional<ColumnWriter::Vectors> written = vectors_->WrittenVectors();
    const bool lacks = vectors_->has_empty_rows() && !index_.index->vector_search()->allows_empty;
    if (!written || lacks) {
      throw Error(ErrorCode::kIncorrectData,
                  fmt::format("Index {} needs vectors of one length in every row",
                              index_.declaration.name));
    }
    input.rows = vectors_->CountVectors(block.first_row, block.rows);
    const VectorRows vectors = written->rows.Slice(first_vector_, input.rows);
    first_vector_ += input.rows;
    input.vectors = &vectors;
    builder_->Finish(input, sink);
  } else {
    builder_->Finish(input, sink);
  }
  block.payload_bytes = stream_.size() - block.payload_offset;
  stream_.AlignTo(8);
  block.header_offset = stream_.size();
  const SubIndexHeader header{described_.kind, described_.identity, block.first_row,
                              block.rows,      block.payload_bytes, sink.Finish()};
  block.header_bytes = FrameEncoder().Write(EncodeSubIndexHeader(header),
                                            stream_.seed() + block.header_offset, stream_);
}

void IndexWriter::Finish(const TaskContext& context) {
  if (builder_) EndBlock(context);
}

PartIndex IndexWriter::Describe() const {
  PartIndex index = described_;
  index.stored_bytes = stream_.size();
  return index;
}

}  // namespace granary
