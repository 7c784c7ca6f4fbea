// A prepared search allocates next to nothing: counted by an operator new of this program's own.
#include <cstdlib>
#include <new>
#include <numeric>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "granary/tests/query/database_testing.h"

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define GRANARY_COUNTS_ALLOCATIONS
#endif

namespace {

thread_local size_t allocations = 0;

}  // namespace

// Sanitizers have their own.
#ifdef GRANARY_COUNTS_ALLOCATIONS
void* operator new(size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes == 0 ? 1 : bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new[](size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace granary {
namespace {

constexpr size_t kDimensions = 16;
constexpr size_t kRows = 20000;

class SearchAllocationsTest : public ::testing::Test {
 protected:
  SearchAllocationsTest() : database_(OpenInMemory()) {
    database_->Execute(
        "CREATE TABLE t (id UInt32, v Array(Float32), INDEX near v TYPE "
        "vector_similarity('hnsw', 'L2Distance', 16)) ENGINE = MergeTree ORDER BY id "
        "SETTINGS index_granularity = 512");
    std::mt19937 random(1);
    std::normal_distribution<float> normal;
    values_.resize(kRows * kDimensions);
    for (float& value : values_) value = normal(random);
    std::vector<uint32_t> ids(kRows);
    std::iota(ids.begin(), ids.end(), 0);
    auto elements = std::make_shared<NumberColumn<float>>(TypeId::kFloat32, values_);
    database_->Insert("t",
                      Block({{"id", std::make_shared<NumberColumn<uint32_t>>(TypeId::kUInt32, ids)},
                             {"v", ArrayColumn::Uniform(elements, kDimensions, kRows)}}));
    database_->Execute("SET max_threads = 1");
  }

  // Of one search, once others have been made.
  size_t CountFor(const std::string& sql) {
    PreparedStatement search = database_->Prepare(sql);
    constexpr size_t kBefore = 50;
    size_t last = 0;
    for (size_t row = 0; row <= kBefore; ++row) {
      const size_t before = allocations;
      search.Bind("q", std::span<const float>(values_).subspan(row * kDimensions, kDimensions));
      Result result = search.Execute();
      const std::optional<Block> block = result.Next();
      EXPECT_FALSE(result.Next().has_value());
      last = allocations - before;
      EXPECT_EQ(block->rows(), 10u);
      EXPECT_EQ(AsNumbers<uint32_t>(*block->column(0)).data()[0], row);
    }
    return last;
  }

  const std::unique_ptr<Database> database_;
  std::vector<float> values_;
};

TEST_F(SearchAllocationsTest, APreparedSearchAllocatesNextToNothing) {
  const std::string search =
      " FROM t ORDER BY L2Distance(v, {q:Array(Float32)}) LIMIT 10 "
      "SETTINGS vector_search_method = 'graph'";
  const size_t ids = CountFor("SELECT id" + search);
  const size_t with_distance =
      CountFor("SELECT id, L2Distance(v, {q:Array(Float32)}) AS distance" + search);
#ifdef GRANARY_COUNTS_ALLOCATIONS
  EXPECT_GT(ids, 0u);
  EXPECT_LE(ids, 50u);
  EXPECT_LE(with_distance, 54u);
#else
  EXPECT_EQ(ids + with_distance, 0u);
#endif
}

// Neither the number of granules, nor of candidates or rows found, is what allocations come from.
TEST_F(SearchAllocationsTest, AWiderSearchAllocatesLittleMore) {
  const std::string search =
      "SELECT id FROM t ORDER BY L2Distance(v, {q:Array(Float32)}) LIMIT 10 "
      "SETTINGS vector_search_method = 'graph', hnsw_candidate_list_size_for_search = ";
  const size_t narrow = CountFor(search + "64");
  const size_t wide = CountFor(search + "1000");
  EXPECT_LE(wide, narrow + 12);
}

}  // namespace
}  // namespace granary
