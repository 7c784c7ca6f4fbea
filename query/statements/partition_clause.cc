#include "granary/query/statements/partition_clause.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "granary/query/expressions/expression_compiler.h"
#include "granary/query/functions/column_access.h"
#include "granary/query/functions/conversion.h"

namespace granary {
namespace {

// The values as those of the partition key: a string may stand for a date.
std::vector<Value> KeyValues(const std::vector<Value>& wanted, const Schema& schema) {
  const auto& key = schema.partition_key;
  if (wanted.size() != key.size()) {
    throw Error(ErrorCode::kBadArguments,
                fmt::format("The partition key has {} columns, but PARTITION names {} values; "
                            "system.parts shows the partitions",
                            key.size(), wanted.size()));
  }
  std::vector<Value> values;
  for (size_t i = 0; i < key.size(); ++i) {
    const DataType& type = key[i]->type();
    const bool is_text = wanted[i].is_string() && !type.is_string();
    const ColumnPtr value =
        is_text ? ConvertExactly(StoredRows(MakeConstant(TypeId::kString, wanted[i], 1)), type)
                : MakeConstant(type, wanted[i], 1);
    if (value == nullptr) {
      throw Error(ErrorCode::kTypeMismatch,
                  fmt::format("PARTITION: '{}' is no {}", wanted[i].as_string(), type.name()));
    }
    values.push_back(value->ValueAt(0));
  }
  return values;
}

}  // namespace

std::optional<std::string> PartitionIdOf(const sql::PartitionName& name, const PartSet& parts,
                                         StatementContext& context) {
  const sql::Expr& expr = *name.value;
  ExpressionScope scope;
  scope.context = context.functions();
  scope.parameters = &context.parameters();
  std::vector<Value> wanted;
  const auto* tuple = sql::As<sql::Function>(expr);
  if (tuple != nullptr && tuple->name == "tuple") {
    for (const sql::ExprPtr& item : tuple->arguments) {
      wanted.push_back(EvaluateConstant(*item, scope).value);
    }
  } else {
    wanted.push_back(EvaluateConstant(expr, scope).value);
  }
  if (wanted.size() == 1 && wanted[0].is_string()) {
    const std::string& id = wanted[0].as_string();
    const bool exists = std::any_of(
        parts.parts.begin(), parts.parts.end(),
        [&](const VisiblePart& visible) { return visible.part->name().partition_id == id; });
    if (exists) return id;
    // What is no value of the key can be nothing but an id.
    if (parts.schema->partition_key.size() != 1) return std::nullopt;
  }
  if (name.is_id) return std::nullopt;
  const std::vector<Value> values = KeyValues(wanted, *parts.schema);
  for (const VisiblePart& visible : parts.parts) {
    const Part& part = *visible.part;
    if (std::equal(values.begin(), values.end(), part.partition().begin(), part.partition().end(),
                   [](const Value& a, const Value& b) { return CompareValues(a, b) == 0; })) {
      return part.name().partition_id;
    }
  }
  return std::nullopt;
}

}  // namespace granary
