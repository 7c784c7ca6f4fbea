#include "granary/bench/compare/hnswlib_peer.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <stdexcept>
#include <thread>

#if __has_include(<hnswlib/hnswlib.h>)
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

HnswlibPeer::HnswlibPeer(const VectorSet& set, size_t m, size_t ef_construction,
                         size_t thread_count)
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
  std::vector<std::jthread> threads(thread_count);
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

bool HnswlibPeer::IsAvailable() { return true; }

size_t HnswlibPeer::byte_size() const {
  const auto& graph = index_->graph;
  size_t bytes = graph.cur_element_count * graph.size_data_per_element_;
  for (size_t i = 0; i < graph.cur_element_count; ++i) {
    bytes += static_cast<size_t>(graph.element_levels_[i]) * graph.size_links_per_element_;
  }
  return bytes;
}

}  // namespace granary::bench

#else

namespace granary::bench {

struct HnswlibPeer::Index {};

bool HnswlibPeer::IsAvailable() { return false; }
HnswlibPeer::HnswlibPeer(const VectorSet&, size_t, size_t, size_t) {
  throw std::logic_error("hnswlib was not there when this was compiled");
}
HnswlibPeer::~HnswlibPeer() = default;
void HnswlibPeer::Search(std::span<const float>, size_t, size_t, std::vector<uint32_t>&) {}
size_t HnswlibPeer::byte_size() const { return 0; }
std::string HnswlibPeer::Description() { return "hnswlib: missing"; }

}  // namespace granary::bench

#endif
