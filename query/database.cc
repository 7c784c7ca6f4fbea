#include "granary/query/database.h"

#include <utility>

#include "granary/query/engine/engine.h"
#include "granary/query/planning/sources/source.h"
#include "granary/query/sql/parser.h"
#include "granary/query/statements/insertion.h"
#include "granary/query/statements/prepared_plan.h"
#include "granary/query/statements/running_statement.h"
#include "granary/query/statements/session_state.h"
#include "granary/query/statements/statement.h"
#include "granary/table/out_of_memory.h"

namespace granary {
namespace {

// The literals of the syntax tree, and the names of the expressions that are compiled.
constexpr size_t kCopiesOfText = 3;

// Of the rows that stand in the text of an INSERT.
size_t DataBytesOf(const sql::Statement& statement) {
  const auto* insert = sql::As<sql::InsertStatement>(statement);
  return insert != nullptr && insert->data ? insert->data->end - insert->data->begin : 0;
}

std::unique_ptr<RunningStatement> Begin(Engine* engine, const SessionState& session,
                                        std::string_view text, const ExecuteOptions& options) {
  Parameters parameters = session.parameters();
  parameters.Merge(options.parameters);
  return BeginStatement(engine, session.settings(), std::move(parameters), text, options);
}

std::unique_ptr<RunningStatement> Run(Engine* engine, SessionState* session, std::string_view sql,
                                      const ExecuteOptions& options) {
  std::unique_ptr<RunningStatement> running = Begin(engine, *session, sql, options);
  StatementContext& context = running->context();
  const TaskScope scope(&context.task());
  const sql::StatementPtr statement = ParseWithLimits(sql, context.settings());
  context.ChargePlan(kCopiesOfText * (sql.size() - DataBytesOf(*statement)));
  context.ChangeSettings(SettingsOf(*statement, context.settings()));
  PlanPtr plan = RunStatement({.statement = statement.get(),
                               .text = sql,
                               .context = &context,
                               .session = session,
                               .input = options.input});
  running->Start(std::move(plan), statement->format, statement->outfile);
  return running;
}

void InsertBlock(Engine* engine, const QuerySettings& settings, std::string_view table,
                 const Block& block) {
  engine->CheckWritable();
  const auto running =
      BeginStatement(engine, settings, {}, "INSERT INTO " + std::string(table), {});
  StatementContext& context = running->context();
  const TaskScope scope(&context.task());
  std::vector<std::string> columns;
  for (const NamedColumn& column : block.columns()) columns.push_back(column.name);
  if (columns.empty()) {
    throw Error(ErrorCode::kNoDataToInsert, "The block to insert has no columns");
  }
  Insertion insertion(ResolveTable({.database = {}, .table = std::string(table)}, context),
                      std::move(columns), &context);
  for (size_t i = 0; i < block.column_count(); ++i) {
    const DataType& type = insertion.completion().type(i);
    if (block.column(i)->type() == type) continue;
    throw Error(ErrorCode::kTypeMismatch, "Column '" + block.name(i) + "' of the block is " +
                                              block.column(i)->type().name() + ", of table '" +
                                              std::string(table) + "' it is " + type.name());
  }
  bool is_taken = false;
  insertion.Run([&]() -> std::optional<IncomingRows> {
    if (std::exchange(is_taken, true)) return std::nullopt;
    return IncomingRows{block, {}};
  });
}

}  // namespace

Result::Result(std::unique_ptr<RunningStatement> statement) : statement_(std::move(statement)) {}
Result::Result(Result&&) noexcept = default;
Result& Result::operator=(Result&&) noexcept = default;
Result::~Result() = default;

const Header& Result::columns() const { return statement_->columns(); }
std::optional<Block> Result::Next() {
  return TranslatingBadAlloc([&] { return statement_->Next(); });
}
void Result::Cancel() { statement_->context().Cancel(); }
const std::string& Result::query_id() const { return statement_->context().query_id(); }
const std::optional<std::string>& Result::format() const { return statement_->format(); }
const QuerySettings& Result::settings() const { return statement_->context().settings(); }
std::vector<std::string> Result::warnings() const {
  return TranslatingBadAlloc([&] { return statement_->context().warnings(); });
}
StatementProgress Result::progress() const {
  return TranslatingBadAlloc([&] { return statement_->context().progress(); });
}
uint64_t Result::rows_written() const { return statement_->context().rows_written(); }

Block Result::ReadAll() {
  return TranslatingBadAlloc([&] {
    std::vector<Block> blocks;
    Block empty;
    for (const HeaderColumn& column : columns()) {
      empty.Add(column.name, MakeDefaults(column.type, 0)->Materialize());
    }
    blocks.push_back(std::move(empty));
    while (std::optional<Block> block = Next()) blocks.push_back(std::move(*block));
    return blocks.size() == 2 ? blocks.back() : ConcatenateBlocks(blocks);
  });
}

Session::Session(Database* database)
    : engine_(database->engine_.get()), state_(TranslatingBadAlloc([&] {
        return std::make_unique<SessionState>(engine_->options().settings);
      })) {}

Session::~Session() = default;

QuerySettings Session::settings() const {
  return TranslatingBadAlloc([&] { return state_->settings(); });
}
void Session::Set(std::string_view name, const Value& value) {
  TranslatingBadAlloc([&] { state_->Set(name, value); });
}
void Session::SetParameter(std::string_view name, std::string_view text) {
  TranslatingBadAlloc([&] { state_->SetParameter(name, text); });
}

Result Session::Execute(std::string_view sql, const ExecuteOptions& options) {
  return TranslatingBadAlloc([&] { return Result(Run(engine_, state_.get(), sql, options)); });
}

PreparedStatement Session::Prepare(std::string_view sql) {
  return TranslatingBadAlloc([&] {
    return PreparedStatement(std::make_shared<PreparedPlan>(
        engine_, state_->settings(), state_->parameters(), std::string(sql)));
  });
}

PreparedStatement::PreparedStatement(std::shared_ptr<PreparedPlan> plan)
    : plan_(std::move(plan)), parameters_(plan_->default_parameters()) {}
PreparedStatement::PreparedStatement(PreparedStatement&&) noexcept = default;
PreparedStatement& PreparedStatement::operator=(PreparedStatement&&) noexcept = default;
PreparedStatement::~PreparedStatement() = default;

const Header& PreparedStatement::parameters() const { return plan_->parameters(); }

Parameters& PreparedStatement::ParametersFor(std::string_view name) {
  TranslatingBadAlloc([&] { plan_->CheckParameter(name); });
  return parameters_;
}

Result PreparedStatement::Execute(const ExecuteOptions& options) {
  return TranslatingBadAlloc([&] {
    if (options.parameters.empty()) return Result(plan_->Execute(parameters_, options));
    Parameters parameters = parameters_;
    parameters.Merge(options.parameters);
    return Result(plan_->Execute(parameters, options));
  });
}

Inserter::Inserter(Database* database, std::string table)
    : database_(database), table_(std::move(table)) {}

void Inserter::Append(const Block& block) {
  TranslatingBadAlloc([&] { blocks_.push_back(block); });
  rows_ += block.rows();
  if (rows_ >= database_->options().settings.max_insert_block_size) Finish();
}

void Inserter::Finish() {
  if (blocks_.empty()) return;
  TranslatingBadAlloc([&] { database_->Insert(table_, ConcatenateBlocks(blocks_)); });
  blocks_.clear();
  rows_ = 0;
}

Database::Database(std::unique_ptr<Engine> engine)
    : engine_(std::move(engine)), default_session_(std::make_unique<Session>(this)) {}

Database::~Database() = default;

std::unique_ptr<Database> Database::Open(DatabaseOptions options) {
  return TranslatingBadAlloc([&] {
    return std::unique_ptr<Database>(new Database(std::make_unique<Engine>(std::move(options))));
  });
}

Result Database::Execute(std::string_view sql, const ExecuteOptions& options) {
  return default_session_->Execute(sql, options);
}

PreparedStatement Database::Prepare(std::string_view sql) { return default_session_->Prepare(sql); }

void Database::Insert(std::string_view table, const Block& block) {
  TranslatingBadAlloc(
      [&] { InsertBlock(engine_.get(), default_session_->settings(), table, block); });
}

void Database::Refresh() {
  TranslatingBadAlloc([&] { engine_->Refresh(); });
}
bool Database::Cancel(std::string_view query_id) { return engine_->processes().Cancel(query_id); }
const DatabaseOptions& Database::options() const { return engine_->options(); }
size_t Database::memory_used() const { return engine_->memory().used(); }
size_t Database::memory_peak() const { return engine_->memory().peak(); }

}  // namespace granary
