#if defined(__x86_64__)
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <immintrin.h>

#include "granary/skipindex/distance/kernel_variants.h"
#include "granary/skipindex/distance/mask_bits.h"

// GCC 12's AVX-512 intrinsics pass undefined vectors to masked built-ins and warn of it (PR
// 105593).
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c,bmi2")

namespace granary {
namespace {

struct FloatLanes {
  using Scalar = float;
  using Vector = __m512;
  static constexpr size_t kLanes = 16;

  static __m512 Zero() { return _mm512_setzero_ps(); }
  static __m512 Sub(__m512 a, __m512 b) { return _mm512_sub_ps(a, b); }
  static __m512 Mul(__m512 a, __m512 b) { return _mm512_mul_ps(a, b); }
  static __m512 Add(__m512 a, __m512 b) { return _mm512_add_ps(a, b); }
  static __m512 Widen(BFloat16Bits, __m256i bits) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
  static __m512 Widen(Float16Bits, __m256i bits) { return _mm512_cvtph_ps(bits); }

  static __m512 Load(const float* data) { return _mm512_loadu_ps(data); }
  static __m512 LoadPart(const float* data, size_t count) {
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << count) - 1), data);
  }
  template <class Half>
  static __m512 Load(const Half* data) {
    return Widen(Half{}, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(data)));
  }
  template <class Half>
  static __m512 LoadPart(const Half* data, size_t count) {
    return Widen(Half{}, _mm256_maskz_loadu_epi16(static_cast<__mmask16>((1u << count) - 1), data));
  }
  static __m128 Four(__m512 v) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  }
  static float Sum(__m512 v) {
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
  using Vector = __m512d;
  static constexpr size_t kLanes = 8;

  static __m512d Zero() { return _mm512_setzero_pd(); }
  static __m512d Sub(__m512d a, __m512d b) { return _mm512_sub_pd(a, b); }
  static __m512d Mul(__m512d a, __m512d b) { return _mm512_mul_pd(a, b); }
  static __m512d Add(__m512d a, __m512d b) { return _mm512_add_pd(a, b); }
  static __m512d Widen(__m128i bits) {
    return _mm512_cvtps_pd(_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16)));
  }
  static __mmask8 Mask(size_t count) { return static_cast<__mmask8>((1u << count) - 1); }

  static __m512d Load(const double* data) { return _mm512_loadu_pd(data); }
  static __m512d Load(const float* data) { return _mm512_cvtps_pd(_mm256_loadu_ps(data)); }
  static __m512d Load(const BFloat16Bits* data) {
    return Widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data)));
  }
  static __m512d LoadPart(const double* data, size_t count) {
    return _mm512_maskz_loadu_pd(Mask(count), data);
  }
  static __m512d LoadPart(const float* data, size_t count) {
    return _mm512_cvtps_pd(_mm256_maskz_loadu_ps(Mask(count), data));
  }
  static __m512d LoadPart(const BFloat16Bits* data, size_t count) {
    return Widen(_mm_maskz_loadu_epi16(Mask(count), data));
  }
  static __m128d Two(__m512d v) {
    const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(v), _mm512_extractf64x4_pd(v, 1));
    return _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  }
  static double Sum(__m512d v) {
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

__m128i FourSums(__m512i v) {
  const __m256i eight =
      _mm256_add_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
}

template <size_t kRows>
void StoreSums(const __m512i* sums, int32_t* out) {
  if constexpr (kRows == 4) {
    const __m128i ab = _mm_hadd_epi32(FourSums(sums[0]), FourSums(sums[1]));
    const __m128i cd = _mm_hadd_epi32(FourSums(sums[2]), FourSums(sums[3]));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm_hadd_epi32(ab, cd));
  } else {
    for (size_t r = 0; r < kRows; ++r) out[r] = _mm512_reduce_add_epi32(sums[r]);
  }
}

template <size_t kRows>
void DotByteRows(const uint8_t* const* row, const int8_t* query, size_t dimensions, int32_t* out) {
  __m512i sums[kRows];
  for (size_t r = 0; r < kRows; ++r) sums[r] = _mm512_setzero_si512();
  size_t i = 0;
  for (; i + 64 <= dimensions; i += 64) {
    const __m512i q = _mm512_loadu_si512(query + i);
    for (size_t r = 0; r < kRows; ++r) {
      sums[r] = _mm512_dpbusd_epi32(sums[r], _mm512_loadu_si512(row[r] + i), q);
    }
  }
  if (i < dimensions) {
    const __mmask64 mask = (uint64_t{1} << (dimensions - i)) - 1;
    const __m512i q = _mm512_maskz_loadu_epi8(mask, query + i);
    for (size_t r = 0; r < kRows; ++r) {
      sums[r] = _mm512_dpbusd_epi32(sums[r], _mm512_maskz_loadu_epi8(mask, row[r] + i), q);
    }
  }
  StoreSums<kRows>(sums, out);
}

#include "granary/skipindex/distance/kernel_bodies.h"

void DotBytes(const RowSet& rows, const int8_t* query, int32_t* out) {
  size_t i = 0;
  for (; i + kRowsAtOnce <= rows.count; i += kRowsAtOnce) {
    const uint8_t* row[kRowsAtOnce];
    for (size_t r = 0; r < kRowsAtOnce; ++r) row[r] = RowAt<uint8_t>(rows, i + r);
    DotByteRows<kRowsAtOnce>(row, query, rows.dimensions, out + i);
  }
  for (; i < rows.count; ++i) {
    const uint8_t* row = RowAt<uint8_t>(rows, i);
    DotByteRows<1>(&row, query, rows.dimensions, out + i);
  }
}

// Only this function may have instructions that some of the CPUs with the others lack.
#pragma GCC push_options
#pragma GCC target("avx512vpopcntdq")
template <size_t kRows>
void HammingRows(const std::byte* const* row, const std::byte* query, size_t bytes, uint32_t* out) {
  __m512i sums[kRows];
  for (size_t r = 0; r < kRows; ++r) sums[r] = _mm512_setzero_si512();
  for (size_t i = 0; i < bytes; i += 64) {
    const __mmask64 mask = bytes - i >= 64 ? ~uint64_t{0} : (uint64_t{1} << (bytes - i)) - 1;
    const __m512i q = _mm512_maskz_loadu_epi8(mask, query + i);
    for (size_t r = 0; r < kRows; ++r) {
      const __m512i differing = _mm512_xor_si512(_mm512_maskz_loadu_epi8(mask, row[r] + i), q);
      sums[r] = _mm512_add_epi32(sums[r], _mm512_popcnt_epi32(differing));
    }
  }
  StoreSums<kRows>(sums, reinterpret_cast<int32_t*>(out));
}
#pragma GCC pop_options

void Hamming(const RowSet& rows, const std::byte* query, uint32_t* out) {
  ForRowsAtOnce<std::byte>(rows, [&]<size_t kRows>(const std::byte* const* row, size_t i) {
    HammingRows<kRows>(row, query, rows.dimensions / 8, out + i);
  });
}

// One block of rows against some queries.
template <size_t kQueries>
void PackedBlock(const PackedRows& rows, size_t block, const PackedQueries& queries, size_t first,
                 uint32_t* out) {
  constexpr size_t kVectors = PackedRows::kBlockRows / 16;
  __m512i sums[kQueries][kVectors];
  for (auto& of_query : sums) {
    for (__m512i& sum : of_query) sum = _mm512_setzero_si512();
  }
  const uint8_t* bytes = rows.bytes + block * rows.quads * kVectors * 64;
  const int8_t* query = queries.bytes + first * rows.quads * PackedRows::kQuadBytes;
  for (size_t i = 0; i < rows.quads; ++i) {
    __m512i x[kVectors];
    for (size_t v = 0; v < kVectors; ++v)
      x[v] = _mm512_loadu_si512(bytes + (i * kVectors + v) * 64);
    for (size_t q = 0; q < kQueries; ++q) {
      int32_t quad;
      std::memcpy(&quad, query + (q * rows.quads + i) * PackedRows::kQuadBytes, sizeof(quad));
      const __m512i y = _mm512_set1_epi32(quad);
      for (size_t v = 0; v < kVectors; ++v) sums[q][v] = _mm512_dpbusd_epi32(sums[q][v], x[v], y);
    }
  }
  for (size_t q = 0; q < kQueries; ++q) {
    for (size_t v = 0; v < kVectors; ++v) {
      const size_t row = block * PackedRows::kBlockRows + v * 16;
      __m512i result = sums[q][v];
      if (rows.offsets != nullptr) {
        const __m512i offset =
            _mm512_add_epi32(_mm512_loadu_si512(rows.offsets + row),
                             _mm512_set1_epi32(static_cast<int>(queries.offsets[first + q])));
        result = _mm512_sub_epi32(offset, _mm512_slli_epi32(result, 1));
      }
      _mm512_storeu_si512(out + (first + q) * rows.blocks * PackedRows::kBlockRows + row, result);
    }
  }
}

void PackedBytes(const PackedRows& rows, const PackedQueries& queries, uint32_t* out) {
  for (size_t block = 0; block < rows.blocks; ++block) {
    size_t q = 0;
    for (; q + 6 <= queries.count; q += 6) PackedBlock<6>(rows, block, queries, q, out);
    for (; q < queries.count; ++q) PackedBlock<1>(rows, block, queries, q, out);
  }
}

// The wanted-th smallest of 64 numbers.
uint32_t SmallestOf(const __m512i (&numbers)[4], size_t wanted) {
  const __m512i least = _mm512_min_epu32(_mm512_min_epu32(numbers[0], numbers[1]),
                                         _mm512_min_epu32(numbers[2], numbers[3]));
  const __m512i most = _mm512_max_epu32(_mm512_max_epu32(numbers[0], numbers[1]),
                                        _mm512_max_epu32(numbers[2], numbers[3]));
  uint32_t low = _mm512_reduce_min_epu32(least);
  uint32_t high = _mm512_reduce_max_epu32(most);
  while (low < high) {
    const uint32_t middle = low + (high - low) / 2;
    const __m512i limit = _mm512_set1_epi32(static_cast<int>(middle));
    size_t count = 0;
    for (const __m512i& some : numbers) {
      count +=
          static_cast<size_t>(__builtin_popcount(BitsOf(_mm512_cmple_epu32_mask(some, limit))));
    }
    if (count >= wanted) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

size_t SmallestBy16(const uint32_t* keys, size_t blocks, size_t wanted, uint32_t* places) {
  __m512i minima[4];
  for (size_t v = 0; v < 4; ++v) minima[v] = _mm512_loadu_si512(keys + v * 16);
  for (size_t block = 1; block < blocks; ++block) {
    for (size_t v = 0; v < 4; ++v) {
      minima[v] = _mm512_min_epu32(minima[v], _mm512_loadu_si512(keys + block * 64 + v * 16));
    }
  }
  const __m512i limit = _mm512_set1_epi32(static_cast<int>(SmallestOf(minima, wanted)));
  size_t count = 0;
  for (size_t first = 0; first < blocks * PackedRows::kBlockRows; first += 16) {
    uint32_t below = BitsOf(_mm512_cmple_epu32_mask(_mm512_loadu_si512(keys + first), limit));
    for (; below != 0; below &= below - 1) {
      places[count++] = static_cast<uint32_t>(first) + static_cast<uint32_t>(__builtin_ctz(below));
    }
  }
  return count;
}

}  // namespace

const DistanceKernels kAvx512Kernels = MakeKernels<FloatLanes, DoubleLanes>(
    "avx512",
    {.dot = DotBytes, .packed = PackedBytes, .smallest = SmallestBy16, .hamming = Hamming});

}  // namespace granary

#pragma GCC pop_options
#endif
