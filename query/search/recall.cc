#include "granary/query/search/recall.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

namespace granary {
namespace {

bool IsSameRow(const RankedRow& a, const RankedRow& b) {
  return a.part == b.part && a.row == b.row;
}

bool Contains(std::span<const RankedRow> rows, const RankedRow& row) {
  const auto equal =
      std::equal_range(rows.begin(), rows.end(), row,
                       [](const RankedRow& a, const RankedRow& b) { return a.code < b.code; });
  return std::any_of(equal.first, equal.second,
                     [&](const RankedRow& other) { return IsSameRow(other, row); });
}

size_t CountAt(std::span<const RankedRow> rows, uint64_t code) {
  return static_cast<size_t>(std::count_if(rows.begin(), rows.end(),
                                           [&](const RankedRow& row) { return row.code == code; }));
}

double Deviation(DistanceFunction function, double found, double exact) {
  if (found == exact || (std::isnan(found) && std::isnan(exact)))
    return function == DistanceFunction::kDotProduct ? 0 : 1;
  if (function == DistanceFunction::kDotProduct) return exact - found;
  return exact == 0 ? std::numeric_limits<double>::infinity() : found / exact;
}

}  // namespace

std::vector<bool> FindExactRows(std::span<const RankedRow> found,
                                std::span<const RankedRow> exact) {
  std::vector<bool> is_found;
  for (const RankedRow& row : exact) is_found.push_back(Contains(found, row));
  if (exact.empty()) return is_found;
  const uint64_t last = exact.back().code;
  size_t stand_ins = CountAt(found, last);
  for (size_t i = exact.size(); i-- > 0 && exact[i].code == last;) stand_ins -= is_found[i] ? 1 : 0;
  for (size_t i = exact.size(); i-- > 0 && exact[i].code == last && stand_ins > 0;) {
    if (is_found[i]) continue;
    is_found[i] = true;
    --stand_ins;
  }
  return is_found;
}

void RecallCounter::Add(std::span<const RankedRow> found, std::span<const RankedRow> exact) {
  const std::vector<bool> is_found = FindExactRows(found, exact);
  ++searches_;
  returned_ += found.size();
  nearest_ += exact.size();
  hits_ += static_cast<size_t>(std::count(is_found.begin(), is_found.end(), true));
  const size_t ranks = std::min(found.size(), exact.size());
  for (size_t rank = 0; rank < std::max(found.size(), exact.size()); ++rank) {
    if (rank < ranks) {
      largest_deviation_ = std::max(
          largest_deviation_, Deviation(function_, found[rank].distance, exact[rank].distance));
      if (found[rank].code == exact[rank].code) continue;
    }
    first_difference_ = std::min(first_difference_.value_or(rank + 1), rank + 1);
    if (rank >= ranks) break;
  }
}

double RecallCounter::recall() const {
  return nearest_ == 0 ? 1 : static_cast<double>(hits_) / static_cast<double>(nearest_);
}

std::vector<std::string> RecallCounter::Describe(size_t asked) const {
  std::vector<std::string> lines = {
      searches_ == 1 ? fmt::format("Rows asked: {}", asked)
                     : fmt::format("Rows asked: {} for each of {} vectors", asked, searches_),
      fmt::format("Rows returned: {} as planned, {} exactly", returned_, nearest_),
      fmt::format("Recall@{}: {:.6g}", asked, recall()),
      fmt::format("Nearest rows missing: {}", nearest_ - hits_),
      "First rank that differs: " +
          (first_difference_ ? std::to_string(*first_difference_) : std::string("none"))};
  if (returned_ > 0) {
    lines.push_back(fmt::format("Largest distance {}: {:.6g}",
                                function_ == DistanceFunction::kDotProduct ? "difference" : "ratio",
                                largest_deviation_));
  }
  return lines;
}

std::string DescribeCost(const std::string& what, double seconds,
                         const NeighborStatistics& statistics) {
  return fmt::format("{}: {:.3f} ms, {} rows measured by indexes, {} exactly, {} granules read",
                     what, seconds * 1e3, statistics.visited_rows,
                     statistics.reranked_rows + statistics.scanned_rows, statistics.granules_read);
}

}  // namespace granary
