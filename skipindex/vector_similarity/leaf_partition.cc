#include "granary/skipindex/vector_similarity/leaf_partition.h"

#include <algorithm>
#include <numeric>

#include "granary/skipindex/vector_similarity/packed_codes.h"
#include "granary/skipindex/vector_similarity/random_numbers.h"
#include "granary/skipindex/vector_similarity/scratch_pool.h"

namespace granary {
namespace {

constexpr size_t kLeafRows = 512;  // on average, unless there are more than kPivotsMax
constexpr size_t kPivotsMax = 8192;
constexpr size_t kChunkRows = 2 * PackedCodes::kRowsAtOnce;  // one piece of work for a thread
constexpr uint32_t kNoPivot = 0xFFFFFFFF;

// Members of a leaf to be; it is split while it is too large.
struct Group {
  std::vector<uint32_t> rows;
  std::vector<uint8_t> ranks;
};

class Partitioner {
 public:
  Partitioner(const ByteCodeRows& codes, const DistanceKernels& kernels, const TaskContext& context,
              LeafPartition& out)
      : codes_(codes), kernels_(kernels), context_(context), out_(out) {}

  // Every row of the group goes to the leaves of its `fanout` nearest pivots. Ranks are counted
  // where the fanout is more than 1, else kept.
  void Split(Group group, size_t fanout, uint64_t seed) {
    context_.CheckCancelled();
    if (group.rows.size() <= kLeafRowsMax) return AddLeaf(group.rows, group.ranks);
    const std::vector<uint32_t> pivots = ChoosePivots(group.rows, fanout, seed);
    std::vector<Group> parts = Divide(group, pivots, fanout);
    const size_t rows = group.rows.size();
    group = {};
    for (size_t i = 0; i < parts.size(); ++i) {
      const uint64_t part_seed = MixBits(seed + i);
      // Pivots do not tell rows apart that are all alike.
      const bool is_split = parts[i].rows.size() <= rows - rows / 8;
      if (is_split) {
        Split(std::move(parts[i]), 1, part_seed);
      } else {
        Chop(std::move(parts[i]), part_seed);
      }
      parts[i] = {};
    }
  }

 private:
  void AddLeaf(std::span<const uint32_t> rows, std::span<const uint8_t> ranks) {
    if (rows.empty()) return;
    out_.members.insert(out_.members.end(), rows.begin(), rows.end());
    out_.ranks.insert(out_.ranks.end(), ranks.begin(), ranks.end());
    out_.begins.push_back(out_.members.size());
  }

  // Leaves of random rows of the group.
  void Chop(Group group, uint64_t seed) {
    for (size_t i = group.rows.size() - 1; i > 0; --i) {
      seed = MixBits(seed);
      std::swap(group.rows[i], group.rows[seed % (i + 1)]);
      std::swap(group.ranks[i], group.ranks[seed % (i + 1)]);
    }
    for (size_t first = 0; first < group.rows.size(); first += kLeafRows) {
      const size_t count = std::min(kLeafRows, group.rows.size() - first);
      AddLeaf(std::span(group.rows).subspan(first, count),
              std::span(group.ranks).subspan(first, count));
    }
  }

  static std::vector<uint32_t> ChoosePivots(std::span<const uint32_t> rows, size_t fanout,
                                            uint64_t seed) {
    const size_t count = std::clamp<size_t>(rows.size() * fanout / kLeafRows, 2, kPivotsMax);
    std::vector<uint32_t> pivots;
    for (size_t i = 0; i < count; ++i) {
      seed = MixBits(seed);
      pivots.push_back(rows[seed % rows.size()]);
    }
    std::sort(pivots.begin(), pivots.end());
    pivots.erase(std::unique(pivots.begin(), pivots.end()), pivots.end());
    return pivots;
  }

  std::vector<Group> Divide(const Group& group, std::span<const uint32_t> pivots, size_t fanout) {
    std::vector<uint32_t> nearest(group.rows.size() * fanout, kNoPivot);
    PackedCodes prototype(kernels_, codes_);
    prototype.SetColumns(pivots);
    ScratchPool<PackedCodes> pool;
    const size_t chunks = (group.rows.size() + kChunkRows - 1) / kChunkRows;
    context_.executor().ParallelFor(chunks, [&](size_t chunk) {
      context_.CheckCancelled();
      const size_t first = chunk * kChunkRows;
      const auto rows =
          std::span(group.rows).subspan(first, std::min(kChunkRows, group.rows.size() - first));
      pool.With([&] { return prototype; },
                [&](PackedCodes& packed) {
                  FindNearestPivots(packed, rows, fanout, nearest.data() + first * fanout);
                });
    });
    std::vector<size_t> sizes(pivots.size());
    for (uint32_t pivot : nearest) {
      if (pivot != kNoPivot) ++sizes[pivot];
    }
    std::vector<Group> parts(pivots.size());
    for (size_t i = 0; i < parts.size(); ++i) {
      parts[i].rows.reserve(sizes[i]);
      parts[i].ranks.reserve(sizes[i]);
    }
    for (size_t i = 0; i < nearest.size(); ++i) {
      if (nearest[i] == kNoPivot) continue;
      Group& part = parts[nearest[i]];
      part.rows.push_back(group.rows[i / fanout]);
      part.ranks.push_back(fanout > 1 ? static_cast<uint8_t>(i % fanout) : group.ranks[i]);
    }
    return parts;
  }

  // Writes `fanout` places of pivots per row, nearest first.
  static void FindNearestPivots(PackedCodes& packed, std::span<const uint32_t> rows, size_t fanout,
                                uint32_t* nearest) {
    std::vector<std::pair<uint32_t, uint32_t>> found;
    for (size_t first = 0; first < rows.size(); first += PackedCodes::kRowsAtOnce) {
      const auto some =
          rows.subspan(first, std::min(PackedCodes::kRowsAtOnce, rows.size() - first));
      packed.Measure(some);
      for (size_t i = 0; i < some.size(); ++i, nearest += fanout) {
        const auto keys = packed.KeysOf(i);
        found.clear();
        for (uint32_t place : packed.NearestTo(i, fanout)) found.emplace_back(keys[place], place);
        const size_t count = std::min(fanout, found.size());
        std::partial_sort(found.begin(), found.begin() + static_cast<ptrdiff_t>(count),
                          found.end());
        for (size_t k = 0; k < count; ++k) nearest[k] = found[k].second;
      }
    }
  }

  const ByteCodeRows& codes_;
  const DistanceKernels& kernels_;
  const TaskContext& context_;
  LeafPartition& out_;
};

}  // namespace

LeafPartition PartitionIntoLeaves(const ByteCodeRows& codes, size_t rows, uint64_t seed,
                                  const DistanceKernels& kernels, const TaskContext& context) {
  LeafPartition partition;
  partition.members.reserve(rows * LeavesPerRow(rows));
  partition.ranks.reserve(partition.members.capacity());
  Group all;
  all.rows.resize(rows);
  std::iota(all.rows.begin(), all.rows.end(), 0);
  all.ranks.resize(rows);
  Partitioner(codes, kernels, context, partition).Split(std::move(all), kLeavesPerRow, seed);
  return partition;
}

size_t LeafPartitionBytes(size_t rows, const ByteCodeRows& codes, size_t threads) {
  // The result and the groups; the nearest pivots and what they are found with are gone when a
  // group is split again.
  const size_t pivots = std::min(rows * kLeavesPerRow / kLeafRows + 1, kPivotsMax);
  return 2 * LeafPartition::ByteSize(rows) +
         std::max(rows * LeavesPerRow(rows) * sizeof(uint32_t),
                  (threads + 1) * PackedCodes::ByteSize(pivots, codes));
}

}  // namespace granary
