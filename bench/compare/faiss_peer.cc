#include "granary/bench/compare/faiss_peer.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#if defined(GRANARY_HAS_FAISS)
#include <faiss/IndexHNSW.h>

namespace granary::bench {
namespace {

void Normalise(std::span<float> vector) {
  float sum = 0;
  for (float value : vector) sum += value * value;
  for (float& value : vector) value /= std::sqrt(sum);
}

}  // namespace

struct FaissPeer::Index {
  Index(const VectorSet& set, size_t m)
      : graph(static_cast<int>(set.base.dimensions), static_cast<int>(m)),
        normalise(set.metric == Metric::kCosine) {}

  faiss::IndexHNSWFlat graph;
  bool normalise;
};

FaissPeer::FaissPeer(const VectorSet& set, size_t m, size_t ef_construction)
    : index_(std::make_unique<Index>(set, m)) {
  index_->graph.hnsw.efConstruction = static_cast<int>(ef_construction);
  std::vector<float> values = set.base.values;
  for (size_t row = 0; index_->normalise && row < set.base.rows; ++row) {
    Normalise({values.data() + row * set.base.dimensions, set.base.dimensions});
  }
  index_->graph.add(static_cast<faiss::Index::idx_t>(set.base.rows), values.data());
}

FaissPeer::~FaissPeer() = default;

void FaissPeer::Search(std::span<const float> query, size_t ef, std::vector<uint32_t>& rows) {
  std::vector<float> vector(query.begin(), query.end());
  if (index_->normalise) Normalise(vector);
  index_->graph.hnsw.efSearch = static_cast<int>(ef);
  faiss::Index::idx_t found[10];
  float distances[10];
  index_->graph.search(1, vector.data(), 10, distances, found);
  rows.assign(std::begin(found), std::end(found));
}

std::string FaissPeer::Description() { return "Faiss " FAISS_VERSION ", no AVX2"; }

bool FaissPeer::IsAvailable() { return true; }

}  // namespace granary::bench

#else

namespace granary::bench {

struct FaissPeer::Index {};

bool FaissPeer::IsAvailable() { return false; }
FaissPeer::FaissPeer(const VectorSet&, size_t, size_t) {
  throw std::logic_error("Faiss was not there when this was compiled");
}
FaissPeer::~FaissPeer() = default;
void FaissPeer::Search(std::span<const float>, size_t, std::vector<uint32_t>&) {}
std::string FaissPeer::Description() { return "Faiss: missing"; }

}  // namespace granary::bench

#endif
