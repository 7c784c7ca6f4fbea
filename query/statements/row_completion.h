// What an INSERT does to rows before a table store sees them: columns in the order of the schema,
// DEFAULT for what was left out, and the CHECK constraints.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "granary/table/block.h"
#include "granary/table/schema.h"

namespace granary {

class RowCompletion {
 public:
  // `columns` are those that the rows come with (all of the table if empty); throws
  // NO_SUCH_COLUMN_IN_TABLE and DUPLICATE_COLUMN.
  RowCompletion(SchemaPtr schema, std::vector<std::string> columns);

  // Those that the rows come with.
  const std::vector<std::string>& columns() const { return columns_; }
  const DataType& type(size_t column) const;

  // All columns of the schema. `rows` has columns() with their types; absent[i], if not empty, says
  // which rows have no value in column i and get its DEFAULT. `first_row` counts rows in messages.
  // Throws VIOLATED_CONSTRAINT, which names the row.
  Block Complete(const Block& rows, const std::vector<std::vector<uint8_t>>& absent,
                 uint64_t first_row) const;

 private:
  void AddDefault(const ColumnDeclaration& column, Block& block,
                  std::vector<std::string>& pending) const;

  SchemaPtr schema_;
  std::vector<std::string> columns_;
};

// Throws VIOLATED_CONSTRAINT, which names the row, if a row violates a CHECK constraint. `block`
// has all columns of the schema; `first_row` counts rows in messages.
void CheckConstraints(const Schema& schema, const Block& block, uint64_t first_row);

}  // namespace granary
