#include "granary/table/schema.h"

#include <algorithm>

namespace granary {

const ColumnDeclaration* Schema::FindColumn(std::string_view name) const {
  const std::optional<size_t> index = ColumnIndex(name);
  return index ? &columns[*index] : nullptr;
}

std::optional<size_t> Schema::ColumnIndex(std::string_view name) const {
  const auto it = std::find_if(columns.begin(), columns.end(),
                               [&](const ColumnDeclaration& c) { return c.name == name; });
  if (it == columns.end()) return std::nullopt;
  return static_cast<size_t>(it - columns.begin());
}

const IndexDeclaration* Schema::FindIndex(std::string_view name) const {
  const auto it = std::find_if(indexes.begin(), indexes.end(),
                               [&](const IndexDeclaration& i) { return i.name == name; });
  return it == indexes.end() ? nullptr : &*it;
}

}  // namespace granary
