// No row that is near enough is ever left out, whatever the values, and of ordinary rows nearly all
// others are.
#include "granary/skipindex/distance/coded_rows.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include <gtest/gtest.h>

#include "granary/table/types.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

constexpr size_t kRows = 150;
constexpr DistanceFunction kFunctions[] = {DistanceFunction::kL2, DistanceFunction::kCosine,
                                           DistanceFunction::kDotProduct,
                                           DistanceFunction::kL2Squared};

template <class T>
constexpr VectorElement kElement = VectorElement::kFloat32;
template <>
constexpr VectorElement kElement<double> = VectorElement::kFloat64;
template <>
constexpr VectorElement kElement<BFloat16> = VectorElement::kBFloat16;

template <class T>
VectorRows RowsOver(const std::vector<T>& values, size_t dimensions) {
  return {.base = reinterpret_cast<const std::byte*>(values.data()),
          .stride_bytes = dimensions * sizeof(T),
          .rows = values.size() / dimensions,
          .dimensions = dimensions,
          .element = kElement<T>};
}

bool IsNear(DistanceFunction function, double distance, double limit) {
  if (std::isnan(distance)) return true;
  return function == DistanceFunction::kDotProduct ? distance >= limit : distance <= limit;
}

class CodedRowsTest : public ::testing::Test {
 protected:
  // Compares the rows with the query at the distances of some rows and near them; returns which
  // share of the rows that are too far was left out.
  template <class Query, class T>
  double Check(DistanceFunction function, const std::vector<Query>& query,
               const std::vector<T>& values, const DistanceKernels& kernels) {
    const VectorRows rows = RowsOver(values, query.size());
    std::vector<uint32_t> ids(rows.rows);
    std::iota(ids.begin(), ids.end(), 0);
    std::vector<Query> distances(rows.rows);
    ComputeDistances(kernels, function, std::span<const Query>(query), rows, 0, rows.rows,
                     distances.data());
    const CodedQuery coded(function, std::vector<double>(query.begin(), query.end()));
    CodedRows codes;
    codes.Encode(kernels, function, rows, ids);
    size_t far = 0;
    size_t left_out = 0;
    for (size_t at = 0; at < rows.rows; at += 11) {
      const Query limits[] = {
          distances[at], std::nextafter(distances[at], std::numeric_limits<Query>::infinity()),
          std::nextafter(distances[at], -std::numeric_limits<Query>::infinity())};
      for (const Query limit : limits) {
        if (!std::isfinite(limit)) continue;
        std::vector<uint32_t> near;
        codes.FindNear(kernels, coded, limit, near);
        std::vector<uint8_t> is_found(rows.rows);
        for (const uint32_t row : near) is_found[row] = 1;
        for (size_t row = 0; row < rows.rows; ++row) {
          if (IsNear(function, distances[row], limit)) {
            EXPECT_TRUE(is_found[row]) << "row " << row << " at " << distances[row] << " within "
                                       << limit << ", seed " << seed_;
          } else {
            ++far;
            left_out += is_found[row] == 0 ? 1 : 0;
          }
        }
      }
    }
    return far == 0 ? 1 : static_cast<double>(left_out) / static_cast<double>(far);
  }

  template <class T>
  std::vector<T> Values(size_t count, double mean, double deviation) {
    std::normal_distribution<double> normal(mean, deviation);
    std::vector<T> values(count);
    for (T& value : values) value = static_cast<T>(static_cast<float>(normal(random_)));
    return values;
  }

  const uint64_t seed_ = SeedOfThisRun();
  std::mt19937_64 random_{seed_};
};

TEST_F(CodedRowsTest, LeaveOutNearlyAllRowsThatAreTooFar) {
  for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
    for (const DistanceFunction function : kFunctions) {
      for (const size_t dimensions : {1, 3, 16, 17, 64, 100, 257, 784}) {
        const auto floats = Values<float>(dimensions, 0.1, 1);
        const auto doubles = Values<double>(dimensions, 0.1, 1);
        double share = 1;
        share = std::min(
            share, Check(function, floats, Values<float>(kRows * dimensions, 0.1, 1), *kernels));
        share = std::min(
            share, Check(function, floats, Values<BFloat16>(kRows * dimensions, 0.1, 1), *kernels));
        share = std::min(
            share, Check(function, doubles, Values<double>(kRows * dimensions, 0.1, 1), *kernels));
        share = std::min(
            share, Check(function, doubles, Values<float>(kRows * dimensions, 0.1, 1), *kernels));
        // Of two numbers the direction is all that counts, and most rows have the query's.
        EXPECT_GE(share, dimensions > 3 ? 0.5 : 0.0) << kernels->name << " " << dimensions;
      }
    }
  }
}

TEST_F(CodedRowsTest, KeepWhatIsNearWhateverTheMagnitudes) {
  constexpr double kMagnitudes[] = {0, 1e-45, 1e-38, 1e-30, 1e-20, 1e-13, 1e-6,
                                    1, 1e6,   1e15,  1e18,  1e19,  1e25,  1e38};
  for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
    for (const DistanceFunction function : kFunctions) {
      for (const double of_query : kMagnitudes) {
        const size_t dimensions = 1 + random_() % 70;
        std::vector<float> floats;
        std::vector<double> doubles;
        for (size_t row = 0; row < kRows; ++row) {
          const double magnitude = kMagnitudes[random_() % std::size(kMagnitudes)];
          for (const double value : Values<double>(dimensions, 0, magnitude)) {
            floats.push_back(static_cast<float>(value));
            doubles.push_back(value);
          }
        }
        const auto query = Values<double>(dimensions, 0, of_query);
        Check(function, std::vector<float>(query.begin(), query.end()), floats, *kernels);
        Check(function, query, doubles, *kernels);
      }
    }
  }
}

TEST_F(CodedRowsTest, KeepRowsThatAreNoNumbers) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float odd[] = {std::nanf(""), kInfinity, -kInfinity, 3e38f};
  for (const DistanceFunction function : kFunctions) {
    auto values = Values<float>(kRows * 20, 0, 1);
    for (size_t row = 0; row < kRows; row += 3) values[row * 20 + row % 20] = odd[row % 4];
    Check(function, Values<float>(20, 0, 1), values, BestDistanceKernels());
  }
}

// Rows far from the origin and near each other, where all that tells them apart is rounded away.
TEST_F(CodedRowsTest, KeepWhatIsNearFarFromTheOrigin) {
  for (const DistanceFunction function : kFunctions) {
    for (const double mean : {10., 1e4, 1e7}) {
      Check(function, Values<float>(33, mean, 1), Values<float>(kRows * 33, mean, 1),
            BestDistanceKernels());
    }
  }
}

TEST_F(CodedRowsTest, NumberTheRowsOfTheRun) {
  const std::vector<float> values = {5, 5, 1, 1, 9, 9, 1, 1, 7, 7};
  CodedRows codes;
  const std::vector<uint32_t> ids = {4, 3, 0};
  codes.Encode(BestDistanceKernels(), DistanceFunction::kL2, RowsOver(values, 2), ids);
  EXPECT_EQ(codes.size(), 3u);
  std::vector<uint32_t> near = {77};
  codes.FindNear(BestDistanceKernels(),
                 CodedQuery(DistanceFunction::kL2, std::vector<double>{1, 1}), 1, near);
  EXPECT_EQ(near, (std::vector<uint32_t>{77, 1}));
  for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
    codes.Encode(*kernels, DistanceFunction::kL2, RowsOver(values, 2), ids);
    near.clear();
    codes.FindNear(*kernels, CodedQuery(DistanceFunction::kL2, std::vector<double>{1, 1}), 100,
                   near);
    EXPECT_EQ(near, (std::vector<uint32_t>{0, 1, 2})) << kernels->name;
  }
}

}  // namespace
}  // namespace granary
