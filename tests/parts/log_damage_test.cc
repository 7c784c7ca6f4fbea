// Damage of a table's commit log: no single byte loses anything, what is more is an error and never
// taken for the end of an unfinished write, and RestoreTable leads on from there.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/parts/commit_log.h"
#include "granary/parts/part_reader.h"
#include "granary/parts/table_restore.h"
#include "granary/tests/parts/test_table.h"

namespace granary::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kDefinition[] = "column a UInt64\norder a\n";
constexpr char kLog[] = "/t/commit_log";
constexpr char kPoint[] = "/t/commit_log.durable";

void WriteFile(FileSystem& files, const std::string& path, std::span<const std::byte> contents) {
  if (files.Exists(path)) files.Remove(path);
  const auto file = files.Create(path);
  file->Append(contents);
  file->Close();
}

class LogDamage : public ::testing::Test {
 protected:
  LogDamage() {
    table_.Create();
    table_.Open();
  }

  void Insert(uint64_t value) { table_.Insert(Block({{"a", Numbers({value})}})); }

  void Delete(const std::string& part) {
    const PartSetPtr set = table_.store().parts();
    for (const VisiblePart& visible : set->parts) {
      if (visible.part->name_text() != part) continue;
      PartDelete deleted{visible.part, RowBitmap(visible.part->rows())};
      deleted.rows.Set(0);
      ASSERT_TRUE(table_.store().CommitDeletes({&deleted, 1}));
    }
  }

  void MergeAll() {
    const PartSetPtr base = table_.store().parts();
    std::vector<PartPtr> inputs;
    for (const VisiblePart& visible : base->parts) inputs.push_back(visible.part);
    const auto writer = table_.store().NewMergeWriter(base, inputs, {}, table_.context());
    for (const PartPtr& input : inputs) {
      writer->Append(PartReader(input, {"a"}, table_.context()).Read(input->all_granules()));
    }
    ASSERT_TRUE(table_.store().CommitMerge(base, Replacing(inputs, writer->Finish())));
  }

  std::shared_ptr<SimulatedDisk> Copy() const {
    return disk_->AfterPowerCut(SimulatedDisk::Survivors::kAll);
  }

  // As a writer and as a reader: the rows, or the error; the warnings besides.
  struct Opened {
    std::vector<std::string> rows;
    std::string error;
    std::vector<std::string> warnings;
  };
  static Opened Open(const std::shared_ptr<SimulatedDisk>& disk, bool read_only) {
    TestTable table(disk, kDefinition);
    Opened opened;
    try {
      table.Open(read_only);
      opened.rows = table.Rows();
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorruptedData) << error.what();
      opened.error = error.message();
    }
    opened.warnings = table.context().warnings;
    return opened;
  }

  void ExpectDamage(const std::shared_ptr<SimulatedDisk>& disk) {
    for (const bool read_only : {true, false}) {
      const Opened opened = Open(disk, read_only);
      EXPECT_THAT(opened.error, HasSubstr(kLog)) << "read_only " << read_only;
    }
  }

  static std::vector<std::string> Restore(const std::shared_ptr<SimulatedDisk>& disk) {
    TestTable table(disk, kDefinition);
    return RestoreTable(table.Options(), table.context());
  }

  std::shared_ptr<SimulatedDisk> disk_ =
      std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain);
  TestTable table_{disk_, kDefinition};
};

// After inserts, deletes and a merge; the store as it is when the process is killed, with its
// durable point and without.
TEST_F(LogDamage, NoSingleBitLosesAnything) {
  for (uint64_t i = 0; i < 3; ++i) Insert(i);
  MergeAll();
  Delete("all_1_3_1");
  const std::vector<std::string> rows = table_.Rows();
  ASSERT_THAT(rows, ElementsAre("1", "2"));
  for (const bool has_point : {true, false}) {
    if (!has_point) disk_->Remove(kPoint);
    const uint64_t bits = 8 * disk_->Size(kLog);
    for (uint64_t bit = 0; bit < bits; ++bit) {
      SCOPED_TRACE(::testing::Message() << "bit " << bit << ", durable point " << has_point);
      for (const bool read_only : {true, false}) {
        const auto disk = Copy();
        disk->Damage(kLog, bit / 8, std::byte(1 << bit % 8));
        const Opened opened = Open(disk, read_only);
        ASSERT_EQ(opened.error, "");
        ASSERT_EQ(opened.rows, rows);
        ASSERT_THAT(opened.warnings, SizeIs(1));
        ASSERT_THAT(opened.warnings[0], HasSubstr("one of two copies"));
        if (!read_only) {
          ASSERT_THAT(Open(disk, false).warnings, IsEmpty()) << "the writer mends the log";
        }
      }
    }
  }
}

TEST_F(LogDamage, NoBitOfTheDurablePointLosesAnything) {
  Insert(1);
  Delete("all_1_1_0");
  for (uint64_t bit = 0; bit < 8 * disk_->Size(kPoint); ++bit) {
    const auto disk = Copy();
    disk->Damage(kPoint, bit / 8, std::byte(1 << bit % 8));
    const Opened opened = Open(disk, false);
    ASSERT_EQ(opened.error, "");
    ASSERT_THAT(opened.rows, IsEmpty());
    ASSERT_THAT(opened.warnings, IsEmpty());
  }
}

TEST_F(LogDamage, EveryTruncationIsAnError) {
  Insert(1);
  Insert(2);
  Delete("all_1_1_0");
  const std::vector<std::byte> log = ReadWholeFile(*disk_, kLog);
  for (size_t bytes = 0; bytes < log.size(); ++bytes) {
    SCOPED_TRACE(::testing::Message() << "cut to " << bytes);
    const auto disk = Copy();
    WriteFile(*disk, kLog, std::span(log).first(bytes));
    const Opened opened = Open(disk, true);
    if (opened.error.empty()) {
      // Only the last copy is cut.
      ASSERT_THAT(opened.rows, ElementsAre("2"));
      ASSERT_THAT(opened.warnings, SizeIs(1));
    } else {
      ASSERT_THAT(opened.error, HasSubstr(kLog));
    }
  }
}

// Without the durable point, after a power cut. Of a DELETE nothing is on disk but its record.
TEST_F(LogDamage, TornTailIsCutAtEveryLength) {
  Insert(1);
  const uint64_t whole = disk_->Size(kLog);
  Delete("all_1_1_0");
  disk_->Remove(kPoint);
  const std::vector<std::byte> log = ReadWholeFile(*disk_, kLog);
  const uint64_t with_one_copy = whole + (log.size() - whole) / 2;
  for (uint64_t bytes = whole; bytes < log.size(); ++bytes) {
    const auto disk = Copy();
    WriteFile(*disk, kLog, std::span(log).first(bytes));
    SCOPED_TRACE(::testing::Message() << "cut to " << bytes);
    TestTable table(disk, kDefinition);
    table.Open();
    const bool has_happened = bytes >= with_one_copy;
    ASSERT_THAT(table.Rows(), SizeIs(has_happened ? 0 : 1));
    ASSERT_THAT(table.context().warnings, SizeIs(bytes == whole ? 0 : 1));
    table.Insert(Block({{"a", Numbers({3})}}));
    table.Open();
    ASSERT_THAT(table.Rows(), Contains("3"));
  }
}

// Both copies of the last record are gone, and nothing but the disk tells of it.
TEST_F(LogDamage, ALostMergeIsAnErrorAndRestored) {
  Insert(1);
  Insert(2);
  const uint64_t before = disk_->Size(kLog);
  MergeAll();
  table_.Close();
  disk_->Remove(kPoint);
  for (const bool is_cut : {true, false}) {
    const auto disk = Copy();
    std::vector<std::byte> log = ReadWholeFile(*disk, kLog);
    if (is_cut) {
      log.resize(before);
    } else {
      std::fill(log.begin() + static_cast<ptrdiff_t>(before), log.end(), std::byte{0});
    }
    WriteFile(*disk, kLog, log);
    ExpectDamage(disk);
    EXPECT_THAT(disk->List("/t"), Contains("all_1_2_1")) << "nothing is deleted";
    EXPECT_THAT(Restore(disk), Contains(HasSubstr("all_1_2_1 with 2 rows was taken up")));
    const Opened opened = Open(disk, false);
    EXPECT_THAT(opened.rows, ElementsAre("1", "2"));
    EXPECT_THAT(opened.warnings, IsEmpty());
  }
}

// A whole part that the log does not name is kept, unless the log is known to be whole.
TEST_F(LogDamage, APartWhoseRecordIsLostIsPutAside) {
  Insert(1);
  const uint64_t before = disk_->Size(kLog);
  Insert(2);
  std::vector<std::byte> log = ReadWholeFile(*disk_, kLog);
  log.resize(before);
  {
    const auto disk = Copy();
    WriteFile(*disk, kLog, log);
    ExpectDamage(disk);
    EXPECT_THAT(Restore(disk), Contains(HasSubstr("all_2_2_0 with 1 rows was taken up")));
    EXPECT_THAT(Open(disk, false).rows, ElementsAre("1", "2"));
  }
  const auto disk = Copy();
  disk->Remove(kPoint);
  WriteFile(*disk, kLog, log);
  const Opened reader = Open(disk, true);
  EXPECT_THAT(reader.warnings, ElementsAre(HasSubstr("Part all_2_2_0 with 1 rows is left out")));
  const Opened writer = Open(disk, false);
  EXPECT_THAT(writer.rows, ElementsAre("1"));
  EXPECT_THAT(writer.warnings, ElementsAre(HasSubstr("Part all_2_2_0 with 1 rows was moved")));
  EXPECT_THAT(disk->List("/t/detached"), ElementsAre("all_2_2_0", "all_2_2_0.reason"));
}

TEST_F(LogDamage, ALogOfAnotherTableIsRefused) {
  Insert(1);
  TestTable other(disk_, kDefinition, "/u", {7, 2});
  other.Create();
  other.Open();
  other.Insert(Block({{"a", Numbers({5})}}));
  const std::vector<std::byte> log = ReadWholeFile(*disk_, "/u/commit_log");
  const auto disk = Copy();
  WriteFile(*disk, kLog, log);
  ExpectDamage(disk);
  EXPECT_THAT(Open(disk, true).error, HasSubstr("directory 2 of database 0000000000000007"));
  EXPECT_THAT(Restore(disk), Contains(HasSubstr("belongs elsewhere")));
  EXPECT_THAT(Open(disk, false).rows, ElementsAre("1"));
}

// Records are sealed with their owner and their place.
TEST_F(LogDamage, RecordsOfAnotherTableAreNone) {
  Insert(1);
  TestTable other(disk_, kDefinition, "/u", {7, 2});
  other.Create();
  other.Open();
  const uint64_t before = disk_->Size("/u/commit_log");
  other.Insert(Block({{"a", Numbers({5})}}));
  const std::vector<std::byte> theirs = ReadWholeFile(*disk_, "/u/commit_log");
  const auto disk = Copy();
  std::vector<std::byte> log = ReadWholeFile(*disk, kLog);
  log.insert(log.end(), theirs.begin() + static_cast<ptrdiff_t>(before), theirs.end());
  WriteFile(*disk, kLog, log);
  const Opened opened = Open(disk, false);
  EXPECT_THAT(opened.rows, ElementsAre("1"));
  EXPECT_THAT(opened.warnings, ElementsAre(HasSubstr("behind the last whole record")));
}

// Bytes that look like the beginning of a record at every place, each as long as the rest.
TEST_F(LogDamage, ManyBeginningsOfRecordsAreRefusedInTime) {
  Insert(1);
  std::vector<std::byte> log = ReadWholeFile(*disk_, kLog);
  const size_t whole = log.size();
  log.resize(whole + (size_t{4} << 20));
  for (size_t offset = whole; offset + 16 <= log.size(); offset += 16) {
    const uint32_t magic = 0x43525247;  // "GRRC"
    const auto bytes = static_cast<uint32_t>(log.size() - offset - 64);
    std::memcpy(log.data() + offset + 8, &magic, sizeof(magic));
    std::memcpy(log.data() + offset + 12, &bytes, sizeof(bytes));
  }
  WriteFile(*disk_, kLog, log);
  ExpectDamage(disk_);
}

TEST_F(LogDamage, AMissingLogIsRebuiltFromThePartsOnDisk) {
  for (uint64_t i = 0; i < 4; ++i) Insert(i);
  MergeAll();
  Insert(9);
  Delete("all_5_5_0");
  table_.Close();
  disk_->Remove(kLog);
  TestTable table(disk_, kDefinition);
  EXPECT_THROW(table.Open(), Error);
  EXPECT_THAT(Restore(disk_), Contains(HasSubstr("deleted by statements")));
  EXPECT_THAT(Open(disk_, false).rows, ElementsAre("0", "1", "2", "3", "9"))
      << "the record of the DELETE is lost, and the report says so";
  table.Open();
  table.Insert(Block({{"a", Numbers({10})}}));
  EXPECT_EQ(table.store().parts()->parts.back().part->name_text(), "all_6_6_0");
}

TEST_F(LogDamage, WithoutADefinitionThereIsNoRestoring) {
  Insert(1);
  table_.Close();
  disk_->Remove(kLog);
  disk_->Remove("/t/definition.sql");
  try {
    Restore(disk_);
    FAIL() << "restored from nothing";
  } catch (const Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("/t/definition.sql"));
  }
  const std::string definition = kDefinition;
  WriteFile(*disk_, "/t/definition.sql", std::as_bytes(std::span(definition)));
  Restore(disk_);
  EXPECT_THAT(Open(disk_, false).rows, ElementsAre("1"));
}

// What records behind the gap say is kept.
TEST_F(LogDamage, RestoringKeepsWhatLiesBehindAGap) {
  Insert(1);
  const uint64_t begin = disk_->Size(kLog);
  Insert(2);
  const uint64_t end = disk_->Size(kLog);
  Insert(3);
  Delete("all_1_1_0");
  table_.Close();
  for (uint64_t offset = begin; offset < end; offset += 8) {
    disk_->Damage(kLog, offset, std::byte{0xff});
  }
  ExpectDamage(disk_);
  Restore(disk_);
  EXPECT_THAT(Open(disk_, false).rows, ElementsAre("2", "3"));
}

// A part that cannot be opened goes to detached/, a merge that was not committed too.
TEST_F(LogDamage, RestoringPutsAsideWhatItDoesNotTakeUp) {
  Insert(1);
  Insert(2);
  const PartSetPtr base = table_.store().parts();
  const std::vector<PartPtr> inputs = {base->parts[0].part, base->parts[1].part};
  const auto writer = table_.store().NewMergeWriter(base, inputs, {}, table_.context());
  for (const PartPtr& input : inputs) {
    writer->Append(PartReader(input, {"a"}, table_.context()).Read(input->all_granules()));
  }
  const PartPtr unfinished = writer->Finish();
  Insert(3);
  disk_->Damage("/t/all_3_3_0/manifest", 40, std::byte{1});
  std::vector<std::byte> log = ReadWholeFile(*disk_, kLog);
  const auto disk = Copy();
  log.resize(log.size() / 3 * 2);
  WriteFile(*disk, kLog, log);
  ExpectDamage(disk);
  const std::vector<std::string> report = Restore(disk);
  EXPECT_THAT(report, Contains(HasSubstr("all_3_3_0 is damaged")));
  EXPECT_THAT(Open(disk, false).rows, ElementsAre("1", "2"));
  EXPECT_THAT(disk->List("/t/detached"), Contains("all_3_3_0"));
  EXPECT_THAT(disk->List("/t/detached"), Contains("commit_log.copy"));
}

// A failed append is cut back, whatever fails, and the table goes on.
TEST_F(LogDamage, FailedWritesDoNotEndTheTable) {
  Insert(1);
  const uint64_t first = disk_->operations();
  Insert(1);
  const uint64_t operations = disk_->operations() - first;
  ASSERT_GT(operations, 5u);
  for (const int error_number : {ENOSPC, EIO, EFBIG}) {
    for (uint64_t operation = 0; operation < operations; ++operation) {
      SCOPED_TRACE(::testing::Message() << "errno " << error_number << " at " << operation);
      const std::vector<std::string> before = table_.Rows();
      disk_->FailAt(disk_->operations() + operation, error_number);
      bool has_failed = false;
      try {
        Insert(2);
      } catch (const Error&) {
        has_failed = true;
        ASSERT_EQ(table_.Rows(), before);
      }
      Insert(3);
      const std::vector<std::string> after = table_.Rows();
      ASSERT_EQ(after.size(), before.size() + (has_failed ? 1 : 2));
      const Opened opened = Open(Copy(), false);
      ASSERT_EQ(opened.rows, after);
      ASSERT_THAT(opened.warnings, IsEmpty());
    }
  }
}

// Nor does a disk that stays full for a while: the space of the failed statement is given back.
TEST_F(LogDamage, AFullDiskDoesNotEndTheTable) {
  Insert(1);
  const uint64_t used = disk_->used_bytes();
  uint64_t failures = 0;
  for (uint64_t room = 0; room < 3000; room += 50) {
    disk_->SetCapacity(used + room);
    try {
      Insert(2);
      break;
    } catch (const Error& error) {
      ASSERT_EQ(error.code(), ErrorCode::kNotEnoughSpace) << error.what();
      ASSERT_EQ(disk_->used_bytes(), used);
      ++failures;
    }
  }
  EXPECT_GT(failures, 5u);
  disk_->SetCapacity(std::nullopt);
  Insert(3);
  EXPECT_THAT(table_.Rows(), ElementsAre("1", "2", "3"));
  EXPECT_THAT(Open(Copy(), false).rows, ElementsAre("1", "2", "3"));
}

}  // namespace
}  // namespace granary::testing
