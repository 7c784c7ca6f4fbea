#include "granary/parts/part.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

namespace granary {
namespace {

// Of an index whose dimensions are those of the first vectors.
constexpr const char kIdentityFormat[] = "{} DIMENSIONS {}";

}  // namespace

std::string PartName::text() const {
  std::string text = fmt::format("{}_{}_{}_{}", partition_id, min_block, max_block, level);
  if (version != 0) text += fmt::format("_{}", version);
  return text;
}

std::string DeclaredIndex::identity() const {
  if (!declaration.inferred_dimensions) return declaration.text;
  return fmt::format(kIdentityFormat, declaration.text, *declaration.inferred_dimensions);
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

bool DeclaredIndex::HasIdentity(std::string_view text) const {
  if (!declaration.inferred_dimensions) return text == declaration.text;
  fmt::memory_buffer whole;
  fmt::format_to(std::back_inserter(whole), kIdentityFormat, declaration.text,
                 *declaration.inferred_dimensions);
  return text == std::string_view(whole.data(), whole.size());
}

const PartIndex* Part::FindIndex(const DeclaredIndex& index) const {
  const auto found = std::find_if(
      indexes_.begin(), indexes_.end(),
      [&](const PartIndex& candidate) { return candidate.name == index.declaration.name; });
  if (found == indexes_.end() || !index.HasIdentity(found->identity)) return nullptr;
  return &*found;
}

}  // namespace granary
