#include "granary/merge/background_merges.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/tests/merge/hooked_files.h"
#include "granary/tests/merge/test_table.h"

namespace granary {
namespace {

using granary::testing::HookedFiles;
using granary::testing::TestContext;
using granary::testing::TestRow;
using granary::testing::TestTable;
using granary::testing::TestTableOptions;
using granary::testing::TinySettings;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using ::testing::HasSubstr;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kCloseMilliseconds = 1000;
#else
constexpr int kCloseMilliseconds = 100;
#endif

// Threads of statements pass the gate.
thread_local bool is_statement_thread = false;

TestTableOptions TinyTable() {
  TestTableOptions options;
  options.settings = TinySettings();
  options.minmax_index = true;
  return options;
}

// Holds up whoever passes until it is opened.
class Gate {
 public:
  void Pass() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
  }
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void AwaitSomebody() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ > 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
  bool open_ = false;
};

class BackgroundMergesTest : public ::testing::Test {
 protected:
  BackgroundMergesTest() {
    is_statement_thread = true;
    Start(2);
  }
  ~BackgroundMergesTest() override {
    gate_.Open();
    merges_.reset();
  }

  void Start(size_t threads) {
    merges_.reset();
    BackgroundMergesOptions options;
    options.executor = &executor_;
    options.memory = &memory_;
    options.clock = &SystemClock();
    options.threads = threads;
    options.warn = [this](const std::string& text) {
      const std::lock_guard lock(mutex_);
      warnings_.push_back(text);
    };
    merges_ = std::make_unique<BackgroundMerges>(options);
  }

  std::unique_ptr<TestTable> NewTable(const TestTableOptions& options = TinyTable()) {
    auto table = std::make_unique<TestTable>(files_, options);
    merges_->AddTable(table->store_pointer());
    return table;
  }

  static void InsertParts(TestTable& table, size_t parts) {
    for (size_t i = 0; i < parts; ++i) table.InsertKeys(i, parts, 10, std::to_string(i));
  }

  // Twelve parts, and a background thread that waits at the gate in the middle of merging them.
  void HoldMergesOf(TestTable& table) {
    merges_->Stop(nullptr);
    InsertParts(table, 12);
    files_->SetHook([this](uint64_t) {
      if (!is_statement_thread) gate_.Pass();
    });
    merges_->Start(nullptr);
    gate_.AwaitSomebody();
  }

  std::vector<std::string> warnings() {
    const std::lock_guard lock(mutex_);
    return warnings_;
  }

  static ErrorCode CodeOf(const std::function<void()>& run) {
    try {
      run();
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "nothing was thrown";
    return ErrorCode::kLogicalError;
  }

  const std::shared_ptr<SimulatedDisk> disk_ =
      std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain);
  const std::shared_ptr<HookedFiles> files_ = std::make_shared<HookedFiles>(disk_);
  InlineExecutor executor_;
  MemoryTracker memory_;
  std::mutex mutex_;
  std::vector<std::string> warnings_;
  TestContext context_;
  Gate gate_;
  std::unique_ptr<BackgroundMerges> merges_;
};

TEST_F(BackgroundMergesTest, InsertsAreMergedByThemselves) {
  const auto table = NewTable();
  InsertParts(*table, 12);
  const std::vector<TestRow> rows = table->SortedRows();
  EXPECT_EQ(rows.size(), 120u);
  merges_->Wait(&table->store(), context_.context);
  EXPECT_LE(table->Parts().size(), 2u);
  EXPECT_EQ(table->SortedRows(), rows);
  EXPECT_TRUE(merges_->running().empty());
  EXPECT_TRUE(warnings().empty());
  EXPECT_EQ(memory_.used(), 0u);
}

TEST_F(BackgroundMergesTest, StoppedMergesStartAgain) {
  const auto table = NewTable();
  merges_->Stop(&table->store());
  InsertParts(*table, 12);
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(table->Parts().size(), 12u);
  EXPECT_EQ(CodeOf([&] { merges_->Wait(nullptr, context_.context); }), ErrorCode::kAborted);
  EXPECT_EQ(CodeOf([&] { merges_->Optimize(table->store_pointer(), {}, context_.context); }),
            ErrorCode::kAborted);
  merges_->Start(&table->store());
  merges_->Wait(nullptr, context_.context);
  EXPECT_LE(table->Parts().size(), 2u);
}

TEST_F(BackgroundMergesTest, StoppingAllTablesStopsThoseToCome) {
  merges_->Stop(nullptr);
  const auto table = NewTable();
  InsertParts(*table, 12);
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(table->Parts().size(), 12u);
  merges_->Start(nullptr);
  merges_->Wait(nullptr, context_.context);
  EXPECT_LE(table->Parts().size(), 2u);
}

TEST_F(BackgroundMergesTest, WaitWithNothingToMergeReturnsEvenIfStopped) {
  const auto table = NewTable();
  merges_->Stop(nullptr);
  merges_->Wait(nullptr, context_.context);
  table->InsertKeys(0, 1, 5);
  merges_->Wait(nullptr, context_.context);
}

TEST_F(BackgroundMergesTest, WaitMergesFurtherThanInsertsDo) {
  const auto table = NewTable();
  InsertParts(*table, 2);
  std::this_thread::sleep_for(milliseconds(20));
  EXPECT_EQ(table->Parts().size(), 2u);
  merges_->Wait(nullptr, context_.context);
  EXPECT_EQ(table->Parts().size(), 1u);
}

TEST_F(BackgroundMergesTest, WaitCanBeCancelledAndTimesOut) {
  const auto table = NewTable();
  HoldMergesOf(*table);
  const TaskContext impatient({.executor = &executor_,
                               .memory = &memory_,
                               .deadline = steady_clock::now() + milliseconds(30)});
  EXPECT_EQ(CodeOf([&] { merges_->Wait(nullptr, impatient); }), ErrorCode::kTimeoutExceeded);
  context_.cancel.Cancel();
  EXPECT_EQ(CodeOf([&] { merges_->Wait(nullptr, context_.context); }),
            ErrorCode::kQueryWasCancelled);
  gate_.Open();
}

TEST_F(BackgroundMergesTest, WithoutThreadsOnlyStatementsMerge) {
  Start(0);
  const auto table = NewTable();
  InsertParts(*table, 12);
  EXPECT_EQ(CodeOf([&] { merges_->Wait(nullptr, context_.context); }), ErrorCode::kAborted);
  EXPECT_EQ(table->Parts().size(), 12u);
  merges_->Optimize(table->store_pointer(), {}, context_.context);
  EXPECT_EQ(table->Parts().size(), 1u);
}

TEST_F(BackgroundMergesTest, OptimizeMergesEachPartitionIntoOnePart) {
  TestTableOptions options = TinyTable();
  options.partitioned = true;
  options.settings.max_parts_to_merge_at_once = 3;
  Start(0);
  const auto table = NewTable(options);
  InsertParts(*table, 11);
  const std::vector<TestRow> rows = table->SortedRows();
  ASSERT_GT(table->Parts().size(), 11u);
  OptimizeOptions one;
  one.partition_id = table->Parts().front()->name().partition_id;
  merges_->Optimize(table->store_pointer(), one, context_.context);
  EXPECT_EQ(table->Parts()[0]->name().partition_id, *one.partition_id);
  EXPECT_NE(table->Parts()[1]->name().partition_id, *one.partition_id);
  EXPECT_GT(table->Parts().size(), 2u);
  merges_->Optimize(table->store_pointer(), {}, context_.context);
  EXPECT_EQ(table->Parts().size(), 2u);
  EXPECT_EQ(table->SortedRows(), rows);
  for (const PartPtr& part : table->Parts()) EXPECT_GE(part->name().level, 2u);
}

TEST_F(BackgroundMergesTest, OptimizeKeepsToTheSizeLimitUnlessFinal) {
  TestTableOptions options = TinyTable();
  options.settings.max_bytes_to_merge = 100;
  Start(0);
  const auto table = NewTable(options);
  InsertParts(*table, 3);
  merges_->Optimize(table->store_pointer(), {}, context_.context);
  EXPECT_EQ(table->Parts().size(), 3u);
  ASSERT_EQ(context_.warnings.size(), 1u);
  EXPECT_THAT(context_.warnings.front(), HasSubstr("max_bytes_to_merge"));
  merges_->Optimize(table->store_pointer(), {.final = true}, context_.context);
  EXPECT_EQ(table->Parts().size(), 1u);
}

TEST_F(BackgroundMergesTest, OptimizeFinalBuildsTheMissingIndexesOfASinglePart) {
  Start(0);
  const auto table = NewTable();
  table->InsertKeys(0, 1, 10);
  merges_->MutateIndex(table->store_pointer(), "key_range", IndexMutation::kClear,
                       context_.context);
  EXPECT_TRUE(table->Parts().front()->indexes().empty());
  merges_->Optimize(table->store_pointer(), {}, context_.context);
  EXPECT_TRUE(table->Parts().front()->indexes().empty());
  merges_->Optimize(table->store_pointer(), {.final = true}, context_.context);
  EXPECT_EQ(table->Parts().front()->indexes().size(), 1u);
  const std::string name = table->Parts().front()->name_text();
  merges_->Optimize(table->store_pointer(), {.final = true}, context_.context);
  EXPECT_EQ(table->Parts().front()->name_text(), name);
}

TEST_F(BackgroundMergesTest, OptimizeWaitsForARunningMergeOfItsParts) {
  const auto table = NewTable();
  HoldMergesOf(*table);
  std::atomic<bool> optimized = false;
  std::thread statement([&] {
    is_statement_thread = true;
    merges_->Optimize(table->store_pointer(), {.final = true}, context_.context);
    optimized = true;
  });
  std::this_thread::sleep_for(milliseconds(30));
  EXPECT_FALSE(optimized);
  gate_.Open();
  statement.join();
  EXPECT_EQ(table->Parts().size(), 1u);
  EXPECT_EQ(table->Rows().size(), 120u);
}

TEST_F(BackgroundMergesTest, RunningMergesAreListed) {
  const auto table = NewTable();
  HoldMergesOf(*table);
  const std::vector<RunningMerge> running = merges_->running();
  ASSERT_GE(running.size(), 1u);
  EXPECT_EQ(running[0].table, "t");
  EXPECT_EQ(running[0].partition_id, "all");
  EXPECT_GE(running[0].source_parts.size(), 2u);
  EXPECT_EQ(running[0].rows_total, 10 * running[0].source_parts.size());
  EXPECT_LE(running[0].rows_done, running[0].rows_total);
  EXPECT_GT(running[0].source_bytes, 0u);
  EXPECT_GE(running[0].elapsed_seconds, 0.0);
  EXPECT_FALSE(running[0].is_mutation);
  EXPECT_THAT(running[0].result_part, ::testing::MatchesRegex("all_[0-9]+_[0-9]+_1"));
  gate_.Open();
  merges_->Wait(nullptr, context_.context);
  EXPECT_TRUE(merges_->running().empty());
}

TEST_F(BackgroundMergesTest, ClosingCancelsWithinAHundredMilliseconds) {
  const auto table = NewTable();
  merges_->Stop(nullptr);
  InsertParts(*table, 40);
  files_->SetHook([&](uint64_t) { std::this_thread::sleep_for(std::chrono::microseconds(200)); });
  merges_->Start(nullptr);
  while (merges_->running().empty()) std::this_thread::yield();
  const steady_clock::time_point start = steady_clock::now();
  merges_.reset();
  EXPECT_LT(steady_clock::now() - start, milliseconds(kCloseMilliseconds));
  EXPECT_GT(table->Parts().size(), 1u);
  EXPECT_EQ(table->Rows().size(), 400u);
}

TEST_F(BackgroundMergesTest, InsertsWaitLongerTheMorePartsThereAre) {
  TestTableOptions options = TinyTable();
  options.settings.parts_to_delay_insert = 4;
  options.settings.parts_to_throw_insert = 14;
  const auto table = NewTable(options);
  merges_->Stop(nullptr);
  const auto delay = [&] {
    const steady_clock::time_point start = steady_clock::now();
    merges_->DelayInsert(table->store(), context_.context);
    return steady_clock::now() - start;
  };
  InsertParts(*table, 3);
  EXPECT_LT(delay(), milliseconds(100));
  InsertParts(*table, 1);
  EXPECT_GE(delay(), milliseconds(100));
  InsertParts(*table, 2);
  EXPECT_GE(delay(), milliseconds(300));
  InsertParts(*table, 8);
  EXPECT_EQ(CodeOf([&] { merges_->DelayInsert(table->store(), context_.context); }),
            ErrorCode::kTooManyParts);
  merges_->Start(nullptr);
  merges_->Wait(nullptr, context_.context);
  EXPECT_LT(delay(), milliseconds(100));
}

TEST_F(BackgroundMergesTest, ADelayedInsertGoesOnWhenPartsAreMerged) {
  TestTableOptions options = TinyTable();
  options.settings.parts_to_delay_insert = 4;
  options.settings.parts_to_throw_insert = 8;
  const auto table = NewTable(options);
  merges_->Stop(nullptr);
  InsertParts(*table, 7);
  std::thread inserter([&] { merges_->DelayInsert(table->store(), context_.context); });
  merges_->Start(nullptr);
  inserter.join();
  EXPECT_LT(table->Parts().size(), 4u);
}

TEST_F(BackgroundMergesTest, AFailedMergeIsReportedAndTriedAgain) {
  const auto table = NewTable();
  merges_->Stop(nullptr);
  InsertParts(*table, 12);
  const std::vector<TestRow> rows = table->SortedRows();
  disk_->FailAt(disk_->operations() + 3, EIO);
  merges_->Start(nullptr);
  while (warnings().empty()) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_THAT(warnings().front(), HasSubstr("parts of table t"));
  EXPECT_THAT(warnings().front(), HasSubstr("tried again in 1 s"));
  EXPECT_EQ(table->SortedRows(), rows);
  merges_->Wait(nullptr, context_.context);
  EXPECT_LE(table->Parts().size(), 2u);
  EXPECT_EQ(table->SortedRows(), rows);
}

TEST_F(BackgroundMergesTest, AMergeThatKeepsFailingIsNotTriedInALoop) {
  const auto table = NewTable();
  merges_->Stop(nullptr);
  InsertParts(*table, 12);
  disk_->SetCapacity(disk_->used_bytes());
  merges_->Start(nullptr);
  while (warnings().empty()) std::this_thread::sleep_for(milliseconds(1));
  std::this_thread::sleep_for(milliseconds(300));
  EXPECT_LE(warnings().size(), 2u);
  EXPECT_EQ(CodeOf([&] { merges_->Wait(nullptr, context_.context); }), ErrorCode::kNotEnoughSpace);
  disk_->SetCapacity(std::nullopt);
  merges_->Wait(nullptr, context_.context);
  EXPECT_LE(table->Parts().size(), 2u);
}

TEST_F(BackgroundMergesTest, ADroppedTableIsForgotten) {
  auto table = NewTable();
  HoldMergesOf(*table);
  std::thread drop([&] {
    table->store().Drop();
    merges_->RemoveTable(table->store());
  });
  std::this_thread::sleep_for(milliseconds(10));
  gate_.Open();
  drop.join();
  EXPECT_TRUE(merges_->running().empty());
  EXPECT_EQ(CodeOf([&] { merges_->Optimize(table->store_pointer(), {}, context_.context); }),
            ErrorCode::kUnknownTable);
  merges_->Wait(nullptr, context_.context);
  merges_->RemoveTable(table->store());
  EXPECT_TRUE(warnings().empty());
}

TEST_F(BackgroundMergesTest, MutationsKeepMergesOffTheTable) {
  TestTableOptions options = TinyTable();
  options.partitioned = true;
  const auto table = NewTable(options);
  InsertParts(*table, 9);
  merges_->MutateIndex(table->store_pointer(), "key_range", IndexMutation::kClear,
                       context_.context);
  const PartSetPtr set = table->store().parts();
  for (const VisiblePart& visible : set->parts) {
    EXPECT_TRUE(visible.part->indexes().empty() || visible.part->name().level > 0);
  }
  merges_->MutateIndex(table->store_pointer(), "key_range", IndexMutation::kMaterialize,
                       context_.context);
  for (const PartPtr& part : table->Parts()) EXPECT_EQ(part->indexes().size(), 1u);
  EXPECT_EQ(table->Rows().size(), 90u);
}

// Writers, mergers, statements and readers at once: every reader sees whole inserts only.
TEST_F(BackgroundMergesTest, ReadersSeeWholeInsertsWhateverRuns) {
  constexpr size_t kWriters = 2;
  constexpr uint64_t kInserts = 60;
  constexpr size_t kRowsPerInsert = 10;
  TestTableOptions options = TinyTable();
  options.partitioned = true;
  const auto table = NewTable(options);
  std::atomic<size_t> writing = kWriters;
  std::vector<std::thread> threads;
  for (size_t writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      TestTable* const shared = table.get();
      for (uint64_t i = 0; i < kInserts; ++i) {
        TestContext context;
        merges_->DelayInsert(shared->store(), context.context);
        shared->InsertKeys(i, 1, kRowsPerInsert, std::to_string(writer) + "-" + std::to_string(i));
      }
      --writing;
    });
  }
  threads.emplace_back([&] {
    while (writing > 0) {
      TestContext context;
      merges_->Optimize(table->store_pointer(), {.final = true}, context.context);
      merges_->MutateIndex(table->store_pointer(), "key_range", IndexMutation::kClear,
                           context.context);
      merges_->MutateIndex(table->store_pointer(), "key_range", IndexMutation::kMaterialize,
                           context.context);
    }
  });
  size_t reads = 0;
  while (writing > 0) {
    const std::vector<TestRow> rows = table->Rows();
    std::map<std::string, size_t> rows_of_insert;
    for (const TestRow& row : rows) ++rows_of_insert[row.text.substr(row.text.rfind(' '))];
    for (const auto& [insert, count] : rows_of_insert) ASSERT_EQ(count, kRowsPerInsert) << insert;
    ++reads;
  }
  for (std::thread& thread : threads) thread.join();
  merges_->Wait(nullptr, context_.context);
  EXPECT_EQ(table->Rows().size(), kWriters * kInserts * kRowsPerInsert);
  EXPECT_LE(table->Parts().size(), 6u);
  EXPECT_GT(reads, 0u);
  EXPECT_TRUE(warnings().empty());
}

}  // namespace
}  // namespace granary
