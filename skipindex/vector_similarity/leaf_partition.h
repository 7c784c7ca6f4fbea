// Divides the rows of a graph into overlapping leaves of rows near to each other: every row belongs
// to the leaves of the pivots that are nearest to it, and pivots are random rows. Rows that are
// near to each other share at least one leaf, mostly; within leaves all distances are cheap
// (PackedCodes). After the partition of PiPNN (arXiv 2602.21247).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "granary/skipindex/vector_similarity/byte_codes.h"
#include "granary/table/task_context.h"

namespace granary {

inline constexpr size_t kLeavesPerRow = 8;
inline constexpr size_t kLeafRowsMax = 3072;

// In how many leaves each of so many rows is.
inline size_t LeavesPerRow(size_t rows) { return rows > kLeafRowsMax ? kLeavesPerRow : 1; }

struct LeafPartition {
  // Rows, leaf after leaf; those of leaf i begin at begins[i] and end at begins[i + 1].
  std::vector<uint32_t> members;
  // For each member which leaf of that row this is: 0 that of its nearest pivot.
  std::vector<uint8_t> ranks;
  std::vector<size_t> begins = {0};

  size_t leaves() const { return begins.size() - 1; }
  // Of the leaves of so many rows, in bytes.
  static size_t ByteSize(size_t rows) {
    return rows * LeavesPerRow(rows) * (sizeof(uint32_t) + sizeof(uint8_t));
  }
  std::span<const uint32_t> MembersOf(size_t leaf) const {
    return std::span(members).subspan(begins[leaf], begins[leaf + 1] - begins[leaf]);
  }
  std::span<const uint8_t> RanksOf(size_t leaf) const {
    return std::span(ranks).subspan(begins[leaf], begins[leaf + 1] - begins[leaf]);
  }
};

// Leaves of at most kLeafRowsMax rows; up to that many rows are one leaf. Each row is in at most
// kLeavesPerRow leaves, and in one of rank 0. The same on any number of threads and any kernels.
LeafPartition PartitionIntoLeaves(const ByteCodeRows& codes, size_t rows, uint64_t seed,
                                  const DistanceKernels& kernels, const TaskContext& context);

// Bytes that PartitionIntoLeaves holds at its peak, its result included.
size_t LeafPartitionBytes(size_t rows, const ByteCodeRows& codes, size_t threads);

}  // namespace granary
