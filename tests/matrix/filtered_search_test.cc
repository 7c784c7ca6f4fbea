// Filtered vector searches over a matrix of what may be different: metric, code, number of parts,
// GRANULARITY, deleted rows, selectivity, how the filter lies to the query, and strategy. Every
// search returns min(10, matching rows) rows, all alive and matching, with the distances of the
// exact scan; recall is pooled per code, strategy and selectivity.
//
// A run takes a table per code and metric, with the rest drawn at random, and about 10,000
// searches. GRANARY_MATRIX_SEARCHES=1000000 makes as many, over more tables.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include "granary/query/database.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

constexpr size_t kRows = 50'000;
constexpr size_t kNeighbors = 10;
constexpr size_t kClusters = 60;

struct Strategy {
  const char* name;
  const char* settings;
};
constexpr Strategy kStrategies[] = {
    {"auto", "vector_search_method = 'auto'"},
    {"narrow", "vector_search_method = 'auto', hnsw_candidate_list_size_for_search = 64"},
    {"graph", "vector_search_method = 'graph'"},
    {"scan", "vector_search_method = 'scan'"},
    {"prefilter", "vector_search_filter_strategy = 'prefilter'"},
    {"postfilter", "vector_search_filter_strategy = 'postfilter'"},
};

constexpr double kSelectivities[] = {1, 0.5, 0.1, 0.01, 0.001, 0.0001};

struct TableShape {
  const char* function;
  const char* code;
  size_t dimensions = 32;
  size_t parts = 1;
  bool small_granularity = false;
  bool has_deletes = false;
};

std::ostream& operator<<(std::ostream& out, const TableShape& shape) {
  return out << shape.function << " " << shape.code << ", " << shape.parts << " parts"
             << (shape.small_granularity ? ", GRANULARITY 2" : "")
             << (shape.has_deletes ? ", deletes" : "");
}

// A WHERE clause and the rows it matches, as this test knows them.
struct Filter {
  std::string where;
  std::vector<bool> matches;
  size_t count = 0;
  double selectivity = 1;
};

struct Hit {
  uint32_t id = 0;
  double distance = 0;
  friend bool operator==(const Hit&, const Hit&) = default;
};

// Found and wanted neighbours.
struct Recall {
  size_t found = 0;
  size_t wanted = 0;
  double value() const {
    return wanted == 0 ? 1 : static_cast<double>(found) / static_cast<double>(wanted);
  }
};

// What all tables of a run add up.
struct Totals {
  size_t searches = 0;
  std::map<std::array<std::string, 3>, Recall> recall;       // by code, strategy, selectivity
  std::map<std::array<std::string, 2>, size_t> graph_cells;  // by code and strategy
  std::map<std::array<std::string, 2>, size_t> cells;
};

class Table {
 public:
  Table(const TableShape& shape, uint64_t seed) : shape_(shape), random_(seed) {
    MakeRows();
    DatabaseOptions options;
    options.background_merges = false;
    database_ = Database::Open(std::move(options));
    database_->Execute(
        "CREATE TABLE t (id UInt32, u Float32, along Float32, v Array(Float32), "
        "INDEX near v TYPE vector_similarity('hnsw', '" +
        std::string(shape.function) + "', " + std::to_string(shape.dimensions) + ", '" +
        shape.code + "', 32, 128)" + (shape.small_granularity ? " GRANULARITY 2" : "") +
        ") ENGINE = MergeTree ORDER BY id SETTINGS fsync = 'off'");
    for (size_t part = 0; part < shape.parts; ++part) {
      const size_t first = kRows * part / shape.parts;
      database_->Insert("t", Rows(first, kRows * (part + 1) / shape.parts));
    }
    if (shape.has_deletes) Delete();
    database_->Execute("SYSTEM WARM INDEXES t");
  }

  // Searches with every filter and strategy, `each` queries per pair.
  void SearchAll(size_t each, Totals& totals) {
    for (const double selectivity : kSelectivities) {
      Search(Below("u", u_, selectivity), each, totals);
      Search(Below("along", along_, selectivity), each, totals);  // opposed to the query
      Search(Above("along", along_, selectivity), each, totals);  // along the query
    }
    const auto id = static_cast<uint32_t>(random_() % kRows);
    Search(FilterOf(
               "WHERE id = " + std::to_string(id), [&](size_t row) { return row == id; }, 0),
           each, totals);
    Search(FilterOf(
               "WHERE id = 4000000000", [](size_t) { return false; }, 0),
           each, totals);
  }

 private:
  float Normal() { return std::normal_distribution<float>()(random_); }

  void MakeRows() {
    const size_t d = shape_.dimensions;
    std::vector<float> centers(kClusters * d);
    for (float& x : centers) x = Normal();
    vectors_.resize(kRows * d);
    direction_.resize(d);
    for (float& x : direction_) x = Normal();
    for (size_t row = 0; row < kRows; ++row) {
      const size_t center = random_() % kClusters;
      float along = 0;
      for (size_t i = 0; i < d; ++i) {
        const float x = centers[center * d + i] + 0.7f * Normal();
        vectors_[row * d + i] = x;
        along += x * direction_[i];
      }
      along_.push_back(along);
      u_.push_back(static_cast<float>(random_() >> 40) * 0x1p-24f);
    }
    alive_.assign(kRows, true);
  }

  Block Rows(size_t first, size_t end) {
    std::vector<uint32_t> ids(end - first);
    std::iota(ids.begin(), ids.end(), static_cast<uint32_t>(first));
    const auto slice = [&](const std::vector<float>& values, size_t width) {
      return std::make_shared<NumberColumn<float>>(
          TypeId::kFloat32,
          std::vector<float>(values.begin() + static_cast<ptrdiff_t>(first * width),
                             values.begin() + static_cast<ptrdiff_t>(end * width)));
    };
    Block block;
    block.Add("id", std::make_shared<NumberColumn<uint32_t>>(TypeId::kUInt32, std::move(ids)));
    block.Add("u", slice(u_, 1));
    block.Add("along", slice(along_, 1));
    block.Add("v", ArrayColumn::Uniform(slice(vectors_, shape_.dimensions), shape_.dimensions,
                                        end - first));
    return block;
  }

  // Every seventh row, and most of those along the queries.
  void Delete() {
    const float limit = Quantile(along_, 0.9);
    database_->Execute("DELETE FROM t WHERE id % 7 = 0 OR (along > " + Exact(limit) +
                       " AND id % 3 != 0)");
    for (size_t row = 0; row < kRows; ++row) {
      if (row % 7 == 0 || (along_[row] > limit && row % 3 != 0)) alive_[row] = false;
    }
  }

  static float Quantile(std::vector<float> values, double share) {
    const auto place =
        values.begin() + static_cast<ptrdiff_t>(share * static_cast<double>(values.size() - 1));
    std::nth_element(values.begin(), place, values.end());
    return *place;
  }

  // Text that reads as the same float.
  static std::string Exact(float value) {
    char text[64];
    std::snprintf(text, sizeof(text), "toFloat32(%.9g)", static_cast<double>(value));
    return text;
  }

  template <class Matches>
  Filter FilterOf(std::string where, Matches matches, double selectivity) const {
    Filter filter{.where = std::move(where), .matches = {}, .selectivity = selectivity};
    for (size_t row = 0; row < kRows; ++row) {
      filter.matches.push_back(alive_[row] && matches(row));
      filter.count += filter.matches.back();
    }
    return filter;
  }
  Filter Below(const std::string& column, const std::vector<float>& values, double share) const {
    if (share == 1)
      return FilterOf(
          "", [](size_t) { return true; }, share);
    const float limit = Quantile(values, share);
    return FilterOf(
        "WHERE " + column + " <= " + Exact(limit), [&](size_t row) { return values[row] <= limit; },
        share);
  }
  Filter Above(const std::string& column, const std::vector<float>& values, double share) const {
    if (share == 1)
      return FilterOf(
          "WHERE u >= 0", [](size_t) { return true; }, share);
    const float limit = Quantile(values, 1 - share);
    return FilterOf(
        "WHERE " + column + " >= " + Exact(limit), [&](size_t row) { return values[row] >= limit; },
        share);
  }

  // Near a row that lies far along the direction.
  std::vector<float> Query() {
    size_t best = random_() % kRows;
    for (int i = 0; i < 5; ++i) {
      const size_t other = random_() % kRows;
      if (along_[other] > along_[best]) best = other;
    }
    std::vector<float> query(shape_.dimensions);
    for (size_t i = 0; i < query.size(); ++i) {
      query[i] = vectors_[best * query.size() + i] + 0.3f * Normal();
    }
    return query;
  }

  std::string Select(const Filter& filter, const std::string& settings) const {
    const bool descending = shape_.function == std::string("dotProduct");
    return "SELECT id, " + std::string(shape_.function) + "(v, {q:Array(Float32)}) AS d FROM t " +
           filter.where + " ORDER BY d " + (descending ? "DESC" : "") + " LIMIT " +
           std::to_string(kNeighbors) + " SETTINGS " + settings;
  }

  static std::vector<Hit> HitsOf(Result result) {
    std::vector<Hit> hits;
    while (const std::optional<Block> block = result.Next()) {
      for (size_t row = 0; row < block->rows(); ++row) {
        hits.push_back({static_cast<uint32_t>(block->column(0)->ValueAt(row).as_uint()),
                        block->column(1)->ValueAt(row).as_double()});
      }
    }
    return hits;
  }

  // Smaller is nearer; plain loops that share nothing with the engine.
  double TrueDistance(const std::vector<float>& query, uint32_t row) const {
    double dot = 0, xx = 0, qq = 0, squares = 0;
    for (size_t i = 0; i < query.size(); ++i) {
      const double x = vectors_[row * query.size() + i], q = query[i];
      dot += x * q;
      xx += x * x;
      qq += q * q;
      squares += (x - q) * (x - q);
    }
    if (shape_.function == std::string("L2Distance")) return std::sqrt(squares);
    return shape_.function == std::string("dotProduct") ? -dot : 1 - dot / std::sqrt(xx * qq);
  }

  void CheckExact(const std::vector<float>& query, const Filter& filter,
                  const std::vector<Hit>& exact) const {
    ASSERT_EQ(exact.size(), std::min(kNeighbors, filter.count));
    if (exact.empty()) return;
    const double farthest = TrueDistance(query, exact.back().id);
    size_t nearer = 0;
    for (uint32_t row = 0; row < kRows; ++row) {
      nearer += filter.matches[row] && TrueDistance(query, row) < farthest - 1e-4;
    }
    EXPECT_LT(nearer, exact.size());
  }

  void Search(const Filter& filter, size_t each, Totals& totals) {
    SCOPED_TRACE(filter.where);
    PreparedStatement exact = database_->Prepare(Select(filter, "use_skip_indexes = 0"));
    std::vector<PreparedStatement> searches;
    for (const Strategy& strategy : kStrategies) {
      searches.push_back(database_->Prepare(Select(filter, strategy.settings)));
    }
    for (size_t i = 0; i < each; ++i) {
      const std::vector<float> query = Query();
      const std::vector<Hit> truth = HitsOf(exact.Bind("q", query).Execute());
      if (i == 0) CheckExact(query, filter, truth);
      for (size_t s = 0; s < std::size(kStrategies); ++s) {
        const auto found = HitsOf(searches[s].Bind("q", query).Execute());
        Compare(kStrategies[s], filter, truth, found, query, totals);
      }
      if (i == 0) CountCells(filter, query, totals);
    }
  }

  void Compare(const Strategy& strategy, const Filter& filter, const std::vector<Hit>& truth,
               const std::vector<Hit>& found, const std::vector<float>& query, Totals& totals) {
    ++totals.searches;
    ASSERT_EQ(found.size(), truth.size()) << strategy.name;
    std::set<uint32_t> seen;
    Recall& recall =
        totals.recall[{shape_.code, strategy.name, std::to_string(filter.selectivity)}];
    recall.wanted += truth.size();
    for (size_t i = 0; i < found.size(); ++i) {
      ASSERT_TRUE(filter.matches[found[i].id]) << strategy.name << ": row " << found[i].id;
      ASSERT_TRUE(seen.insert(found[i].id).second) << strategy.name << ": row " << found[i].id;
      const auto same = std::find_if(truth.begin(), truth.end(),
                                     [&](const Hit& hit) { return hit.id == found[i].id; });
      if (same != truth.end()) {
        ASSERT_EQ(same->distance, found[i].distance) << strategy.name;
        ++recall.found;
      } else {
        const double sign = shape_.function == std::string("dotProduct") ? -1 : 1;
        ASSERT_NEAR(sign * found[i].distance, TrueDistance(query, found[i].id),
                    1e-3 * (1 + std::fabs(found[i].distance)));
      }
    }
  }

  void CountCells(const Filter& filter, const std::vector<float>& query, Totals& totals) {
    ExecuteOptions options;
    options.parameters.Set("q", std::span<const float>(query));
    for (const Strategy& strategy : kStrategies) {
      const Block plan =
          database_->Execute("EXPLAIN indexes = 1 " + Select(filter, strategy.settings), options)
              .ReadAll();
      bool walked = false;
      for (size_t row = 0; row < plan.rows(); ++row) {
        walked = walked || plan.column(0)->ValueAt(row).as_string().find(
                               "Strategy: sub-indexes searched") != std::string::npos;
      }
      ++totals.cells[{shape_.code, strategy.name}];
      totals.graph_cells[{shape_.code, strategy.name}] += walked;
    }
  }

  const TableShape shape_;
  std::mt19937_64 random_;
  std::vector<float> vectors_;
  std::vector<float> direction_;
  std::vector<float> u_;
  std::vector<float> along_;
  std::vector<bool> alive_;
  std::unique_ptr<Database> database_;
};

void Print(const Totals& totals) {
  std::printf("%zu searches\n", totals.searches);
  for (const auto& [key, cells] : totals.cells) {
    std::printf("%-5s %-10s walked a graph in %zu of %zu cells; recall@10", key[0].c_str(),
                key[1].c_str(), totals.graph_cells.at(key), cells);
    for (const auto& [of, recall] : totals.recall) {
      if (of[0] != key[0] || of[1] != key[1]) continue;
      std::printf("  %.4g%%: %.4f", 100 * std::stod(of[2]), recall.value());
    }
    std::printf("\n");
  }
}

TEST(FilteredSearchMatrix, IsNeverShortOrWrongAndSeldomMisses) {
  const uint64_t seed = SeedOfThisRun();
  std::printf("GRANARY_SEED=%llu\n", static_cast<unsigned long long>(seed));
  SCOPED_TRACE("GRANARY_SEED=" + std::to_string(seed));
  const uint64_t wanted = NumberFromEnvironment("GRANARY_MATRIX_SEARCHES", 10'000);
  std::mt19937_64 random(seed);
  TableShape shapes[] = {
      {"L2Distance", "i8"},          {"cosineDistance", "i8"}, {"dotProduct", "i8"},
      {"cosineDistance", "f32"},     {"dotProduct", "bf16"},   {"L2Distance", "f16"},
      {"cosineDistance", "b1", 768}, {"L2Distance", "f64"},
  };
  constexpr size_t kPairs = (3 * std::size(kSelectivities) + 2) * std::size(kStrategies);
  const size_t each = wanted / (std::size(shapes) * kPairs) + 1;
  constexpr size_t kEachMost = 50;  // per table; then others are made
  Totals totals;
  while (totals.searches < wanted && !testing::Test::HasFailure()) {
    for (TableShape& shape : shapes) {
      constexpr size_t kParts[] = {1, 3, 20};
      // A graph over 20 parts of many dimensions would be most of the time.
      shape.parts = kParts[random() % (shape.dimensions > 100 ? 2 : 3)];
      shape.small_granularity = random() % 2 == 0;
      shape.has_deletes = random() % 2 == 0;
      if (&shape == &shapes[0]) {  // a large graph, so that the cheaper method is sometimes that
        shape.parts = 1;
        shape.small_granularity = false;
      }
      std::ostringstream name;
      name << shape;
      SCOPED_TRACE(name.str());
      Table(shape, random()).SearchAll(std::min(each, kEachMost), totals);
      if (testing::Test::HasFailure()) break;
    }
  }
  Print(totals);
  constexpr size_t kEnough = 1000;  // neighbours, for recall to mean something
  for (const auto& [key, recall] : totals.recall) {
    // Less than the default width promises less.
    if (recall.wanted < kEnough || key[1] == "narrow") continue;
    const bool scans = key[1] == "scan" || key[1] == "prefilter";
    EXPECT_GE(recall.value(), scans ? 0.99 : 0.95)
        << key[0] << " " << key[1] << " at selectivity " << key[2];
  }
  size_t walked_narrow = 0;
  for (const auto& [key, walked] : totals.graph_cells) {
    walked_narrow += key[1] == "narrow" ? walked : 0;
    if (key[1] == "graph" || key[1] == "postfilter") {
      EXPECT_GE(walked, totals.cells[key] / 2) << key[0] << " " << key[1];
    }
  }
  EXPECT_GT(walked_narrow, 0u) << "no search chose a graph by itself";
}

}  // namespace
}  // namespace granary
