#include "granary/skipindex/distance/coded_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "granary/skipindex/distance/mask_bits.h"

namespace granary {

struct EncodedRow {
  float largest = 0;  // of the values, without their signs
  float squares = 0;  // sum of the values' squares; what follows only if it is of use
  float errors = 0;   // sum of the squares of what the codes miss
};

namespace {

constexpr size_t kLanes = 16;
using Floats [[gnu::vector_size(kLanes * sizeof(float))]] = float;
using Integers [[gnu::vector_size(kLanes * sizeof(int32_t))]] = int32_t;
using Bytes [[gnu::vector_size(kLanes)]] = uint8_t;

constexpr size_t kGroupCodes = 4;
constexpr size_t kGroupRows = 16;
constexpr size_t kRowsAtOnce = 4 * kGroupRows;
constexpr int kZeroCode = 128;
constexpr float kCodeMax = 127;
constexpr float kInfinity = std::numeric_limits<float>::infinity();
// What squares too small for a float may hide, as a length.
constexpr float kLengthOfUnderflow = 1e-15f;

// Whether float sums of products of vectors with such squared lengths are precise, and quotients of
// their lengths. False for NaN.
[[gnu::always_inline]] inline bool HasPreciseSquares(double squares) {
  return squares >= 1e-24 && squares <= 1e36;
}

// Many times the relative error of a float sum over so many dimensions in the lanes of the kernels.
double RoundingOf(size_t dimensions) {
  return (static_cast<double>(dimensions) / kLanes + 32) * 0x1p-20;
}

// The largest float that is surely not greater; minus infinity where floats end.
float RoundDown(double value) {
  if (!(std::abs(value) < 1e37)) return -kInfinity;
  return std::nextafter(static_cast<float>(value), -kInfinity);
}

float RoundUp(double value) { return std::nextafter(static_cast<float>(value), kInfinity); }

template <class T>
void CopyRow(const std::byte* row, size_t dimensions, float* out) {
  for (size_t i = 0; i < dimensions; ++i) {
    T value;
    std::memcpy(&value, row + i * sizeof(T), sizeof(T));
    out[i] = static_cast<float>(value);
  }
}

void CopyBFloat16Row(const std::byte* row, size_t dimensions, float* out) {
  for (size_t i = 0; i < dimensions; ++i) {
    uint16_t half;
    std::memcpy(&half, row + i * sizeof(half), sizeof(half));
    const uint32_t bits = static_cast<uint32_t>(half) << 16;
    std::memcpy(out + i, &bits, sizeof(bits));
  }
}

void CopyRow(const VectorRows& rows, size_t row, float* out) {
  switch (rows.element) {
    case VectorElement::kFloat32:
      std::memcpy(out, rows.Row(row), rows.dimensions * sizeof(float));
      return;
    case VectorElement::kFloat64:
      return CopyRow<double>(rows.Row(row), rows.dimensions, out);
    case VectorElement::kBFloat16:
      return CopyBFloat16Row(rows.Row(row), rows.dimensions, out);
  }
}

// Codes of `values`, which are padded with zeros to whole lanes. Compiled for several instruction
// sets, which may round differently: the errors are those of what was done.
[[gnu::always_inline]] inline EncodedRow EncodeValues(const float* values, size_t padded,
                                                      uint8_t* codes) {
  EncodedRow row;
  Floats largest = {};
  Floats squares = {};
  for (size_t i = 0; i < padded; i += kLanes) {
    Floats x;
    std::memcpy(&x, values + i, sizeof(x));
    const Floats magnitude = x < 0 ? -x : x;
    largest = magnitude > largest ? magnitude : largest;
    squares += x * x;
  }
  for (size_t lane = 0; lane < kLanes; ++lane) {
    row.largest = largest[lane] > row.largest ? largest[lane] : row.largest;
    row.squares += squares[lane];
  }
  // NaN and infinity end here too.
  if (!HasPreciseSquares(row.squares)) return row;
  const float step = row.largest / kCodeMax;
  const float scale = kCodeMax / row.largest;
  Floats errors = {};
  for (size_t i = 0; i < padded; i += kLanes) {
    Floats x;
    std::memcpy(&x, values + i, sizeof(x));
    // Truncation rounds what is positive down.
    const Integers code = __builtin_convertvector(x * scale + (kZeroCode + 0.5f), Integers);
    const Floats rest = x - step * (__builtin_convertvector(code, Floats) - float{kZeroCode});
    errors += rest * rest;
    const Bytes bytes = __builtin_convertvector(code, Bytes);
    std::memcpy(codes + i, &bytes, sizeof(bytes));
  }
  for (size_t lane = 0; lane < kLanes; ++lane) row.errors += errors[lane];
  return row;
}

using Encoder = EncodedRow (*)(const float* values, size_t padded, uint8_t* codes);

EncodedRow EncodePortable(const float* values, size_t padded, uint8_t* codes) {
  return EncodeValues(values, padded, codes);
}

#if defined(__x86_64__)
[[gnu::target("avx2,fma")]] EncodedRow EncodeAvx2(const float* values, size_t padded,
                                                  uint8_t* codes) {
  return EncodeValues(values, padded, codes);
}

[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl")]] EncodedRow EncodeAvx512(const float* values,
                                                                              size_t padded,
                                                                              uint8_t* codes) {
  return EncodeValues(values, padded, codes);
}
#endif

Encoder EncoderFor(const DistanceKernels& kernels) {
#if defined(__x86_64__)
  if (kernels.name == "avx512") return EncodeAvx512;
  if (kernels.name == "avx2") return EncodeAvx2;
#endif
  static_cast<void>(kernels);
  return EncodePortable;
}

}  // namespace

CodedQuery::CodedQuery(DistanceFunction function, std::span<const double> query)
    : function_(function),
      codes_((query.size() + kGroupCodes - 1) / kGroupCodes * kGroupCodes),
      rounding_(RoundingOf(query.size())) {
  double largest = 0;
  for (const double y : query) {
    largest = std::max(largest, std::abs(y));
    length_ += y * y;
  }
  length_ = std::sqrt(length_);
  step_ = static_cast<float>(largest / kCodeMax);
  double error = 0;
  for (size_t i = 0; i < query.size(); ++i) {
    const double code = step_ > 0 ? std::round(query[i] / step_) : 0;
    codes_[i] = static_cast<int8_t>(std::clamp(code, -127.0, 127.0));
    code_sum_ += codes_[i];
    const double rest = query[i] - static_cast<double>(step_) * codes_[i];
    error += rest * rest;
  }
  error = std::sqrt(error);
  length_factor_ = RoundUp(error * (1 + rounding_) + length_ * rounding_);
  error_factor_ = RoundUp((error + length_) * (1 + rounding_));
}

float CodedQuery::ProductNeeded(double distance) const {
  if (!HasPreciseSquares(length_ * length_)) return -kInfinity;
  switch (function_) {
    case DistanceFunction::kDotProduct:
      return RoundDown(distance);
    case DistanceFunction::kCosine:
      return RoundDown((1 - distance - rounding_) * length_);
    case DistanceFunction::kL2:
    case DistanceFunction::kL2Squared: {
      const double squared = function_ == DistanceFunction::kL2 ? distance * distance : distance;
      return RoundDown((length_ * length_ * (1 - rounding_) - squared * (1 + rounding_)) / 2);
    }
  }
  return -kInfinity;
}

void CodedRows::Encode(const DistanceKernels& kernels, DistanceFunction function,
                       const VectorRows& rows, std::span<const uint32_t> row_ids) {
  encoder_ = EncoderFor(kernels);
  function_ = function;
  dimensions_ = rows.dimensions;
  size_ = row_ids.size();
  constexpr size_t kAlignment = 64;
  stride_ = (dimensions_ + kAlignment - 1) / kAlignment * kAlignment;
  is_grouped_ = kernels.name == "avx512";
  values_.assign(stride_, 0);
  row_codes_.resize(stride_);
  const size_t padded_rows = (size_ + kRowsAtOnce - 1) / kRowsAtOnce * kRowsAtOnce;
  codes_.resize(padded_rows * stride_);
  for (std::vector<float>* of_rows : {&step_, &length_, &error_, &offset_}) {
    of_rows->resize(padded_rows);
  }
  products_.resize(size_);
  const bool is_direct = rows.element == VectorElement::kFloat32 && dimensions_ % kLanes == 0;
  for (size_t i = 0; i < row_ids.size(); ++i) {
    if (is_direct) {
      EncodeRow(rows.FloatRow(row_ids[i]), i);
    } else {
      CopyRow(rows, row_ids[i], values_.data());
      EncodeRow(values_.data(), i);
    }
  }
}

void CodedRows::EncodeRow(const float* values, size_t row) {
  const size_t padded = (dimensions_ + kLanes - 1) / kLanes * kLanes;
  uint8_t* codes = is_grouped_ ? row_codes_.data() : codes_.data() + row * stride_;
  const EncodedRow encoded = encoder_(values, padded, codes);
  if (is_grouped_) {
    uint8_t* first =
        codes_.data() + row / kGroupRows * kGroupRows * stride_ + row % kGroupRows * kGroupCodes;
    for (size_t i = 0; i < dimensions_; i += kGroupCodes) {
      std::memcpy(first + i * kGroupRows, codes + i, kGroupCodes);
    }
  }
  step_[row] = length_[row] = offset_[row] = 0;
  error_[row] = kInfinity;
  if (!HasPreciseSquares(encoded.squares)) return;
  const float length = std::sqrt(encoded.squares);
  const auto rounding = static_cast<float>(RoundingOf(dimensions_));
  const float error = std::sqrt(encoded.errors) * (1 + rounding) + kLengthOfUnderflow;
  const float unit = function_ == DistanceFunction::kCosine ? 1 / length : 1;
  step_[row] = encoded.largest / kCodeMax * unit;
  length_[row] = function_ == DistanceFunction::kCosine ? 1 : length * (1 + rounding);
  error_[row] = error * unit * (1 + rounding);
  const bool is_l2 =
      function_ == DistanceFunction::kL2 || function_ == DistanceFunction::kL2Squared;
  offset_[row] = is_l2 ? -0.5f * length * length * (1 - rounding) : 0;
}

void CodedRows::FindNear(const DistanceKernels& kernels, const CodedQuery& query, double distance,
                         std::vector<uint32_t>& positions) {
#if defined(__x86_64__)
  if (is_grouped_) return FindNearInGroups(query, query.ProductNeeded(distance), positions);
#endif
  const RowSet rows{.base = reinterpret_cast<const std::byte*>(codes_.data()),
                    .stride_bytes = stride_,
                    .dimensions = dimensions_,
                    .count = size()};
  kernels.dot_u8_i8(rows, query.codes_.data(), products_.data());
  const float needed = query.ProductNeeded(distance);
  const int32_t zeros = kZeroCode * query.code_sum_;
  const auto is_far = [&](size_t row) {
    const float product = static_cast<float>(products_[row] - zeros) * query.step_ * step_[row];
    const float bound = product + length_[row] * query.length_factor_ +
                        error_[row] * query.error_factor_ + offset_[row];
    return bound < needed;  // false for NaN
  };
  constexpr size_t kRowsPerGlance = 16;
  size_t row = 0;
  for (; row + kRowsPerGlance <= size(); row += kRowsPerGlance) {
    unsigned far = 0;
    for (size_t i = 0; i < kRowsPerGlance; ++i) far += is_far(row + i) ? 1 : 0;
    if (far == kRowsPerGlance) continue;
    for (size_t i = row; i < row + kRowsPerGlance; ++i) {
      if (!is_far(i)) positions.push_back(static_cast<uint32_t>(i));
    }
  }
  for (; row < size(); ++row) {
    if (!is_far(row)) positions.push_back(static_cast<uint32_t>(row));
  }
}

#if defined(__x86_64__)
[[gnu::target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]] void CodedRows::FindNearInGroups(
    const CodedQuery& query, float needed, std::vector<uint32_t>& positions) const {
  const __m512i zeros = _mm512_set1_epi32(kZeroCode * query.code_sum_);
  const __m512 limit = _mm512_set1_ps(needed);
  const __m512 query_step = _mm512_set1_ps(query.step_);
  const __m512 length_factor = _mm512_set1_ps(query.length_factor_);
  const __m512 error_factor = _mm512_set1_ps(query.error_factor_);
  for (size_t row = 0; row < size_; row += kRowsAtOnce) {
    __m512i products[4];
    for (__m512i& product : products) product = _mm512_setzero_si512();
    const uint8_t* codes = codes_.data() + row * stride_;
    for (size_t i = 0; i < dimensions_; i += kGroupCodes) {
      int32_t four;
      std::memcpy(&four, query.codes_.data() + i, sizeof(four));
      const __m512i of_query = _mm512_set1_epi32(four);
      for (size_t group = 0; group < 4; ++group) {
        products[group] = _mm512_dpbusd_epi32(
            products[group],
            _mm512_loadu_si512(codes + group * kGroupRows * stride_ + i * kGroupRows), of_query);
      }
    }
    for (size_t group = 0; group < 4; ++group) {
      const size_t first = row + group * kGroupRows;
      if (first >= size_) break;
      __m512 bound = _mm512_cvtepi32_ps(_mm512_sub_epi32(products[group], zeros));
      bound = _mm512_mul_ps(_mm512_mul_ps(bound, query_step), _mm512_loadu_ps(&step_[first]));
      bound = _mm512_fmadd_ps(_mm512_loadu_ps(&length_[first]), length_factor, bound);
      bound = _mm512_fmadd_ps(_mm512_loadu_ps(&error_[first]), error_factor, bound);
      bound = _mm512_add_ps(bound, _mm512_loadu_ps(&offset_[first]));
      // Not less: also NaN.
      uint32_t near = BitsOf(_mm512_cmp_ps_mask(bound, limit, _CMP_NLT_UQ));
      if (size_ - first < kGroupRows) near &= (1u << (size_ - first)) - 1;
      for (; near != 0; near &= near - 1) {
        positions.push_back(static_cast<uint32_t>(first) +
                            static_cast<uint32_t>(std::countr_zero(near)));
      }
    }
  }
}
#endif

}  // namespace granary
