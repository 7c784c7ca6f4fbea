// Sorting rows by some of their columns, and keeping only the first of them. NaN comes last in both
// directions unless the key says otherwise. Sorting is stable: rows with equal keys keep the order
// of the stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "granary/query/plan/block_stream.h"

namespace granary {

struct SortKey {
  std::string column;  // of the block
  bool descending = false;
  bool nulls_first = false;  // NaN
};

// Key columns prepared for comparing rows of one block.
class RowOrder {
 public:
  RowOrder(const Block& block, std::span<const SortKey> keys);

  // Rows 0 .. rows - 1 in order; only the first `limit` if there is one. `task`: sorts in parallel.
  ChargedVector<uint32_t> Sorted(std::optional<size_t> limit, const TaskContext* task) const;
  // By the keys alone; false for equal keys.
  bool Less(uint32_t a, uint32_t b) const { return Compare(a, b) < 0; }
  bool Equal(uint32_t a, uint32_t b) const { return Compare(a, b) == 0; }

 private:
  // The order of `codes` is the order of the rows; where codes are equal and not exact (strings,
  // arrays), the column decides.
  struct Key {
    ChargedVector<uint64_t> codes;
    ColumnPtr column;
    bool is_exact = true;
    bool descending = false;
  };

  int Compare(uint32_t a, uint32_t b) const;

  size_t rows_;
  std::vector<Key> keys_;
};

// All rows of a stream, sorted; with a limit only the first so many, which needs memory for a small
// multiple of the limit. At most 2^32 - 1 rows.
Block SortAll(BlockStream& input, std::span<const SortKey> keys, std::optional<size_t> limit,
              const TaskContext& task);

}  // namespace granary
