#include "granary/query/plan/plan.h"

namespace granary {

std::vector<std::string> ColumnNames(const Header& header) {
  std::vector<std::string> names;
  for (const HeaderColumn& column : header) names.push_back(column.name);
  return names;
}

}  // namespace granary
