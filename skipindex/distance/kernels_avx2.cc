#if defined(__x86_64__)
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <immintrin.h>

#include "granary/skipindex/distance/kernel_variants.h"

#pragma GCC push_options
#pragma GCC target("avx2,fma,f16c,bmi2")

namespace granary {
namespace {

struct FloatPair {
  __m256 low, high;
};
struct DoublePair {
  __m256d low, high;
};

struct FloatLanes {
  using Scalar = float;
  using Vector = FloatPair;
  static constexpr size_t kLanes = 16;

  static FloatPair Zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static FloatPair Sub(FloatPair a, FloatPair b) {
    return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
  }
  static FloatPair Mul(FloatPair a, FloatPair b) {
    return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
  }
  static FloatPair Add(FloatPair a, FloatPair b) {
    return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
  }
  static __m256 LoadHalf(const float* data) { return _mm256_loadu_ps(data); }
  static __m256 LoadHalf(const BFloat16Bits* data) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(data));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
  static __m256 LoadHalf(const Float16Bits* data) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data)));
  }
  template <class Element>
  static FloatPair Load(const Element* data) {
    return {LoadHalf(data), LoadHalf(data + 8)};
  }
  template <class Element>
  static FloatPair LoadPart(const Element* data, size_t count) {
    Element padded[kLanes] = {};
    std::memcpy(padded, data, count * sizeof(Element));
    return Load(padded);
  }
  static __m128 Four(FloatPair v) {
    const __m256 eight = _mm256_add_ps(v.low, v.high);
    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  }
  static float Sum(FloatPair v) {
    const __m128 four = Four(v);
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  static void SumFour(const Vector* sums, float* out) {
    const __m128 a = Four(sums[0]);
    const __m128 b = Four(sums[1]);
    const __m128 c = Four(sums[2]);
    const __m128 d = Four(sums[3]);
    const __m128 ab = _mm_add_ps(_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b));
    const __m128 cd = _mm_add_ps(_mm_unpacklo_ps(c, d), _mm_unpackhi_ps(c, d));
    _mm_storeu_ps(out, _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab)));
  }
};

struct DoubleLanes {
  using Scalar = double;
  using Vector = DoublePair;
  static constexpr size_t kLanes = 8;

  static DoublePair Zero() { return {_mm256_setzero_pd(), _mm256_setzero_pd()}; }
  static DoublePair Sub(DoublePair a, DoublePair b) {
    return {_mm256_sub_pd(a.low, b.low), _mm256_sub_pd(a.high, b.high)};
  }
  static DoublePair Mul(DoublePair a, DoublePair b) {
    return {_mm256_mul_pd(a.low, b.low), _mm256_mul_pd(a.high, b.high)};
  }
  static DoublePair Add(DoublePair a, DoublePair b) {
    return {_mm256_add_pd(a.low, b.low), _mm256_add_pd(a.high, b.high)};
  }
  static __m256d LoadHalf(const double* data) { return _mm256_loadu_pd(data); }
  static __m256d LoadHalf(const float* data) { return _mm256_cvtps_pd(_mm_loadu_ps(data)); }
  static __m256d LoadHalf(const BFloat16Bits* data) {
    const __m128i bits = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(data));
    return _mm256_cvtps_pd(_mm_castsi128_ps(_mm_slli_epi32(_mm_cvtepu16_epi32(bits), 16)));
  }
  template <class Element>
  static DoublePair Load(const Element* data) {
    return {LoadHalf(data), LoadHalf(data + 4)};
  }
  template <class Element>
  static DoublePair LoadPart(const Element* data, size_t count) {
    Element padded[kLanes] = {};
    std::memcpy(padded, data, count * sizeof(Element));
    return Load(padded);
  }
  static __m128d Two(DoublePair v) {
    const __m256d four = _mm256_add_pd(v.low, v.high);
    return _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  }
  static double Sum(DoublePair v) {
    const __m128d two = Two(v);
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
  }
  static void SumFour(const Vector* sums, double* out) {
    for (size_t i = 0; i < 4; i += 2) {
      const __m128d a = Two(sums[i]);
      const __m128d b = Two(sums[i + 1]);
      _mm_storeu_pd(out + i, _mm_add_pd(_mm_unpacklo_pd(a, b), _mm_unpackhi_pd(a, b)));
    }
  }
};

// Bytes are widened to 16 bits, because the byte products of AVX2 saturate.
__m256i AddProducts(__m256i sum, const uint8_t* row, const int8_t* query) {
  const __m256i x = _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(row)));
  const __m256i q = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(query)));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(x, q));
}

int32_t SumOf(__m256i v) {
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
  return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
}

#include "granary/skipindex/distance/kernel_bodies.h"

void DotBytes(const RowSet& rows, const int8_t* query, int32_t* out) {
  const size_t whole = rows.dimensions / 16 * 16;
  const size_t rest = rows.dimensions - whole;
  int8_t query_rest[16] = {};
  if (rest != 0) std::memcpy(query_rest, query + whole, rest);
  for (size_t r = 0; r < rows.count; ++r) {
    const uint8_t* row = RowAt<uint8_t>(rows, r);
    __m256i sum = _mm256_setzero_si256();
    for (size_t i = 0; i < whole; i += 16) sum = AddProducts(sum, row + i, query + i);
    if (rest != 0) {
      uint8_t row_rest[16] = {};
      std::memcpy(row_rest, row + whole, rest);
      sum = AddProducts(sum, row_rest, query_rest);
    }
    out[r] = SumOf(sum);
  }
}

// Counts bits by looking up those of each half byte (Mula et al. 2016).
__m256i AddDiffering(__m256i sum, const std::byte* row, const std::byte* query) {
  const __m256i bits_of = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1,
                                           2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i low = _mm256_set1_epi8(15);
  const __m256i differing =
      _mm256_xor_si256(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(row)),
                       _mm256_loadu_si256(reinterpret_cast<const __m256i*>(query)));
  const __m256i counts = _mm256_add_epi8(
      _mm256_shuffle_epi8(bits_of, _mm256_and_si256(differing, low)),
      _mm256_shuffle_epi8(bits_of, _mm256_and_si256(_mm256_srli_epi16(differing, 4), low)));
  return _mm256_add_epi64(sum, _mm256_sad_epu8(counts, _mm256_setzero_si256()));
}

void Hamming(const RowSet& rows, const std::byte* query, uint32_t* out) {
  const size_t bytes = rows.dimensions / 8;
  const size_t whole = bytes / 32 * 32;
  const size_t rest = bytes - whole;
  std::byte query_rest[32] = {};
  if (rest != 0) std::memcpy(query_rest, query + whole, rest);
  for (size_t r = 0; r < rows.count; ++r) {
    const std::byte* row = RowAt<std::byte>(rows, r);
    __m256i sum = _mm256_setzero_si256();
    for (size_t i = 0; i < whole; i += 32) sum = AddDiffering(sum, row + i, query + i);
    if (rest != 0) {
      std::byte row_rest[32] = {};
      std::memcpy(row_rest, row + whole, rest);
      sum = AddDiffering(sum, row_rest, query_rest);
    }
    out[r] = static_cast<uint32_t>(SumOf(sum));
  }
}

// The even and the odd bytes of a query apart, as 16-bit numbers, four bytes repeated.
struct SplitQuad {
  explicit SplitQuad(const int8_t* query) {
    int32_t quad;
    std::memcpy(&quad, query, sizeof(quad));
    const __m256i all = _mm256_set1_epi32(quad);
    even = _mm256_srai_epi16(_mm256_slli_epi16(all, 8), 8);
    odd = _mm256_srai_epi16(all, 8);
  }
  __m256i even;
  __m256i odd;
};

void PackedEightRows(const PackedRows& rows, const uint8_t* bytes, const int8_t* query,
                     uint32_t* sums) {
  const __m256i low_bytes = _mm256_set1_epi16(0xFF);
  __m256i sum = _mm256_setzero_si256();
  for (size_t i = 0; i < rows.quads; ++i) {
    const SplitQuad q(query + i * PackedRows::kQuadBytes);
    const __m256i x = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(
        bytes + i * PackedRows::kBlockRows * PackedRows::kQuadBytes));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_and_si256(x, low_bytes), q.even));
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_srli_epi16(x, 8), q.odd));
  }
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), sum);
}

void PackedBytes(const PackedRows& rows, const PackedQueries& queries, uint32_t* out) {
  PackedByEight(rows, queries, out, PackedEightRows);
}

}  // namespace

const DistanceKernels kAvx2Kernels = MakeKernels<FloatLanes, DoubleLanes>(
    "avx2", {.dot = DotBytes, .packed = PackedBytes, .smallest = SmallestKeys, .hamming = Hamming});

}  // namespace granary

#pragma GCC pop_options
#endif
