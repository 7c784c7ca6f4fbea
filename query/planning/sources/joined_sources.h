// Two sources in FROM: what their columns are called in the joined rows, as in ClickHouse.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "granary/query/planning/sources/source.h"

namespace granary {

class JoinedSources {
 public:
  // What stands second in FROM has its columns renamed to alias.column where the first has one of
  // the same name. Throws MULTIPLE_EXPRESSIONS_FOR_ALIAS if that does not tell them apart.
  JoinedSources(Source first, Source second);

  const Source& side(size_t side) const { return sides_[side]; }
  // Of the joined rows, those of the first side first.
  const Header& columns() const { return columns_; }
  // What a qualified name stands for: "q.id" -> the column of the joined rows.
  const std::map<std::string, std::string>& qualified() const { return qualified_; }
  // The side that `qualifier.*` means; nothing if none has this name.
  std::optional<size_t> FindSide(const std::string& qualifier) const;
  // Columns of the joined rows that come from the side.
  Header ColumnsOf(size_t side) const;
  // Which side a column of the joined rows comes from and its name there.
  size_t SideOf(const std::string& column) const { return origins_.at(column).side; }
  const std::string& NameIn(const std::string& column) const { return origins_.at(column).name; }
  bool Has(const std::string& column) const { return origins_.count(column) != 0; }
  // Whether all of the columns come from the side.
  bool AreAllFrom(size_t side, const std::vector<std::string>& columns) const;

 private:
  struct Origin {
    size_t side = 0;
    std::string name;
  };

  std::array<Source, 2> sides_;
  Header columns_;
  std::map<std::string, std::string> qualified_;
  std::map<std::string, Origin> origins_;
};

}  // namespace granary
