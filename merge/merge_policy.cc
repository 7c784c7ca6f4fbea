#include "granary/merge/merge_policy.h"

#include <algorithm>

namespace granary {
namespace {

// Sizes of neighbours are never exactly equal; a ratio of a little less than the number of parts
// still merges them.
constexpr double kEqualSizes = 0.8;
// Above this share of delay_parts, ratios fall, to kPressedRatio at delay_parts.
constexpr double kPressureStart = 0.5;
constexpr double kPressedRatio = 1.01;

// A merge removes count - 1 parts, and its output will be merged again: as if half a part stayed.
constexpr double kMergeCost = 1.5;

double UnderPressure(double ratio, size_t partition_parts, const MergePolicy& policy) {
  const double load =
      static_cast<double>(partition_parts) / std::max<size_t>(policy.delay_parts, 1);
  const double pressure = std::clamp((load - kPressureStart) / (1 - kPressureStart), 0.0, 1.0);
  return ratio + (kPressedRatio - ratio) * pressure;
}

// The best range so far, and the rules by which another one beats it.
class RangeChooser {
 public:
  RangeChooser(std::span<const MergeablePart> parts, const MergePolicy& policy)
      : parts_(parts), policy_(policy) {}

  // Considers every range within parts [begin, end), which are one partition.
  void AddPartition(size_t begin, size_t end) {
    const double cap = kEqualSizes * static_cast<double>(policy_.max_parts_at_once);
    busy_ratio_ = std::min(cap, UnderPressure(policy_.busy_ratio, end - begin, policy_));
    settled_ratio_ =
        std::min(busy_ratio_, UnderPressure(policy_.settled_ratio, end - begin, policy_));
    for (size_t first = begin; first + 1 < end; ++first) AddRangesFrom(first, end);
  }

  std::optional<MergeSelection> best() const { return best_; }

 private:
  void AddRangesFrom(size_t first, size_t end) {
    const size_t last = std::min(end, first + policy_.max_parts_at_once);
    uint64_t total = 0;
    uint64_t largest = 0;
    std::chrono::seconds youngest = std::chrono::seconds::max();
    for (size_t i = first; i < last && !parts_[i].busy; ++i) {
      const uint64_t bytes = std::max(parts_[i].bytes, policy_.part_bytes_floor);
      total += bytes;
      if (total > policy_.max_bytes) return;
      largest = std::max(largest, bytes);
      youngest = std::min(youngest, parts_[i].age);
      const double ratio = youngest >= policy_.settled_age ? settled_ratio_ : busy_ratio_;
      if (i > first && static_cast<double>(total) >= ratio * static_cast<double>(largest)) {
        Offer({first, i - first + 1}, total);
      }
    }
  }

  void Offer(MergeSelection range, uint64_t bytes) {
    const double cost =
        static_cast<double>(bytes) / (static_cast<double>(range.count) - kMergeCost);
    if (best_ && cost >= best_cost_) return;
    best_ = range;
    best_cost_ = cost;
  }

  const std::span<const MergeablePart> parts_;
  const MergePolicy& policy_;
  double busy_ratio_ = 0;
  double settled_ratio_ = 0;
  std::optional<MergeSelection> best_;
  double best_cost_ = 0;  // bytes written for each part removed
};

bool MustBeRewritten(const MergeablePart& part, const MergePolicy& policy) {
  return part.has_damaged_index || part.dead_share > policy.dead_share_max;
}

// The part with the most dead bytes of those with too many dead rows or a damaged index.
std::optional<MergeSelection> SelectRewrite(std::span<const MergeablePart> parts,
                                            const MergePolicy& policy) {
  std::optional<MergeSelection> selection;
  double most_bytes = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const MergeablePart& part = parts[i];
    const double dead_bytes = part.dead_share * static_cast<double>(part.bytes);
    if (part.busy || part.bytes > policy.max_bytes || !MustBeRewritten(part, policy) ||
        (selection && dead_bytes <= most_bytes)) {
      continue;
    }
    selection = MergeSelection{i, 1};
    most_bytes = dead_bytes;
  }
  return selection;
}

}  // namespace

std::optional<MergeSelection> SelectMerge(std::span<const MergeablePart> parts,
                                          const MergePolicy& policy) {
  RangeChooser chooser(parts, policy);
  size_t begin = 0;
  while (begin < parts.size()) {
    size_t end = begin + 1;
    while (end < parts.size() && parts[end].partition_id == parts[begin].partition_id) ++end;
    chooser.AddPartition(begin, end);
    begin = end;
  }
  return chooser.best() ? chooser.best() : SelectRewrite(parts, policy);
}

}  // namespace granary
