// Vectors that are zero, not finite, empty, of another length, huge, tiny or the same as others,
// for every function, type of element and code: an INSERT names those that an index cannot hold and
// leaves nothing; all others are found, with the distances of the exact scan.
#include <fmt/format.h>

#include "database_testing.h"
#include "search_case.h"
#include "search_hits.h"

namespace granary {
namespace {

constexpr const char* kZero = "[0, 0, 0, 0, 0, 0, 0, 0]";
constexpr size_t kRows = 50;

class AwkwardVectorsTest : public ::testing::TestWithParam<SearchCase> {
 protected:
  static std::vector<std::string> Codes() {
    std::vector<std::string> codes = {"f64", "f32", "f16", "bf16", "i8"};
    if (GetParam().function == std::string("cosineDistance")) codes.push_back("b1");
    return codes;
  }

  void CreateTable(const std::string& code) {
    database_ = OpenInMemory();
    database_->Execute(fmt::format(
        "CREATE TABLE t (id UInt32, v Array({}), INDEX near v TYPE vector_similarity('hnsw', '{}', "
        "8, '{}', 8, 32)) ORDER BY id SETTINGS vector_index_min_rows_for_graph = 0",
        GetParam().element, GetParam().function, code));
    database_->Execute(
        fmt::format("INSERT INTO t SELECT number, arrayMap(i -> toFloat32(xxHash64(number * 8 + i) "
                    "% 100) - 50, range(8)) FROM numbers({})",
                    kRows));
  }

  void ExpectRefused(const char* vector) {
    try {
      database_->Execute(fmt::format(
          "INSERT INTO t VALUES (100, [1, 2, 3, 4, 5, 6, 7, 8]), (101, {0}), (102, {0})", vector));
      FAIL() << vector << " was taken";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kIncorrectData) << error.what();
      EXPECT_NE(error.message().find("row 2 "), std::string::npos) << error.what();
    }
    EXPECT_EQ(Query(*database_, "SELECT count() FROM t"), fmt::format("{}\n", kRows));
  }

  std::vector<Hit> Search(const char* query, size_t limit, const char* settings) {
    return HitsOf(database_->Execute(
        fmt::format("SELECT id, {}(v, {}) AS d FROM t ORDER BY d {} LIMIT {} SETTINGS {}",
                    GetParam().function, query, GetParam().direction, limit, settings)));
  }

  // NaN is not equal to itself.
  static std::vector<std::string> TextOf(const std::vector<Hit>& hits) {
    std::vector<std::string> text;
    for (const Hit& hit : hits) text.push_back(fmt::format("{} {}", hit.id, hit.distance));
    return text;
  }

  void ExpectFound(size_t rows) {
    for (const char* query :
         {"[1., 2., 3., 4., 5., 6., 7., 8.]", "[-50, 3, 1, 1, 2, 40, 7, 7]::Array(Float32)"}) {
      const std::vector<std::string> exact =
          TextOf(Search(query, 2 * rows, "use_skip_indexes = 0"));
      ASSERT_EQ(exact.size(), rows);
      for (const char* settings :
           {"vector_search_method = 'graph'", "vector_search_method = 'scan'",
            "vector_search_method = 'graph', hnsw_candidate_list_size_for_search = 1"}) {
        EXPECT_EQ(TextOf(Search(query, 2 * rows, settings)), exact) << settings;
        EXPECT_EQ(TextOf(Search(query, rows, settings)), exact) << settings;
      }
    }
  }

  std::unique_ptr<Database> database_;
};

TEST_P(AwkwardVectorsTest, WhatAnIndexCannotHoldIsRefused) {
  for (const std::string& code : Codes()) {
    SCOPED_TRACE(code);
    CreateTable(code);
    for (const char* vector :
         {"[]", "[1, 2]", "[1, 2, 3, 4, 5, 6, 7, 8, 9]", "[nan, 2, 3, 4, 5, 6, 7, 8]",
          "[1, 2, 3, 4, 5, 6, 7, inf]", "[1, 2, 3, -inf, 5, 6, 7, 8]"}) {
      ExpectRefused(vector);
    }
  }
}

TEST_P(AwkwardVectorsTest, WhatItCanHoldIsFound) {
  const bool is_cosine = GetParam().function == std::string("cosineDistance");
  for (const std::string& code : Codes()) {
    SCOPED_TRACE(code);
    for (const char* vector :
         {kZero, "[1e38, -1e38, 1e38, 4, 5, 6, 7, 8]", "[1e-40, 0, 0, 0, 0, 0, 0, 0]",
          "[70000, 2, 3, 4, 5, 6, 7, 8]", "[1, 2, 3, 4, 5, 6, 7, 8]"}) {
      SCOPED_TRACE(vector);
      CreateTable(code);
      // Bytes of a direction that there is not; other codes know what a zero vector is.
      if (vector == kZero && is_cosine && code == "i8") {
        ExpectRefused(vector);
        continue;
      }
      database_->Execute(fmt::format("INSERT INTO t SELECT 100 + number, {} FROM numbers(12)",
                                     std::string(vector)));
      ExpectFound(kRows + 12);
      database_->Execute("OPTIMIZE TABLE t FINAL");
      database_->Execute("DELETE FROM t WHERE id = 105");
      ExpectFound(kRows + 11);
      EXPECT_NE(Query(*database_, fmt::format("EXPLAIN indexes = 1 SELECT id FROM t ORDER BY "
                                              "{}(v, [1, 2, 3, 4, 5, 6, 7, 8]) {} LIMIT 3",
                                              GetParam().function, GetParam().direction))
                    .find("sub-indexes searched"),
                std::string::npos);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Of, AwkwardVectorsTest,
                         ::testing::Values(SearchCase{"L2Distance", "ASC", "Float32"},
                                           SearchCase{"L2Distance", "ASC", "Float64"},
                                           SearchCase{"L2Distance", "ASC", "BFloat16"},
                                           SearchCase{"cosineDistance", "ASC", "Float32"},
                                           SearchCase{"cosineDistance", "ASC", "Float64"},
                                           SearchCase{"cosineDistance", "ASC", "BFloat16"},
                                           SearchCase{"dotProduct", "DESC", "Float32"},
                                           SearchCase{"dotProduct", "DESC", "Float64"},
                                           SearchCase{"dotProduct", "DESC", "BFloat16"}));

}  // namespace
}  // namespace granary
