// What does a vector search cost through SQL text, through a prepared statement and by exact scan?
// Over the words of examples/data, on one thread.
#include <string>

#include <benchmark/benchmark.h>

#include "granary/bench/vector_table.h"

namespace granary::bench {
namespace {

// The words in memory, in one part with the default index.
struct WordTable {
  WordTable() : words(LoadWords()) {
    DatabaseOptions options;
    options.background_merges = false;
    database = Database::Open(std::move(options));
    CreateVectorTable(*database, words, DefaultIndex(words));
    database->Insert("vectors", VectorBlock(words, 0, words.base.rows));
  }

  static WordTable& Get() {
    static WordTable table;
    return table;
  }

  VectorSet words;
  std::unique_ptr<Database> database;
};

// Runs search(query, rows) over all queries, again and again.
template <class Search>
void MeasureSearches(benchmark::State& state, const VectorSet& set, Search search) {
  std::vector<std::vector<uint32_t>> found(set.queries.rows);
  size_t query = 0;
  for (auto _ : state) {
    search(set.queries.Row(query), found[query]);
    query = (query + 1) % found.size();
  }
  for (; query < found.size(); ++query) search(set.queries.Row(query), found[query]);
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
  state.counters["recall@10"] = RecallAt10(set, found);
}

void SetUpSession(Session& session, bool use_index) {
  session.Set("max_threads", Value(uint64_t{1}));
  session.Set("query_plan_try_use_vector_search", Value(uint64_t{use_index}));
}

void SearchPrepared(benchmark::State& state, bool use_index) {
  WordTable& table = WordTable::Get();
  Session session(table.database.get());
  SetUpSession(session, use_index);
  TableSearch prepared(session, table.words, 10);
  MeasureSearches(state, table.words,
                  [&](std::span<const float> query, auto& rows) { prepared.Search(query, rows); });
}
BENCHMARK_CAPTURE(SearchPrepared, index, true)->UseRealTime()->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(SearchPrepared, exact_scan, false)->UseRealTime()->Unit(benchmark::kMicrosecond);

std::string SearchText(std::span<const float> query) {
  std::string literal = "[";
  for (float value : query) literal += std::to_string(value) + ",";
  literal.back() = ']';
  return "SELECT id FROM vectors ORDER BY cosineDistance(v, " + literal + ") LIMIT 10";
}

void SearchSql(benchmark::State& state) {
  WordTable& table = WordTable::Get();
  Session session(table.database.get());
  SetUpSession(session, true);
  MeasureSearches(state, table.words, [&](std::span<const float> query, auto& rows) {
    const Block block = session.Execute(SearchText(query)).ReadAll();
    const auto ids = AsNumbers<uint32_t>(*block.column(0)).values();
    rows.assign(ids.begin(), ids.end());
  });
}
BENCHMARK(SearchSql)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace granary::bench
