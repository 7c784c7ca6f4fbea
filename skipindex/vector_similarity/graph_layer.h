// One layer of a hierarchical navigable small world graph, as a view of arrays in memory or in a
// mapped file, and the beam search within a layer.
//
// A layer numbers its nodes from 0; layer 0 holds every row of the index block, node n being row n.
// Each node has room for `capacity` links, node numbers of the same layer; unused places at the end
// hold kNoLink. Nothing in a view is trusted: whatever number a damaged file holds, it is compared
// with the size of the layer before it is used.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "granary/skipindex/vector_similarity/vector_codes.h"

namespace granary {

inline constexpr uint32_t kNoLink = 0xFFFFFFFF;
// A BeamEntry has 31 bits for a node.
inline constexpr size_t kMaxLayerNodes = size_t{1} << 31;

struct GraphLayer {
  const uint32_t* links = nullptr;  // nodes * capacity
  const uint32_t* rows = nullptr;   // of the nodes of an upper layer; null in layer 0
  const uint32_t* below = nullptr;  // the same node in the layer below; null in layer 0
  uint32_t nodes = 0;
  uint32_t capacity = 0;

  const uint32_t* LinksOf(uint32_t node) const { return links + size_t{node} * capacity; }
};

// Key, node and whether its links have been followed, ordered by key, then node.
class BeamEntry {
 public:
  BeamEntry() = default;
  BeamEntry(uint32_t key, uint32_t node) : bits_(uint64_t{key} << 32 | uint64_t{node} << 1) {}

  uint32_t key() const { return static_cast<uint32_t>(bits_ >> 32); }
  uint32_t node() const { return static_cast<uint32_t>(bits_) >> 1; }
  bool expanded() const { return (bits_ & 1) != 0; }
  void set_expanded() { bits_ |= 1; }

  // Whether it comes after `other`, followed or not.
  bool IsBeyond(BeamEntry other) const { return bits_ >> 1 > other.bits_ >> 1; }

  friend bool operator<(BeamEntry a, BeamEntry b) { return a.bits_ < b.bits_; }

 private:
  uint64_t bits_ = 0;
};

// The state of a beam search: the best nodes found so far, sorted, at most `width`. Kept between
// searches so that searching allocates nothing once the arrays have grown. Not thread-safe.
class Beam {
 public:
  // Starts over, over a layer of that many nodes.
  void Reset(size_t nodes, size_t width);
  // Measures a node and puts it into the beam, once.
  void Add(uint32_t node, CodeScorer& scorer);
  // Follows the links of the nearest nodes not yet followed, at most max_hops of them. True if
  // there are more. `scorer` takes nodes as rows, so that it suits layer 0 only.
  bool Walk(const GraphLayer& layer, CodeScorer& scorer, size_t max_hops);
  // Makes the beam wider and takes back the nearest of the nodes that did not fit. False if there
  // are none: then a wider beam finds no more.
  bool Widen(size_t width);

  std::span<const BeamEntry> entries() const { return {entries_.data(), size_}; }
  size_t width() const { return width_; }
  size_t visited() const { return seen_size_; }
  // Of the arrays.
  size_t heap_bytes() const;

 private:
  // Puts an entry where it belongs, if the beam is not full of nearer ones. Returns its place.
  size_t Offer(BeamEntry entry);
  size_t CollectUnseen(const GraphLayer& layer, uint32_t node);
  void MoveToNext();

  std::vector<BeamEntry> entries_;  // width_ + 1 places, size_ used: the nearest of seen_
  size_t size_ = 0;
  size_t width_ = 0;
  size_t next_ = 0;              // everything before it is expanded
  std::vector<BeamEntry> seen_;  // everything measured, in that order; seen_size_ used
  size_t seen_size_ = 0;
  std::vector<uint64_t> seen_bits_;
  std::vector<uint32_t> batch_;
  std::vector<uint32_t> keys_;
};

// In an upper layer: from `node`, moves to the nearest link as long as that brings it nearer.
// `rows` is how many rows the scorer knows. Returns the node where it ends.
uint32_t GreedyWalk(const GraphLayer& layer, CodeScorer& scorer, size_t rows, uint32_t node);

// From the first node of the top layer down to the layer below layers.back(), whose node it
// returns; `below_nodes` is how many that layer has. layers[0] is the top. Returns 0 without
// layers. In the last one the walk begins at the nearest of some nodes, the more the wider the
// search of the layer below is meant to be.
uint32_t DescendTo(std::span<const GraphLayer> layers, CodeScorer& scorer, size_t rows,
                   size_t below_nodes, size_t width);

}  // namespace granary
