// Filtered vector searches over a matrix of what may be different: metric, code, type of the
// elements, number of parts, GRANULARITY, deleted rows, rows without a vector, selectivity, how the
// filter lies to the query, and strategy. Every search returns min(10, matching rows) rows, all
// alive and matching, in the order of their distances and to the bit with those of the exact scan
// or, for rows that this does not return, of the function alone; where no graph is walked they are
// the rows of the exact scan. A batch of the same queries returns the same if it evaluates WHERE
// alike, a page is the tail of a longer result, and a range has all its rows. Recall is pooled per
// code, strategy and selectivity.
//
// A run takes eight tables (more where there are more searches), with the rest drawn at random, and
// about 10,000 searches. GRANARY_MATRIX_SEARCHES=1000000 makes as many.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "granary/tests/random_seed.h"
#include "matrix_table.h"

namespace granary {
namespace {

constexpr size_t kNeighbors = 10;

struct Strategy {
  const char* name;
  const char* settings;
  double recall_min;
};
constexpr Strategy kStrategies[] = {
    {"auto", "vector_search_method = 'auto'", 0.95},
    // Where a graph is cheap enough to be chosen, and misses rows.
    {"narrow", "vector_search_method = 'auto', hnsw_candidate_list_size_for_search = 16", 0.5},
    {"graph", "vector_search_method = 'graph'", 0.95},
    {"scan", "vector_search_method = 'scan'", 1},
    {"prefilter", "vector_search_filter_strategy = 'prefilter'", 0.95},  // 1 if there is a WHERE
    {"postfilter", "vector_search_filter_strategy = 'postfilter'", 0.95},
};
// What a batch finds where WHERE is evaluated for all rows, and alone only for candidates.
constexpr Strategy kBatched = {"batched", "", 0.95};
constexpr size_t kPairs = MatrixTable::kFilters * std::size(kStrategies);

// Found and wanted neighbours.
struct Recall {
  size_t searches = 0;
  size_t found = 0;
  size_t wanted = 0;

  double value() const {
    return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
  }
  // Whether that of all searches may be at least `floor`: these are too few to say more if one of
  // them loses all neighbours or none and four standard deviations are allowed for.
  bool MayBe(double floor) const {
    constexpr size_t kEnough = 1000;
    const double slack = searches >= kEnough
                             ? 0
                             : 4 * std::sqrt(floor * (1 - floor) / static_cast<double>(searches));
    return value() >= floor - slack;
  }
};

struct Cells {
  size_t all = 0;
  size_t walked = 0;  // a graph
};

constexpr const char* kAll = "all";

// What all tables of a run add up.
struct Totals {
  std::map<std::string, size_t> tables;  // by what they have
  size_t searches = 0;
  size_t batched = 0;  // searches made once more in a batch
  size_t pages = 0;
  size_t ranges = 0;
  size_t other_rows = 0;     // found that the exact scan did not return
  size_t absent_rows = 0;    // found without a vector
  size_t walked_absent = 0;  // cells that walked a graph of a table in which rows have no vector
  std::map<std::array<std::string, 3>, Recall> recall;  // by code, strategy, selectivity, or all
  std::map<std::array<std::string, 2>, Cells> cells;    // by code and strategy
};

std::vector<std::vector<Hit>> HitsOf(Result result, size_t queries) {
  std::vector<std::vector<Hit>> hits(queries);
  const bool is_batch = result.columns().size() == 3;
  while (const std::optional<Block> block = result.Next()) {
    for (size_t row = 0; row < block->rows(); ++row) {
      const size_t query = is_batch ? block->column(0)->ValueAt(row).as_uint() : 0;
      hits.at(query).push_back(
          {static_cast<uint32_t>(block->column(is_batch)->ValueAt(row).as_uint()),
           block->column(1 + is_batch)->ValueAt(row).as_double()});
    }
  }
  return hits;
}

// The searches of one table with one filter.
class FilteredSearches {
 public:
  FilteredSearches(MatrixTable& table, const Filter& filter, size_t queries, Totals& totals)
      : table_(table), filter_(filter), totals_(totals), other_(queries) {
    for (size_t i = 0; i < queries; ++i) {
      const std::vector<float> query = table.Query();
      matrix_.insert(matrix_.end(), query.begin(), query.end());
    }
    chosen_ = &kStrategies[table.Draw(std::size(kStrategies))];
    PreparedStatement exact = Prepare("use_skip_indexes = 0");
    for (size_t i = 0; i < queries; ++i) exact_.push_back(Search(exact, i));
  }

  void Run() {
    ASSERT_NO_FATAL_FAILURE(CheckExact());
    for (const Strategy& strategy : kStrategies) {
      SCOPED_TRACE(strategy.name);
      RunStrategy(strategy);
      if (testing::Test::HasFatalFailure()) return;
    }
    for (size_t i = 0; i < other_.size(); ++i) CheckDistances(i, other_[i]);
  }

 private:
  size_t dimensions() const { return table_.shape().dimensions; }
  std::span<const float> Query(size_t i) const {
    return std::span(matrix_).subspan(i * dimensions(), dimensions());
  }
  // Of the rows wanted, those with a vector.
  size_t neighbors() const { return std::min(kNeighbors, filter_.vectors); }

  PreparedStatement Prepare(const std::string& settings) const {
    return table_.database().Prepare(
        table_.Select(filter_, "", std::to_string(kNeighbors), settings));
  }
  std::vector<Hit> Search(PreparedStatement& statement, size_t query) const {
    MatrixTable::Bind(statement, Query(query), table_.shape());
    return HitsOf(statement.Execute(), 1).front();
  }

  // The exact scan against plain loops, for one query.
  void CheckExact() {
    for (const std::vector<Hit>& hits : exact_) {
      ASSERT_EQ(hits.size(), std::min(kNeighbors, filter_.count));
      ASSERT_NO_FATAL_FAILURE(CheckRows(hits));
    }
    const std::vector<Hit>& hits = exact_.front();
    CheckDistances(0, hits);
    for (size_t i = 0; i < neighbors(); ++i) {
      ASSERT_NEAR(hits[i].distance, table_.TrueDistance(Query(0), hits[i].id),
                  1e-4 * (1 + std::fabs(hits[i].distance)));
    }
    if (neighbors() == 0) return;
    EXPECT_LT(table_.CountNearer(Query(0), filter_, hits[neighbors() - 1].distance, 1e-4),
              neighbors());
  }

  // Those that match, each once, in order, and behind them the first without a vector.
  void CheckRows(const std::vector<Hit>& hits) const {
    std::set<uint32_t> seen;
    for (size_t i = 0; i < hits.size(); ++i) {
      const auto& [id, distance] = hits[i];
      ASSERT_TRUE(filter_.matches[id]) << "row " << id;
      ASSERT_TRUE(seen.insert(id).second) << "row " << id;
      if (i >= neighbors()) {
        ASSERT_EQ(id, filter_.absent[i - neighbors()]);
        ASSERT_TRUE(std::isnan(distance));
      } else {
        ASSERT_TRUE(table_.has_vector(id)) << "row " << id;
        ASSERT_TRUE(i == 0 || IsBefore(hits[i - 1], hits[i])) << "row " << id;
      }
    }
  }
  // Rows of equal distance come in the order of parts and rows, which is that of ids.
  bool IsBefore(const Hit& a, const Hit& b) const {
    if (a.distance == b.distance) return a.id < b.id;
    return table_.shape().is_product() ? a.distance > b.distance : a.distance < b.distance;
  }

  // To the bit, against the function alone.
  void CheckDistances(size_t query, const std::vector<Hit>& hits) const {
    if (hits.empty()) return;
    std::vector<uint32_t> ids;
    for (const Hit& hit : hits) ids.push_back(hit.id);
    PreparedStatement rows = table_.database().Prepare(table_.SelectRows(ids));
    const std::vector<Hit> measured = Search(rows, query);
    for (const Hit& hit : hits) {
      EXPECT_NE(std::find(measured.begin(), measured.end(), hit), measured.end()) << hit;
    }
  }

  void RunStrategy(const Strategy& strategy) {
    const bool has_walked = WalksGraph(strategy);
    CountCell(strategy, has_walked);
    PreparedStatement search = Prepare(strategy.settings);
    std::vector<std::vector<Hit>> found;
    for (size_t i = 0; i < exact_.size(); ++i) {
      found.push_back(Search(search, i));
      ASSERT_EQ(found[i].size(), exact_[i].size());
      ASSERT_NO_FATAL_FAILURE(CheckRows(found[i]));
      if (!has_walked) {
        ASSERT_EQ(found[i], exact_[i]);
      }
      ASSERT_NO_FATAL_FAILURE(Compare(strategy, i, found[i]));
    }
    totals_.searches += found.size();
    if (&strategy != chosen_) return;
    ASSERT_NO_FATAL_FAILURE(CheckBatch(search, found));
    CheckPages(found.front());
    CheckRange();
  }

  // Of the first query.
  std::vector<Hit> SearchFirst(const std::string& statement) const {
    PreparedStatement search = table_.database().Prepare(statement);
    return Search(search, 0);
  }

  // LIMIT n OFFSET m is the tail of LIMIT n + m.
  void CheckPages(const std::vector<Hit>& found) {
    const size_t offset = table_.Draw(kNeighbors);
    const std::string limit =
        std::to_string(kNeighbors - offset) + " OFFSET " + std::to_string(offset);
    const auto tail = found.begin() + static_cast<ptrdiff_t>(std::min(offset, found.size()));
    EXPECT_EQ(SearchFirst(table_.Select(filter_, "", limit, chosen_->settings)),
              std::vector<Hit>(tail, found.end()))
        << "LIMIT " << limit;
    ++totals_.pages;
  }

  // A range that fewer rows than the LIMIT lie within is found whole, with LIMIT or without.
  void CheckRange() {
    if (neighbors() == 0) return;
    const size_t within = 1 + table_.Draw(neighbors());
    std::vector<Hit> hits(exact_[0].begin(), exact_[0].begin() + static_cast<ptrdiff_t>(within));
    char range[64];
    std::snprintf(range, sizeof(range), "d %s %.17g",
                  table_.shape().is_product() ? ">=" : "<=", hits.back().distance);
    while (hits.size() < neighbors() && exact_[0][hits.size()].distance == hits.back().distance) {
      hits.push_back(exact_[0][hits.size()]);
    }
    const std::string limit = std::to_string(hits.size() + 1);
    EXPECT_EQ(SearchFirst(table_.Select(filter_, range, limit, chosen_->settings)), hits) << range;
    std::vector<Hit> all = SearchFirst(table_.SelectRange(filter_, range));
    std::sort(all.begin(), all.end(), [&](const Hit& a, const Hit& b) { return IsBefore(a, b); });
    EXPECT_EQ(all, hits) << range;
    ++totals_.ranges;
  }

  void CheckBatch(PreparedStatement& search, const std::vector<std::vector<Hit>>& found) {
    SCOPED_TRACE("in a batch");
    search.BindMatrix("q", matrix_, dimensions());
    const std::vector<std::vector<Hit>> hits = HitsOf(search.Execute(), found.size());
    totals_.batched += hits.size();
    if (chosen_->name != std::string("postfilter") || filter_.condition.empty()) {
      ASSERT_EQ(hits, found);
      return;
    }
    for (size_t i = 0; i < hits.size(); ++i) {
      ASSERT_EQ(hits[i].size(), exact_[i].size());
      ASSERT_NO_FATAL_FAILURE(CheckRows(hits[i]));
      ASSERT_NO_FATAL_FAILURE(Compare(kBatched, i, hits[i]));
    }
  }

  void Compare(const Strategy& strategy, size_t query, const std::vector<Hit>& found) {
    const std::vector<Hit>& exact = exact_[query];
    Recall recall{.searches = 1, .wanted = neighbors()};
    for (size_t i = 0; i < neighbors(); ++i) {
      const auto same = std::find_if(exact.begin(), exact.end(),
                                     [&](const Hit& hit) { return hit.id == found[i].id; });
      if (same == exact.end()) {
        other_[query].push_back(found[i]);
      } else {
        ASSERT_EQ(*same, found[i]);
        ++recall.found;
      }
    }
    totals_.other_rows += neighbors() - recall.found;
    totals_.absent_rows += found.size() - neighbors();
    const std::string selectivity = std::to_string(filter_.selectivity);
    for (const std::string& code : {table_.shape().code, std::string(kAll)}) {
      for (const std::string& of : {selectivity, std::string(kAll)}) {
        Recall& sum = totals_.recall[{code, strategy.name, of}];
        sum.searches += recall.searches;
        sum.found += recall.found;
        sum.wanted += recall.wanted;
      }
    }
  }

  bool WalksGraph(const Strategy& strategy) const {
    ExecuteOptions options;
    options.parameters.Set("q", Query(0));
    const Block plan =
        table_.database()
            .Execute("EXPLAIN indexes = 1 " +
                         table_.Select(filter_, "", std::to_string(kNeighbors), strategy.settings),
                     options)
            .ReadAll();
    for (size_t row = 0; row < plan.rows(); ++row) {
      if (plan.column(0)->ValueAt(row).as_string().find("Strategy: sub-indexes searched") !=
          std::string::npos) {
        return true;
      }
    }
    return false;
  }
  void CountCell(const Strategy& strategy, bool has_walked) {
    Cells& cells = totals_.cells[{table_.shape().code, strategy.name}];
    ++cells.all;
    cells.walked += has_walked ? 1 : 0;
    totals_.walked_absent += has_walked && table_.shape().has_empty ? 1 : 0;
  }

  MatrixTable& table_;
  const Filter& filter_;
  Totals& totals_;
  const Strategy* chosen_;     // of which more is checked: batches, pages and ranges
  std::vector<float> matrix_;  // query after query
  std::vector<std::vector<Hit>> exact_;
  std::vector<std::vector<Hit>> other_;  // rows that exact_ does not have
};

void Print(const Totals& totals) {
  std::printf(
      "%zu searches, %zu of them once more in a batch, %zu pages, %zu ranges; %zu rows found that "
      "the exact scan did not return, %zu without a vector; tables:",
      totals.searches, totals.batched, totals.pages, totals.ranges, totals.other_rows,
      totals.absent_rows);
  for (const auto& [what, tables] : totals.tables) std::printf(" %s %zu", what.c_str(), tables);
  std::printf("\n");
  for (const auto& [key, cells] : totals.cells) {
    std::printf("%-5s %-10s walked a graph in %zu of %zu cells; recall@10", key[0].c_str(),
                key[1].c_str(), cells.walked, cells.all);
    for (const auto& [of, recall] : totals.recall) {
      if (of[0] != key[0] || of[1] != key[1] || of[2] == kAll) continue;
      std::printf("  %.4g%%: %.4f", 100 * std::stod(of[2]), recall.value());
    }
    std::printf("\n");
  }
}

// The tables of one pass. Each draws what is left open; together they have every number of parts,
// both GRANULARITYs, deletes and rows without a vector.
std::vector<TableShape> DrawShapes(bool is_first_pass, std::mt19937_64& random) {
  constexpr TypeId kElements[] = {TypeId::kFloat32, TypeId::kFloat64, TypeId::kBFloat16};
  constexpr const char* kFunctions[] = {"L2Distance", "cosineDistance", "dotProduct"};
  constexpr size_t kParts[] = {1, 3, 20};
  const auto function = [&] { return kFunctions[random() % std::size(kFunctions)]; };
  std::vector<TableShape> shapes = {
      {"L2Distance", "i8", 32, TypeId::kFloat32},
      {"cosineDistance", "i8", 32, TypeId::kFloat64},
      {"dotProduct", "i8", 32, TypeId::kBFloat16},
      {function(), "f32", 32, TypeId::kFloat32},
      {function(), "bf16", 32, TypeId::kBFloat16},
      {function(), "f16", 32, TypeId::kFloat32},
      {"cosineDistance", "b1", 768, TypeId::kFloat32},
      {function(), "f64", 32, TypeId::kFloat64},
  };
  const size_t drawn[] = {random(), random(), random(), random()};
  for (size_t i = 0; i < shapes.size(); ++i) {
    TableShape& shape = shapes[i];
    if (!is_first_pass && shape.dimensions < 100) shape.element = kElements[random() % 3];
    // A graph over 20 parts of many dimensions would be most of the time.
    shape.parts = kParts[(drawn[0] + i) % (shape.dimensions < 100 ? 3 : 2)];
    shape.small_granularity = (drawn[1] + i / 3) % 2 == 0;
    shape.has_deletes = (drawn[2] + i) % 2 == 0;
    shape.has_empty = (drawn[3] + i) % 3 == 0;
    shape.double_query = shape.element == TypeId::kFloat64 || random() % 4 == 0;
  }
  // A large graph, so that the cheaper method is sometimes that.
  shapes[0].parts = 1;
  shapes[0].small_granularity = false;
  return shapes;
}

void CountTable(const TableShape& shape, Totals& totals) {
  ++totals.tables["of " + DataType(shape.element).name()];
  ++totals.tables["with parts " + std::to_string(shape.parts)];
  if (shape.small_granularity) ++totals.tables["with GRANULARITY 2"];
  if (shape.has_deletes) ++totals.tables["with deletes"];
  if (shape.has_empty) ++totals.tables["with empty rows"];
}

void CheckRecall(const Strategy& strategy, const Totals& totals) {
  for (const auto& [key, recall] : totals.recall) {
    if (key[1] != strategy.name) continue;
    EXPECT_TRUE(recall.MayBe(strategy.recall_min))
        << key[0] << " " << key[1] << " at selectivity " << key[2] << ": " << recall.value()
        << " in " << recall.searches << " searches";
  }
}

TEST(FilteredSearchMatrix, IsNeverShortOrWrongAndSeldomMisses) {
  const uint64_t seed = SeedOfThisRun();
  std::printf("GRANARY_SEED=%llu\n", static_cast<unsigned long long>(seed));
  SCOPED_TRACE("GRANARY_SEED=" + std::to_string(seed));
  const uint64_t wanted = NumberFromEnvironment("GRANARY_MATRIX_SEARCHES", 10'000);
  std::mt19937_64 random(seed);
  Totals totals;
  for (bool is_first = true; totals.searches < wanted && !HasFailure(); is_first = false) {
    const std::vector<TableShape> shapes = DrawShapes(is_first, random);
    constexpr size_t kEachMost = 50;  // per table; then others are made
    const size_t each = std::min(kEachMost, wanted / (shapes.size() * kPairs) + 1);
    for (const TableShape& shape : shapes) {
      std::ostringstream name;
      name << shape;
      SCOPED_TRACE(name.str());
      MatrixTable table(shape, random());
      CountTable(shape, totals);
      for (const Filter& filter : table.Filters()) {
        SCOPED_TRACE(filter.condition);
        FilteredSearches(table, filter, each, totals).Run();
      }
      if (HasFailure()) break;
    }
  }
  Print(totals);
  for (const Strategy& strategy : kStrategies) CheckRecall(strategy, totals);
  CheckRecall(kBatched, totals);
  size_t walked_narrow = 0;
  for (const auto& [key, cells] : totals.cells) {
    walked_narrow += key[1] == "narrow" ? cells.walked : 0;
    if (key[1] == "graph" || key[1] == "postfilter") {
      EXPECT_GE(cells.walked, cells.all / 2) << key[0] << " " << key[1];
    }
  }
  EXPECT_GT(walked_narrow, 0u) << "no search chose a graph by itself";
  EXPECT_GT(totals.walked_absent, 0u);
  EXPECT_GT(totals.absent_rows, 0u);
  EXPECT_GT(totals.other_rows, 0u);
}

}  // namespace
}  // namespace granary
