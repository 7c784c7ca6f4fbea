// Flips bits in every byte of a table's files: damage is found and named, never answered with wrong
// rows, and never crashes. A damaged sub-index costs a warning.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/parts/part_reader.h"
#include "granary/tests/parts/test_table.h"

namespace granary::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kDefinition[] =
    "column a UInt64\ncolumn s String\ncolumn v Array(Float32)\ncolumn w Array(UInt8)\norder a\n"
    "index r a range 1\nindex c v copy 100\nset index_granularity 2\n"
    "set min_bytes_for_wide_part ";

Block SomeRows(float first = 1) {
  const ColumnPtr bytes = std::make_shared<NumberColumn<uint8_t>>(
      TypeId::kUInt8, std::vector<uint8_t>{1, 2, 3, 4, 5, 6});
  return Block({{"a", Numbers({1, 2, 3, 4, 5})},
                {"s", Strings({"one", "two", "three", std::string(300, 'x'), ""})},
                {"v", Floats({{first, 2}, {3, 4}, {5, 6}, {7, 8}, {9, 0}})},
                {"w", std::make_shared<ArrayColumn>(bytes, std::vector<uint64_t>{1, 1, 3, 5, 6})}});
}

void WriteFile(FileSystem& files, const std::string& path, std::span<const std::byte> contents) {
  const auto file = files.Create(path);
  file->Append(contents);
  file->Close();
}

class DamageTest : public ::testing::TestWithParam<const char*> {
 protected:
  std::string definition() const { return std::string(kDefinition) + GetParam() + "\n"; }

  std::shared_ptr<SimulatedDisk> FullTable() {
    auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain);
    TestTable table(disk, definition());
    table.Create();
    table.Open();
    table.Insert(SomeRows());
    return disk;
  }

  // Everything a reader can ask of the table; true if all was as it should be.
  bool ReadsRight(const std::shared_ptr<SimulatedDisk>& disk) {
    TestTable table(disk, definition());
    TableStore& store = table.Open();
    const PartSetPtr set = store.parts();
    if (set->parts.empty()) {
      EXPECT_THAT(table.context().warnings, SizeIs(1));
      EXPECT_THAT(disk->List("/t/detached"), SizeIs(2));
      return false;
    }
    const PartPtr part = set->parts[0].part;
    bool is_right = true;
    for (const DeclaredIndex& index : set->indexes) {
      for (size_t block = 0; block < part->FindIndex(index)->blocks.size(); ++block) {
        if (part->OpenSubIndex(index, block, table.context()) == nullptr) is_right = false;
      }
    }
    EXPECT_EQ(is_right, table.context().warnings.empty());
    EXPECT_EQ(RowTexts(Block({{"a", part->PrimaryKey()[0]}})),
              (std::vector<std::string>{"1", "3", "5", "5"}));
    EXPECT_EQ(table.Rows(), RowTexts(SomeRows()));
    return is_right;
  }

  bool IsFound(const std::shared_ptr<SimulatedDisk>& disk) {
    try {
      return !ReadsRight(disk);
    } catch (const Error& error) {
      const bool is_expected = error.code() == ErrorCode::kCorruptedData ||
                               error.code() == ErrorCode::kUnknownFormatVersion;
      EXPECT_TRUE(is_expected) << error.what();
      EXPECT_THAT(error.message(), HasSubstr("/t/"));
      return true;
    }
  }

  // Padding between streams carries nothing.
  void FlipEveryByte(const std::string& directory, const std::string& file) {
    const auto pristine = FullTable();
    const uint64_t bytes = pristine->Size(directory + "/" + file);
    uint64_t found = 0;
    for (uint64_t offset = 0; offset < bytes; ++offset) {
      for (const int mask : {0x01, 0x80, 0xff}) {
        const auto disk = pristine->AfterPowerCut(SimulatedDisk::Survivors::kAll);
        disk->Damage(directory + "/" + file, offset, std::byte(mask));
        SCOPED_TRACE(::testing::Message() << file << " offset " << offset);
        found += IsFound(disk);
        if (HasFailure()) return;
      }
    }
    EXPECT_GT(found, bytes * 3 * 2 / 3) << file;
  }
};

TEST_P(DamageTest, EveryByteOfAPart) {
  const auto disk = FullTable();
  EXPECT_TRUE(ReadsRight(disk));
  for (const std::string& file : disk->List("/t/all_1_1_0")) {
    FlipEveryByte("/t/all_1_1_0", file);
    if (HasFailure()) return;
  }
}

TEST_P(DamageTest, EveryTruncationOfAPart) {
  const auto pristine = FullTable();
  for (const std::string& file : pristine->List("/t/all_1_1_0")) {
    const std::string path = "/t/all_1_1_0/" + file;
    const std::vector<std::byte> contents = ReadWholeFile(*pristine, path);
    for (size_t bytes = 0; bytes < contents.size(); bytes += 7) {
      const auto disk = pristine->AfterPowerCut(SimulatedDisk::Survivors::kAll);
      disk->Remove(path);
      WriteFile(*disk, path, std::span(contents).first(bytes));
      ASSERT_TRUE(IsFound(disk)) << file << " cut to " << bytes;
    }
    const auto disk = pristine->AfterPowerCut(SimulatedDisk::Survivors::kAll);
    disk->Remove(path);
    ASSERT_TRUE(IsFound(disk)) << file << " missing";
  }
}

TEST_P(DamageTest, FilesOfAnotherPartAreNotItsOwn) {
  const auto disk = FullTable();
  {
    TestTable table(disk, definition());
    table.Open();
    table.Insert(SomeRows(100));
  }
  for (const std::string& file : disk->List("/t/all_1_1_0")) {
    const auto swapped = disk->AfterPowerCut(SimulatedDisk::Survivors::kAll);
    swapped->Rename("/t/all_1_1_0/" + file, "/t/x");
    swapped->Rename("/t/all_2_2_0/" + file, "/t/all_1_1_0/" + file);
    swapped->Rename("/t/x", "/t/all_2_2_0/" + file);
    TestTable table(swapped, definition());
    table.Open();
    size_t problems = 2 - table.store().parts()->parts.size();
    for (const VisiblePart& visible : table.store().parts()->parts) {
      problems += visible.part->Check(table.context()).size();
    }
    EXPECT_GE(problems, 2u) << file;
  }
}

TEST_P(DamageTest, CheckNamesTheFileAndTheOffset) {
  const auto disk = FullTable();
  TestTable table(disk, definition());
  table.Open();
  const PartPtr part = table.OnlyPart();
  EXPECT_EQ(table.Rows(), RowTexts(SomeRows())) << "all pages have been verified once";
  const auto files = disk->List("/t/all_1_1_0");
  const std::string path = "/t/all_1_1_0/" + files.front();
  disk->Damage(path, files.size() == 1 ? disk->Size(path) - 1 : 40, std::byte{1});
  const std::vector<std::string> problems = part->Check(table.context());
  ASSERT_THAT(problems, SizeIs(1));
  EXPECT_THAT(problems[0], HasSubstr(path));
  EXPECT_THAT(problems[0], HasSubstr("offset"));
}

TEST_P(DamageTest, FailingReadsAreErrorsAndPass) {
  const auto disk = FullTable();
  for (uint64_t read = 0;; ++read) {
    TestTable table(disk, definition());
    disk->FailRead(read);
    try {
      table.Open();
      const PartSetPtr set = table.store().parts();
      const PartPtr part = table.OnlyPart();
      for (const DeclaredIndex& index : set->indexes) {
        part->OpenSubIndex(index, 0, table.context());
      }
      part->PrimaryKey();
      const std::vector<std::string> rows = table.Rows();
      EXPECT_EQ(rows, RowTexts(SomeRows()));
      if (table.context().warnings.empty()) {
        EXPECT_GT(read, 5u);
        break;
      }
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCannotReadFile) << error.what();
      EXPECT_THAT(error.message(), HasSubstr("/t/"));
    }
    ASSERT_FALSE(disk->Exists("/t/detached")) << "a failing read is not damage";
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, DamageTest, ::testing::Values("1000000", "0"),
                         [](const auto& info) {
                           return std::string(info.param) == "0" ? "wide" : "compact";
                         });

}  // namespace
}  // namespace granary::testing
