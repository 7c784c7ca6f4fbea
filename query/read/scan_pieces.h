// What one thread reads of a scan at a time.
#pragma once

#include <cstddef>
#include <vector>

#include "granary/query/read/granule_filter.h"

namespace granary {

// A run of granules of a part: about as many rows as a block has.
struct ScanPiece {
  size_t part = 0;  // in GranuleSelection::parts
  GranuleRange granules;
};
std::vector<ScanPiece> CutIntoPieces(const GranuleSelection& selection, size_t rows_per_piece);

}  // namespace granary
