#include "granary/parts/part_writer.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "granary/parts/column_codec.h"
#include "granary/parts/column_writer.h"
#include "granary/parts/format.h"
#include "granary/parts/index_writer.h"
#include "granary/parts/manifest.h"
#include "granary/parts/stored_part.h"

namespace granary {
namespace {

// Where the streams of the manifest's own file go, one after the other.
class StreamLayout {
 public:
  StreamLocation Add(const StreamWriter& stream) {
    bytes_ = RoundUp(bytes_, kStreamAlignment);
    const StreamLocation location{0, bytes_, stream.size(), stream.seed()};
    bytes_ += stream.size();
    streams_.push_back(&stream);
    return location;
  }

  uint64_t bytes() const { return bytes_; }

  void Write(WritableFile& file) const {
    static constexpr std::array<std::byte, kStreamAlignment> kZeros{};
    for (const StreamWriter* stream : streams_) {
      const uint64_t gap = RoundUp(file.size(), kStreamAlignment) - file.size();
      file.Append(std::span(kZeros).first(gap));
      file.Append(stream->memory());
    }
  }

 private:
  std::vector<const StreamWriter*> streams_;
  uint64_t bytes_ = 0;
};

// The rows with the least and the greatest value; NaN is greater than every number.
template <class Less>
std::pair<size_t, size_t> ExtremeRows(size_t rows, const Less& less) {
  size_t least = 0;
  size_t greatest = 0;
  for (size_t row = 1; row < rows; ++row) {
    if (less(row, least)) least = row;
    if (less(greatest, row)) greatest = row;
  }
  return {least, greatest};
}

// Grows a closed interval over the values of a column.
void Extend(ValueRange& range, const Column& column) {
  const auto extremes = [&]() -> std::pair<size_t, size_t> {
    const auto compare = [&](size_t a, size_t b) { return column.Compare(a, column, b) < 0; };
    if (!column.type().is_integer() && !column.type().is_date_or_time()) {
      return ExtremeRows(column.size(), compare);
    }
    return VisitFixedType(column.type().id(), [&]<class T>() {
      const T* values = AsNumbers<T>(column).data();
      return ExtremeRows(column.size(), [&](size_t a, size_t b) { return values[a] < values[b]; });
    });
  }();
  Value least = column.ValueAt(extremes.first);
  Value greatest = column.ValueAt(extremes.second);
  if (!range.min || CompareValues(least, *range.min) < 0) range.min = std::move(least);
  if (!range.max || CompareValues(greatest, *range.max) > 0) range.max = std::move(greatest);
}

}  // namespace

class PartWriter::Impl {
 public:
  Impl(std::shared_ptr<TableDirectory> table, PartWriterOptions options, const TaskContext& context)
      : options_(std::move(options)),
        schema_(*options_.schema),
        context_(context),
        directory_(std::make_shared<PartDirectory>(std::move(table), options_.name.text(), true)),
        granule_rows_(schema_.settings.index_granularity),
        created_ns_(std::chrono::duration_cast<std::chrono::nanoseconds>(
                        context.clock().Now().time_since_epoch())
                        .count()),
        primary_key_stream_(Seed(2 * schema_.columns.size())) {
    for (size_t i = 0; i < schema_.columns.size(); ++i) {
      columns_.push_back(std::make_unique<ColumnWriter>(
          *directory_, schema_.columns[i], i, granule_rows_, Seed(2 * i), Seed(2 * i + 1)));
    }
    for (const DeclaredIndex& index : options_.indexes) AddIndex(index);
    for (const ExpressionPtr& key : schema_.primary_key) {
      primary_key_.push_back(ColumnBuilder::Create(key->type()));
    }
    ChooseRangeColumns();
  }

  uint64_t rows() const { return rows_ + pending_rows_; }

  void Append(const Block& block) {
    if (block.rows() == 0) return;
    pending_.push_back(SchemaColumns(block));
    pending_rows_ += block.rows();
    const size_t whole_rows = pending_rows_ / granule_rows_ * granule_rows_;
    if (whole_rows > 0) {
      const Block rows = pending_.size() == 1 ? pending_.front() : ConcatenateBlocks(pending_);
      pending_.clear();
      pending_rows_ -= whole_rows;
      if (pending_rows_ > 0) pending_.push_back(rows.Slice(whole_rows, pending_rows_));
      Write(whole_rows == rows.rows() ? rows : rows.Slice(0, whole_rows));
    }
  }

  PartPtr Finish() {
    if (pending_rows_ > 0) {
      const Block rest = ConcatenateBlocks(pending_);
      pending_.clear();
      pending_rows_ = 0;
      Write(rest);
    }
    if (rows_ == 0) return nullptr;
    for (const auto& index : indexes_) index->Finish(context_);
    for (const auto& column : columns_) column->Finish();
    WritePrimaryKey();
    CloseFiles();
    WriteManifest();
    if (must_sync()) directory_->files().SyncDirectory(directory_->path());
    return StoredPart::Open(directory_);
  }

 private:
  bool must_sync() const { return schema_.settings.fsync != FsyncPolicy::kOff; }

  uint64_t Seed(uint64_t stream) const {
    ByteWriter identity;
    identity.Write<uint64_t>(directory_->table().owner().database);
    identity.Write<uint64_t>(directory_->table().owner().table);
    identity.WriteString(options_.name.text());
    identity.Write<int64_t>(created_ns_);
    return Checksum(identity.bytes(), stream);
  }

  void AddIndex(const DeclaredIndex& index) {
    ColumnWriter* vectors = nullptr;
    if (const VectorSearchAbility* search = index.index->vector_search()) {
      const std::optional<size_t> column = schema_.ColumnIndex(search->column);
      if (!column) {
        throw Error(ErrorCode::kNoSuchColumnInTable,
                    fmt::format("Index {} searches column {}, which the table does not have",
                                index.declaration.name, search->column));
      }
      vectors = columns_[*column].get();
    }
    indexes_.push_back(
        std::make_unique<IndexWriter>(index, schema_, options_.index_rows, vectors,
                                      Seed(2 * schema_.columns.size() + 1 + indexes_.size())));
  }

  void ChooseRangeColumns() {
    for (const ExpressionPtr& key : schema_.partition_key) {
      for (const std::string& column : key->required_columns()) {
        const bool is_known =
            std::any_of(ranges_.begin(), ranges_.end(),
                        [&](const Part::ColumnRange& range) { return range.column == column; });
        if (!is_known) ranges_.push_back({column, {}});
      }
    }
  }

  Block SchemaColumns(const Block& block) const {
    std::vector<NamedColumn> columns;
    for (const ColumnDeclaration& declared : schema_.columns) {
      const ColumnPtr& column = block.Get(declared.name);
      if (!(column->type() == declared.type)) {
        throw Error(ErrorCode::kTypeMismatch,
                    fmt::format("Column {} has type {} instead of {}", declared.name,
                                column->type().name(), declared.type.name()));
      }
      columns.push_back({declared.name, column->Materialize()});
    }
    return Block(std::move(columns));
  }

  // Whole granules, or the last one.
  void Write(const Block& rows) {
    context_.CheckCancelled();
    if (rows_ + rows.rows() > std::numeric_limits<uint32_t>::max()) {
      throw Error(ErrorCode::kTooManyParts, fmt::format("A part holds at most {} rows",
                                                        std::numeric_limits<uint32_t>::max()));
    }
    raw_bytes_ += rows.byte_size();
    if (!is_wide_ && raw_bytes_ >= schema_.settings.min_bytes_for_wide_part) BecomeWide();
    context_.executor().ParallelFor(columns_.size(), [&](size_t i) {
      columns_[i]->Append(rows.column(i), context_);
      if (must_sync()) columns_[i]->data().StartSync();
    });
    AddPrimaryKey(rows);
    for (Part::ColumnRange& range : ranges_) Extend(range.range, *rows.Get(range.column));
    std::erase_if(indexes_, [&](const std::unique_ptr<IndexWriter>& index) {
      if (index->Append(rows, context_)) return false;
      if (index->stream().in_file()) directory_->files().Remove(index->stream().path());
      return true;
    });
    rows_ += rows.rows();
    const uint32_t last = static_cast<uint32_t>(rows.rows() - 1);
    last_row_ = KeyColumns(rows).Gather(std::span(&last, 1));
  }

  void MakeDirectory() {
    if (std::exchange(has_directory_, true)) return;
    directory_->files().CreateDirectory(directory_->path());
    directory_->SetKept(false);
  }

  void BecomeWide() {
    is_wide_ = true;
    MakeDirectory();
    for (const auto& column : columns_) column->MoveToFile();
    for (size_t i = 0; i < indexes_.size(); ++i) {
      indexes_[i]->stream().MoveToFile(directory_->files(),
                                       directory_->FilePath(fmt::format("index_{}.blocks", i)));
    }
  }

  void AddPrimaryKey(const Block& rows) {
    if (primary_key_.empty()) return;
    std::vector<uint32_t> first_rows;
    for (size_t row = 0; row < rows.rows(); row += granule_rows_) {
      first_rows.push_back(static_cast<uint32_t>(row));
    }
    AppendKeys(KeyColumns(rows).Gather(first_rows));
  }

  // What the keys are made of, so that no huge value of another column is copied.
  Block KeyColumns(const Block& rows) const {
    Block columns(rows.rows());
    for (const ExpressionPtr& key : schema_.primary_key) {
      for (const std::string& name : key->required_columns()) {
        if (columns.Find(name) == nullptr) columns.Add(name, rows.Get(name));
      }
    }
    return columns;
  }

  void AppendKeys(const Block& rows) {
    for (size_t i = 0; i < primary_key_.size(); ++i) {
      const ColumnPtr values = schema_.primary_key[i]->Evaluate(rows);
      primary_key_[i]->AppendRange(*values, 0, values->size());
    }
  }

  void WritePrimaryKey() {
    AppendKeys(last_row_);
    ByteWriter raw;
    for (const auto& builder : primary_key_) {
      const ColumnPtr values = builder->Finish();
      EncodeRows(*values, 0, values->size(), raw);
    }
    FrameEncoder().Write(raw.bytes(), primary_key_stream_.seed(), primary_key_stream_);
  }

  void CloseFiles() {
    std::vector<StreamWriter*> streams;
    for (const auto& column : columns_) streams.push_back(&column->data());
    for (const auto& index : indexes_) streams.push_back(&index->stream());
    std::erase_if(streams, [](const StreamWriter* stream) { return !stream->in_file(); });
    context_.executor().ParallelFor(streams.size(),
                                    [&](size_t i) { streams[i]->Close(must_sync()); });
  }

  Manifest DescribePart(StreamLayout& layout) const {
    Manifest manifest;
    manifest.name = options_.name;
    manifest.owner = directory_->table().owner();
    manifest.rows = rows_;
    manifest.granule_rows = granule_rows_;
    manifest.raw_bytes = raw_bytes_;
    manifest.created_ns = created_ns_;
    const auto place = [&](const StreamWriter& stream) -> StreamLocation {
      if (!stream.in_file()) return layout.Add(stream);
      manifest.files.push_back(
          {stream.path().substr(directory_->path().size() + 1), stream.size()});
      return {manifest.files.size(), 0, stream.size(), stream.seed()};
    };
    for (const auto& column : columns_) {
      ManifestColumn described = column->Describe();
      described.data = place(column->data());
      described.places = place(column->places());
      manifest.columns.push_back(std::move(described));
    }
    for (const ExpressionPtr& key : schema_.primary_key)
      manifest.primary_key.push_back(key->type());
    manifest.primary_key_rows = place(primary_key_stream_);
    manifest.partition = options_.partition;
    manifest.column_ranges = ranges_;
    for (const auto& index : indexes_) {
      manifest.indexes.push_back(index->Describe());
      manifest.index_streams.push_back(place(index->stream()));
    }
    manifest.stream_bytes = layout.bytes();
    return manifest;
  }

  void WriteManifest() {
    MakeDirectory();
    StreamLayout layout;
    const std::vector<std::byte> manifest = EncodeManifest(DescribePart(layout));
    const auto file = directory_->files().Create(directory_->FilePath(kManifestFile));
    file->Append(manifest);
    layout.Write(*file);
    if (must_sync()) file->Sync();
    file->Close();
  }

  const PartWriterOptions options_;
  const Schema& schema_;
  const TaskContext& context_;
  const std::shared_ptr<PartDirectory> directory_;
  const size_t granule_rows_;
  const int64_t created_ns_;
  std::vector<std::unique_ptr<ColumnWriter>> columns_;
  std::vector<std::unique_ptr<IndexWriter>> indexes_;
  std::vector<std::unique_ptr<ColumnBuilder>> primary_key_;
  StreamWriter primary_key_stream_;
  std::vector<Part::ColumnRange> ranges_;
  Block last_row_;
  std::vector<Block> pending_;  // rows beyond the last whole granule
  size_t pending_rows_ = 0;
  uint64_t rows_ = 0;
  uint64_t raw_bytes_ = 0;
  bool is_wide_ = false;
  bool has_directory_ = false;
};

PartWriter::PartWriter(std::shared_ptr<TableDirectory> table, PartWriterOptions options,
                       const TaskContext& context)
    : impl_(std::make_unique<Impl>(std::move(table), std::move(options), context)) {}
PartWriter::~PartWriter() = default;
void PartWriter::Append(const Block& block) { impl_->Append(block); }
uint64_t PartWriter::rows() const { return impl_->rows(); }
PartPtr PartWriter::Finish() { return impl_->Finish(); }

}  // namespace granary
