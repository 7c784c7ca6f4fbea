#include "granary/query/planning/sources/joined_sources.h"

#include <algorithm>
#include <utility>

namespace granary {

JoinedSources::JoinedSources(Source first, Source second)
    : sides_{std::move(first), std::move(second)} {
  for (size_t side = 0; side < sides_.size(); ++side) {
    const Source& source = sides_[side];
    for (const HeaderColumn& column : source.columns) {
      std::string name = column.name;
      if (origins_.count(name) != 0) {
        // The alias, or else the name of the table.
        const std::string qualifier = source.qualifiers.empty() ? "" : source.shown_qualifier();
        name = qualifier + "." + column.name;
        if (qualifier.empty() || FindSide(qualifier) != side || origins_.count(name) != 0) {
          throw Error(ErrorCode::kMultipleExpressionsForAlias,
                      "Both tables of FROM have a column " + column.name +
                          " and no names that tell them apart; give each an alias");
        }
      }
      origins_.emplace(name, Origin{side, column.name});
      columns_.push_back({name, column.type});
      for (const std::string& qualifier : source.qualifiers) {
        qualified_.emplace(qualifier + "." + column.name, name);
      }
    }
  }
}

std::optional<size_t> JoinedSources::FindSide(const std::string& qualifier) const {
  for (size_t side = 0; side < sides_.size(); ++side) {
    const auto& names = sides_[side].qualifiers;
    if (std::find(names.begin(), names.end(), qualifier) != names.end()) return side;
  }
  return std::nullopt;
}

Header JoinedSources::ColumnsOf(size_t side) const {
  Header header;
  for (const HeaderColumn& column : columns_) {
    if (SideOf(column.name) == side) header.push_back(column);
  }
  return header;
}

bool JoinedSources::AreAllFrom(size_t side, const std::vector<std::string>& columns) const {
  return std::all_of(columns.begin(), columns.end(),
                     [&](const std::string& column) { return SideOf(column) == side; });
}

}  // namespace granary
