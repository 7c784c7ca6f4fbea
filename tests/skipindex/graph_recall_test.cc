// Recall of graphs over data that graphs find hard, at the width searches have by default and at
// narrower ones: clusters far apart, of uneven size, in row order; copies; outliers; queries from
// elsewhere. Every answer is compared with an exact scan.
#include <algorithm>
#include <cmath>
#include <functional>

#include <gtest/gtest.h>

#include "granary/skipindex/distance/distance.h"
#include "granary/skipindex/distance/kernels.h"
#include "granary/skipindex/vector_similarity/vector_similarity_index.h"
#include "granary/tests/skipindex/index_fixtures.h"

namespace granary {
namespace {

constexpr size_t kQueries = 60;
constexpr size_t kNearest = 10;

struct Vectors {
  size_t dimensions = 0;
  std::vector<float> base;
  std::vector<float> queries;
};

class Random {
 public:
  explicit Random(uint64_t seed) : random_(seed) {}
  size_t Below(size_t bound) { return random_() % bound; }
  float Uniform() { return static_cast<float>(random_() >> 40) * 0x1p-24f; }
  // Of 12 uniform numbers: the same on every library.
  float Normal() {
    float sum = -6;
    for (int i = 0; i < 12; ++i) sum += Uniform();
    return sum;
  }
  std::vector<float> Normals(size_t count, float scale) {
    std::vector<float> values(count);
    for (float& value : values) value = scale * Normal();
    return values;
  }

 private:
  std::mt19937_64 random_;
};

// Rows cluster after cluster around normally distributed centers; queries around random rows.
Vectors Clusters(size_t dimensions, const std::vector<size_t>& sizes, float apart, float spread) {
  Random random(41);
  Vectors vectors{.dimensions = dimensions};
  std::vector<float> of_row;
  for (const size_t size : sizes) {
    const auto center = random.Normals(dimensions, apart);
    for (size_t row = 0; row < size; ++row) {
      of_row.insert(of_row.end(), center.begin(), center.end());
    }
  }
  for (const float value : of_row) vectors.base.push_back(value + spread * random.Normal());
  for (size_t query = 0; query < kQueries; ++query) {
    const size_t row = random.Below(of_row.size() / dimensions);
    for (size_t i = 0; i < dimensions; ++i) {
      vectors.queries.push_back(of_row[row * dimensions + i] + spread * random.Normal());
    }
  }
  return vectors;
}

std::vector<size_t> UnevenSizes(size_t clusters, size_t rows) {
  std::vector<size_t> sizes;
  for (size_t i = 1; i <= clusters; ++i) sizes.push_back(1 + rows / (4 * i));
  return sizes;
}

// Each of `different` vectors in many rows; queries near one of them.
Vectors Copies(size_t different, size_t rows) {
  constexpr size_t kDimensions = 32;
  Random random(42);
  const auto once = random.Normals(different * kDimensions, 1);
  Vectors vectors{.dimensions = kDimensions};
  for (size_t row = 0; row < rows; ++row) {
    const auto first = once.begin() + static_cast<ptrdiff_t>(row % different * kDimensions);
    vectors.base.insert(vectors.base.end(), first, first + kDimensions);
  }
  for (size_t query = 0; query < kQueries; ++query) {
    const size_t row = random.Below(different);
    for (size_t i = 0; i < kDimensions; ++i) {
      vectors.queries.push_back(once[row * kDimensions + i] + 0.3f * random.Normal());
    }
  }
  return vectors;
}

Vectors WithOutliers() {
  Vectors vectors = Clusters(32, std::vector<size_t>(60, 100), 1, 0.3f);
  for (size_t i = 0; i < 20 * vectors.dimensions; ++i) vectors.base[i] *= 1000;
  return vectors;
}

Vectors WithZeros() {
  Vectors vectors = Clusters(32, std::vector<size_t>(60, 100), 1, 0.3f);
  for (size_t row = 0; row < 6000; row += 5) {
    std::fill_n(vectors.base.begin() + static_cast<ptrdiff_t>(row * 32), 32, 0.0f);
  }
  return vectors;
}

Vectors QueriesFromElsewhere() {
  Vectors vectors = Clusters(32, UnevenSizes(100, 6000), 2, 0.5f);
  Random random(43);
  for (float& value : vectors.queries) value = 4 * random.Uniform() - 2;
  return vectors;
}

Vectors Binary() {
  Random random(44);
  Vectors vectors{.dimensions = 64};
  for (auto* values : {&vectors.base, &vectors.queries}) {
    values->resize(vectors.dimensions * (values == &vectors.base ? 6000 : kQueries));
    for (float& value : *values) value = random.Uniform() < 0.15f ? 1.0f : 0.0f;
  }
  return vectors;
}

// A surface of two dimensions, bent in 40.
Vectors Surface() {
  Random random(45);
  Vectors vectors{.dimensions = 40};
  const auto bend = random.Normals(3 * vectors.dimensions, 3);
  for (auto* values : {&vectors.base, &vectors.queries}) {
    for (size_t row = 0; row < (values == &vectors.base ? 6000 : kQueries); ++row) {
      const float x = random.Uniform();
      const float y = random.Uniform();
      for (size_t i = 0; i < vectors.dimensions; ++i) {
        values->push_back(std::sin(bend[3 * i] * x + bend[3 * i + 1] * y + bend[3 * i + 2]));
      }
    }
  }
  return vectors;
}

// Bytes that hold the first dimension have no room for the others.
Vectors OneWideDimension(size_t rows) {
  Vectors vectors = Clusters(32, std::vector<size_t>(20, rows / 20), 0.7f, 0.5f);
  Random random(46);
  for (auto* values : {&vectors.base, &vectors.queries}) {
    for (size_t i = 0; i < values->size(); i += vectors.dimensions) {
      (*values)[i] += random.Below(2) == 0 ? 0.0f : 1000.0f;
    }
  }
  return vectors;
}

struct Kind {
  const char* name;
  Metric metric;
  std::function<Vectors()> make;
  double narrow;  // recall at a width of 64
  double usual;   // at 256

  friend void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }
};

class HardData : public testing::TestWithParam<Kind> {};

std::shared_ptr<const SkipIndex> Declare(const Vectors& vectors, Metric metric,
                                         const DistanceKernels& kernels = BestDistanceKernels()) {
  TableSettings settings;
  settings.vector_index_min_rows_for_graph = 0;
  return VectorSimilarityKind(kernels).Declare(
      Declared("vector_similarity", DataType::Array(TypeId::kFloat32),
               {Argument("hnsw"), Argument(MetricFunction(metric).data()),
                Argument(vectors.dimensions)}),
      settings);
}

std::vector<std::byte> Build(const SkipIndex& index, const VectorRows& rows, TestContext& test) {
  ByteWriter out;
  index.NewBuilder()->Finish({.rows = rows.rows, .vectors = &rows, .context = &test.context}, out);
  return out.Take();
}

double RecallOf(const Vectors& vectors, Metric metric, size_t width) {
  const VectorRows rows = RowsOf(vectors.base, vectors.dimensions);
  TestContext test(2);
  const auto index = Declare(vectors, metric);
  AlignedBytes bytes(Build(*index, rows, test));
  const auto sub_index = index->Open(bytes.span(), {.rows = rows.rows, .vectors = &rows});
  EXPECT_FALSE(sub_index->neighbor_searcher()->is_flat());
  size_t hits = 0;
  for (size_t query = 0; query < kQueries; ++query) {
    const std::span vector(vectors.queries.data() + query * vectors.dimensions, vectors.dimensions);
    std::vector<float> distances(rows.rows);
    ComputeDistances(BestDistanceKernels(), FunctionOf(metric), vector, rows, 0, rows.rows,
                     distances.data());
    // NaN, of a zero vector under cosineDistance, comes last.
    for (float& distance : distances) distance = std::isnan(distance) ? 1e30f : distance;
    const auto search = sub_index->neighbor_searcher()->Start(
        {.vector = vector, .count = kNearest, .effort = width});
    std::vector<Candidate> found;
    search->Next(found, test.context);
    std::vector<float> exact = distances;
    std::nth_element(exact.begin(), exact.begin() + kNearest - 1, exact.end());
    // What the engine would measure, and rows as near as the last one stand for each other.
    const float measured = search->WithError(found[std::min(kNearest, found.size()) - 1].distance);
    const auto is_hit = [&](const Candidate& candidate) {
      return candidate.distance <= measured && distances[candidate.row] <= exact[kNearest - 1];
    };
    hits +=
        std::min(kNearest, static_cast<size_t>(std::count_if(found.begin(), found.end(), is_hit)));
  }
  return static_cast<double>(hits) / (kQueries * kNearest);
}

TEST_P(HardData, IsFoundByGraphs) {
  const Kind& kind = GetParam();
  const Vectors vectors = kind.make();
  EXPECT_GE(RecallOf(vectors, kind.metric, 64), kind.narrow);
  EXPECT_GE(RecallOf(vectors, kind.metric, 256), kind.usual);
}

TEST(GraphRecallTest, GraphsOfVectorsThatBytesDoNotTellApartAreTheSameOnAnyThreadsAndKernels) {
  const Vectors vectors = OneWideDimension(3100);  // more than one leaf
  const VectorRows rows = RowsOf(vectors.base, vectors.dimensions);
  TestContext one(1);
  const auto expected = Build(*Declare(vectors, Metric::kL2), rows, one);
  EXPECT_EQ(expected[8], std::byte{2}) << "the version";
  // The walk measures the column, and so there is no room for codes.
  EXPECT_LT(expected.size(), rows.rows * (64 * sizeof(uint32_t) + 32));
  for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
    TestContext test(3);
    EXPECT_EQ(Build(*Declare(vectors, Metric::kL2, *kernels), rows, test), expected)
        << kernels->name;
  }
}

TEST(GraphRecallTest, OtherGraphsStayInTheFirstVersionOfTheFormat) {
  const Vectors vectors = Clusters(24, std::vector<size_t>(20, 60), 2, 1);
  TestContext test;
  const auto bytes =
      Build(*Declare(vectors, Metric::kL2), RowsOf(vectors.base, vectors.dimensions), test);
  EXPECT_EQ(bytes[8], std::byte{1});
}

INSTANTIATE_TEST_SUITE_P(
    Recall, HardData,
    testing::Values(
        Kind{"FarClusters", Metric::kL2,
             [] { return Clusters(24, std::vector<size_t>(20, 300), 20, 0.3f); }, 0.99, 0.99},
        Kind{"FarClustersThatBytesHardlyResolve", Metric::kL2,
             [] { return Clusters(24, std::vector<size_t>(20, 300), 20, 0.02f); }, 0.99, 0.99},
        Kind{"FarClustersOfDirections", Metric::kCosine,
             [] { return Clusters(64, std::vector<size_t>(20, 300), 1, 0.02f); }, 0.99, 0.99},
        Kind{"FarClustersOfManyRows", Metric::kL2,
             [] {
               return Clusters(24, {3000, 3000}, 20, 0.1f);
             },
             0.98, 0.99},
        Kind{"OneWideDimension", Metric::kL2, [] { return OneWideDimension(6000); }, 0.98, 0.99},
        Kind{"OneWideDirection", Metric::kCosine, [] { return OneWideDimension(6000); }, 0.9, 0.95},
        Kind{"UnevenClusters", Metric::kL2,
             [] { return Clusters(32, UnevenSizes(300, 6000), 3, 0.5f); }, 0.97, 0.99},
        Kind{"FiftyVectorsInManyRows", Metric::kL2, [] { return Copies(50, 6000); }, 0.99, 0.99},
        Kind{"ManyVectorsInSomeRows", Metric::kL2, [] { return Copies(400, 6000); }, 0.97, 0.99},
        Kind{"Outliers", Metric::kL2, WithOutliers, 0.98, 0.99},
        Kind{"Zeros", Metric::kL2, WithZeros, 0.8, 0.99},
        Kind{"ZerosWithoutDirection", Metric::kCosine, WithZeros, 0.97, 0.99},
        Kind{"QueriesFromElsewhere", Metric::kL2, QueriesFromElsewhere, 0.9, 0.98},
        Kind{"Binary", Metric::kL2, Binary, 0.98, 0.99},
        Kind{"Surface", Metric::kL2, Surface, 0.99, 0.99}),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace granary
