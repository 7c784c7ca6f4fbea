#include "granary/bench/compare/statement_search.h"

#include <chrono>

#include "granary/bench/compare/clickhouse_vectors.h"
#include "granary/bench/vector_table.h"

namespace granary::bench {
namespace {

std::unique_ptr<Database> Open(const std::string& directory, size_t threads) {
  DatabaseOptions options;
  options.path = directory;
  options.settings.max_threads = threads;
  return Database::Open(std::move(options));
}

Block TableBlock(const VectorSet& set) {
  std::vector<uint8_t> m;
  std::vector<uint32_t> u;
  for (size_t row = 0; row < set.base.rows; ++row) {
    m.push_back(FilterColumns::M(row));
    u.push_back(FilterColumns::U(row));
  }
  Block block = VectorBlock(set, 0, set.base.rows);
  block.Add("m", std::make_shared<NumberColumn<uint8_t>>(TypeId::kUInt8, std::move(m)));
  block.Add("u", std::make_shared<NumberColumn<uint32_t>>(TypeId::kUInt32, std::move(u)));
  return block;
}

}  // namespace

StatementSearch::StatementSearch(const std::string& directory, const VectorSet& set,
                                 size_t insert_threads)
    : set_(set) {
  {
    const auto database = Open(directory, insert_threads);
    database->Execute(
        "CREATE TABLE vectors (id UInt32, m UInt8, u UInt32, v Array(Float32), INDEX "
        "near v TYPE " +
        DefaultIndex(set) + ") ENGINE = MergeTree ORDER BY id");
    const Block block = TableBlock(set);
    const auto begin = std::chrono::steady_clock::now();
    database->Insert("vectors", block);
    insert_seconds_ =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  database_ = Open(directory, 1);
  session_ = std::make_unique<Session>(database_.get());
  session_->Execute("SYSTEM WARM TABLE vectors");
}

PreparedStatement& StatementSearch::StatementFor(size_t ef, const std::string& condition) {
  const auto found = statements_.find({ef, condition});
  if (found != statements_.end()) return found->second;
  session_->Execute("SET hnsw_candidate_list_size_for_search = " + std::to_string(ef));
  const std::string where = condition.empty() ? "" : " WHERE " + condition;
  PreparedStatement statement = session_->Prepare("SELECT id FROM vectors" + where + " ORDER BY " +
                                                  std::string(MetricFunction(set_.metric)) +
                                                  "(v, {q:Array(Float32)}) LIMIT 10");
  return statements_.emplace(std::pair(ef, condition), std::move(statement)).first->second;
}

void StatementSearch::Search(std::span<const float> query, size_t ef, const std::string& condition,
                             std::pair<uint64_t, uint64_t> parameters,
                             std::vector<uint32_t>& rows) {
  PreparedStatement& statement = StatementFor(ef, condition);
  statement.Bind("q", query);
  if (condition.find("{a:") != std::string::npos) statement.Bind("a", Value(parameters.first));
  if (condition.find("{b:") != std::string::npos) statement.Bind("b", Value(parameters.second));
  ReadIds(statement.Execute(), rows);
}

}  // namespace granary::bench
