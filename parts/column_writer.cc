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
      places_(places_seed),
      is_vectors_(declaration.type.is_float_array()) {}

void ColumnWriter::Append(const ColumnPtr& rows, const TaskContext& context) {
  if (rows->size() == 0) return;
  raw_bytes_ += rows->byte_size();
  if (is_vectors_ && !AreVectors(AsArrays(*rows))) RewriteAsFrames(context);
  if (to_file_ && !data_->in_file()) data_->MoveToFile(directory_.files(), FilePath());
  if (is_vectors_) {
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

bool ColumnWriter::AreVectors(const ArrayColumn& rows) const {
  const std::optional<size_t> uniform = rows.UniformLength();
  if (uniform && (*uniform == dimensions_ || *uniform == 0 || dimensions_ == 0)) return true;
  size_t length = dimensions_;
  for (size_t row = 0; row < rows.size(); ++row) {
    const size_t of_row = rows.Length(row);
    if (of_row == 0 || of_row == length) continue;
    if (length != 0) return false;
    length = of_row;
  }
  return true;
}

void ColumnWriter::AppendVectors(const ArrayColumn& rows, const TaskContext& context) {
  const uint64_t elements = rows.End(rows.size() - 1) - rows.Begin(0);
  if (dimensions_ == 0 && elements > 0) {
    size_t first = 0;
    while (rows.Length(first) == 0) ++first;
    dimensions_ = rows.Length(first);
    page_checksums_.emplace(data_seed_);
  }
  AddPresent(rows);
  if (elements == 0) return;
  vectors_ += elements / dimensions_;
  VisitFixedType(declaration_.type.element().id(), [&]<class T>() {
    const T* values = AsNumbers<T>(*rows.elements()).data() + rows.Begin(0);
    const auto bytes = std::as_bytes(std::span(values, elements));
    for (size_t done = 0; done < bytes.size(); done += kVectorStepBytes) {
      context.CheckCancelled();
      const auto step = bytes.subspan(done, std::min(kVectorStepBytes, bytes.size() - done));
      page_checksums_->Append(step);
      data_->Append(step);
    }
  });
}

void ColumnWriter::AddPresent(const ArrayColumn& rows) {
  const uint64_t elements = rows.End(rows.size() - 1) - rows.Begin(0);
  const bool has_empty = elements < rows.size() * dimensions_ || dimensions_ == 0;
  if (!has_empty && !present_) return;
  if (!present_) present_.emplace(rows_, true);
  present_->Grow(rows_ + rows.size());
  for (size_t row = 0; row < rows.size(); ++row) {
    if (rows.Length(row) > 0) present_->Set(rows_ + row);
  }
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
  is_vectors_ = false;
  page_checksums_.reset();
  if (to_file_) data_->MoveToFile(directory_.files(), FilePath());
  uint64_t vector = 0;
  for (uint64_t row = 0; row < rows_; row += granule_rows_) {
    const size_t rows = std::min<uint64_t>(granule_rows_, rows_ - row);
    const size_t count = CountVectors(row, rows);
    const size_t stride = vectors.rows.stride_bytes;
    if (vectors.view.map) vectors.view.map->Populate(vector * stride, count * stride);
    AppendFrames(*VectorsAsColumn(vectors, row, rows, vector), context);
    vector += count;
  }
  dimensions_ = 0;
  present_.reset();
  if (old->in_file()) directory_.files().Remove(old->path());
}

ColumnPtr ColumnWriter::VectorsAsColumn(const Vectors& vectors, uint64_t first_row, size_t rows,
                                        uint64_t first_vector) const {
  const size_t dimensions = vectors.rows.dimensions;
  const DataType& element = declaration_.type.element();
  ColumnPtr elements = VisitFixedType(element.id(), [&]<class T>() -> ColumnPtr {
    const T* values = reinterpret_cast<const T*>(vectors.rows.Row(first_vector));
    return std::make_shared<NumberColumn<T>>(element, vectors.view.map, values,
                                             CountVectors(first_row, rows) * dimensions);
  });
  if (!present_) return ArrayColumn::Uniform(std::move(elements), dimensions, rows);
  std::vector<uint64_t> end_offsets(rows);
  uint64_t end = 0;
  for (size_t row = 0; row < rows; ++row) {
    end_offsets[row] = end += present_->Test(first_row + row) ? dimensions : 0;
  }
  return std::make_shared<ArrayColumn>(std::move(elements), std::move(end_offsets));
}

std::optional<ColumnWriter::Vectors> ColumnWriter::WrittenVectors() {
  if (!is_vectors_) return std::nullopt;
  Vectors vectors{data_->Everything(directory_.files()), {}};
  const TypeId element = declaration_.type.element().id();
  vectors.rows = {vectors.view.bytes.data(),
                  dimensions_ * declaration_.type.element().fixed_bytes(), vectors_, dimensions_,
                  element == TypeId::kFloat64    ? VectorElement::kFloat64
                  : element == TypeId::kBFloat16 ? VectorElement::kBFloat16
                                                 : VectorElement::kFloat32};
  return vectors;
}

void ColumnWriter::Finish() {
  ByteWriter numbers;
  if (is_vectors_) {
    if (page_checksums_) {
      for (const uint64_t checksum : page_checksums_->Finish()) numbers.Write<uint64_t>(checksum);
    }
    if (present_) {
      for (const uint64_t word : present_->words()) numbers.Write<uint64_t>(word);
    }
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
  column.layout = !is_vectors_ ? ColumnLayout::kFrames
                  : present_   ? ColumnLayout::kPresentVectors
                               : ColumnLayout::kVectors;
  column.dimensions = dimensions_;
  column.raw_bytes = raw_bytes_;
  return column;
}

std::string ColumnWriter::FilePath() const {
  return directory_.FilePath(
      fmt::format("column_{}.{}", number_, is_vectors_ ? "vectors" : "frames"));
}

}  // namespace granary
