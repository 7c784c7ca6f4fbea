// The steps of building a graph, below the plugin interface: leaves, candidates, layers.
#include "granary/skipindex/vector_similarity/graph_builder.h"

#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "granary/skipindex/vector_similarity/candidate_lists.h"
#include "granary/skipindex/vector_similarity/leaf_partition.h"
#include "granary/skipindex/vector_similarity/packed_codes.h"
#include "granary/tests/skipindex/index_fixtures.h"

namespace granary {
namespace {

constexpr size_t kDimensions = 24;

struct Codes {
  Codes(const std::vector<float>& vectors, Metric metric, size_t dimensions = kDimensions) {
    TestContext test;
    const VectorReader reader(RowsOf(vectors, dimensions), metric);
    const ByteCodec codec = ByteCodec::Train(reader, test.context);
    count = reader.rows().rows;
    bytes.resize(count * codec.stride_bytes());
    std::vector<float> vector(dimensions);
    for (size_t row = 0; row < count; ++row) {
      reader.Read(row, vector.data());
      codec.EncodeRow(vector, bytes.data() + row * codec.stride_bytes());
    }
    rows = {.base = bytes.data(),
            .stride_bytes = codec.stride_bytes(),
            .dimensions = dimensions,
            .scaled = metric == Metric::kDotProduct};
  }

  std::vector<std::byte> bytes;
  ByteCodeRows rows;
  size_t count;
};

// 100 clusters far from each other.
std::vector<float> FarClusters(size_t rows) {
  auto vectors = ClusteredVectors(rows, kDimensions, 3, 100);
  const auto centers = ClusteredVectors(100, kDimensions, 4, 100);
  for (size_t row = 0; row < rows; ++row) {
    for (size_t i = 0; i < kDimensions; ++i) {
      vectors[row * kDimensions + i] =
          vectors[row * kDimensions + i] * 0.01f + centers[row % 100 * kDimensions + i] * 20;
    }
  }
  return vectors;
}

// Every row `copies` times.
std::vector<float> Duplicates(size_t rows, size_t copies) {
  const auto once = ClusteredVectors(rows / copies, kDimensions, 5);
  std::vector<float> vectors;
  for (size_t copy = 0; copy < copies; ++copy) {
    vectors.insert(vectors.end(), once.begin(), once.end());
  }
  return vectors;
}

struct Awkward {
  const char* name;
  std::vector<float> vectors;
};

std::vector<Awkward> AwkwardSets() {
  auto outliers = ClusteredVectors(4000, kDimensions, 6);
  for (size_t i = 0; i < 20 * kDimensions; ++i) outliers[i] *= 1000;
  return {{"clusters", ClusteredVectors(4000, kDimensions, 7)},
          {"far clusters", FarClusters(4000)},
          {"all alike", std::vector<float>(4000 * kDimensions, 1.0f)},
          {"40 of each", Duplicates(4000, 40)},
          {"3500 of each", Duplicates(7000, 3500)},
          {"outliers", outliers},
          {"one row", ClusteredVectors(1, kDimensions, 8)},
          {"two rows", ClusteredVectors(2, kDimensions, 8)},
          {"one leaf", ClusteredVectors(kLeafRowsMax, kDimensions, 8)},
          {"just above", ClusteredVectors(kLeafRowsMax + 1, kDimensions, 8)}};
}

TEST(GraphBuilderTest, PackedDistancesAreThoseOfTheScorer) {
  for (Metric metric : {Metric::kL2, Metric::kCosine, Metric::kDotProduct}) {
    for (size_t dimensions : {1, 3, 24, 130}) {
      const Codes codes(ClusteredVectors(90, dimensions, 9), metric, dimensions);
      std::vector<uint32_t> columns;
      for (uint32_t row = 0; row < 90; row += 1 + row % 2) columns.push_back(row);
      for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
        PackedCodes packed(*kernels, codes.rows);
        packed.SetColumns(columns);
        const std::vector<uint32_t> some = {5, 89, 0, 44, 45, 46, 5};
        packed.Measure(some);
        ByteCodeScorer scorer(*kernels, codes.rows);
        for (size_t i = 0; i < some.size(); ++i) {
          std::vector<uint32_t> expected(columns.size());
          scorer.SetQueryRow(some[i]);
          scorer.Score(columns.data(), columns.size(), expected.data());
          ASSERT_TRUE(std::ranges::equal(packed.KeysOf(i), expected))
              << kernels->name << " " << MetricFunction(metric) << " " << dimensions;
          const auto nearest = packed.NearestTo(i, 10);
          ASSERT_GE(nearest.size(), 10u);
          std::set<uint32_t> places(nearest.begin(), nearest.end());
          std::vector<uint32_t> order(columns.size());
          for (uint32_t p = 0; p < order.size(); ++p) order[p] = p;
          std::ranges::stable_sort(order, {}, [&](uint32_t p) { return expected[p]; });
          for (size_t k = 0; k < 10; ++k) ASSERT_TRUE(places.contains(order[k])) << k;
        }
      }
    }
  }
}

TEST(GraphBuilderTest, EveryRowIsInOneLeafOfRankZeroAndInFewOthers) {
  for (const auto& [name, vectors] : AwkwardSets()) {
    const Codes codes(vectors, Metric::kL2);
    TestContext test(2);
    const LeafPartition partition =
        PartitionIntoLeaves(codes.rows, codes.count, 1, BestDistanceKernels(), test.context);
    std::vector<std::set<uint8_t>> ranks(codes.count);
    for (size_t leaf = 0; leaf < partition.leaves(); ++leaf) {
      const auto members = partition.MembersOf(leaf);
      ASSERT_LE(members.size(), kLeafRowsMax) << name;
      for (size_t i = 0; i < members.size(); ++i) {
        ASSERT_TRUE(ranks[members[i]].insert(partition.RanksOf(leaf)[i]).second) << name;
      }
    }
    for (const auto& of_row : ranks) {
      ASSERT_TRUE(of_row.contains(0)) << name;
      ASSERT_LT(*of_row.rbegin(), kLeavesPerRow) << name;
    }
    EXPECT_EQ(partition.leaves() == 1, codes.count <= kLeafRowsMax) << name;
  }
}

TEST(GraphBuilderTest, CandidatesAreMostlyTheNearest) {
  const Codes codes(ClusteredVectors(7000, kDimensions, 10), Metric::kL2);
  TestContext test(2);
  const auto& kernels = BestDistanceKernels();
  const auto partition = PartitionIntoLeaves(codes.rows, codes.count, 1, kernels, test.context);
  const CandidateLists lists(codes.rows, codes.count, partition, 96, nullptr, kernels,
                             test.context);
  std::vector<uint32_t> all(codes.count);
  for (uint32_t row = 0; row < all.size(); ++row) all[row] = row;
  PackedCodes packed(kernels, codes.rows);
  packed.SetColumns(all);
  size_t found = 0;
  for (uint32_t row = 0; row < 7000; row += 70) {
    packed.Measure({&row, 1});
    const auto keys = packed.KeysOf(0);
    auto order = all;
    std::ranges::stable_sort(order, {}, [&](uint32_t other) { return keys[other]; });
    const auto list = lists.Of(row);
    EXPECT_EQ(std::ranges::count(list, row), 0);
    for (size_t k = 1; k <= 10; ++k) found += std::ranges::count(list, order[k]) > 0 ? 1 : 0;
  }
  EXPECT_GE(found, 850u) << "of 1000";
}

size_t Reachable(const OwnedLayer& layer, uint32_t entry) {
  std::vector<bool> seen(layer.nodes);
  std::vector<uint32_t> stack = {entry};
  seen[entry] = true;
  size_t count = 0;
  while (!stack.empty()) {
    const uint32_t node = stack.back();
    stack.pop_back();
    ++count;
    for (uint32_t i = 0; i < layer.capacity; ++i) {
      const uint32_t linked = layer.View().LinksOf(node)[i];
      if (linked == kNoLink) break;
      if (!seen[linked]) stack.push_back(linked);
      seen[linked] = true;
    }
  }
  return count;
}

TEST(GraphBuilderTest, EveryRowIsReachedHoweverAwkwardTheRows) {
  for (const auto& [name, vectors] : AwkwardSets()) {
    for (size_t m : {4, 32}) {
      const Codes codes(vectors, Metric::kL2);
      TestContext test;
      const auto layers =
          BuildGraph(codes.rows, codes.count, {.max_connections = m, .construction_width = 64},
                     BestDistanceKernels(), test.context);
      ASSERT_EQ(layers.back().nodes, codes.count);
      EXPECT_EQ(test.progress.rows_done, codes.count);
      uint32_t entry = 0;
      for (const OwnedLayer& layer : layers) {
        EXPECT_EQ(Reachable(layer, entry), layer.nodes) << name << " M " << m;
        for (uint32_t node = 0; node < layer.nodes; ++node) {
          const std::span links(layer.View().LinksOf(node), layer.capacity);
          const auto end = std::ranges::find(links, kNoLink);
          ASSERT_EQ(std::count(end, links.end(), kNoLink), links.end() - end);
          const std::set<uint32_t> distinct(links.begin(), end);
          ASSERT_EQ(distinct.size(), static_cast<size_t>(end - links.begin())) << name;
          ASSERT_FALSE(distinct.contains(node)) << name;
          ASSERT_TRUE(distinct.empty() || *distinct.rbegin() < layer.nodes) << name;
        }
        if (!layer.below.empty()) {
          ASSERT_EQ(layer.below.size(), layer.nodes);
          entry = layer.below[entry];
        }
      }
    }
  }
}

TEST(GraphBuilderTest, GraphsOfManyLeavesAreTheSameOnAnyThreadsAndKernels) {
  for (Metric metric : {Metric::kCosine, Metric::kDotProduct}) {
    const Codes codes(ClusteredVectors(3200, kDimensions, 11), metric);
    const auto build = [&](const DistanceKernels& kernels, size_t threads, Executor* executor) {
      TestContext test(threads, 1, executor);
      std::vector<std::vector<uint32_t>> links;
      for (const OwnedLayer& layer :
           BuildGraph(codes.rows, codes.count, {.max_connections = 16, .construction_width = 64},
                      kernels, test.context)) {
        links.push_back(layer.links);
        links.push_back(layer.rows);
        links.push_back(layer.below);
      }
      return links;
    };
    const auto expected = build(BestDistanceKernels(), 1, nullptr);
    EXPECT_EQ(build(BestDistanceKernels(), 3, nullptr), expected);
    BackwardExecutor backward;
    EXPECT_EQ(build(BestDistanceKernels(), 1, &backward), expected);
    for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
      EXPECT_EQ(build(*kernels, 2, nullptr), expected) << kernels->name;
    }
  }
}

// Cancels when so many pieces of work were done.
class CancellingExecutor final : public Executor {
 public:
  CancellingExecutor(CancelToken& cancel, size_t pieces) : cancel_(cancel), pieces_(pieces) {}
  size_t threads() const override { return 1; }
  void ParallelFor(size_t count, const std::function<void(size_t)>& run) override {
    for (size_t i = 0; i < count; ++i) {
      if (++done_ == pieces_) cancel_.Cancel();
      run(i);
    }
  }
  size_t done() const { return done_; }

 private:
  CancelToken& cancel_;
  const size_t pieces_;
  size_t done_ = 0;
};

TEST(GraphBuilderTest, ABuildEndsInThePieceOfWorkInWhichItIsCancelled) {
  const Codes codes(ClusteredVectors(3500, kDimensions, 12), Metric::kL2);
  const auto run = [&](size_t pieces) {
    CancelToken cancel;
    MemoryTracker memory;
    CancellingExecutor executor(cancel, pieces);
    TaskContext context({.executor = &executor, .memory = &memory, .cancel = &cancel});
    bool finished = false;
    try {
      BuildGraph(codes.rows, codes.count, {}, BestDistanceKernels(), context);
      finished = true;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kQueryWasCancelled);
      EXPECT_EQ(executor.done(), pieces);
    }
    return std::pair(finished, executor.done());
  };
  const auto [finished, all] = run(0);
  ASSERT_TRUE(finished);
  ASSERT_GT(all, 150u);
  for (size_t pieces = 1; pieces <= all; pieces += 60) EXPECT_FALSE(run(pieces).first) << pieces;
}

}  // namespace
}  // namespace granary
