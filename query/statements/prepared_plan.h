// What is kept of a prepared statement: its syntax tree, and the plan of its last run, which serves
// again as long as what it depends on is the same. Thread-safe: copies of a PreparedStatement may
// share it.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "granary/query/planning/planner.h"
#include "granary/query/sql/ast.h"
#include "granary/query/statements/running_statement.h"

namespace granary {

class PreparedPlan {
 public:
  // Parses; plans if no placeholder needs a value.
  PreparedPlan(Engine* engine, QuerySettings settings, Parameters default_parameters,
               std::string text);

  const Header& parameters() const { return parameters_; }
  const Parameters& default_parameters() const { return default_parameters_; }
  // Throws UNKNOWN_QUERY_PARAMETER, which lists those there are.
  void CheckParameter(std::string_view name) const;

  std::unique_ptr<RunningStatement> Execute(const Parameters& parameters,
                                            const ExecuteOptions& options);

 private:
  struct CachedPlan {
    PlanPtr plan;
    PlanDependencies dependencies;
    Parameters parameters;  // that it was made with
    MemoryCharge charge;    // of the plan
  };

  PlanPtr PlanFor(StatementContext& context);
  bool IsCurrent(const CachedPlan& cached, StatementContext& context) const;

  Engine* const engine_;
  QuerySettings settings_;
  const Parameters default_parameters_;
  const std::string text_;
  sql::StatementPtr statement_;
  MemoryCharge charge_;  // of the text and the syntax tree, to the database
  Header parameters_;

  std::mutex mutex_;
  std::shared_ptr<const CachedPlan> cached_;  // guarded by mutex_
};

// A statement that has entered the process list. Database::Execute and prepared statements begin
// so.
std::unique_ptr<RunningStatement> BeginStatement(Engine* engine, QuerySettings settings,
                                                 Parameters parameters, std::string_view text,
                                                 const ExecuteOptions& options);

// Checks max_query_size and max_parser_depth. Throws SYNTAX_ERROR, ...
sql::StatementPtr ParseWithLimits(std::string_view text, const QuerySettings& settings);

// `settings` with the SETTINGS clause of the statement applied.
QuerySettings SettingsOf(const sql::Statement& statement, const QuerySettings& settings);

}  // namespace granary
