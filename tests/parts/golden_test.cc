// Tables of every format version stay readable, by this build and by a reader written from
// FORMAT.md.
//
// tests/golden/ was written by this file: run parts_test with GRANARY_WRITE_GOLDEN=1 to write the
// tables of the current version anew, which is only right before that version is released.
#include <filesystem>
#include <fstream>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "granary/parts/part_reader.h"
#include "granary/tests/load_directory.h"
#include "granary/tests/parts/independent_reader.h"
#include "granary/tests/parts/test_table.h"

namespace granary::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::SizeIs;

const char* const kColumns =
    "column a UInt64\ncolumn i Int32\ncolumn d Float64\ncolumn s String\ncolumn b Bool\n"
    "column day Date\ncolumn v Array(Float32)\ncolumn w Array(String)\ncolumn h BFloat16\n"
    "order a\npartition b\nindex r a range 1\nindex c v copy 100\nset index_granularity 2\n"
    "set min_bytes_for_wide_part ";

template <class T>
ColumnPtr Make(TypeId type, std::vector<T> values) {
  return std::make_shared<NumberColumn<T>>(type, std::move(values));
}

Block GoldenRows() {
  return Block({{"a", Numbers({5, 4, 3, 2, 1})},
                {"i", Make<int32_t>(TypeId::kInt32, {-5, -4, -3, -2, -1})},
                {"d", Make<double>(TypeId::kFloat64, {0.5, 0.25, 1e300, -0.0, 3})},
                {"s", Strings({"five", "", "three", std::string(300, 'x'), "one"})},
                {"b", Make<uint8_t>(TypeId::kBool, {1, 1, 1, 0, 1})},
                {"day", Make<uint16_t>(TypeId::kDate, {19844, 0, 1, 2, 3})},
                {"v", Floats({{5, 0.5f}, {4, 0.25f}, {3, 0}, {2, 0}, {1, 1}})},
                {"w", std::make_shared<ArrayColumn>(Strings({"x", "yy", "z"}),
                                                    std::vector<uint64_t>{2, 2, 2, 2, 3})},
                {"h", Make<BFloat16>(TypeId::kBFloat16, {BFloat16(5), BFloat16(4), BFloat16(3),
                                                         BFloat16(2), BFloat16(1)})}});
}

// Every version there has been; the last one is written by this build.
const char* const kVersions[] = {"v1", "v2"};
const LogOwner kOwner = {0x0123456789abcdef, 1};

std::string GoldenDirectory(const std::string& version, const std::string& table) {
  return std::string(GRANARY_SOURCE_DIR) + "/tests/golden/" + version + "/" + table;
}

bool IsToBeWritten(const std::string& version) {
  return getenv("GRANARY_WRITE_GOLDEN") != nullptr && version == kVersions[1];
}

void Clear(const std::string& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(std::filesystem::path(directory).parent_path());
}

class GoldenTest : public ::testing::TestWithParam<std::tuple<const char*, const char*>> {
 protected:
  static bool is_compact() { return std::get<1>(GetParam()) == std::string("compact"); }
  static std::string directory() {
    return GoldenDirectory(std::get<0>(GetParam()), std::get<1>(GetParam()));
  }

  void SetUp() override {
    if (!IsToBeWritten(std::get<0>(GetParam()))) return;
    Clear(directory());
    TestTable table(PosixFileSystem(),
                    std::string(kColumns) + (is_compact() ? "10000000\n" : "0\n"), directory(),
                    kOwner);
    table.Create();
    table.Open();
    table.Insert(GoldenRows());
  }
};

TEST_P(GoldenTest, IndependentReaderFindsTheRows) {
  const independent::Table table = independent::ReadTable(directory());
  EXPECT_EQ(table.definition, std::string(kColumns) + (is_compact() ? "10000000\n" : "0\n"));
  EXPECT_THAT(table.dimensions, ElementsAre(Pair("c", 2u)));
  ASSERT_THAT(table.parts, SizeIs(2));
  EXPECT_EQ(table.parts[0].name, "0_2_2_0");
  EXPECT_EQ(table.parts[0].columns.front(), "a UInt64");
  EXPECT_EQ(table.parts[0].columns.back(), "h BFloat16");
  EXPECT_THAT(table.parts[0].values,
              ElementsAre("2 -2 -0 '" + std::string(300, 'x') + "' 0 2 [2,0] [] 2"));
  EXPECT_EQ(table.parts[1].name, "1_1_1_0");
  EXPECT_THAT(table.parts[1].values,
              ElementsAre("1 -1 3 'one' 1 3 [1,1] ['z'] 1",
                          "3 -3 1.0000000000000001e+300 'three' 1 1 [3,0] [] 3",
                          "4 -4 0.25 '' 1 0 [4,0.25] [] 4",
                          "5 -5 0.5 'five' 1 19844 [5,0.5] ['x','yy'] 5"));
  EXPECT_THAT(table.parts[1].primary_key, ElementsAre("1", "4", "5"));
  const auto& range = table.parts[1].indexes.at("r");
  ASSERT_THAT(range, SizeIs(2));
  EXPECT_EQ(range[1].first_row, 2u);
  EXPECT_EQ(range[1].payload, std::string("\4\0\0\0\0\0\0\0\5\0\0\0\0\0\0\0", 16));
  ASSERT_THAT(table.parts[1].indexes.at("c"), SizeIs(1));
  EXPECT_EQ(table.parts[1].indexes.at("c")[0].payload.size(), 4u * 2 * 4);
}

TEST_P(GoldenTest, ThisBuildFindsTheRows) {
  TestTable table(PosixFileSystem(), "", directory(), kOwner);
  const PartSetPtr set = table.Open(true).parts();
  EXPECT_THAT(table.context().warnings, ::testing::IsEmpty());
  const std::vector<uint32_t> order = {3, 4, 2, 1, 0};
  EXPECT_EQ(table.Rows(), RowTexts(GoldenRows().Gather(order)));
  for (const VisiblePart& visible : set->parts) {
    EXPECT_EQ(visible.part->is_compact(), is_compact());
    EXPECT_THAT(visible.part->Check(table.context()), ::testing::IsEmpty());
    for (const DeclaredIndex& index : set->indexes) {
      EXPECT_NE(visible.part->OpenSubIndex(index, 0, table.context()), nullptr);
    }
  }
}

// Two masks of one part and one of another, in three records.
class GoldenDeletesTest : public ::testing::TestWithParam<const char*> {
 protected:
  static std::string directory() { return GoldenDirectory(GetParam(), "deleted"); }

  void SetUp() override {
    if (!IsToBeWritten(GetParam())) return;
    Clear(directory());
    TestTable table(PosixFileSystem(), "column a UInt64\nset index_granularity 4\n", directory(),
                    kOwner);
    table.Create();
    table.Open();
    table.Insert(Block({{"a", Numbers({1, 2, 3, 4, 5, 6, 7, 8, 9, 10})}}));
    table.Insert(Block({{"a", Numbers({11, 12})}}));
    const PartSetPtr set = table.store().parts();
    for (const auto& [part, rows] : std::vector<std::pair<size_t, std::vector<size_t>>>{
             {0, {0, 3, 4}}, {1, {1}}, {0, {2, 9}}}) {
      PartDelete deleted{set->parts[part].part, RowBitmap(set->parts[part].part->rows())};
      for (const size_t row : rows) deleted.rows.Set(row);
      ASSERT_TRUE(table.store().CommitDeletes({&deleted, 1}));
    }
  }
};

TEST_P(GoldenDeletesTest, BothReadersFindTheLiveRows) {
  const independent::Table table = independent::ReadTable(directory());
  ASSERT_THAT(table.parts, SizeIs(2));
  EXPECT_THAT(table.parts[0].values, ElementsAre("2", "6", "7", "8", "9"));
  EXPECT_THAT(table.parts[1].values, ElementsAre("11"));
  TestTable opened(PosixFileSystem(), "", directory(), kOwner);
  opened.Open(true);
  EXPECT_THAT(opened.context().warnings, ::testing::IsEmpty());
  EXPECT_THAT(opened.Rows(), ElementsAre("2", "6", "7", "8", "9", "11"));
}

// A part in which some rows have a vector and one in which none has.
class GoldenAbsentTest : public ::testing::TestWithParam<const char*> {
 protected:
  static std::string directory() { return GoldenDirectory(GetParam(), "absent"); }

  void SetUp() override {
    if (!IsToBeWritten(GetParam())) return;
    Clear(directory());
    TestTable table(PosixFileSystem(), "column v Array(Float32)\nset index_granularity 2\n",
                    directory(), kOwner);
    table.Create();
    table.Open();
    table.Insert(Block({{"v", Floats({{}, {1, 2}, {}, {}, {3, 4}})}}));
    table.Insert(Block({{"v", Floats({{}, {}})}}));
  }
};

TEST_P(GoldenAbsentTest, BothReadersFindTheRows) {
  const independent::Table table = independent::ReadTable(directory());
  ASSERT_THAT(table.parts, SizeIs(2));
  EXPECT_THAT(table.parts[0].values, ElementsAre("[]", "[1,2]", "[]", "[]", "[3,4]"));
  EXPECT_THAT(table.parts[1].values, ElementsAre("[]", "[]"));
  TestTable opened(PosixFileSystem(), "", directory(), kOwner);
  const PartSetPtr set = opened.Open(true).parts();
  EXPECT_THAT(opened.context().warnings, ::testing::IsEmpty());
  EXPECT_THAT(opened.Rows(), ElementsAre("[]", "[1, 2]", "[]", "[]", "[3, 4]", "[]", "[]"));
  ASSERT_NE(set->parts[0].part->Vectors("v"), nullptr);
  EXPECT_EQ(set->parts[0].part->Vectors("v")->rows().rows, 2u);
}

INSTANTIATE_TEST_SUITE_P(Tables, GoldenTest,
                         ::testing::Combine(::testing::ValuesIn(kVersions),
                                            ::testing::Values("compact", "wide")),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" +
                                  std::get<1>(info.param);
                         });
INSTANTIATE_TEST_SUITE_P(Tables, GoldenDeletesTest, ::testing::ValuesIn(kVersions));
INSTANTIATE_TEST_SUITE_P(Tables, GoldenAbsentTest, ::testing::ValuesIn(kVersions));

// A writer brings an old log to the present version, and loses nothing.
TEST(GoldenUpgrade, AnOldLogIsWrittenAnew) {
  const std::string directory = GoldenDirectory("v1", "deleted");
  auto disk = std::make_shared<SimulatedDisk>(SimulatedDisk::Kind::kPlain);
  LoadDirectory(*disk, directory, "/t");
  TestTable table(disk, "", "/t", kOwner);
  for (int i = 0; i < 2; ++i) {
    table.Open();
    EXPECT_THAT(table.context().warnings, ::testing::IsEmpty());
    EXPECT_THAT(table.Rows(), ElementsAre("2", "6", "7", "8", "9", "11"));
  }
  TestTable elsewhere(disk, "", "/t", {1, 1});
  EXPECT_THROW(elsewhere.Open(), Error) << "the log knows now whose it is";
}

}  // namespace
}  // namespace granary::testing
