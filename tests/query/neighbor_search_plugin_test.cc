// What a search promises, it promises whatever an index does: here with a kind that proposes too
// few rows, in the wrong order, or whose sub-indexes cannot be opened.
#include <algorithm>
#include <atomic>

#include "database_testing.h"
#include "granary/skipindex/distance/kernels.h"

namespace granary {
namespace {

// Proposes the first `proposals` accepted rows of the block at the first call, then nothing.
class StingySearch final : public NeighborSearch {
 public:
  StingySearch(const NeighborQuery& query, size_t rows, size_t proposals)
      : query_(query), rows_(rows), proposals_(proposals) {}

  void Next(std::vector<Candidate>& out, const TaskContext&) override {
    for (uint32_t row = 0; row < rows_ && proposals_ > 0; ++row) {
      if (query_.accept != nullptr && !query_.accept->Accepts(row)) continue;
      out.push_back({.row = row, .distance = static_cast<float>(row)});
      --proposals_;
    }
    rows_ = 0;
  }
  size_t visited() const override { return 0; }

 private:
  NeighborQuery query_;
  size_t rows_;
  size_t proposals_;
};

// That of the last search.
std::atomic<const DistanceKernels*> last_kernels = nullptr;

class StingySubIndex final : public SubIndex, public NeighborSearcher {
 public:
  StingySubIndex(size_t rows, size_t proposals) : rows_(rows), proposals_(proposals) {}
  const NeighborSearcher* neighbor_searcher() const override { return this; }
  std::unique_ptr<NeighborSearch> Start(const NeighborQuery& query) const override {
    last_kernels = query.kernels;
    return std::make_unique<StingySearch>(query, rows_, proposals_);
  }
  bool is_flat() const override { return false; }
  size_t bytes_per_row() const override { return sizeof(float); }

 private:
  size_t rows_;
  size_t proposals_;
};

class StingyBuilder final : public SubIndexBuilder {
 public:
  void AddGranule(const Column&) override {}
  void Finish(const SubIndexInput& input, ByteSink& out) override {
    ByteWriter bytes;
    bytes.Write(static_cast<uint64_t>(input.rows));
    out.Append(bytes.bytes());
  }
};

class StingyIndex final : public SkipIndex {
 public:
  StingyIndex(std::string column, size_t proposals)
      : ability_{.metric = Metric::kL2, .column = std::move(column), .dimensions = 1},
        proposals_(proposals) {}

  const VectorSearchAbility* vector_search() const override { return &ability_; }
  std::string description() const override { return "stingy"; }
  std::unique_ptr<SubIndexBuilder> NewBuilder() const override {
    return std::make_unique<StingyBuilder>();
  }
  std::shared_ptr<const SubIndex> Open(std::span<const std::byte>,
                                       const SubIndexInput& input) const override {
    if (proposals_ == 0) throw Error(ErrorCode::kCorruptedData, "stingy refuses to open");
    return std::make_shared<StingySubIndex>(input.rows, proposals_);
  }

 private:
  VectorSearchAbility ability_;
  size_t proposals_;
};

// stingy(proposals); with 0 its sub-indexes are damaged.
class StingyKind final : public SkipIndexKind {
 public:
  std::string_view name() const override { return "stingy"; }
  std::shared_ptr<const SkipIndex> Declare(const IndexDeclaration& declaration,
                                           const TableSettings&) const override {
    return std::make_shared<StingyIndex>(declaration.expression->text(),
                                         declaration.arguments.at(0).value.as_uint());
  }
};

// Rows 0 .. 99 with the vector [id], in index blocks of 10, nearest to 42 first.
std::unique_ptr<Database> OpenWith(int proposals, std::atomic<int>* warnings = nullptr) {
  DatabaseOptions options;
  options.skip_indexes.Register(std::make_shared<StingyKind>());
  if (warnings != nullptr) options.on_warning = [warnings](const std::string&) { ++*warnings; };
  auto database = OpenInMemory(std::move(options));
  database->Execute("CREATE TABLE t (id UInt32, v Array(Float32), INDEX s v TYPE stingy(" +
                    std::to_string(proposals) +
                    ") GRANULARITY 2) ORDER BY id SETTINGS index_granularity = 5");
  database->Execute("INSERT INTO t SELECT number, [number] FROM numbers(100)");
  return database;
}

std::string Nearest(Database& database, const std::string& where, int limit,
                    const std::string& settings = "vector_search_filter_strategy = 'postfilter'") {
  return Query(database, "SELECT id FROM t " + where + " ORDER BY L2Distance(v, [42.]) LIMIT " +
                             std::to_string(limit) + " SETTINGS " + settings);
}

TEST(NeighborSearchPluginTest, BlocksThatProposeTooFewRowsAreScanned) {
  const auto database = OpenWith(2);
  EXPECT_EQ(Nearest(*database, "", 5), "42\n41\n43\n40\n44\n");
  EXPECT_EQ(Nearest(*database, "WHERE id % 10 = 3", 4), "43\n33\n53\n23\n");
  const std::string plan = Query(
      *database, "EXPLAIN indexes = 1 SELECT id FROM t ORDER BY L2Distance(v, [42.]) LIMIT 5");
  EXPECT_NE(plan.find("the graph reached too few rows (10)"), std::string::npos) << plan;
}

TEST(NeighborSearchPluginTest, ProposalsAreRankedByTheirExactDistance) {
  const auto database = OpenWith(10);
  EXPECT_EQ(Nearest(*database, "", 3), "42\n41\n43\n");
  EXPECT_EQ(Nearest(*database, "WHERE id > 42 AND id < 46", 9), "43\n44\n45\n");
  EXPECT_EQ(Nearest(*database, "WHERE id > 100", 9), "");
  EXPECT_EQ(Query(*database, "SELECT L2Distance(v, [42.]) AS d FROM t ORDER BY d LIMIT 2"),
            "0\n1\n");
}

TEST(NeighborSearchPluginTest, SearchersMeasureWithTheKernelsOfTheStatement) {
  const auto database = OpenWith(10);
  for (const DistanceKernels* kernels : AvailableDistanceKernels()) {
    Nearest(*database, "", 3, "distance_kernels = '" + std::string(kernels->name) + "'");
    EXPECT_EQ(last_kernels.load(), kernels) << kernels->name;
  }
}

// With one proposal per block, the rows found depend on what is re-ranked beside it.
TEST(NeighborSearchPluginTest, TheWiderScopeMeasuresWholeGranules) {
  const auto database = OpenWith(1);
  EXPECT_EQ(Nearest(*database, "", 1, "vector_search_rerank_scope = 'rows'"), "40\n");
  EXPECT_EQ(Nearest(*database, "", 1, "vector_search_rerank_scope = 'granules'"), "42\n");
  EXPECT_EQ(Nearest(*database, "WHERE id % 2 = 1", 1,
                    "vector_search_rerank_scope = 'granules', "
                    "vector_search_filter_strategy = 'postfilter'"),
            "41\n");
}

TEST(NeighborSearchPluginTest, FilteredSearchesChooseTheCheaperWay) {
  const auto database = OpenWith(1);
  const auto plan_of = [&](const std::string& strategy) {
    return Query(
        *database,
        "EXPLAIN indexes = 1 SELECT id FROM t WHERE id % 2 = 1 "
        "ORDER BY L2Distance(v, [42.]) LIMIT 1 SETTINGS vector_search_filter_strategy = '" +
            strategy + "', vector_search_method = 'auto', hnsw_candidate_list_size_for_search = 1");
  };
  EXPECT_NE(plan_of("auto").find("few rows match WHERE"), std::string::npos);
  EXPECT_NE(plan_of("prefilter").find("exact scan of 50 rows"), std::string::npos);
  EXPECT_NE(plan_of("postfilter").find("sub-indexes searched, WHERE evaluated for"),
            std::string::npos);
}

TEST(NeighborSearchPluginTest, DamagedSubIndexesAreScannedWithAWarning) {
  std::atomic<int> warnings{0};
  const auto database = OpenWith(0, &warnings);
  Result result = database->Execute("SELECT id FROM t ORDER BY L2Distance(v, [42.]) LIMIT 3");
  const Block rows = result.ReadAll();
  ASSERT_EQ(rows.rows(), 3u);
  EXPECT_EQ(rows.column(0)->ValueAt(0).as_uint(), 42u);
  EXPECT_EQ(result.warnings().size(), 1u);
  EXPECT_EQ(warnings.load(), 1);
  EXPECT_EQ(Nearest(*database, "WHERE id < 3", 5), "2\n1\n0\n");
}

}  // namespace
}  // namespace granary
