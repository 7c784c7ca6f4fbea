// 8-bit codes: each vector becomes one byte per dimension, in a space where squared L2 distance
// between rows orders them as the metric does:
//
//   L2Distance      vectors minus the median of the block, coordinate by coordinate
//   cosineDistance  vectors of length 1
//   dotProduct      vectors with one more dimension that gives all of them the same length; a query
//                   has 0 there (Bachrach et al. 2014)
//
// L2Distance and cosineDistance have one scale for the whole index block. Under dotProduct lengths
// may differ much, and the longest rows are the nearest: each row has a scale of its own, and the
// added dimension is a 32-bit integer beside the bytes. Rows are as long as the row at
// kLongRowShare of the block in order of length; longer ones are cut to that in distances between
// rows, which only the build of a graph measures, so that a few cannot draw all others together.
//
// Distances between rows are computed in integers and so are the same on every CPU: graphs are
// built on these codes whatever quantization is declared, and searched on them where it is 'i8'.
//
// The code of a row: one byte per dimension (value + 128), zeros up to a multiple of 4, a tail,
// then zeros up to a multiple of 32 bytes. The tail is two uint32 (squared length, and squared
// length + 256 * sum of the values, modulo 2^32); under dotProduct it is a ScaledTail.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "granary/skipindex/vector_similarity/vector_codes.h"
#include "granary/table/task_context.h"

namespace granary {

// Behind the bytes of a row under kDotProduct. Distances between rows are measured in units of
// which length_cut is 2^30.
struct ScaledTail {
  float step;           // of one unit of the bytes
  uint32_t multiplier;  // the same in units, less for a row that is cut
  uint32_t added;       // the added dimension, in units
  int32_t sum;          // of the values
};

// The key of the distance between two rows, given the product of their values.
uint32_t ScaledDistance(int64_t dot, const ScaledTail& a, const ScaledTail& b);

// How vectors of one index block become bytes. Immutable after Train or Read.
class ByteCodec {
 public:
  // Learns center and scale from a sample of the rows; the same rows give the same codec. Checks
  // for cancellation.
  static ByteCodec Train(const VectorReader& reader, const TaskContext& context);
  // `dimensions` is that of the vectors. Throws CORRUPTED_DATA.
  static ByteCodec Read(ByteReader& in, Metric metric, size_t dimensions);
  void Write(ByteWriter& out) const;

  Metric metric() const { return metric_; }
  size_t dimensions() const { return dimensions_; }
  size_t stride_bytes() const { return stride_bytes_; }

  // `vector` is what VectorReader reads. Writes stride_bytes() bytes. Returns an upper bound of the
  // L2 distance between the vector, centered under kL2, and what the code stands for; infinity
  // where the code says nothing.
  float EncodeRow(std::span<const float> vector, std::byte* code) const;

  struct EncodedQuery {
    float step;   // of one unit of the code: under kDotProduct the query has a scale of its own
    float error;  // as EncodeRow returns it
  };
  // Writes a signed byte per dimension; `vector` as for EncodeRow.
  EncodedQuery EncodeQuery(std::span<const float> vector, int8_t* code) const;

  // The squared length that a code of zeros has. Under kCosine, where a zero vector has no
  // direction, that of the other codes: it is then as far from all others as at a right angle.
  uint32_t SquaredLengthOfZero() const;

  // Of one unit of a code; under kDotProduct the largest of any row.
  float step() const { return step_; }
  // Of the rows; only under kDotProduct.
  double longest() const { return longest_; }

 private:
  ByteCodec(Metric metric, size_t dimensions);
  int Quantize(float value, float step) const;
  ScaledTail TailFor(float step, int32_t sum, uint32_t norm) const;
  // For values up to this magnitude.
  float StepFor(float largest) const;

  Metric metric_;
  size_t dimensions_;
  size_t stride_bytes_;
  int value_max_;  // so that squared distances fit 31 bits
  float step_ = 1;
  double longest_ = 0;
  double length_cut_ = 0;      // under kDotProduct: that of all rows with their added dimension
  std::vector<float> center_;  // zeros but under kL2
};

class ExactRows;

// Rows of codes in memory or in a mapped file.
struct ByteCodeRows {
  const std::byte* base = nullptr;
  size_t stride_bytes = 0;
  size_t dimensions = 0;
  bool scaled = false;  // under kDotProduct
  // The vectors of the rows where the codes are too coarse to build a graph on; else null.
  // Distances between rows are then theirs.
  const ExactRows* exact = nullptr;

  size_t tail_offset() const { return (dimensions + 3) / 4 * 4; }
  const std::byte* Row(size_t row) const { return base + row * stride_bytes; }
  // Unless scaled.
  uint32_t SquaredLength(size_t row) const { return Norms(row)[0]; }
  uint32_t QueryConstant(size_t row) const { return Norms(row)[1]; }
  // If scaled.
  const ScaledTail& Tail(size_t row) const {
    return *reinterpret_cast<const ScaledTail*>(Row(row) + tail_offset());
  }

 private:
  const uint32_t* Norms(size_t row) const {
    return reinterpret_cast<const uint32_t*>(Row(row) + tail_offset());
  }
};

// How far the vectors of a block are from their codes (EncodeRow): at most `bound`, but for some
// rows of which `rows` has the numbers, ascending, and `errors` the distances.
struct ByteCodeErrors {
  float bound = 0;
  std::span<const uint32_t> rows;
  std::span<const float> errors;
};

// Distances between codes; the query is set as often as wanted. Keys are squared L2 distances; for
// a query under kDotProduct those of floats (FloatToKey), minus the product with the row.
class ByteCodeScorer final : public CodeScorer {
 public:
  ByteCodeScorer(const DistanceKernels& kernels, ByteCodeRows rows);

  // The query is the code of a row, of these rows or of others from the same codec.
  void SetQueryRow(size_t row) { SetQueryCode(rows_, row); }
  void SetQueryCode(const ByteCodeRows& rows, size_t row);
  // The query is a vector, as ByteCodec::EncodeQuery wants it; the codec outlives the scorer.
  void SetQuery(const ByteCodec& codec, std::span<const float> vector);

  void Score(const uint32_t* row_ids, size_t count, uint32_t* keys) override;
  float Estimate(uint32_t key) const override;
  uint32_t KeyOf(float estimate) const override;
  uint32_t KeyWithError(uint32_t key) const override;

  // For a query that is a vector. The key beyond which no row is whose distance, as the query
  // engine computes it in float or double, is at most `distance` (under kDotProduct: at least) and
  // whose code has an error (ByteCodec::EncodeRow) of at most row_error. UINT32_MAX: any may be.
  uint32_t KeyLimit(double distance, float row_error) const;
  // The key that a row with a larger error than `allowed` passes for one with that.
  uint32_t LowerForError(uint32_t key, float error, float allowed) const;

 private:
  uint32_t ProductLimit(double product, float row_error) const;

  // What Score makes of dot products of bytes, which it finds in `keys`.
  void SquaredDistances(const uint32_t* row_ids, size_t count, uint32_t* keys) const;
  void ScaledDistances(const uint32_t* row_ids, size_t count, uint32_t* keys) const;
  void ScaledProducts(const uint32_t* row_ids, size_t count, uint32_t* keys) const;

  const DistanceKernels& kernels_;
  ByteCodeRows rows_;
  std::vector<int8_t> query_;
  uint32_t query_row_ = 0;            // of a query that is a row
  uint32_t query_constant_ = 0;       // |query|^2 + 256 * sum(query); if scaled 128 * sum(query)
  ScaledTail query_tail_ = {};        // of a query that is a row, if scaled
  const ByteCodec* codec_ = nullptr;  // of a query that is a vector
  float query_step_ = 0;
  float query_length_ = 0;
  float query_error_ = 0;
};

}  // namespace granary
