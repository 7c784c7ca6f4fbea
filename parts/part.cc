#include "granary/parts/part.h"

#include <algorithm>

#include <fmt/format.h>

namespace granary {

std::string PartName::text() const {
  std::string text = fmt::format("{}_{}_{}_{}", partition_id, min_block, max_block, level);
  if (version != 0) text += fmt::format("_{}", version);
  return text;
}

std::string DeclaredIndex::identity() const {
  if (!declaration.inferred_dimensions) return declaration.text;
  return fmt::format("{} DIMENSIONS {}", declaration.text, *declaration.inferred_dimensions);
}

size_t Part::RowsIn(GranuleRange granules) const {
  return std::min(rows_, FirstRow(granules.end)) - std::min(rows_, FirstRow(granules.begin));
}

const PartColumnInfo* Part::FindColumn(std::string_view name) const {
  const auto found =
      std::find_if(columns_.begin(), columns_.end(),
                   [&](const PartColumnInfo& column) { return column.name == name; });
  return found == columns_.end() ? nullptr : &*found;
}

const PartIndex* Part::FindIndex(const DeclaredIndex& index) const {
  const auto found = std::find_if(
      indexes_.begin(), indexes_.end(),
      [&](const PartIndex& candidate) { return candidate.name == index.declaration.name; });
  if (found == indexes_.end() || found->identity != index.identity()) return nullptr;
  return &*found;
}

}  // namespace granary
