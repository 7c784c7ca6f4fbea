#include "granary/parts/vector_column.h"

#include <algorithm>

#include "granary/parts/format.h"

namespace granary {
namespace {

VectorElement ElementOf(const DataType& type) {
  if (type.id() == TypeId::kFloat64) return VectorElement::kFloat64;
  return type.id() == TypeId::kBFloat16 ? VectorElement::kBFloat16 : VectorElement::kFloat32;
}

}  // namespace

StoredPart::VectorColumn::VectorColumn(const StoredPart& part, const ManifestColumn& column,
                                       std::vector<uint64_t> numbers)
    : part_(part),
      column_(column),
      sums_(std::move(numbers)),
      map_(part.MapFile(column.data)),
      stream_(part.StreamBytes(*map_, column.data)),
      verified_((PageCount(column.data.bytes) + 63) / 64) {
  const VectorElement element = ElementOf(column.type.element());
  const uint64_t stride = column.dimensions * VectorElementBytes(element);
  rows_ = {stream_.data(), stride, stride == 0 ? 0 : stream_.size() / stride, column.dimensions,
           element};
  if (column.layout != ColumnLayout::kPresentVectors) return;
  const size_t pages = PageCount(column.data.bytes);
  ReadPresentRows(std::span(sums_).subspan(pages));
  sums_.resize(pages);
}

void StoredPart::VectorColumn::ReadPresentRows(std::span<const uint64_t> words) {
  RowBitmap present(part_.rows());
  std::copy(words.begin(), words.end(), present.mutable_words().begin());
  const bool has_more = part_.rows() % 64 != 0 && words.back() >> (part_.rows() % 64) != 0;
  if (has_more || present.Count() != rows_.rows) {
    part_.ThrowDamaged(column_.places, 0, "other vectors than the rows that have one");
  }
  present_.emplace(std::move(present));
}

void StoredPart::VectorColumn::VerifyRows(uint64_t first_vector, uint64_t count) const {
  if (count == 0) return;
  const uint64_t begin = first_vector * rows_.stride_bytes;
  const uint64_t last = begin + count * rows_.stride_bytes - 1;
  const size_t end_page = last / kChecksumPageBytes + 1;
  for (size_t page = begin / kChecksumPageBytes; page < end_page; ++page) {
    if (IsVerified(page)) continue;
    size_t end = page + 1;
    while (end < end_page && !IsVerified(end)) ++end;
    VerifyPages(page, end);
    page = end - 1;
  }
}

void StoredPart::VectorColumn::VerifyPages(size_t first, size_t end) const {
  const uint64_t begin_offset = first * kChecksumPageBytes;
  const uint64_t bytes =
      std::min<uint64_t>(end * kChecksumPageBytes, stream_.size()) - begin_offset;
  try {
    map_->Populate(part_.FileOffset(column_.data) + begin_offset, bytes);
  } catch (Error& error) {
    error.AddContext("reading " + part_.Describe(column_.data, begin_offset));
    throw;
  }
  const size_t damaged = FirstDamagedPage(stream_, sums_, column_.data.seed, first, end);
  if (damaged != end) {
    part_.ThrowDamaged(column_.data, damaged * kChecksumPageBytes,
                       "the checksum of a page of vectors does not match");
  }
  for (size_t page = first; page < end; ++page) {
    verified_[page / 64].fetch_or(uint64_t{1} << (page % 64), std::memory_order_release);
  }
}

}  // namespace granary
