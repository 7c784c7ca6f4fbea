#include "granary/bench/compare/hnswlib_peer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <thread>

#include <hnswlib/hnswlib.h>

namespace granary::bench {
namespace {

void Normalise(std::span<const float> vector, std::vector<float>& out) {
  float sum = 0;
  for (float value : vector) sum += value * value;
  const float scale = 1 / std::sqrt(sum);
  out.resize(vector.size());
  std::transform(vector.begin(), vector.end(), out.begin(), [&](float v) { return v * scale; });
}

std::unique_ptr<hnswlib::SpaceInterface<float>> MakeSpace(const VectorSet& set) {
  if (set.metric == Metric::kL2) return std::make_unique<hnswlib::L2Space>(set.base.dimensions);
  return std::make_unique<hnswlib::InnerProductSpace>(set.base.dimensions);
}

}  // namespace

struct HnswlibPeer::Index {
  Index(const VectorSet& set, size_t m, size_t ef_construction)
      : space(MakeSpace(set)), graph(space.get(), set.base.rows, m, ef_construction) {}

  std::unique_ptr<hnswlib::SpaceInterface<float>> space;
  hnswlib::HierarchicalNSW<float> graph;
};

HnswlibPeer::HnswlibPeer(const VectorSet& set, size_t m, size_t ef_construction)
    : index_(std::make_unique<Index>(set, m, ef_construction)),
      normalise_(set.metric == Metric::kCosine) {
  const auto begin = std::chrono::steady_clock::now();
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    std::vector<float> vector;
    for (size_t row = next++; row < set.base.rows; row = next++) {
      const auto values = set.base.Row(row);
      if (normalise_) Normalise(values, vector);
      index_->graph.addPoint(normalise_ ? vector.data() : values.data(), row);
    }
  };
  std::vector<std::jthread> threads(std::max(1u, std::thread::hardware_concurrency()));
  for (std::jthread& thread : threads) thread = std::jthread(work);
  threads.clear();
  build_seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

HnswlibPeer::~HnswlibPeer() = default;

void HnswlibPeer::Search(std::span<const float> query, size_t ef, size_t k,
                         std::vector<uint32_t>& rows) {
  if (normalise_) Normalise(query, query_);
  index_->graph.setEf(ef);
  auto furthest_first = index_->graph.searchKnn(normalise_ ? query_.data() : query.data(), k);
  rows.resize(furthest_first.size());
  for (size_t i = rows.size(); i > 0; --i, furthest_first.pop()) {
    rows[i - 1] = static_cast<uint32_t>(furthest_first.top().second);
  }
}

std::string HnswlibPeer::Description() { return "hnswlib " HNSWLIB_VERSION " (" HNSWLIB_FLAGS ")"; }

}  // namespace granary::bench
