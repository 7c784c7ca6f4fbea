// OPTIMIZE, SYSTEM, CHECK TABLE and KILL QUERY.
#include <algorithm>
#include <chrono>
#include <thread>

#include "granary/query/engine/engine.h"
#include "granary/query/planning/planner.h"
#include "granary/query/planning/sources/source.h"
#include "granary/query/planning/sources/system_tables.h"
#include "granary/query/sql/parser.h"
#include "granary/query/statements/partition_clause.h"
#include "granary/query/statements/statement.h"
#include "granary/query/steps/plan_steps.h"

namespace granary {
namespace {

bool IsOneOf(const std::string& command, std::initializer_list<const char*> commands) {
  return std::find(commands.begin(), commands.end(), command) != commands.end();
}

void WaitForEnd(const std::string& query_id, StatementContext& context) {
  while (context.engine().processes().IsRunning(query_id)) {
    context.task().CheckCancelled();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void WarmTable(const Table* table, bool only_indexes, StatementContext& context) {
  if (table == nullptr) {
    throw Error(ErrorCode::kSyntaxError,
                "SYSTEM WARM needs a table: SYSTEM WARM TABLE name, or SYSTEM WARM INDEXES name");
  }
  const PartSetPtr parts = context.Parts(*table);
  context.task().executor().ParallelFor(parts->parts.size(), [&](size_t part) {
    parts->parts[part].part->Warm(only_indexes, context.task());
  });
}

PlanPtr RestoreDamaged(const std::optional<sql::TableName>& name, StatementContext& context) {
  if (!name) {
    throw Error(ErrorCode::kSyntaxError, "SYSTEM RESTORE needs a table: SYSTEM RESTORE TABLE name");
  }
  context.engine().CheckWritable();
  CheckDatabase(name->database);
  const std::vector<std::string> report =
      context.engine().tables().Restore(name->table, context.task());
  auto sentences = ColumnBuilder::Create(TypeId::kString);
  for (const std::string& sentence : report) sentences->Append(Value(sentence));
  Block block(report.size());
  block.Add("report", sentences->Finish());
  return std::make_shared<BlockStep>(Header{{"report", TypeId::kString}}, std::move(block),
                                     "RestoreTable");
}

}  // namespace

PlanPtr RunOptimize(const sql::OptimizeTableStatement& statement, StatementContext& context) {
  context.engine().CheckWritable();
  const TablePtr table = ResolveTable(statement.table, context);
  OptimizeOptions options{.partition_id = {}, .final = statement.final};
  if (statement.partition) {
    options.partition_id = PartitionIdOf(statement.partition, *context.Parts(*table), context);
    if (!options.partition_id) return nullptr;
  }
  context.engine().merges().Optimize(table->store, options, context.task());
  return nullptr;
}

PlanPtr RunSystem(const sql::SystemStatement& statement, StatementContext& context) {
  Engine& engine = context.engine();
  if (statement.command == "RESTORE TABLE") return RestoreDamaged(statement.table, context);
  const TablePtr table = statement.table ? ResolveTable(*statement.table, context) : nullptr;
  const TableStore* store = table ? table->store.get() : nullptr;
  const std::string& command = statement.command;
  if (command == "STOP MERGES") {
    engine.CheckWritable();
    engine.merges().Stop(store);
  } else if (command == "START MERGES") {
    engine.CheckWritable();
    engine.merges().Start(store);
  } else if (command == "WAIT MERGES") {
    engine.CheckWritable();
    engine.merges().Wait(store, context.task());
  } else if (IsOneOf(command, {"WARM TABLE", "WARM INDEXES"})) {
    WarmTable(table.get(), command == "WARM INDEXES", context);
  } else if (IsOneOf(command,
                     {"DROP VECTOR SIMILARITY INDEX CACHE", "DROP SKIPPING INDEX CACHE",
                      "CLEAR VECTOR SIMILARITY INDEX CACHE", "CLEAR SKIPPING INDEX CACHE"})) {
    engine.tables().caches().ClearSubIndexes();
  } else if (IsOneOf(command, {"DROP UNCOMPRESSED CACHE", "CLEAR UNCOMPRESSED CACHE"})) {
    engine.tables().caches().ClearFrames();
  } else {
    throw Error(ErrorCode::kNotImplemented,
                "SYSTEM " + command +
                    " is not implemented; there are SYSTEM STOP, START and WAIT MERGES, SYSTEM "
                    "WARM TABLE and WARM INDEXES, SYSTEM RESTORE TABLE, and SYSTEM DROP VECTOR "
                    "SIMILARITY INDEX CACHE and UNCOMPRESSED CACHE");
  }
  return nullptr;
}

PlanPtr RunCheckTable(const sql::CheckTableStatement& statement, StatementContext& context) {
  const TablePtr table = ResolveTable(statement.table, context);
  const PartSetPtr parts = context.Parts(*table);
  auto names = ColumnBuilder::Create(TypeId::kString);
  auto passed = ColumnBuilder::Create(TypeId::kUInt8);
  auto messages = ColumnBuilder::Create(TypeId::kString);
  for (const VisiblePart& visible : parts->parts) {
    std::string message;
    for (const std::string& damage : visible.part->Check(context.task())) {
      message += (message.empty() ? "" : "; ") + damage;
    }
    names->Append(Value(visible.part->name_text()));
    passed->Append(Value(static_cast<uint64_t>(message.empty())));
    messages->Append(Value(message));
  }
  Block block(parts->parts.size());
  block.Add("part_path", names->Finish());
  block.Add("is_passed", passed->Finish());
  block.Add("message", messages->Finish());
  const Header header = {
      {"part_path", TypeId::kString}, {"is_passed", TypeId::kUInt8}, {"message", TypeId::kString}};
  return std::make_shared<BlockStep>(header, std::move(block), "CheckTable");
}

PlanPtr RunKillQuery(const sql::KillQueryStatement& statement, StatementContext& context) {
  sql::Query query;
  sql::Select& select = query.selects.emplace_back();
  for (const char* column : {"query_id", "query"}) {
    auto identifier = std::make_shared<sql::Identifier>();
    identifier->parts = {column};
    select.columns.push_back(std::move(identifier));
  }
  select.from.push_back({.table = sql::TableName{.database = "system", .table = "processes"}});
  select.where = statement.where;
  const Block found = RunToBlock(*Planner(&context).PlanQuery(query), context);

  auto status = ColumnBuilder::Create(TypeId::kString);
  for (size_t row = 0; row < found.rows(); ++row) {
    const std::string id = found.column(0)->ValueAt(row).as_string();
    const bool is_own = id == context.query_id();
    const bool killed = !is_own && context.engine().processes().Cancel(id);
    if (killed && statement.sync) WaitForEnd(id, context);
    status->Append(Value(std::string(killed && !statement.sync ? "waiting" : "finished")));
  }
  Block block(found.rows());
  block.Add("kill_status", status->Finish());
  for (const NamedColumn& column : found.columns()) block.Add(column.name, column.column);
  const Header header = {
      {"kill_status", TypeId::kString}, {"query_id", TypeId::kString}, {"query", TypeId::kString}};
  return std::make_shared<BlockStep>(header, std::move(block), "KillQuery");
}

}  // namespace granary
