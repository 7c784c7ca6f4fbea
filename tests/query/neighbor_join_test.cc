// Nearest-neighbour joins and batches find for every vector what a search for it alone finds.
#include <algorithm>
#include <random>
#include <set>

#include <fmt/format.h>

#include "database_testing.h"
#include "granary/tests/random_seed.h"
#include "search_case.h"

namespace granary {
namespace {

constexpr size_t kDimensions = 8;
constexpr int kQueries = 300;  // more than are searched at once

class NeighborJoinTest : public ::testing::TestWithParam<SearchCase> {
 protected:
  // Four parts, one of them without sub-indexes, with deleted rows.
  void SetUp() override {
    seed_ = SeedOfThisRun();
    random_.seed(seed_);
    database_ = OpenInMemory();
    database_->Execute(
        fmt::format("CREATE TABLE t (id UInt64, m UInt8, v Array({}), INDEX near v TYPE "
                    "vector_similarity('hnsw', '{}', 8, 'bf16', 8, 32) GRANULARITY 4) ORDER BY m "
                    "SETTINGS index_granularity = 32, vector_index_min_rows_for_graph = 0",
                    GetParam().element, GetParam().function));
    for (int part = 0; part < 4; ++part) {
      std::string rows;
      for (int row = 0; row < 250; ++row) {
        rows += fmt::format("({},{},{})", part * 250 + row, row % 50, VectorText());
      }
      Session session(database_.get());
      session.Set("materialize_skip_indexes_on_insert", Value(uint64_t{part != 2}));
      session.Execute("INSERT INTO t VALUES " + rows);
    }
    database_->Execute("DELETE FROM t WHERE id % 11 = 3");
    database_->Execute("CREATE TABLE q (id UInt64, v Array(Float32)) ORDER BY id");
    std::string rows;
    for (int query = 0; query < kQueries; ++query) {
      rows += fmt::format("({},{})", query, VectorText());
    }
    database_->Execute("INSERT INTO q VALUES " + rows);
  }

  std::string VectorText() {
    std::normal_distribution<float> normal;
    std::vector<float> vector(kDimensions);
    for (float& x : vector) x = normal(random_);
    return fmt::format("[{}]", fmt::join(vector, ","));
  }

  // The rows of searches one by one, each line behind the number of its query.
  std::string OneByOne(const std::string& where, size_t k, const std::string& settings) {
    PreparedStatement search = database_->Prepare(fmt::format(
        "SELECT id, m, {0}(v, {{q:Array(Float32)}}) AS d FROM t {1} ORDER BY d {2} LIMIT {3} "
        "SETTINGS {4}",
        GetParam().function, where, GetParam().direction, k, settings));
    const Block queries = database_->Execute("SELECT v FROM q ORDER BY id").ReadAll();
    const VectorRows vectors = AsArrays(*queries.column(0)).Vectors(kDimensions);
    std::string text;
    for (size_t query = 0; query < queries.rows(); ++query) {
      search.Bind("q", std::span<const float>(vectors.FloatRow(query), kDimensions));
      const std::string rows = TextOf(search.Execute());
      for (size_t begin = 0; begin < rows.size();) {
        const size_t end = rows.find('\n', begin) + 1;
        text += std::to_string(query) + "\t" + rows.substr(begin, end - begin);
        begin = end;
      }
    }
    return text;
  }

  static std::vector<std::string> Lines(const std::string& text) {
    std::vector<std::string> lines;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = text.find('\n', begin);
      lines.push_back(text.substr(begin, end - begin));
      begin = end + 1;
    }
    return lines;
  }

  std::string Joined(const std::string& where, size_t k, const std::string& settings) {
    return Query(*database_,
                 fmt::format("SELECT q.id, t.id, m, {0}(t.v, q.v) AS d FROM q CROSS JOIN t {1} "
                             "ORDER BY q.id, d {2} LIMIT {3} BY q.id SETTINGS {4}",
                             GetParam().function, where, GetParam().direction, k, settings));
  }

  uint64_t seed_ = 0;
  std::mt19937 random_;
  std::unique_ptr<Database> database_;
};

TEST_P(NeighborJoinTest, FindsForEachRowWhatASearchFinds) {
  const std::pair<std::string, std::string> filters[] = {{"", ""},
                                                         {"WHERE m < 25", "WHERE m < 25"},
                                                         {"WHERE id = 77", "WHERE t.id = 77"},
                                                         {"WHERE id > 9999", "WHERE t.id > 9999"}};
  for (const auto& [where, joined_where] : filters) {
    for (const char* strategy : {"auto", "prefilter", "postfilter"}) {
      for (const size_t k : {1, 40}) {
        const std::string settings = fmt::format(
            "vector_search_filter_strategy = '{}', hnsw_candidate_list_size_for_search = 20",
            strategy);
        ASSERT_EQ(Joined(joined_where, k, settings), OneByOne(where, k, settings))
            << where << settings << k << ", seed " << seed_;
      }
    }
    ASSERT_EQ(Joined(joined_where, 7, "use_skip_indexes = 0"),
              OneByOne(where, 7, "use_skip_indexes = 0"))
        << where << ", seed " << seed_;
  }
}

// For every row of q what a search finds with the values of that row in its WHERE.
TEST_P(NeighborJoinTest, ConditionsOverBothSidesAreThoseOfASearchForEachRow) {
  // In the join, and alone with the id of the query row in place of {}.
  const std::pair<std::string, std::string> conditions[] = {
      {"t.id != q.id", "id != {0}"},        // nearly all rows
      {"t.m = q.id % 50", "m = {0} % 50"},  // one in fifty
      {"t.id % 3 = q.id % 3 AND t.m < 25", "id % 3 = {0} % 3 AND m < 25"},
      {"t.id < q.id", "id < {0}"},                                  // none to a third
      {"t.id = q.id * 4 AND q.id > 2", "id = {0} * 4 AND {0} > 2"}  // one or none
  };
  const auto queries = Lines(Query(*database_, "SELECT v FROM q ORDER BY id"));
  for (const auto& [joined, alone] : conditions) {
    for (const size_t k : {1, 20}) {
      const std::string exact = Joined("WHERE " + joined, k, "use_skip_indexes = 0");
      std::string expected;
      size_t rows = 0;
      for (size_t query = 0; query < queries.size(); ++query) {
        const auto found = Lines(Query(
            *database_,
            fmt::format("SELECT id, m, {0}(v, {1}::Array(Float32)) AS d FROM t WHERE {2} ORDER BY "
                        "d {3} LIMIT {4} SETTINGS use_skip_indexes = 0",
                        GetParam().function, queries[query],
                        fmt::format(fmt::runtime(alone), query), GetParam().direction, k)));
        for (const std::string& line : found) expected += fmt::format("{}\t{}\n", query, line);
        rows += found.size();
      }
      ASSERT_EQ(exact, expected) << joined << k << ", seed " << seed_;
      // Through the index as many rows, of which few are others.
      for (const char* settings :
           {"hnsw_candidate_list_size_for_search = 100", "vector_search_method = 'scan'",
            "vector_search_filter_strategy = 'postfilter'"}) {
        const auto planned = Lines(Joined("WHERE " + joined, k, settings));
        ASSERT_EQ(planned.size(), rows) << joined << k << settings << ", seed " << seed_;
        const auto wanted = Lines(expected);
        const std::set<std::string> right(wanted.begin(), wanted.end());
        const auto hits = std::count_if(planned.begin(), planned.end(),
                                        [&](const auto& line) { return right.count(line) != 0; });
        EXPECT_GE(static_cast<double>(hits), 0.9 * static_cast<double>(rows))
            << joined << k << settings << ", seed " << seed_;
      }
    }
  }
}

TEST_P(NeighborJoinTest, ExplainSaysHowItIsSearched) {
  const std::string join =
      fmt::format("SELECT q.id, t.id FROM q, t ORDER BY {}(t.v, q.v) {} LIMIT 1 BY q.id",
                  GetParam().function, GetParam().direction);
  const std::string plan =
      Query(*database_,
            "EXPLAIN indexes = 1 " + join + " SETTINGS hnsw_candidate_list_size_for_search = 1");
  EXPECT_NE(plan.find("Vector index: near"), std::string::npos) << plan;
  // Two index blocks in each of three parts, and a part without.
  EXPECT_NE(plan.find(fmt::format("of {} sub-indexes", kQueries * 6)), std::string::npos) << plan;
  EXPECT_NE(plan.find(fmt::format("the part has no sub-index ({})", kQueries)), std::string::npos)
      << plan;
  const std::string recall = Query(*database_, "EXPLAIN RECALL " + join);
  EXPECT_NE(recall.find(fmt::format("Rows asked: 1 for each of {} vectors", kQueries)),
            std::string::npos)
      << recall;
  EXPECT_NE(recall.find(fmt::format("Rows returned: {0} as planned, {0} exactly", kQueries)),
            std::string::npos)
      << recall;
  EXPECT_EQ(Query(*database_, "SELECT count() > 0 FROM (EXPLAIN RECALL " + join +
                                  " SETTINGS use_skip_indexes = 0) WHERE explain = 'Recall@1: 1'"),
            "1\n");
}

TEST_P(NeighborJoinTest, AMatrixIsSearchedVectorByVector) {
  const Block queries = database_->Execute("SELECT v FROM q ORDER BY id").ReadAll();
  const VectorRows vectors = AsArrays(*queries.column(0)).Vectors(kDimensions);
  for (const char* where : {"", "WHERE m < 25", "WHERE id = 77", "WHERE id > 9999"}) {
    for (const char* settings : {"hnsw_candidate_list_size_for_search = 20, "
                                 "vector_search_filter_strategy = 'postfilter'",
                                 "use_skip_indexes = 0"}) {
      PreparedStatement search = database_->Prepare(fmt::format(
          "SELECT id, m, {0}(v, {{q:Array(Float32)}}) AS d FROM t {1} ORDER BY d {2} LIMIT 9 "
          "SETTINGS {3}",
          GetParam().function, where, GetParam().direction, settings));
      search.BindMatrix("q", {vectors.FloatRow(0), kDimensions * kQueries}, kDimensions);
      ASSERT_EQ(TextOf(search.Execute()), OneByOne(where, 9, settings))
          << where << settings << ", seed " << seed_;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Joins, NeighborJoinTest,
                         ::testing::Values(SearchCase{"L2Distance", "ASC", "Float32"},
                                           SearchCase{"cosineDistance", "ASC", "BFloat16"},
                                           SearchCase{"dotProduct", "DESC", "Float64"}));

class JoinedTablesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = OpenInMemory();
    database_->Execute(
        "CREATE TABLE t (id UInt64, v Array(Float32), INDEX near v TYPE "
        "vector_similarity('hnsw', 'cosineDistance', 2)) ORDER BY id "
        "SETTINGS vector_index_min_rows_for_graph = 0");
    database_->Execute(
        "INSERT INTO t SELECT number, [toInt64(number), 10 - number] FROM numbers(1, 9)");
    database_->Execute("CREATE TABLE q (id UInt64, v Array(Float32)) ORDER BY id");
  }

  std::unique_ptr<Database> database_;
  const std::string join_ =
      "SELECT q.id, t.id FROM q, t ORDER BY q.id, cosineDistance(t.v, q.v) LIMIT 2 BY q.id";
};

TEST_F(JoinedTablesTest, EitherSideMayBeEmpty) {
  EXPECT_EQ(Query(*database_, join_), "");
  EXPECT_NE(Query(*database_, "EXPLAIN indexes = 1 " + join_).find("nothing to search"),
            std::string::npos);
  database_->Execute("INSERT INTO q VALUES (1, [1, 1])");
  EXPECT_EQ(Query(*database_, join_), "1\t5\n1\t4\n");
  database_->Execute("TRUNCATE TABLE t");
  EXPECT_EQ(Query(*database_, join_), "");
}

TEST_F(JoinedTablesTest, VectorsWithoutNeighboursAreComparedExactly) {
  database_->Execute("INSERT INTO q VALUES (1, [0, 0]), (2, [nan, 1]), (3, [1, 9]), (4, [inf, 1])");
  EXPECT_EQ(Query(*database_, join_), "1\t1\n1\t2\n2\t1\n2\t2\n3\t1\n3\t2\n4\t1\n4\t2\n");
  EXPECT_EQ(Query(*database_, join_ + " SETTINGS use_skip_indexes = 0"), Query(*database_, join_));
}

TEST_F(JoinedTablesTest, VectorsOfOtherLengthsAreRefused) {
  database_->Execute("INSERT INTO q VALUES (1, [1, 1]), (2, [1, 1, 1])");
  EXPECT_EQ(FailureOf(*database_, join_), ErrorCode::kIncorrectQuery);
  EXPECT_EQ(FailureOf(*database_, join_ + " SETTINGS use_skip_indexes = 0"),
            ErrorCode::kSizesOfArraysDontMatch);
}

TEST_F(JoinedTablesTest, ForcedIndexesAreThoseOfTheTableSearched) {
  database_->Execute("INSERT INTO q VALUES (1, [1, 1])");
  const std::string forced = " SETTINGS force_data_skipping_indices = 'near'";
  EXPECT_EQ(Query(*database_, join_ + forced), "1\t5\n1\t4\n");
  EXPECT_EQ(FailureOf(*database_, join_ + forced + ", use_skip_indexes = 0"),
            ErrorCode::kIndexNotUsed);
}

// EXPLAIN RECALL only searches; nothing else counts its rows.
TEST_F(JoinedTablesTest, LargeResultsCountAgainstTheMemoryLimit) {
  database_->Execute("CREATE TABLE u (id UInt64, v Array(Float32)) ORDER BY id");
  database_->Execute("INSERT INTO u SELECT number, [1, number] FROM numbers(50000)");
  database_->Execute("INSERT INTO q SELECT number, [1, 2] FROM numbers(300)");
  Session session(database_.get());
  session.Set("max_memory_usage", Value(uint64_t{10000000}));
  try {
    TextOf(
        session.Execute("EXPLAIN RECALL SELECT q.id, u.id FROM q, u "
                        "ORDER BY L2Distance(u.v, q.v) LIMIT 100000 BY q.id"));
    ADD_FAILURE() << "the rows were not counted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kMemoryLimitExceeded);
  }
}

// LIMIT BY may name what several rows have in common: the nearest to any of them are kept.
TEST_F(JoinedTablesTest, GroupsMayHaveManyVectors) {
  database_->Execute("INSERT INTO q VALUES (1, [1, 9]), (1, [9, 1]), (2, [1, 1])");
  EXPECT_EQ(Query(*database_, join_), "1\t1\n1\t9\n2\t5\n2\t4\n");
}

TEST_F(JoinedTablesTest, PreparedJoinsSeeNewRows) {
  PreparedStatement join = database_->Prepare(join_);
  EXPECT_EQ(TextOf(join.Execute()), "");
  database_->Execute("INSERT INTO q VALUES (1, [1, 1])");
  EXPECT_EQ(TextOf(join.Execute()), "1\t5\n1\t4\n");
  // As near as row 5, which comes before it.
  database_->Execute("INSERT INTO t VALUES (100, [2, 2])");
  EXPECT_EQ(TextOf(join.Execute()), "1\t5\n1\t100\n");
}

TEST_F(JoinedTablesTest, PreparedJoinsTakeParametersInOn) {
  database_->Execute("INSERT INTO q VALUES (1, [1, 1]), (2, [9, 9])");
  PreparedStatement join = database_->Prepare(
      "SELECT q.id, t.id FROM q INNER JOIN t ON t.id < {bound:UInt8} AND t.id != q.id "
      "ORDER BY q.id, L2Distance(t.v, q.v) LIMIT 1 BY q.id");
  EXPECT_EQ(TextOf(join.Bind("bound", 6).Execute()), "1\t5\n2\t5\n");
  EXPECT_EQ(TextOf(join.Bind("bound", 4).Execute()), "1\t3\n2\t3\n");
}

class MatrixTest : public JoinedTablesTest {
 protected:
  std::string Search(const std::string& sql, const std::vector<float>& matrix) {
    return TextOf(database_->Prepare(sql).BindMatrix("q", matrix, 2).Execute());
  }

  std::optional<ErrorCode> Failure(const std::string& sql) {
    try {
      Search(sql, two_);
      return std::nullopt;
    } catch (const Error& error) {
      return error.code();
    }
  }

  const std::vector<float> two_ = {1, 9, 9, 1};
  const std::string tail_ = " FROM t ORDER BY cosineDistance(v, {q:Array(Float32)}) LIMIT 2";
};

TEST_F(MatrixTest, TakesEveryFormOfASearch) {
  const Header header =
      database_->Prepare("SELECT id, v AS w" + tail_).BindMatrix("q", two_, 2).Execute().columns();
  ASSERT_EQ(header.size(), 3u);
  EXPECT_EQ(header[0].name, "query");
  EXPECT_EQ(header[1].name, "id");
  EXPECT_EQ(header[2].name, "w");
  EXPECT_EQ(Search("SELECT *" + tail_, two_),
            "0\t1\t[1,9]\n0\t2\t[2,8]\n1\t9\t[9,1]\n1\t8\t[8,2]\n");
  EXPECT_EQ(Search("SELECT t.id" + tail_ + " OFFSET 1", two_), "0\t2\n0\t3\n1\t8\n1\t7\n");
  EXPECT_EQ(Search("SELECT id, L2Distance({q:Array(Float32)}, v) FROM t WHERE id > 8 "
                   "ORDER BY 2 LIMIT 1 SETTINGS use_skip_indexes = 0",
                   {9, 1}),
            "0\t9\t0\n");
  EXPECT_EQ(Search("SELECT id FROM t ORDER BY L2Distance(v, {q:Array(Float64)}) LIMIT 1", two_),
            "0\t1\n1\t9\n");
  EXPECT_EQ(Search("SELECT id + 1 AS query" + tail_, {1, 9}), "0\t2\n0\t3\n");
  EXPECT_EQ(Search("SELECT id" + tail_, {}), "");
  EXPECT_EQ(Search("SELECT id FROM t ORDER BY L2Distance(v, {q:Array(Float32)}) LIMIT 0", two_),
            "");
}

TEST_F(MatrixTest, MayFollowAndPrecedeAVector) {
  PreparedStatement search = database_->Prepare(
      "SELECT id FROM t WHERE id < {bound:UInt8} ORDER BY cosineDistance(v, {q:Array(Float32)}) "
      "LIMIT 1");
  search.Bind("bound", 5);
  const std::vector<float> one = {9, 1};
  EXPECT_EQ(TextOf(search.Bind("q", one).Execute()), "4\n");
  EXPECT_EQ(TextOf(search.BindMatrix("q", two_, 2).Execute()), "0\t1\n1\t4\n");
  EXPECT_EQ(TextOf(search.Bind("bound", 9).Execute()), "0\t1\n1\t8\n");
  EXPECT_EQ(TextOf(search.BindMatrix("q", one, 2).Execute()), "0\t8\n");
  EXPECT_EQ(TextOf(search.Bind("q", one).Execute()), "8\n");
}

TEST_F(MatrixTest, IsRefusedWhereItIsNoSearch) {
  EXPECT_EQ(Failure("SELECT {q:Array(Float32)}"), ErrorCode::kNotImplemented);
  EXPECT_EQ(Failure("SELECT id FROM t WHERE L2Distance(v, {q:Array(Float32)}) < 3"),
            ErrorCode::kNotImplemented);
  EXPECT_EQ(Failure("SELECT id FROM t ORDER BY L2Distance(v, {q:Array(Float32)})"),
            ErrorCode::kNotImplemented);
  EXPECT_EQ(Failure("SELECT id FROM t ORDER BY L2Distance(v, {q:Array(Float32)}) DESC LIMIT 1"),
            ErrorCode::kNotImplemented);
  EXPECT_EQ(Failure("SELECT id" + tail_ + " WITH TIES"), ErrorCode::kNotImplemented);
  EXPECT_EQ(Failure("SELECT id FROM t ORDER BY L2Distance(v, {q:Array(Float32)}) LIMIT 1 BY id "
                    "LIMIT 2"),
            ErrorCode::kNotImplemented);
  EXPECT_EQ(Failure("SELECT id FROM t WHERE id IN (SELECT id" + tail_ +
                    ") ORDER BY L2Distance(v, {q:Array(Float32)}) LIMIT 2"),
            ErrorCode::kBadQueryParameter);
  PreparedStatement search = database_->Prepare("SELECT id" + tail_);
  EXPECT_THROW(search.BindMatrix("q", two_, 3), Error);
  EXPECT_THROW(search.BindMatrix("q", two_, 0), Error);
  EXPECT_THROW(search.BindMatrix("nope", two_, 2), Error);
  EXPECT_THROW(TextOf(search.BindMatrix("q", two_, 4).Execute()), Error);
}

}  // namespace
}  // namespace granary
