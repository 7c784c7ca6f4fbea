#include "granary/skipindex/vector_similarity/graph_builder.h"

#include <algorithm>
#include <optional>

#include "granary/skipindex/vector_similarity/candidate_lists.h"
#include "granary/skipindex/vector_similarity/exact_rows.h"
#include "granary/skipindex/vector_similarity/leaf_partition.h"
#include "granary/skipindex/vector_similarity/neighbor_selection.h"
#include "granary/skipindex/vector_similarity/random_numbers.h"
#include "granary/skipindex/vector_similarity/scratch_pool.h"

namespace granary {
namespace {

constexpr size_t kChunkNodes = 64;  // one piece of work for a thread
constexpr size_t kNodesBetweenChecks = 1 << 12;
constexpr size_t kLevelsMax = 16;
// Of the layers in between above layer 0 the largest has one of so many nodes.
constexpr size_t kFirstShareBetween = 8;

// Every level has 1 of M nodes of the level below. Integers only: no logarithm differs by a bit.
size_t LevelOf(uint32_t row, const GraphParameters& parameters) {
  uint64_t random = MixBits(parameters.seed ^ MixBits(row));
  size_t level = 0;
  while (random % parameters.max_connections == 0 && level < kLevelsMax) {
    random = MixBits(random);
    ++level;
  }
  return level;
}

// How many candidates a node chooses its links from. They are nearer than what a search of the
// construction_width in a graph half built would find: half as many make a graph as good.
size_t CandidatesFor(const GraphParameters& parameters) {
  return std::max({parameters.construction_width / 2, 3 * parameters.max_connections, size_t{64}});
}

// What one thread needs to choose links.
struct LinkScratch {
  LinkScratch(const DistanceKernels& kernels, const ByteCodeRows& codes, size_t nodes)
      : scorer(kernels, codes), seen((nodes + 63) / 64) {}

  ByteCodeScorer scorer;
  NeighborSelection selection;
  std::vector<uint64_t> seen;  // a bit per node, all zeros between uses
  std::vector<uint32_t> nodes;
  std::vector<uint32_t> keys;
  std::vector<LinkCandidate> candidates;
};

class LayerBuilder {
 public:
  // `codes` has the nodes of this layer.
  LayerBuilder(const ByteCodeRows& codes, size_t nodes, size_t capacity,
               const GraphParameters& parameters, const DistanceKernels& kernels,
               const TaskContext& context)
      : codes_(codes),
        nodes_(nodes),
        capacity_(capacity),
        own_links_(std::min(parameters.max_connections, capacity)),
        parameters_(parameters),
        kernels_(kernels),
        context_(context) {}

  // `above` is the layer above this one, if there is one. Layer 0 has `progress`.
  std::vector<uint32_t> Build(const OwnedLayer* above, uint64_t seed, Progress* progress) {
    progress_ = progress;
    is_bottom_ = progress != nullptr;
    ChooseOwnLinks(seed);
    LinkBack();
    if (above != nullptr) AddLinksOfLayerAbove(*above);
    LinkUnreached(above != nullptr ? above->below[0] : 0);
    return std::move(links_);
  }

 private:
  uint32_t* LinksOf(size_t node) { return links_.data() + node * capacity_; }

  // Calls run(scratch, node) for all nodes, some at a time on every thread.
  template <class F>
  void ForAllNodes(F&& run) {
    const size_t chunks = (nodes_ + kChunkNodes - 1) / kChunkNodes;
    context_.executor().ParallelFor(chunks, [&](size_t chunk) {
      context_.CheckCancelled();
      pool_.With([&] { return LinkScratch(kernels_, codes_, nodes_); },
                 [&](LinkScratch& scratch) {
                   const size_t end = std::min((chunk + 1) * kChunkNodes, nodes_);
                   for (size_t i = chunk * kChunkNodes; i < end; ++i) run(scratch, i);
                 });
    });
  }

  // Odd rows are done when they have chosen their links, even ones (CandidateLists) before.
  void AddProgress(size_t rows) {
    if (progress_ != nullptr) progress_->rows_done.fetch_add(rows, std::memory_order_relaxed);
  }

  // The links that each node chooses itself, among the nodes that share a leaf with it.
  void ChooseOwnLinks(uint64_t seed) {
    const LeafPartition partition = PartitionIntoLeaves(codes_, nodes_, seed, kernels_, context_);
    const size_t candidates = CandidatesFor(parameters_) * (is_bottom_ ? 1 : 2);
    const CandidateLists lists(codes_, nodes_, partition, candidates, progress_, kernels_,
                               context_);
    links_.assign(nodes_ * capacity_, kNoLink);
    degrees_.assign(nodes_, 0);
    // Leaf by leaf, so that the codes of one node's candidates are in the cache for the next.
    context_.executor().ParallelFor(partition.leaves(), [&](size_t leaf) {
      const auto members = partition.MembersOf(leaf);
      const auto ranks = partition.RanksOf(leaf);
      pool_.With([&] { return LinkScratch(kernels_, codes_, nodes_); },
                 [&](LinkScratch& scratch) {
                   size_t odd = 0;
                   for (size_t i = 0; i < members.size(); ++i) {
                     if (i % kChunkNodes == 0) context_.CheckCancelled();
                     if (ranks[i] != 0) continue;
                     ChooseLinks(scratch, members[i], lists.Of(members[i]));
                     odd += members[i] % 2;
                   }
                   AddProgress(odd);
                 });
    });
  }

  void ChooseLinks(LinkScratch& scratch, uint32_t node, std::span<const uint32_t> candidates) {
    scratch.nodes.clear();
    for (uint32_t candidate : candidates) {
      if (candidate == kNoLink) continue;
      uint64_t& word = scratch.seen[candidate / 64];
      const uint64_t bit = uint64_t{1} << (candidate % 64);
      if ((word & bit) != 0) continue;
      word |= bit;
      scratch.nodes.push_back(candidate);
      __builtin_prefetch(codes_.Row(candidate));
    }
    for (uint32_t candidate : scratch.nodes) scratch.seen[candidate / 64] = 0;
    MeasureNodes(scratch, node);
    NeighborSelection& selection = scratch.selection;
    SetLinks(scratch, node,
             is_bottom_ ? selection.SelectEnough(scratch.candidates, own_links_, scratch.scorer)
                        : selection.SelectFew(scratch.candidates, own_links_, scratch.scorer));
  }

  // Makes candidates of scratch.nodes, nearest to the node first.
  void MeasureNodes(LinkScratch& scratch, uint32_t node) {
    scratch.keys.resize(scratch.nodes.size());
    scratch.scorer.SetQueryRow(node);
    scratch.scorer.Score(scratch.nodes.data(), scratch.nodes.size(), scratch.keys.data());
    scratch.candidates.clear();
    for (size_t i = 0; i < scratch.nodes.size(); ++i) {
      scratch.candidates.push_back({scratch.keys[i], scratch.nodes[i]});
    }
    std::sort(scratch.candidates.begin(), scratch.candidates.end());
  }

  // Makes the first of scratch.candidates the links of the node.
  void SetLinks(const LinkScratch& scratch, uint32_t node, size_t kept) {
    uint32_t* links = LinksOf(node);
    for (size_t i = 0; i < kept; ++i) links[i] = scratch.candidates[i].node;
    degrees_[node] = static_cast<uint32_t>(kept);
  }

  // Adds to each node the nodes that have chosen it, or the best of both.
  void LinkBack() {
    std::vector<size_t> begins(nodes_ + 1);
    ForAllLinks([&](uint32_t, uint32_t target) { ++begins[target + 1]; });
    for (size_t i = 0; i < nodes_; ++i) begins[i + 1] += begins[i];
    std::vector<uint32_t> sources(begins.back());
    std::vector<size_t> ends(begins.begin(), begins.end() - 1);
    ForAllLinks([&](uint32_t source, uint32_t target) { sources[ends[target]++] = source; });
    ForAllNodes([&](LinkScratch& scratch, size_t node) {
      LinkBackTo(scratch, static_cast<uint32_t>(node),
                 std::span(sources).subspan(begins[node], begins[node + 1] - begins[node]));
    });
  }

  template <class F>
  void ForAllLinks(F&& visit) {
    for (uint32_t node = 0; node < nodes_; ++node) {
      if (node % kNodesBetweenChecks == 0) context_.CheckCancelled();
      const uint32_t* links = LinksOf(node);
      for (uint32_t i = 0; i < degrees_[node]; ++i) visit(node, links[i]);
    }
  }

  void LinkBackTo(LinkScratch& scratch, uint32_t node, std::span<const uint32_t> sources) {
    uint32_t* links = LinksOf(node);
    const uint32_t degree = degrees_[node];
    scratch.nodes.assign(links, links + degree);
    for (uint32_t source : sources) {
      if (std::find(links, links + degree, source) == links + degree) {
        scratch.nodes.push_back(source);
      }
    }
    if (scratch.nodes.size() <= capacity_) {
      std::copy(scratch.nodes.begin(), scratch.nodes.end(), links);
      degrees_[node] = static_cast<uint32_t>(scratch.nodes.size());
      return;
    }
    MeasureNodes(scratch, node);
    std::fill(links, links + capacity_, kNoLink);
    NeighborSelection& selection = scratch.selection;
    SetLinks(scratch, node,
             is_bottom_ ? selection.Select(scratch.candidates, capacity_, scratch.scorer)
                        : selection.SelectFew(scratch.candidates, capacity_, scratch.scorer));
  }

  // Candidates are near, and so are the links chosen among them. The nodes that are in the layer
  // above as well get their links there too, the last ones of which come from still higher, if need
  // be in half of their places: they lead from one cluster to another.
  void AddLinksOfLayerAbove(const OwnedLayer& above) {
    std::vector<uint32_t> leading;
    for (uint32_t upper = 0; upper < above.nodes; ++upper) {
      if (upper % kNodesBetweenChecks == 0) context_.CheckCancelled();
      const uint32_t node = above.below[upper];
      const uint32_t* links = LinksOf(node);
      const uint32_t* upper_links = above.links.data() + size_t{upper} * above.capacity;
      leading.clear();
      for (uint32_t i = above.capacity; i-- > 0;) {
        if (upper_links[i] == kNoLink) continue;
        const uint32_t target = above.below[upper_links[i]];
        if (std::find(links, links + degrees_[node], target) == links + degrees_[node]) {
          leading.push_back(target);
        }
      }
      const size_t places = std::min(leading.size(), (capacity_ + 1) / 2);
      degrees_[node] = std::min(degrees_[node], static_cast<uint32_t>(capacity_ - places));
      for (uint32_t target : leading) AddLink(node, target);
    }
  }

  // False if there is no room.
  bool AddLink(uint32_t node, uint32_t target) {
    uint32_t* links = LinksOf(node);
    uint32_t& degree = degrees_[node];
    if (std::find(links, links + degree, target) != links + degree) return true;
    if (degree == capacity_) return false;
    links[degree++] = target;
    return true;
  }

  // Every node can be reached from the entry afterwards.
  void LinkUnreached(uint32_t entry) {
    reached_.assign((nodes_ + 63) / 64, 0);
    Reach(entry);
    uint32_t last = entry;
    for (uint32_t node = 0; node < nodes_; ++node) {
      if (IsReached(node)) continue;
      if (!LinkFromNear(node, [&](uint32_t near) { return AddLink(near, node); }) &&
          !LinkFromNear(node, [&](uint32_t near) { return Splice(near, node); })) {
        Splice(last, node);
      }
      Reach(node);
      last = node;
    }
  }

  // Calls link(near) for nodes that were reached and that the node's links lead to, in one step or
  // two, until it returns true.
  template <class F>
  bool LinkFromNear(uint32_t node, F&& link) {
    const std::span links(LinksOf(node), degrees_[node]);
    const auto is_linked_from = [&](uint32_t near) { return IsReached(near) && link(near); };
    return std::any_of(links.begin(), links.end(), is_linked_from) ||
           std::any_of(links.begin(), links.end(), [&](uint32_t linked) {
             const uint32_t* next = LinksOf(linked);
             return std::any_of(next, next + degrees_[linked], is_linked_from);
           });
  }

  // Puts the node between `from` and its last link, which it still leads to.
  bool Splice(uint32_t from, uint32_t node) {
    if (AddLink(from, node)) return true;
    uint32_t& last = LinksOf(from)[degrees_[from] - 1];
    if (!AddLink(node, last)) LinksOf(node)[degrees_[node] - 1] = last;
    last = node;
    return true;
  }

  bool IsReached(uint32_t node) const { return (reached_[node / 64] >> (node % 64) & 1) != 0; }

  // Marks what can be reached from the node.
  void Reach(uint32_t node) {
    std::vector<uint32_t> stack;
    const auto visit = [&](uint32_t next) {
      if (IsReached(next)) return;
      reached_[next / 64] |= uint64_t{1} << (next % 64);
      stack.push_back(next);
    };
    for (visit(node); !stack.empty();) {
      if (++visits_ % kNodesBetweenChecks == 0) context_.CheckCancelled();
      const uint32_t next = stack.back();
      stack.pop_back();
      const uint32_t* links = LinksOf(next);
      for (uint32_t i = 0; i < degrees_[next]; ++i) visit(links[i]);
    }
  }

  const ByteCodeRows codes_;
  const size_t nodes_;
  const size_t capacity_;
  const size_t own_links_;
  const GraphParameters& parameters_;
  const DistanceKernels& kernels_;
  const TaskContext& context_;
  Progress* progress_ = nullptr;
  bool is_bottom_ = false;
  ScratchPool<LinkScratch> pool_;
  std::vector<uint32_t> links_;  // capacity_ per node, degrees_ of them used
  std::vector<uint32_t> degrees_;
  std::vector<uint64_t> reached_;  // a bit per node
  size_t visits_ = 0;
};

// The nodes of a layer that is built: one of the graph, or one in between.
struct Stage {
  std::vector<uint32_t> rows;  // ascending
  size_t level = 0;
  bool is_in_graph = true;
};

// Those of the layers above layer 0, lowest first. Where a layer has many times the nodes of the
// next one, layers in between, which are not kept, lead from cluster to cluster at their scale.
std::vector<Stage> AssignLevels(size_t rows, const GraphParameters& parameters) {
  std::vector<std::vector<uint32_t>> levels(1);
  for (uint32_t row = 0; row < rows; ++row) {
    const size_t level = LevelOf(row, parameters);
    if (levels.size() < level + 1) levels.resize(level + 1);
    for (size_t l = 1; l <= level; ++l) levels[l].push_back(row);
  }
  std::vector<Stage> stages;
  for (size_t level = 0; level < levels.size(); ++level) {
    if (level > 0) stages.push_back({levels[level], level});
    if (level + 1 == levels.size()) break;
    for (size_t share = level == 0 ? kFirstShareBetween : 2; 2 * share < parameters.max_connections;
         share *= 2) {
      Stage between{.level = level, .is_in_graph = false};
      const auto consider = [&](uint32_t row) {
        if (LevelOf(row, parameters) > level || MixBits(~uint64_t{row}) % share == 0) {
          between.rows.push_back(row);
        }
      };
      if (level == 0) {
        for (uint32_t row = 0; row < rows; ++row) consider(row);
      } else {
        for (uint32_t row : levels[level]) consider(row);
      }
      stages.push_back(std::move(between));
    }
  }
  return stages;
}

// Where each of `rows` is in `below`, which has them all; both ascending. `below` empty: all rows.
std::vector<uint32_t> PlacesIn(std::span<const uint32_t> below, std::span<const uint32_t> rows) {
  if (below.empty()) return {rows.begin(), rows.end()};
  std::vector<uint32_t> places;
  size_t place = 0;
  for (uint32_t row : rows) {
    while (below[place] != row) ++place;
    places.push_back(static_cast<uint32_t>(place));
  }
  return places;
}

// The codes of some rows, one after another.
std::vector<std::byte> Gather(const ByteCodeRows& codes, std::span<const uint32_t> rows) {
  std::vector<std::byte> gathered(rows.size() * codes.stride_bytes);
  for (size_t i = 0; i < rows.size(); ++i) {
    std::copy_n(codes.Row(rows[i]), codes.stride_bytes, gathered.data() + i * codes.stride_bytes);
  }
  return gathered;
}

}  // namespace

size_t BytesOf(std::span<const OwnedLayer> layers) {
  size_t numbers = 0;
  for (const OwnedLayer& layer : layers) {
    numbers += layer.rows.size() + layer.below.size() + layer.links.size();
  }
  return numbers * sizeof(uint32_t);
}

size_t GraphBuildBytes(const ByteCodeRows& codes, size_t rows, const GraphParameters& parameters,
                       size_t threads) {
  const size_t connections = parameters.max_connections;
  const size_t capacity = parameters.LayerCapacity(0);
  const size_t links = rows * (capacity + 1) * sizeof(uint32_t);  // with the degree
  // The layers above, which are there while layer 0 is built: the one in between is the largest.
  const bool has_between = connections > 2 * kFirstShareBetween;
  const size_t between = has_between ? rows / kFirstShareBetween * (capacity + 2) : 0;
  const size_t upper = rows / connections * (connections + 2) * (has_between ? 1 : 2);
  const size_t above = (between + upper) * sizeof(uint32_t);
  // Each thread's LinkScratch.
  const size_t scratch =
      rows / 8 + 64 * (CandidatesFor(parameters) + 2 * capacity) + 3 * codes.stride_bytes;
  // Layer 0: leaves; then lists, from packed codes; then links, chosen from the lists. What comes
  // then, without leaves and lists, is less.
  const size_t lists = CandidateLists::ByteSize(rows, CandidatesFor(parameters));
  const size_t leaves = LeafPartition::ByteSize(rows);
  return above + std::max({LeafPartitionBytes(rows, codes, threads),
                           leaves + lists + CandidateLists::ScratchBytes(rows, codes, threads),
                           leaves + lists + links + threads * scratch});
}

std::vector<OwnedLayer> BuildGraph(const ByteCodeRows& codes, size_t rows,
                                   const GraphParameters& parameters,
                                   const DistanceKernels& kernels, const TaskContext& context) {
  std::vector<Stage> stages = AssignLevels(rows, parameters);
  stages.insert(stages.begin(), Stage());
  std::vector<OwnedLayer> layers;
  OwnedLayer above;
  for (size_t i = stages.size(); i-- > 0;) {
    const Stage& stage = stages[i];
    OwnedLayer layer;
    layer.rows = stage.rows;
    layer.nodes = static_cast<uint32_t>(i == 0 ? rows : stage.rows.size());
    layer.capacity =
        static_cast<uint32_t>(parameters.LayerCapacity(stage.is_in_graph ? stage.level : 0));
    const std::vector<std::byte> gathered = Gather(codes, stage.rows);
    ByteCodeRows layer_codes = codes;
    if (i > 0) layer_codes.base = gathered.data();
    std::optional<ExactRows> exact;
    if (i > 0 && codes.exact != nullptr) {
      exact = codes.exact->Of(stage.rows);
      layer_codes.exact = &*exact;
    }
    if (above.nodes > 0) above.below = PlacesIn(stage.rows, above.rows);
    LayerBuilder builder(layer_codes, layer.nodes, layer.capacity, parameters, kernels, context);
    layer.links = builder.Build(above.nodes > 0 ? &above : nullptr, MixBits(parameters.seed + i),
                                i == 0 ? &context.progress() : nullptr);
    if (stage.is_in_graph) {
      if (!layers.empty()) layers.back().below = PlacesIn(stage.rows, layers.back().rows);
      layers.push_back(layer);
    }
    above = std::move(layer);
  }
  return layers;
}

}  // namespace granary
