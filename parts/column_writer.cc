#include "granary/parts/column_writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "granary/parts/column_codec.h"
#include "granary/parts/format.h"

namespace granary {
namespace {

// How much is written between two looks at the cancel token.
constexpr size_t kVectorStepBytes = size_t{4} << 20;

}  // namespace

ColumnWriter::ColumnWriter(const PartDirectory& directory, const ColumnDeclaration& declaration,
                           size_t number, size_t granule_rows, uint64_t data_seed,
                           uint64_t places_seed)
    : directory_(directory),
      declaration_(declaration),
      number_(number),
      granule_rows_(granule_rows),
      data_seed_(data_seed),
      data_(std::make_unique<StreamWriter>(data_seed)),
      places_(places_seed) {}

void ColumnWriter::Append(const ColumnPtr& rows, const TaskContext& context) {
  if (rows->size() == 0) return;
  raw_bytes_ += rows->byte_size();
  if (declaration_.type.is_float_array()) {
    const std::optional<size_t> length = AsArrays(*rows).UniformLength();
    if (rows_ == 0 && length.value_or(0) > 0) {
      dimensions_ = *length;
      page_checksums_.emplace(data_seed_);
      if (to_file_) data_->MoveToFile(directory_.files(), FilePath());
    }
    if (dimensions_ > 0 && length != dimensions_) RewriteAsFrames(context);
  }
  if (to_file_ && !data_->in_file()) data_->MoveToFile(directory_.files(), FilePath());
  if (dimensions_ > 0) {
    AppendVectors(AsArrays(*rows), context);
  } else {
    AppendFrames(*rows, context);
  }
  rows_ += rows->size();
}

void ColumnWriter::MoveToFile() {
  to_file_ = true;
  if (rows_ > 0) data_->MoveToFile(directory_.files(), FilePath());
}

void ColumnWriter::AppendVectors(const ArrayColumn& rows, const TaskContext& context) {
  VisitFixedType(declaration_.type.element().id(), [&]<class T>() {
    const T* elements = AsNumbers<T>(*rows.elements()).data() + rows.Begin(0);
    const auto bytes = std::as_bytes(std::span(elements, rows.size() * dimensions_));
    for (size_t done = 0; done < bytes.size(); done += kVectorStepBytes) {
      context.CheckCancelled();
      const auto step = bytes.subspan(done, std::min(kVectorStepBytes, bytes.size() - done));
      page_checksums_->Append(step);
      data_->Append(step);
    }
  });
}

void ColumnWriter::AppendFrames(const Column& rows, const TaskContext& context) {
  for (size_t row = 0; row < rows.size(); row += granule_rows_) {
    context.CheckCancelled();
    marks_.push_back({data_->size(), raw_.size()});
    EncodeRows(rows, row, std::min(granule_rows_, rows.size() - row), raw_);
    if (raw_.size() >= kFrameRawBytes) EndFrame();
  }
}

void ColumnWriter::EndFrame() {
  encoder_.Write(raw_.bytes(), data_seed_ + data_->size(), *data_);
  raw_.Clear();
}

void ColumnWriter::RewriteAsFrames(const TaskContext& context) {
  const Vectors vectors = *WrittenVectors();
  const std::unique_ptr<StreamWriter> old = std::move(data_);
  data_ = std::make_unique<StreamWriter>(data_seed_);
  dimensions_ = 0;
  page_checksums_.reset();
  if (to_file_) data_->MoveToFile(directory_.files(), FilePath());
  for (uint64_t row = 0; row < rows_; row += granule_rows_) {
    const size_t rows = std::min<uint64_t>(granule_rows_, rows_ - row);
    const size_t stride = vectors.rows.stride_bytes;
    if (vectors.view.map) vectors.view.map->Populate(row * stride, rows * stride);
    AppendFrames(*VectorsAsColumn(vectors, row, rows), context);
  }
  if (to_file_) directory_.files().Remove(old->path());
}

ColumnPtr ColumnWriter::VectorsAsColumn(const Vectors& vectors, size_t first_row,
                                        size_t rows) const {
  const DataType& element = declaration_.type.element();
  ColumnPtr elements = VisitFixedType(element.id(), [&]<class T>() -> ColumnPtr {
    const T* values = reinterpret_cast<const T*>(vectors.rows.Row(first_row));
    return std::make_shared<NumberColumn<T>>(element, vectors.view.map, values,
                                             rows * vectors.rows.dimensions);
  });
  return ArrayColumn::Uniform(std::move(elements), vectors.rows.dimensions, rows);
}

std::optional<ColumnWriter::Vectors> ColumnWriter::WrittenVectors() {
  if (dimensions_ == 0) return std::nullopt;
  Vectors vectors{data_->Everything(directory_.files()), {}};
  const TypeId element = declaration_.type.element().id();
  vectors.rows = {vectors.view.bytes.data(),
                  dimensions_ * declaration_.type.element().fixed_bytes(), rows_, dimensions_,
                  element == TypeId::kFloat64    ? VectorElement::kFloat64
                  : element == TypeId::kBFloat16 ? VectorElement::kBFloat16
                                                 : VectorElement::kFloat32};
  return vectors;
}

void ColumnWriter::Finish() {
  ByteWriter numbers;
  if (dimensions_ > 0) {
    for (const uint64_t checksum : page_checksums_->Finish()) numbers.Write<uint64_t>(checksum);
  } else {
    if (raw_.size() > 0) EndFrame();
    for (const Mark& mark : marks_) {
      numbers.Write<uint64_t>(mark.frame_offset);
      numbers.Write<uint64_t>(mark.raw_offset);
    }
  }
  FrameEncoder().Write(numbers.bytes(), places_.seed(), places_);
}

ManifestColumn ColumnWriter::Describe() const {
  ManifestColumn column;
  column.name = declaration_.name;
  column.type = declaration_.type;
  column.layout = dimensions_ > 0 ? ColumnLayout::kVectors : ColumnLayout::kFrames;
  column.dimensions = dimensions_;
  column.raw_bytes = raw_bytes_;
  return column;
}

std::string ColumnWriter::FilePath() const {
  return directory_.FilePath(
      fmt::format("column_{}.{}", number_, dimensions_ > 0 ? "vectors" : "frames"));
}

}  // namespace granary
