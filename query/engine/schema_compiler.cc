#include "granary/query/engine/schema_compiler.h"

#include <algorithm>
#include <set>
#include <utility>

#include "granary/query/engine/view_definition.h"
#include "granary/query/sql/format_ast.h"
#include "granary/query/sql/parser.h"

namespace granary {
namespace {

constexpr const char* kMergeTree = "MergeTree";

void CheckEngine(const sql::CreateTableStatement& statement) {
  if (statement.engine.empty() || statement.engine == kMergeTree) {
    if (statement.engine_arguments.empty()) return;
    throw Error(ErrorCode::kBadArguments,
                "Engine MergeTree takes no arguments; use ORDER BY, PARTITION BY and SETTINGS");
  }
  static const std::set<std::string> known = {"Memory",
                                              "Log",
                                              "TinyLog",
                                              "StripeLog",
                                              "Null",
                                              "Set",
                                              "Join",
                                              "Buffer",
                                              "File",
                                              "Distributed",
                                              "ReplacingMergeTree",
                                              "SummingMergeTree",
                                              "AggregatingMergeTree",
                                              "CollapsingMergeTree",
                                              "VersionedCollapsingMergeTree",
                                              "GraphiteMergeTree",
                                              "ReplicatedMergeTree"};
  if (known.count(statement.engine) != 0) {
    throw Error(ErrorCode::kNotImplemented,
                "Engine " + statement.engine + " is not implemented; use ENGINE = MergeTree");
  }
  throw Error(ErrorCode::kUnknownStorage,
              "Unknown table engine " + statement.engine + "; use ENGINE = MergeTree");
}

void CheckCodecs(const sql::ColumnDefinition& column) {
  for (const sql::ExprPtr& codec : column.codecs) {
    const std::string text = sql::FormatExpr(*codec);
    if (text == "NONE" || text == "LZ4" || text == "Default") continue;
    throw Error(ErrorCode::kNotImplemented,
                "Codec " + text + " of column '" + column.name +
                    "' is not implemented; columns are compressed with LZ4, leave CODEC out");
  }
}

void CheckDuplicates(const sql::CreateTableStatement& statement) {
  std::set<std::string> names;
  for (const auto& column : statement.columns) {
    if (!names.insert(column.name).second) {
      throw Error(ErrorCode::kDuplicateColumn,
                  "Column '" + column.name + "' is declared twice; give one another name");
    }
  }
  names.clear();
  for (const auto& index : statement.indexes) {
    if (!names.insert(index.name).second) {
      throw Error(ErrorCode::kIllegalColumn,
                  "Index '" + index.name + "' is declared twice; give one another name");
    }
  }
  names.clear();
  for (const auto& constraint : statement.constraints) {
    if (!names.insert(constraint.name).second) {
      throw Error(ErrorCode::kBadArguments,
                  "Constraint '" + constraint.name + "' is declared twice; give one another name");
    }
  }
}

// Parsed and applied to the settings they are for; in the definition those that are not defaults.
std::vector<sql::SettingChange> CanonicalSettings(const std::vector<sql::SettingChange>& changes,
                                                  const TableSettings& defaults) {
  TableSettings settings = defaults;
  for (const auto& change : changes) ApplySetting(settings, change.name, change.value);
  std::vector<sql::SettingChange> canonical;
  for (const SettingInfo& info : DescribeSettings(settings)) {
    const bool given = std::any_of(changes.begin(), changes.end(),
                                   [&](const auto& change) { return change.name == info.name; });
    if (!info.changed && !given) continue;
    const bool is_text = info.type == "String" || info.type == "Enum";
    sql::SettingChange change;
    change.name = std::string(info.name);
    if (is_text) {
      change.value = info.value;
      change.type = TypeId::kString;
    } else if (info.type == "Double") {
      change.value = std::stod(info.value);
      change.type = TypeId::kFloat64;
    } else {
      change.value =
          static_cast<uint64_t>(info.type == "Bool" ? info.value == "1" || info.value == "true"
                                                    : std::stoull(info.value));
      change.type = TypeId::kUInt64;
    }
    canonical.push_back(std::move(change));
  }
  return canonical;
}

void RequireStorable(const sql::ColumnDefinition& column, const DataType& type) {
  DataType scalar = type;
  while (scalar.is_array()) scalar = DataType(scalar.element());
  if (!scalar.is_nothing()) return;
  throw Error(ErrorCode::kIllegalColumn, "Column '" + column.name + "' of type " + type.name() +
                                             " could hold no value; give its elements a type");
}

// Columns without a type get that of their default.
void InferTypes(sql::CreateTableStatement& statement) {
  ExpressionScope scope;
  for (const auto& column : statement.columns) {
    if (!column.type.empty()) scope.AddColumn(column.name, DataType::Parse(column.type));
  }
  for (auto& column : statement.columns) {
    if (column.type.empty()) {
      if (!column.default_expression) {
        throw Error(ErrorCode::kSyntaxError, "Column '" + column.name +
                                                 "' has neither a type nor "
                                                 "a DEFAULT; write one of them");
      }
      column.type = CompileExpression(*column.default_expression, scope)->type().name();
    } else {
      column.type = DataType::Parse(column.type).name();
    }
    RequireStorable(column, DataType::Parse(column.type));
  }
}

void CanonicalKeys(sql::CreateTableStatement& statement) {
  for (auto& column : statement.columns) {
    if (!column.primary_key) continue;
    auto identifier = std::make_shared<sql::Identifier>();
    identifier->parts = {column.name};
    if (!statement.primary_key) statement.primary_key.emplace();
    statement.primary_key->push_back(std::move(identifier));
    column.primary_key = false;
  }
  if (!statement.order_by) statement.order_by = statement.primary_key;
  if (!statement.order_by) {
    throw Error(ErrorCode::kBadArguments,
                "A MergeTree table needs ORDER BY or PRIMARY KEY; write ORDER BY tuple() for a "
                "table without a sorting key");
  }
}

std::vector<ExpressionPtr> CompileKey(const std::optional<sql::KeyDefinition>& key,
                                      const ExpressionScope& scope, const char* what) {
  std::vector<ExpressionPtr> expressions;
  if (!key) return expressions;
  for (const sql::ExprPtr& item : *key) {
    CompiledExpressionPtr compiled = CompileExpression(*item, scope);
    if (!compiled->root()->is_deterministic()) {
      throw Error(ErrorCode::kBadArguments, std::string(what) + " cannot hold " + compiled->text() +
                                                ": it is not the same for the same row");
    }
    if (compiled->required_columns().empty()) {
      throw Error(ErrorCode::kIllegalColumn,
                  std::string(what) + " cannot hold the constant " + compiled->text());
    }
    if (compiled->type().is_array()) {
      throw Error(ErrorCode::kIllegalColumn, std::string(what) + " cannot hold " +
                                                 compiled->text() + " of type " +
                                                 compiled->type().name());
    }
    expressions.push_back(std::move(compiled));
  }
  return expressions;
}

void CheckPrimaryKey(const Schema& schema) {
  const bool is_prefix =
      schema.primary_key.size() <= schema.sorting_key.size() &&
      std::equal(schema.primary_key.begin(), schema.primary_key.end(), schema.sorting_key.begin(),
                 [](const auto& a, const auto& b) { return a->text() == b->text(); });
  if (!is_prefix) {
    throw Error(ErrorCode::kBadArguments,
                "PRIMARY KEY must be a prefix of ORDER BY; the rows are sorted by ORDER BY");
  }
}

IndexDeclaration CompileIndex(const sql::IndexDefinition& index, const ExpressionScope& scope) {
  IndexDeclaration declaration;
  declaration.name = index.name;
  const auto* function = sql::As<sql::Function>(*index.expression);
  if (function != nullptr && function->name == "tuple" && function->arguments.size() != 1) {
    throw Error(ErrorCode::kIncorrectNumberOfColumns,
                "Index '" + index.name +
                    "' must be over exactly one column or expression; declare an index for each");
  }
  const sql::Expr& expression = function != nullptr && function->name == "tuple"
                                    ? *function->arguments.front()
                                    : *index.expression;
  declaration.expression = CompileExpression(expression, scope);
  declaration.kind = index.type;
  declaration.arguments = index.arguments;
  declaration.granularity = index.granularity.value_or(1);
  if (declaration.granularity == 0) {
    throw Error(ErrorCode::kBadArguments,
                "GRANULARITY of index '" + index.name + "' must be at least 1");
  }
  declaration.text = declaration.expression->text() + " TYPE " + index.type + "(";
  for (const IndexArgument& argument : index.arguments) {
    if (&argument != index.arguments.data()) declaration.text += ", ";
    const DataType type = argument.value.is_string()  ? DataType(TypeId::kString)
                          : argument.value.is_float() ? DataType(TypeId::kFloat64)
                          : argument.value.is_int()   ? DataType(TypeId::kInt64)
                                                      : DataType(TypeId::kUInt64);
    if (!argument.name.empty()) declaration.text += argument.name + " = ";
    declaration.text += ValueToSql(argument.value, type);
  }
  declaration.text += ") GRANULARITY " + std::to_string(declaration.granularity);
  return declaration;
}

ConstraintDeclaration CompileConstraint(const sql::ConstraintDefinition& constraint,
                                        const ExpressionScope& scope) {
  ConstraintDeclaration declaration;
  declaration.name = constraint.name;
  const CompiledExpressionPtr compiled = CompileCondition(*constraint.expression, scope);
  declaration.expression = compiled;
  const ExpressionNode& root = *compiled->root();
  if (!root.IsCallOf("equals")) return declaration;
  for (size_t side : {0, 1}) {
    const ExpressionNode& call = *root.arguments()[side];
    const ExpressionNode& constant = *root.arguments()[1 - side];
    if (!call.IsCallOf("length") || constant.kind() != ExpressionNode::Kind::kConstant) continue;
    const ExpressionNode& column = *call.arguments()[0];
    const Value length = constant.constant()->ValueAt(0);
    if (column.kind() == ExpressionNode::Kind::kColumn && length.is_uint()) {
      declaration.fixed_length = {column.name(), static_cast<size_t>(length.as_uint())};
    }
  }
  return declaration;
}

}  // namespace

sql::IndexDefinition CanonicalIndex(const sql::IndexDefinition& index,
                                    const SkipIndexRegistry& registry) {
  sql::IndexDefinition canonical = index;
  const SkipIndexKind& kind = registry.Get(index.type);
  if (!canonical.granularity) canonical.granularity = kind.default_granularity();
  canonical.offset = 0;
  return canonical;
}

std::shared_ptr<const sql::CreateTableStatement> Canonicalize(
    const sql::CreateTableStatement& statement, const SkipIndexRegistry& registry,
    const TableSettings& defaults) {
  CheckEngine(statement);
  if (statement.columns.empty()) {
    throw Error(ErrorCode::kIncorrectQuery,
                "A table needs at least one column: CREATE TABLE t (id UInt64, ...)");
  }
  auto canonical = std::make_shared<sql::CreateTableStatement>();
  canonical->table.table = statement.table.table;
  canonical->columns = statement.columns;
  canonical->constraints = statement.constraints;
  canonical->engine = kMergeTree;
  canonical->order_by = statement.order_by;
  canonical->partition_by = statement.partition_by;
  canonical->primary_key = statement.primary_key;
  canonical->comment = statement.comment;
  for (const auto& column : statement.columns) CheckCodecs(column);
  InferTypes(*canonical);
  CanonicalKeys(*canonical);
  for (const auto& index : statement.indexes) {
    canonical->indexes.push_back(CanonicalIndex(index, registry));
  }
  CheckDuplicates(*canonical);
  canonical->table_settings = CanonicalSettings(statement.table_settings, defaults);
  return canonical;
}

ExpressionScope ScopeOf(const Schema& schema) {
  ExpressionScope scope;
  for (const ColumnDeclaration& column : schema.columns) scope.AddColumn(column.name, column.type);
  return scope;
}

SchemaPtr CompileSchema(const sql::CreateTableStatement& statement) {
  auto schema = std::make_shared<Schema>();
  schema->table_name = statement.table.table;
  for (const auto& column : statement.columns) {
    schema->columns.push_back({column.name, DataType::Parse(column.type), nullptr});
  }
  const ExpressionScope scope = ScopeOf(*schema);
  for (size_t column = 0; column < statement.columns.size(); ++column) {
    const sql::ExprPtr& expression = statement.columns[column].default_expression;
    if (!expression) continue;
    ColumnDeclaration& declaration = schema->columns[column];
    declaration.default_expression = CompileExpressionAs(*expression, declaration.type, scope);
  }
  schema->sorting_key = CompileKey(statement.order_by, scope, "ORDER BY");
  schema->primary_key = statement.primary_key
                            ? CompileKey(statement.primary_key, scope, "PRIMARY KEY")
                            : schema->sorting_key;
  CheckPrimaryKey(*schema);
  schema->partition_key = CompileKey(statement.partition_by, scope, "PARTITION BY");
  for (const auto& index : statement.indexes) schema->indexes.push_back(CompileIndex(index, scope));
  for (const auto& constraint : statement.constraints) {
    schema->constraints.push_back(CompileConstraint(constraint, scope));
  }
  for (const auto& change : statement.table_settings) {
    ApplySetting(schema->settings, change.name, change.value);
  }
  schema->definition = FormatDefinition(statement);
  return schema;
}

SchemaPtr CompileSchema(const std::string& definition) {
  if (!IsViewDefinition(definition)) return CompileSchema(*ParseDefinition(definition));
  auto schema = std::make_shared<Schema>();
  schema->table_name = ParseViewDefinition(definition)->view.table;
  schema->definition = definition;
  return schema;
}

std::string NameInDefinition(const std::string& definition) {
  return IsViewDefinition(definition) ? ParseViewDefinition(definition)->view.table
                                      : ParseDefinition(definition)->table.table;
}

std::string RenamedDefinition(const std::string& definition, const std::string& name) {
  if (IsViewDefinition(definition)) {
    sql::CreateViewStatement renamed = *ParseViewDefinition(definition);
    renamed.view.table = name;
    return FormatViewDefinition(renamed);
  }
  sql::CreateTableStatement renamed = *ParseDefinition(definition);
  renamed.table.table = name;
  return FormatDefinition(renamed);
}

std::shared_ptr<const sql::CreateTableStatement> ParseDefinition(const std::string& definition) {
  std::shared_ptr<const sql::Statement> statement = sql::ParseStatement(definition);
  if (statement->kind != sql::StatementKind::kCreateTable) {
    throw Error(ErrorCode::kCorruptedData,
                "The stored definition of a table is not a CREATE TABLE "
                "statement: " +
                    definition);
  }
  return std::static_pointer_cast<const sql::CreateTableStatement>(statement);
}

std::string FormatDefinition(const sql::CreateTableStatement& statement) {
  return sql::FormatStatement(statement);
}

}  // namespace granary
