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

RowOrder::RowOrder(const Block& block, std::span<const SortKey> keys) : rows_(block.rows()) {
  for (const SortKey& sort_key : keys) {
    const ColumnPtr& column = block.Get(sort_key.column);
    if (column->is_constant()) continue;
    Key key{.codes = {}, .column = column, .descending = sort_key.descending};
    if (column->type().fixed_bytes() > 0) {
      key.codes.resize(rows_);
      VisitFixedType(column->type().id(),
                     [&]<class T>() { FillCodes<T>(*column, sort_key, key.codes); });
    } else {
      key.is_exact = false;
      key.codes.assign(rows_, 0);
      if (column->type().is_string()) {
        const uint64_t flip = key.descending ? ~uint64_t{0} : 0;
        const StringColumn& strings = AsStrings(*column);
        ForStretches(rows_, [&](size_t begin, size_t end) {
          for (size_t row = begin; row < end; ++row) {
            key.codes[row] = StringPrefix(strings.At(row)) ^ flip;
          }
        });
      }
    }
    keys_.push_back(std::move(key));
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

namespace {

Block FirstRows(std::vector<Block> blocks, std::span<const SortKey> keys,
                std::optional<size_t> limit, const TaskContext* task) {
  const Block rows = ConcatenateBlocks(blocks);
  blocks.clear();
  if (rows.rows() > std::numeric_limits<uint32_t>::max()) {
    throw Error(ErrorCode::kNotImplemented,
                "Sorting more than 4294967295 rows at once; add a LIMIT or a WHERE");
  }
  return rows.Gather(RowOrder(rows, keys).Sorted(limit, task));
}

// What one worker holds: everything, or a little more than the first `limit` rows.
struct SortBuffer {
  std::vector<Block> blocks;
  size_t rows = 0;
};

void Shrink(SortBuffer& buffer, std::span<const SortKey> keys, size_t limit) {
  Block first = FirstRows(std::move(buffer.blocks), keys, limit, nullptr);
  buffer.rows = first.rows();
  buffer.blocks.assign(1, std::move(first));
}

}  // namespace

Block SortAll(BlockStream& input, std::span<const SortKey> keys, std::optional<size_t> limit,
              const TaskContext& task) {
  std::vector<SortBuffer> buffers(WorkersFor(input, task));
  ConsumeAll(input, task, [&](size_t worker, Block block) {
    SortBuffer& buffer = buffers[worker];
    buffer.rows += block.rows();
    buffer.blocks.push_back(std::move(block));
    if (limit && buffer.rows > *limit && buffer.rows - *limit >= std::max(*limit, kTopBufferRows)) {
      Shrink(buffer, keys, *limit);
    }
  });
  std::vector<Block> blocks;
  for (SortBuffer& buffer : buffers) {
    for (Block& block : buffer.blocks) blocks.push_back(std::move(block));
  }
  if (blocks.empty()) return Block();
  return FirstRows(std::move(blocks), keys, limit, &task);
}

}  // namespace granary
