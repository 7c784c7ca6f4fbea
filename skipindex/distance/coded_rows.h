// Leaving out rows without measuring them: rows and queries are rounded to bytes, whose products
// are cheap, and an error bound proves of most rows that they are farther than a given distance.
// Worth it where a run of rows is compared with many queries while it lies in the cache. Nothing is
// approximate: what is not left out is to be measured.
//
// A row x is s * c + e with bytes c, a query y is t * d + f. By Cauchy and Schwarz
//   x * y <= s * t * (c * d) + (|x| + |e|) * |f| + |e| * |y|
// and the lengths on the right are computed, not assumed. Rounding in this arithmetic and in that
// of the kernels that measure (distance.h) is covered by a multiple of |x| * |y| beside it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "granary/skipindex/distance/distance.h"

namespace granary {

struct EncodedRow;

class CodedQuery {
 public:
  CodedQuery(DistanceFunction function, std::span<const double> query);

  DistanceFunction function() const { return function_; }

 private:
  friend class CodedRows;

  // A row whose upper bound of the product is less than this is farther than `distance`.
  float ProductNeeded(double distance) const;

  DistanceFunction function_;
  std::vector<int8_t> codes_;  // and zeros up to a multiple of four
  float step_ = 0;             // t
  int32_t code_sum_ = 0;       // of d
  double length_ = 0;          // |y|
  double rounding_ = 0;        // of sums over so many dimensions, relative
  float length_factor_ = 0;    // what |x| adds to the bound
  float error_factor_ = 0;     // what |e| adds to it
};

// A run of rows. Not thread-safe; reused for the next run.
class CodedRows {
 public:
  static constexpr size_t kDimensionsMax = 32768;

  // The rows with these numbers, in this order.
  void Encode(const DistanceKernels& kernels, DistanceFunction function, const VectorRows& rows,
              std::span<const uint32_t> row_ids);

  // Appends the positions in the run, ascending, of all rows whose distance to the query, as
  // ComputeDistances computes it in float or in double, may be at most `distance` (under
  // kDotProduct: at least `distance`); NaN may be. The query has the function and dimensions of the
  // run.
  void FindNear(const DistanceKernels& kernels, const CodedQuery& query, double distance,
                std::vector<uint32_t>& positions);

  size_t size() const { return size_; }

 private:
  // For grouped codes.
  void FindNearInGroups(const CodedQuery& query, float needed,
                        std::vector<uint32_t>& positions) const;
  // `values` are padded with zeros to whole lanes.
  void EncodeRow(const float* values, size_t row);

  EncodedRow (*encoder_)(const float* values, size_t padded, uint8_t* codes) = nullptr;
  DistanceFunction function_ = DistanceFunction::kL2;
  // Groups of four codes of sixteen rows lie together, for instructions that multiply and add so
  // many; else row by row, every stride_ bytes.
  bool is_grouped_ = false;
  size_t size_ = 0;
  size_t dimensions_ = 0;
  size_t stride_ = 0;
  std::vector<float> values_;       // of the row being encoded, padded with zeros
  std::vector<uint8_t> row_codes_;  // the same
  std::vector<uint8_t> codes_;
  // By row. Under kCosine those of the row divided by its length.
  std::vector<float> step_;    // s
  std::vector<float> length_;  // |x|
  std::vector<float> error_;   // |e|; infinite for rows that must be measured
  std::vector<float> offset_;  // added to the bound: -|x|^2 / 2 for L2
  std::vector<int32_t> products_;
};

}  // namespace granary
