#include "granary/parts/merge_row_map.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/tests/random_seed.h"

namespace granary {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

DeadRowsPtr Dead(size_t rows, std::initializer_list<size_t> dead) {
  RowBitmap bitmap(rows);
  for (const size_t row : dead) bitmap.Set(row);
  return std::make_shared<DeadRows>(std::move(bitmap));
}

TEST(MergeRowMapTest, RowsAreFoundBehindThoseThatWereDropped) {
  MergeRowMap map(1);
  map.dropped(0) = Dead(6, {0, 3})->rows();
  map.Append(0, 2);
  map.Append(0, 2);
  EXPECT_EQ(map.output_rows(), 4u);
  EXPECT_LE(map.byte_size(), 16u);
  EXPECT_THAT(map.Carry(std::vector{Dead(6, {0, 3})}).Rows(), IsEmpty());
  EXPECT_THAT(map.Carry(std::vector{Dead(6, {0, 1, 3, 4})}).Rows(), ElementsAre(0, 2));
  EXPECT_THAT(map.Carry(std::vector<DeadRowsPtr>{nullptr}).Rows(), IsEmpty());
}

TEST(MergeRowMapTest, InputsAlternate) {
  MergeRowMap map(2);
  map.Append(1, 1);  // row 0 of input 1
  map.Append(0, 2);  // rows 0 and 1 of input 0
  map.Append(1, 2);  // rows 1 and 2 of input 1
  EXPECT_THAT(map.Carry(std::vector{Dead(2, {1}), Dead(3, {0, 2})}).Rows(), ElementsAre(0, 2, 4));
}

// Any merge of any inputs against a list that says where each row went.
TEST(MergeRowMapTest, AgreesWithAListOfAllRows) {
  const uint64_t seed = granary::SeedOfThisRun();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 200; ++round) {
    const size_t inputs = 1 + random() % 4;
    MergeRowMap map(inputs);
    std::vector<std::vector<size_t>> left(inputs);  // rows not dropped
    std::vector<DeadRowsPtr> dead;
    for (size_t input = 0; input < inputs; ++input) {
      const size_t rows = 1 + random() % 300;
      RowBitmap dropped(rows);
      RowBitmap dead_now(rows);
      for (size_t row = 0; row < rows; ++row) {
        const bool is_dropped = random() % 4 == 0;
        if (is_dropped) dropped.Set(row);
        if (is_dropped || random() % 5 == 0) dead_now.Set(row);
        if (!is_dropped) left[input].push_back(row);
      }
      if (dropped.Count() > 0) map.dropped(input) = dropped;
      dead.push_back(std::make_shared<DeadRows>(dead_now));
    }
    std::vector<uint32_t> expected;
    std::vector<size_t> next(inputs);
    for (uint32_t place = 0;;) {
      std::vector<uint32_t> open;
      for (uint32_t input = 0; input < inputs; ++input) {
        if (next[input] < left[input].size()) open.push_back(input);
      }
      if (open.empty()) break;
      const uint32_t input = open[random() % open.size()];
      const size_t rows = std::min(1 + random() % 5, left[input].size() - next[input]);
      map.Append(input, rows);
      for (size_t i = 0; i < rows; ++i, ++place) {
        if (dead[input]->rows().Test(left[input][next[input]++])) expected.push_back(place);
      }
    }
    ASSERT_EQ(map.Carry(dead).Rows(), expected) << "round " << round;
  }
}

}  // namespace
}  // namespace granary
