#include "granary/merge/sorted_cursor.h"

#include <algorithm>
#include <utility>

#include "granary/merge/sort_prefix.h"

namespace granary {

// An input and its current block; `row` is the next row of the block.
struct SortedCursor::Head {
  std::unique_ptr<SortedInput> input;
  uint32_t index = 0;
  uint64_t block_first_row = 0;
  Block block;
  std::vector<ColumnPtr> keys;
  std::vector<uint64_t> prefixes;
  size_t row = 0;

  bool exhausted() const { return row == block.rows(); }
};

struct SortedCursor::PendingRun {
  const Head* head;
  size_t first_row;
  size_t rows;
};

SortedCursor::SortedCursor(std::vector<std::unique_ptr<SortedInput>> inputs,
                           std::vector<ExpressionPtr> sorting_key, size_t max_block_rows)
    : sorting_key_(std::move(sorting_key)), max_block_rows_(std::max<size_t>(max_block_rows, 1)) {
  for (std::unique_ptr<SortedInput>& input : inputs) {
    heads_.push_back(std::make_unique<Head>());
    heads_.back()->input = std::move(input);
    heads_.back()->index = static_cast<uint32_t>(heads_.size() - 1);
  }
}

SortedCursor::~SortedCursor() = default;

std::optional<MergedBlock> SortedCursor::Next() {
  if (!std::exchange(started_, true)) FillHeap();
  while (!heap_.empty()) {
    const size_t rows = NextRunRows();
    if (block_rows() + rows > max_block_rows_) return FinishBlock();
    TakeRun(rows);
    const bool input_block_ends = heap_.front().head->exhausted();
    if (input_block_ends && is_long_run()) {
      MergedBlock merged = FinishBlock();
      AdvanceTop();
      return merged;
    }
    if (input_block_ends) FlushPending();
    AdvanceTop();
  }
  if (block_rows() == 0) return std::nullopt;
  return FinishBlock();
}

size_t SortedCursor::byte_size() const {
  size_t bytes = 0;
  for (const std::unique_ptr<Head>& head : heads_) {
    bytes += head->block.byte_size() + head->prefixes.size() * sizeof(uint64_t);
  }
  return bytes;
}

void SortedCursor::FillHeap() {
  for (const std::unique_ptr<Head>& head : heads_) {
    if (Refill(*head)) heap_.push_back({head->prefixes.front(), head.get()});
  }
  for (size_t slot = heap_.size() / 2; slot-- > 0;) SiftDown(slot);
  if (heap_.empty()) return;
  prefix_is_exact_ = SortPrefixIsExact(heap_.front().head->keys);
  for (const NamedColumn& column : heap_.front().head->block.columns()) {
    builders_.push_back(ColumnBuilder::Create(column.column->type()));
    names_.push_back(column.name);
  }
}

bool SortedCursor::Refill(Head& head) {
  head.block_first_row += head.block.rows();
  std::optional<Block> block = head.input->Next();
  head.row = 0;
  head.keys.clear();
  head.block = block ? std::move(*block) : Block();
  if (head.block.rows() == 0) return false;
  for (const ExpressionPtr& expression : sorting_key_) {
    head.keys.push_back(expression->Evaluate(head.block)->Materialize());
  }
  head.prefixes.resize(head.block.rows());
  ComputeSortPrefixes(head.keys, head.prefixes);
  return true;
}

bool SortedCursor::TiePrecedes(const Head& a, size_t a_row, const Head& b, size_t b_row) const {
  if (!prefix_is_exact_) {
    for (size_t key = 0; key < a.keys.size(); ++key) {
      const int order = a.keys[key]->Compare(a_row, *b.keys[key], b_row);
      if (order != 0) return order < 0;
    }
  }
  return a.index < b.index;
}

bool SortedCursor::Precedes(const Slot& a, const Slot& b) const {
  if (a.prefix != b.prefix) return a.prefix < b.prefix;
  return TiePrecedes(*a.head, a.head->row, *b.head, b.head->row);
}

void SortedCursor::SiftDown(size_t slot) {
  const Slot sinking = heap_[slot];
  while (2 * slot + 1 < heap_.size()) {
    size_t child = 2 * slot + 1;
    if (child + 1 < heap_.size() && Precedes(heap_[child + 1], heap_[child])) ++child;
    if (!Precedes(heap_[child], sinking)) break;
    heap_[slot] = heap_[child];
    slot = child;
  }
  heap_[slot] = sinking;
}

// How many rows of `top`, the first of which precedes `bound`, come before it: found by doubling,
// then halving, so that long runs cost few comparisons and short ones no more than two.
size_t SortedCursor::RunLength(const Head& top, const Slot& bound, size_t rows_max) const {
  const uint64_t* prefixes = top.prefixes.data() + top.row;
  const auto precedes = [&](size_t offset) {
    if (prefixes[offset] != bound.prefix) return prefixes[offset] < bound.prefix;
    return TiePrecedes(top, top.row + offset, *bound.head, bound.head->row);
  };
  if (rows_max == 1 || !precedes(1)) return 1;
  if (precedes(rows_max - 1)) return rows_max;
  size_t inside = 1;
  size_t outside = 2;
  while (precedes(outside)) {
    inside = outside;
    outside = std::min(2 * outside, rows_max - 1);
  }
  while (outside - inside > 1) {
    const size_t middle = inside + (outside - inside) / 2;
    (precedes(middle) ? inside : outside) = middle;
  }
  return outside;
}

size_t SortedCursor::NextRunRows() const {
  const Head& top = *heap_.front().head;
  const size_t rows = std::min(max_block_rows_, top.block.rows() - top.row);
  if (heap_.size() == 1) return rows;
  const size_t second = heap_.size() > 2 && Precedes(heap_[2], heap_[1]) ? 2 : 1;
  return RunLength(top, heap_[second], rows);
}

void SortedCursor::TakeRun(size_t rows) {
  Head& top = *heap_.front().head;
  pending_.push_back({&top, top.row, rows});
  pending_rows_ += rows;
  const uint64_t first_row = top.block_first_row + top.row;
  top.row += rows;
  if (!runs_.empty() && runs_.back().input == top.index &&
      runs_.back().first_row + runs_.back().rows == first_row) {
    runs_.back().rows += rows;
  } else {
    runs_.push_back({top.index, first_row, rows});
  }
}

// Brings the heap into order after rows were taken from its top.
void SortedCursor::AdvanceTop() {
  Slot& top = heap_.front();
  if (!top.head->exhausted() || Refill(*top.head)) {
    top.prefix = top.head->prefixes[top.head->row];
  } else {
    top = heap_.back();
    heap_.pop_back();
  }
  if (!heap_.empty()) SiftDown(0);
}

// Whether the block in the making is one run, long enough to be passed on as it lies in its input.
bool SortedCursor::is_long_run() const {
  return built_rows_ == 0 && pending_.size() == 1 && 2 * pending_rows_ >= max_block_rows_;
}

// Copies pending runs, because the block of one of them is about to be replaced.
void SortedCursor::FlushPending() {
  for (size_t column = 0; column < builders_.size(); ++column) {
    for (const PendingRun& run : pending_) {
      builders_[column]->AppendRange(*run.head->block.column(column), run.first_row, run.rows);
    }
  }
  built_rows_ += pending_rows_;
  pending_.clear();
  pending_rows_ = 0;
}

MergedBlock SortedCursor::FinishBlock() {
  MergedBlock merged;
  merged.runs = std::exchange(runs_, {});
  if (is_long_run()) {
    const PendingRun& run = pending_.front();
    merged.block = run.head->block.Slice(run.first_row, run.rows);
    pending_.clear();
    pending_rows_ = 0;
    return merged;
  }
  FlushPending();
  std::vector<NamedColumn> columns;
  for (size_t column = 0; column < builders_.size(); ++column) {
    columns.push_back({names_[column], builders_[column]->Finish()});
  }
  merged.block = Block(std::move(columns));
  built_rows_ = 0;
  return merged;
}

}  // namespace granary
