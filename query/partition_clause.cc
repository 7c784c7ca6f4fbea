#include "granary/query/partition_clause.h"

#include <algorithm>
#include <vector>

#include "granary/query/expression_compiler.h"

namespace granary {

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
  }
  if (name.is_id) return std::nullopt;
  for (const VisiblePart& visible : parts.parts) {
    const Part& part = *visible.part;
    bool equal = part.partition().size() == wanted.size();
    for (size_t i = 0; equal && i < wanted.size(); ++i) {
      const DataType& type = parts.schema->partition_key[i]->type();
      equal = CompareValues(part.partition()[i], MakeConstant(type, wanted[i], 1)->ValueAt(0)) == 0;
    }
    if (equal) return part.name().partition_id;
  }
  return std::nullopt;
}

}  // namespace granary
