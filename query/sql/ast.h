// The syntax tree of Granary's SQL, ClickHouse's dialect: plain structs that say what was written.
// Names are not resolved and types are not checked here. The parser (parser.h) makes trees,
// format_ast.h turns them back into text that parses to the same tree.
//
// Expressions are immutable once parsed and shared by pointer, so that an alias, a CASE or a
// BETWEEN may use one of them in several places. Operators are functions under ClickHouse's names:
//
// clang-format off
//   + - * / % MOD DIV         plus minus multiply divide modulo modulo intDiv
//   -x, +x                    negate(x); unary plus is dropped
//   = == <> != < <= > >=      equals notEquals less lessOrEquals greater greaterOrEquals
//   AND OR NOT                and or (of two or more arguments: chains are one call) not
//   IS [NOT] NULL             isNull isNotNull
//   [NOT] LIKE, ILIKE         like notLike ilike notILike; REGEXP: match
//   [NOT] IN                  in notIn; the right side is tuple(...), a Subquery, or any other expression
//   a BETWEEN x AND y         and(greaterOrEquals(a, x), lessOrEquals(a, y))
//   a NOT BETWEEN x AND y     or(less(a, x), greater(a, y))
//   ||                        concat (chains are one call)
//   x[i]  (a, b)  [a, b]      arrayElement(x, i) tuple(a, b) array(a, b)
//   c ? a : b                 if(c, a, b)
//   CASE WHEN c THEN v        multiIf(c, v, ..., else); CASE x WHEN a: conditions equals(x, a)
//   CAST(x AS T)  x::T        CAST(x, 'T')
//   INTERVAL n DAY            toIntervalDay(n)
//   DATE 's'                  toDate('s'); TIMESTAMP 's': toDateTime('s')
//   EXTRACT(YEAR FROM d)      toYear(d)
//   SUBSTRING(s FROM a FOR b) substring(s, a, b)
//   TRIM(LEADING c FROM s)    trimLeft(s, c); TRAILING: trimRight, BOTH: trimBoth
// clang-format on
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "granary/table/schema.h"
#include "granary/table/types.h"
#include "granary/table/value.h"

namespace granary::sql {

// ---- Expressions --------------------------------------------------------------------------------

enum class ExprKind : uint8_t {
  kLiteral,
  kIdentifier,
  kAsterisk,
  kFunction,
  kLambda,
  kSubquery,
  kParameter,
};

struct Expr {
  virtual ~Expr() = default;

  ExprKind kind;
  size_t offset = 0;  // bytes from the beginning of the parsed text
  std::string alias;  // of `expr AS alias`; may stand anywhere inside an expression
  // Levels and nodes of this tree; a shared subtree counts at each use, the queries of subqueries
  // count too. The parser bounds both, so that a recursive walk of any tree is safe.
  uint32_t height = 1;
  uint32_t node_count = 1;

 protected:
  explicit Expr(ExprKind expr_kind) : kind(expr_kind) {}
};
using ExprPtr = std::shared_ptr<const Expr>;

// The expression as a T, or nullptr if it is of another kind.
template <class T>
const T* As(const Expr& expr) {
  return expr.kind == T::kKind ? static_cast<const T*>(&expr) : nullptr;
}

// A constant with ClickHouse's type for it: the smallest UIntN, or IntN for negative numbers, that
// holds it, Float64, Bool, String; integers beyond 64 bits are Float64. An array of literals that
// have a common type is one literal, whatever its length, of values that all have the
// representation of the element type: [1, 2.5] holds two doubles. [] is Array(Nothing); NULL has
// the type Nothing.
struct Literal final : Expr {
  static constexpr ExprKind kKind = ExprKind::kLiteral;
  Literal() : Expr(kKind) {}

  bool is_null() const { return type.is_nothing(); }

  Value value;
  DataType type;
};

// column, table.column, database.table.column: one or more parts.
struct Identifier final : Expr {
  static constexpr ExprKind kKind = ExprKind::kIdentifier;
  Identifier() : Expr(kKind) {}

  std::vector<std::string> parts;
};

// *, table.*, * EXCEPT (a, b)
struct Asterisk final : Expr {
  static constexpr ExprKind kKind = ExprKind::kAsterisk;
  Asterisk() : Expr(kKind) {}

  std::vector<std::string> qualifier;  // empty, or the dotted table name
  std::vector<std::string> except;
};

// name(parameters)(DISTINCT arguments), or name([DISTINCT] arguments). The name is as written.
struct Function final : Expr {
  static constexpr ExprKind kKind = ExprKind::kFunction;
  Function() : Expr(kKind) {}

  std::string name;
  std::vector<ExprPtr> parameters;
  std::vector<ExprPtr> arguments;
  bool distinct = false;
};

// x -> body, (x, y) -> body
struct Lambda final : Expr {
  static constexpr ExprKind kKind = ExprKind::kLambda;
  Lambda() : Expr(kKind) {}

  std::vector<std::string> arguments;
  ExprPtr body;
};

struct Query;
using QueryPtr = std::shared_ptr<const Query>;

// (SELECT ...) as a scalar or as the right side of IN.
struct Subquery final : Expr {
  static constexpr ExprKind kKind = ExprKind::kSubquery;
  Subquery() : Expr(kKind) {}

  QueryPtr query;
};

// {name:Type}
struct QueryParameter final : Expr {
  static constexpr ExprKind kKind = ExprKind::kParameter;
  QueryParameter() : Expr(kKind) {}

  std::string name;
  std::string type;  // canonical text, see ColumnDefinition::type
};

// ---- Parts of queries ---------------------------------------------------------------------------

struct TableName {
  std::string database;  // empty: the current one
  std::string table;
  size_t offset = 0;
};

// name = value, in SETTINGS and SET. Value and type are those of a Literal.
struct SettingChange {
  std::string name;
  Value value;
  DataType type;
  size_t offset = 0;
};

// WITH expression AS name, or WITH name AS (SELECT ...): either `expression` or `query` is set.
struct WithItem {
  std::string name;
  ExprPtr expression;  // its alias is `name`
  QueryPtr query;
};

enum class JoinKind : uint8_t { kComma, kCross, kInner, kLeft, kRight, kFull };
enum class JoinStrictness : uint8_t { kAll, kAny, kSemi, kAnti, kAsof };

struct Join {
  JoinKind kind = JoinKind::kComma;
  JoinStrictness strictness = JoinStrictness::kAll;
  ExprPtr on;
  std::vector<std::string> using_columns;
};

struct ExplainStatement;

// What stands in FROM: exactly one of table, function, subquery and explain is set. A view with
// parameters is called as a function: v(p = 1).
struct TableExpression {
  size_t offset = 0;
  std::optional<TableName> table;
  std::shared_ptr<const Function> function;         // numbers(10), file('x.npy')
  std::string function_database;                    // of default.v(p = 1); else empty
  QueryPtr subquery;                                // (SELECT ...)
  std::shared_ptr<const ExplainStatement> explain;  // (EXPLAIN ...): one column, `explain`
  std::string alias;
  bool final = false;
  // How it is joined to what stands before it; meaningless for the first table.
  Join join;
};

struct OrderItem {
  ExprPtr expression;
  bool descending = false;
  // Of NULL and NaN; by default they come last in both directions.
  bool nulls_first = false;
};

// LIMIT limit [OFFSET offset] BY columns
struct LimitBy {
  ExprPtr limit;
  ExprPtr offset;  // null: 0
  std::vector<ExprPtr> columns;
};

struct Select {
  size_t offset_in_text = 0;
  std::vector<WithItem> with;
  bool distinct = false;
  std::vector<ExprPtr> columns;
  std::vector<TableExpression> from;  // empty: one row without columns
  ExprPtr prewhere;
  ExprPtr where;
  std::vector<ExprPtr> group_by;
  bool group_by_all = false;
  ExprPtr having;
  std::vector<OrderItem> order_by;
  bool order_by_all = false;
  std::optional<LimitBy> limit_by;
  ExprPtr limit;
  ExprPtr offset;
  bool with_ties = false;
  std::vector<SettingChange> settings;
};

// One SELECT, or several combined by UNION ALL (UNION DISTINCT if union_distinct).
struct Query {
  std::vector<Select> selects;
  bool union_distinct = false;
  // As in Expr.
  uint32_t height = 1;
  uint32_t node_count = 1;
};

// ---- Statements ---------------------------------------------------------------------------------

enum class StatementKind : uint8_t {
  kSelect,
  kInsert,
  kCreateTable,
  kCreateView,
  kCreateIndex,
  kDropTable,
  kDropIndex,
  kTruncateTable,
  kRenameTable,
  kDetachTable,
  kAttachTable,
  kAlterTable,
  kDelete,
  kUpdate,
  kOptimizeTable,
  kCheckTable,
  kShow,
  kDescribeTable,
  kExistsTable,
  kUse,
  kSystem,
  kSet,
  kExplain,
  kKillQuery,
};

struct Statement {
  virtual ~Statement() = default;

  StatementKind kind;
  // Of any statement that answers with rows.
  std::string format;   // FORMAT name; empty: the default
  std::string outfile;  // INTO OUTFILE 'name'
  // A SETTINGS clause of the statement; that of a SELECT is in its Select, that of CREATE TABLE,
  // which is about the table, in CreateTableStatement::table_settings.
  std::vector<SettingChange> settings;

 protected:
  explicit Statement(StatementKind statement_kind) : kind(statement_kind) {}
};
using StatementPtr = std::unique_ptr<Statement>;

template <class T>
const T* As(const Statement& statement) {
  return statement.kind == T::kKind ? static_cast<const T*>(&statement) : nullptr;
}

struct SelectStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kSelect;
  SelectStatement() : Statement(kKind) {}

  QueryPtr query;
};

// INSERT INTO table [(columns)] and then one of: a query, a file, or data that follows in the text.
struct InsertStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kInsert;
  InsertStatement() : Statement(kKind) {}

  // Bytes [begin, end) of the parsed text, not parsed here. Of VALUES: what follows the word, up to
  // a ';' outside quotes and comments. Of FORMAT: what follows the line with the name (or one space
  // or newline after it), up to the end of the text.
  struct InlineData {
    size_t begin = 0;
    size_t end = 0;
  };

  TableName table;
  std::vector<std::string> columns;  // empty: all of the table
  QueryPtr query;
  std::string infile;        // FROM INFILE 'name'
  std::string input_format;  // "Values" for VALUES; may be empty with infile: by file name
  std::optional<InlineData> data;
};

// A type is kept as text with canonical spacing, for example "Array(Float32)"; DataType::Parse
// reads it.
struct ColumnDefinition {
  std::string name;
  size_t offset = 0;
  std::string type;  // empty: that of the default expression
  ExprPtr default_expression;
  std::vector<ExprPtr> codecs;  // CODEC(Delta, ZSTD(3)): identifiers and functions
  std::string comment;
  bool primary_key = false;  // PRIMARY KEY after the column
};

// name expression TYPE kind(arguments) [GRANULARITY g]
struct IndexDefinition {
  std::string name;
  size_t offset = 0;
  ExprPtr expression;  // tuple(...) for several columns
  std::string type;
  std::vector<IndexArgument> arguments;
  std::optional<uint64_t> granularity;  // omitted: the default of the type
};

struct ConstraintDefinition {
  std::string name;
  size_t offset = 0;
  ExprPtr expression;
};

// The items of a key: `a`, `(a, b)` and `tuple()` have one, two and none.
using KeyDefinition = std::vector<ExprPtr>;

struct CreateTableStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kCreateTable;
  CreateTableStatement() : Statement(kKind) {}

  TableName table;
  bool if_not_exists = false;
  std::optional<TableName> as_table;  // CREATE TABLE a AS b
  std::vector<ColumnDefinition> columns;
  std::vector<IndexDefinition> indexes;
  std::vector<ConstraintDefinition> constraints;
  std::string engine;  // empty: not given
  std::vector<ExprPtr> engine_arguments;
  std::optional<KeyDefinition> order_by;
  std::optional<KeyDefinition> partition_by;
  std::optional<KeyDefinition> primary_key;  // from inside the column list or after it
  std::vector<SettingChange> table_settings;
  std::string comment;
};

// CREATE [OR REPLACE] VIEW [IF NOT EXISTS] view [(columns)] [(names)] [COMMENT 'text'] AS query
struct CreateViewStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kCreateView;
  CreateViewStatement() : Statement(kKind) {}

  TableName view;
  bool or_replace = false;
  bool if_not_exists = false;
  std::vector<ColumnDefinition> columns;  // (a UInt8, ...): what there is of the query, by name
  std::vector<std::string> names;         // (a, ...): what its columns are called, in their order
  std::string comment;
  QueryPtr query;  // with placeholders {name:Type}: a parameterised view
};

struct CreateIndexStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kCreateIndex;
  CreateIndexStatement() : Statement(kKind) {}

  TableName table;
  bool if_not_exists = false;
  IndexDefinition index;
};

struct DropTableStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kDropTable;
  DropTableStatement() : Statement(kKind) {}

  TableName table;
  bool is_view = false;  // DROP VIEW
  bool if_exists = false;
  bool sync = false;
};

struct DropIndexStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kDropIndex;
  DropIndexStatement() : Statement(kKind) {}

  TableName table;
  bool if_exists = false;
  std::string index;
};

struct TruncateTableStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kTruncateTable;
  TruncateTableStatement() : Statement(kKind) {}

  TableName table;
  bool if_exists = false;
};

struct RenameTableStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kRenameTable;
  RenameTableStatement() : Statement(kKind) {}

  std::vector<std::pair<TableName, TableName>> renames;  // from, to
};

struct DetachTableStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kDetachTable;
  DetachTableStatement() : Statement(kKind) {}

  TableName table;
  bool if_exists = false;
};

struct AttachTableStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kAttachTable;
  AttachTableStatement() : Statement(kKind) {}

  TableName table;
  bool if_not_exists = false;
};

// column = expression
struct Assignment {
  std::string column;
  ExprPtr expression;
};

// What stands behind PARTITION: the values of its key, or ID and its id as a string.
struct PartitionName {
  ExprPtr value;  // null: no partition is named
  bool is_id = false;

  explicit operator bool() const { return value != nullptr; }
};

struct AlterCommand {
  enum class Kind : uint8_t {
    kAddIndex,          // index, if_not_exists, first, after
    kDropIndex,         // name, if_exists
    kMaterializeIndex,  // name, if_exists, partition
    kClearIndex,        // name, if_exists, partition
    kAddConstraint,     // constraint, if_not_exists
    kDropConstraint,    // name, if_exists
    kModifySetting,     // settings
    kUpdate,            // assignments, where, partition
    kDelete,            // where, partition
  };

  Kind kind;
  size_t offset = 0;
  std::string name;
  bool if_exists = false;
  bool if_not_exists = false;
  IndexDefinition index;
  bool first = false;
  std::string after;
  ConstraintDefinition constraint;
  PartitionName partition;  // IN PARTITION
  std::vector<SettingChange> settings;
  std::vector<Assignment> assignments;
  ExprPtr where;
};

// ALTER TABLE table command, command, ...
struct AlterTableStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kAlterTable;
  AlterTableStatement() : Statement(kKind) {}

  TableName table;
  std::vector<AlterCommand> commands;
};

// DELETE FROM table [IN PARTITION expression] WHERE condition
struct DeleteStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kDelete;
  DeleteStatement() : Statement(kKind) {}

  TableName table;
  PartitionName partition;  // none: all
  ExprPtr where;
};

// UPDATE table SET assignments WHERE condition
struct UpdateStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kUpdate;
  UpdateStatement() : Statement(kKind) {}

  TableName table;
  std::vector<Assignment> assignments;
  ExprPtr where;
};

struct OptimizeTableStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kOptimizeTable;
  OptimizeTableStatement() : Statement(kKind) {}

  TableName table;
  PartitionName partition;  // none: all
  bool final = false;
};

struct CheckTableStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kCheckTable;
  CheckTableStatement() : Statement(kKind) {}

  TableName table;
};

struct ShowStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kShow;
  ShowStatement() : Statement(kKind) {}

  enum class What : uint8_t {
    kTables,
    kDatabases,
    kSettings,
    kProcesslist,
    kCreateTable,
    kIndexes
  };

  What what = What::kTables;
  TableName table;       // of kCreateTable and kIndexes
  bool is_view = false;  // SHOW CREATE VIEW
  std::string database;  // SHOW TABLES FROM database
  std::optional<std::string> like;
  bool not_like = false;
  bool case_insensitive = false;  // ILIKE
};

// DESCRIBE [TABLE] table, table function or (SELECT ...)
struct DescribeTableStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kDescribeTable;
  DescribeTableStatement() : Statement(kKind) {}

  TableExpression table;
};

struct ExistsTableStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kExistsTable;
  ExistsTableStatement() : Statement(kKind) {}

  TableName table;
  bool is_view = false;  // EXISTS VIEW
};

struct UseStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kUse;
  UseStatement() : Statement(kKind) {}

  std::string database;
};

// SYSTEM STOP MERGES [table], SYSTEM FLUSH LOGS, ...
struct SystemStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kSystem;
  SystemStatement() : Statement(kKind) {}

  std::string command;  // in upper case with single spaces, for example "STOP MERGES"
  std::optional<TableName> table;
};

// SET name = value, ...; the changes are in Statement::settings.
struct SetStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kSet;
  SetStatement() : Statement(kKind) {}
};

struct ExplainStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kExplain;
  ExplainStatement() : Statement(kKind) {}

  enum class What : uint8_t { kPlan, kAst, kSyntax, kPipeline, kEstimate, kRecall };

  What what = What::kPlan;
  std::vector<SettingChange> options;  // EXPLAIN indexes = 1, header = 1 SELECT ...
  QueryPtr query;
};

// KILL QUERY WHERE condition over system.processes
struct KillQueryStatement final : Statement {
  static constexpr StatementKind kKind = StatementKind::kKillQuery;
  KillQueryStatement() : Statement(kKind) {}

  ExprPtr where;
  bool sync = false;
};

}  // namespace granary::sql
