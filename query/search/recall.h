// Recall: how much of the exact answer a nearest-neighbour search found.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "granary/query/search/nearest_rows.h"
#include "granary/query/search/neighbor_search.h"

namespace granary {

// For each of the exact rows, whether a search found it. Rows at the distance of the last exact row
// stand for each other: one that was found in place of another counts. Both best first, with rows
// of the same selection.
std::vector<bool> FindExactRows(std::span<const RankedRow> found, std::span<const RankedRow> exact);

// Compares searches with their exact answers.
class RecallCounter {
 public:
  explicit RecallCounter(DistanceFunction function) : function_(function) {}

  void Add(std::span<const RankedRow> found, std::span<const RankedRow> exact);

  size_t returned() const { return returned_; }
  size_t nearest() const { return nearest_; }  // exact rows
  size_t hits() const { return hits_; }
  // 1 if there is nothing to find.
  double recall() const;
  // The first rank, from 1, at which a distance differs from the exact one.
  std::optional<size_t> first_difference() const { return first_difference_; }
  // How far the rows found are from where they should be: the largest ratio of a distance to the
  // exact one of the same rank (infinite if that is 0); of dotProduct, which is no distance, the
  // largest difference.
  double largest_deviation() const { return largest_deviation_; }
  // Lines that say all this; `asked` rows were wanted of each search.
  std::vector<std::string> Describe(size_t asked) const;

 private:
  const DistanceFunction function_;
  size_t searches_ = 0;
  size_t returned_ = 0;
  size_t nearest_ = 0;
  size_t hits_ = 0;
  std::optional<size_t> first_difference_;
  double largest_deviation_ = 0;
};

// What a search cost, in a line that begins with `what`.
std::string DescribeCost(const std::string& what, double seconds,
                         const NeighborStatistics& statistics);

}  // namespace granary
