// What output formats print, byte for byte as ClickHouse 26.7 prints it.
#include <cmath>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "granary/query/formats/number_text.h"
#include "granary/query/formats/registry.h"
#include "granary/tests/query/format_testing.h"

namespace granary {
namespace {

using namespace std::string_literals;
using testing::MakeBlock;
using testing::MakeHeader;
using testing::WriteBlocks;

constexpr double kInf = std::numeric_limits<double>::infinity();

template <class T>
std::string Printed(T value) {
  std::string text;
  AppendNumber(value, text);
  return text;
}

TEST(NumberText, DoublesArePositionalFromOneMillionthToTenToTheTwentyOne) {
  EXPECT_EQ(Printed(0.0), "0");
  EXPECT_EQ(Printed(-0.0), "-0");
  EXPECT_EQ(Printed(2.1), "2.1");
  EXPECT_EQ(Printed(123456.789), "123456.789");
  EXPECT_EQ(Printed(1e-6), "0.000001");
  EXPECT_EQ(Printed(1e-7), "1e-7");
  EXPECT_EQ(Printed(1.5e-7), "1.5e-7");
  EXPECT_EQ(Printed(1e15), "1000000000000000");
  EXPECT_EQ(Printed(1e20), "100000000000000000000");
  EXPECT_EQ(Printed(1e21), "1e21");
  EXPECT_EQ(Printed(1e100), "1e100");
  EXPECT_EQ(Printed(123456789012345680000.0), "123456789012345680000");
  EXPECT_EQ(Printed(5e-324), "5e-324");
  EXPECT_EQ(Printed(kInf), "inf");
  EXPECT_EQ(Printed(-kInf), "-inf");
  EXPECT_EQ(Printed(std::nan("")), "nan");
}

TEST(NumberText, FloatsPrintTheShortestDigitsThenZeros) {
  EXPECT_EQ(Printed(0.1f), "0.1");
  EXPECT_EQ(Printed(16777216.0f), "16777216");
  EXPECT_EQ(Printed(123456789.0f), "123456790");
  EXPECT_EQ(Printed(2147483648.0f), "2147483600");
  EXPECT_EQ(Printed(1e20f), "100000000000000000000");
  EXPECT_EQ(Printed(3.4e38f), "3.4e38");
  EXPECT_EQ(Printed(1.5e-45f), "1e-45");
  EXPECT_EQ(Printed(BFloat16(0.1f)), "0.100097656");
}

TEST(NumberText, IntegersKeepEveryDigit) {
  EXPECT_EQ(Printed(std::numeric_limits<uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(Printed(std::numeric_limits<int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(Printed(static_cast<int8_t>(-128)), "-128");
}

const char kTricky[] = "a\tb\nc\\d'e\0f\rg\bh\fi\"";

Header TrickyHeader() {
  return MakeHeader({{"a", "Array(Float64)"},
                     {"b", "Array(String)"},
                     {"c", "Array(Array(UInt8))"},
                     {"d", "Bool"},
                     {"e", "Array(Bool)"},
                     {"f", "Date"},
                     {"g", "Array(Date)"},
                     {"h", "DateTime"},
                     {"i", "String"},
                     {"j", "Float64"},
                     {"k", "Array(Float64)"},
                     {"l", "UInt64"},
                     {"m", "String"}});
}

std::vector<Value> TrickyRow() {
  return {ValueArray{0.0, 2.1},
          ValueArray{std::string("a'b"), std::string("c\td\n\\"), std::string("\"")},
          ValueArray{ValueArray{uint64_t{1}}, ValueArray{}},
          uint64_t{1},
          ValueArray{uint64_t{1}},
          uint64_t{19724},
          ValueArray{uint64_t{19724}},
          uint64_t{1704164645},
          std::string(kTricky, sizeof(kTricky) - 1),
          kInf,
          ValueArray{std::nan("")},
          std::numeric_limits<uint64_t>::max(),
          std::string("a,b")};
}

std::string WriteTricky(std::string_view format, size_t rows = 1) {
  const Header header = TrickyHeader();
  return WriteBlocks(format, header,
                     {MakeBlock(header, std::vector<std::vector<Value>>(rows, TrickyRow()))});
}

TEST(OutputFormat, TabSeparatedEscapesStringsAndQuotesThemInArrays) {
  EXPECT_EQ(WriteTricky("TabSeparated"),
            "[0,2.1]\t['a\\'b','c\\td\\n\\\\','\"']\t[[1],[]]\ttrue\t[true]\t2024-01-02\t"
            "['2024-01-02']\t2024-01-02 03:04:05\ta\\tb\\nc\\\\d\\'e\\0f\\rg\\bh\\fi\"\tinf\t[nan]"
            "\t18446744073709551615\ta,b\n");
}

TEST(OutputFormat, CsvQuotesStringsDatesAndArrays) {
  EXPECT_EQ(WriteTricky("CSV"),
            "\"[0,2.1]\",\"['a\\'b','c\\td\\n\\\\','\"\"']\",\"[[1],[]]\",true,"
            "\"[true]\",\"2024-01-02\",\"['2024-01-02']\",\"2024-01-02 03:04:05\","
            "\"a\tb\nc\\d'e\0f\rg\bh\fi\"\"\",inf,\"[nan]\",18446744073709551615,"
            "\"a,b\"\n"s);
}

TEST(OutputFormat, JsonEscapesSlashesAndWritesNullForWhatJsonLacks) {
  EXPECT_EQ(WriteTricky("JSONEachRow"),
            "{\"a\":[0,2.1],\"b\":[\"a'b\",\"c\\td\\n\\\\\",\"\\\"\"],\"c\":[[1],[]],\"d\":true,"
            "\"e\":[true],\"f\":\"2024-01-02\",\"g\":[\"2024-01-02\"],"
            "\"h\":\"2024-01-02 03:04:05\",\"i\":\"a\\tb\\nc\\\\d'e\\u0000f\\rg\\bh\\fi\\\"\","
            "\"j\":null,\"k\":[null],\"l\":18446744073709551615,\"m\":\"a,b\"}\n");
  const Header header = MakeHeader({{"h", "String"}});
  EXPECT_EQ(WriteBlocks("JSONEachRow", header,
                        {MakeBlock(header, {{std::string("/\x01\x7f é \xff \xe2\x80\xa8")}})}),
            "{\"h\":\"\\/\\u0001\x7f é \xef\xbf\xbd \\u2028\"}\n");
}

TEST(OutputFormat, JsonQuotes64BitIntegersOnRequest) {
  const Header header = MakeHeader({{"a", "UInt64"}, {"b", "Int32"}, {"c", "Array(Int64)"}});
  QuerySettings settings;
  settings.output_format_json_quote_64bit_integers = true;
  EXPECT_EQ(WriteBlocks("JSONEachRow", header,
                        {MakeBlock(header, {{uint64_t{1}, int64_t{-2}, ValueArray{int64_t{-3}}}})},
                        settings),
            "{\"a\":\"1\",\"b\":-2,\"c\":[\"-3\"]}\n");
}

TEST(OutputFormat, ValuesIsOneLineWithoutEnd) {
  const std::string row =
      "([0,2.1],['a\\'b','c\\td\\n\\\\','\"'],[[1],[]],true,[true],'2024-01-02',['2024-01-02'],"
      "'2024-01-02 03:04:05','a\\tb\\nc\\\\d\\'e\\0f\\rg\\bh\\fi\"',inf,[nan],"
      "18446744073709551615,'a,b')";
  EXPECT_EQ(WriteTricky("Values", 2), row + "," + row);
}

TEST(OutputFormat, NamesComeFirstAndEscaped) {
  const Header header = MakeHeader({{"a\tb", "UInt8"}, {"c\"d", "UInt8"}});
  const Block block = MakeBlock(header, {{uint64_t{1}, uint64_t{2}}});
  EXPECT_EQ(WriteBlocks("TSVWithNames", header, {block}), "a\\tb\tc\"d\n1\t2\n");
  EXPECT_EQ(WriteBlocks("CSVWithNames", header, {block}), "\"a\tb\",\"c\"\"d\"\n1,2\n");
  EXPECT_EQ(WriteBlocks("TabSeparatedWithNames", header, {}), "a\\tb\tc\"d\n");
}

Header NumberHeader() { return MakeHeader({{"number", "UInt64"}}); }

std::vector<Block> Numbers(uint64_t count) {
  std::vector<Block> blocks;  // of one row each: a table spans blocks
  for (uint64_t i = 0; i < count; ++i) blocks.push_back(MakeBlock(NumberHeader(), {{i}}));
  return blocks;
}

TEST(OutputFormat, VerticalAlignsValuesAndUnderlinesAsClickHouse) {
  const Header header = MakeHeader({{"aaa", "UInt8"}, {"bbbbbbbb", "UInt64"}, {"日本", "String"}});
  const Block block = MakeBlock(header, {{uint64_t{1}, uint64_t{5000000}, std::string("x\ny")},
                                         {uint64_t{2}, uint64_t{3}, std::string()}});
  EXPECT_EQ(WriteBlocks("Vertical", header, {block}),
            "Row 1:\n──────\naaa:      1\nbbbbbbbb: 5000000 -- 5.00 million\n日本:     x\ny\n"
            "\nRow 2:\n──────\naaa:      2\nbbbbbbbb: 3\n日本:     \n");
  const std::string ten = WriteBlocks("Vertical", NumberHeader(), Numbers(10));
  EXPECT_THAT(ten, ::testing::HasSubstr("Row 8:\n──────\n"));
  EXPECT_THAT(ten, ::testing::HasSubstr("Row 9:\n───────\n"));
  QuerySettings settings;
  settings.output_format_pretty_max_rows = 1;
  EXPECT_EQ(WriteBlocks("Vertical", NumberHeader(), Numbers(3), settings),
            "Row 1:\n──────\nnumber: 0\n\nShowed first 1.\n");
}

TEST(OutputFormat, PrettyCompactDrawsOneTableOverAllBlocks) {
  const Header header = MakeHeader({{"a", "UInt64"}, {"bcd", "String"}, {"e", "Array(Float64)"}});
  const Block block = MakeBlock(header, {{uint64_t{7}, std::string("é0"), ValueArray{0.0, 2.1}}});
  const Block wide = MakeBlock(header, {{uint64_t{11}, std::string("日本語x"), ValueArray{}}});
  EXPECT_EQ(WriteBlocks("PrettyCompact", header, {block, wide}),
            "   ┌──a─┬─bcd─────┬─e───────┐\n"
            "1. │  7 │ é0      │ [0,2.1] │\n"
            "2. │ 11 │ 日本語x │ []      │\n"
            "   └────┴─────────┴─────────┘\n");
  EXPECT_EQ(WriteBlocks("PrettyCompact", header, {}), "");
}

TEST(OutputFormat, PrettyCompactAlignsNumbersAndDatesRight) {
  const Header header = MakeHeader({{"aa", "Bool"}, {"bbbb", "Float32"}, {"c", "Date"}});
  EXPECT_EQ(WriteBlocks("PrettyCompact", header,
                        {MakeBlock(header, {{uint64_t{0}, 0.5, uint64_t{19724}}})}),
            "   ┌─aa────┬─bbbb─┬──────────c─┐\n"
            "1. │ false │  0.5 │ 2024-01-02 │\n"
            "   └───────┴──────┴────────────┘\n");
}

TEST(OutputFormat, PrettyCompactShowsHeadAndTailOfLongResults) {
  QuerySettings settings;
  settings.output_format_pretty_max_rows = 5;
  EXPECT_EQ(WriteBlocks("PrettyCompact", NumberHeader(), Numbers(20), settings),
            "    ┌─number─┐\n"
            " 1. │      0 │\n"
            " 2. │      1 │\n"
            " 3. │      2 │\n"
            "    ─ ─ ─ ─ ─ \n"
            "19. │     18 │\n"
            "20. │     19 │\n"
            "    └────────┘\n"
            "Showed 5 out of 20 rows.\n");
  settings.output_format_pretty_max_rows = 1;
  EXPECT_EQ(WriteBlocks("PrettyCompact", MakeHeader({{"x", "UInt64"}}), Numbers(3), settings),
            "   ┌─x─┐\n1. │ 0 │\n   └───┘\nShowed 1 out of 3 rows.\n");
  settings.output_format_pretty_max_rows = 0;
  EXPECT_EQ(WriteBlocks("PrettyCompact", NumberHeader(), Numbers(1), settings),
            "Showed 0 out of 1 rows.\n");
}

TEST(OutputFormat, PrettyCompactRepeatsNamesBelowFiftyRows) {
  EXPECT_THAT(WriteBlocks("PrettyCompact", NumberHeader(), Numbers(49)),
              ::testing::EndsWith("└────────┘\n"));
  EXPECT_THAT(WriteBlocks("PrettyCompact", NumberHeader(), Numbers(51)),
              ::testing::EndsWith("└─number─┘\n"));
}

TEST(OutputFormat, PrettyCompactMarksLinesOfOneValue) {
  const Header header = MakeHeader({{"x", "String"}, {"z", "String"}, {"w", "UInt8"}});
  EXPECT_EQ(
      WriteBlocks("PrettyCompact", header,
                  {MakeBlock(header, {{std::string("a\tb\nc"), std::string("y\n"), uint64_t{5}}})}),
      "   ┌─x────┬─z─┬─w─┐\n"
      "1. │ a\tb↴│ y↴│ 5 │\n"
      "   │↳c    │   │   │\n"
      "   └──────┴───┴───┘\n");
}

TEST(OutputFormat, PrettyCompactCutsTheMiddleOfLongExpressions) {
  const Header header = MakeHeader({{"abcdefghij klmnopqrstuvwxyzabcdefghijklmn", "UInt8"},
                                    {"abcdefghij_klmnopqrstuvwxyzabcdefghijklmn", "UInt8"}});
  EXPECT_THAT(
      WriteBlocks("PrettyCompact", header, {MakeBlock(header, {{uint64_t{1}, uint64_t{1}}})}),
      ::testing::StartsWith(
          "   ┌─abcdefghij k⋯defghijklmn─┬─abcdefghij_klmnopqrstuvwxyzabcdefghijklmn─┐\n"));
}

TEST(OutputFormat, PrettyCompactExplainsLargeNumbersOfTheLastColumn) {
  const auto note = [](const char* type, Value value) {
    const Header header = MakeHeader({{"a", type}});
    const std::string text =
        WriteBlocks("PrettyCompact", header, {MakeBlock(header, {{std::move(value)}})});
    const size_t begin = text.find(" --");
    return begin == text.npos ? "" : text.substr(begin, text.find('\n', begin) - begin);
  };
  EXPECT_EQ(note("UInt64", uint64_t{1000000}), "");
  EXPECT_EQ(note("UInt64", uint64_t{12345678}), " -- 12.35 million");
  EXPECT_EQ(note("Float64", -7654321.5), " -- -7.65 million");
  EXPECT_EQ(note("UInt64", uint64_t{12345678901234}), " -- 12.35 trillion");
  EXPECT_EQ(note("UInt64", uint64_t{1234567890123456789}), "");
  EXPECT_EQ(note("Float64", 1e30), " -- 1.00 nonillion");
  EXPECT_EQ(note("Float64", kInf), "");
  EXPECT_EQ(note("String", std::string("7654321")), "");
}

TEST(OutputFormat, ConstantColumnsAreWrittenOut) {
  const Header header = MakeHeader({{"a", "UInt8"}});
  const Block block({{"a", MakeConstant(TypeId::kUInt8, uint64_t{3}, 2)}});
  EXPECT_EQ(WriteBlocks("TSV", header, {block}), "3\n3\n");
}

TEST(FormatRegistry, NamesAreNotCaseSensitiveAndUnknownOnesAreRefused) {
  EXPECT_EQ(CanonicalFormat("tsv"), "TabSeparated");
  EXPECT_EQ(CanonicalFormat("jsoneachrow"), "JSONEachRow");
  EXPECT_EQ(FormatOfFile("a/b.c/x.FVECS"), "Fvecs");
  EXPECT_EQ(FormatOfFile("x.txt"), std::nullopt);
  EXPECT_EQ(FormatOfFile("x"), std::nullopt);
  for (const auto* name : {"Nope", "", "Npy", "Fvecs"}) {
    ByteWriter sink;
    try {
      OutputFormat::Create(name, {}, sink);
      FAIL() << name;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnknownFormat);
    }
  }
  EXPECT_THROW(InputFormat::Create("Null", {}, InputBytes("")), Error);
  EXPECT_EQ(ListFormats().size(), 13u);
}

}  // namespace
}  // namespace granary
