#include "granary/query/read/matching_rows.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <utility>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "granary/parts/part_reader.h"
#include "granary/query/read/scan_pieces.h"

namespace granary {
namespace {

constexpr size_t kRowsPerPiece = 65536;
constexpr size_t kRowsPerStep = 8192;  // stay in the caches of the CPU

// Nanoseconds (measured: ARCHITECTURE.md). Reading a row: per byte, and for what is no number.
constexpr double kFixedByte = 0.04;
constexpr double kVariableByte = 0.25;
constexpr double kVariableRow = 5;
// Evaluating a function over numbers.
constexpr double kCall = 0.15;
// Single rows: for all columns together, and for each column in each granule.
constexpr double kRowAnywhere = 100;
constexpr double kFixedGranuleAnywhere = 600;
constexpr double kVariableGranuleAnywhere = 2000;

// Bit i is 1 where flags[i] is not 0.
uint64_t PackFlags(const uint8_t* flags) {
  uint64_t word = 0;
#if defined(__SSE2__)
  for (size_t i = 0; i < 64; i += 16) {
    const __m128i sixteen = _mm_loadu_si128(reinterpret_cast<const __m128i*>(flags + i));
    const int zeros = _mm_movemask_epi8(_mm_cmpeq_epi8(sixteen, _mm_setzero_si128()));
    word |= static_cast<uint64_t>(~zeros & 0xFFFF) << i;
  }
#else
  for (size_t i = 0; i < 64; ++i) word |= static_cast<uint64_t>(flags[i] != 0) << i;
#endif
  return word;
}

// Sets row first_row + i where flags[i] is not 0. Several threads may set rows of one bitmap as
// long as no two set the same row: words that begin or end outside of the flags are shared with
// others.
void SetFlaggedRows(std::span<const uint8_t> flags, size_t first_row, RowBitmap& rows) {
  const std::span<uint64_t> words = rows.mutable_words();
  for (size_t done = 0; done < flags.size();) {
    const size_t row = first_row + done;
    const size_t count = std::min(64 - row % 64, flags.size() - done);
    if (count == 64) {
      words[row / 64] = PackFlags(flags.data() + done);
    } else {
      uint8_t padded[64] = {};
      std::memcpy(padded, flags.data() + done, count);
      const uint64_t bits = PackFlags(padded) << (row % 64);
      if (bits != 0) {
        std::atomic_ref(words[row / 64]).fetch_or(bits, std::memory_order_relaxed);
      }
    }
    done += count;
  }
}

// Sets the rows of the granules that are alive and for which the condition is true.
void SetMatchingRows(const SelectedPart& selected, GranuleRange granules, PartReader* reader,
                     const CompiledExpression& condition, RowBitmap& matching) {
  const uint64_t first_row = selected.part->FirstRow(granules.begin);
  const size_t rows = selected.part->RowsIn(granules);
  const size_t live = selected.LiveRowsIn(granules);
  if (live == 0) return;
  const Block block = reader == nullptr ? Block(rows) : reader->Read(granules);
  const ColumnPtr truth = condition.Evaluate(selected.FilterLive(block, granules, live));
  if (live == rows && truth->type().id() == TypeId::kUInt8 && !truth->is_constant()) {
    return SetFlaggedRows({AsNumbers<uint8_t>(*truth).data(), rows}, first_row, matching);
  }
  std::vector<uint8_t> mask(live);
  ConditionMask(*truth, mask);
  SetFlaggedRows(selected.SpreadMask(std::move(mask), granules), first_row, matching);
}

bool IsVariable(const PartColumnInfo& column) {
  return column.type.is_string() || (column.type.is_array() && !column.dimensions);
}

size_t CallsIn(const ExpressionNode& node) {
  size_t calls = node.kind() == ExpressionNode::Kind::kCall ? 1 : 0;
  for (const ExpressionNodePtr& argument : node.arguments()) calls += CallsIn(*argument);
  return calls;
}

// What it costs to evaluate a condition for a row, in nanoseconds: calls over numbers take next to
// nothing, strings and arrays what it takes to look at them.
double CostOfRow(const Part& part, const CompiledExpression& condition) {
  double cost = kCall * static_cast<double>(CallsIn(*condition.root()));
  for (const std::string& name : condition.required_columns()) {
    const PartColumnInfo* column = part.FindColumn(name);
    if (column == nullptr || part.rows() == 0) continue;
    const double bytes = static_cast<double>(column->raw_bytes) / static_cast<double>(part.rows());
    cost += IsVariable(*column) ? kVariableRow + kVariableByte * bytes : kFixedByte * bytes;
  }
  return cost;
}

double CostOfGranuleAnywhere(const Part& part, const CompiledExpression& condition) {
  double cost = 0;
  for (const std::string& name : condition.required_columns()) {
    const PartColumnInfo* column = part.FindColumn(name);
    if (column == nullptr) continue;
    cost += IsVariable(*column) ? kVariableGranuleAnywhere : kFixedGranuleAnywhere;
  }
  return cost;
}

}  // namespace

std::vector<RowBitmap> FindMatchingRows(const GranuleSelection& selection,
                                        const CompiledExpression& condition,
                                        const TaskContext& task) {
  std::vector<RowBitmap> matching;
  for (const SelectedPart& selected : selection.parts) matching.emplace_back(selected.part->rows());
  const std::vector<ScanPiece> pieces = CutIntoPieces(selection, kRowsPerPiece);
  task.executor().ParallelFor(pieces.size(), [&](size_t index) {
    task.CheckCancelled();
    const ScanPiece& piece = pieces[index];
    const SelectedPart& selected = selection.parts[piece.part];
    std::optional<PartReader> reader;
    if (!condition.required_columns().empty()) {
      reader.emplace(selected.part, condition.required_columns(), task, /*keeps_frames=*/true);
    }
    const size_t step = std::max<size_t>(1, kRowsPerStep / selected.part->granule_rows());
    for (size_t begin = piece.granules.begin; begin < piece.granules.end; begin += step) {
      SetMatchingRows(selected, {begin, std::min(begin + step, piece.granules.end)},
                      reader ? &*reader : nullptr, condition, matching[piece.part]);
    }
    task.progress().rows_done += selected.part->RowsIn(piece.granules);
  });
  return matching;
}

void MatchRows(const PartPtr& part, std::span<const uint32_t> rows,
               const CompiledExpression& condition, const TaskContext& task,
               std::span<uint8_t> accepted) {
  const std::vector<std::string>& columns = condition.required_columns();
  const Block block =
      columns.empty() ? Block(rows.size()) : PartReader(part, columns, task).Gather(rows);
  ConditionMask(*condition.Evaluate(block), accepted);
}

double CostOfFinding(const GranuleSelection& selection, const CompiledExpression& condition) {
  double cost = 0;
  for (const SelectedPart& selected : selection.parts) {
    cost += static_cast<double>(selected.rows()) * CostOfRow(*selected.part, condition);
  }
  return cost;
}

double CostOfMatching(size_t rows, const GranuleSelection& selection,
                      const CompiledExpression& condition) {
  if (selection.parts.empty()) return 0;
  const size_t granules = std::min(rows, selection.granules());
  return static_cast<double>(rows) * kRowAnywhere +
         static_cast<double>(granules) *
             CostOfGranuleAnywhere(*selection.parts.front().part, condition);
}

}  // namespace granary
