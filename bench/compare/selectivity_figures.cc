#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "granary/bench/compare/figures.h"
#include "granary/bench/scratch_directory.h"
#include "granary/bench/vector_table.h"

namespace granary::bench {
namespace {

constexpr size_t kQueries = 100;
constexpr double kShares[] = {0.5, 0.1, 0.01, 0.001, 0.0001, 0};  // 0: one row
// Of all rows those with u below so many times share; `u` is a number by which rows are ordered.
constexpr const char* kColumns[] = {"independent", "aligned", "opposed"};

// The place of each row when all are ordered by `values`, the largest first.
std::vector<uint32_t> PlacesOf(const std::vector<double>& values) {
  std::vector<uint32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return std::pair(-values[a], a) < std::pair(-values[b], b);
  });
  std::vector<uint32_t> places(values.size());
  for (uint32_t place = 0; place < order.size(); ++place) places[order[place]] = place;
  return places;
}

// Of each row the inner product of its direction with the mean of the queries.
std::vector<double> AlongQueries(const VectorSet& set) {
  std::vector<double> mean(set.queries.dimensions);
  for (size_t query = 0; query < set.queries.rows; ++query) {
    for (size_t i = 0; i < mean.size(); ++i) mean[i] += set.queries.Row(query)[i];
  }
  std::vector<double> along(set.base.rows);
  for (size_t row = 0; row < set.base.rows; ++row) {
    double dot = 0;
    double square = 0;
    for (size_t i = 0; i < mean.size(); ++i) {
      const double x = set.base.Row(row)[i];
      dot += mean[i] * x;
      square += x * x;
    }
    along[row] = dot / std::sqrt(std::max(square, 1e-30));
  }
  return along;
}

// (id, independent, aligned, opposed, v): numbers from 0 by which the rows are ordered.
void FillTable(Database& database, const VectorSet& set) {
  database.Execute(
      "CREATE TABLE vectors (id UInt32, independent UInt32, aligned UInt32, opposed UInt32, "
      "v Array(Float32), INDEX near v TYPE " +
      DefaultIndex(set) + ") ENGINE = MergeTree ORDER BY id");
  std::vector<double> any(set.base.rows);
  for (size_t row = 0; row < any.size(); ++row) {
    any[row] = static_cast<double>((row * 0x9E3779B97F4A7C15ull) >> 11);
  }
  const std::vector<double> along = AlongQueries(set);
  std::vector<double> against(along);
  for (double& value : against) value = -value;
  Block block = VectorBlock(set, 0, set.base.rows);
  const std::vector<double>* orders[] = {&any, &along, &against};
  for (size_t i = 0; i < std::size(kColumns); ++i) {
    block.Add(kColumns[i],
              std::make_shared<NumberColumn<uint32_t>>(TypeId::kUInt32, PlacesOf(*orders[i])));
  }
  database.Insert("vectors", block);
  database.Execute("SYSTEM WARM TABLE vectors");
}

// Microseconds of a search, the least of so many rounds over all queries; `found` gets what was
// found.
double Measure(Session& session, const VectorSet& set, const std::string& where,
               const std::string& settings, size_t rounds,
               std::vector<std::vector<uint32_t>>& found) {
  PreparedStatement statement = session.Prepare(
      "SELECT id FROM vectors " + where + " ORDER BY " + std::string(MetricFunction(set.metric)) +
      "(v, {q:Array(Float32)}) LIMIT 10 SETTINGS max_threads = 1" + settings);
  const size_t queries = std::min(kQueries, set.queries.rows);
  found.assign(queries, {});
  std::vector<double> seconds;
  for (size_t round = 0; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (size_t query = 0; query < queries; ++query) {
      statement.Bind("q", set.queries.Row(query));
      ReadIds(statement.Execute(), found[query]);
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    seconds.push_back(elapsed.count());
  }
  return 1e6 * Median(seconds) / static_cast<double>(queries);
}

double RecallOf(const std::vector<std::vector<uint32_t>>& found,
                const std::vector<std::vector<uint32_t>>& nearest) {
  size_t hits = 0;
  size_t all = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    all += nearest[i].size();
    for (const uint32_t row : found[i]) {
      hits += static_cast<size_t>(std::count(nearest[i].begin(), nearest[i].end(), row));
    }
  }
  return all == 0 ? 1 : static_cast<double>(hits) / static_cast<double>(all);
}

}  // namespace

void MeasureSelectivity(const VectorSet& set, size_t rounds, Report& report) {
  const ScratchDirectory directory;
  DatabaseOptions options;
  options.path = directory.Path(set.name);
  const auto database = Database::Open(std::move(options));
  FillTable(*database, set);
  Session session(database.get());
  std::vector<std::vector<uint32_t>> found, nearest;
  const double unfiltered = Measure(session, set, "", "", rounds, found);
  report.Note(Format("%s: no filter %.0f us", set.name.c_str(), unfiltered));
  double worst = 0;
  double least_recall = 1;
  for (const char* column : kColumns) {
    for (const double share : kShares) {
      const double rows = std::max(1.0, share * static_cast<double>(set.base.rows));
      const std::string where = Format("WHERE %s < %.0f", column, rows);
      const double planned = Measure(session, set, where, "", rounds, found);
      const double scan = Measure(session, set, where,
                                  ", vector_search_filter_strategy = 'prefilter'", rounds, nearest);
      const double recall = RecallOf(found, nearest);
      report.Note(
          Format("%s, %s, %.0f rows match: planned %.0f us at recall %.4f, exact scan of "
                 "the matches %.0f us",
                 set.name.c_str(), column, rows, planned, recall, scan));
      worst = std::max(worst, planned / std::min(scan, 4 * unfiltered));
      least_recall = std::min(least_recall, recall);
    }
  }
  report.Add({.name = set.name +
                      ": slowest filter / cheaper of a scan of its matches and 4 searches without",
              .measured = worst,
              .bound = Bound::kAtMost,
              .limit = 1.5});
  report.Add({.name = set.name + ": least recall@10 of a filter, defaults",
              .measured = least_recall,
              .limit = 0.95});
}

}  // namespace granary::bench
