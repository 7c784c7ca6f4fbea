#include "granary/table/row_bitmap.h"

#include <random>

#include <gtest/gtest.h>

#include "granary/tests/random_seed.h"

namespace granary {
namespace {

// Ranges that begin and end anywhere in a word, over few words and over many.
TEST(RowBitmapTest, CountsTheRowsOfAnyRange) {
  const uint64_t seed = SeedOfThisRun();
  SCOPED_TRACE("GRANARY_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (const size_t size : {1, 63, 64, 65, 1000, 5000}) {
    for (const unsigned one_in : {1, 2, 40}) {
      RowBitmap rows(size);
      std::vector<bool> expected(size);
      for (size_t row = 0; row < size; ++row) {
        if (random() % one_in != 0) continue;
        rows.Set(row);
        expected[row] = true;
      }
      for (int i = 0; i < 200; ++i) {
        const size_t first = random() % (size + 1);
        const size_t count = random() % (size - first + 1);
        size_t set = 0;
        for (size_t row = first; row < first + count; ++row) set += expected[row];
        ASSERT_EQ(rows.CountRange(first, count), set)
            << "[" << first << ", " << first + count << ") of " << size;
      }
      EXPECT_EQ(rows.Count(), rows.Rows().size());
    }
  }
}

}  // namespace
}  // namespace granary
