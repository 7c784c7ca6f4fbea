// For each row of a graph some rows near to it, among which its links are chosen: the nearest of
// each leaf it is in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "granary/skipindex/vector_similarity/byte_codes.h"
#include "granary/skipindex/vector_similarity/leaf_partition.h"
#include "granary/table/task_context.h"

namespace granary {

class CandidateLists {
 public:
  // Finds about `list_rows` candidates per row, fewer where leaves have the same ones. Counts the
  // rows of even number into `progress`, unless it is null.
  CandidateLists(const ByteCodeRows& codes, size_t rows, const LeafPartition& partition,
                 size_t list_rows, Progress* progress, const DistanceKernels& kernels,
                 const TaskContext& context);

  // In any order, some more than once; places beyond the last one hold kNoLink.
  std::span<const uint32_t> Of(size_t row) const {
    return std::span(rows_).subspan(row * width_, width_);
  }

  // Bytes of the lists, and of what finding them needs beside.
  static size_t ByteSize(size_t rows, size_t list_rows);
  static size_t ScratchBytes(size_t rows, const ByteCodeRows& codes, size_t threads);

 private:
  class LeafSearch;

  size_t width_;  // of a list
  std::vector<uint32_t> rows_;
};

}  // namespace granary
