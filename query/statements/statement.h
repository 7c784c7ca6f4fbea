// Running statements that are not queries, and making the plans of those whose result is rows. One
// file per family: tables.cc (CREATE, DROP ...), views.cc, alter.cc, insert.cc, delete.cc, show.cc,
// maintenance.cc.
#pragma once

#include <string_view>

#include "granary/query/engine/statement_context.h"
#include "granary/query/options.h"
#include "granary/query/plan/plan.h"
#include "granary/query/sql/ast.h"

namespace granary {

class SessionState;

// A statement and what it runs with.
struct StatementCall {
  const sql::Statement* statement = nullptr;
  std::string_view text;  // that the statement was parsed from
  StatementContext* context = nullptr;
  SessionState* session = nullptr;  // what SET changes
  // Of INSERT ... FORMAT; may be empty.
  std::function<size_t(std::span<char>)> input;
};

// Runs the statement, and returns the plan of its result; null if it has none. Throws
// NOT_IMPLEMENTED for statements that the parser knows and Granary does not have.
PlanPtr RunStatement(const StatementCall& call);

// The families.
PlanPtr RunCreateTable(const sql::CreateTableStatement& statement, StatementContext& context);
PlanPtr RunCreateView(const sql::CreateViewStatement& statement, StatementContext& context);
PlanPtr RunDropTable(const sql::DropTableStatement& statement, StatementContext& context);
PlanPtr RunTruncateTable(const sql::TruncateTableStatement& statement, StatementContext& context);
PlanPtr RunRenameTable(const sql::RenameTableStatement& statement, StatementContext& context);

PlanPtr RunAlterTable(const sql::AlterTableStatement& statement, StatementContext& context);
PlanPtr RunCreateIndex(const sql::CreateIndexStatement& statement, StatementContext& context);
PlanPtr RunDropIndex(const sql::DropIndexStatement& statement, StatementContext& context);

PlanPtr RunInsert(const sql::InsertStatement& statement, const StatementCall& call);

PlanPtr RunDelete(const sql::DeleteStatement& statement, StatementContext& context);
PlanPtr RunUpdate(const sql::UpdateStatement& statement, StatementContext& context);

PlanPtr PlanShow(const sql::ShowStatement& statement, StatementContext& context);
PlanPtr PlanDescribe(const sql::DescribeTableStatement& statement, StatementContext& context);
PlanPtr PlanExists(const sql::ExistsTableStatement& statement, StatementContext& context);

PlanPtr RunOptimize(const sql::OptimizeTableStatement& statement, StatementContext& context);
PlanPtr RunSystem(const sql::SystemStatement& statement, StatementContext& context);
PlanPtr RunCheckTable(const sql::CheckTableStatement& statement, StatementContext& context);
PlanPtr RunKillQuery(const sql::KillQueryStatement& statement, StatementContext& context);

}  // namespace granary
