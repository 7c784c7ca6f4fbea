#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "granary/skipindex/distance/kernel_variants.h"

namespace granary {
namespace {

// Four vectors of 16 bytes: what SSE2 and NEON have, and other compilers' targets can lower.
template <class T>
struct FourVectors {
  typedef T Quarter __attribute__((vector_size(16)));
  Quarter part[4];
};

inline float Widen(float value) { return value; }
inline double Widen(double value) { return value; }
inline float Widen(BFloat16Bits bits) {
  return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}
inline float Widen(Float16Bits bits) { return Float16ToFloat(bits); }

template <class T>
struct Lanes {
  using Scalar = T;
  using Vector = FourVectors<T>;
  using Quarter = typename Vector::Quarter;
  static constexpr size_t kQuarter = 16 / sizeof(T);
  static constexpr size_t kLanes = 4 * kQuarter;

  static Vector Zero() { return {}; }
  static Vector Sub(const Vector& a, const Vector& b) {
    return {a.part[0] - b.part[0], a.part[1] - b.part[1], a.part[2] - b.part[2],
            a.part[3] - b.part[3]};
  }
  static Vector Mul(const Vector& a, const Vector& b) {
    return {a.part[0] * b.part[0], a.part[1] * b.part[1], a.part[2] * b.part[2],
            a.part[3] * b.part[3]};
  }
  static Vector Add(const Vector& a, const Vector& b) {
    return {a.part[0] + b.part[0], a.part[1] + b.part[1], a.part[2] + b.part[2],
            a.part[3] + b.part[3]};
  }
  template <class Element>
  static Vector Load(const Element* data) {
    return LoadPart(data, kLanes);
  }
  template <class Element>
  static Vector LoadPart(const Element* data, size_t count) {
    T values[kLanes] = {};
    for (size_t i = 0; i < count; ++i) values[i] = static_cast<T>(Widen(data[i]));
    return std::bit_cast<Vector>(values);
  }
  static T Sum(const Vector& v) {
    Quarter half = (v.part[0] + v.part[2]) + (v.part[1] + v.part[3]);
    if constexpr (kQuarter == 4) {
      return (half[0] + half[2]) + (half[1] + half[3]);
    } else {
      return half[0] + half[1];
    }
  }
  static void SumFour(const Vector* sums, T* out) {
    for (size_t i = 0; i < 4; ++i) out[i] = Sum(sums[i]);
  }
};

void DotBytes(const RowSet& rows, const int8_t* query, int32_t* out) {
  for (size_t r = 0; r < rows.count; ++r) {
    const size_t id = rows.ids != nullptr ? rows.ids[r] : r;
    const auto* row = reinterpret_cast<const uint8_t*>(rows.base + id * rows.stride_bytes);
    uint32_t sum = 0;  // wraps around as the vector instructions do
    for (size_t i = 0; i < rows.dimensions; ++i) sum += static_cast<uint32_t>(row[i] * query[i]);
    out[r] = static_cast<int32_t>(sum);
  }
}

#include "granary/skipindex/distance/kernel_bodies.h"

void Hamming(const RowSet& rows, const std::byte* query, uint32_t* out) {
  const size_t bytes = rows.dimensions / 8;
  for (size_t r = 0; r < rows.count; ++r) {
    const std::byte* row = RowAt<std::byte>(rows, r);
    int differing = 0;
    for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
      uint64_t a = 0;
      uint64_t b = 0;
      const size_t width = std::min(sizeof(uint64_t), bytes - i);
      std::memcpy(&a, row + i, width);
      std::memcpy(&b, query + i, width);
      differing += std::popcount(a ^ b);
    }
    out[r] = static_cast<uint32_t>(differing);
  }
}

void PackedBytes(const PackedRows& rows, const PackedQueries& queries, uint32_t* out) {
  PackedByEight(rows, queries, out, PackedEight);
}

}  // namespace

const DistanceKernels kPortableKernels = MakeKernels<Lanes<float>, Lanes<double>>(
    "portable",
    {.dot = DotBytes, .packed = PackedBytes, .smallest = SmallestKeys, .hamming = Hamming});

}  // namespace granary
