// The table of distance kernels: plain functions that compare one query with many rows, in one
// variant per instruction set. This is the lower half; most callers want distance.h.
//
// Float kernels add up in one fixed order, the same in every variant, so that their results are
// equal to the bit on every CPU: element i goes to lane i mod L (L = 16 in float, 8 in double) by a
// multiplication and an addition that are rounded separately, and the lanes are added as a tree
// (lane i to lane i + L/2, then L/4, ...). Integer kernels are exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace granary {

// How the elements of stored rows are represented.
enum class RowElement : uint8_t { kFloat32 = 0, kFloat64 = 1, kBFloat16 = 2, kFloat16 = 3 };

// Rows base + id * stride_bytes for the `count` ids; without ids, rows 0 .. count - 1. Rows need
// only the alignment of their elements.
struct RowSet {
  const std::byte* base = nullptr;
  size_t stride_bytes = 0;
  size_t dimensions = 0;
  const uint32_t* ids = nullptr;
  size_t count = 0;
};

// Rows of unsigned bytes in blocks of kBlockRows, so that many queries meet many rows at a time:
// within a block four bytes of each row, then the next four. Rows are padded to `quads` times four
// bytes, as queries are, and to whole blocks, with anything.
struct PackedRows {
  static constexpr size_t kBlockRows = 64;
  static constexpr size_t kQuadBytes = 4;

  const uint8_t* bytes = nullptr;     // blocks * quads * kBlockRows * kQuadBytes
  const uint32_t* offsets = nullptr;  // of the rows; may be null
  size_t blocks = 0;
  size_t quads = 0;
};

// Queries of signed bytes one after another, and a number for each.
struct PackedQueries {
  const int8_t* bytes = nullptr;
  const uint32_t* offsets = nullptr;
  size_t count = 0;
};

struct DistanceKernels {
  // out[i] = the sum for row i.
  using Float = void (*)(const RowSet& rows, const float* query, float* out);
  using Double = void (*)(const RowSet& rows, const double* query, double* out);
  // dot[i] = sum of query * row, norm[i] = sum of row * row.
  using FloatDotNorm = void (*)(const RowSet& rows, const float* query, float* dot, float* norm);
  using DoubleDotNorm = void (*)(const RowSet& rows, const double* query, double* dot,
                                 double* norm);
  // Rows of unsigned bytes, a query of signed ones; exact modulo 2^32.
  using Integer = void (*)(const RowSet& rows, const int8_t* query, int32_t* out);
  // Rows and a query of bits, a multiple of 8 of them, which are the dimensions: in how many they
  // differ.
  using Bits = void (*)(const RowSet& rows, const std::byte* query, uint32_t* out);

  // out[q * blocks * kBlockRows + r] = offset of query q + offset of row r - 2 * their dot product;
  // without offsets of rows, the dot product. Exact modulo 2^32.
  using Packed = void (*)(const PackedRows& rows, const PackedQueries& queries, uint32_t* out);
  // Writes the places of the smallest of blocks * kBlockRows keys, ascending, and returns how many:
  // those up to the wanted-th smallest of kBlockRows minima, each over places that are equal modulo
  // kBlockRows. 1 <= wanted <= kBlockRows; `places` has room for all.
  using Smallest = size_t (*)(const uint32_t* keys, size_t blocks, size_t wanted, uint32_t* places);

  std::string_view name;  // "avx512", "avx2", "neon" or "portable"

  // Indexed by RowElement. Float64 rows are only measured in double (null in the float arrays),
  // Float16 rows only in float (null in the double arrays).
  Float l2_squared[4];
  Float dot[4];
  FloatDotNorm dot_norm[4];
  Double l2_squared_double[4];
  Double dot_double[4];
  DoubleDotNorm dot_norm_double[4];

  Integer dot_u8_i8;
  Packed packed_u8_i8;
  Smallest smallest;
  Bits hamming;
};

// The kernels for a value of the setting `distance_kernels`: 'auto' (the best for this CPU),
// 'avx512', 'avx2', 'neon' or 'portable'. Throws INVALID_SETTING_VALUE for other names and for
// variants that this CPU cannot run. The table lives as long as the program.
const DistanceKernels& GetDistanceKernels(std::string_view name);

// The best kernels for this CPU; chosen once.
const DistanceKernels& BestDistanceKernels();

// Every variant that this CPU can run, the best one first; "portable" is always among them.
std::vector<const DistanceKernels*> AvailableDistanceKernels();

}  // namespace granary
