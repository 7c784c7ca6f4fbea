#include "granary/query/read/scan_pieces.h"

#include <algorithm>

namespace granary {

std::vector<ScanPiece> CutIntoPieces(const GranuleSelection& selection, size_t rows_per_piece) {
  std::vector<ScanPiece> pieces;
  for (size_t index = 0; index < selection.parts.size(); ++index) {
    const SelectedPart& selected = selection.parts[index];
    const size_t granules = std::max<size_t>(1, rows_per_piece / selected.part->granule_rows());
    for (const GranuleRange& range : selected.ranges) {
      for (size_t begin = range.begin; begin < range.end; begin += granules) {
        pieces.push_back({index, {begin, std::min(begin + granules, range.end)}});
      }
    }
  }
  return pieces;
}

}  // namespace granary
