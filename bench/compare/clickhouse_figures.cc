#include <chrono>
#include <filesystem>

#include "granary/bench/compare/clickhouse_vectors.h"
#include "granary/bench/compare/figures.h"
#include "granary/bench/compare/recall_curve.h"
#include "granary/bench/compare/statement_search.h"
#include "granary/bench/scratch_directory.h"

namespace granary::bench {
namespace {

constexpr size_t kInsertThreads = 2;
constexpr size_t kWidths[] = {16, 32, 64, 128, 256, 512};
constexpr size_t kRoundsMax = 3;  // ClickHouse takes its time

}  // namespace

void MeasureClickHouse(const VectorSet& set, const VectorSetLimits& limits,
                       const std::string& library, size_t rounds, Report& report) {
  const ScratchDirectory directory;
  const auto peer = ClickHousePeer::Open(
      library, std::filesystem::absolute(directory.Path("clickhouse")).string());
  std::vector<RecallCurve> curves;
  double insert_ratio = 0;
  if (peer != nullptr) {
    const std::string rows = directory.Path("rows");
    WriteRowBinary(set, rows);
    const double their_insert = FillClickHouse(*peer, set, rows, kInsertThreads);
    StatementSearch statements(directory.Path("granary"), set, kInsertThreads);
    insert_ratio = their_insert / statements.insert_seconds();
    const SearchTen searchers[] = {
        [&](auto query, size_t ef, auto& found) { statements.Search(query, ef, found); },
        [&](auto query, size_t ef, auto& found) {
          peer->QueryRows(NeighborStatement(set, query, ef), found);
        }};
    curves = MeasureCurves(set, searchers, kWidths, std::min(rounds, kRoundsMax));
    const std::string description = peer->Description();
    report.Note(
        Format("%s: insert with index, 2 threads: granary %.1f s (i8 M32 efC128, fsync "
               "full); %s %.1f s (bf16 M32 efC128)",
               set.name.c_str(), statements.insert_seconds(), description.c_str(), their_insert));
    report.Note(Describe(set.name + ", granary, prepared statement", curves[0]));
    report.Note(Describe(set.name + ", " + description + ", C interface", curves[1]));
  }
  for (const auto& [recall, limit] : limits.clickhouse_recalls) {
    report.Add({.name = Format("%s: prepared statement / ClickHouse at recall %.2f",
                               set.name.c_str(), recall),
                .measured = peer == nullptr ? 0 : SpeedRatio(curves[0], curves[1], recall),
                .limit = limit,
                .is_missing = peer == nullptr});
  }
  report.Add({.name = set.name + ": speed of an insert with index / ClickHouse, 2 threads",
              .measured = insert_ratio,
              .limit = 5,
              .is_missing = peer == nullptr});
}

}  // namespace granary::bench
