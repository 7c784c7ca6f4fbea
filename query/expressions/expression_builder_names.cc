// What the names in an expression stand for: parameters of lambdas, aliases, columns.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "granary/query/expressions/expression_builder.h"
#include "granary/query/sql/format_ast.h"

namespace granary {
namespace {

std::string Joined(const std::vector<std::string>& parts) {
  return fmt::format("{}", fmt::join(parts, "."));
}

}  // namespace

ExpressionNodePtr ExpressionBuilder::CompileIdentifier(const sql::Identifier& identifier) {
  const std::vector<std::string>& parts = identifier.parts;
  if (parts.size() == 1) {
    if (ExpressionNodePtr parameter = FindLambdaParameter(parts[0])) return parameter;
    if (ExpressionNodePtr alias = FindAlias(parts[0])) return alias;
  }
  if (ExpressionNodePtr column = FindColumn(parts)) return column;
  ThrowUnknownIdentifier(parts);
}

ExpressionNodePtr ExpressionBuilder::FindLambdaParameter(const std::string& name) {
  if (!are_lambda_parameters_visible_) return nullptr;
  for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
    for (const auto& [parameter, column] : level->parameters) {
      if (parameter != name) continue;
      return Intern(std::make_shared<ColumnNode>(column.name, column.type,
                                                 sql::QuoteIdentifier(column.name)));
    }
  }
  return nullptr;
}

// An alias of an aggregate, where none may stand, gives way to a column of its name: as in
// SELECT max(t) AS t ... WHERE t > 0.
bool ExpressionBuilder::IsHiddenByAggregation(const sql::Expr& aliased,
                                              const std::string& name) const {
  const bool may_aggregate = scope_.aggregates != nullptr && !is_inside_aggregate_;
  const bool is_column =
      std::any_of(scope_.columns.begin(), scope_.columns.end(),
                  [&](const ScopeColumn& column) { return column.name == name; });
  return !may_aggregate && is_column && ContainsAggregate(aliased, scope_);
}

ExpressionNodePtr ExpressionBuilder::FindAlias(const std::string& name) {
  const auto alias = scope_.aliases.find(name);
  if (alias == scope_.aliases.end()) return nullptr;
  const auto open = std::find(open_aliases_.begin(), open_aliases_.end(), name);
  if (open != open_aliases_.end()) {
    lowest_open_use_ = std::min<size_t>(lowest_open_use_, open - open_aliases_.begin());
    return nullptr;
  }
  if (IsHiddenByAggregation(*alias->second, name)) return nullptr;
  if (levels_.size() == 1) {
    const auto compiled = compiled_aliases_.find({name, is_inside_aggregate_});
    if (compiled != compiled_aliases_.end()) return compiled->second;
  }
  const Restore<bool> hidden(are_lambda_parameters_visible_, false);
  return CompileAliased(name, *alias->second);
}

bool ExpressionBuilder::IsOpen(const std::string& alias) const {
  return std::find(open_aliases_.begin(), open_aliases_.end(), alias) != open_aliases_.end();
}

ExpressionNodePtr ExpressionBuilder::CompileAliased(const std::string& alias,
                                                    const sql::Expr& expr) {
  const size_t outer_use = std::exchange(lowest_open_use_, kNoAlias);
  open_aliases_.push_back(alias);
  ExpressionNodePtr node = Compile(expr);
  open_aliases_.pop_back();
  // What it stands for does not depend on the aliases around it.
  const bool is_self_contained = lowest_open_use_ >= open_aliases_.size();
  if (levels_.size() == 1 && is_self_contained) {
    compiled_aliases_.emplace(std::pair(alias, is_inside_aggregate_), node);
  }
  lowest_open_use_ = is_self_contained ? outer_use : std::min(outer_use, lowest_open_use_);
  return node;
}

ExpressionNodePtr ExpressionBuilder::FindColumn(const std::vector<std::string>& parts) {
  const auto find = [&](const std::string& name) -> ExpressionNodePtr {
    for (const ScopeColumn& column : scope_.columns) {
      if (column.name != name) continue;
      const auto definition = scope_.definitions.find(name);
      if (definition != scope_.definitions.end()) return Adopt(*definition->second);
      return Intern(std::make_shared<ColumnNode>(name, column.type, sql::QuoteIdentifier(name)));
    }
    return nullptr;
  };
  const std::string name = Joined(parts);
  if (ExpressionNodePtr column = find(name)) return column;
  const auto qualified = scope_.qualified.find(name);
  if (qualified != scope_.qualified.end()) return find(qualified->second);
  for (size_t split = 1; split < parts.size(); ++split) {
    const std::string qualifier = Joined({parts.begin(), parts.begin() + split});
    if (std::find(scope_.qualifiers.begin(), scope_.qualifiers.end(), qualifier) ==
        scope_.qualifiers.end()) {
      continue;
    }
    if (ExpressionNodePtr column = find(Joined({parts.begin() + split, parts.end()}))) {
      return column;
    }
  }
  return nullptr;
}

void ExpressionBuilder::ThrowUnknownIdentifier(const std::vector<std::string>& parts) const {
  const std::string name = Joined(parts);
  if (IsOpen(name)) {
    throw Error(
        ErrorCode::kCyclicAliases,
        fmt::format("The alias {} is defined by itself, and there is no column {}", name, name));
  }
  std::vector<std::string> names;
  for (const ScopeColumn& column : scope_.columns) names.push_back(column.name);
  for (const auto& [alias, expression] : scope_.aliases) names.push_back(alias);
  for (const Level& level : levels_) {
    for (const auto& [parameter, column] : level.parameters) names.push_back(parameter);
  }
  throw Error(ErrorCode::kUnknownIdentifier,
              fmt::format("Unknown column or alias {}{}", name, CloseNamesHint(name, names)));
}

std::string ExpressionBuilder::UnusedName(const std::string& wanted) const {
  const auto is_used = [&](const std::string& name) {
    const auto is_named = [&](const ScopeColumn& column) { return column.name == name; };
    if (std::any_of(scope_.columns.begin(), scope_.columns.end(), is_named)) return true;
    const bool is_read = std::any_of(
        scope_.definitions.begin(), scope_.definitions.end(), [&](const auto& definition) {
          const auto& columns = definition.second->required_columns();
          return std::find(columns.begin(), columns.end(), name) != columns.end();
        });
    if (is_read || scope_.computed.count(name) > 0 || scope_.aliases.count(name) > 0) return true;
    return std::any_of(levels_.begin(), levels_.end(), [&](const Level& level) {
      return std::any_of(level.parameters.begin(), level.parameters.end(),
                         [&](const auto& parameter) { return is_named(parameter.second); });
    });
  };
  std::string name = wanted;
  for (int suffix = 1; is_used(name); ++suffix) name = fmt::format("{}_{}", wanted, suffix);
  return name;
}

bool ExpressionBuilder::ReadsLambdaParameter(const ExpressionNode& node) const {
  for (size_t level = 1; level < levels_.size(); ++level) {
    for (const auto& [parameter, column] : levels_[level].parameters) {
      const auto& columns = node.required_columns();
      if (std::find(columns.begin(), columns.end(), column.name) != columns.end()) return true;
    }
  }
  return false;
}

}  // namespace granary
