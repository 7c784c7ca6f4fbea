#include "granary/bench/vector_set.h"

#include <algorithm>

#include "granary/bench/exact_neighbors.h"

namespace granary::bench {
namespace {

constexpr size_t kWordsPerQuery = 125;

void Append(FloatVectors& vectors, std::span<const float> row) {
  vectors.values.insert(vectors.values.end(), row.begin(), row.end());
  ++vectors.rows;
}

}  // namespace

VectorRows VectorSet::base_rows() const {
  return {reinterpret_cast<const std::byte*>(base.values.data()), base.dimensions * sizeof(float),
          base.rows, base.dimensions, VectorElement::kFloat32};
}

VectorSet LoadVectorSet(const std::string& directory, const std::string& name) {
  const std::string prefix = directory + "/" + name;
  return {name, name == "mnist" ? Metric::kL2 : Metric::kCosine, ReadFvecs(prefix + ".base.fvecs"),
          ReadFvecs(prefix + ".queries.fvecs"), ReadIvecs(prefix + ".truth.ivecs")};
}

VectorSet LoadWords() {
  const FloatVectors words = ReadFvecs(GRANARY_SOURCE_DIR "/examples/data/words.fvecs");
  VectorSet set{.name = "words", .metric = Metric::kCosine};
  set.base.dimensions = set.queries.dimensions = words.dimensions;
  for (size_t row = 0; row < words.rows; ++row) {
    Append((row + 1) % kWordsPerQuery == 0 ? set.queries : set.base, words.Row(row));
  }
  set.truth = ExactNeighbors(set.base, set.queries, ExactDistance::kCosine, 10);
  return set;
}

double RecallAt10(const VectorSet& set, const std::vector<std::vector<uint32_t>>& found) {
  size_t hits = 0;
  for (size_t query = 0; query < found.size(); ++query) {
    const auto truth = set.truth.Row(query).first(10);
    const size_t count = std::min<size_t>(10, found[query].size());
    for (size_t i = 0; i < count; ++i) {
      hits += std::count(truth.begin(), truth.end(), static_cast<int32_t>(found[query][i]));
    }
  }
  return static_cast<double>(hits) / static_cast<double>(10 * found.size());
}

}  // namespace granary::bench
