// Exact distances, and the k best of them: the one place where the rows of a vector search are
// ranked, whether a graph proposed them or a scan passed by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "granary/parts/part.h"
#include "granary/skipindex/distance/distance.h"
#include "granary/table/task_context.h"

namespace granary {

// A query vector in the types that its distances are computed in.
class DistanceQuery {
 public:
  // `vector` is one row of an array of numbers. `is_double`: distances are Float64, else Float32.
  DistanceQuery(DistanceFunction function, std::string column, const Column& vector, bool is_double,
                const DistanceKernels* kernels);
  DistanceQuery(DistanceFunction function, std::string column, std::span<const float> vector,
                bool is_double, const DistanceKernels* kernels);

  DistanceFunction function() const { return function_; }
  const std::string& column() const { return column_; }
  const DistanceKernels& kernels() const { return *kernels_; }
  size_t dimensions() const { return floats_.size(); }
  // What searchers take.
  std::span<const float> floats() const { return floats_; }
  std::span<const double> doubles() const { return doubles_; }
  bool is_double() const { return is_double_; }
  bool is_finite() const;
  bool is_zero() const;
  // The distance of a row without a vector: NaN, unless there is none here either.
  double distance_to_missing() const;

 private:
  DistanceFunction function_;
  std::string column_;
  const DistanceKernels* kernels_;
  std::vector<float> floats_;
  std::vector<double> doubles_;
  bool is_double_;
};

// A row with its exact distance. Ranked by distance as SQL sorts it (NaN last), then by part, then
// by row.
struct RankedRow {
  uint64_t code = 0;  // of the distance, in the order of nearness
  uint32_t part = 0;  // position in the selection
  uint32_t row = 0;   // of the part
  double distance = 0;

  friend bool operator<(const RankedRow& a, const RankedRow& b) {
    if (a.code != b.code) return a.code < b.code;
    return a.part != b.part ? a.part < b.part : a.row < b.row;
  }
};

// The `limit` best rows seen: a bounded heap. Not thread-safe.
class NearestRows {
 public:
  NearestRows(size_t limit, bool larger_is_nearer);

  void Add(uint32_t part, uint32_t row, double distance);
  // Adds row_of(i) with distances[i], for all i. T is float or double.
  template <class T, class RowOf>
  void AddEach(uint32_t part, std::span<const T> distances, RowOf row_of);
  void Merge(const NearestRows& other);
  size_t size() const { return heap_.size(); }
  size_t limit() const { return limit_; }
  // A row that is farther than this cannot enter; infinite as long as any can.
  double farthest_distance() const { return worst_distance_; }
  // Best first.
  ChargedVector<RankedRow> TakeSorted();

 private:
  double FarthestDistance() const;
  uint64_t CodeOf(double distance) const;
  void Push(const RankedRow& row);
  template <class T>
  bool AnyMayEnter(std::span<const T> distances) const;

  size_t limit_;
  uint64_t flip_;
  uint64_t worst_code_;    // rows with a larger code cannot enter
  double worst_distance_;  // rows that are farther cannot enter
  ChargedVector<RankedRow> heap_;
};

// Measures rows of one part. Belongs to one thread.
class PartDistances {
 public:
  PartDistances(const DistanceQuery* query, PartPtr part, uint32_t part_number,
                const TaskContext* task);

  // Rows [first_row, first_row + count); first_row is the first of a granule. Throws
  // SIZES_OF_ARRAYS_DONT_MATCH if a vector has another length than the query. The distance of a row
  // without a vector is NaN.
  void AddRange(uint64_t first_row, size_t count, NearestRows& nearest) const;
  // In ascending order.
  void AddRows(std::span<const uint32_t> rows, NearestRows& nearest) const;

 private:
  [[noreturn]] void ThrowWrongLength(size_t length) const;
  // The vectors of a block, which holds them alone. Those of `rows` that have none are added with
  // NaN and taken out.
  VectorRows VectorsOf(const Block& block, std::vector<uint32_t>& rows, NearestRows& nearest) const;
  // Adds row_of(i) with the distance of vectors.Row(first + i), for i below count.
  template <class RowOf>
  void Measure(const VectorRows& vectors, size_t first, size_t count, RowOf row_of,
               NearestRows& nearest) const;
  void AddVectors(std::span<const uint32_t> rows, std::span<const uint32_t> vectors,
                  NearestRows& nearest) const;
  // f(span of the query) in the type that distances are computed in.
  template <class F>
  void WithQuery(F&& f) const;

  const DistanceQuery* query_;
  PartPtr part_;
  uint32_t part_number_;
  const TaskContext* task_;
  const StoredVectors* vectors_;  // null: the column has no fixed stride
};

}  // namespace granary
