#include "granary/skipindex/vector_similarity/candidate_lists.h"

#include <algorithm>

#include "granary/skipindex/vector_similarity/graph_layer.h"
#include "granary/skipindex/vector_similarity/packed_codes.h"
#include "granary/skipindex/vector_similarity/scratch_pool.h"

namespace granary {

// Works on a leaf at a time; not thread-safe.
class CandidateLists::LeafSearch {
 public:
  LeafSearch(const DistanceKernels& kernels, const ByteCodeRows& codes) : packed_(kernels, codes) {}

  // Writes the candidates of every member that this leaf has into its part of the list. Returns for
  // how many rows of even number this is their first leaf.
  size_t Run(const LeafPartition& partition, size_t leaf, size_t share, CandidateLists& lists,
             const TaskContext& context) {
    members_ = partition.MembersOf(leaf);
    const auto ranks = partition.RanksOf(leaf);
    packed_.SetColumns(members_);
    size_t even = 0;
    for (size_t first = 0; first < members_.size(); first += PackedCodes::kRowsAtOnce) {
      context.CheckCancelled();
      const size_t count = std::min(PackedCodes::kRowsAtOnce, members_.size() - first);
      packed_.Measure(members_.subspan(first, count));
      for (size_t i = 0; i < count; ++i) {
        const uint32_t row = members_[first + i];
        FindNearest(i, first + i, share);
        uint32_t* out = lists.rows_.data() + row * lists.width_ + ranks[first + i] * share;
        for (size_t k = 0; k < nearest_.size(); ++k) out[k] = members_[nearest_[k].second];
        even += ranks[first + i] == 0 && row % 2 == 0 ? 1 : 0;
      }
    }
    return even;
  }

 private:
  // Fills nearest_ with the `share` members nearest to the one at `place`, itself left out. At most
  // half of them are equal to it, and those are the next ones after it in the leaf, around its end:
  // rows that are all alike would else all choose the same ones and never be found.
  void FindNearest(size_t i, size_t place, size_t share) {
    const auto keys = packed_.KeysOf(i);
    nearest_.clear();
    if (share + 1 > PackedCodes::kWantedMax) {
      for (uint32_t p = 0; p < keys.size(); ++p) nearest_.emplace_back(keys[p], p);
    } else {
      for (uint32_t p : packed_.NearestTo(i, share + 1)) nearest_.emplace_back(keys[p], p);
    }
    std::erase_if(nearest_, [&](const Entry& entry) { return entry.second == place; });
    const auto is_equal = [](const Entry& entry) { return entry.first == 0; };
    const auto equal =
        static_cast<size_t>(std::count_if(nearest_.begin(), nearest_.end(), is_equal));
    if (equal > share / 2) return FindNearestOfAlike(keys, place, share);
    KeepNearest(share);
  }

  void FindNearestOfAlike(std::span<const uint32_t> keys, size_t place, size_t share) {
    nearest_.clear();
    for (uint32_t p = 0; p < keys.size(); ++p) {
      if (keys[p] != 0) nearest_.emplace_back(keys[p], p);
    }
    KeepNearest(share - share / 2);
    const size_t wanted = nearest_.size() + share / 2;
    for (size_t step = 1; step < keys.size() && nearest_.size() < wanted; ++step) {
      const size_t p = (place + step) % keys.size();
      if (keys[p] == 0) nearest_.emplace_back(0, static_cast<uint32_t>(p));
    }
  }

  void KeepNearest(size_t count) {
    if (nearest_.size() <= count) return;
    std::nth_element(nearest_.begin(), nearest_.begin() + static_cast<ptrdiff_t>(count),
                     nearest_.end());
    nearest_.resize(count);
  }

  using Entry = std::pair<uint32_t, uint32_t>;  // key, place in the leaf

  PackedCodes packed_;
  std::span<const uint32_t> members_;
  std::vector<Entry> nearest_;
};

CandidateLists::CandidateLists(const ByteCodeRows& codes, size_t rows,
                               const LeafPartition& partition, size_t list_rows, Progress* progress,
                               const DistanceKernels& kernels, const TaskContext& context) {
  const size_t leaves_per_row = LeavesPerRow(rows);
  const size_t share = (list_rows + leaves_per_row - 1) / leaves_per_row;
  width_ = leaves_per_row * share;
  rows_.assign(rows * width_, kNoLink);
  ScratchPool<LeafSearch> pool;
  context.executor().ParallelFor(partition.leaves(), [&](size_t leaf) {
    pool.With([&] { return LeafSearch(kernels, codes); },
              [&](LeafSearch& search) {
                const size_t even = search.Run(partition, leaf, share, *this, context);
                if (progress != nullptr) progress->rows_done.fetch_add(even);
              });
  });
}

size_t CandidateLists::ByteSize(size_t rows, size_t list_rows) {
  const size_t leaves_per_row = LeavesPerRow(rows);
  return rows * (list_rows + leaves_per_row - 1) / leaves_per_row * leaves_per_row *
         sizeof(uint32_t);
}

size_t CandidateLists::ScratchBytes(size_t rows, const ByteCodeRows& codes, size_t threads) {
  // One leaf is one thread's; of many the largest that a thread meets are about so large.
  if (rows <= kLeafRowsMax) threads = 1;
  const size_t leaf_rows = rows <= kLeafRowsMax ? rows : kLeafRowsMax * 2 / 3;
  return threads * (PackedCodes::ByteSize(leaf_rows, codes) + 2 * leaf_rows * 8);
}

}  // namespace granary
