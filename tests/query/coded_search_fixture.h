// A table whose i8 sub-indexes have been verified, so that searches may rely on their codes: three
// parts with small index blocks, some vectors the same, some far away.
#pragma once

#include <random>
#include <string>

#include "database_testing.h"
#include "granary/tests/random_seed.h"
#include "search_case.h"

namespace granary {

class CodedSearchTest : public testing::TestWithParam<SearchCase> {
 protected:
  static constexpr int kRowsPerPart = 1500;

  // Without `all_indexed` the second part has no sub-indexes.
  explicit CodedSearchTest(bool all_indexed) : all_indexed_(all_indexed) {}

  void SetUp() override {
    seed_ = SeedOfThisRun();
    random_.seed(seed_);
    database_ = OpenInMemory();
    database_->Execute("CREATE TABLE t (id UInt32, m UInt8, v Array(" +
                       std::string(GetParam().element) +
                       "), INDEX near v TYPE vector_similarity('hnsw', '" + GetParam().function +
                       "', 16, 'i8', 8, 32) GRANULARITY 8) ORDER BY m "
                       "SETTINGS index_granularity = 100, vector_index_min_rows_for_graph = 0");
    for (int part = 0; part < 3; ++part) {
      std::string rows, vector;
      for (int row = 0; row < kRowsPerPart; ++row) {
        const int id = part * kRowsPerPart + row;
        if (row % 50 != 1) vector = VectorText(row % 97 == 0 ? 40 : 1);
        rows += "(" + std::to_string(id) + "," + std::to_string(id % 100) + "," + vector + ")";
      }
      Session session(database_.get());
      session.Set("materialize_skip_indexes_on_insert", Value(uint64_t{all_indexed_ || part != 1}));
      session.Execute("INSERT INTO t VALUES " + rows);
    }
    database_->Execute("SYSTEM WARM INDEXES t");
  }

  std::string VectorText(float scale) {
    std::normal_distribution<float> normal;
    std::string text = "[";
    for (size_t i = 0; i < 16; ++i) {
      text += (i == 0 ? "" : ",") + std::to_string(scale * normal(random_));
    }
    return text + "]";
  }

  uint64_t seed_ = 0;
  std::mt19937_64 random_;
  std::unique_ptr<Database> database_;

 private:
  const bool all_indexed_;
};

}  // namespace granary
