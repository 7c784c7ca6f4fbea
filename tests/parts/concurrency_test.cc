// Writers, mergers and readers at once: every reader sees whole statements only, whatever happens
// to the parts meanwhile. Runs under ThreadSanitizer in CI.
#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/parts/part_reader.h"
#include "granary/tests/parts/test_table.h"

namespace granary::testing {
namespace {

constexpr uint64_t kStatements = 60;
constexpr uint64_t kRowsPerStatement = 5;

// Rows of one statement carry its number in `a` and lie in two partitions.
Block Statement(uint64_t number) {
  const float f = static_cast<float>(number);
  return Block({{"p", Numbers({0, 1, 0, 1, 0})},
                {"a", Numbers(std::vector<uint64_t>(kRowsPerStatement, number))},
                {"v", Floats({{f, 0}, {f, 1}, {f, 2}, {f, 3}, {f, 4}})}});
}

// Merges all parts of a partition; whether that was committed.
bool MergePartition(TableStore& store, const std::string& partition, const TaskContext& context) {
  const PartSetPtr base = store.parts();
  std::vector<PartPtr> inputs;
  for (const VisiblePart& visible : base->parts) {
    if (visible.part->name().partition_id == partition) inputs.push_back(visible.part);
  }
  if (inputs.size() < 2) return false;
  const auto writer = store.NewMergeWriter(base, inputs, {.indexes = {"r", "c"}}, context);
  for (const PartPtr& input : inputs) {
    PartReader reader(input, {"p", "a", "v"}, context);
    writer->Append(reader.Read(input->all_granules()));
  }
  const PartPtr merged = writer->Finish();
  return store.CommitMerge(base, Replacing(inputs, merged));
}

// The numbers of the statements that a reader sees, each of them whole.
std::set<uint64_t> ReadStatements(TableStore& store, const TaskContext& context) {
  const PartSetPtr set = store.parts();
  std::map<uint64_t, uint64_t> rows;
  for (const VisiblePart& visible : set->parts) {
    const PartPtr& part = visible.part;
    for (const DeclaredIndex& index : set->indexes) {
      if (part->FindIndex(index) == nullptr) continue;
      EXPECT_NE(part->OpenSubIndex(index, 0, context), nullptr);
    }
    PartReader reader(part, {"a", "v"}, context);
    const Block block = reader.Read(part->all_granules());
    for (size_t row = 0; row < block.rows(); ++row) {
      ++rows[AsNumbers<uint64_t>(*block.column(0)).data()[row]];
    }
    const uint32_t last = static_cast<uint32_t>(part->rows() - 1);
    EXPECT_EQ(reader.Gather(std::span(&last, 1)).column(0)->ValueAt(0),
              block.column(0)->ValueAt(last));
  }
  std::set<uint64_t> statements;
  for (const auto& [number, count] : rows) {
    EXPECT_EQ(count, kRowsPerStatement) << "statement " << number << " is not whole";
    statements.insert(number);
  }
  return statements;
}

TEST(Concurrency, ReadersSeeWholeStatements) {
  auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain);
  TestTable table(disk,
                  "column p UInt64\ncolumn a UInt64\ncolumn v Array(Float32)\norder a\n"
                  "partition p\nindex r a range 1\nindex c v copy 100\nset index_granularity 4\n"
                  "set min_bytes_for_wide_part 1000\n");
  table.Create();
  TableStore& store = table.Open();
  std::atomic<uint64_t> changes{0};
  store.SetListener([&] { ++changes; });
  std::atomic<uint64_t> next{0};
  std::atomic<size_t> running_writers{2};
  std::atomic<uint64_t> merges{0};
  std::atomic<uint64_t> reads{0};
  const auto write = [&] {
    TestContext context;
    // Long enough for the others to have had a turn.
    const auto is_enough = [&] { return next >= kStatements && merges > 0 && reads > 1; };
    while (!is_enough() && next < 100 * kStatements) store.Insert(Statement(next++), {}, context);
    --running_writers;
  };
  const auto merge = [&](const std::string& partition) {
    TestContext context;
    while (running_writers > 0) merges += MergePartition(store, partition, context);
  };
  const auto read = [&] {
    TestContext context;
    std::set<uint64_t> before;
    do {
      const std::set<uint64_t> now = ReadStatements(store, context);
      EXPECT_TRUE(std::includes(now.begin(), now.end(), before.begin(), before.end()));
      before = now;
      ++reads;
    } while (running_writers > 0);
  };
  {
    std::vector<std::jthread> threads;
    threads.emplace_back(write);
    threads.emplace_back(write);
    threads.emplace_back(merge, "0");
    threads.emplace_back(merge, "1");
    threads.emplace_back(read);
    threads.emplace_back(read);
  }
  EXPECT_EQ(ReadStatements(store, table.context()).size(), next);
  EXPECT_GT(merges, 0u);
  EXPECT_GT(reads, 1u);
  EXPECT_EQ(changes, next + merges);
  const size_t visible = store.parts()->parts.size();
  EXPECT_EQ(PartDirectories(*disk, "/t").size(), visible) << "files of replaced parts are gone";
}

TEST(Concurrency, FirstVectorsOfDifferentLengthsRace) {
  for (int round = 0; round < 20; ++round) {
    TestTable table(std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain),
                    "column v Array(Float32)\nindex c v copy 100\n");
    table.Create();
    TableStore& store = table.Open();
    std::atomic<int> refused{0};
    {
      std::vector<std::jthread> threads;
      for (size_t length = 1; length <= 3; ++length) {
        threads.emplace_back([&, length] {
          TestContext context;
          try {
            store.Insert(Block({{"v", Floats({std::vector<float>(length, 1)})}}), {}, context);
          } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::kIncorrectData) << error.what();
            ++refused;
          }
        });
      }
    }
    EXPECT_EQ(refused, 2);
    EXPECT_EQ(table.Rows().size(), 1u);
  }
}

}  // namespace
}  // namespace granary::testing
