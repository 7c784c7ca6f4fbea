#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/tests/skipindex/vector_index_fixtures.h"

namespace granary {
namespace {

using testing::HasSubstr;

std::vector<uint32_t> Rows(const std::vector<Candidate>& candidates) {
  std::vector<uint32_t> rows;
  for (const Candidate& candidate : candidates) rows.push_back(candidate.row);
  return rows;
}

// How many of the true nearest 10 are among the candidates.
size_t Hits(const std::vector<Candidate>& found, const std::vector<uint32_t>& exact) {
  std::set<uint32_t> rows;
  for (const Candidate& candidate : found) rows.insert(candidate.row);
  size_t hits = 0;
  for (size_t i = 0; i < 10; ++i) hits += rows.count(exact[i]);
  return hits;
}

ErrorCode CodeOf(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.code();
  }
  return ErrorCode{};
}

struct Combination {
  Metric metric;
  const char* quantization;

  // Bits tell little in so few dimensions: more rows are handed out for each.
  bool is_coarse() const { return std::string_view(quantization) == "b1"; }

  friend void PrintTo(const Combination& combination, std::ostream* out) {
    *out << MetricFunction(combination.metric) << " by " << combination.quantization;
  }
};

class EveryCombination : public testing::TestWithParam<Combination> {};

TEST_P(EveryCombination, FindsNearlyAllNearestRowsThroughTheGraph) {
  const auto [metric, quantization] = GetParam();
  const auto base = ClusteredVectors(3000, kDimensions, 1);
  const auto queries = ClusteredVectors(40, kDimensions, 1);  // the same centers
  Opened opened(Declare(Arguments(metric, quantization)), RowsOf(base, kDimensions));
  ASSERT_FALSE(opened.sub_index->neighbor_searcher()->is_flat());
  size_t hits = 0;
  for (size_t q = 0; q < 40; ++q) {
    const std::span query(queries.data() + q * kDimensions, kDimensions);
    const auto found = opened.Search(query, 10, 100);
    EXPECT_GE(found.size(), 10u);
    EXPECT_LE(found.size(), GetParam().is_coarse() ? 800u : 100u);
    hits += Hits(found, ExactOrder(opened.vectors, metric, query));
  }
  EXPECT_GE(hits, 392u) << "of 400";
}

// With so few links per node the layers above the lowest are built in batches of several pieces.
TEST(VectorSimilarityTest, BytesDoNotDependOnWhichPieceOfWorkRunsFirst) {
  const auto base = ClusteredVectors(20'000, kDimensions, 9);
  const auto rows = RowsOf(base, kDimensions);
  const auto index = Declare(Arguments(Metric::kL2, "i8", 4, 16));
  TestContext forward;
  BackwardExecutor executor;
  TestContext backward(1, 1, &executor);
  EXPECT_EQ(Build(*index, rows, forward), Build(*index, rows, backward));
}

TEST_P(EveryCombination, EstimatesAreCloseToTheDistance) {
  const auto [metric, quantization] = GetParam();
  const auto base = ClusteredVectors(500, kDimensions, 2);
  Opened opened(Declare(Arguments(metric, quantization)), RowsOf(base, kDimensions));
  const std::span query(base.data() + 7 * kDimensions, kDimensions);
  const auto found = opened.Search(query, 20, 50);
  float previous = -std::numeric_limits<float>::infinity();
  for (const Candidate& candidate : found) {
    EXPECT_GE(candidate.distance, previous);
    previous = candidate.distance;
    float exact;
    const DistanceFunction function =
        metric == Metric::kL2 ? DistanceFunction::kL2Squared : FunctionOf(metric);
    ComputeDistances(BestDistanceKernels(), function, query, opened.vectors, candidate.row, 1,
                     &exact);
    if (metric == Metric::kDotProduct) exact = -exact;
    const float scale = GetParam().is_coarse() ? 20.0f : metric == Metric::kCosine ? 1.0f : 100.0f;
    EXPECT_NEAR(candidate.distance, exact, 0.03f * scale) << candidate.row;
  }
}

TEST_P(EveryCombination, ContinuesUntilEveryReachableRowWasReturnedOnce) {
  const auto [metric, quantization] = GetParam();
  const auto base = ClusteredVectors(700, kDimensions, 3);
  Opened opened(Declare(Arguments(metric, quantization)), RowsOf(base, kDimensions));
  const std::span query(base.data(), kDimensions);
  auto search = opened.Start(query, 10, 16);
  std::set<uint32_t> seen;
  std::vector<Candidate> found;
  for (bool more = true; more;) {
    found.clear();
    search->Next(found, opened.test.context);
    more = !found.empty();
    for (const Candidate& candidate : found) {
      EXPECT_TRUE(seen.insert(candidate.row).second) << "row " << candidate.row << " twice";
    }
  }
  EXPECT_GE(seen.size(), 690u);
  EXPECT_LE(search->visited(), 700u);
}

TEST_P(EveryCombination, ReturnsOnlyAcceptedRowsAndAsManyAsWanted) {
  const auto [metric, quantization] = GetParam();
  const auto base = ClusteredVectors(3000, kDimensions, 4);
  Opened opened(Declare(Arguments(metric, quantization)), RowsOf(base, kDimensions));
  for (size_t modulus : {2, 10, 100}) {
    RowBitmap rows(3000);
    for (size_t row = 0; row < 3000; row += modulus) rows.Set(row);
    size_t hits = 0;
    for (size_t q = 0; q < 10; ++q) {
      AcceptSet accept(rows);
      const std::span query(base.data() + (q * 37 + 1) * kDimensions, kDimensions);
      const auto found = opened.Search(query, 10, 100, &accept);
      EXPECT_GE(found.size(), 10u) << "every " << modulus << "th";
      for (const Candidate& candidate : found) EXPECT_EQ(candidate.row % modulus, 0u);
      AcceptSet lazy = LazilyEveryNth(3000, modulus);
      EXPECT_EQ(Rows(opened.Search(query, 10, 100, &lazy)), Rows(found));
      hits += Hits(found, ExactOrder(opened.vectors, metric, query, &accept));
    }
    EXPECT_GE(hits, 95u) << "every " << modulus << "th";
  }
}

TEST_P(EveryCombination, BytesAreTheSameOnAnyThreadsAndKernels) {
  const auto [metric, quantization] = GetParam();
  const auto base = ClusteredVectors(600, kDimensions, 5);
  const VectorRows rows = RowsOf(base, kDimensions);
  TestContext one(1);
  const auto expected = Build(*Declare(Arguments(metric, quantization)), rows, one);
  TestContext many(3);
  EXPECT_EQ(Build(*Declare(Arguments(metric, quantization)), rows, many), expected);
  for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
    TestContext again(2);
    EXPECT_EQ(
        Build(*Declare(Arguments(metric, quantization), kFloatArray, 0, *kernels), rows, again),
        expected)
        << kernels->name;
  }
  TestContext other_seed(1, 99);
  EXPECT_NE(Build(*Declare(Arguments(metric, quantization)), rows, other_seed), expected);
}

TEST_P(EveryCombination, SurvivesDamagedBytes) {
  const auto [metric, quantization] = GetParam();
  const auto base = ClusteredVectors(300, kDimensions, 6);
  const VectorRows rows = RowsOf(base, kDimensions);
  const auto index = Declare(Arguments(metric, quantization));
  TestContext test;
  const auto intact = Build(*index, rows, test);
  const std::span query(base.data(), kDimensions);
  std::mt19937_64 random(6);
  size_t searched = 0;
  auto try_bytes = [&](std::span<const std::byte> damaged) {
    AlignedBytes bytes(damaged);
    try {
      const auto sub_index = index->Open(bytes.span(), {.rows = rows.rows, .vectors = &rows});
      auto search =
          sub_index->neighbor_searcher()->Start({.vector = query, .count = 10, .effort = 40});
      std::vector<Candidate> found;
      for (int i = 0; i < 3; ++i) search->Next(found, test.context);
      for (const Candidate& candidate : found) {
        ASSERT_LT(candidate.row, rows.rows);
        ASSERT_FALSE(std::isnan(candidate.distance));
      }
      ++searched;
    } catch (const Error& error) {
      ASSERT_THAT(error.code(),
                  testing::AnyOf(ErrorCode::kCorruptedData, ErrorCode::kUnknownFormatVersion));
    }
  };
  for (size_t round = 0; round < 400; ++round) {
    auto damaged = intact;
    const size_t flips = 1 + random() % 20;
    const size_t reach = round % 2 == 0 ? 200 : damaged.size();  // the header, or anything
    for (size_t i = 0; i < flips; ++i) damaged[random() % reach] = std::byte(random());
    try_bytes(damaged);
  }
  for (size_t round = 0; round < 100; ++round) {
    try_bytes(std::span(intact).first(random() % intact.size()));
  }
  auto garbage = intact;
  std::fill(garbage.begin() + 512, garbage.end(), std::byte{0x7F});
  try_bytes(garbage);
  std::fill(garbage.begin() + 512, garbage.end(), std::byte{0});
  try_bytes(garbage);
  EXPECT_GT(searched, 50u);
}

INSTANTIATE_TEST_SUITE_P(
    VectorSimilarity, EveryCombination,
    testing::Values(Combination{Metric::kL2, "f32"}, Combination{Metric::kL2, "bf16"},
                    Combination{Metric::kL2, "f16"}, Combination{Metric::kL2, "i8"},
                    Combination{Metric::kCosine, "f32"}, Combination{Metric::kCosine, "bf16"},
                    Combination{Metric::kCosine, "f16"}, Combination{Metric::kCosine, "i8"},
                    Combination{Metric::kDotProduct, "f32"},
                    Combination{Metric::kDotProduct, "bf16"},
                    Combination{Metric::kDotProduct, "f16"}, Combination{Metric::kDotProduct, "i8"},
                    Combination{Metric::kL2, "f64"}, Combination{Metric::kCosine, "f64"},
                    Combination{Metric::kDotProduct, "f64"}, Combination{Metric::kCosine, "b1"}),
    [](const auto& info) {
      return std::string(MetricFunction(info.param.metric)) + "_" + info.param.quantization;
    });

TEST(VectorSimilarityTest, OtherElementTypesAreIndexed) {
  const auto floats = ClusteredVectors(1000, kDimensions, 7);
  const std::vector<double> doubles(floats.begin(), floats.end());
  std::vector<BFloat16> halves;
  for (float value : floats) halves.emplace_back(value);
  const VectorRows double_rows{reinterpret_cast<const std::byte*>(doubles.data()), kDimensions * 8,
                               1000, kDimensions, VectorElement::kFloat64};
  const VectorRows half_rows{reinterpret_cast<const std::byte*>(halves.data()), kDimensions * 2,
                             1000, kDimensions, VectorElement::kBFloat16};
  const std::span query(floats.data() + 5 * kDimensions, kDimensions);
  for (const char* quantization : {"f64", "f32", "bf16", "f16", "i8", "b1"}) {
    for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDotProduct}) {
      if (quantization == std::string_view("b1") && metric != Metric::kCosine) continue;
      Opened wide(Declare(Arguments(metric, quantization), DataType::Array(TypeId::kFloat64)),
                  double_rows);
      EXPECT_GE(Hits(wide.Search(query, 10, 100), ExactOrder(double_rows, metric, query)), 9u);
      Opened half(Declare(Arguments(metric, quantization), DataType::Array(TypeId::kBFloat16)),
                  half_rows);
      EXPECT_GE(Hits(half.Search(query, 10, 100), ExactOrder(half_rows, metric, query)), 9u);
    }
  }
}

TEST(VectorSimilarityTest, TheGraphHoldsNoSecondCopyOfAColumnOfTheDeclaredType) {
  const auto base = ClusteredVectors(1000, kDimensions, 8);
  TestContext test;
  const auto rows = RowsOf(base, kDimensions);
  const size_t in_column = Build(*Declare(Arguments(Metric::kL2, "f32")), rows, test).size();
  const size_t in_file = Build(*Declare(Arguments(Metric::kL2, "f16")), rows, test).size();
  EXPECT_EQ(in_file - in_column, 1000u * kDimensions * 2 / 32 * 32 + 1000u * 16);
}

// Values that are the same as floats.
TEST(VectorSimilarityTest, DoublesAreToldApartByF64) {
  const auto centers = ClusteredVectors(20, kDimensions, 21);
  std::vector<double> values;
  for (size_t row = 0; row < 1000; ++row) {
    for (size_t i = 0; i < kDimensions; ++i) {
      values.push_back(centers[row % 20 * kDimensions + i] *
                       (1 + 1e-12 * static_cast<double>(row)));
    }
  }
  const VectorRows rows{reinterpret_cast<const std::byte*>(values.data()), kDimensions * 8, 1000,
                        kDimensions, VectorElement::kFloat64};
  Opened opened(Declare(Arguments(Metric::kL2, "f64"), DataType::Array(TypeId::kFloat64)), rows);
  for (size_t row : {0, 517, 999}) {
    const std::span query(values.data() + row * kDimensions, kDimensions);
    const std::vector<float> floats(query.begin(), query.end());
    const auto search = opened.sub_index->neighbor_searcher()->Start(
        {.vector = floats, .doubles = query, .count = 1, .effort = 256});
    std::vector<Candidate> found;
    search->Next(found, opened.test.context);
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found.front().row, row);
  }
}

TEST(VectorSimilarityTest, BitsThatTellLittleMakeMoreCandidates) {
  // Nearest rows among 500 about as near, by 256 bits.
  constexpr size_t kManyDimensions = 256;
  const auto base = ClusteredVectors(3000, kManyDimensions, 22, 6);
  const auto queries = ClusteredVectors(20, kManyDimensions, 22, 6);
  auto arguments = Arguments(Metric::kCosine, "b1");
  arguments[2] = Argument(kManyDimensions);
  Opened opened(Declare(arguments), RowsOf(base, kManyDimensions));
  size_t hits = 0;
  for (size_t q = 0; q < 20; ++q) {
    const std::span query(queries.data() + q * kManyDimensions, kManyDimensions);
    const auto found = opened.Search(query, 10, 64);
    EXPECT_GT(found.size(), 64u);
    EXPECT_LE(found.size(), opened.sub_index->neighbor_searcher()->candidates_max(64));
    hits += Hits(found, ExactOrder(opened.vectors, Metric::kCosine, query));
  }
  EXPECT_GE(hits, 190u) << "of 200";
}

TEST(VectorSimilarityTest, SmallBlocksAreScannedExactly) {
  const auto base = ClusteredVectors(500, kDimensions, 9);
  for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDotProduct}) {
    Opened opened(Declare(Arguments(metric, "i8"), kFloatArray, 501), RowsOf(base, kDimensions));
    EXPECT_TRUE(opened.sub_index->neighbor_searcher()->is_flat());
    EXPECT_LT(opened.bytes.span().size(), 200u);
    const std::span query(base.data() + 11 * kDimensions, kDimensions);
    AcceptSet accept = LazilyEveryNth(500, 3);
    const auto exact = ExactOrder(opened.vectors, metric, query, &accept);
    auto search = opened.Start(query, 7, 7, &accept);
    std::vector<Candidate> found;
    for (size_t before = 1; before != found.size();) {
      before = found.size();
      search->Next(found, opened.test.context);
    }
    ASSERT_EQ(found.size(), exact.size());
    for (size_t i = 0; i < exact.size(); ++i) EXPECT_EQ(found[i].row, exact[i]) << i;
  }
}

TEST(VectorSimilarityTest, AGraphOfOneRowAndOfEqualRows) {
  const std::vector<float> one(kDimensions, 0.5f);
  Opened single(Declare(Arguments(Metric::kCosine, "bf16")), RowsOf(one, kDimensions));
  EXPECT_FALSE(single.sub_index->neighbor_searcher()->is_flat());
  EXPECT_EQ(single.Search(one, 10, 10).size(), 1u);

  const std::vector<float> equal(200 * kDimensions, 0.25f);
  for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDotProduct}) {
    Opened same(Declare(Arguments(metric, "i8")), RowsOf(equal, kDimensions));
    EXPECT_GE(same.Search(one, 10, 10).size(), 10u);
  }
}

TEST(VectorSimilarityTest, ZeroVectorsUnderCosineAreKeptAndFar) {
  auto base = ClusteredVectors(400, kDimensions, 10);
  for (size_t row = 0; row < 400; row += 4) std::fill_n(&base[row * kDimensions], kDimensions, 0);
  const std::vector<float> zero(kDimensions);
  std::vector<std::vector<IndexArgument>> declarations = {
      {Argument("hnsw"), Argument("cosineDistance"), Argument(kDimensions)}};
  for (const char* quantization : {"f64", "f32", "bf16", "f16"}) {
    declarations.push_back(Arguments(Metric::kCosine, quantization));
  }
  for (const auto& arguments : declarations) {
    Opened opened(Declare(arguments), RowsOf(base, kDimensions));
    const auto found = opened.Search({&base[kDimensions], kDimensions}, 10, 64);
    EXPECT_EQ(found.front().row, 1u);
    for (const Candidate& candidate : found) EXPECT_FALSE(std::isnan(candidate.distance));
    for (const Candidate& candidate : opened.Search(zero, 10, 64)) {
      EXPECT_NEAR(candidate.distance, 1, 0.05);
    }
  }
}

TEST(VectorSimilarityTest, ZeroVectorsDoNotHideFarNeighbors) {
  // All but the first hundred rows are zero vectors, and those are more than 60 degrees away.
  auto base = ClusteredVectors(1000, kDimensions, 16);
  std::fill(base.begin() + 100 * kDimensions, base.end(), 0.0f);
  std::vector<float> query(kDimensions);
  query[0] = 1;
  for (size_t row = 0; row < 100; ++row) {
    base[row * kDimensions] = 0.4f * std::fabs(base[row * kDimensions + 1]);
  }
  Opened opened(Declare({Argument("hnsw"), Argument("cosineDistance"), Argument(kDimensions)}),
                RowsOf(base, kDimensions));
  for (const Candidate& candidate : opened.SearchWorthMeasuring(query, 10, 256)) {
    EXPECT_LT(candidate.row, 100u);
  }
}

TEST(VectorSimilarityTest, ZeroVectorsAreFarByTheirBitsToo) {
  auto base = ClusteredVectors(400, kDimensions, 23);
  for (size_t row = 0; row < 400; row += 2) std::fill_n(&base[row * kDimensions], kDimensions, 0);
  for (size_t i = 0; i < kDimensions; ++i) base[kDimensions + i] = -1;  // no bit is set
  Opened opened(Declare(Arguments(Metric::kCosine, "b1")), RowsOf(base, kDimensions));
  const auto found = opened.Search({&base[kDimensions], kDimensions}, 1, 64);
  EXPECT_EQ(found.front().row, 1u);
  for (const Candidate& candidate : found) {
    if (candidate.row % 2 != 0) continue;
    EXPECT_NEAR(candidate.distance, 1, 0.05);
  }
}

TEST(VectorSimilarityTest, OnlyCandidatesThatTheCodeCannotTellApartAreWorthMeasuring) {
  const auto base = ClusteredVectors(3000, kDimensions, 17);
  for (const char* quantization : {"f32", "bf16", "i8"}) {
    Opened opened(Declare(Arguments(Metric::kL2, quantization)), RowsOf(base, kDimensions));
    const std::span query(base.data() + 7 * kDimensions, kDimensions);
    EXPECT_LT(opened.SearchWorthMeasuring(query, 10, 200).size(), 150u) << quantization;
    EXPECT_GE(opened.SearchWorthMeasuring(query, 10, 200).size(), 10u) << quantization;
    EXPECT_GE(opened.Search(query, 10, 200).size(), 200u) << quantization;
  }
}

TEST(VectorSimilarityTest, HugeAndTinyValuesDoNotBreakTheGraph) {
  auto base = ClusteredVectors(300, kDimensions, 11);
  for (float& value : base) value *= 1e37f;
  base[3] = std::numeric_limits<float>::max();
  base[kDimensions] = std::numeric_limits<float>::denorm_min();
  for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDotProduct}) {
    for (const char* quantization : {"f64", "f32", "bf16", "f16", "i8"}) {
      Opened opened(Declare(Arguments(metric, quantization)), RowsOf(base, kDimensions));
      EXPECT_GE(opened.Search({base.data(), kDimensions}, 10, 64).size(), 10u);
    }
  }
}

TEST(VectorSimilarityTest, ARowFarAwayDoesNotBlurTheOthers) {
  auto base = ClusteredVectors(3000, kDimensions, 12);
  std::fill_n(base.begin() + 700 * kDimensions, kDimensions, 1e9f);
  const auto queries = ClusteredVectors(40, kDimensions, 12);
  for (const char* quantization : {"f32", "i8"}) {
    Opened opened(Declare(Arguments(Metric::kL2, quantization)), RowsOf(base, kDimensions));
    size_t hits = 0;
    for (size_t q = 0; q < 40; ++q) {
      const std::span query(queries.data() + q * kDimensions, kDimensions);
      hits += Hits(opened.Search(query, 10, 100), ExactOrder(opened.vectors, Metric::kL2, query));
    }
    EXPECT_GE(hits, 392u) << "of 400, " << quantization;
  }
}

// Lengths that vary log-normally by a factor of e.
TEST(VectorSimilarityTest, LengthsThatVaryWidelyDoNotHideTheLongestProducts) {
  auto base = ClusteredVectors(6000, kDimensions, 18, 200);
  const auto exponents = ClusteredVectors(6000, 1, 19, 1);
  for (size_t i = 0; i < base.size(); ++i) base[i] *= std::exp(exponents[i / kDimensions]);
  const auto queries = ClusteredVectors(40, kDimensions, 18, 200);
  for (const char* quantization : {"f32", "i8"}) {
    Opened opened(Declare(Arguments(Metric::kDotProduct, quantization, 16, 100)),
                  RowsOf(base, kDimensions));
    size_t hits = 0;
    for (size_t q = 0; q < 40; ++q) {
      const std::span query(queries.data() + q * kDimensions, kDimensions);
      hits += Hits(opened.Search(query, 10, 150),
                   ExactOrder(opened.vectors, Metric::kDotProduct, query));
    }
    EXPECT_GE(hits, 392u) << "of 400, " << quantization;
  }
}

TEST(VectorSimilarityTest, ProductsKeepTheirPlacesWhateverTheLengthsOfTheRows) {
  // The longest rows are 10^8 times as long as the shortest.
  auto base = ClusteredVectors(1000, kDimensions, 20);
  for (size_t row = 0; row < 1000; ++row) {
    const float scale = std::pow(10.0f, static_cast<float>(row % 9) - 4);
    for (size_t i = 0; i < kDimensions; ++i) base[row * kDimensions + i] *= scale;
  }
  Opened opened(Declare(Arguments(Metric::kDotProduct, "i8")), RowsOf(base, kDimensions));
  const std::span query(base.data() + 8 * kDimensions, kDimensions);
  for (const Candidate& candidate : opened.Search(query, 10, 1000)) {
    float exact;
    ComputeDistances(BestDistanceKernels(), DistanceFunction::kDotProduct, query, opened.vectors,
                     candidate.row, 1, &exact);
    const std::span row(base.data() + candidate.row * kDimensions, kDimensions);
    const auto length = [](std::span<const float> vector) {
      double sum = 0;
      for (float value : vector) sum += double{value} * value;
      return std::sqrt(sum);
    };
    EXPECT_NEAR(candidate.distance, -exact, 0.01 * length(row) * length(query)) << candidate.row;
  }
}

// Values as large as the code holds in every dimension, where sums of their products are largest.
TEST(VectorSimilarityTest, DistancesFitTheirKeysWhateverTheDimensions) {
  for (size_t dimensions : {1, 2, 3, 5, 31, 4096, 5000, 140'000}) {
    std::mt19937_64 random(dimensions);
    std::vector<float> base(40 * dimensions);
    for (size_t i = 0; i < base.size(); ++i) {
      const size_t row = i / dimensions;
      const bool positive = row % 10 == 0 ? row % 20 == 0 : random() % 2 == 0;
      base[i] = (positive ? 2.0f : -2.0f) + 0.5f * static_cast<float>(random() % 1000) / 1000;
    }
    const VectorRows rows = RowsOf(base, dimensions);
    for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDotProduct}) {
      auto arguments = Arguments(metric, "i8");
      arguments[2] = Argument(dimensions);
      Opened opened(Declare(arguments), rows);
      for (size_t q : {0, 10, 31, 39}) {
        const std::span query(base.data() + q * dimensions, dimensions);
        const auto found = opened.Search(query, 40, 40);
        EXPECT_GE(found.size(), 20u);
        std::vector<float> distances(40);
        ComputeDistances(BestDistanceKernels(),
                         metric == Metric::kL2 ? DistanceFunction::kL2Squared : FunctionOf(metric),
                         query, rows, 0, 40, distances.data());
        if (metric == Metric::kDotProduct) {
          for (float& distance : distances) distance = -distance;
        }
        const auto [least, most] = std::minmax_element(distances.begin(), distances.end());
        const float tolerance = 0.05f * (*most - *least);
        for (const Candidate& candidate : found) {
          EXPECT_NEAR(candidate.distance, distances[candidate.row], tolerance)
              << MetricFunction(metric) << " " << dimensions << " " << q << " " << candidate.row;
        }
      }
    }
  }
}

TEST(VectorSimilarityTest, RowsThatCannotBeIndexedAreNamed) {
  auto check = [](const SkipIndex& index, std::vector<float> values, std::vector<uint64_t> ends) {
    const ArrayColumn column(
        std::make_shared<NumberColumn<float>>(TypeId::kFloat32, std::move(values)),
        std::move(ends));
    try {
      index.CheckRows(column, 1000);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kIncorrectData);
      return std::string(error.what());
    }
    return std::string();
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto fixed = Declare({Argument("hnsw"), Argument("cosineDistance"), Argument(2)});
  EXPECT_EQ(check(*fixed, {1, 2, 0, 0}, {2, 4}), "");
  EXPECT_THAT(check(*fixed, {1, 2, 1, 2, 3}, {2, 5}), HasSubstr("row 1001"));
  EXPECT_THAT(check(*fixed, {1, 2}, {2, 2}), HasSubstr("empty"));
  EXPECT_THAT(check(*fixed, {1, 2, 3, nan}, {2, 4}), HasSubstr("row 1001"));
  EXPECT_THAT(check(*fixed, {1, -1 / 0.0f}, {2}), HasSubstr("row 1000"));
  const auto open = Declare({Argument("hnsw"), Argument("L2Distance")});
  EXPECT_FALSE(open->vector_search()->dimensions.has_value());
  EXPECT_EQ(check(*open, {1, 2, 3, 4, 5, 6}, {3, 6}), "");
  EXPECT_THAT(check(*open, {1, 2, 3, 4, 5}, {3, 5}), HasSubstr("row 1001"));
  EXPECT_THAT(check(*open, {}, {0}), HasSubstr("empty"));
  const auto bits = Declare(
      {Argument("hnsw"), Argument("cosineDistance"), Argument("b1"), Argument(0), Argument(0)});
  EXPECT_EQ(check(*bits, {1, 2, 3, 4, 5, 6, 7, 8}, {8}), "");
  EXPECT_THAT(check(*bits, {1, 2, 3}, {3}), HasSubstr("multiple of 8"));
  const auto bytes = Declare({Argument("hnsw"), Argument("cosineDistance"), Argument(2),
                              Argument("i8"), Argument(0), Argument(0)});
  EXPECT_THAT(check(*bytes, {1, 2, 0, 0}, {2, 4}), HasSubstr("zero vector"));
}

TEST(VectorSimilarityTest, BuilderRefusesBadRowsToo) {
  auto base = ClusteredVectors(100, kDimensions, 12);
  base[50 * kDimensions + 3] = std::numeric_limits<float>::infinity();
  TestContext test;
  EXPECT_EQ(CodeOf([&] {
              Build(*Declare(Arguments(Metric::kL2, "bf16")), RowsOf(base, kDimensions), test);
            }),
            ErrorCode::kIncorrectData);
}

TEST(VectorSimilarityTest, ReferenceOfTheWrongLengthIsRefused) {
  const auto base = ClusteredVectors(100, kDimensions, 13);
  Opened opened(Declare(Arguments(Metric::kL2, "bf16")), RowsOf(base, kDimensions));
  EXPECT_EQ(CodeOf([&] { opened.Search({base.data(), 3}, 1, 1); }), ErrorCode::kIncorrectQuery);
}

TEST(VectorSimilarityTest, ABuildCanBeCancelledAndIsCharged) {
  const auto base = ClusteredVectors(4000, kDimensions, 14);
  const auto rows = RowsOf(base, kDimensions);
  const auto index = Declare(Arguments(Metric::kL2, "bf16"));
  TestContext cancelled(2);
  cancelled.cancel.Cancel();
  EXPECT_EQ(CodeOf([&] { Build(*index, rows, cancelled); }), ErrorCode::kQueryWasCancelled);
  EXPECT_EQ(cancelled.memory.used(), 0u);

  TestContext limited;
  limited.memory.set_limit(100000);
  EXPECT_EQ(CodeOf([&] { Build(*index, rows, limited); }), ErrorCode::kMemoryLimitExceeded);
  EXPECT_EQ(limited.memory.used(), 0u);

  TestContext free;
  Build(*index, rows, free);
  EXPECT_GT(free.memory.peak(), 4000u * 16 * 4);
  EXPECT_EQ(free.memory.used(), 0u);
  EXPECT_EQ(free.progress.rows_done, 4000u);
}

TEST(VectorSimilarityTest, ASearchCanBeCancelled) {
  const auto base = ClusteredVectors(3000, kDimensions, 15);
  Opened opened(Declare(Arguments(Metric::kL2, "bf16")), RowsOf(base, kDimensions));
  opened.test.cancel.Cancel();
  EXPECT_EQ(CodeOf([&] {
              opened.Search({base.data(), kDimensions}, 10, 2000);
            }),
            ErrorCode::kQueryWasCancelled);
}

TEST(VectorSimilarityTest, ManyThreadsSearchOneSubIndex) {
  const auto base = ClusteredVectors(2000, kDimensions, 16);
  Opened opened(Declare(Arguments(Metric::kL2, "i8")), RowsOf(base, kDimensions));
  const auto rows_near = [&](size_t q) {
    std::vector<uint32_t> rows;
    for (const Candidate& candidate : opened.Search({&base[q * kDimensions], kDimensions}, 5, 20)) {
      rows.push_back(candidate.row);
    }
    return rows;
  };
  std::vector<std::vector<uint32_t>> alone;
  for (size_t q = 0; q < 400; ++q) alone.push_back(rows_near(q));
  std::vector<std::thread> threads;
  for (size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (size_t q = t; q < 400; q += 4) EXPECT_EQ(rows_near(q), alone[q]);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(VectorSimilarityTest, ArgumentsAreChecked) {
  auto code = [](std::vector<IndexArgument> arguments) {
    return CodeOf([&] { Declare(std::move(arguments)); });
  };
  const auto hnsw = Argument("hnsw");
  const auto l2 = Argument("L2Distance");
  EXPECT_EQ(code({hnsw, l2}), ErrorCode{});
  EXPECT_EQ(code({hnsw, l2, Argument(3)}), ErrorCode{});
  EXPECT_EQ(code({hnsw, l2, Argument("i8"), Argument(4), Argument(9)}), ErrorCode{});
  EXPECT_EQ(code({hnsw, l2, Argument(3), Argument("i8"), Argument(0), Argument(0)}), ErrorCode{});
  EXPECT_EQ(code({}), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(code({hnsw}), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(code({hnsw, l2, Argument(3), Argument("i8")}), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(code({hnsw, l2, Argument(3), Argument("i8"), Argument(2), Argument(2), Argument(2)}),
            ErrorCode::kIncorrectQuery);
  EXPECT_EQ(code({Argument(1), l2, Argument(3)}), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(code({Argument("ivf"), l2, Argument(3)}), ErrorCode::kIncorrectData);
  EXPECT_EQ(code({hnsw, Argument(2), Argument(3)}), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(code({hnsw, Argument("L3"), Argument(3)}), ErrorCode::kIncorrectData);
  EXPECT_EQ(code({hnsw, l2, Argument("x")}), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(code({hnsw, l2, {Value(int64_t{-3})}}), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(code({hnsw, l2, {Value(2.5)}}), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(code({hnsw, l2, Argument(uint64_t{0})}), ErrorCode::kIncorrectData);
  auto full = [&](IndexArgument quantization, IndexArgument m, IndexArgument width) {
    return code({hnsw, l2, Argument(3), quantization, m, width});
  };
  EXPECT_EQ(full(Argument(8), Argument(2), Argument(2)), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(full(Argument("u8"), Argument(2), Argument(2)), ErrorCode::kIncorrectData);
  EXPECT_EQ(full(Argument("f64"), Argument(2), Argument(2)), ErrorCode{});
  EXPECT_EQ(full(Argument("b1"), Argument(2), Argument(2)), ErrorCode::kIncorrectData);
  const auto cosine = Argument("cosineDistance");
  const auto bits = Argument("b1");
  EXPECT_EQ(code({hnsw, cosine, Argument(16), bits, Argument(2), Argument(2)}), ErrorCode{});
  EXPECT_EQ(code({hnsw, cosine, Argument(15), bits, Argument(2), Argument(2)}),
            ErrorCode::kIncorrectData);
  EXPECT_EQ(full(Argument("i8"), Argument(1), Argument(2)), ErrorCode::kIncorrectData);
  EXPECT_EQ(full(Argument("i8"), Argument("2"), Argument(2)), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(full(Argument("i8"), Argument(1u << 30), Argument(2)), ErrorCode::kIncorrectData);
  EXPECT_EQ(full(Argument("i8"), Argument(2), {Value(int64_t{-1})}), ErrorCode::kIncorrectQuery);
  for (DataType type : {DataType(TypeId::kFloat32), DataType::Array(TypeId::kInt32),
                        DataType::Array(DataType::Array(TypeId::kFloat32))}) {
    EXPECT_EQ(CodeOf([&] { Declare({hnsw, l2, Argument(3)}, type); }), ErrorCode::kIllegalColumn);
  }
}

TEST(VectorSimilarityTest, APresetStandsForTheLastThreeArguments) {
  const auto described = [](std::vector<IndexArgument> arguments) {
    return Declare(std::move(arguments))->description();
  };
  EXPECT_EQ(described({Argument("hnsw"), Argument("L2Distance"), Argument(7), Argument("fast")}),
            "vector_similarity('hnsw', 'L2Distance', 7, 'i8', 16, 96)");
  EXPECT_EQ(described({Argument("hnsw"), Argument("L2Distance"), Argument("high_recall")}),
            "vector_similarity('hnsw', 'L2Distance', 'i8', 48, 320)");
  EXPECT_EQ(
      described({Argument("hnsw"), Argument("L2Distance"), Argument(7), Argument("balanced")}),
      described({Argument("hnsw"), Argument("L2Distance"), Argument(7)}));
  const auto declare = [](std::vector<IndexArgument> arguments) {
    return CodeOf([&] { Declare(std::move(arguments)); });
  };
  EXPECT_EQ(declare({Argument("hnsw"), Argument("L2Distance"), Argument(7), Argument("slow")}),
            ErrorCode::kIncorrectQuery);
  EXPECT_EQ(declare({Argument("hnsw"), Argument("L2Distance"), Argument(7), Argument(8)}),
            ErrorCode::kIncorrectQuery);
  EXPECT_EQ(declare({Argument("hnsw"), Argument("L2Distance"), Argument(7), Argument("fast"),
                     Argument(16), Argument(96)}),
            ErrorCode::kIncorrectData);
}

TEST(VectorSimilarityTest, EmptyRowsAreAllowedOnRequest) {
  const auto index = [](uint64_t allow_empty, bool with_dimensions) {
    std::vector<IndexArgument> arguments = {Argument("hnsw"), Argument("L2Distance")};
    if (with_dimensions) arguments.push_back(Argument(2));
    arguments.push_back(Argument("fast"));
    arguments.push_back({Value(allow_empty), false, "allow_empty"});
    return Declare(std::move(arguments));
  };
  EXPECT_EQ(index(1, true)->description(),
            "vector_similarity('hnsw', 'L2Distance', 2, 'i8', 16, 96, allow_empty = 1)");
  EXPECT_EQ(index(0, true)->description(),
            "vector_similarity('hnsw', 'L2Distance', 2, 'i8', 16, 96)");
  EXPECT_TRUE(index(1, true)->vector_search()->allows_empty);
  EXPECT_FALSE(index(0, true)->vector_search()->allows_empty);
  EXPECT_EQ(CodeOf([&] { index(2, true); }), ErrorCode::kIncorrectData);

  const auto rows = [](std::vector<uint64_t> ends, std::vector<float> values) {
    return ArrayColumn(std::make_shared<NumberColumn<float>>(TypeId::kFloat32, std::move(values)),
                       std::move(ends));
  };
  const auto message = [](const SkipIndex& checked, const Column& values) -> std::string {
    try {
      checked.CheckRows(values, 10);
    } catch (const Error& error) {
      return error.message();
    }
    return "";
  };
  for (const bool with_dimensions : {true, false}) {
    const auto allowing = index(1, with_dimensions);
    EXPECT_EQ(message(*allowing, rows({0, 2, 2, 4, 4}, {1, 2, 3, 4})), "");
    EXPECT_EQ(message(*allowing, rows({0, 0, 0}, {})), "");
    EXPECT_NE(message(*allowing, rows({0, 2, 2, 3}, {1, 2, 3})).find("row 13"), std::string::npos);
    EXPECT_NE(message(*allowing, rows({0, 2, 2, 4}, {1, 2, 3, NAN})).find("row 13"),
              std::string::npos);
    EXPECT_NE(message(*index(0, with_dimensions), rows({2, 2}, {1, 2})).find("row 11"),
              std::string::npos);
  }
}

TEST(VectorSimilarityTest, TheDescriptionHasEveryArgument) {
  EXPECT_EQ(Declare({Argument("hnsw"), Argument("dotProduct"), Argument(7)})->description(),
            "vector_similarity('hnsw', 'dotProduct', 7, 'i8', 32, 128)");
  EXPECT_EQ(Declare({Argument("hnsw"), Argument("L2Distance"), Argument("f16"), Argument(0),
                     Argument(50)})
                ->description(),
            "vector_similarity('hnsw', 'L2Distance', 'f16', 32, 50)");
}

}  // namespace
}  // namespace granary
