// The rows of one INSERT on their way into a table: completed, collected into blocks of up to
// max_insert_block_size rows, and handed to the table store, which makes all of them visible at
// once.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "granary/query/engine/statement_context.h"
#include "granary/query/statements/row_completion.h"

namespace granary {

// Rows as RowCompletion::Complete takes them.
struct IncomingRows {
  Block rows;
  std::vector<std::vector<uint8_t>> absent;
};

class Insertion {
 public:
  // `columns` as in RowCompletion.
  Insertion(TablePtr table, std::vector<std::string> columns, StatementContext* context);

  const RowCompletion& completion() const { return completion_; }

  // Inserts everything that `next` gives, or, if anything throws, nothing. Called once. Waits
  // before if the table has too many parts (TOO_MANY_PARTS at worst).
  void Run(const std::function<std::optional<IncomingRows>()>& next);

 private:
  // Up to max_insert_block_size rows, unless one block has more.
  std::optional<Block> Collect(const std::function<std::optional<IncomingRows>()>& next);

  TablePtr table_;
  StatementContext* context_;
  RowCompletion completion_;
  uint64_t rows_ = 0;
};

}  // namespace granary
