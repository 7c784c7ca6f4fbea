#include "granary/skipindex/vector_similarity/byte_codes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "granary/skipindex/vector_similarity/exact_rows.h"

namespace granary {
namespace {

constexpr size_t kSampleRows = 1 << 16;
constexpr size_t kCenterSampleRows = 512;
constexpr double kLengthLimit = 1e60;    // above that of any vector of floats
constexpr size_t kRowsPerClipped = 100;  // one row in so many has values beyond the range
constexpr float kUnknownError = std::numeric_limits<float>::infinity();
// Under kDotProduct, of rows that are not cut. Recall@10 at defaults, 20,000 x 32, lengths that
// vary log-normally with sigma .5, 1, 1.5: .999 .998 .996 with .9, 1.00 1.00 1.00 with .92 and .95,
// .999 .987 .985 with .99, .967 .669 .501 with 1; 20,000 x 128, sigma 1: .999 with .9, .998 with
// .92, .958 with .95, .807 with .99.
constexpr double kLongRowShare = 0.92;
constexpr double kUnitsOfCut = 1 << 30;

size_t RoundUp(size_t value, size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// What measure(vector) says about the rows 0, step, 2 * step, ..., some at a time on every thread.
template <class F>
auto OfEachRow(const VectorReader& reader, size_t step, const TaskContext& context, F&& measure) {
  constexpr size_t kChunkRows = 256;
  std::vector<decltype(measure(std::span<const float>()))> found((reader.rows().rows + step - 1) /
                                                                 step);
  const size_t chunks = (found.size() + kChunkRows - 1) / kChunkRows;
  context.executor().ParallelFor(chunks, [&](size_t chunk) {
    context.CheckCancelled();
    std::vector<float> vector(reader.rows().dimensions);
    const size_t end = std::min(found.size(), (chunk + 1) * kChunkRows);
    for (size_t i = chunk * kChunkRows; i < end; ++i) {
      reader.Read(i * step, vector.data());
      found[i] = measure(std::span<const float>(vector));
    }
  });
  return found;
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
  std::vector<float> vector(reader.rows().dimensions);
  const size_t step = std::max<size_t>(1, reader.rows().rows / kCenterSampleRows);
  for (size_t row = 0; row < reader.rows().rows; row += step) {
    context.CheckCancelled();
    reader.Read(row, vector.data());
    for (size_t i = 0; i < vector.size(); ++i) values[i].push_back(vector[i]);
  }
  std::vector<float> center(values.size());
  for (size_t i = 0; i < center.size(); ++i) {
    const auto middle = values[i].begin() + static_cast<ptrdiff_t>(values[i].size() / 2);
    std::nth_element(values[i].begin(), middle, values[i].end());
    if (middle != values[i].end()) center[i] = *middle;
  }
  return center;
}

// The largest magnitude of a value, but for a share of the rows.
float RangeOf(const VectorReader& reader, std::span<const float> center,
              const TaskContext& context) {
  std::vector<float> largest =
      OfEachRow(reader, SampleStep(reader), context, [&](std::span<const float> vector) {
        float row_largest = 0;
        for (size_t i = 0; i < vector.size(); ++i) {
          row_largest = std::max(row_largest, std::fabs(vector[i] - center[i]));
        }
        return row_largest;
      });
  if (largest.empty()) return 0;
  const auto kept = largest.end() - 1 - static_cast<ptrdiff_t>(largest.size() / kRowsPerClipped);
  std::nth_element(largest.begin(), kept, largest.end());
  return *kept;
}

float LargestMagnitude(std::span<const float> vector) {
  float largest = 0;
  for (float value : vector) largest = std::max(largest, std::fabs(value));
  return largest;
}

// Of a code, rounded up: the vector itself may have been rounded to float, twice.
float RoundedError(double squared_error, double squared_length) {
  const double error = std::sqrt(squared_error) * (1 + 1e-6) + 3e-7 * std::sqrt(squared_length);
  return error < std::numeric_limits<float>::max() ? static_cast<float>(error) : kUnknownError;
}

// The length that all rows get under kDotProduct.
double CutOf(const VectorReader& reader, const TaskContext& context) {
  std::vector<double> lengths =
      OfEachRow(reader, SampleStep(reader), context,
                [](std::span<const float> vector) { return std::sqrt(SquaredLength(vector)); });
  if (lengths.empty()) return 0;
  const auto kept = lengths.begin() +
                    static_cast<ptrdiff_t>(kLongRowShare * static_cast<double>(lengths.size() - 1));
  std::nth_element(lengths.begin(), kept, lengths.end());
  return *kept;
}

}  // namespace

ByteCodec::ByteCodec(Metric metric, size_t dimensions) : metric_(metric), dimensions_(dimensions) {
  const size_t tail = metric == Metric::kDotProduct ? sizeof(ScaledTail) : 2 * sizeof(uint32_t);
  stride_bytes_ = RoundUp(RoundUp(dimensions, 4) + tail, 32);
  const double largest = std::sqrt(0x7FFFFFFF / (4.0 * static_cast<double>(dimensions)));
  value_max_ = std::clamp(static_cast<int>(largest), 1, 127);
}

float ByteCodec::StepFor(float largest) const {
  const float step = largest / static_cast<float>(value_max_);
  return std::isnormal(step) && std::isnormal(1 / step) ? step : 1;
}

ByteCodec ByteCodec::Train(const VectorReader& reader, const TaskContext& context) {
  ByteCodec codec(reader.metric(), reader.rows().dimensions);
  codec.center_ = codec.metric_ == Metric::kL2 ? CenterOf(reader, context)
                                               : std::vector<float>(reader.rows().dimensions);
  if (codec.metric_ != Metric::kDotProduct) {
    codec.step_ = codec.StepFor(RangeOf(reader, codec.center_, context));
    return codec;
  }
  struct Extremes {
    float largest = 0;
    double length = 0;
  };
  float largest = 0;
  const auto extremes = OfEachRow(reader, 1, context, [](std::span<const float> vector) {
    return Extremes{LargestMagnitude(vector), std::sqrt(SquaredLength(vector))};
  });
  for (const Extremes& row : extremes) {
    largest = std::max(largest, row.largest);
    codec.longest_ = std::max(codec.longest_, row.length);
  }
  codec.step_ = codec.StepFor(largest);
  codec.length_cut_ = CutOf(reader, context);
  return codec;
}

ByteCodec ByteCodec::Read(ByteReader& in, Metric metric, size_t dimensions) {
  ByteCodec codec(metric, dimensions);
  codec.step_ = in.Read<float>();
  codec.longest_ = in.Read<double>();
  codec.length_cut_ = in.Read<double>();
  codec.center_.resize(dimensions);
  const auto center = in.ReadBytes(dimensions * sizeof(float));
  std::memcpy(codec.center_.data(), center.data(), center.size());
  const auto is_length = [](double length) { return length >= 0 && length < kLengthLimit; };
  const bool usable = std::isnormal(codec.step_) && is_length(codec.longest_) &&
                      is_length(codec.length_cut_) &&
                      std::all_of(codec.center_.begin(), codec.center_.end(),
                                  [](float value) { return std::isfinite(value); });
  if (!usable) in.ThrowCorrupted("the scale of the codes is not finite");
  return codec;
}

void ByteCodec::Write(ByteWriter& out) const {
  out.Write(step_);
  out.Write(longest_);
  out.Write(length_cut_);
  out.WriteBytes(center_.data(), center_.size() * sizeof(float));
}

int ByteCodec::Quantize(float value, float step) const {
  const float limit = static_cast<float>(value_max_);
  // Adding 1.5 * 2^23 rounds to an integer, ties to even, in the lowest bits.
  const float rounded = std::clamp(value / step, -limit, limit) + 12582912.0f;
  return static_cast<int>(std::bit_cast<uint32_t>(rounded)) - 0x4B400000;
}

float ByteCodec::EncodeRow(std::span<const float> vector, std::byte* code) const {
  std::memset(code + dimensions_, 0, stride_bytes_ - dimensions_);
  const bool scaled = metric_ == Metric::kDotProduct;
  const float step = scaled ? StepFor(LargestMagnitude(vector)) : step_;
  int sum = 0;
  uint32_t norm = 0;
  double squared_error = 0;
  for (size_t i = 0; i < dimensions_; ++i) {
    const int value = Quantize(vector[i] - center_[i], step);
    code[i] = static_cast<std::byte>(value + 128);
    sum += value;
    norm += static_cast<uint32_t>(value * value);
    const double error = vector[i] - (value * double{step} + center_[i]);
    squared_error += error * error;
  }
  const double squared_length = SquaredLength(vector);
  if (scaled) {
    const ScaledTail tail = TailFor(step, sum, norm);
    std::memcpy(code + RoundUp(dimensions_, 4), &tail, sizeof(tail));
    return RoundedError(squared_error, squared_length);
  }
  const bool is_zero = norm == 0;
  if (is_zero) norm = SquaredLengthOfZero();
  const uint32_t norms[] = {norm, norm + 256 * static_cast<uint32_t>(sum)};
  std::memcpy(code + RoundUp(dimensions_, 4), norms, sizeof(norms));
  // A vector of length 0 has no distance under kCosine; others do not look like their code of 0.
  if (is_zero && metric_ == Metric::kCosine && squared_length > 0) return kUnknownError;
  return RoundedError(squared_error, squared_length);
}

ScaledTail ByteCodec::TailFor(float step, int32_t sum, uint32_t norm) const {
  ScaledTail tail{.step = step, .multiplier = 0, .added = 0, .sum = sum};
  if (norm > 0 && length_cut_ > 0) {
    const double cut = kUnitsOfCut / std::sqrt(static_cast<double>(norm));
    tail.multiplier = static_cast<uint32_t>(std::min(step / length_cut_ * kUnitsOfCut, cut));
  }
  const double length_squared = static_cast<double>(tail.multiplier) * tail.multiplier * norm;
  tail.added =
      static_cast<uint32_t>(std::sqrt(std::max(kUnitsOfCut * kUnitsOfCut - length_squared, 0.0)));
  return tail;
}

uint32_t ByteCodec::SquaredLengthOfZero() const {
  return metric_ == Metric::kCosine ? static_cast<uint32_t>(1 / (step_ * step_)) : 0;
}

ByteCodec::EncodedQuery ByteCodec::EncodeQuery(std::span<const float> vector, int8_t* code) const {
  const float step = metric_ == Metric::kDotProduct ? StepFor(LargestMagnitude(vector)) : step_;
  double squared_error = 0;
  bool is_zero = true;
  for (size_t i = 0; i < dimensions_; ++i) {
    code[i] = static_cast<int8_t>(Quantize(vector[i] - center_[i], step));
    const double error = vector[i] - (code[i] * double{step} + center_[i]);
    squared_error += error * error;
    is_zero = is_zero && code[i] == 0;
  }
  if (is_zero && metric_ == Metric::kCosine) return {step, kUnknownError};
  return {step, RoundedError(squared_error, SquaredLength(vector))};
}

ByteCodeScorer::ByteCodeScorer(const DistanceKernels& kernels, ByteCodeRows rows)
    : CodeScorer(rows.base, rows.stride_bytes,
                 rows.tail_offset() + (rows.scaled ? sizeof(ScaledTail) : sizeof(uint32_t))),
      kernels_(kernels),
      rows_(rows),
      query_(rows.dimensions) {}

void ByteCodeScorer::SetQueryCode(const ByteCodeRows& rows, size_t row) {
  const auto* code = reinterpret_cast<const uint8_t*>(rows.Row(row));
  for (size_t i = 0; i < query_.size(); ++i) query_[i] = static_cast<int8_t>(code[i] ^ 0x80);
  codec_ = nullptr;
  query_row_ = static_cast<uint32_t>(row);
  if (rows_.scaled) {
    query_tail_ = rows.Tail(row);
    query_constant_ = 128 * static_cast<uint32_t>(query_tail_.sum);
  } else {
    query_constant_ = rows.QueryConstant(row);
  }
}

void ByteCodeScorer::SetQuery(const ByteCodec& codec, std::span<const float> vector) {
  codec_ = &codec;
  query_length_ = static_cast<float>(std::sqrt(SquaredLength(vector)));
  const auto [step, error] = codec.EncodeQuery(vector, query_.data());
  query_step_ = step;
  query_error_ = error;
  int32_t sum = 0;
  int32_t norm = 0;
  for (int8_t value : query_) {
    sum += value;
    norm += int32_t{value} * value;
  }
  if (rows_.scaled) {
    query_constant_ = 128 * static_cast<uint32_t>(sum);
    return;
  }
  if (norm == 0) norm = static_cast<int32_t>(codec.SquaredLengthOfZero());
  query_constant_ = static_cast<uint32_t>(norm) + 256 * static_cast<uint32_t>(sum);
}

void ByteCodeScorer::Score(const uint32_t* row_ids, size_t count, uint32_t* keys) {
  if (rows_.exact != nullptr && codec_ == nullptr) {
    return rows_.exact->Measure(query_row_, {row_ids, count}, keys);
  }
  kernels_.dot_u8_i8({.base = rows_.base,
                      .stride_bytes = rows_.stride_bytes,
                      .dimensions = rows_.dimensions,
                      .ids = row_ids,
                      .count = count},
                     query_.data(), reinterpret_cast<int32_t*>(keys));
  if (!rows_.scaled) {
    SquaredDistances(row_ids, count, keys);
  } else if (codec_ != nullptr) {
    ScaledProducts(row_ids, count, keys);
  } else {
    ScaledDistances(row_ids, count, keys);
  }
}

void ByteCodeScorer::SquaredDistances(const uint32_t* row_ids, size_t count, uint32_t* keys) const {
  for (size_t i = 0; i < count; ++i) {
    keys[i] = rows_.SquaredLength(row_ids[i]) + query_constant_ - 2 * keys[i];
  }
}

// Both are kUnitsOfCut long, and so half their squared distance is the square of that, 2^60, minus
// their product: at most 2^61, of which the upper 31 bits are kept.
uint32_t ScaledDistance(int64_t dot, const ScaledTail& a, const ScaledTail& b) {
  const int64_t product = dot * b.multiplier * a.multiplier + int64_t{b.added} * a.added;
  return static_cast<uint32_t>(std::max<int64_t>((int64_t{1} << 60) - product, 0) >> 30);
}

void ByteCodeScorer::ScaledDistances(const uint32_t* row_ids, size_t count, uint32_t* keys) const {
  for (size_t i = 0; i < count; ++i) {
    const int64_t dot = static_cast<int32_t>(keys[i] - query_constant_);
    keys[i] = ScaledDistance(dot, query_tail_, rows_.Tail(row_ids[i]));
  }
}

void ByteCodeScorer::ScaledProducts(const uint32_t* row_ids, size_t count, uint32_t* keys) const {
  for (size_t i = 0; i < count; ++i) {
    const auto dot = static_cast<float>(static_cast<int32_t>(keys[i] - query_constant_));
    keys[i] = FloatToKey(-(dot * rows_.Tail(row_ids[i]).step));
  }
}

// A query beyond the range of the codes is at least that far from all rows: without it, a block of
// rows far away would look as near as one of rows close by.
float ByteCodeScorer::Estimate(uint32_t key) const {
  if (rows_.scaled) return KeyToFloat(key) * query_step_;
  const double beyond = std::isfinite(query_error_) ? double{query_error_} * query_error_ : 0;
  const double squared = double{query_step_} * query_step_ * key + beyond;
  return static_cast<float>(codec_->metric() == Metric::kCosine ? squared / 2 : squared);
}

uint32_t ByteCodeScorer::KeyOf(float estimate) const {
  if (rows_.scaled) return FloatToKey(estimate / query_step_);
  const double beyond = std::isfinite(query_error_) ? double{query_error_} * query_error_ : 0;
  const double squared = codec_->metric() == Metric::kCosine ? 2.0 * estimate : double{estimate};
  const double key = (squared - beyond) / (double{query_step_} * query_step_);
  return key < double{UINT32_MAX} ? static_cast<uint32_t>(std::max(key, 0.0)) : UINT32_MAX;
}

// Distances between codes are exact; those of the vectors are at most the errors of row and query
// away from them. The engine computes in float at worst: its sums of d products are off by less
// than d * 2^-23 of the sum of their magnitudes, and products of tiny numbers become zero.
uint32_t ByteCodeScorer::KeyLimit(double distance, float row_error) const {
  if (rows_.scaled) return ProductLimit(distance, row_error);
  const auto d = static_cast<double>(rows_.dimensions + 8);
  const double limit = codec_->metric() == Metric::kL2
                           ? distance * (1 + d * 0x1p-23) + std::sqrt(d) * 0x1p-62
                           : std::sqrt(2 * std::max(distance + d * 0x1p-22, 0.0));
  const double steps = (limit + row_error + query_error_) / query_step_;
  const double code_distance = steps * steps * (1 + 1e-6) + 1;
  return code_distance < 0x7FFFFFFF ? static_cast<uint32_t>(code_distance) : UINT32_MAX;
}

// A product of vectors is at most row_error * |query| + |code of the row| * query_error_ away from
// that of their codes.
uint32_t ByteCodeScorer::ProductLimit(double product, float row_error) const {
  const auto d = static_cast<double>(rows_.dimensions + 8);
  const double least = product - d * (0x1p-22 * query_length_ * codec_->longest() + 0x1p-120) -
                       row_error * double{query_length_} -
                       (codec_->longest() + row_error) * query_error_;
  const double key = -least / query_step_;
  const double rounded_up = key + 1e-6 * std::fabs(key) + 1e-36;
  return rounded_up < std::numeric_limits<float>::max() ? FloatToKey(static_cast<float>(rounded_up))
                                                        : UINT32_MAX;
}

uint32_t ByteCodeScorer::LowerForError(uint32_t key, float error, float allowed) const {
  const double more = double{error} - allowed;
  if (rows_.scaled) {
    const double lower =
        KeyToFloat(key) - more * (double{query_length_} + query_error_) / query_step_ * (1 + 1e-6);
    return FloatToKey(static_cast<float>(
        std::max<double>(lower - 1e-6 * std::fabs(lower), -std::numeric_limits<float>::max())));
  }
  const double steps = std::sqrt(static_cast<double>(key)) - more / query_step_;
  if (!(steps > 0)) return 0;
  return static_cast<uint32_t>(std::max(steps * steps * (1 - 1e-6) - 1, 0.0));
}

// Rounding moves each coordinate of row and query by an error of variance 1/12 and so, two rows
// being compared, ...
//   the squared distance D by twice the sum of coordinate * error, which has the standard deviation
//   sqrt(D * 2/3) for each row, and the squared errors themselves;
//   a dot product by the sums of one's coordinates times the other's errors.
uint32_t ByteCodeScorer::KeyWithError(uint32_t key) const {
  constexpr double kDeviations = 3;
  if (rows_.scaled) {
    const double row = codec_->step() * query_length_ / query_step_;
    const double deviation = std::sqrt((row * row + codec_->longest() * codec_->longest()) / 6);
    return FloatToKey(static_cast<float>(KeyToFloat(key) + kDeviations * deviation));
  }
  const double deviation = 1.155 * std::sqrt(static_cast<double>(key)) +
                           0.28 * std::sqrt(static_cast<double>(rows_.dimensions));
  return static_cast<uint32_t>(std::min(key + kDeviations * deviation, double{UINT32_MAX}));
}

}  // namespace granary
