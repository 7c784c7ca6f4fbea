#include "granary/skipindex/vector_similarity/byte_codes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace granary {
namespace {

constexpr size_t kSampleRows = 1 << 16;
constexpr size_t kCenterSampleRows = 512;
constexpr double kLengthLimit = 1e60;  // above that of any vector of floats
constexpr double kKeptShare = 0.99;    // of rows whose largest value is not clipped
constexpr float kUnknownError = std::numeric_limits<float>::infinity();

size_t RoundUp(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// Calls visit(vector) for the rows 0, step, 2 * step, ...
template <class F>
void ForEachRow(const VectorReader& reader, size_t step, const TaskContext& context, F&& visit) {
  constexpr size_t kRowsBetweenChecks = 256;
  std::vector<float> vector(reader.rows().dimensions);
  for (size_t row = 0, visited = 0; row < reader.rows().rows; row += step, ++visited) {
    if (visited % kRowsBetweenChecks == 0) context.CheckCancelled();
    reader.Read(row, vector.data());
    visit(std::span<const float>(vector));
  }
}

size_t SampleStep(const VectorReader& reader) {
  return std::max<size_t>(1, reader.rows().rows / kSampleRows);
}

double SquaredLength(std::span<const float> vector) {
  double sum = 0;
  for (float value : vector) sum += double{value} * value;
  return sum;
}

// The median of each coordinate over a sample: a mean would follow a single row far away.
std::vector<float> CenterOf(const VectorReader& reader, const TaskContext& context) {
  std::vector<std::vector<float>> values(reader.rows().dimensions);
  const size_t step = std::max<size_t>(1, reader.rows().rows / kCenterSampleRows);
  ForEachRow(reader, step, context, [&](std::span<const float> vector) {
    for (size_t i = 0; i < vector.size(); ++i) values[i].push_back(vector[i]);
  });
  std::vector<float> center(values.size());
  for (size_t i = 0; i < center.size(); ++i) {
    const auto middle = values[i].begin() + static_cast<ptrdiff_t>(values[i].size() / 2);
    std::nth_element(values[i].begin(), middle, values[i].end());
    if (middle != values[i].end()) center[i] = *middle;
  }
  return center;
}

// The largest magnitude of a value, but for a share of the rows.
double RangeOf(const VectorReader& reader, std::span<const float> center,
               const TaskContext& context) {
  std::vector<float> largest;
  ForEachRow(reader, SampleStep(reader), context, [&](std::span<const float> vector) {
    float row_largest = 0;
    for (size_t i = 0; i < vector.size(); ++i) {
      row_largest = std::max(row_largest, std::fabs(vector[i] - center[i]));
    }
    largest.push_back(row_largest);
  });
  if (largest.empty()) return 0;
  const auto kept = largest.begin() +
                    static_cast<ptrdiff_t>(kKeptShare * static_cast<double>(largest.size() - 1));
  std::nth_element(largest.begin(), kept, largest.end());
  return *kept;
}

double LongestLength(const VectorReader& reader, const TaskContext& context) {
  double longest = 0;
  ForEachRow(reader, 1, context, [&](std::span<const float> vector) {
    longest = std::max(longest, SquaredLength(vector));
  });
  return std::sqrt(longest);
}

// Of a code, rounded up: the vector itself may have been rounded to float, twice.
float RoundedError(double squared_error, double squared_length) {
  const double error = std::sqrt(squared_error) * (1 + 1e-6) + 3e-7 * std::sqrt(squared_length);
  return error < std::numeric_limits<float>::max() ? static_cast<float>(error) : kUnknownError;
}

size_t AddedDimensionsMax(size_t dimensions) { return dimensions / 8 + 1; }

}  // namespace

void ByteCodec::SetAddedDimensions(size_t added) {
  code_dimensions_ = dimensions_ + added;
  stride_bytes_ = RoundUp(RoundUp(code_dimensions_, 4) + 2 * sizeof(uint32_t), 32);
  const double largest = std::sqrt(0x7FFFFFFF / (4.0 * static_cast<double>(code_dimensions_)));
  value_max_ = std::clamp(static_cast<int>(largest), 1, 127);
}

ByteCodec ByteCodec::Train(const VectorReader& reader, const TaskContext& context) {
  ByteCodec codec(reader.metric(), reader.rows().dimensions);
  codec.center_ = codec.metric_ == Metric::kL2 ? CenterOf(reader, context)
                                               : std::vector<float>(reader.rows().dimensions);
  double range = RangeOf(reader, codec.center_, context);
  size_t added = 0;
  if (codec.metric_ == Metric::kDotProduct) {
    codec.length_max_ = LongestLength(reader, context);
    const double wanted = range > 0 ? std::pow(codec.length_max_ / range, 2) : 1;
    added = static_cast<size_t>(std::clamp<double>(
        std::ceil(wanted), 1, static_cast<double>(AddedDimensionsMax(codec.dimensions_))));
    range = std::max(range, codec.length_max_ / std::sqrt(static_cast<double>(added)));
  }
  codec.SetAddedDimensions(added);
  codec.step_ = static_cast<float>(range / codec.value_max_);
  if (!std::isnormal(codec.step_) || !std::isnormal(1 / codec.step_)) codec.step_ = 1;
  return codec;
}

ByteCodec ByteCodec::Read(ByteReader& in, Metric metric, size_t dimensions) {
  ByteCodec codec(metric, dimensions);
  codec.step_ = in.Read<float>();
  codec.length_max_ = in.Read<double>();
  const auto added = in.Read<uint32_t>();
  if (metric == Metric::kDotProduct ? added == 0 || added > AddedDimensionsMax(dimensions)
                                    : added != 0) {
    in.ThrowCorrupted("the codes have dimensions that no vector has");
  }
  codec.SetAddedDimensions(added);
  codec.center_.resize(dimensions);
  const auto center = in.ReadBytes(dimensions * sizeof(float));
  std::memcpy(codec.center_.data(), center.data(), center.size());
  const bool usable = std::isnormal(codec.step_) && codec.length_max_ >= 0 &&
                      codec.length_max_ < kLengthLimit &&
                      std::all_of(codec.center_.begin(), codec.center_.end(),
                                  [](float value) { return std::isfinite(value); });
  if (!usable) in.ThrowCorrupted("the scale of the codes is not finite");
  return codec;
}

void ByteCodec::Write(ByteWriter& out) const {
  out.Write(step_);
  out.Write(length_max_);
  out.Write(static_cast<uint32_t>(code_dimensions_ - dimensions_));
  out.WriteBytes(center_.data(), center_.size() * sizeof(float));
}

int ByteCodec::Quantize(float value) const {
  const float limit = static_cast<float>(value_max_);
  // Adding 1.5 * 2^23 rounds to an integer, ties to even, in the lowest bits.
  const float rounded = std::clamp(value / step_, -limit, limit) + 12582912.0f;
  return static_cast<int>(std::bit_cast<uint32_t>(rounded)) - 0x4B400000;
}

float ByteCodec::EncodeRow(std::span<const float> vector, std::byte* code) const {
  std::memset(code + code_dimensions_, 0, stride_bytes_ - code_dimensions_);
  const double squared_length = SquaredLength(vector);
  double added = 0;
  if (metric_ == Metric::kDotProduct) {
    const double missing = length_max_ * length_max_ - squared_length;
    added = std::sqrt(std::max(missing, 0.0) / static_cast<double>(code_dimensions_ - dimensions_));
  }
  int sum = 0;
  uint32_t norm = 0;
  double squared_error = 0;
  for (size_t i = 0; i < code_dimensions_; ++i) {
    const bool is_added = i >= dimensions_;
    const int value = Quantize(is_added ? static_cast<float>(added) : vector[i] - center_[i]);
    code[i] = static_cast<std::byte>(value + 128);
    sum += value;
    norm += static_cast<uint32_t>(value * value);
    const double decoded = is_added ? value * double{step_} : value * double{step_} + center_[i];
    const double error = (is_added ? added : double{vector[i]}) - decoded;
    squared_error += error * error;
  }
  const bool is_zero = norm == 0;
  if (is_zero) norm = SquaredLengthOfZero();
  const uint32_t norms[] = {norm, norm + 256 * static_cast<uint32_t>(sum)};
  std::memcpy(code + RoundUp(code_dimensions_, 4), norms, sizeof(norms));
  // A vector of length 0 has no distance under kCosine; others do not look like their code of 0.
  if (is_zero && metric_ == Metric::kCosine && squared_length > 0) return kUnknownError;
  return RoundedError(squared_error, squared_length);
}

uint32_t ByteCodec::SquaredLengthOfZero() const {
  return metric_ == Metric::kCosine ? static_cast<uint32_t>(1 / (step_ * step_)) : 0;
}

float ByteCodec::EncodeQuery(std::span<float> vector, int8_t* code) const {
  if (metric_ == Metric::kDotProduct) {
    Normalize(vector);
    for (float& value : vector) value = static_cast<float>(value * length_max_);
    std::fill(code + dimensions_, code + code_dimensions_, int8_t{0});
  }
  double squared_error = 0;
  bool is_zero = true;
  for (size_t i = 0; i < dimensions_; ++i) {
    code[i] = static_cast<int8_t>(Quantize(vector[i] - center_[i]));
    const double error = vector[i] - (code[i] * double{step_} + center_[i]);
    squared_error += error * error;
    is_zero = is_zero && code[i] == 0;
  }
  if (is_zero && metric_ == Metric::kCosine) return kUnknownError;
  return RoundedError(squared_error, SquaredLength(vector));
}

// Distances between codes are exact; those of the vectors are at most `error` away from them. The
// engine computes in float at worst: its sums of d products are off by less than d * 2^-23 of the
// sum of their magnitudes, and products of tiny numbers become zero.
uint32_t ByteCodec::CodeDistanceLimit(double distance, double error, float query_length) const {
  const auto d = static_cast<double>(dimensions_ + 8);
  double limit = 0;
  switch (metric_) {
    case Metric::kL2:
      limit = distance * (1 + d * 0x1p-23) + std::sqrt(d) * 0x1p-62;
      break;
    case Metric::kCosine:
      limit = std::sqrt(2 * std::max(distance + d * 0x1p-22, 0.0));
      break;
    case Metric::kDotProduct: {
      if (!(query_length > 0) || !(length_max_ > 0)) return UINT32_MAX;
      const double least = distance - d * (0x1p-22 * query_length * length_max_ + 0x1p-120);
      // As in Estimate, and no more than rounding away from it.
      limit = std::sqrt(std::max(
          2 * length_max_ * (length_max_ - least / query_length) + 0x1p-20 * length_max_ * length_max_,
          0.0));
      break;
    }
  }
  const double steps = (limit + error) / step_;
  const double code_distance = steps * steps * (1 + 1e-6) + 1;
  return code_distance < 0x7FFFFFFF ? static_cast<uint32_t>(code_distance) : UINT32_MAX;
}

uint32_t ByteCodec::LowerForError(uint32_t code_distance, float error, float allowed) const {
  const double steps =
      std::sqrt(static_cast<double>(code_distance)) - (double{error} - allowed) / step_;
  if (!(steps > 0)) return 0;
  return static_cast<uint32_t>(std::max(steps * steps * (1 - 1e-6) - 1, 0.0));
}

float ByteCodec::Estimate(uint32_t code_distance, float query_length) const {
  const double squared = double{step_} * step_ * code_distance;
  switch (metric_) {
    case Metric::kL2:
      return static_cast<float>(squared);
    case Metric::kCosine:
      return static_cast<float>(squared / 2);
    case Metric::kDotProduct:
      break;
  }
  // |q'|^2 + |x'|^2 - 2 q'x with |q'| = |x'| = length_max and q' = q * length_max / |q|.
  if (length_max_ == 0) return 0;
  return static_cast<float>((squared / 2 - length_max_ * length_max_) * query_length / length_max_);
}

ByteCodeScorer::ByteCodeScorer(const DistanceKernels& kernels, ByteCodeRows rows)
    : CodeScorer(rows.base, rows.stride_bytes, rows.norm_offset() + sizeof(uint32_t)),
      kernels_(kernels),
      rows_(rows),
      query_(rows.code_dimensions) {}

void ByteCodeScorer::SetQueryCode(const ByteCodeRows& rows, size_t row) {
  const auto* code = reinterpret_cast<const uint8_t*>(rows.Row(row));
  for (size_t i = 0; i < query_.size(); ++i) query_[i] = static_cast<int8_t>(code[i] ^ 0x80);
  query_constant_ = rows.QueryConstant(row);
}

void ByteCodeScorer::SetQuery(const ByteCodec& codec, std::span<float> vector) {
  codec_ = &codec;
  query_length_ = static_cast<float>(std::sqrt(SquaredLength(vector)));
  query_error_ = codec.EncodeQuery(vector, query_.data());
  int32_t sum = 0;
  int32_t norm = 0;
  for (int8_t value : query_) {
    sum += value;
    norm += int32_t{value} * value;
  }
  if (norm == 0) norm = static_cast<int32_t>(codec.SquaredLengthOfZero());
  query_constant_ = static_cast<uint32_t>(norm) + 256 * static_cast<uint32_t>(sum);
}

void ByteCodeScorer::Score(const uint32_t* row_ids, size_t count, uint32_t* keys) {
  auto* dots = reinterpret_cast<int32_t*>(keys);
  kernels_.dot_u8_i8({.base = rows_.base,
                      .stride_bytes = rows_.stride_bytes,
                      .dimensions = rows_.code_dimensions,
                      .ids = row_ids,
                      .count = count},
                     query_.data(), dots);
  for (size_t i = 0; i < count; ++i) {
    keys[i] = rows_.SquaredLength(row_ids[i]) + query_constant_ - 2 * keys[i];
  }
}

// Rounding moves each coordinate of row and query by an error of variance 1/12, and so the squared
// distance D of one row by twice the sum of coordinate * error, which has the standard deviation
// sqrt(D * 2/3), and the squared errors themselves. Two rows are compared, hence another sqrt(2).
uint32_t ByteCodeScorer::KeyWithError(uint32_t key) const {
  constexpr double kDeviations = 3;
  const double deviation = 1.155 * std::sqrt(static_cast<double>(key)) +
                           0.28 * std::sqrt(static_cast<double>(rows_.code_dimensions));
  return static_cast<uint32_t>(std::min(key + kDeviations * deviation, double{UINT32_MAX}));
}

}  // namespace granary
