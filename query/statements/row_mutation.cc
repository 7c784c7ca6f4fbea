#include "granary/query/statements/row_mutation.h"

#include <algorithm>
#include <set>
#include <utility>

#include "granary/query/functions/function_registry.h"
#include "granary/query/read/matching_rows.h"
#include "granary/query/statements/partition_clause.h"
#include "granary/query/statements/row_completion.h"

namespace granary {
namespace {

bool IsRead(const std::vector<ExpressionPtr>& expressions, const std::string& column) {
  return std::any_of(expressions.begin(), expressions.end(), [&](const ExpressionPtr& expression) {
    const auto& read = expression->required_columns();
    return std::find(read.begin(), read.end(), column) != read.end();
  });
}

void CheckAssignable(const Schema& schema, const std::string& column) {
  if (schema.FindColumn(column) == nullptr) {
    std::vector<std::string> known;
    for (const ColumnDeclaration& declared : schema.columns) known.push_back(declared.name);
    throw Error(ErrorCode::kNoSuchColumnInTable, "Table '" + schema.table_name +
                                                     "' has no column '" + column + "'" +
                                                     CloseNamesHint(column, known));
  }
  if (IsRead(schema.sorting_key, column) || IsRead(schema.partition_key, column)) {
    throw Error(ErrorCode::kCannotUpdateColumn,
                "Column '" + column + "' is part of a key of table '" + schema.table_name +
                    "' and cannot be updated: it says where rows are; delete the rows and insert "
                    "them anew");
  }
}

// `rows`, but the next of `updated` wherever the mask is 1.
ColumnPtr Interleave(const Column& rows, const Column& updated, std::span<const uint8_t> mask) {
  const auto builder = ColumnBuilder::Create(rows.type());
  builder->Reserve(mask.size());
  size_t taken = 0;
  for (size_t begin = 0; begin < mask.size();) {
    size_t end = begin + 1;
    while (end < mask.size() && mask[end] == mask[begin]) ++end;
    const size_t count = end - begin;
    if (mask[begin] != 0) {
      builder->AppendRange(updated, taken, count);
      taken += count;
    } else {
      builder->AppendRange(rows, begin, count);
    }
    begin = end;
  }
  return builder->Finish();
}

// Clears the flags of those kept rows for which the mask is 1.
void ClearKept(std::span<uint8_t> kept, std::span<const uint8_t> mask) {
  size_t next = 0;
  for (uint8_t& is_kept : kept) {
    if (is_kept != 0) is_kept = mask[next++] == 0 ? 1 : 0;
  }
}

}  // namespace

TableMutation::TableMutation(const Table& table, const std::vector<sql::AlterCommand>& commands,
                             StatementContext* context)
    : context_(context), base_(context->Parts(table)) {
  for (const sql::AlterCommand& command : commands) {
    Command compiled;
    compiled.updates = CompileUpdates(command.assignments, table);
    compiled.filter = CompileRowFilter(command.where, table, *context);
    if (command.partition) {
      compiled.partition_id = PartitionIdOf(command.partition, *base_, *context);
      if (!compiled.partition_id) continue;
    }
    commands_.push_back(std::move(compiled));
  }
}

std::vector<TableMutation::Update> TableMutation::CompileUpdates(
    const std::vector<sql::Assignment>& assignments, const Table& table) const {
  ExpressionScope scope = RowScope(table, *context_);
  for (const sql::Assignment& assignment : assignments) scope.AddAliases(assignment.expression);
  std::vector<Update> updates;
  std::set<std::string> columns;
  for (const auto& [column, expression] : assignments) {
    CheckAssignable(*base_->schema, column);
    if (!columns.insert(column).second) {
      throw Error(ErrorCode::kMultipleAssignmentsToColumn,
                  "UPDATE assigns column '" + column + "' twice");
    }
    const DataType& type = base_->schema->FindColumn(column)->type;
    updates.push_back({column, CompileExpressionAs(*expression, type, scope)});
  }
  return updates;
}

std::vector<PartPtr> TableMutation::Begin(const PartSetPtr& base) {
  base_ = base;
  std::set<PartPtr> matching;
  for (const Command& command : commands_) {
    PartSet concerned = *base;
    std::erase_if(concerned.parts, [&](const VisiblePart& visible) {
      return matching.contains(visible.part) || !command.Concerns(*visible.part);
    });
    const GranuleSelection selection = SelectGranules(concerned, command.filter.predicate,
                                                      context_->settings(), {}, context_->task());
    const std::vector<RowBitmap> rows =
        FindMatchingRows(selection, *command.filter.condition, context_->task());
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].Count() > 0) matching.insert(selection.parts[i].part);
    }
  }
  std::vector<PartPtr> parts;
  for (const VisiblePart& visible : base->parts) {
    if (matching.contains(visible.part)) parts.push_back(visible.part);
  }
  return parts;
}

Block TableMutation::Apply(const Part& part, const Block& rows, std::span<uint8_t> kept) const {
  Block left = rows;
  for (const Command& command : commands_) {
    if (left.rows() == 0) break;
    if (!command.Concerns(part)) continue;
    std::vector<uint8_t> mask(left.rows());
    const size_t matching = ConditionMask(*command.filter.condition->Evaluate(left), mask);
    if (matching == 0) continue;
    if (!command.updates.empty()) {
      left = UpdateRows(command, left, mask, matching);
      continue;
    }
    ClearKept(kept, mask);
    for (uint8_t& is_left : mask) is_left ^= 1;
    left = left.Filter(mask, left.rows() - matching);
  }
  return left;
}

Block TableMutation::UpdateRows(const Command& command, const Block& rows,
                                std::span<const uint8_t> mask, size_t matching) const {
  const Block before = rows.Filter(mask, matching);
  const auto find = [&](const std::string& column) {
    return std::find_if(command.updates.begin(), command.updates.end(),
                        [&](const Update& update) { return update.column == column; });
  };
  Block updated(matching);
  Block result(rows.rows());
  for (const NamedColumn& column : rows.columns()) {
    const auto update = find(column.name);
    if (update == command.updates.end()) {
      updated.Add(column.name, before.Get(column.name));
      result.Add(column.name, column.column);
      continue;
    }
    const ColumnPtr values = update->expression->Evaluate(before)->Materialize();
    updated.Add(column.name, values);
    result.Add(column.name, Interleave(*column.column, *values, mask));
  }
  CheckUpdated(command, updated);
  return result;
}

void TableMutation::CheckUpdated(const Command& command, const Block& updated) const {
  CheckConstraints(*base_->schema, updated, 0);
  for (const DeclaredIndex& index : base_->indexes) {
    const ExpressionPtr& expression = index.declaration.expression;
    const bool is_concerned =
        std::any_of(command.updates.begin(), command.updates.end(),
                    [&](const Update& update) { return IsRead({expression}, update.column); });
    if (!is_concerned) continue;
    try {
      index.index->CheckRows(*expression->Evaluate(updated)->Materialize(), 1);
    } catch (Error& error) {
      error.AddContext("updating " + base_->schema->table_name + ", index " +
                       index.declaration.name + "; rows are counted among those updated at once");
      throw;
    }
  }
}

}  // namespace granary
