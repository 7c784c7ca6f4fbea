// Granary, as a program uses it: open a directory (or memory), execute SQL, read typed columns.
//
//   auto database = granary::Database::Open({});  // {.path = "points"} keeps it in a directory
//   database->Execute(
//       "CREATE TABLE points (id UInt64, v Array(Float32), INDEX near v TYPE "
//       "vector_similarity('hnsw', 'L2Distance', 8)) ENGINE = MergeTree ORDER BY id");
//
//   auto search = database->Prepare(
//       "SELECT id, L2Distance(v, {q:Array(Float32)}) AS distance FROM points "
//       "ORDER BY distance LIMIT 3");
//   granary::Result result = search.Bind("q", query).Execute();
//   while (auto block = result.Next()) {
//     const auto& nearest = granary::AsNumbers<uint64_t>(*block->Get("id"));
//
// The query is a span of floats. examples/embed.cc is the whole program; these lines stand in it.
//
// Every call throws granary::Error (table/error.h) when it fails, MEMORY_LIMIT_EXCEEDED where the
// process has no more memory; a failed statement changes nothing. Database and Session may be used
// from any number of threads at once; a Result, a PreparedStatement and an Inserter belong to one
// thread at a time (but Result::Cancel may be called from any). All of them must be gone before the
// Database is.
//
// The library starts threads only inside Database, prints nothing and never ends the process.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "granary/query/expressions/parameters.h"
#include "granary/query/formats/header.h"
#include "granary/query/options.h"
#include "granary/table/block.h"
#include "granary/table/error.h"

namespace granary {

class Database;
class Engine;
class PreparedPlan;
class RunningStatement;
class SessionState;

// The rows of a statement, block by block. The statement runs while Next() is called; destroying a
// Result ends it. Statements that return no rows have run when Execute returns.
class Result {
 public:
  explicit Result(std::unique_ptr<RunningStatement> statement);
  Result(Result&&) noexcept;
  Result& operator=(Result&&) noexcept;
  ~Result();

  // Names and types; empty for statements that return no rows.
  const Header& columns() const;
  // The next block (at least one row; columns in the order of columns(), never constant), or
  // nothing at the end. Throws QUERY_WAS_CANCELLED, TIMEOUT_EXCEEDED, MEMORY_LIMIT_EXCEEDED and
  // what the expressions throw; nothing more comes after an error.
  std::optional<Block> Next();
  // All rows that are left as one block (with the columns, even if there are no rows).
  Block ReadAll();

  // From any thread: a running or the next Next() throws QUERY_WAS_CANCELLED within 100 ms.
  void Cancel();

  const std::string& query_id() const;
  // The FORMAT of the statement, or nothing.
  const std::optional<std::string>& format() const;
  // The settings the statement runs with: the session's, changed by its SETTINGS clause. For
  // whoever prints the rows.
  const QuerySettings& settings() const;
  // What went wrong without failing the statement, so far.
  std::vector<std::string> warnings() const;
  // Rows and bytes read so far, and the time since the statement began (until its end).
  StatementProgress progress() const;
  // Rows that an INSERT wrote.
  uint64_t rows_written() const;

 private:
  std::unique_ptr<RunningStatement> statement_;
};

// A statement that has been parsed once and runs many times with other parameters. Its plan is
// kept: a search with another query vector runs the same plan. Other parameters, subqueries and a
// changed schema are part of the plan, so that a run with other values of them plans again (without
// parsing). New data is always seen.
class PreparedStatement {
 public:
  explicit PreparedStatement(std::shared_ptr<PreparedPlan> plan);
  PreparedStatement(PreparedStatement&&) noexcept;
  PreparedStatement& operator=(PreparedStatement&&) noexcept;
  ~PreparedStatement();

  // Values stay bound until bound again. Vectors are copied. UNKNOWN_QUERY_PARAMETER if the
  // statement has no placeholder of that name.
  template <class T>
  PreparedStatement& Bind(std::string_view name, const T& value) {
    if constexpr (std::is_convertible_v<const T&, std::span<const float>>) {
      ParametersFor(name).Set(name, std::span<const float>(value));
    } else if constexpr (std::is_convertible_v<const T&, std::span<const double>>) {
      ParametersFor(name).Set(name, std::span<const double>(value));
    } else {
      ParametersFor(name).Set(name, value);
    }
    return *this;
  }

  // Many vectors at once, values.size() / dimensions of them, for the placeholder of a search:
  //
  //   granary::Result batch = search.BindMatrix("q", queries, kDimensions).Execute();
  //
  // The result has a column more, the first one: `query`, UInt64, the number of the vector from 0.
  // Rows come in its order, those of one vector as if it had been searched alone, with one
  // difference: WHERE is evaluated once for all rows, never only for those a search comes to, so
  // that other of the near rows may be found. Bind makes it a search of one vector again. Throws
  // BAD_ARGUMENTS unless `dimensions` divides the number of values; Execute throws NOT_IMPLEMENTED
  // if the statement is no nearest-neighbour search by the placeholder.
  PreparedStatement& BindMatrix(std::string_view name, std::span<const float> values,
                                size_t dimensions) {
    ParametersFor(name).SetMatrix(name, values, dimensions);
    return *this;
  }

  // Throws UNKNOWN_QUERY_PARAMETER if a placeholder has no value.
  Result Execute(const ExecuteOptions& options = {});

  // Placeholders, in order of first use, with their types.
  const Header& parameters() const;

 private:
  Parameters& ParametersFor(std::string_view name);

  std::shared_ptr<PreparedPlan> plan_;
  Parameters parameters_;
};

// Collects blocks and inserts them in statements of up to max_insert_block_size rows.
class Inserter {
 public:
  Inserter(Database* database, std::string table);
  Inserter(Inserter&&) noexcept = default;
  // Rows that were not finished are dropped.
  ~Inserter() = default;

  // As Database::Insert; all blocks have the same columns.
  void Append(const Block& block);
  // Inserts what is left.
  void Finish();

 private:
  Database* database_;
  std::string table_;
  std::vector<Block> blocks_;
  size_t rows_ = 0;
};

// Settings (SET) and parameters (SET param_name) that last from statement to statement.
class Session {
 public:
  explicit Session(Database* database);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Runs one statement. Throws SYNTAX_ERROR if there is more than one.
  Result Execute(std::string_view sql, const ExecuteOptions& options = {});
  // The plan keeps the settings that the session has now.
  PreparedStatement Prepare(std::string_view sql);

  QuerySettings settings() const;
  // As SET name = value; throws UNKNOWN_SETTING, INVALID_SETTING_VALUE, ...
  void Set(std::string_view name, const Value& value);
  // As SET param_name = 'text'.
  void SetParameter(std::string_view name, std::string_view text);

 private:
  Engine* engine_;
  std::unique_ptr<SessionState> state_;
};

class Database {
 public:
  // Throws DIRECTORY_IS_LOCKED, UNKNOWN_FORMAT_VERSION, CANNOT_OPEN_FILE, CORRUPTED_DATA if the
  // catalogue is damaged (see DatabaseOptions::restore), ... Damaged parts are put aside and
  // reported to on_warning, and so are tables that cannot be used.
  static std::unique_ptr<Database> Open(DatabaseOptions options);
  // Cancels background work and waits for it (100 ms at most, but for an fsync on its way).
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Runs one statement in a session that all callers of this function share.
  Result Execute(std::string_view sql, const ExecuteOptions& options = {});
  PreparedStatement Prepare(std::string_view sql);

  // Inserts rows without SQL. Columns are matched by name; those left out get their DEFAULT; types
  // must be the table's (TYPE_MISMATCH). One statement: all rows or none.
  void Insert(std::string_view table, const Block& block);

  // Of a read-only database: statements that begin from now on see what the writer has committed.
  // Results that are being read, and statements that run, keep what they have begun with. Prepared
  // statements and caches stay good. Cheap if nothing has changed. Does nothing in a database that
  // was opened for writing. Throws as Open; then the state stays what it was.
  void Refresh();

  // Cancels a running statement; false if there is none of this id.
  bool Cancel(std::string_view query_id);

  const DatabaseOptions& options() const;
  // Bytes that are charged to the memory limit now, and the most there have been.
  size_t memory_used() const;
  size_t memory_peak() const;

 private:
  friend class Session;
  friend class Inserter;
  explicit Database(std::unique_ptr<Engine> engine);

  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Session> default_session_;
};

}  // namespace granary
