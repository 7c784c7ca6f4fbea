#include "granary/query/planning/sources/views.h"

#include <algorithm>
#include <utility>

#include "granary/query/engine/engine.h"
#include "granary/query/engine/statement_context.h"
#include "granary/query/functions/conversion.h"
#include "granary/query/planning/sources/table_functions.h"
#include "granary/query/sql/parser.h"
#include "granary/query/sql/sql_walk.h"
#include "granary/query/steps/plan_steps.h"

namespace granary {
namespace {

using Placeholders = std::vector<const sql::QueryParameter*>;

// How the view is called: p(x = ..., y = ...).
std::string Usage(const std::string& view, const Placeholders& placeholders) {
  std::string text = view + "(";
  for (const sql::QueryParameter* placeholder : placeholders) {
    if (placeholder != placeholders.front()) text += ", ";
    text += placeholder->name + " = ...";
  }
  return text + ")";
}

// The values in v(x = 1, y = 2), by name.
std::map<std::string, sql::ExprPtr> ArgumentsOf(const sql::Function& call,
                                                const Placeholders& placeholders) {
  std::map<std::string, sql::ExprPtr> arguments;
  for (const sql::ExprPtr& argument : call.arguments) {
    const auto* equals = sql::As<sql::Function>(*argument);
    const bool is_pair = equals != nullptr && equals->name == "equals";
    const auto* name = is_pair ? sql::As<sql::Identifier>(*equals->arguments[0]) : nullptr;
    if (name == nullptr || name->parts.size() != 1) {
      throw Error(ErrorCode::kBadArguments,
                  "The parameters of view '" + call.name +
                      "' are given by name: " + Usage(call.name, placeholders));
    }
    if (!arguments.emplace(name->parts.front(), equals->arguments[1]).second) {
      throw Error(ErrorCode::kBadArguments, "The parameter '" + name->parts.front() +
                                                "' of view '" + call.name + "' is given twice");
    }
  }
  return arguments;
}

// The value as the placeholder takes it, as a constant of SQL.
sql::ExprPtr Converted(const TypedValue& value, const sql::QueryParameter& placeholder) {
  const DataType type = DataType::Parse(placeholder.type);
  const auto is_numeric = [](const DataType& of) { return of.is_number() || of.is_array(); };
  Parameters given;
  if (value.type == type || (is_numeric(value.type) && is_numeric(type))) {
    given.Set(placeholder.name, value.value);
  } else {
    const ColumnPtr constant = MakeConstant(value.type, value.value, 1);
    given.SetText(placeholder.name, CastColumn(constant, TypeId::kString)->ValueAt(0).as_string());
  }
  return sql::ParseExpression(ValueToSql(given.Get(placeholder.name, type)->ValueAt(0), type));
}

sql::PlaceholderValues ValuesFor(const Placeholders& placeholders, const sql::Function& call,
                                 const PlannerScope& scope) {
  std::map<std::string, sql::ExprPtr> arguments = ArgumentsOf(call, placeholders);
  sql::PlaceholderValues values;
  for (const sql::QueryParameter* placeholder : placeholders) {
    const auto argument = arguments.extract(placeholder->name);
    if (argument.empty()) {
      throw Error(ErrorCode::kUnknownQueryParameter,
                  "View '" + call.name + "' needs a value for its parameter '" + placeholder->name +
                      "' of type " + placeholder->type + ": " + Usage(call.name, placeholders));
    }
    values[placeholder->name] = Converted(ConstantArgument(argument.mapped(), scope), *placeholder);
  }
  if (arguments.empty()) return values;
  throw Error(ErrorCode::kUnknownQueryParameter,
              "View '" + call.name + "' has no parameter '" + arguments.begin()->first +
                  "'; it is called as " + Usage(call.name, placeholders));
}

// The definition with values instead of its placeholders.
ViewPtr WithValues(const Table& table, const sql::Function* call, const PlannerScope& scope) {
  ViewPtr view = scope.context->View(table);
  const Placeholders placeholders = FindPlaceholders(*view->query);
  if (call == nullptr && placeholders.empty()) return view;
  if (call == nullptr) {
    throw Error(
        ErrorCode::kUnknownQueryParameter,
        "View '" + table.name + "' has parameters; query it as " + Usage(table.name, placeholders));
  }
  if (placeholders.empty()) {
    throw Error(ErrorCode::kUnknownFunction, "Unknown table function " + table.name +
                                                 "; there is a view of this name, which has no "
                                                 "parameters: leave the parentheses out");
  }
  const sql::PlaceholderValues values = ValuesFor(placeholders, *call, scope);
  return ParseViewDefinition(scope.context->Parts(table)->schema->definition, &values);
}

struct ViewColumn {
  std::string of_query;
  std::string name;
  DataType type;
};

// The columns of the query under the names of the view.
std::vector<ViewColumn> Named(const Header& of_query, const std::vector<std::string>& names) {
  if (of_query.size() != names.size()) {
    throw Error(ErrorCode::kBadArguments, "The view names " + std::to_string(names.size()) +
                                              " columns, its query has " +
                                              std::to_string(of_query.size()));
  }
  std::vector<ViewColumn> columns;
  for (size_t i = 0; i < names.size(); ++i) {
    columns.push_back({of_query[i].name, names[i], of_query[i].type});
  }
  return columns;
}

std::vector<ViewColumn> Typed(const std::vector<sql::ColumnDefinition>& declared) {
  std::vector<ViewColumn> columns;
  for (const sql::ColumnDefinition& column : declared) {
    columns.push_back({column.name, column.name, DataType::Parse(column.type)});
  }
  return columns;
}

Source WithColumns(Source source, const std::vector<ViewColumn>& columns,
                   const FunctionContext& context) {
  ExpressionScope scope;
  scope.context = context;
  for (const HeaderColumn& column : source.columns) scope.AddColumn(column.name, column.type);
  scope.definitions = source.definitions;
  std::vector<Projection> projections;
  Header header;
  for (const ViewColumn& column : columns) {
    sql::Identifier name;
    name.parts = {column.of_query};
    projections.push_back({column.name, CompileExpressionAs(name, column.type, scope)});
    header.push_back({column.name, column.type});
  }
  if (header == source.columns) return source;
  if (!source.table) {
    return SourceOf(std::make_shared<ProjectStep>(std::move(source.plan), std::move(projections),
                                                  "Columns of the view"));
  }
  source.columns = std::move(header);
  source.definitions.clear();
  for (Projection& column : projections) {
    source.definitions.emplace(column.name, std::move(column.expression));
  }
  return source;
}

}  // namespace

TablePtr FindView(const sql::TableExpression& expression, StatementContext& context) {
  const bool is_call = expression.function != nullptr;
  if (!is_call && !expression.table) return nullptr;
  const std::string& database = is_call ? expression.function_database : expression.table->database;
  if (!database.empty() && database != "default") return nullptr;
  const std::string& name = is_call ? expression.function->name : expression.table->table;
  TablePtr table = context.engine().tables().Find(name);
  return table != nullptr && table->is_view ? table : nullptr;
}

Source ViewQuerySource(const std::string& name, const sql::CreateViewStatement& view,
                       Planner& planner, const PlannerScope& scope, bool is_alone) {
  PlannerScope inner = planner.TopScope();
  inner.settings = scope.settings;
  inner.depth = scope.depth;
  inner.views = scope.views;
  inner.views.push_back(name);
  try {
    const FunctionContext& context = inner.context->functions();
    Source source = QuerySource(*view.query, planner, inner, is_alone);
    if (!view.names.empty()) {
      const std::vector<ViewColumn> named = Named(source.columns, view.names);
      source = WithColumns(std::move(source), named, context);
    }
    if (view.columns.empty()) return source;
    return WithColumns(std::move(source), Typed(view.columns), context);
  } catch (Error& error) {
    error.AddContext("planning the query of view '" + name + "'");
    throw;
  }
}

Source ViewSource(const TablePtr& view, const sql::Function* call, Planner& planner,
                  const PlannerScope& scope, bool is_alone) {
  CheckEnds(view->name, scope.views);
  planner.dependencies().tables.emplace_back(view, scope.context->Parts(*view)->schema);
  return ViewQuerySource(view->name, *WithValues(*view, call, scope), planner, scope, is_alone);
}

void CheckEnds(const std::string& view, const std::vector<std::string>& views) {
  const auto use = std::find(views.begin(), views.end(), view);
  if (use == views.end()) return;
  std::string way;
  for (auto at = use; at != views.end(); ++at) way += *at + " -> ";
  throw Error(ErrorCode::kTooDeepRecursion, "View '" + view + "' reads itself: " + way + view +
                                                "; give one of them another query with CREATE OR "
                                                "REPLACE VIEW");
}

}  // namespace granary
