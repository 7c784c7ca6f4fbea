#include "granary/query/functions/function.h"

#include <algorithm>
#include <vector>

#include "granary/query/functions/column_access.h"

namespace granary {

ColumnPtr Function::Execute(std::span<const ColumnPtr> arguments, size_t rows) const {
  const bool all_constant =
      !arguments.empty() && std::all_of(arguments.begin(), arguments.end(),
                                        [](const auto& column) { return column->is_constant(); });
  if (!all_constant || rows == 1 || varies_by_row_) return body_(arguments, rows);
  std::vector<ColumnPtr> values;
  for (const ColumnPtr& argument : arguments) values.push_back(StoredRows(argument));
  ColumnPtr result = body_(values, 1);
  return std::make_shared<ConstantColumn>(StoredRows(result), rows);
}

}  // namespace granary
