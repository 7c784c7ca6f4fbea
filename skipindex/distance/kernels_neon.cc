#if defined(__aarch64__)
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <arm_neon.h>

#include "granary/skipindex/distance/kernel_variants.h"

namespace granary {
namespace {

struct FloatLanes {
  using Scalar = float;
  struct Vector {
    float32x4_t part[4];
  };
  static constexpr size_t kLanes = 16;

  static Vector Zero() { return {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)}; }
  static Vector Sub(const Vector& a, const Vector& b) {
    return {vsubq_f32(a.part[0], b.part[0]), vsubq_f32(a.part[1], b.part[1]),
            vsubq_f32(a.part[2], b.part[2]), vsubq_f32(a.part[3], b.part[3])};
  }
  static Vector Mul(const Vector& a, const Vector& b) {
    return {vmulq_f32(a.part[0], b.part[0]), vmulq_f32(a.part[1], b.part[1]),
            vmulq_f32(a.part[2], b.part[2]), vmulq_f32(a.part[3], b.part[3])};
  }
  static Vector Add(const Vector& a, const Vector& b) {
    return {vaddq_f32(a.part[0], b.part[0]), vaddq_f32(a.part[1], b.part[1]),
            vaddq_f32(a.part[2], b.part[2]), vaddq_f32(a.part[3], b.part[3])};
  }
  static float32x4_t LoadQuarter(const float* data) { return vld1q_f32(data); }
  static float32x4_t LoadQuarter(const BFloat16Bits* data) {
    const uint16x4_t bits = vld1_u16(reinterpret_cast<const uint16_t*>(data));
    return vreinterpretq_f32_u32(vshll_n_u16(bits, 16));
  }
  static float32x4_t LoadQuarter(const Float16Bits* data) {
    const uint16x4_t bits = vld1_u16(reinterpret_cast<const uint16_t*>(data));
    return vcvt_f32_f16(vreinterpret_f16_u16(bits));
  }
  template <class Element>
  static Vector Load(const Element* data) {
    return {LoadQuarter(data), LoadQuarter(data + 4), LoadQuarter(data + 8),
            LoadQuarter(data + 12)};
  }
  template <class Element>
  static Vector LoadPart(const Element* data, size_t count) {
    Element padded[kLanes] = {};
    std::memcpy(padded, data, count * sizeof(Element));
    return Load(padded);
  }
  static float Sum(const Vector& v) {
    const float32x4_t four =
        vaddq_f32(vaddq_f32(v.part[0], v.part[2]), vaddq_f32(v.part[1], v.part[3]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }
  static void SumFour(const Vector* sums, float* out) {
    for (size_t i = 0; i < 4; ++i) out[i] = Sum(sums[i]);
  }
};

struct DoubleLanes {
  using Scalar = double;
  struct Vector {
    float64x2_t part[4];
  };
  static constexpr size_t kLanes = 8;

  static Vector Zero() { return {vdupq_n_f64(0), vdupq_n_f64(0), vdupq_n_f64(0), vdupq_n_f64(0)}; }
  static Vector Sub(const Vector& a, const Vector& b) {
    return {vsubq_f64(a.part[0], b.part[0]), vsubq_f64(a.part[1], b.part[1]),
            vsubq_f64(a.part[2], b.part[2]), vsubq_f64(a.part[3], b.part[3])};
  }
  static Vector Mul(const Vector& a, const Vector& b) {
    return {vmulq_f64(a.part[0], b.part[0]), vmulq_f64(a.part[1], b.part[1]),
            vmulq_f64(a.part[2], b.part[2]), vmulq_f64(a.part[3], b.part[3])};
  }
  static Vector Add(const Vector& a, const Vector& b) {
    return {vaddq_f64(a.part[0], b.part[0]), vaddq_f64(a.part[1], b.part[1]),
            vaddq_f64(a.part[2], b.part[2]), vaddq_f64(a.part[3], b.part[3])};
  }
  static Vector Load(const double* data) {
    return {vld1q_f64(data), vld1q_f64(data + 2), vld1q_f64(data + 4), vld1q_f64(data + 6)};
  }
  template <class Element>
  static Vector Load(const Element* data) {
    const float32x4_t low = FloatLanes::LoadQuarter(data);
    const float32x4_t high = FloatLanes::LoadQuarter(data + 4);
    return {vcvt_f64_f32(vget_low_f32(low)), vcvt_high_f64_f32(low),
            vcvt_f64_f32(vget_low_f32(high)), vcvt_high_f64_f32(high)};
  }
  template <class Element>
  static Vector LoadPart(const Element* data, size_t count) {
    Element padded[kLanes] = {};
    std::memcpy(padded, data, count * sizeof(Element));
    return Load(padded);
  }
  static double Sum(const Vector& v) {
    const float64x2_t two =
        vaddq_f64(vaddq_f64(v.part[0], v.part[2]), vaddq_f64(v.part[1], v.part[3]));
    return vgetq_lane_f64(two, 0) + vgetq_lane_f64(two, 1);
  }
  static void SumFour(const Vector* sums, double* out) {
    for (size_t i = 0; i < 4; ++i) out[i] = Sum(sums[i]);
  }
};

// Sixteen bytes of a row and of a query, widened to 16 bits.
int32x4_t AddProducts(int32x4_t sum, const uint8_t* row, const int8_t* query) {
  const uint8x16_t x = vld1q_u8(row);
  const int8x16_t q = vld1q_s8(query);
  const int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(x)));
  const int16x8_t high = vreinterpretq_s16_u16(vmovl_high_u8(x));
  const int16x8_t query_low = vmovl_s8(vget_low_s8(q));
  const int16x8_t query_high = vmovl_high_s8(q);
  sum = vmlal_s16(sum, vget_low_s16(low), vget_low_s16(query_low));
  sum = vmlal_high_s16(sum, low, query_low);
  sum = vmlal_s16(sum, vget_low_s16(high), vget_low_s16(query_high));
  return vmlal_high_s16(sum, high, query_high);
}

uint32x4_t AddDiffering(uint32x4_t sum, const std::byte* row, const std::byte* query) {
  const uint8x16_t differing = veorq_u8(vld1q_u8(reinterpret_cast<const uint8_t*>(row)),
                                        vld1q_u8(reinterpret_cast<const uint8_t*>(query)));
  return vpadalq_u16(sum, vpaddlq_u8(vcntq_u8(differing)));
}

int32_t Total(int32x4_t sum) { return vaddvq_s32(sum); }
uint32_t Total(uint32x4_t sum) { return vaddvq_u32(sum); }

#include "granary/skipindex/distance/kernel_bodies.h"

// Calls add(sum, row bytes, query bytes) for sixteen bytes at a time, the last ones padded with
// zeros, and stores the total of the four lanes of each row's sum.
template <class Sum, class RowByte, class QueryByte, class Add, class Out>
void SumBytes(const RowSet& rows, size_t bytes, const QueryByte* query, Add add, Out* out) {
  const size_t whole = bytes / 16 * 16;
  const size_t rest = bytes - whole;
  QueryByte query_rest[16] = {};
  if (rest != 0) std::memcpy(query_rest, query + whole, rest);
  for (size_t r = 0; r < rows.count; ++r) {
    const RowByte* row = RowAt<RowByte>(rows, r);
    Sum sum = {};
    for (size_t i = 0; i < whole; i += 16) sum = add(sum, row + i, query + i);
    if (rest != 0) {
      RowByte row_rest[16] = {};
      std::memcpy(row_rest, row + whole, rest);
      sum = add(sum, row_rest, query_rest);
    }
    out[r] = Total(sum);
  }
}

void DotBytes(const RowSet& rows, const int8_t* query, int32_t* out) {
  SumBytes<int32x4_t, uint8_t>(rows, rows.dimensions, query, AddProducts, out);
}

void Hamming(const RowSet& rows, const std::byte* query, uint32_t* out) {
  SumBytes<uint32x4_t, std::byte>(rows, rows.dimensions / 8, query, AddDiffering, out);
}

void PackedBytes(const PackedRows& rows, const PackedQueries& queries, uint32_t* out) {
  PackedByEight(rows, queries, out, PackedEight);
}

}  // namespace

const DistanceKernels kNeonKernels = MakeKernels<FloatLanes, DoubleLanes>(
    "neon", {.dot = DotBytes, .packed = PackedBytes, .smallest = SmallestKeys, .hamming = Hamming});

}  // namespace granary
#endif
