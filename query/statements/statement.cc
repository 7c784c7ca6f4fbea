#include "granary/query/statements/statement.h"

#include "granary/query/engine/engine.h"
#include "granary/query/planning/explain.h"
#include "granary/query/planning/planner.h"
#include "granary/query/planning/sources/source.h"
#include "granary/query/statements/session_state.h"

namespace granary {
namespace {

[[noreturn]] void ThrowNotImplemented(const char* what, const char* instead) {
  throw Error(ErrorCode::kNotImplemented, std::string(what) + " is not implemented; " + instead);
}

PlanPtr RunUse(const sql::UseStatement& statement) {
  CheckDatabase(statement.database);
  return nullptr;
}

}  // namespace

PlanPtr RunStatement(const StatementCall& call) {
  const sql::Statement& statement = *call.statement;
  StatementContext& context = *call.context;
  using Kind = sql::StatementKind;
  switch (statement.kind) {
    case Kind::kSelect:
      return Planner(&context).PlanQuery(*sql::As<sql::SelectStatement>(statement)->query);
    case Kind::kExplain:
      return PlanExplain(*sql::As<sql::ExplainStatement>(statement), context);
    case Kind::kInsert:
      return RunInsert(*sql::As<sql::InsertStatement>(statement), call);
    case Kind::kCreateTable:
      return RunCreateTable(*sql::As<sql::CreateTableStatement>(statement), context);
    case Kind::kCreateView:
      return RunCreateView(*sql::As<sql::CreateViewStatement>(statement), context);
    case Kind::kDropTable:
      return RunDropTable(*sql::As<sql::DropTableStatement>(statement), context);
    case Kind::kTruncateTable:
      return RunTruncateTable(*sql::As<sql::TruncateTableStatement>(statement), context);
    case Kind::kRenameTable:
      return RunRenameTable(*sql::As<sql::RenameTableStatement>(statement), context);
    case Kind::kAlterTable:
      return RunAlterTable(*sql::As<sql::AlterTableStatement>(statement), context);
    case Kind::kCreateIndex:
      return RunCreateIndex(*sql::As<sql::CreateIndexStatement>(statement), context);
    case Kind::kDropIndex:
      return RunDropIndex(*sql::As<sql::DropIndexStatement>(statement), context);
    case Kind::kOptimizeTable:
      return RunOptimize(*sql::As<sql::OptimizeTableStatement>(statement), context);
    case Kind::kCheckTable:
      return RunCheckTable(*sql::As<sql::CheckTableStatement>(statement), context);
    case Kind::kSystem:
      return RunSystem(*sql::As<sql::SystemStatement>(statement), context);
    case Kind::kKillQuery:
      return RunKillQuery(*sql::As<sql::KillQueryStatement>(statement), context);
    case Kind::kShow:
      return PlanShow(*sql::As<sql::ShowStatement>(statement), context);
    case Kind::kDescribeTable:
      return PlanDescribe(*sql::As<sql::DescribeTableStatement>(statement), context);
    case Kind::kExistsTable:
      return PlanExists(*sql::As<sql::ExistsTableStatement>(statement), context);
    case Kind::kUse:
      return RunUse(*sql::As<sql::UseStatement>(statement));
    case Kind::kSet:
      call.session->Change(statement.settings);
      return nullptr;
    case Kind::kDelete:
      return RunDelete(*sql::As<sql::DeleteStatement>(statement), context);
    case Kind::kUpdate:
      return RunUpdate(*sql::As<sql::UpdateStatement>(statement), context);
    case Kind::kDetachTable:
    case Kind::kAttachTable:
      ThrowNotImplemented("DETACH and ATTACH TABLE", "close the database or use RENAME TABLE");
  }
  ThrowNotImplemented("This statement", "see the README for those there are");
}

}  // namespace granary
