#include "granary/skipindex/skip_index.h"

namespace granary {

void SkipIndex::CheckRows(const Column&, size_t) const {}

}  // namespace granary
