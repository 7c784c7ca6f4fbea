#include "granary/skipindex/vector_similarity/graph_builder.h"

#include <algorithm>
#include <array>
#include <memory>
#include <mutex>

#include "granary/skipindex/vector_similarity/neighbor_selection.h"

namespace granary {
namespace {

constexpr size_t kChunkNodes = 16;       // one piece of work for a thread
constexpr size_t kBatchNodesMax = 8192;  // so that links within a batch, which are missed, are few
constexpr size_t kBatchShare = 16;       // a batch adds at most 1/16 to the graph
constexpr size_t kLevelsMax = 16;
// splitmix64 (Steele et al. 2014): the same numbers everywhere.
uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
  return x ^ (x >> 31);
}

// Every level has 1 of M nodes of the level below. Integers only: no logarithm differs by a bit.
size_t LevelOf(uint32_t row, const GraphParameters& parameters) {
  uint64_t random = Mix(parameters.seed ^ Mix(row));
  size_t level = 0;
  while (random % parameters.max_connections == 0 && level < kLevelsMax) {
    random = Mix(random);
    ++level;
  }
  return level;
}

struct BackLink {
  uint32_t target;
  LinkCandidate source;

  friend bool operator<(const BackLink& a, const BackLink& b) {
    return a.target != b.target ? a.target < b.target : a.source < b.source;
  }
};

// Where the search for a node of a batch begins.
struct WayDown {
  uint32_t place;                  // in the batch
  uint32_t entry;                  // node of the layer
  std::array<uint32_t, 3> last{};  // nodes passed in the layers above, the highest first

  friend bool operator<(const WayDown& a, const WayDown& b) {
    return a.last != b.last ? a.last < b.last : a.place < b.place;
  }
};

// What one thread needs for its part of a batch.
struct BuildScratch {
  BuildScratch(const DistanceKernels& kernels, const ByteCodeRows& layer_codes,
               const ByteCodeRows& codes)
      : scorer(kernels, layer_codes), descent_scorer(kernels, codes) {}

  ByteCodeScorer scorer;          // over the nodes of the layer
  ByteCodeScorer descent_scorer;  // over all rows
  Beam beam;
  NeighborSelection selection;
  std::vector<LinkCandidate> candidates;
  std::vector<uint32_t> nodes;
  std::vector<uint32_t> keys;
};

// Lends scratch to whichever threads work; results never depend on which.
class ScratchPool {
 public:
  ScratchPool(const DistanceKernels& kernels, const ByteCodeRows& layer_codes,
              const ByteCodeRows& codes)
      : kernels_(kernels), layer_codes_(layer_codes), codes_(codes) {}

  std::unique_ptr<BuildScratch> Take() {
    const std::lock_guard lock(mutex_);
    if (free_.empty()) return std::make_unique<BuildScratch>(kernels_, layer_codes_, codes_);
    auto scratch = std::move(free_.back());
    free_.pop_back();
    return scratch;
  }
  void Return(std::unique_ptr<BuildScratch> scratch) {
    const std::lock_guard lock(mutex_);
    free_.push_back(std::move(scratch));
  }

 private:
  const DistanceKernels& kernels_;
  const ByteCodeRows layer_codes_;
  const ByteCodeRows codes_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<BuildScratch>> free_;
};

class LayerBuilder {
 public:
  // `upper` are the finished layers above, top first; `codes` has all rows, `layer_codes` the nodes
  // of this layer. The first `leading` nodes of `order` are those of the layer above.
  LayerBuilder(std::span<const GraphLayer> upper, const ByteCodeRows& codes, size_t rows,
               const ByteCodeRows& layer_codes, std::vector<uint32_t> order, size_t leading,
               size_t capacity, const GraphParameters& parameters, const DistanceKernels& kernels,
               const TaskContext& context)
      : upper_(upper),
        rows_(rows),
        layer_codes_(layer_codes),
        order_(std::move(order)),
        leading_(leading),
        capacity_(capacity),
        parameters_(parameters),
        context_(context),
        scratch_(kernels, layer_codes, codes),
        links_(order_.size() * capacity_, kNoLink),
        degrees_(order_.size(), 0) {}

  // The links, capacity per node.
  std::vector<uint32_t> Build() {
    if (rows_ == order_.size()) AddProgress(1);
    for (size_t inserted = 1; inserted < order_.size();) {
      // Searches begin at nodes of the layer above, which must be in the graph by then.
      const size_t end = inserted < leading_ ? leading_ : order_.size();
      const size_t batch = std::min(
          {std::max<size_t>(inserted / kBatchShare, 1), kBatchNodesMax, end - inserted});
      InsertBatch(inserted, batch);
      inserted += batch;
      if (rows_ == order_.size()) AddProgress(batch);
    }
    return std::move(links_);
  }

 private:
  void AddProgress(size_t rows) {
    context_.progress().rows_done.fetch_add(rows, std::memory_order_relaxed);
  }
  GraphLayer View() const {
    return {.links = links_.data(),
            .nodes = static_cast<uint32_t>(order_.size()),
            .capacity = static_cast<uint32_t>(capacity_)};
  }
  uint32_t* LinksOf(uint32_t node) { return links_.data() + size_t{node} * capacity_; }

  // Calls run(scratch, i) for i in [0, count), some at a time on every thread.
  template <class F>
  void InParallel(size_t count, F&& run) {
    const size_t chunks = (count + kChunkNodes - 1) / kChunkNodes;
    context_.executor().ParallelFor(chunks, [&](size_t chunk) {
      auto scratch = scratch_.Take();
      const size_t end = std::min((chunk + 1) * kChunkNodes, count);
      for (size_t i = chunk * kChunkNodes; i < end; ++i) {
        context_.CheckCancelled();
        run(*scratch, i);
      }
      scratch_.Return(std::move(scratch));
    });
  }

  void InsertBatch(size_t first, size_t count) {
    const size_t max_links = std::min(parameters_.max_connections, capacity_);
    back_links_.assign(count * max_links, {kNoLink, {}});
    FindWaysDown(first, count);
    InParallel(count, [&](BuildScratch& scratch, size_t n) {
      const size_t i = ways_[n].place;
      const uint32_t node = order_[first + i];
      FindNeighbors(scratch, node, ways_[n].entry);
      const size_t kept = scratch.selection.Select(scratch.candidates, max_links, scratch.scorer);
      uint32_t* links = LinksOf(node);
      for (size_t k = 0; k < kept; ++k) {
        const LinkCandidate& link = scratch.candidates[k];
        links[k] = link.node;
        back_links_[i * max_links + k] = {link.node, {link.distance, node}};
      }
      degrees_[node] = static_cast<uint32_t>(kept);
    });
    std::sort(back_links_.begin(), back_links_.end());
    targets_.clear();
    for (size_t i = 0; i < back_links_.size() && back_links_[i].target != kNoLink; ++i) {
      if (i == 0 || back_links_[i].target != back_links_[i - 1].target) targets_.push_back(i);
    }
    InParallel(targets_.size(),
               [&](BuildScratch& scratch, size_t i) { LinkBack(scratch, targets_[i]); });
  }

  // Fills ways_ for the batch, nodes next to each other where their ways through the upper layers
  // are alike: what one search reads is then in the cache for the next. The graph is the same in
  // any order.
  void FindWaysDown(size_t first, size_t count) {
    ways_.resize(count);
    InParallel(count, [&](BuildScratch& scratch, size_t i) {
      WayDown& way = ways_[i] = {.place = static_cast<uint32_t>(i), .entry = order_[0]};
      if (leading_ == 0 || first + i < leading_) return;
      scratch.descent_scorer.SetQueryCode(layer_codes_, order_[first + i]);
      uint32_t path[kLevelsMax] = {};
      way.entry = DescendTo(upper_, scratch.descent_scorer, rows_, order_.size(), path);
      const size_t kept = std::min(upper_.size(), way.last.size());
      std::copy_n(path + upper_.size() - kept, kept, way.last.begin());
    });
    std::sort(ways_.begin(), ways_.end());
  }

  // Fills scratch.candidates with what a search for the node finds, nearest first.
  void FindNeighbors(BuildScratch& scratch, uint32_t node, uint32_t entry) {
    scratch.scorer.SetQueryRow(node);
    scratch.beam.Reset(order_.size(), parameters_.construction_width);
    scratch.beam.Add(entry, scratch.scorer);
    while (scratch.beam.Walk(View(), scratch.scorer, size_t{1} << 20)) {
    }
    scratch.candidates.clear();
    for (BeamEntry entry : scratch.beam.entries()) {
      scratch.candidates.push_back({entry.key(), entry.node()});
    }
  }

  // Adds the back links that start at back_links_[first] to their target.
  void LinkBack(BuildScratch& scratch, size_t first) {
    const uint32_t target = back_links_[first].target;
    uint32_t* links = LinksOf(target);
    uint32_t& degree = degrees_[target];
    size_t end = first;
    while (end < back_links_.size() && back_links_[end].target == target) ++end;
    if (degree + (end - first) <= capacity_) {
      for (size_t i = first; i < end; ++i) links[degree++] = back_links_[i].source.node;
      return;
    }
    MeasureLinks(scratch, target);
    for (size_t i = first; i < end; ++i) scratch.candidates.push_back(back_links_[i].source);
    Prune(scratch, target);
  }

  void MeasureLinks(BuildScratch& scratch, uint32_t node) {
    const uint32_t* links = LinksOf(node);
    const uint32_t degree = degrees_[node];
    scratch.keys.resize(degree);
    scratch.scorer.SetQueryRow(node);
    scratch.scorer.Score(links, degree, scratch.keys.data());
    scratch.candidates.clear();
    for (uint32_t i = 0; i < degree; ++i) scratch.candidates.push_back({scratch.keys[i], links[i]});
  }

  // Makes the best of scratch.candidates the links of the node.
  void Prune(BuildScratch& scratch, uint32_t node) {
    std::sort(scratch.candidates.begin(), scratch.candidates.end());
    const size_t kept = scratch.selection.Select(scratch.candidates, capacity_, scratch.scorer);
    uint32_t* links = LinksOf(node);
    for (size_t i = 0; i < kept; ++i) links[i] = scratch.candidates[i].node;
    std::fill(links + kept, links + capacity_, kNoLink);
    degrees_[node] = static_cast<uint32_t>(kept);
  }

  const std::span<const GraphLayer> upper_;
  const size_t rows_;
  const ByteCodeRows layer_codes_;
  const std::vector<uint32_t> order_;
  const size_t leading_;
  const size_t capacity_;
  const GraphParameters& parameters_;
  const TaskContext& context_;
  ScratchPool scratch_;
  std::vector<uint32_t> links_;
  std::vector<uint32_t> degrees_;
  std::vector<WayDown> ways_;  // of a batch, in the order in which it is searched
  std::vector<BackLink> back_links_;
  std::vector<size_t> targets_;  // where in back_links_ each target begins
};

// Node numbers in the order of insertion: those of the layer above first, each part shuffled.
std::vector<uint32_t> InsertionOrder(size_t nodes, std::span<const uint32_t> leading,
                                     uint64_t seed) {
  std::vector<uint32_t> order;
  order.reserve(nodes);
  std::vector<bool> leads(nodes);
  for (uint32_t node : leading) {
    leads[node] = true;
    order.push_back(node);
  }
  for (uint32_t node = 0; node < nodes; ++node) {
    if (!leads[node]) order.push_back(node);
  }
  auto shuffle = [&](size_t begin, size_t end) {
    for (size_t i = end; i > begin + 1; --i) {
      seed = Mix(seed);
      std::swap(order[i - 1], order[begin + seed % (i - begin)]);
    }
  };
  shuffle(0, leading.size());
  shuffle(leading.size(), nodes);
  return order;
}

// The layers above layer 0 without their links, lowest first.
std::vector<OwnedLayer> AssignLevels(size_t rows, const GraphParameters& parameters) {
  std::vector<OwnedLayer> layers;
  for (uint32_t row = 0; row < rows; ++row) {
    const size_t level = LevelOf(row, parameters);
    for (size_t l = 0; l < level; ++l) {
      if (layers.size() == l) layers.emplace_back();
      layers[l].below.push_back(l == 0 ? row : layers[l - 1].nodes - 1);
      layers[l].rows.push_back(row);
      ++layers[l].nodes;
    }
  }
  return layers;
}

}  // namespace

size_t GraphBuildBytes(size_t rows, const GraphParameters& parameters, size_t threads) {
  const size_t layer0 = parameters.LayerCapacity(0) * sizeof(uint32_t);
  // Links, an upper layer for one row in M, degree, insertion order, and some of the next layer's.
  const size_t per_row = layer0 + layer0 / parameters.max_connections + 4 * sizeof(uint32_t);
  const size_t per_thread = rows / 8 + rows + (parameters.construction_width << 10);
  const size_t batch =
      kBatchNodesMax * (parameters.max_connections * sizeof(BackLink) + sizeof(WayDown));
  return rows * per_row + threads * per_thread + batch;
}

std::vector<OwnedLayer> BuildGraph(const ByteCodeRows& codes, size_t rows,
                                   const GraphParameters& parameters,
                                   const DistanceKernels& kernels, const TaskContext& context) {
  std::vector<OwnedLayer> lowest_first = AssignLevels(rows, parameters);
  std::vector<OwnedLayer> layers;
  for (auto layer = lowest_first.rbegin(); layer != lowest_first.rend(); ++layer) {
    layers.push_back(std::move(*layer));
  }
  layers.emplace_back().nodes = static_cast<uint32_t>(rows);

  std::vector<GraphLayer> finished;
  for (size_t i = 0; i < layers.size(); ++i) {
    OwnedLayer& layer = layers[i];
    const size_t level = layers.size() - 1 - i;
    layer.capacity = static_cast<uint32_t>(parameters.LayerCapacity(level));
    std::vector<std::byte> gathered;
    ByteCodeRows layer_codes = codes;
    if (level > 0) {
      gathered.resize(layer.nodes * codes.stride_bytes);
      for (size_t node = 0; node < layer.nodes; ++node) {
        std::copy_n(codes.Row(layer.rows[node]), codes.stride_bytes,
                    gathered.data() + node * codes.stride_bytes);
      }
      layer_codes.base = gathered.data();
    }
    const std::span<const uint32_t> leading =
        i == 0 ? std::span<const uint32_t>() : std::span<const uint32_t>(layers[i - 1].below);
    LayerBuilder builder(finished, codes, rows, layer_codes,
                         InsertionOrder(layer.nodes, leading, Mix(parameters.seed + level)),
                         leading.size(), layer.capacity, parameters, kernels, context);
    layer.links = builder.Build();
    finished.push_back(layer.View());
  }
  return layers;
}

}  // namespace granary
