#include "granary/skipindex/vector_similarity/packed_codes.h"

#include <algorithm>
#include <cstring>

#include "granary/skipindex/vector_similarity/exact_rows.h"

namespace granary {
namespace {

constexpr size_t kBlock = PackedRows::kBlockRows;
constexpr size_t kQuad = PackedRows::kQuadBytes;

}  // namespace

PackedCodes::PackedCodes(const DistanceKernels& kernels, const ByteCodeRows& codes)
    : kernels_(kernels),
      codes_(codes),
      quads_((codes.dimensions + kQuad - 1) / kQuad),
      row_bytes_(kRowsAtOnce * quads_ * kQuad),
      row_offsets_(kRowsAtOnce) {}

void PackedCodes::SetColumns(std::span<const uint32_t> columns) {
  columns_ = columns.size();
  blocks_ = (columns_ + kBlock - 1) / kBlock;
  packed_.resize(blocks_ * kBlock * quads_ * kQuad);
  offsets_.resize(PaddedColumns());
  if (codes_.scaled) tails_.resize(columns_);
  keys_.resize(kRowsAtOnce * PaddedColumns());
  places_.resize(PaddedColumns() + 1);
  if (codes_.exact != nullptr) {
    column_rows_.assign(columns.begin(), columns.end());
    return;
  }
  for (size_t c = 0; c < columns_; ++c) {
    const std::byte* code = codes_.Row(columns[c]);
    uint8_t* packed = packed_.data() + (c / kBlock * kBlock * quads_ + c % kBlock) * kQuad;
    for (size_t i = 0; i < quads_; ++i) {
      std::memcpy(packed + i * kBlock * kQuad, code + i * kQuad, kQuad);
    }
    if (codes_.scaled) {
      tails_[c] = codes_.Tail(columns[c]);
    } else {
      offsets_[c] = codes_.SquaredLength(columns[c]);
    }
  }
}

void PackedCodes::Measure(std::span<const uint32_t> rows) {
  if (codes_.exact != nullptr) {
    for (size_t i = 0; i < rows.size(); ++i) {
      uint32_t* keys = keys_.data() + i * PaddedColumns();
      codes_.exact->Measure(rows[i], column_rows_, keys);
      std::fill(keys + columns_, keys + PaddedColumns(), UINT32_MAX);
    }
    return;
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto* code = reinterpret_cast<const uint8_t*>(codes_.Row(rows[i]));
    int8_t* bytes = row_bytes_.data() + i * quads_ * kQuad;
    for (size_t d = 0; d < codes_.dimensions; ++d) bytes[d] = static_cast<int8_t>(code[d] ^ 0x80);
    row_offsets_[i] = codes_.scaled ? 0 : codes_.QueryConstant(rows[i]);
  }
  kernels_.packed_u8_i8({.bytes = packed_.data(),
                         .offsets = codes_.scaled ? nullptr : offsets_.data(),
                         .blocks = blocks_,
                         .quads = quads_},
                        {row_bytes_.data(), row_offsets_.data(), rows.size()}, keys_.data());
  for (size_t i = 0; i < rows.size(); ++i) {
    uint32_t* keys = keys_.data() + i * PaddedColumns();
    if (codes_.scaled) Scale(rows[i], keys);
    std::fill(keys + columns_, keys + PaddedColumns(), UINT32_MAX);
  }
}

void PackedCodes::Scale(uint32_t row, uint32_t* keys) const {
  const ScaledTail& tail = codes_.Tail(row);
  const uint32_t constant = 128 * static_cast<uint32_t>(tail.sum);
  for (size_t c = 0; c < columns_; ++c) {
    keys[c] = ScaledDistance(static_cast<int32_t>(keys[c] - constant), tail, tails_[c]);
  }
}

std::span<const uint32_t> PackedCodes::NearestTo(size_t i, size_t wanted) {
  const size_t found =
      kernels_.smallest(Keys(i), blocks_, std::min(wanted, columns_), places_.data());
  return std::span<const uint32_t>(places_).first(static_cast<size_t>(
      std::lower_bound(places_.begin(), places_.begin() + static_cast<ptrdiff_t>(found), columns_) -
      places_.begin()));
}

size_t PackedCodes::ByteSize(size_t columns, const ByteCodeRows& codes) {
  const size_t per_column =
      codes.stride_bytes + sizeof(ScaledTail) + (kRowsAtOnce + 2) * sizeof(uint32_t);
  return (columns + kBlock) * per_column + kRowsAtOnce * codes.stride_bytes;
}

}  // namespace granary
