#include "granary/query/statements/row_completion.h"

#include <algorithm>
#include <set>
#include <utility>

#include "granary/query/expressions/expression_compiler.h"
#include "granary/query/functions/function_registry.h"

namespace granary {
namespace {

// Rows of `values`, but those of `defaults` where absent[row] is set.
ColumnPtr FillAbsent(const Column& values, const Column& defaults,
                     const std::vector<uint8_t>& absent) {
  auto filled = ColumnBuilder::Create(values.type());
  filled->Reserve(absent.size());
  for (size_t begin = 0; begin < absent.size();) {
    size_t end = begin + 1;
    while (end < absent.size() && absent[end] == absent[begin]) ++end;
    filled->AppendRange(absent[begin] != 0 ? defaults : values, begin, end - begin);
    begin = end;
  }
  return filled->Finish();
}

bool AnySet(const std::vector<uint8_t>& flags) {
  return std::find(flags.begin(), flags.end(), 1) != flags.end();
}

}  // namespace

RowCompletion::RowCompletion(SchemaPtr schema, std::vector<std::string> columns)
    : schema_(std::move(schema)), columns_(std::move(columns)) {
  if (columns_.empty()) {
    for (const ColumnDeclaration& column : schema_->columns) columns_.push_back(column.name);
  }
  std::set<std::string> names;
  for (const std::string& name : columns_) {
    if (schema_->FindColumn(name) == nullptr) {
      std::vector<std::string> known;
      for (const ColumnDeclaration& column : schema_->columns) known.push_back(column.name);
      throw Error(ErrorCode::kNoSuchColumnInTable, "Table '" + schema_->table_name +
                                                       "' has no column '" + name + "'" +
                                                       CloseNamesHint(name, known));
    }
    if (!names.insert(name).second) {
      throw Error(ErrorCode::kDuplicateColumn, "Column '" + name + "' is given twice");
    }
  }
}

const DataType& RowCompletion::type(size_t column) const {
  return schema_->FindColumn(columns_[column])->type;
}

Block RowCompletion::Complete(const Block& rows, const std::vector<std::vector<uint8_t>>& absent,
                              uint64_t first_row) const {
  Block known(rows.rows());
  // Columns whose DEFAULT is wanted, for some rows or for all.
  std::vector<size_t> partly_absent;
  for (size_t i = 0; i < columns_.size(); ++i) {
    known.Add(columns_[i], rows.column(i)->Materialize());
    if (i < absent.size() && AnySet(absent[i]) &&
        schema_->FindColumn(columns_[i])->default_expression != nullptr) {
      partly_absent.push_back(i);
    }
  }
  for (const size_t i : partly_absent) {
    const ExpressionPtr& expression = schema_->FindColumn(columns_[i])->default_expression;
    const ColumnPtr defaults = expression->Evaluate(known);
    Block filled(rows.rows());
    for (const NamedColumn& column : known.columns()) {
      filled.Add(column.name, column.name == columns_[i]
                                  ? FillAbsent(*column.column, *defaults, absent[i])
                                  : column.column);
    }
    known = std::move(filled);
  }
  std::vector<std::string> pending;
  for (const ColumnDeclaration& column : schema_->columns) AddDefault(column, known, pending);

  Block complete(rows.rows());
  for (const ColumnDeclaration& column : schema_->columns) {
    complete.Add(column.name, known.Get(column.name));
  }
  CheckConstraints(*schema_, complete, first_row);
  return complete;
}

void RowCompletion::AddDefault(const ColumnDeclaration& column, Block& block,
                               std::vector<std::string>& pending) const {
  if (block.Find(column.name) != nullptr) return;
  if (column.default_expression == nullptr) {
    block.Add(column.name, MakeDefaults(column.type, block.rows())->Materialize());
    return;
  }
  if (std::find(pending.begin(), pending.end(), column.name) != pending.end()) {
    throw Error(ErrorCode::kCyclicAliases,
                "The DEFAULT of column '" + column.name + "' refers to itself");
  }
  pending.push_back(column.name);
  for (const std::string& name : column.default_expression->required_columns()) {
    AddDefault(*schema_->FindColumn(name), block, pending);
  }
  pending.pop_back();
  block.Add(column.name, column.default_expression->Evaluate(block)->Materialize());
}

void CheckConstraints(const Schema& schema, const Block& block, uint64_t first_row) {
  for (const ConstraintDeclaration& constraint : schema.constraints) {
    const ColumnPtr result = constraint.expression->Evaluate(block)->Materialize();
    std::vector<uint8_t> mask(block.rows());
    if (ConditionMask(*result, mask) == block.rows()) continue;
    const auto row = static_cast<size_t>(std::find(mask.begin(), mask.end(), 0) - mask.begin());
    throw Error(ErrorCode::kViolatedConstraint, "Constraint '" + constraint.name + "' of table '" +
                                                    schema.table_name + "' is violated at row " +
                                                    std::to_string(first_row + row + 1) + ": " +
                                                    constraint.expression->text() + " is false");
  }
}

}  // namespace granary
