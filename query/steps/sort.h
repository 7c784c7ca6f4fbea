// Sorting rows by some of their columns, and keeping only the first of them. NaN comes last in both
// directions unless the key says otherwise. Sorting is stable: rows with equal keys keep the order
// of the stream.
#pragma once

#include <atomic>
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

// One number for each row: rows with smaller codes come first. Rows with equal codes have equal
// keys if the type has a fixed size; of strings the codes are beginnings, of arrays all are 0. The
// column is not constant.
ChargedVector<uint64_t> SortCodes(const Column& column, const SortKey& key);

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

// The first rows of all that are added, in memory for a small multiple of them. One thread at a
// time; many of them, each with rows of its own, may share a bound.
class TopRows {
 public:
  // `bound`, which outlives the object, is lowered to what the code (SortCodes) of the first key of
  // the last of `limit` rows is: rows with a larger one are passed over. Starts at ~0. `keys`
  // outlive the object.
  TopRows(std::span<const SortKey> keys, size_t limit, std::atomic<uint64_t>* bound)
      : keys_(keys), limit_(limit), bound_(bound) {}

  void Add(Block block);
  // A little more than the first rows, in the order in which they were added.
  std::vector<Block> Take() { return std::move(blocks_); }

 private:
  void Shrink();

  const std::span<const SortKey> keys_;
  const size_t limit_;
  std::atomic<uint64_t>* const bound_;
  std::vector<Block> blocks_;
  size_t rows_ = 0;
  bool has_bound_ = false;
};

// The first `limit` rows of all blocks, sorted; equal ones in the order of the blocks. `task` (may
// be null): sorts in parallel. At most 2^32 - 1 rows.
Block FirstRows(std::vector<Block> blocks, std::span<const SortKey> keys,
                std::optional<size_t> limit, const TaskContext* task);

// All rows of a stream, sorted; with a limit only the first so many, which needs memory for a small
// multiple of the limit. At most 2^32 - 1 rows.
Block SortAll(BlockStream& input, std::span<const SortKey> keys, std::optional<size_t> limit,
              const TaskContext& task);

}  // namespace granary
