// The merge policy against a simulated table: parts are numbers, merging adds them up.
#include "granary/merge/merge_policy.h"

#include <algorithm>
#include <cmath>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/tests/random_seed.h"

namespace granary {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr uint64_t kMegabyte = 1 << 20;

class SimulatedTable {
 public:
  explicit SimulatedTable(MergePolicy policy = {}) : policy_(policy) {}

  void Insert(uint64_t bytes, const std::string& partition = "all") {
    ++block_;
    const auto end = std::find_if(parts_.begin(), parts_.end(), [&](const MergeablePart& part) {
      return part.partition_id > partition;
    });
    parts_.insert(end, {partition, block_, block_, bytes, seconds(0)});
    inserted_ += bytes;
    written_ += bytes;
  }

  // Merges until the policy has nothing left; returns how often it merged.
  size_t MergeAll() {
    size_t merges = 0;
    for (; MergeOnce(); ++merges) {
    }
    most_parts_ = std::max(most_parts_, parts_.size());
    return merges;
  }

  void Settle() {
    for (MergeablePart& part : parts_) part.age = hours(1);
    while (MergeOnce()) {
      for (MergeablePart& part : parts_) part.age = hours(1);
    }
  }

  size_t parts() const { return parts_.size(); }
  size_t most_parts() const { return most_parts_; }
  uint64_t largest_merge() const { return largest_merge_; }
  size_t widest_merge() const { return widest_merge_; }
  double write_amplification() const {
    return static_cast<double>(written_) / static_cast<double>(inserted_);
  }
  std::vector<MergeablePart>& mutable_parts() { return parts_; }

 private:
  bool MergeOnce() {
    const std::optional<MergeSelection> selection = SelectMerge(parts_, policy_);
    if (!selection) return false;
    const auto first = parts_.begin() + static_cast<ptrdiff_t>(selection->first);
    const auto end = first + static_cast<ptrdiff_t>(selection->count);
    MergeablePart merged = *first;
    for (auto part = first + 1; part != end; ++part) {
      EXPECT_EQ(part->partition_id, merged.partition_id);
      EXPECT_GT(part->min_block, merged.max_block);
      merged.max_block = part->max_block;
      merged.bytes += part->bytes;
    }
    merged.age = seconds(0);
    written_ += merged.bytes;
    largest_merge_ = std::max(largest_merge_, merged.bytes);
    widest_merge_ = std::max(widest_merge_, selection->count);
    *first = merged;
    parts_.erase(first + 1, end);
    return true;
  }

  MergePolicy policy_;
  std::vector<MergeablePart> parts_;
  uint64_t block_ = 0;
  uint64_t inserted_ = 0;
  uint64_t written_ = 0;
  uint64_t largest_merge_ = 0;
  size_t widest_merge_ = 0;
  size_t most_parts_ = 0;
};

std::vector<MergeablePart> Parts(const std::vector<uint64_t>& sizes, seconds age = seconds(0)) {
  std::vector<MergeablePart> parts;
  for (size_t i = 0; i < sizes.size(); ++i) parts.push_back({"all", i, i, sizes[i], age, false});
  return parts;
}

// What merge_policy.h states: parts stay O(log inserts), writes too.
struct EqualInserts {
  size_t inserts;
  size_t most_parts;
  double busy_amplification;
  double settled_amplification;
};

TEST(MergePolicyTest, EqualInsertsKeepLogarithmicallyManyPartsAtLogarithmicCost) {
  const EqualInserts expected[] = {
      {10, 4, 1.8, 2.8}, {100, 9, 3.6, 4.96}, {1000, 14, 4.72, 6.0}, {10000, 19, 6.74, 8.0}};
  for (const EqualInserts& run : expected) {
    SimulatedTable table;
    for (size_t i = 0; i < run.inserts; ++i) {
      table.Insert(kMegabyte);
      table.MergeAll();
    }
    const double levels = std::log(static_cast<double>(run.inserts)) / std::log(4.0);
    EXPECT_LE(static_cast<double>(table.most_parts()), 4 * levels);
    EXPECT_EQ(table.most_parts(), run.most_parts);
    EXPECT_NEAR(table.write_amplification(), run.busy_amplification, 0.01);
    table.Settle();
    EXPECT_EQ(table.parts(), 1u);
    EXPECT_NEAR(table.write_amplification(), run.settled_amplification, 0.05);
  }
}

TEST(MergePolicyTest, RandomSizesStayWithinTheBoundOfTheRatio) {
  const uint64_t seed = granary::SeedOfThisRun();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  SimulatedTable table;
  for (int i = 0; i < 2000; ++i) {
    table.Insert(kMegabyte << std::uniform_int_distribution<int>(0, 6)(random));
    if (i % 7 == 0) table.MergeAll();
  }
  table.MergeAll();
  // Every merge at least quadruples the part of each of its rows: from 1 MiB up to the whole table.
  EXPECT_LE(table.write_amplification(), 1 + std::log(2000.0 * 18) / std::log(4.0));
  EXPECT_LE(table.most_parts(), 60u);
  table.Settle();
  EXPECT_LE(table.parts(), 8u);
}

TEST(MergePolicyTest, MergingAsManyAsPossibleAtOnceIsPreferred) {
  const auto selection = SelectMerge(Parts(std::vector<uint64_t>(10, kMegabyte)), {});
  ASSERT_TRUE(selection);
  EXPECT_EQ(selection->first, 0u);
  EXPECT_EQ(selection->count, 10u);
}

TEST(MergePolicyTest, SmallPartsAreMergedBeforeLargeOnes) {
  std::vector<uint64_t> sizes(8, 100 * kMegabyte);
  sizes.insert(sizes.end(), 5, kMegabyte);
  const auto selection = SelectMerge(Parts(sizes), {});
  ASSERT_TRUE(selection);
  EXPECT_EQ(selection->first, 8u);
  EXPECT_EQ(selection->count, 5u);
}

TEST(MergePolicyTest, ALargePartIsNotRewrittenForASmallOne) {
  EXPECT_FALSE(SelectMerge(Parts({1000 * kMegabyte, kMegabyte, kMegabyte}), {}));
  EXPECT_FALSE(SelectMerge(Parts({1000 * kMegabyte, kMegabyte}, hours(24)), {}));
}

TEST(MergePolicyTest, SettledPartsAreMergedFurther) {
  const std::vector<uint64_t> sizes = {4 * kMegabyte, 2 * kMegabyte, kMegabyte};
  EXPECT_FALSE(SelectMerge(Parts(sizes), {}));
  const auto selection = SelectMerge(Parts(sizes, hours(1)), {});
  ASSERT_TRUE(selection);
  EXPECT_EQ(selection->count, 3u);
  std::vector<MergeablePart> one_is_young = Parts(sizes, hours(1));
  one_is_young[2].age = seconds(5);
  const auto older = SelectMerge(one_is_young, {});
  ASSERT_TRUE(older);
  EXPECT_EQ(older->count, 2u);
}

TEST(MergePolicyTest, TinyPartsCountAsEquallySmall) {
  const auto selection = SelectMerge(Parts({9000, 100, 100, 100}), {});
  ASSERT_TRUE(selection);
  EXPECT_EQ(selection->count, 4u);
}

TEST(MergePolicyTest, BusyPartsAreBarriers) {
  std::vector<MergeablePart> parts = Parts(std::vector<uint64_t>(9, kMegabyte));
  parts[4].busy = true;
  const auto selection = SelectMerge(parts, {});
  ASSERT_TRUE(selection);
  EXPECT_EQ(selection->count, 4u);
  EXPECT_TRUE(selection->first == 0 || selection->first == 5);
  for (size_t i = 0; i < parts.size(); i += 3) parts[i].busy = true;
  EXPECT_FALSE(SelectMerge(parts, {}));
}

TEST(MergePolicyTest, PartitionsAreNotMixed) {
  std::vector<MergeablePart> parts = Parts(std::vector<uint64_t>(6, kMegabyte));
  for (size_t i = 3; i < 6; ++i) parts[i].partition_id = "b";
  EXPECT_FALSE(SelectMerge(parts, {}));

  SimulatedTable table;
  for (int i = 0; i < 300; ++i) {
    table.Insert(kMegabyte, i % 3 == 0 ? "a" : i % 3 == 1 ? "b" : "c");
    table.MergeAll();
  }
  table.Settle();
  EXPECT_EQ(table.parts(), 3u);
}

TEST(MergePolicyTest, LimitsOfTheTableAreKept) {
  MergePolicy policy;
  policy.max_bytes = 20 * kMegabyte;
  policy.max_parts_at_once = 7;
  SimulatedTable table(policy);
  for (int i = 0; i < 500; ++i) {
    table.Insert(kMegabyte);
    if (i % 50 == 0) table.MergeAll();
  }
  table.MergeAll();
  table.Settle();
  EXPECT_LE(table.largest_merge(), policy.max_bytes);
  EXPECT_EQ(table.widest_merge(), policy.max_parts_at_once);
  EXPECT_LE(table.parts(), 500u / 10);  // any two of at most 10 MiB would have been merged
}

TEST(MergePolicyTest, AFanInOfTwoStillMerges) {
  MergePolicy policy;
  policy.max_parts_at_once = 2;
  SimulatedTable table(policy);
  for (int i = 0; i < 64; ++i) {
    table.Insert(kMegabyte);
    table.MergeAll();
  }
  EXPECT_EQ(table.parts(), 1u);
  EXPECT_EQ(table.widest_merge(), 2u);
}

TEST(MergePolicyTest, PressureMergesWhatTheRatioWouldNot) {
  std::vector<uint64_t> sizes;
  for (int i = 0; i < 12; ++i) sizes.push_back(kMegabyte << (2 * i));
  EXPECT_FALSE(SelectMerge(Parts(sizes), {}));
  MergePolicy pressed;
  pressed.delay_parts = 12;
  const auto selection = SelectMerge(Parts(sizes), pressed);
  ASSERT_TRUE(selection);
  EXPECT_EQ(selection->first, 0u);
}

TEST(MergePolicyTest, NothingToDo) {
  EXPECT_FALSE(SelectMerge({}, {}));
  EXPECT_FALSE(SelectMerge(Parts({1}), {}));
  EXPECT_FALSE(SelectMerge(Parts({1}, hours(100)), {}));
}

TEST(MergePolicyTest, APartWithManyDeadRowsIsRewrittenAlone) {
  MergePolicy policy;
  policy.dead_share_max = 0.3;
  policy.max_bytes = 50 * kMegabyte;
  std::vector<MergeablePart> parts(5);
  for (size_t i = 0; i < parts.size(); ++i) {
    // Too different to be merged with each other.
    parts[i] = {.partition_id = "all",
                .min_block = i,
                .max_block = i,
                .bytes = (uint64_t{1} << (5 * i)) * 64,
                .age = seconds(0)};
  }
  EXPECT_FALSE(SelectMerge(parts, policy));
  for (MergeablePart& part : parts) part.dead_share = 0.3;
  EXPECT_FALSE(SelectMerge(parts, policy)) << "not more than the share";
  parts[1].dead_share = 1;
  parts[3].dead_share = 0.4;
  ASSERT_TRUE(SelectMerge(parts, policy));
  EXPECT_EQ(SelectMerge(parts, policy)->first, 3u) << "most dead bytes first";
  EXPECT_EQ(SelectMerge(parts, policy)->count, 1u);
  parts[3].busy = true;
  EXPECT_EQ(SelectMerge(parts, policy)->first, 1u);
  parts[1].bytes = policy.max_bytes + 1;
  EXPECT_FALSE(SelectMerge(parts, policy));
}

TEST(MergePolicyTest, APartWithADamagedIndexIsRewrittenAlone) {
  const MergePolicy policy;
  std::vector<MergeablePart> parts(2);
  parts[0] = {.partition_id = "all", .bytes = 1000 * kMegabyte, .age = seconds(0)};
  parts[1] = {.partition_id = "all", .min_block = 1, .max_block = 1, .bytes = kMegabyte};
  EXPECT_FALSE(SelectMerge(parts, policy));
  parts[1].has_damaged_index = true;
  ASSERT_TRUE(SelectMerge(parts, policy));
  EXPECT_EQ(SelectMerge(parts, policy)->first, 1u);
  EXPECT_EQ(SelectMerge(parts, policy)->count, 1u);
  parts[1].busy = true;
  EXPECT_FALSE(SelectMerge(parts, policy));
}

}  // namespace
}  // namespace granary
