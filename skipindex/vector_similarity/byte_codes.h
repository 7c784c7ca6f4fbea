// 8-bit codes: each vector becomes one byte per dimension, on one scale for the whole index block,
// in a space where squared L2 distance between codes orders rows as the metric does:
//
//   L2Distance      vectors minus the median of the block, coordinate by coordinate
//   cosineDistance  vectors of length 1
//   dotProduct      vectors with one more dimension that gives all of them the same length (of the
//                   longest); a query, scaled to that length, has 0 there (Bachrach et al. 2014).
//                   That dimension is spread evenly over several, so that it does not set the scale
//
// Distances are computed in integers and so are the same on every CPU: graphs are built on these
// codes whatever quantization is declared, and searched on them where it is 'i8'.
//
// The code of a row: one byte per dimension (value + 128), added ones included, zeros up to a
// multiple of 4, two uint32 (squared length, and squared length + 256 * sum of the values, modulo
// 2^32), then zeros up to a multiple of 32 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "granary/skipindex/vector_similarity/vector_codes.h"
#include "granary/table/task_context.h"

namespace granary {

// How vectors of one index block become bytes. Immutable after Train or Read.
class ByteCodec {
 public:
  // Learns center and scale from a sample of the rows; the same rows give the same codec. Checks
  // for cancellation.
  static ByteCodec Train(const VectorReader& reader, const TaskContext& context);
  // `dimensions` is that of the vectors. Throws CORRUPTED_DATA.
  static ByteCodec Read(ByteReader& in, Metric metric, size_t dimensions);
  void Write(ByteWriter& out) const;

  // Bytes per vector that carry values: the dimensions, and those added under kDotProduct.
  size_t code_dimensions() const { return code_dimensions_; }
  size_t stride_bytes() const { return stride_bytes_; }

  // `vector` is what VectorReader reads. Writes stride_bytes() bytes. Returns an upper bound of the
  // L2 distance between the vector, in the space of the codes, and what the code stands for;
  // infinity where the code says nothing.
  float EncodeRow(std::span<const float> vector, std::byte* code) const;
  // Writes code_dimensions() signed bytes; `vector` as for EncodeRow, changed in passing. Returns
  // the same bound.
  float EncodeQuery(std::span<float> vector, int8_t* code) const;

  // The largest squared distance between the codes of a query and a row whose distance, as the
  // query engine computes it in float or double, is at most `distance` (under kDotProduct: at
  // least), if row and query are at most `error` away from their codes. UINT32_MAX: any may be.
  uint32_t CodeDistanceLimit(double distance, double error, float query_length) const;
  // The code distance that a row with a larger error than `allowed` passes for one with that.
  uint32_t LowerForError(uint32_t code_distance, float error, float allowed) const;

  // The squared length that a code of zeros has. Under kCosine, where a zero vector has no
  // direction, that of the other codes: it is then as far from all others as at a right angle.
  uint32_t SquaredLengthOfZero() const;

  // L2 distance squared in code space -> CodeScorer::Estimate, for a query of this length.
  float Estimate(uint32_t code_distance, float query_length) const;

 private:
  ByteCodec(Metric metric, size_t dimensions) : metric_(metric), dimensions_(dimensions) {}
  void SetAddedDimensions(size_t added);
  int Quantize(float value) const;

  Metric metric_;
  size_t dimensions_;
  size_t code_dimensions_;
  size_t stride_bytes_;
  int value_max_;              // so that squared distances fit 31 bits
  float step_ = 1;             // of one unit of a code
  double length_max_ = 0;      // under kDotProduct
  std::vector<float> center_;  // zeros but under kL2
};

// Rows of codes in memory or in a mapped file.
struct ByteCodeRows {
  const std::byte* base = nullptr;
  size_t stride_bytes = 0;
  size_t code_dimensions = 0;

  size_t norm_offset() const { return (code_dimensions + 3) / 4 * 4; }
  const std::byte* Row(size_t row) const { return base + row * stride_bytes; }
  uint32_t SquaredLength(size_t row) const { return Norms(row)[0]; }
  uint32_t QueryConstant(size_t row) const { return Norms(row)[1]; }

 private:
  const uint32_t* Norms(size_t row) const {
    return reinterpret_cast<const uint32_t*>(Row(row) + norm_offset());
  }
};

// How far the vectors of a block are from their codes (EncodeRow): at most `bound`, but for some
// rows of which `rows` has the numbers, ascending, and `errors` the distances.
struct ByteCodeErrors {
  float bound = 0;
  std::span<const uint32_t> rows;
  std::span<const float> errors;
};

// Squared L2 distances between codes; the query is set as often as wanted.
class ByteCodeScorer final : public CodeScorer {
 public:
  ByteCodeScorer(const DistanceKernels& kernels, ByteCodeRows rows);

  // The query is the code of a row, of these rows or of others from the same codec.
  void SetQueryRow(size_t row) { SetQueryCode(rows_, row); }
  void SetQueryCode(const ByteCodeRows& rows, size_t row);
  // The query is a vector, as ByteCodec::EncodeQuery wants it; the codec outlives the scorer.
  void SetQuery(const ByteCodec& codec, std::span<float> vector);

  void Score(const uint32_t* row_ids, size_t count, uint32_t* keys) override;
  float Estimate(uint32_t key) const override { return codec_->Estimate(key, query_length_); }
  uint32_t KeyWithError(uint32_t key) const override;

  // Of the query that SetQuery was given.
  float query_error() const { return query_error_; }
  float query_length() const { return query_length_; }

 private:
  const DistanceKernels& kernels_;
  ByteCodeRows rows_;
  std::vector<int8_t> query_;
  uint32_t query_constant_ = 0;  // |query|^2 + 256 * sum(query)
  const ByteCodec* codec_ = nullptr;
  float query_length_ = 0;
  float query_error_ = 0;
};

}  // namespace granary
