// A streaming k-way merge by the sorting key: sorted inputs in, sorted blocks out, in bounded
// memory. Knows nothing of parts; merge_task.h feeds it from part readers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "granary/table/block.h"
#include "granary/table/expression.h"

namespace granary {

// One sorted input of a merge, read front to back.
class SortedInput {
 public:
  virtual ~SortedInput() = default;
  // The next rows: at least one, at most a bound that the input chooses; nothing at the end. All
  // blocks of all inputs of one merge have the same columns in the same order.
  virtual std::optional<Block> Next() = 0;
};

// Rows [first_row, first_row + rows) of an input, counted from its first row, come next.
struct MergeRun {
  uint32_t input = 0;
  uint64_t first_row = 0;
  uint64_t rows = 0;
};

// The next rows of the merge, and where each came from. The runs of all blocks together are the
// row-number map of the merge: what carries row sets of an input (dead rows, graph nodes) over to
// the output.
struct MergedBlock {
  Block block;
  std::vector<MergeRun> runs;
};

// Merges inputs sorted by `sorting_key` (lexicographically, by Column::Compare) into blocks of at
// most `max_block_rows` rows. Stable: equal keys come in the order of the inputs, then of their
// rows. Without a sorting key the inputs are concatenated.
//
// Holds one block per input (from its Next) and one block of output. Rows are compared by an
// eight-byte prefix of their keys (sort_prefix.h) and copied by runs: where inputs do not overlap,
// whole blocks are passed on without a copy. Not thread-safe.
class SortedCursor {
 public:
  SortedCursor(std::vector<std::unique_ptr<SortedInput>> inputs,
               std::vector<ExpressionPtr> sorting_key, size_t max_block_rows);
  ~SortedCursor();

  // Nothing at the end. Throws what the inputs and the key expressions throw.
  std::optional<MergedBlock> Next();

  // Bytes of the blocks held now (as Block::byte_size counts them).
  size_t byte_size() const;

 private:
  struct Head;
  struct PendingRun;
  // An input in the heap, with the prefix of its next row beside it, so that most comparisons touch
  // the heap alone.
  struct Slot {
    uint64_t prefix;
    Head* head;
  };

  void FillHeap();
  // False at the end of the input.
  bool Refill(Head& head);
  bool Precedes(const Slot& a, const Slot& b) const;
  // Of rows with equal prefixes.
  bool TiePrecedes(const Head& a, size_t a_row, const Head& b, size_t b_row) const;
  void SiftDown(size_t slot);
  size_t RunLength(const Head& top, const Slot& bound, size_t rows_max) const;
  // Rows of the heap's top that come before every other input's, as far as its block goes.
  size_t NextRunRows() const;
  void TakeRun(size_t rows);
  void AdvanceTop();
  void FlushPending();
  MergedBlock FinishBlock();
  bool is_long_run() const;
  size_t block_rows() const { return built_rows_ + pending_rows_; }

  const std::vector<ExpressionPtr> sorting_key_;
  const size_t max_block_rows_;
  std::vector<std::unique_ptr<Head>> heads_;
  std::vector<Slot> heap_;  // the input of the next row first
  bool started_ = false;
  bool prefix_is_exact_ = false;

  // The block in the making: rows in builders_, then those of pending_, which lie in the heads.
  std::vector<std::unique_ptr<ColumnBuilder>> builders_;
  std::vector<std::string> names_;
  size_t built_rows_ = 0;
  std::vector<PendingRun> pending_;
  size_t pending_rows_ = 0;
  std::vector<MergeRun> runs_;
};

}  // namespace granary
