#include "granary/query/matching_rows.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <utility>

#include "granary/parts/part_reader.h"
#include "granary/query/scan.h"

namespace granary {
namespace {

constexpr size_t kRowsPerPiece = 65536;

// One entry per row of the granules: 1 if it is alive and the condition is true.
std::vector<uint8_t> MatchMask(const SelectedPart& selected, GranuleRange granules,
                               const CompiledExpression& condition, const TaskContext& task) {
  const size_t rows = selected.part->RowsIn(granules);
  const size_t live = selected.LiveRowsIn(granules);
  if (live == 0) return std::vector<uint8_t>(rows);
  const auto& columns = condition.required_columns();
  const Block block =
      columns.empty() ? Block(rows) : PartReader(selected.part, columns, task).Read(granules);
  std::vector<uint8_t> mask(live);
  ConditionMask(*condition.Evaluate(selected.FilterLive(block, granules, live)), mask);
  return selected.SpreadMask(std::move(mask), granules);
}

// The bits of up to 64 flags, each 0 or 1.
uint64_t PackFlags(std::span<const uint8_t> flags) {
  uint8_t padded[64] = {};
  std::memcpy(padded, flags.data(), flags.size());
  uint64_t word = 0;
  for (size_t byte = 0; byte < 8; ++byte) {
    uint64_t eight;
    std::memcpy(&eight, padded + byte * 8, sizeof(eight));
    // Moves bit 8 * i to bit 56 + i, without carries.
    word |= eight * 0x0102040810204080 >> 56 << (byte * 8);
  }
  return word;
}

// Sets row first_row + i where mask[i] is 1. Several threads may set rows of one bitmap as long as
// no two set the same row: words that begin or end outside of the mask are shared with others.
void SetMaskedRows(std::span<const uint8_t> mask, size_t first_row, RowBitmap& rows) {
  const std::span<uint64_t> words = rows.mutable_words();
  for (size_t done = 0; done < mask.size();) {
    const size_t row = first_row + done;
    const size_t count = std::min(64 - row % 64, mask.size() - done);
    const uint64_t bits = PackFlags(mask.subspan(done, count)) << (row % 64);
    if (count == 64) {
      words[row / 64] = bits;
    } else if (bits != 0) {
      std::atomic_ref(words[row / 64]).fetch_or(bits, std::memory_order_relaxed);
    }
    done += count;
  }
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
    const std::vector<uint8_t> mask = MatchMask(selected, piece.granules, condition, task);
    SetMaskedRows(mask, selected.part->FirstRow(piece.granules.begin), matching[piece.part]);
    task.progress().rows_done += mask.size();
  });
  return matching;
}

}  // namespace granary
