// The rows of one INSERT on their way into a table: completed, collected into blocks of up to
// max_insert_block_size rows, and handed to the table store.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "granary/query/row_completion.h"
#include "granary/query/statement_context.h"

namespace granary {

class Insertion {
 public:
  // `columns` as in RowCompletion. Waits if the table has too many parts (TOO_MANY_PARTS at worst).
  Insertion(TablePtr table, std::vector<std::string> columns, StatementContext* context);

  const RowCompletion& completion() const { return completion_; }
  // As RowCompletion::Complete.
  void Add(const Block& rows, const std::vector<std::vector<uint8_t>>& absent);
  // Makes the rows visible. Without it nothing has happened.
  void Finish();

 private:
  TablePtr table_;
  StatementContext* context_;
  RowCompletion completion_;
  std::vector<Block> blocks_;
  uint64_t rows_ = 0;
  MemoryCharge charge_;
};

}  // namespace granary
