// Builds the layers of a hierarchical navigable small world graph (Malkov & Yashunin 2018) over the
// byte codes of an index block: the same graph on any number of threads and any CPU.
//
// Nodes are not inserted one by one. The rows of a layer are divided into overlapping leaves of
// rows near to each other (LeafPartition), the nearest of each leaf are candidates
// (CandidateLists), and every node chooses its links among its candidates (NeighborSelection) and
// is linked back by them, as in PiPNN (arXiv 2602.21247). What is far is never a candidate there:
// layers are built from the top down, and nodes that are in a layer above as well have its links,
// too. ARCHITECTURE.md has what else was tried.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "granary/skipindex/distance/kernels.h"
#include "granary/skipindex/vector_similarity/byte_codes.h"
#include "granary/skipindex/vector_similarity/graph_layer.h"
#include "granary/table/task_context.h"

namespace granary {

struct GraphParameters {
  size_t max_connections = 32;      // M: links per node in the upper layers, twice that in layer 0
  size_t construction_width = 128;  // ef_construction: twice as many as candidates per node
  uint64_t seed = 0;                // of levels and pivots

  size_t LayerCapacity(size_t layer) const {
    return layer == 0 ? 2 * max_connections : max_connections;
  }
};

// A layer that owns its arrays; see GraphLayer for their meaning.
struct OwnedLayer {
  std::vector<uint32_t> rows;   // empty in layer 0
  std::vector<uint32_t> below;  // empty in layer 0
  std::vector<uint32_t> links;
  uint32_t nodes = 0;
  uint32_t capacity = 0;

  GraphLayer View() const {
    return {.links = links.data(),
            .rows = rows.empty() ? nullptr : rows.data(),
            .below = below.empty() ? nullptr : below.data(),
            .nodes = nodes,
            .capacity = capacity};
  }
};

// Bytes that they hold.
size_t BytesOf(std::span<const OwnedLayer> layers);

// Bytes that BuildGraph holds at its peak beside the codes, about: within a tenth of it for more
// than a few thousand rows.
size_t GraphBuildBytes(const ByteCodeRows& codes, size_t rows, const GraphParameters& parameters,
                       size_t threads);

// The layers, top first; the last one is layer 0. 1 <= rows <= kMaxLayerNodes. Uses the executor of
// the context, counts rows into its progress, throws QUERY_WAS_CANCELLED within 50 ms of a cancel.
std::vector<OwnedLayer> BuildGraph(const ByteCodeRows& codes, size_t rows,
                                   const GraphParameters& parameters,
                                   const DistanceKernels& kernels, const TaskContext& context);

}  // namespace granary
