#include "granary/query/steps/sort.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>

#include "granary/query/search/ordered_code.h"

namespace granary {
namespace {

constexpr size_t kParallelSortRows = 1 << 16;
constexpr size_t kTopBufferRows = 1 << 16;
constexpr size_t kNanosecondsPerComparison = 4;

uint64_t StringPrefix(std::string_view text) {
  uint64_t code = 0;
  if (!text.empty()) std::memcpy(&code, text.data(), std::min<size_t>(text.size(), 8));
  return __builtin_bswap64(code);
}

template <class T>
void FillCodes(const Column& column, const SortKey& key, ChargedVector<uint64_t>& codes) {
  const T* values = AsNumbers<T>(column).data();
  const uint64_t flip = key.descending ? ~uint64_t{0} : 0;
  const uint64_t nan_code = key.nulls_first ? 0 : std::numeric_limits<uint64_t>::max();
  ForStretches(codes.size(), [&](size_t begin, size_t end) {
    for (size_t row = begin; row < end; ++row) {
      if constexpr (!std::is_integral_v<T>) {
        if (std::isnan(static_cast<double>(values[row]))) {
          codes[row] = nan_code;
          continue;
        }
      }
      codes[row] = OrderedCode(values[row]) ^ flip;
    }
  });
}

}  // namespace

ChargedVector<uint64_t> SortCodes(const Column& column, const SortKey& key) {
  ChargedVector<uint64_t> codes(column.size());
  if (column.type().fixed_bytes() > 0) {
    VisitFixedType(column.type().id(), [&]<class T>() { FillCodes<T>(column, key, codes); });
  } else if (column.type().is_string()) {
    const uint64_t flip = key.descending ? ~uint64_t{0} : 0;
    const StringColumn& strings = AsStrings(column);
    ForStretches(codes.size(), [&](size_t begin, size_t end) {
      for (size_t row = begin; row < end; ++row) {
        codes[row] = StringPrefix(strings.At(row)) ^ flip;
      }
    });
  }
  return codes;
}

RowOrder::RowOrder(const Block& block, std::span<const SortKey> keys) : rows_(block.rows()) {
  for (const SortKey& key : keys) {
    const ColumnPtr& column = block.Get(key.column);
    if (column->is_constant()) continue;
    keys_.push_back({.codes = SortCodes(*column, key),
                     .column = column,
                     .is_exact = column->type().fixed_bytes() > 0,
                     .descending = key.descending});
  }
}

int RowOrder::Compare(uint32_t a, uint32_t b) const {
  for (const Key& key : keys_) {
    if (key.codes[a] != key.codes[b]) return key.codes[a] < key.codes[b] ? -1 : 1;
    if (key.is_exact) continue;
    const int order = key.column->Compare(a, *key.column, b);
    if (order != 0) return key.descending ? -order : order;
  }
  return 0;
}

ChargedVector<uint32_t> RowOrder::Sorted(std::optional<size_t> limit,
                                         const TaskContext* task) const {
  ChargedVector<uint32_t> order(rows_);
  std::iota(order.begin(), order.end(), 0);
  // Algorithms copy what they compare with: the check is outside, one for each thread.
  const auto less_with = [this](CancelCheck& check) {
    return [this, &check](uint32_t a, uint32_t b) {
      check.After(kNanosecondsPerComparison);
      const int result = Compare(a, b);
      return result != 0 ? result < 0 : a < b;
    };
  };
  CancelCheck check;
  if (limit && *limit < rows_) {
    const auto end = order.begin() + static_cast<ptrdiff_t>(*limit);
    std::nth_element(order.begin(), end, order.end(), less_with(check));
    order.resize(*limit);
    std::sort(order.begin(), order.end(), less_with(check));
    return order;
  }
  const size_t runs = task == nullptr || rows_ < kParallelSortRows ? 1 : task->executor().threads();
  const auto run_begin = [&](size_t run) {
    return order.begin() + static_cast<ptrdiff_t>(rows_ * std::min(run, runs) / runs);
  };
  if (runs == 1) {
    std::sort(order.begin(), order.end(), less_with(check));
    return order;
  }
  task->executor().ParallelFor(runs, [&](size_t run) {
    CancelCheck own_check;
    std::sort(run_begin(run), run_begin(run + 1), less_with(own_check));
  });
  for (size_t width = 1; width < runs; width *= 2) {
    task->CheckCancelled();
    task->executor().ParallelFor((runs + 2 * width - 1) / (2 * width), [&](size_t pair) {
      const size_t run = pair * 2 * width;
      CancelCheck own_check;
      std::inplace_merge(run_begin(run), run_begin(run + width), run_begin(run + 2 * width),
                         less_with(own_check));
    });
  }
  return order;
}

Block FirstRows(std::vector<Block> blocks, std::span<const SortKey> keys,
                std::optional<size_t> limit, const TaskContext* task) {
  if (blocks.empty()) return Block();
  const Block rows = ConcatenateBlocks(blocks);
  blocks.clear();
  if (rows.rows() > std::numeric_limits<uint32_t>::max()) {
    throw Error(ErrorCode::kNotImplemented,
                "Sorting more than 4294967295 rows at once; add a LIMIT or a WHERE");
  }
  return rows.Gather(RowOrder(rows, keys).Sorted(limit, task));
}

void TopRows::Add(Block block) {
  const uint64_t bound = bound_->load(std::memory_order_relaxed);
  const ColumnPtr& first = block.Get(keys_.front().column);
  if (bound != std::numeric_limits<uint64_t>::max() && !first->is_constant()) {
    const ChargedVector<uint64_t> codes = SortCodes(*first, keys_.front());
    std::vector<uint8_t> mask(codes.size());
    size_t kept = 0;
    for (size_t row = 0; row < codes.size(); ++row) kept += mask[row] = codes[row] <= bound ? 1 : 0;
    if (kept == 0) return;
    if (kept < codes.size()) block = block.Filter(mask, kept);
  }
  rows_ += block.rows();
  blocks_.push_back(std::move(block));
  if (rows_ < limit_) return;
  if (!has_bound_ || rows_ - limit_ >= std::max(limit_, kTopBufferRows)) Shrink();
}

void TopRows::Shrink() {
  Block first = FirstRows(std::move(blocks_), keys_, limit_, nullptr);
  rows_ = first.rows();
  const ColumnPtr& key = first.Get(keys_.front().column);
  if (rows_ > 0 && !key->is_constant()) {
    const uint64_t last = SortCodes(*key, keys_.front()).back();
    uint64_t bound = bound_->load(std::memory_order_relaxed);
    while (last < bound && !bound_->compare_exchange_weak(bound, last)) {
    }
    has_bound_ = true;
  }
  blocks_.assign(1, std::move(first));
}

Block SortAll(BlockStream& input, std::span<const SortKey> keys, std::optional<size_t> limit,
              const TaskContext& task) {
  std::vector<Block> blocks;
  if (!limit) {
    blocks = Collect(input, task);
  } else {
    std::atomic<uint64_t> bound = std::numeric_limits<uint64_t>::max();
    std::vector<TopRows> of_worker(WorkersFor(input, task), TopRows(keys, *limit, &bound));
    ConsumeAll(input, task,
               [&](size_t worker, Block block) { of_worker[worker].Add(std::move(block)); });
    for (TopRows& rows : of_worker) {
      for (Block& block : rows.Take()) blocks.push_back(std::move(block));
    }
  }
  return FirstRows(std::move(blocks), keys, limit, &task);
}

}  // namespace granary
