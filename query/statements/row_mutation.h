// ALTER TABLE ... UPDATE and DELETE, and UPDATE ... SET: what they do to rows. merge/ rewrites the
// parts.
//
// The commands of one statement work one after the other, each on what those before it left. A part
// is rewritten if a command matches a row of it as it is: where none does, the first command
// changes nothing, and so none of them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "granary/merge/mutation_task.h"
#include "granary/query/statements/row_condition.h"

namespace granary {

class TableMutation final : public RowMutation {
 public:
  // `commands` are UPDATE and DELETE. Throws CANNOT_UPDATE_COLUMN for columns of the keys,
  // NO_SUCH_COLUMN_IN_TABLE, MULTIPLE_ASSIGNMENTS_TO_COLUMN and what compiling throws. The context
  // outlives the object.
  TableMutation(const Table& table, const std::vector<sql::AlterCommand>& commands,
                StatementContext* context);

  std::vector<PartPtr> Begin(const PartSetPtr& base) override;
  // Throws VIOLATED_CONSTRAINT, and INCORRECT_DATA for vectors that an index cannot hold.
  Block Apply(const Part& part, const Block& rows, std::span<uint8_t> kept) const override;

 private:
  struct Update {
    std::string column;
    CompiledExpressionPtr expression;  // of the column's type
  };
  struct Command {
    RowFilter filter;
    std::vector<Update> updates;  // none: DELETE
    std::optional<std::string> partition_id;

    bool Concerns(const Part& part) const {
      return !partition_id || part.name().partition_id == *partition_id;
    }
  };

  std::vector<Update> CompileUpdates(const std::vector<sql::Assignment>& assignments,
                                     const Table& table) const;
  Block UpdateRows(const Command& command, const Block& rows, std::span<const uint8_t> mask,
                   size_t matching) const;
  void CheckUpdated(const Command& command, const Block& updated) const;

  StatementContext* const context_;
  std::vector<Command> commands_;
  PartSetPtr base_;
};

}  // namespace granary
