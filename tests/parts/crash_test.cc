// Stops the disk after every file operation of a workload and looks at what is found afterwards:
// each statement has happened whole or not at all, acknowledged ones have happened, and the table
// goes on working.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/parts/part_reader.h"
#include "granary/tests/parts/test_table.h"

namespace granary::testing {
namespace {

using Survivors = SimulatedDisk::Survivors;

constexpr char kDefinition[] =
    "column p UInt64\ncolumn a UInt64\ncolumn v Array(Float32)\norder a\npartition p\n"
    "index r a range 1\nindex c v copy 100\nset index_granularity 2\nset min_bytes_for_wide_part ";

// Statement i inserts three rows with a = 10 i, 10 i + 1 and 10 i + 2 into two partitions.
Block Statement(uint64_t i) {
  const float f = static_cast<float>(i);
  return Block({{"p", Numbers({0, 1, 0})},
                {"a", Numbers({10 * i + 2, 10 * i + 1, 10 * i})},
                {"v", Floats({{f, 2}, {f, 1}, {f, 0}})}});
}

// Merges all parts of each partition into one.
void MergeAll(TestTable& table) {
  TableStore& store = table.store();
  for (const std::string partition : {"0", "1"}) {
    const PartSetPtr base = store.parts();
    std::vector<PartPtr> inputs;
    for (const VisiblePart& visible : base->parts) {
      if (visible.part->name().partition_id == partition) inputs.push_back(visible.part);
    }
    const auto writer =
        store.NewMergeWriter(base, inputs, {.indexes = {"r", "c"}}, table.context());
    for (const PartPtr& input : inputs) {
      PartReader reader(input, {"p", "a", "v"}, table.context());
      writer->Append(reader.Read(input->all_granules()));
    }
    const PartPtr merged = writer->Finish();
    store.CommitMerge(base, Replacing(inputs, merged));
  }
}

// Runs inserts, a merge, an insert; returns how many inserts were acknowledged.
uint64_t RunWorkload(const std::shared_ptr<SimulatedDisk>& disk, const std::string& definition) {
  uint64_t acknowledged = 0;
  try {
    TestTable table(disk, definition);
    table.Open();
    for (uint64_t i = 0; i < 2; ++i) {
      table.Insert(Statement(i));
      ++acknowledged;
    }
    MergeAll(table);
    table.Insert(Statement(2));
    ++acknowledged;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kAborted) << error.what();
  }
  return acknowledged;
}

void ExpectWhole(const std::shared_ptr<SimulatedDisk>& disk, Survivors survivors,
                 const std::string& definition, uint64_t acknowledged, bool may_lose) {
  TestTable table(disk, definition);
  TableStore& store = table.Open();
  std::vector<std::string> rows = table.Rows();
  const uint64_t statements = rows.size() / 3;
  if (!may_lose) {
    ASSERT_GE(statements, acknowledged);
  }
  ASSERT_LE(statements, acknowledged + 1);
  std::vector<std::string> expected;
  for (uint64_t i = 0; i < statements; ++i) {
    const auto texts = RowTexts(Statement(i));
    expected.insert(expected.end(), texts.begin(), texts.end());
  }
  ASSERT_THAT(rows, ::testing::UnorderedElementsAreArray(expected));
  const PartSetPtr set = store.parts();
  for (const VisiblePart& visible : set->parts) {
    ASSERT_THAT(visible.part->Check(table.context()), ::testing::IsEmpty());
    for (const DeclaredIndex& index : set->indexes) {
      ASSERT_NE(visible.part->OpenSubIndex(index, 0, table.context()), nullptr);
    }
  }
  ASSERT_EQ(PartDirectories(*disk, "/t").size(), set->parts.size()) << "rubbish is left";
  // A power cut may take the durable point; a killed process leaves it, and nothing is put aside.
  if (survivors == Survivors::kAll) {
    ASSERT_FALSE(disk->Exists("/t/detached"));
  }
  table.Insert(Statement(7));
  table.Open();
  ASSERT_EQ(table.Rows().size(), rows.size() + 3);
}

struct Case {
  const char* min_bytes_for_wide_part;
  const char* fsync;
};

class CrashTest : public ::testing::TestWithParam<Case> {};

TEST_P(CrashTest, EveryStatementIsWholeAfterEveryOperation) {
  const std::string definition = std::string(kDefinition) + GetParam().min_bytes_for_wide_part +
                                 "\nset fsync " + GetParam().fsync + "\n";
  const bool may_lose = GetParam().fsync != std::string("full");
  const auto make_disk = [&] {
    auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
    TestTable(disk, definition).Create();
    return disk;
  };
  const auto whole = make_disk();
  const uint64_t first = whole->operations();
  ASSERT_EQ(RunWorkload(whole, definition), 3u);
  const uint64_t end = whole->operations();
  ASSERT_GT(end - first, 50u);
  for (uint64_t stop = first; stop <= end; ++stop) {
    const auto disk = make_disk();
    disk->StopAfter(stop);
    const uint64_t acknowledged = RunWorkload(disk, definition);
    SCOPED_TRACE(::testing::Message() << "stopped after operation " << stop);
    ExpectWhole(disk->AfterPowerCut(Survivors::kAll), Survivors::kAll, definition, acknowledged,
                false);
    ExpectWhole(disk->AfterPowerCut(Survivors::kSynced), Survivors::kSynced, definition,
                acknowledged, may_lose);
    for (uint64_t seed = 0; seed < 4; ++seed) {
      SCOPED_TRACE(::testing::Message() << "seed " << seed);
      ExpectWhole(disk->AfterPowerCut(Survivors::kRandom, stop * 4 + seed), Survivors::kRandom,
                  definition, acknowledged, may_lose);
    }
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Policies, CrashTest,
                         ::testing::Values(Case{"0", "full"}, Case{"1000000", "full"},
                                           Case{"0", "normal"}, Case{"1000000", "normal"}),
                         [](const auto& info) {
                           return std::string(info.param.min_bytes_for_wide_part == std::string("0")
                                                  ? "wide_"
                                                  : "compact_") +
                                  info.param.fsync;
                         });

// Without fsync a killed process loses nothing either.
TEST(CrashWithoutFsync, KilledProcessLosesNothing) {
  const std::string definition = std::string(kDefinition) + "0\nset fsync off\n";
  const auto make_disk = [&] {
    auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kForgetful);
    TestTable(disk, definition).Create();
    return disk;
  };
  const auto whole = make_disk();
  const uint64_t first = whole->operations();
  ASSERT_EQ(RunWorkload(whole, definition), 3u);
  for (uint64_t stop = first; stop <= whole->operations(); ++stop) {
    const auto disk = make_disk();
    disk->StopAfter(stop);
    const uint64_t acknowledged = RunWorkload(disk, definition);
    ExpectWhole(disk->AfterPowerCut(Survivors::kAll), Survivors::kAll, definition, acknowledged,
                false);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace granary::testing
