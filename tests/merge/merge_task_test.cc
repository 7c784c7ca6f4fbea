// Merges of real parts on a disk in memory.
#include "granary/merge/merge_task.h"

#include <algorithm>
#include <atomic>
#include <functional>
#include <future>
#include <random>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/merge/mutation_task.h"
#include "granary/parts/part_reader.h"
#include "granary/tests/merge/hooked_files.h"
#include "granary/tests/merge/test_table.h"
#include "granary/tests/random_seed.h"

namespace granary {
namespace {

using granary::testing::HookedFiles;
using granary::testing::TestContext;
using granary::testing::TestRow;
using granary::testing::TestTable;
using granary::testing::TestTableOptions;
using granary::testing::TinySettings;
using granary::testing::VectorOf;
using ::testing::HasSubstr;

std::shared_ptr<SimulatedDisk> NewDisk() {
  return std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
}

TestTableOptions TinyTable() {
  TestTableOptions options;
  options.settings = TinySettings();
  options.minmax_index = true;
  options.vector_index = true;
  return options;
}

bool MergeAllParts(TestTable& table, TestContext& context) {
  const PartSetPtr base = table.store().parts();
  return MergeParts(table.store(), base, table.Parts(), context.context);
}

// Every row is the nearest to its own vector, found by walking the graphs of the part.
void ExpectGraphFindsEveryRow(TestTable& table, const PartPtr& part) {
  TestContext context;
  const PartSetPtr set = table.store().parts();
  const DeclaredIndex* index = set->FindIndex("near");
  ASSERT_NE(index, nullptr);
  const PartIndex* blocks = part->FindIndex(*index);
  ASSERT_NE(blocks, nullptr) << part->name_text();
  PartReader reader(part, {"key"}, context.context);
  const Block keys = reader.Read(part->all_granules());
  for (size_t i = 0; i < blocks->blocks.size(); ++i) {
    const auto sub_index = part->OpenSubIndex(*index, i, context.context);
    ASSERT_NE(sub_index, nullptr);
    ASSERT_NE(sub_index->neighbor_searcher(), nullptr);
    EXPECT_FALSE(sub_index->neighbor_searcher()->is_flat());
    const PartIndexBlock& block = blocks->blocks[i];
    for (uint64_t row = 0; row < block.rows; ++row) {
      const uint64_t key = AsNumbers<uint64_t>(*keys.column(0)).data()[block.first_row + row];
      const std::vector<float> vector = VectorOf(key, table.options().dimensions);
      const auto search = sub_index->neighbor_searcher()->Start(
          {.vector = vector, .count = 1, .effort = 50, .accept = nullptr});
      std::vector<Candidate> found;
      search->Next(found, context.context);
      ASSERT_FALSE(found.empty());
      EXPECT_EQ(found.front().row, row) << "key " << key;
    }
  }
}

TEST(MergeTaskTest, RowsAreSortedAndStableAcrossParts) {
  TestTable table(NewDisk(), TinyTable());
  table.InsertKeys(0, 3, 20, "a");
  table.InsertKeys(0, 2, 20, "b");
  table.InsertKeys(1, 5, 20, "c");
  std::vector<TestRow> expected = table.Rows();
  std::stable_sort(expected.begin(), expected.end(),
                   [](const TestRow& a, const TestRow& b) { return a.key < b.key; });
  ASSERT_EQ(table.Parts().size(), 3u);
  TestContext context;
  EXPECT_TRUE(MergeAllParts(table, context));
  ASSERT_EQ(table.Parts().size(), 1u);
  EXPECT_EQ(table.Rows(), expected);
  const Part& merged = *table.Parts().front();
  EXPECT_EQ(merged.name().level, 1u);
  EXPECT_FALSE(merged.is_compact());
  EXPECT_EQ(context.progress.rows_done, 120u);  // once through the merge, once into the graph
  EXPECT_EQ(context.progress.rows_total, 120u);
  EXPECT_THAT(context.warnings, ::testing::IsEmpty());
}

TEST(MergeTaskTest, WithoutASortingKeyPartsAreConcatenated) {
  TestTableOptions options = TinyTable();
  options.sorted = false;
  TestTable table(NewDisk(), options);
  table.InsertKeys(50, 1, 10);
  table.InsertKeys(0, 7, 10);
  const std::vector<TestRow> expected = table.Rows();
  TestContext context;
  EXPECT_TRUE(MergeAllParts(table, context));
  EXPECT_EQ(table.Rows(), expected);
}

TEST(MergeTaskTest, RandomTablesKeepTheirRows) {
  const uint64_t seed = granary::SeedOfThisRun();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  for (int round = 0; round < 20; ++round) {
    TestTableOptions options = TinyTable();
    options.settings.index_granularity = 1 + random() % 9;
    options.settings.merge_max_block_size = 1 + random() % 40;
    options.settings.min_bytes_for_wide_part = random() % 2 ? 0 : 1 << 20;
    options.vector_index = random() % 4 == 0;
    TestTable table(NewDisk(), options);
    const size_t inserts = 1 + random() % 5;
    for (size_t i = 0; i < inserts; ++i) {
      table.InsertKeys(random() % 100, random() % 4, 1 + random() % 60, std::to_string(i));
    }
    std::vector<TestRow> expected = table.Rows();
    std::stable_sort(expected.begin(), expected.end(),
                     [](const TestRow& a, const TestRow& b) { return a.key < b.key; });
    TestContext context;
    ASSERT_TRUE(MergeAllParts(table, context));
    ASSERT_EQ(table.Rows(), expected) << "round " << round;
  }
}

TEST(MergeTaskTest, SubIndexesAreRebuiltForTheNewOrder) {
  TestTable table(NewDisk(), TinyTable());
  table.InsertKeys(0, 2, 40);
  table.InsertKeys(1, 2, 40);
  for (const PartPtr& part : table.Parts()) ExpectGraphFindsEveryRow(table, part);
  TestContext context;
  ASSERT_TRUE(MergeAllParts(table, context));
  const PartPtr merged = table.Parts().front();
  ExpectGraphFindsEveryRow(table, merged);
  const PartIndex* minmax = merged->FindIndex(*table.store().parts()->FindIndex("key_range"));
  ASSERT_NE(minmax, nullptr);
  EXPECT_EQ(minmax->blocks.size(), merged->granule_count());
  const auto first =
      merged->OpenSubIndex(*table.store().parts()->FindIndex("key_range"), 0, context.context);
  ASSERT_NE(first, nullptr);
  const auto at = [&](uint64_t key) {
    return first->pruner()->MayMatch(Predicate::Atom({"key", PredicateOp::kEqual, {Value(key)}}));
  };
  EXPECT_TRUE(at(2));
  EXPECT_FALSE(at(3));  // 0, 1, 2 are the first granule of the merged part
}

TEST(MergeTaskTest, MaterializeOnMergeOffLeavesIndexesOut) {
  TestTableOptions options = TinyTable();
  options.settings.materialize_skip_indexes_on_merge = false;
  TestTable table(NewDisk(), options);
  table.InsertKeys(0, 1, 10);
  table.InsertKeys(10, 1, 10);
  EXPECT_EQ(table.Parts().front()->indexes().size(), 2u);
  TestContext context;
  ASSERT_TRUE(MergeAllParts(table, context));
  EXPECT_EQ(table.Parts().front()->indexes().size(), 0u);
}

TEST(MergeTaskTest, TheSecondMergeOfTheSamePartsIsDiscarded) {
  const auto disk = NewDisk();
  TestTable table(disk, TinyTable());
  table.InsertKeys(0, 2, 20);
  table.InsertKeys(1, 2, 20);
  const std::vector<TestRow> expected = table.SortedRows();
  TestContext context;
  {
    const PartSetPtr base = table.store().parts();
    const std::vector<PartPtr> inputs = table.Parts();
    EXPECT_TRUE(MergeParts(table.store(), base, inputs, context.context));
  }
  const uint64_t used = disk->used_bytes();
  {
    TestTable twin(disk->AfterPowerCut(SimulatedDisk::Survivors::kAll), TinyTable());
    const PartSetPtr base = twin.store().parts();
    EXPECT_TRUE(MergeParts(twin.store(), base, twin.Parts(), context.context));
    EXPECT_FALSE(MergeParts(twin.store(), base, {&base->parts[0].part, 1}, context.context));
    EXPECT_EQ(twin.SortedRows(), expected);
  }
  EXPECT_EQ(disk->used_bytes(), used);
  EXPECT_EQ(table.SortedRows(), expected);
}

TEST(MergeTaskTest, AMergeUnderAnotherSchemaIsDiscarded) {
  const auto disk = NewDisk();
  TestTable table(disk, TinyTable());
  table.InsertKeys(0, 2, 20);
  table.InsertKeys(1, 2, 20);
  const PartSetPtr base = table.store().parts();
  ASSERT_TRUE(table.store().CommitSchema(base, table.OtherDefinition()));
  const uint64_t used = disk->used_bytes();
  TestContext context;
  EXPECT_FALSE(MergeParts(table.store(), base, table.Parts(), context.context));
  EXPECT_EQ(disk->used_bytes(), used);
  EXPECT_EQ(table.Parts().size(), 2u);
}

// The work of `table_options` merged while `act` happens at each file operation in turn.
void AtEveryStep(const std::function<void(TestTable&, TestContext&)>& act,
                 const std::function<void(TestTable&, const std::vector<TestRow>&, bool)>& check) {
  uint64_t step = 0;
  for (std::atomic<bool> acted = true; acted; ++step) {
    const auto files = std::make_shared<HookedFiles>(NewDisk());
    TestTable table(files, TinyTable());
    table.InsertKeys(0, 2, 7);
    table.InsertKeys(1, 2, 7);
    const std::vector<TestRow> rows = table.SortedRows();
    TestContext context;
    std::thread actor;
    acted = false;
    files->SetHook([&](uint64_t operation) {
      if (operation != step || acted.exchange(true)) return;
      // On a thread of its own, for it may have to wait for the merge to leave a critical section.
      std::promise<void> done;
      const std::future<void> is_done = done.get_future();
      actor = std::thread([&act, &table, &context, done = std::move(done)]() mutable {
        act(table, context);
        done.set_value();
      });
      is_done.wait_for(std::chrono::milliseconds(20));
    });
    bool committed = false;
    try {
      committed = MergeAllParts(table, context);
    } catch (const Error& error) {
      EXPECT_TRUE(error.code() == ErrorCode::kQueryWasCancelled ||
                  error.code() == ErrorCode::kUnknownTable)
          << error.what();
    }
    if (actor.joinable()) actor.join();
    files->SetHook(nullptr);
    if (acted) check(table, rows, committed);
    if (::testing::Test::HasFailure()) FAIL() << "at step " << step;
  }
  EXPECT_GT(step, 20u);
}

TEST(MergeTaskTest, CancelledAtEveryStep) {
  size_t committed_count = 0;
  size_t step_count = 0;
  AtEveryStep([](TestTable&, TestContext& context) { context.cancel.Cancel(); },
              [&](TestTable& table, const std::vector<TestRow>& rows, bool committed) {
                ++step_count;
                committed_count += committed;
                EXPECT_EQ(table.Parts().size(), committed ? 1u : 2u);
                EXPECT_EQ(table.SortedRows(), rows);
                TestContext again;
                EXPECT_TRUE(committed || MergeAllParts(table, again));
                EXPECT_EQ(table.SortedRows(), rows);
              });
  EXPECT_LT(committed_count, step_count / 2);
}

TEST(MergeTaskTest, TruncatedAtEveryStep) {
  AtEveryStep([](TestTable& table, TestContext&) { table.store().Truncate(); },
              [](TestTable& table, const std::vector<TestRow>&, bool) {
                EXPECT_TRUE(table.Parts().empty());
                table.InsertKeys(5, 1, 3);
                EXPECT_EQ(table.Rows().size(), 3u);
              });
}

TEST(MergeTaskTest, DroppedAtEveryStep) {
  AtEveryStep([](TestTable& table, TestContext&) { table.store().Drop(); },
              [](TestTable& table, const std::vector<TestRow>&, bool) {
                EXPECT_THROW(table.InsertKeys(5, 1, 3), Error);
              });
}

TEST(MergeTaskTest, AFailingDiskLeavesTheTableAsItWas) {
  for (const int error_number : {EIO, ENOSPC}) {
    for (uint64_t operation = 0;; ++operation) {
      const auto disk = NewDisk();
      TestTable table(disk, TinyTable());
      table.InsertKeys(0, 2, 7);
      table.InsertKeys(1, 2, 7);
      const std::vector<TestRow> rows = table.SortedRows();
      const uint64_t operations_before = disk->operations();
      disk->FailAt(operations_before + operation, error_number);
      TestContext context;
      bool failed = false;
      try {
        EXPECT_TRUE(MergeAllParts(table, context));
      } catch (const Error& error) {
        failed = true;
      }
      EXPECT_EQ(table.SortedRows(), rows) << "operation " << operation;
      if (!failed && disk->operations() <= operations_before + operation) break;
    }
  }
}

TEST(MergeTaskTest, MemoryIsBounded) {
  TestTableOptions options;
  options.settings.index_granularity = 64;
  options.settings.merge_max_block_size = 2048;
  options.settings.min_bytes_for_wide_part = 0;
  TestTable table(NewDisk(), options);
  const std::string payload(200, 'x');
  for (uint64_t part = 0; part < 4; ++part) table.InsertKeys(part, 4, 10000, payload);
  TestContext context;
  ASSERT_TRUE(MergeAllParts(table, context));
  // Four inputs of 2048 rows of 220 bytes, one of them together with the granules that it is put
  // together from, an output, which grows by half of itself, and what the writer cuts off it; the
  // table has twice as much.
  constexpr size_t kBlockBytes = 2048 * 220;
  EXPECT_GT(context.memory.peak(), 4 * kBlockBytes);
  EXPECT_LT(context.memory.peak(), 11 * kBlockBytes);
  EXPECT_EQ(context.memory.used(), 0u);
}

TEST(MergeTaskTest, AGraphBeyondTheMemoryLimitIsLeftOut) {
  TestTableOptions options;
  options.settings.index_granularity = 64;
  options.settings.merge_max_block_size = 64;
  options.settings.min_bytes_for_wide_part = 0;
  options.settings.vector_index_min_rows_for_graph = 0;
  options.vector_index = true;
  TestTable table(NewDisk(), options);
  table.InsertKeys(0, 2, 2000);
  table.InsertKeys(1, 2, 2000);
  const std::vector<TestRow> rows = table.SortedRows();
  TestContext unlimited;
  MemoryTracker limited(200000);
  TestContext context;
  const TaskContext limited_context(
      {.executor = &context.executor,
       .memory = &limited,
       .progress = &context.progress,
       .warn = [&](const std::string& text) { context.warnings.push_back(text); }});
  const PartSetPtr base = table.store().parts();
  ASSERT_TRUE(MergeParts(table.store(), base, table.Parts(), limited_context));
  EXPECT_EQ(table.SortedRows(), rows);
  EXPECT_TRUE(table.Parts().front()->indexes().empty());
  ASSERT_EQ(context.warnings.size(), 1u);
  EXPECT_THAT(context.warnings.front(), HasSubstr("builds no vector index"));
  EXPECT_EQ(context.progress.rows_done, 4000u);
  EXPECT_EQ(context.progress.rows_total, 4000u);
}

TEST(MergeTaskTest, DeadRowsAndTheirGraphNodesAreLeftOut) {
  TestTable table(NewDisk(), TinyTable());
  table.InsertKeys(0, 2, 40);
  table.InsertKeys(1, 2, 40);
  table.DeleteKeys({0, 7, 8, 9, 79});
  const std::vector<TestRow> expected = table.SortedRows();
  ASSERT_EQ(expected.size(), 75u);
  TestContext context;
  ASSERT_TRUE(MergeAllParts(table, context));
  EXPECT_EQ(table.SortedRows(), expected);
  ASSERT_EQ(table.Parts().size(), 1u);
  const PartPtr merged = table.Parts().front();
  EXPECT_EQ(merged->rows(), 75u);
  EXPECT_EQ(table.store().parts()->parts.front().dead, nullptr);
  ExpectGraphFindsEveryRow(table, merged);
  EXPECT_EQ(context.progress.rows_done, context.progress.rows_total);
}

TEST(MergeTaskTest, AMergeOfDeadRowsOnlyLeavesNoPart) {
  TestTable table(NewDisk(), TinyTable());
  table.InsertKeys(0, 1, 20);
  std::set<uint64_t> keys;
  for (uint64_t key = 0; key < 20; ++key) keys.insert(key);
  table.DeleteKeys(keys);
  TestContext context;
  ASSERT_TRUE(MergeAllParts(table, context));
  EXPECT_TRUE(table.Parts().empty());
}

// Commits a DELETE of `keys` before file operation `step` of `work`, on another thread: `work` may
// hold the lock of the commit. False if `work` makes fewer operations.
bool DeleteAtStep(HookedFiles& files, TestTable& table, uint64_t step,
                  const std::set<uint64_t>& keys, const std::function<void()>& work) {
  std::jthread deleter;
  std::atomic<bool> has_begun{false};
  std::atomic<bool> is_done{false};
  files.SetHook([&](uint64_t operation) {
    // What the DELETE itself does counts, too.
    if (operation < step || has_begun.exchange(true)) return;
    deleter = std::jthread([&] {
      table.DeleteKeys(keys);
      is_done = true;
    });
    const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(20);
    while (!is_done && std::chrono::steady_clock::now() < until) std::this_thread::yield();
  });
  work();
  if (deleter.joinable()) deleter.join();
  files.SetHook({});
  return has_begun;
}

// Deletes keys that 5 divides, and marks the text of all others.
class TestMutation final : public RowMutation {
 public:
  static bool Deletes(uint64_t key) { return key % 5 == 0; }
  static std::string Mark(const std::string& text) { return text + "!"; }

  std::vector<PartPtr> Begin(const PartSetPtr& base) override {
    std::vector<PartPtr> parts;
    for (const VisiblePart& visible : base->parts) parts.push_back(visible.part);
    return parts;
  }

  Block Apply(const Part&, const Block& rows, std::span<uint8_t> kept) const override {
    const auto& keys = AsNumbers<uint64_t>(*rows.Get("key"));
    const auto texts = ColumnBuilder::Create(TypeId::kString);
    for (size_t row = 0; row < rows.rows(); ++row) {
      kept[row] = Deletes(keys.data()[row]) ? 0 : 1;
      texts->Append(Value(Mark(rows.Get("text")->ValueAt(row).as_string())));
    }
    const ColumnPtr marked = texts->Finish();
    Block block(rows.rows());
    for (const NamedColumn& column : rows.columns()) {
      block.Add(column.name, column.name == "text" ? marked : column.column);
    }
    return block.Filter(kept, static_cast<size_t>(std::count(kept.begin(), kept.end(), 1)));
  }
};

TEST(MergeTaskTest, AMutationOfRowsKeepsOrderAndIndexes) {
  TestTable table(NewDisk(), TinyTable());
  table.InsertKeys(0, 2, 40);
  table.InsertKeys(1, 2, 40);
  table.DeleteKeys({7, 10, 79});
  std::vector<TestRow> expected = table.SortedRows();
  std::erase_if(expected, [](const TestRow& row) { return TestMutation::Deletes(row.key); });
  for (TestRow& row : expected) row.text = TestMutation::Mark(row.text);
  TestContext context;
  TestMutation mutation;
  const PartSetPtr base = table.store().parts();
  ASSERT_TRUE(MutateRows(table.store(), base, mutation.Begin(base), mutation, context.context));
  EXPECT_EQ(table.SortedRows(), expected);
  EXPECT_EQ(table.store().parts()->live_rows(), expected.size());
  for (const VisiblePart& visible : table.store().parts()->parts) {
    EXPECT_EQ(visible.dead, nullptr);
    ExpectGraphFindsEveryRow(table, visible.part);
  }
}

enum class Rewrite { kMerge, kIndexMutation, kRowMutation };

class DeleteDuringTest : public ::testing::TestWithParam<Rewrite> {};

TEST_P(DeleteDuringTest, ADeleteAtAnyStepIsNeverLost) {
  const bool is_merge = GetParam() == Rewrite::kMerge;
  const std::set<uint64_t> keys = {0, 1, 2, 3, 10, 11, 41, 79};
  uint64_t step = 0;
  uint64_t carried = 0;
  for (bool has_deleted = true; has_deleted; ++step) {
    const auto files = std::make_shared<HookedFiles>(NewDisk());
    TestTable table(files, TinyTable());
    table.InsertKeys(0, 2, 40);
    table.InsertKeys(1, 2, 40);
    table.DeleteKeys({10, 20});
    std::vector<TestRow> expected = table.SortedRows();
    has_deleted = DeleteAtStep(*files, table, step, keys, [&] {
      TestContext context;
      const PartSetPtr base = table.store().parts();
      TestMutation mutation;
      bool committed = false;
      if (is_merge) {
        committed = MergeAllParts(table, context);
      } else if (GetParam() == Rewrite::kIndexMutation) {
        committed = MutateIndex(table.store(), base, table.Parts(), "near", IndexMutation::kClear,
                                context.context);
      } else {
        committed =
            MutateRows(table.store(), base, mutation.Begin(base), mutation, context.context);
      }
      EXPECT_TRUE(committed);
    });
    if (GetParam() == Rewrite::kRowMutation) {
      std::erase_if(expected, [](const TestRow& row) { return TestMutation::Deletes(row.key); });
      for (TestRow& row : expected) row.text = TestMutation::Mark(row.text);
    }
    if (has_deleted) {
      std::erase_if(expected, [&](const TestRow& row) { return keys.contains(row.key); });
    }
    const PartSetPtr set = table.store().parts();
    EXPECT_EQ(set->parts.size(), is_merge ? 1u : 2u);
    for (const VisiblePart& visible : set->parts) {
      EXPECT_GT(visible.part->name().level, 0u);
      carried += visible.dead_rows();
    }
    ASSERT_EQ(table.SortedRows(), expected) << "at step " << step;
    TestTable again(files, TinyTable());
    ASSERT_EQ(again.SortedRows(), expected) << "at step " << step;
  }
  EXPECT_GT(step, 15u);
  EXPECT_GT(carried, step * keys.size() / 4) << "few were carried over";
}

std::string NameOf(const ::testing::TestParamInfo<Rewrite>& info) {
  return info.param == Rewrite::kMerge           ? "merge"
         : info.param == Rewrite::kIndexMutation ? "index_mutation"
                                                 : "row_mutation";
}

INSTANTIATE_TEST_SUITE_P(Of, DeleteDuringTest,
                         ::testing::Values(Rewrite::kMerge, Rewrite::kIndexMutation,
                                           Rewrite::kRowMutation),
                         NameOf);

}  // namespace
}  // namespace granary
