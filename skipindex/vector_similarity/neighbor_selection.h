// Choosing the links of a node among candidates: the heuristic of Malkov & Yashunin (algorithm 4),
// which keeps a candidate only if it is nearer to the node than to every link kept before it (with
// a little tolerance).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "granary/skipindex/vector_similarity/byte_codes.h"

namespace granary {

struct LinkCandidate {
  uint32_t distance;
  uint32_t node;

  friend bool operator<(const LinkCandidate& a, const LinkCandidate& b) {
    return a.distance != b.distance ? a.distance < b.distance : a.node < b.node;
  }
  friend bool operator==(const LinkCandidate&, const LinkCandidate&) = default;
};

// Not thread-safe; keeps its memory between calls.
class NeighborSelection {
 public:
  // `candidates` is sorted and without repetitions; its nodes are rows of the scorer's codes. Keeps
  // at most max_links of them, in order, and returns how many; scorer's query is changed.
  size_t Select(std::span<LinkCandidate> candidates, size_t max_links, ByteCodeScorer& scorer);
  // The same without tolerance: fewer links, which lead farther.
  size_t SelectFew(std::span<LinkCandidate> candidates, size_t max_links, ByteCodeScorer& scorer);
  // The same, and where that is less than three quarters of max_links, others with more tolerance.
  size_t SelectEnough(std::span<LinkCandidate> candidates, size_t max_links,
                      ByteCodeScorer& scorer);

 private:
  size_t Select(std::span<LinkCandidate> candidates, size_t max_links, uint64_t percent,
                ByteCodeScorer& scorer);

  std::vector<LinkCandidate> more_;
  std::vector<uint32_t> nodes_;
  std::vector<uint32_t> distances_;
  std::vector<uint32_t> keys_;
};

}  // namespace granary
