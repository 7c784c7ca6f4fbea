#include "granary/query/statements/prepared_plan.h"

#include <algorithm>
#include <utility>

#include "granary/query/engine/engine.h"
#include "granary/query/sql/parser.h"
#include "granary/query/sql/sql_walk.h"
#include "granary/query/statements/statement.h"

namespace granary {

std::unique_ptr<RunningStatement> BeginStatement(Engine* engine, QuerySettings settings,
                                                 Parameters parameters, std::string_view text,
                                                 const ExecuteOptions& options) {
  // What system.processes shows of a long INSERT.
  constexpr size_t kShownText = 4096;
  auto context = std::make_unique<StatementContext>(
      engine, std::move(settings), std::move(parameters),
      options.query_id.empty() ? engine->NewQueryId() : options.query_id,
      std::string(text.substr(0, kShownText)), options.cancel);
  auto running = std::make_unique<RunningStatement>(std::move(context), options.on_progress);
  if (engine->options().refresh == RefreshMode::kAuto) {
    engine->tables().Refresh(running->context().task());
  }
  return running;
}

namespace {

// The names of the expressions of the plan.
constexpr size_t kCopiesOfTextInPlan = 1;

// The query of a statement that has one.
const sql::Query* QueryOf(const sql::Statement& statement) {
  if (const auto* select = sql::As<sql::SelectStatement>(statement)) return select->query.get();
  if (const auto* explain = sql::As<sql::ExplainStatement>(statement)) return explain->query.get();
  if (const auto* insert = sql::As<sql::InsertStatement>(statement)) return insert->query.get();
  if (const auto* create = sql::As<sql::CreateViewStatement>(statement)) return create->query.get();
  return nullptr;
}

size_t TreeBytesOf(const sql::Statement& statement) {
  const sql::Query* const query = QueryOf(statement);
  return query == nullptr ? 0 : TreeBytes(*query);
}

void CheckElements(const sql::Query& query, const QuerySettings& settings) {
  if (settings.max_ast_depth != 0 && query.height > settings.max_ast_depth) {
    throw Error(ErrorCode::kTooDeepAst, "The statement is nested " + std::to_string(query.height) +
                                            " deep, max_ast_depth is " +
                                            std::to_string(settings.max_ast_depth) +
                                            "; raise it, or take the statement apart");
  }
  if (settings.max_ast_elements == 0) return;
  const size_t elements = CountElements(query);
  if (elements > settings.max_ast_elements) {
    throw Error(ErrorCode::kTooBigAst, "The statement has " + std::to_string(elements) +
                                           " elements, max_ast_elements is " +
                                           std::to_string(settings.max_ast_elements) +
                                           "; raise it, or take the statement apart");
  }
}

}  // namespace

sql::StatementPtr ParseWithLimits(std::string_view text, const QuerySettings& settings) {
  sql::ParseLimits limits;
  limits.max_depth = static_cast<uint32_t>(settings.max_parser_depth);
  sql::StatementPtr statement = sql::ParseStatement(text, limits);
  if (const sql::Query* query = QueryOf(*statement)) CheckElements(*query, settings);
  size_t bytes = text.size();
  const auto* insert = sql::As<sql::InsertStatement>(*statement);
  if (insert != nullptr && insert->data) bytes -= insert->data->end - insert->data->begin;
  if (bytes > settings.max_query_size) {
    throw Error(ErrorCode::kSyntaxError, "The statement has " + std::to_string(bytes) +
                                             " bytes, max_query_size is " +
                                             std::to_string(settings.max_query_size));
  }
  return statement;
}

QuerySettings SettingsOf(const sql::Statement& statement, const QuerySettings& settings) {
  QuerySettings changed = settings;
  const auto apply = [&](const std::vector<sql::SettingChange>& changes) {
    for (const auto& change : changes) ApplySetting(changed, change.name, change.value);
  };
  if (statement.kind != sql::StatementKind::kSet) apply(statement.settings);
  const auto apply_query = [&](const auto* of) {
    if (of != nullptr && of->query != nullptr) apply(of->query->selects.back().settings);
  };
  apply_query(sql::As<sql::SelectStatement>(statement));
  apply_query(sql::As<sql::ExplainStatement>(statement));
  apply_query(sql::As<sql::InsertStatement>(statement));
  return changed;
}

PreparedPlan::PreparedPlan(Engine* engine, QuerySettings settings, Parameters default_parameters,
                           std::string text)
    : engine_(engine),
      default_parameters_(std::move(default_parameters)),
      text_(std::move(text)),
      statement_(ParseWithLimits(text_, settings)),
      charge_(engine->memory(), text_.size() + TreeBytesOf(*statement_), "a prepared statement") {
  settings_ = SettingsOf(*statement_, settings);
  const auto* select = sql::As<sql::SelectStatement>(*statement_);
  if (select == nullptr) {
    throw Error(ErrorCode::kNotImplemented,
                "Only SELECT can be prepared; execute this statement, or use Database::Insert");
  }
  for (const sql::QueryParameter* placeholder : FindPlaceholders(*select->query)) {
    parameters_.push_back({placeholder->name, DataType::Parse(placeholder->type)});
  }
  if (!parameters_.empty()) return;
  StatementContext context(engine_, settings_, {}, engine_->NewQueryId(), text_, nullptr);
  const TaskScope scope(&context.task());
  PlanFor(context);
}

void PreparedPlan::CheckParameter(std::string_view name) const {
  std::string known;
  for (const HeaderColumn& parameter : parameters_) {
    if (parameter.name == name) return;
    known += (known.empty() ? "" : ", ") + parameter.name;
  }
  throw Error(ErrorCode::kUnknownQueryParameter,
              "The statement has no placeholder {" + std::string(name) +
                  ":...}; it has: " + (known.empty() ? "none" : known));
}

std::unique_ptr<RunningStatement> PreparedPlan::Execute(const Parameters& parameters,
                                                        const ExecuteOptions& options) {
  auto running = BeginStatement(engine_, settings_, parameters, text_, options);
  const TaskScope scope(&running->context().task());
  running->Start(PlanFor(running->context()), statement_->format, statement_->outfile);
  return running;
}

PlanPtr PreparedPlan::PlanFor(StatementContext& context) {
  std::shared_ptr<const CachedPlan> cached;
  {
    std::lock_guard lock(mutex_);
    cached = cached_;
  }
  if (cached != nullptr && IsCurrent(*cached, context)) return cached->plan;
  context.ChargePlan(kCopiesOfTextInPlan * text_.size());
  Planner planner(&context);
  auto made = std::make_shared<CachedPlan>();
  made->plan = planner.PlanQuery(*sql::As<sql::SelectStatement>(*statement_)->query);
  made->dependencies = std::move(planner.dependencies());
  made->parameters = context.parameters();
  made->charge = context.TakePlanCharge();
  made->charge.Resize(made->charge.bytes() - planner.passing_bytes(), "a prepared statement");
  std::lock_guard lock(mutex_);
  cached_ = made;
  return made->plan;
}

bool PreparedPlan::IsCurrent(const CachedPlan& cached, StatementContext& context) const {
  const PlanDependencies& dependencies = cached.dependencies;
  if (dependencies.has_subqueries) return false;
  if (cached.parameters.matrix() != context.parameters().matrix()) return false;
  for (const auto& [table, schema] : dependencies.tables) {
    if (engine_->tables().Find(table->name) != table) return false;
    if (context.Parts(*table)->schema != schema) return false;
  }
  return std::all_of(dependencies.parameters.begin(), dependencies.parameters.end(),
                     [&](const std::string& name) {
                       return cached.parameters.SameValue(context.parameters(), name);
                     });
}

}  // namespace granary
