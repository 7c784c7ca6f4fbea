// What DistanceBounds promise: a row whose key is beyond the limit is farther away, whatever the
// vectors look like. Distances to compare with are those that the query engine computes.
#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "granary/skipindex/distance/distance.h"
#include "granary/skipindex/vector_similarity/vector_codes.h"
#include "granary/skipindex/vector_similarity/vector_similarity_index.h"
#include "granary/tests/random_seed.h"
#include "granary/tests/skipindex/index_fixtures.h"

namespace granary {
namespace {

constexpr size_t kRows = 500;

enum class Shape { kClusters, kOutliers, kOffset, kLengths, kZeros, kDuplicates, kTiny, kHuge };

// Rows as their stored type has them, in doubles.
std::vector<double> MakeRows(Shape shape, size_t dimensions, uint64_t seed) {
  const auto clusters = ClusteredVectors(kRows, dimensions, seed);
  std::vector<double> rows(clusters.begin(), clusters.end());
  std::mt19937_64 random(seed + 1);
  for (size_t row = 0; row < kRows; ++row) {
    const std::span values(rows.data() + row * dimensions, dimensions);
    const auto scale = [&](double factor) {
      for (double& value : values) value *= factor;
    };
    switch (shape) {
      case Shape::kClusters:
        break;
      case Shape::kOutliers:
        if (random() % 40 == 0) scale(1000);
        if (random() % 40 == 0) values[random() % dimensions] *= 200;
        break;
      case Shape::kOffset:
        for (double& value : values) value += 3000;
        break;
      case Shape::kLengths:
        scale(std::exp(static_cast<double>(random() % 1000) / 200 - 2));
        break;
      case Shape::kZeros:
        if (random() % 3 == 0) scale(0);
        break;
      case Shape::kDuplicates:
        std::copy_n(rows.begin(), dimensions, values.begin());
        if (random() % 3 == 0) values[0] += 1e-6;
        break;
      case Shape::kTiny:
        // BFloat16 would have some as 0, which cosineDistance refuses where it is a whole vector.
        for (double& value : values)
          value = std::copysign(std::max(std::fabs(value), 0.001), value);
        scale(1e-36);
        break;
      case Shape::kHuge:
        scale(random() % 2 == 0 ? 1e30 : 1e15);
        break;
    }
  }
  return rows;
}

// Owns rows of one element type.
struct StoredRows {
  StoredRows(const std::vector<double>& values, size_t dimensions, VectorElement element) {
    const size_t bytes = VectorElementBytes(element);
    data.resize(values.size() * bytes);
    for (size_t i = 0; i < values.size(); ++i) {
      const auto as_float = static_cast<float>(values[i]);
      const BFloat16 as_half(as_float);
      const void* from = element == VectorElement::kFloat64   ? static_cast<const void*>(&values[i])
                         : element == VectorElement::kFloat32 ? static_cast<const void*>(&as_float)
                                                              : static_cast<const void*>(&as_half);
      std::memcpy(data.data() + i * bytes, from, bytes);
    }
    rows = {data.data(), dimensions * bytes, kRows, dimensions, element};
  }
  std::vector<std::byte> data;
  VectorRows rows;
};

std::vector<double> Distances(Metric metric, std::span<const float> query, const VectorRows& rows,
                              bool in_double) {
  std::vector<double> distances(rows.rows);
  const DistanceFunction function = FunctionOf(metric);
  if (in_double) {
    const std::vector<double> wide(query.begin(), query.end());
    ComputeDistances(BestDistanceKernels(), function, std::span<const double>(wide), rows, 0,
                     rows.rows, distances.data());
  } else {
    std::vector<float> narrow(rows.rows);
    ComputeDistances(BestDistanceKernels(), function, query, rows, 0, rows.rows, narrow.data());
    std::copy(narrow.begin(), narrow.end(), distances.begin());
  }
  return distances;
}

struct Case {
  Metric metric;
  Shape shape;
};

class DistanceBoundsTest : public testing::TestWithParam<Case> {
 protected:
  // Opens an index over the rows and compares every pair of rows; returns the mean share of rows
  // within the limit of the 10th distance.
  double Check(size_t dimensions, VectorElement element, uint64_t seed) {
    const auto [metric, shape] = GetParam();
    const StoredRows stored(MakeRows(shape, dimensions, seed), dimensions, element);
    const VectorRows& rows = stored.rows;
    TableSettings settings;
    settings.vector_index_min_rows_for_graph = 0;
    const TypeId type = element == VectorElement::kFloat64   ? TypeId::kFloat64
                        : element == VectorElement::kFloat32 ? TypeId::kFloat32
                                                             : TypeId::kBFloat16;
    const auto index = VectorSimilarityKind().Declare(
        Declared("vector_similarity", DataType::Array(type),
                 {Argument("hnsw"), Argument(MetricFunction(metric).data()), Argument(dimensions),
                  Argument("i8"), Argument(4), Argument(8)}),
        settings);
    TestContext test;
    ByteWriter out;
    index->NewBuilder()->Finish({.rows = kRows, .vectors = &rows, .context = &test.context}, out);
    AlignedBytes bytes(out.bytes());
    const auto sub_index = index->Open(bytes.span(), {.rows = kRows, .vectors = &rows});

    size_t within = 0;
    constexpr size_t kQueries = 6;
    for (size_t q = 0; q < kQueries; ++q) {
      std::vector<float> query(dimensions);
      VectorReader(rows, Metric::kL2).Read(q * 31, query.data());
      if (q % 2 == 1) {
        for (float& value : query) value *= 1.01f;
      }
      within += CheckQuery(*sub_index, rows, query);
    }
    return static_cast<double>(within) / (kQueries * kRows);
  }

 private:
  size_t CheckQuery(const SubIndex& sub_index, const VectorRows& rows,
                    std::span<const float> query) {
    const Metric metric = GetParam().metric;
    const auto bounds =
        sub_index.neighbor_searcher()->StartBounds({.vector = query, .count = 10, .effort = 10});
    const bool may_have_none =
        GetParam().shape == Shape::kHuge || GetParam().shape == Shape::kTiny || query[0] == 0;
    if (bounds == nullptr) {
      EXPECT_TRUE(may_have_none);
      return 0;
    }
    std::vector<uint32_t> ids(kRows);
    std::iota(ids.begin(), ids.end(), 0);
    std::vector<uint32_t> keys(kRows);
    bounds->Score(ids, keys.data());
    std::vector<uint32_t> some_ids, some_keys(kRows);
    for (uint32_t row = 1; row < kRows; row += 3) some_ids.push_back(row);
    bounds->Score(some_ids, some_keys.data());
    for (size_t i = 0; i < some_ids.size(); ++i) EXPECT_EQ(some_keys[i], keys[some_ids[i]]);

    const bool larger_is_nearer = metric == Metric::kDotProduct;
    size_t within = 0;
    for (const bool in_double : {false, true}) {
      if (!in_double && rows.element == VectorElement::kFloat64) continue;
      const auto distances = Distances(metric, query, rows, in_double);
      for (const double limit_distance : distances) {
        const uint32_t limit = bounds->KeyLimit(limit_distance);
        for (size_t row = 0; row < kRows; ++row) {
          const bool is_near = larger_is_nearer ? distances[row] >= limit_distance
                                                : distances[row] <= limit_distance;
          if (is_near && keys[row] > limit) {
            ADD_FAILURE() << "row " << row << " at " << distances[row] << " has the key "
                          << keys[row] << ", the limit for " << limit_distance << " is " << limit;
            return 0;
          }
        }
      }
      std::vector<double> sorted;
      for (double distance : distances) {
        if (!std::isnan(distance)) sorted.push_back(larger_is_nearer ? -distance : distance);
      }
      if (sorted.size() < 10) continue;
      std::sort(sorted.begin(), sorted.end());
      const uint32_t limit = bounds->KeyLimit(larger_is_nearer ? -sorted[9] : sorted[9]);
      within = static_cast<size_t>(
          std::count_if(keys.begin(), keys.end(), [&](uint32_t key) { return key <= limit; }));
    }
    return within;
  }
};

TEST_P(DistanceBoundsTest, NeverLeaveANearerRowOut) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE("GRANARY_SEED=" + std::to_string(seed));
  for (const VectorElement element :
       {VectorElement::kFloat32, VectorElement::kFloat64, VectorElement::kBFloat16}) {
    for (const size_t dimensions : {1, 3, 24, 130}) {
      const double share = Check(dimensions, element, seed + dimensions);
      const bool must_tell_apart = GetParam().shape == Shape::kClusters && dimensions >= 24;
      EXPECT_LT(share, must_tell_apart ? 0.1 : 1.1);
    }
  }
}

std::vector<Case> EveryCase() {
  std::vector<Case> cases;
  for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDotProduct}) {
    for (Shape shape : {Shape::kClusters, Shape::kOutliers, Shape::kOffset, Shape::kLengths,
                        Shape::kZeros, Shape::kDuplicates, Shape::kTiny, Shape::kHuge}) {
      const bool is_refused = metric == Metric::kCosine && shape == Shape::kZeros;
      if (!is_refused) cases.push_back({metric, shape});
    }
  }
  return cases;
}

std::string NameOf(const testing::TestParamInfo<Case>& info) {
  constexpr const char* kNames[] = {"Clusters", "Outliers",   "Offset", "Lengths",
                                    "Zeros",    "Duplicates", "Tiny",   "Huge"};
  return std::string(MetricFunction(info.param.metric)) + "_" +
         kNames[static_cast<size_t>(info.param.shape)];
}

INSTANTIATE_TEST_SUITE_P(DistanceBounds, DistanceBoundsTest, testing::ValuesIn(EveryCase()),
                         NameOf);

TEST(CodeBoundsTest, ThereAreNoneWithoutCodesOfBytes) {
  const auto base = ClusteredVectors(100, 8, 1);
  const VectorRows rows = RowsOf(base, 8);
  for (const auto& [quantization, min_rows] : {std::pair("f32", 0), std::pair("i8", 1000)}) {
    TableSettings settings;
    settings.vector_index_min_rows_for_graph = static_cast<size_t>(min_rows);
    const auto index = VectorSimilarityKind().Declare(
        Declared("vector_similarity", DataType::Array(TypeId::kFloat32),
                 {Argument("hnsw"), Argument("L2Distance"), Argument(8), Argument(quantization),
                  Argument(4), Argument(8)}),
        settings);
    TestContext test;
    ByteWriter out;
    index->NewBuilder()->Finish({.rows = 100, .vectors = &rows, .context = &test.context}, out);
    AlignedBytes bytes(out.bytes());
    const auto sub_index = index->Open(bytes.span(), {.rows = 100, .vectors = &rows});
    EXPECT_EQ(sub_index->neighbor_searcher()->StartBounds(
                  {.vector = std::span(base.data(), 8), .count = 1, .effort = 1}),
              nullptr);
  }
}

}  // namespace
}  // namespace granary
