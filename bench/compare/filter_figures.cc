#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <optional>
#include <stdexcept>

#include "granary/bench/compare/clickhouse_vectors.h"
#include "granary/bench/compare/figures.h"
#include "granary/bench/compare/recall_curve.h"
#include "granary/bench/compare/statement_search.h"
#include "granary/bench/scratch_directory.h"

namespace granary::bench {
namespace {

constexpr size_t kQueries = 200;
constexpr size_t kWidths[] = {16, 32, 64, 128, 256, 512};
constexpr double kTheirRecall = 0.95;

// A condition whose constants differ in every query.
struct Filter {
  std::string name;
  std::string condition;  // with {a:…} and {b:…}
  std::function<std::pair<uint64_t, uint64_t>(size_t query)> parameters;
  std::function<bool(size_t row, std::pair<uint64_t, uint64_t> parameters)> matches;
};

Filter UpTo(double share) {
  return {Format("%.0f %% by u < x", 100 * share), "u < {a:UInt32}",
          [share](size_t query) {
            const double x = share * (0x1p32 - 1) + static_cast<double>(query) * 1e4;
            return std::pair<uint64_t, uint64_t>(static_cast<uint64_t>(x), 0);
          },
          [](size_t row, auto parameters) { return FilterColumns::U(row) < parameters.first; }};
}

std::vector<Filter> Filters(size_t rows) {
  return {{"1 % by m = x", "m = {a:UInt8}",
           [](size_t query) { return std::pair<uint64_t, uint64_t>(query % 100, 0); },
           [](size_t row, auto parameters) { return FilterColumns::M(row) == parameters.first; }},
          {"10 % by primary key", "id >= {a:UInt32} AND id < {b:UInt32}",
           [rows](size_t query) {
             const uint64_t first = query * 31;
             return std::pair<uint64_t, uint64_t>(first, first + rows / 10);
           },
           [](size_t row, auto parameters) {
             return row >= parameters.first && row < parameters.second;
           }},
          UpTo(0.1),
          UpTo(0.3),
          UpTo(0.5)};
}

std::string Substitute(std::string condition, std::pair<uint64_t, uint64_t> parameters) {
  for (const auto& [name, value] :
       {std::pair("{a:", parameters.first), std::pair("{b:", parameters.second)}) {
    const size_t begin = condition.find(name);
    if (begin == std::string::npos) continue;
    condition.replace(begin, condition.find('}', begin) + 1 - begin, std::to_string(value));
  }
  return condition;
}

// Exact distances of all rows to a query, smaller is nearer, in double; for a metric that compares
// angles or lengths.
std::vector<double> Distances(const VectorSet& set, std::span<const float> query) {
  std::vector<double> distances(set.base.rows);
  for (size_t row = 0; row < set.base.rows; ++row) {
    const auto vector = set.base.Row(row);
    double dot = 0;
    double norm = 0;
    double difference = 0;
    for (size_t i = 0; i < vector.size(); ++i) {
      const double x = vector[i];
      dot += x * query[i];
      norm += x * x;
      difference += (x - query[i]) * (x - query[i]);
    }
    distances[row] = set.metric == Metric::kCosine ? -dot / std::sqrt(norm) : difference;
  }
  return distances;
}

// The true ten nearest of each query under each filter.
std::vector<std::vector<std::vector<uint32_t>>> Truth(const VectorSet& set,
                                                      std::span<const Filter> filters) {
  std::vector<std::vector<std::vector<uint32_t>>> truth(filters.size());
  for (size_t query = 0; query < kQueries; ++query) {
    const auto distances = Distances(set, set.queries.Row(query));
    for (size_t f = 0; f < filters.size(); ++f) {
      std::vector<uint32_t> rows;
      for (uint32_t row = 0; row < set.base.rows; ++row) {
        if (filters[f].matches(row, filters[f].parameters(query))) rows.push_back(row);
      }
      std::partial_sort(rows.begin(), rows.begin() + 10, rows.end(), [&](uint32_t a, uint32_t b) {
        return std::pair(distances[a], a) < std::pair(distances[b], b);
      });
      rows.resize(10);
      truth[f].push_back(std::move(rows));
    }
  }
  return truth;
}

using FilteredSearch = std::function<void(size_t query, size_t ef, std::vector<uint32_t>& rows)>;

// Throws if a row does not match or rows are too few.
CurvePoint Measure(const VectorSet& set, const Filter& filter,
                   std::span<const std::vector<uint32_t>> truth, size_t ef, size_t rounds,
                   bool must_be_full, const FilteredSearch& search) {
  std::vector<double> seconds;
  std::vector<std::vector<uint32_t>> found(kQueries);
  for (size_t round = 0; round < rounds; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    for (size_t query = 0; query < kQueries; ++query) search(query, ef, found[query]);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
    seconds.push_back(elapsed.count());
  }
  size_t hits = 0;
  for (size_t query = 0; query < kQueries; ++query) {
    if (must_be_full && found[query].size() != 10) {
      throw std::runtime_error(set.name + ", " + filter.name + ": too few rows");
    }
    for (const uint32_t row : found[query]) {
      if (!filter.matches(row, filter.parameters(query))) {
        throw std::runtime_error(set.name + ", " + filter.name + ": a row does not match");
      }
      hits += static_cast<size_t>(std::count(truth[query].begin(), truth[query].end(), row));
    }
  }
  return {ef, static_cast<double>(hits) / (10 * kQueries),
          static_cast<double>(kQueries) / Median(seconds)};
}

struct Strategy {
  const char* name;
  const char* settings;
};
constexpr Strategy kStrategies[] = {
    {"prefilter", "vector_search_filter_strategy = 'prefilter'"},
    {"postfilter", "vector_search_filter_strategy = 'postfilter'"},
    {"postfilter x 10",
     "vector_search_filter_strategy = 'postfilter', vector_search_index_fetch_multiplier = 10"},
    {"postfilter x 100",
     "vector_search_filter_strategy = 'postfilter', vector_search_index_fetch_multiplier = 100"},
    {"auto", "vector_search_filter_strategy = 'auto'"}};

// The fastest strategy whose recall is enough, at their default width.
std::optional<CurvePoint> FastestOfClickHouse(ClickHousePeer& peer, const VectorSet& set,
                                              const Filter& filter,
                                              std::span<const std::vector<uint32_t>> truth,
                                              Report& report) {
  std::optional<CurvePoint> fastest;
  for (const Strategy& strategy : kStrategies) {
    const CurvePoint point =
        Measure(set, filter, truth, 256, 1, false, [&](size_t query, size_t ef, auto& rows) {
          peer.QueryRows("SELECT id FROM vectors WHERE " +
                             Substitute(filter.condition, filter.parameters(query)) + " ORDER BY " +
                             std::string(MetricFunction(set.metric)) + "(v, " +
                             VectorLiteral(set.queries.Row(query)) +
                             ") LIMIT 10 SETTINGS max_threads = 1, "
                             "hnsw_candidate_list_size_for_search = " +
                             std::to_string(ef) + ", " + strategy.settings,
                         rows);
        });
    report.Note(Format("  ClickHouse %s: %.0f queries/s, recall %.4f", strategy.name,
                       point.queries_per_second, point.recall));
    const bool is_enough = point.recall >= kTheirRecall;
    if (is_enough && (!fastest || point.queries_per_second > fastest->queries_per_second)) {
      fastest = point;
    }
  }
  return fastest;
}

}  // namespace

void MeasureFilters(const VectorSet& set, const std::string& library, size_t rounds,
                    Report& report) {
  const ScratchDirectory directory;
  StatementSearch statements(directory.Path("granary"), set, 2);
  const auto peer = ClickHousePeer::Open(
      library, std::filesystem::absolute(directory.Path("clickhouse")).string());
  if (peer != nullptr) {
    const std::string rows = directory.Path("rows");
    WriteRowBinary(set, rows);
    FillClickHouse(*peer, set, rows, 2);
    report.Note(set.name + ", filters: " + peer->Description() + ", C interface");
  }
  const Filter none{"no filter", "", [](size_t) { return std::pair<uint64_t, uint64_t>(); },
                    [](size_t, auto) { return true; }};
  std::vector<Filter> filters = Filters(set.base.rows);
  filters.push_back(none);
  const auto truth = Truth(set, filters);

  const auto curve_of = [&](size_t f) {
    const Filter& filter = filters[f];
    RecallCurve curve;
    const FilteredSearch search = [&](size_t query, size_t width, auto& rows) {
      statements.Search(set.queries.Row(query), width, filter.condition, filter.parameters(query),
                        rows);
    };
    Measure(set, filter, truth[f], kWidths[0], 1, true, search);  // brings columns into memory
    for (const size_t ef : kWidths) {
      curve.push_back(Measure(set, filter, truth[f], ef, rounds, true, search));
    }
    report.Note(Describe(set.name + ", " + filter.name + ", granary", curve));
    return curve;
  };
  const RecallCurve unfiltered = curve_of(filters.size() - 1);
  for (size_t f = 0; f + 1 < filters.size(); ++f) {
    const RecallCurve curve = curve_of(f);
    if (f >= 3) {  // many rows match: what matters is what the filter costs
      report.Add({.name = set.name + ": " + filters[f].name + " / no filter at recall 0.95",
                  .measured = SpeedRatio(curve, unfiltered, 0.95),
                  .limit = 0.3});
      continue;
    }
    const auto theirs = peer != nullptr
                            ? FastestOfClickHouse(*peer, set, filters[f], truth[f], report)
                            : std::nullopt;
    const auto speed = SpeedAt(curve, 0.99);
    report.Add({.name = set.name + ": " + filters[f].name + " at recall 0.99 / ClickHouse",
                .measured = theirs && speed ? *speed / theirs->queries_per_second : 0,
                .limit = f == 0 ? 60.0 : 12.0,
                .is_missing = peer == nullptr});
  }
}

}  // namespace granary::bench
